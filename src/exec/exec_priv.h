/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of exec/ share: the state of the service, and of each worker in it.
 *
 * A worker's state is written by its thread alone, inside the gate; others read it in exclusive
 * mode. What all workers share is either atomic, or changed in exclusive mode only.
 */
#pragma once

#include "exec/acl.h"
#include "exec/commands.h"
#include "exec/durability.h"
#include "exec/exec.h"
#include "exec/keys.h"
#include "exec/nested.h"
#include "exec/observe.h"
#include "exec/outbox.h"
#include "exec/pubsub.h"
#include "exec/refusal.h"
#include "exec/settings.h"
#include "exec/tracking.h"
#include "keyspace/epoch.h"
#include "keyspace/policy.h"
#include <pthread.h>
#include <stdatomic.h>

/* ---- errors by their code ---- */

#define ERROR_CODES_MAX     128
#define ERROR_CODE_NAME_MAX (size_t)32

struct error_code {
    char name[ERROR_CODE_NAME_MAX];
    uint64_t count;
};

/* How many errors of which code. What does not fit in is counted under ERRORSTATS_OVERFLOW. */
struct error_codes {
    struct error_code codes[ERROR_CODES_MAX + 1];
    unsigned count;
    uint64_t total;
};

void error_codes_add(struct error_codes *codes, struct bytes name, uint64_t count);

/* The code of an error reply, from its '-' on. */
struct bytes error_code_of(struct bytes reply);

/* ---- rates: INFO's instantaneous figures ---- */

#define RATE_SAMPLES 16

struct rate {
    uint64_t last;
    int64_t last_us;
    uint64_t per_second[RATE_SAMPLES];
    unsigned next;
};

/* Call about ten times a second with a count that only grows. */
void rate_sample(struct rate *rate, int64_t now_us, uint64_t count);
uint64_t rate_mean(const struct rate *rate);

/* ---- workers ---- */

struct command_counters {
    uint64_t calls, ticks, rejected, failed;
    struct histogram *histogram; /* made at the first call while latency-tracking is on */
};

/* One request of a batch, as the first stage leaves it. */
struct staged {
    const struct registered *found;     /* NULL = no such command */
    const struct registered *container; /* when it is the subcommand that does not exist */
    unsigned first_key, key_count;      /* in the worker's `keys` */
    bool sound;                         /* it exists, and has as many arguments as it takes */
    bool no_memory;                     /* for the keys */
    uint64_t element;                   /* the hash of the element that it names; 0 = none */
};

/* How far a batch's keys and their elements have been asked for (stage.c). */
struct asked {
    size_t keys;                        /* of the worker's `keys` */
    unsigned element_buckets, elements; /* by requests */
};

/* Commands that have run, and are not counted yet, since the ticks were read (dispatch.c). */
struct timing {
    const struct registered *found; /* what they all are */
    unsigned count;
    uint64_t since; /* ticks */
};

/* What a command has taken. */
struct command_cost {
    uint64_t ticks;
    size_t request_bytes, reply_bytes;
};

/* What INFO stats tells and CONFIG RESETSTAT forgets. */
struct worker_totals {
    uint64_t commands;
    uint64_t connections;
    uint64_t refused;            /* connections, by maxclients or protected mode */
    uint64_t input_disconnects;  /* client-query-buffer-limit */
    uint64_t output_disconnects; /* client-output-buffer-limit */
    uint64_t evicted;            /* maxmemory-clients */
    uint64_t turns, turn_ticks;  /* of the event loop */
    uint64_t command_ticks;
    uint64_t worst_ticks; /* the slowest command, or commands timed together */
};

struct exec_worker {
    struct exec *exec;
    unsigned index;
    struct keyspace_counters *keyspace_counters;

    /* The wall clock, read again when the ticks say that it is out of date. */
    int64_t now_ms;
    uint64_t now_ms_ticks;
    uint64_t turn_start; /* ticks */

    struct staged staged[REQUEST_BATCH_MAX];
    struct key_list keys;   /* of all requests of the batch */
    int64_t unsampled_keys; /* until the next one that hotkeys.c looks at */
    struct hotkeys *hotkeys;
    bool has_elements; /* a request of the batch is CMD_ELEMENT */
    struct asked asked;
    struct timing timing;

    struct session *running; /* whose command runs, and writes its reply */
    struct buffer to_self;   /* messages for it, which follow the reply */
    bool has_more_for_self;  /* there are some, or some are to be written */
    struct outbox *outboxes; /* one for each worker */
    bool has_parcels;        /* some outbox is not empty */
    struct list_node monitors;
    atomic_uint monitor_count;
    struct list_node sessions; /* by id */
    struct index sessions_by_id;
    unsigned session_count;   /* those that are not being killed */
    struct list_node streams; /* of sessions whose reply is made in pieces */
    unsigned stream_count;
    struct list_node paused;
    struct net_timer pause_timer;
    struct list_node awaiting; /* sessions that wait until more is durable, by `paused` */
    struct net_timer await_timer;
    _Atomic bool has_awaiting; /* exec_durable() has to tell */
    uint64_t unit;             /* of the command that runs: its number, once it has run; 0 = none */
    bool has_marked;           /* keys changed that somebody waits for (blocking_serve.c) */
    bool reaping;              /* worker_post(reap) is on its way */
    struct transaction *spare_transaction;
    bool full; /* no room for commands that need some: asked before EXEC and scripts */

    struct worker_totals totals;
    uint64_t denied[ACL_REASONS]; /* CONFIG RESETSTAT does not forget these */
    struct error_codes errors;
    struct rate commands_rate, turns_rate, turn_ticks_rate;
    int64_t last_sample_us, last_second_us; /* when the chores ran; clock_mono_us */
    _Atomic uint64_t client_bytes;          /* client_room.c */
    struct command_counters counters[COMMANDS_MAX];
} __attribute__((aligned(64)));

struct exec {
    struct keyspace *keyspace;
    struct gate *gate;
    struct net *net;
    unsigned worker_count;
    double ns_per_tick;
    uint64_t ns_per_tick_q20; /* the same in 2^-20, for the hot path; good for days */
    uint64_t stale_ticks;     /* how old worker.now_ms may be */

    _Atomic uint64_t next_session;
    _Atomic unsigned connections; /* of all workers, for maxclients */

    const struct durability_service *_Atomic durability; /* NULL: nothing is kept */
    enum durability default_durability;
    _Atomic bool loading;
    _Atomic bool abandoned; /* exec_abandon */
    _Atomic bool scripts_debug;

    _Atomic int64_t pause_until_ms; /* in the past = nothing is paused */
    bool pause_writes_only;

    atomic_uint monitors; /* of all workers */
    struct pubsub *pubsub;
    struct tracking_registry *tracking;
    struct commands commands;
    struct acl *acl;
    struct observations *observations;
    struct info_frame *info;
    struct blocking *blocking;
    struct watching *watching;
    struct background *background;
    struct key_guards *key_guards;
    _Atomic uint64_t guarded_keys;
    struct rate input_rate, output_rate; /* sampled by worker 0 */
    struct exec_worker workers[];
};

static inline struct exec_worker *session_worker(const struct session *session) {
    return &session->exec->workers[session->worker];
}

/* ---- stage.c ---- */

/* Looks up the requests of a batch and their keys, into w->staged and w->keys. */
void stage_batch(struct exec_worker *w, const struct request_batch *batch, const struct view *view);

/* Hints for what comes after the request at `next`. */
void stage_look_ahead(struct exec_worker *w, const struct view *view,
                      const struct request_batch *batch, unsigned next);

/* The batch has run. */
void stage_end(struct exec_worker *w);

/* ---- dispatch.c, check.c, room.c ---- */

unsigned dispatch_batch(void *context, void *session, const struct request_batch *batch,
                        struct reply *reply);

/* The time of this command. */
void worker_read_clock(struct exec_worker *worker, uint64_t ticks);

/* Counts the errors that the reply has got since the last look. Were there any? */
bool worker_count_errors(struct exec_worker *w, struct reply *reply);

/* Counts a command that ran. */
void worker_count_command(struct exec_worker *w, struct call *call, const struct registered *found,
                          const struct command_cost *cost);

enum verdict { VERDICT_RUN, VERDICT_QUEUE, VERDICT_REJECTED, VERDICT_WAIT };

/* May this request run, or be queued? If not, its error has been written, or the session waits for
 * the end of a pause. */
enum verdict check_request(struct session *session, const struct staged *staged,
                           const struct request *request, struct reply *reply, int64_t now_ms);

/* The same for a command within another; false: its error has been written. `container` is set when
 * the command is a subcommand, or should have been. */
bool check_nested(const struct nested *nested, const struct nested_command *command,
                  const struct registered *container, struct reply *reply);

/* Does the session's user allow it? If not, the error behind the prefix has been written. */
bool check_access(struct session *session, const struct acl_line *line, enum acl_context context,
                  const char *prefix, struct reply *reply);

/* Under maxmemory: is there room for a command that may need memory? */
bool room_for_command(struct session *session, int64_t now_ms);

/* What is over it goes, even if nobody writes: it was lowered, say. True: there is more to go. */
bool room_tick(struct exec_worker *w, int64_t now_ms);

/* ---- durability.c ---- */

struct waiter;

/* After a command: its reply waits for what it depends on. */
void durability_after(struct exec_worker *w, const struct call *call,
                      const struct registered *found);

/* The late reply of one who has waited for keys, in the same way. */
void durability_send(struct waiter *waiter);

void await_timer_fire(struct net_timer *timer);

/* Have commands that write to wait, because too much is not durable? */
static inline bool durability_holds_back(const struct exec *exec, uint64_t flags) {
    return UNLIKELY(exec->durability != NULL) && flags & (CMD_WRITE | CMD_EXEC | CMD_SCRIPT) &&
           exec->durability->is_behind(exec->durability->context);
}

/* Is there nothing about the session, the server and the command that check_request would have to
 * look at more closely? So it is with nearly all requests. */
static inline bool passes_at_once(const struct session *session, const struct staged *staged,
                                  int64_t now_ms) {
    const uint32_t may_all = SESSION_AUTHENTICATED | SESSION_UNRESTRICTED;
    const struct exec *exec = session->exec;
    if (UNLIKELY(!staged->sound || (session->flags & may_all) != may_all)) return false;
    if (UNLIKELY(session->transaction || session->monitor || session->subscriber)) return false;
    if (UNLIKELY(exec->loading || exec->guarded_keys || exec->pause_until_ms > now_ms))
        return false;
    if (UNLIKELY(keyspace_epoch_under_way || gate_is_busy(exec->gate))) return false;
    if (UNLIKELY(atomic_load_explicit(&exec_write_refusal, memory_order_relaxed))) return false;
    uint64_t flags = staged->found->flags;
    if (flags & (CMD_EXEC | CMD_SCRIPT)) return false;
    if (flags & CMD_DENYOOM && UNLIKELY(policy.maxmemory)) return false;
    return !durability_holds_back(exec, flags);
}

/* At the end of a turn: what has been changed in it is on its way; or true: after another one, even
 * if nothing happens in it. */
static inline bool durability_wake(const struct exec *exec) {
    const struct durability_service *service = exec->durability;
    return service && service->wake(service->context);
}

/* ---- session.c, pause.c, limits.c ---- */

void *session_open(void *context, struct connection *connection, struct reply *reply);
void session_close(void *context, void *session);
void session_invalid(void *context, void *session, const char *error);

/* A session of this worker that is not being killed; NULL: there is none. Its own thread or
 * exclusive mode. */
struct session *worker_find_session(const struct exec_worker *w, uint64_t id);

/* Closes what session_kill has marked. `worker` is a struct exec_worker. */
void sessions_reap(void *worker);

/* All sessions get, soon, the RESP limits that fit their state of authentication. */
void sessions_update_limits(struct exec *exec);

/* SESSION_UNRESTRICTED, after its user has changed or it has another one. */
void session_update_rights(struct session *session);

bool pause_applies(const struct exec *exec, uint64_t command_flags, int64_t now_ms);
void pause_session(struct session *session, int64_t now_ms);

/* All who wait so look again whether they still have to. */
void pause_look_again(struct exec *exec);

/* Sessions that wait because of it. Exclusive mode. */
unsigned pause_count(const struct exec *exec);

/* ---- background.c, key_guard.c ---- */

struct background *background_create(void);
void background_free(struct background *background);

struct key_guards *key_guards_create(void);
void key_guards_free(struct key_guards *guards);

/* Is one of these guarded? Not worth asking while exec->guarded_keys is 0. */
bool key_guards_have(struct exec *exec, uint32_t db, const struct key *keys, unsigned count);
void pause_timer_fire(struct net_timer *timer);

void limits_input_overflow(void *context, void *session, size_t input_bytes);
void limits_backlog(void *context, void *session, size_t pending);

/* The chores of a worker: expiry, rates, idle clients. */
bool chores_tick(void *context, unsigned worker);

/* ---- client_room.c ---- */

/* maxmemory-clients: evicts a session that alone owes more than all may take. */
bool client_room_exceeded(struct session *session, size_t pending);

/* Evicts the largest when all together take too much. Inside the gate. */
void client_room_look(struct exec_worker *w);

/* ---- blocking.c, blocking_serve.c ---- */

struct blocking *blocking_create(struct exec *exec);
void blocking_free(struct blocking *blocking);

/* The session is closing. */
void blocking_forget(struct session *session);

/* Delivers what could not be posted. */
void blocking_tick(struct exec_worker *w);

/* What a command has cost until it began to wait for a key: it is counted when it has ended. False:
 * it does not wait for one. */
bool waiter_account(struct session *session, const struct command_cost *cost);

/* The subscriber of change records; `context` is the exec. */
void blocking_changed(void *context, const struct change *change);

/* After a command that changed keys that somebody waits for (w->has_marked), and before its
 * partitions are unlocked: `hold` tells which these are, NULL if none or all. */
void blocking_serve(struct exec_worker *w, const struct gate_hold *hold);

/* ---- transaction.c, watch.c ---- */

void transaction_free(struct transaction *transaction);

/* The flags of a command of a session with a transaction: EXEC has those of the queued ones, too.
 */
uint64_t transaction_flags(const struct session *session, uint64_t flags);

/* The database in which the next command of the session's transaction will run. */
uint32_t transaction_db(const struct session *session);

/* Queues a command that has been checked, and says so. */
void transaction_queue(struct session *session, const struct registered *found,
                       const struct request *request, struct reply *reply);

/* A command was rejected, with the last error in the reply: the transaction, if there is one, will
 * fail. An EXEC fails at once. */
void transaction_rejected(struct session *session, uint64_t flags, struct reply *reply);

/* Before EXEC: the keys that it has to lock. NULL: it needs exclusive mode. */
const struct key_list *transaction_prepare(struct session *session);

struct watching *watching_create(struct exec *exec);
void watching_free(struct watching *watching);

/* ---- acl.c, acl_settings.c ---- */

struct acl *acl_create(void);
void acl_free(struct acl *acl);

/* Whom the directives act upon; NULL at the end. */
void acl_settings_attach(struct exec *exec);

/* ---- pubsub.c, pubsub_send.c ---- */

struct pubsub *pubsub_create(unsigned workers);
void pubsub_free(struct pubsub *pubsub);

/* ---- tracking.c, tracking_send.c, tracking_broadcast.c ---- */

struct tracking_registry *tracking_create(struct exec *exec);
void tracking_free(struct tracking_registry *registry);

/* A session that tracks has run a command with these flags, whose keys still are locked. */
void tracking_read(const struct call *call, uint64_t flags);

/* Hints for the keys of a batch. */
void tracking_prefetch(const struct exec_worker *w);

/* After a request of a session that tracks, whatever came of it. `found` may be NULL. */
void tracking_request_done(struct exec_worker *w, struct session *session,
                           const struct registered *found);

/* Every now and then: drops keys when there are too many. The worker holds no partition. */
void tracking_trim(struct exec_worker *w);

/* Writes to the running session, or whom it redirects to, what its own command has made invalid. */
void tracking_send_to_self(struct exec_worker *w);

/* Changes are a blocked session's from now on, whose command runs again; NULL: no more. */
void tracking_serve(struct exec_worker *w, const struct session *session);

/* At the end of a turn: tells those who broadcast. */
void tracking_broadcast(struct exec_worker *w);

/* ---- monitor.c ---- */

/* Shows a command to all monitors. */
void monitor_show(const struct call *call);

/* ---- hotkeys.c ---- */

struct hotkeys *hotkeys_create(void);
void hotkeys_free(struct hotkeys *hotkeys);

/* Looks at those of the worker's keys that it has gone past: w->unsampled_keys is negative. */
void hotkeys_sample(struct exec_worker *w, uint32_t db);

/* Every second or so. */
void hotkeys_tick(struct exec_worker *w);

/* ---- running a handler ---- */

/* Runs it, for those who look on. A script is shown before the commands that it calls. */
static inline void command_run(struct call *call, const struct registered *found) {
    bool shown = atomic_load_explicit(&call->exec->monitors, memory_order_relaxed) != 0;
    if (UNLIKELY(shown)) shown = !(call->session->flags & SESSION_RUNS_AGAIN);
    if (UNLIKELY(shown) && found->flags & CMD_SKIP_MONITOR) monitor_show(call);
    found->run(call);
    if (UNLIKELY(call->session->tracking)) tracking_read(call, found->flags);
    if (UNLIKELY(shown) && !(found->flags & (CMD_SKIP_MONITOR | CMD_ADMIN))) monitor_show(call);
}

/* ---- observe.c ---- */

struct observations *observations_create(void);
void observations_free(struct observations *observations);

/* Drops what is too much after the log's length was changed. */
void commandlog_trim(struct exec *exec, enum commandlog which);

/* A command that may belong into one of the logs. */
void observe_command(struct call *call, uint64_t microseconds, size_t request_bytes,
                     size_t reply_bytes);

/* ---- info.c, info_sections.c ---- */

struct info_frame *info_frame_create(void);
void info_frame_free(struct info_frame *frame);
void info_register_own_sections(struct exec *exec);
