/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. The file under its name always is a whole snapshot: a new one takes the old one's place when
 *      it is on the disk: server/persist_file.c (test_cancelling,
 * test_writes_stop_when_saving_fails).
 *   2. Who takes a snapshot has reserved it (journal/snapshot.h), and has made `busy` true.
 *   3. Nobody waits for `busy` inside the gate, since who is busy waits for the gate.
 *
 * Both: tests/stress/test_snapshots.py has BGSAVE, its end, SAVE and SHUTDOWN at once, and would
 * not come to its end. The other tests are in tests/wire/test_snapshot.py.
 */
#include "server/persist.h"
#include "base/ensure.h"
#include "base/log.h"
#include "cmd/shared_persistence.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "exec/durability.h"
#include "exec/refusal.h"
#include "journal/snapshot.h"
#include "keyspace/load.h"
#include "server/keep.h"
#include "server/library.h"
#include "server/load.h"
#include "server/persist_file.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOOK_MS  1000 /* how often it is looked whether a snapshot is due */
#define RETRY_MS 5000 /* how long after one that failed */
#define BUSY_MS  5    /* while somebody else takes one */

struct persist {
    struct persist_options options;
    struct persistence commands;
    struct gate *gate;
    struct keyspace *keyspace;
    unsigned workers;
    struct thread thread;
    bool has_thread;

    pthread_mutex_t mutex; /* guards all that follows, but for the progress */
    pthread_cond_t changed;
    bool stopping, busy;
    bool wanted[PERSISTENCE_KINDS];
    enum persistence_kind kind;              /* of the last one */
    enum persistence_kind next;              /* of those that are wanted */
    int64_t began_ms, tried_ms;              /* the last one; clock_wall_ms */
    uint64_t changes_at, changes_at_instant; /* of the keyspace's count */
    struct persistence_status status;
    struct snapshot_progress progress;
};

static struct {
    char *dbfilename;
    int64_t version;
    bool checksum, stop_writes;
} settings;

#define MISCONF                                                                                    \
    "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to " \
    "disk. Commands that may modify the data set are disabled, because this instance is "          \
    "configured to report errors during writes if RDB snapshotting fails "                         \
    "(stop-writes-on-bgsave-error option). Please check the Valkey logs for details about the "    \
    "RDB error."

/* ---- counting changes ---- */

static uint64_t changes_so_far(const struct persist *p) {
    return keyspace_changes(p->keyspace);
}

static bool any_fits(void *context, const struct config_save_point *point) {
    (void)context, (void)point;
    return true;
}

static bool has_save_points(void) {
    struct config_save_point point;
    return config_find_save_point(any_fits, NULL, &point);
}

/* ---- one snapshot ---- */

static uint64_t note_instant(void *context) {
    struct persist *p = context;
    p->changes_at_instant = changes_so_far(p);
    return keep_sequence();
}

static struct snapshot_result write_snapshot(struct persist *p, unsigned participant) {
    struct persist_file file;
    struct snapshot_options options = {
        .keyspace = p->keyspace,
        .gate = p->gate,
        .participant = participant,
        .output = {persist_file_write, &file},
        .flow = persist_file_flow,
        .instant = note_instant,
        .instant_context = p,
        .each_function = library_write_all,
        .progress = &p->progress,
    };
    struct snapshot_result result = {0};
    gate_enter(p->gate, participant); /* so that no directive changes */
    options.format = (struct rdb_format){(unsigned)settings.version, settings.checksum};
    result.status = persist_file_create(&file, settings.dbfilename);
    gate_leave(p->gate, participant);
    if (!result.status) result = snapshot_take(&options);
    result.status = persist_file_end(&file, result.status, result.sequence);
    return result;
}

static void log_result(const struct snapshot_result *result, int64_t took_ms) {
    if (result->status == -ECANCELED)
        log_notice("Snapshot given up");
    else if (result->status == -EPROTO)
        log_warning(
            "The snapshot failed: the value of %s has no form in this version of the format "
            "(rdb-version)",
            result->what);
    else if (result->status)
        log_warning("The snapshot failed: %s", strerror(-result->status));
    else
        log_notice("Snapshot: %llu keys, %.1f MB, %.3f s; everybody stood still for %lld us",
                   (unsigned long long)result->keys, (double)result->bytes / 1e6,
                   (double)took_ms / 1000, (long long)result->instant_usec);
}

/* With the mutex. */
static void end(struct persist *p) {
    snapshot_release();
    p->busy = false;
    pthread_cond_broadcast(&p->changed);
}

/* With the mutex. */
static void note_run(struct persist *p, int64_t now_ms, bool good, bool counts) {
    struct persistence_runs *runs = &p->status.runs[p->kind];
    runs->last_seconds = (now_ms - p->began_ms) / 1000;
    runs->count++;
    if (!counts) return;
    runs->last_good = good;
    runs->failures = good ? 0 : runs->failures + 1;
}

/* Outside the gate. busy is set; it is not any more afterwards. */
static bool take(struct persist *p, unsigned participant) {
    struct snapshot_result result = write_snapshot(p, participant);
    if (!result.status) keep_saved(result.sequence, participant);
    int64_t now_ms = clock_wall_ms();
    pthread_mutex_lock(&p->mutex);
    log_result(&result, now_ms - p->began_ms);
    bool good = !result.status, gave_up = result.status == -ECANCELED;
    /* Who waits for it learns from the reply that it failed. */
    bool counts = good || (!gave_up && participant == p->options.participant);
    p->tried_ms = now_ms;
    note_run(p, now_ms, good, counts);
    p->status.buffered_last = p->progress.buffered_peak;
    if (good) {
        p->status.last_save_s = now_ms / 1000;
        p->changes_at = p->changes_at_instant;
    }
    bool decides = good || (counts && p->kind == PERSISTENCE_SAVE);
    end(p);
    pthread_mutex_unlock(&p->mutex);
    bool refuse = !good && settings.stop_writes && has_save_points();
    if (decides) exec_refuse_writes(REFUSAL_SNAPSHOT, refuse ? MISCONF : NULL);
    return good;
}

/* With the mutex. False: another one is under way. */
static bool begin(struct persist *p, enum persistence_kind kind) {
    if (p->busy || !snapshot_reserve()) return false;
    p->busy = true;
    p->kind = kind;
    p->wanted[kind] = false;
    p->began_ms = clock_wall_ms();
    p->progress = (struct snapshot_progress){0};
    return true;
}

/* ---- in the background ---- */

/* With the mutex. */
static void sleep_ms(struct persist *p, int64_t ms) {
    thread_wait_until(&p->changed, &p->mutex, clock_mono_us() + ms * 1000);
}

/* Since the last snapshot. */
struct since {
    uint64_t changes;
    int64_t seconds;
};

static bool has_come(void *context, const struct config_save_point *point) {
    const struct since *since = context;
    return since->changes >= (uint64_t)point->changes && since->seconds > point->seconds;
}

/* With the mutex: does a save point say that a snapshot is due? */
static bool says_save_point(const struct persist *p, int64_t now_ms) {
    struct since since = {.changes = changes_so_far(p) - p->changes_at,
                          .seconds = now_ms / 1000 - p->status.last_save_s};
    struct config_save_point point;
    if (!since.changes || !config_find_save_point(has_come, &since, &point)) return false;
    log_notice("%llu changes in %lld seconds: taking a snapshot", (unsigned long long)since.changes,
               (long long)point.seconds);
    return true;
}

/* With the mutex: is a snapshot due, for a journal that begins, or since a save point says so? */
static bool is_due(const struct persist *p, int64_t now_ms, enum persistence_kind *kind) {
    *kind = keep_awaits_snapshot() ? PERSISTENCE_REWRITE : PERSISTENCE_SAVE;
    if (!p->status.runs[*kind].last_good && now_ms - p->tried_ms < RETRY_MS) return false;
    return *kind == PERSISTENCE_REWRITE || says_save_point(p, now_ms);
}

/* With the mutex. */
static bool is_wanted(const struct persist *p, enum persistence_kind *kind) {
    *kind = p->next;
    if (!p->wanted[*kind])
        *kind = *kind == PERSISTENCE_SAVE ? PERSISTENCE_REWRITE : PERSISTENCE_SAVE;
    return p->wanted[*kind];
}

static void live(void *context) {
    struct persist *p = context;
    enum persistence_kind kind;
    pthread_mutex_lock(&p->mutex);
    while (!p->stopping) {
        if (p->busy || !is_wanted(p, &kind)) sleep_ms(p, LOOK_MS);
        if (p->stopping || p->busy) continue;
        if (!is_wanted(p, &kind) && !is_due(p, clock_wall_ms(), &kind)) continue;
        if (!begin(p, kind)) {
            sleep_ms(p, BUSY_MS);
            continue;
        }
        pthread_mutex_unlock(&p->mutex);
        gate_attach(p->gate, p->options.participant);
        take(p, p->options.participant);
        gate_detach(p->gate, p->options.participant);
        pthread_mutex_lock(&p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
}

static void look_now(void *context) {
    struct persist *p = context;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

/* ---- for the commands ---- */

/* With the mutex: is one of the kind under way, or the next to be? */
static bool runs(const struct persist *p, enum persistence_kind kind) {
    enum persistence_kind first;
    if (p->busy) return p->kind == kind;
    return is_wanted(p, &first) && first == kind;
}

/* With the mutex. */
static enum persistence_begun order(struct persist *p, enum persistence_kind kind, bool schedule) {
    if (runs(p, kind)) return PERSISTENCE_UNDER_WAY;
    bool other = runs(p, PERSISTENCE_SAVE) || runs(p, PERSISTENCE_REWRITE);
    if (other && !schedule) return PERSISTENCE_OTHER;
    p->wanted[kind] = true;
    if (!other) p->next = kind;
    pthread_cond_broadcast(&p->changed);
    return other ? PERSISTENCE_SCHEDULED : PERSISTENCE_STARTED;
}

static enum persistence_begun begin_command(void *context, enum persistence_kind kind,
                                            bool schedule) {
    struct persist *p = context;
    pthread_mutex_lock(&p->mutex);
    enum persistence_begun begun = order(p, kind, schedule);
    pthread_mutex_unlock(&p->mutex);
    return begun;
}

/* With the mutex. */
static void give_up(struct persist *p) {
    if (p->busy) __atomic_store_n(&p->progress.stop, true, __ATOMIC_RELAXED);
}

static bool cancel_command(void *context, bool *scheduled) {
    struct persist *p = context;
    pthread_mutex_lock(&p->mutex);
    bool running = p->busy && p->kind == PERSISTENCE_SAVE, waits = p->wanted[PERSISTENCE_SAVE];
    *scheduled = !running;
    p->wanted[PERSISTENCE_SAVE] = false;
    if (running) give_up(p);
    pthread_mutex_unlock(&p->mutex);
    return running || waits;
}

static enum persistence_outcome save_command(void *context, unsigned worker) {
    struct persist *p = context;
    pthread_mutex_lock(&p->mutex);
    bool begun = begin(p, PERSISTENCE_SAVE);
    pthread_mutex_unlock(&p->mutex);
    if (!begun) return PERSISTENCE_BUSY;
    gate_leave(p->gate, worker);
    bool good = take(p, worker);
    gate_enter(p->gate, worker);
    return good ? PERSISTENCE_DONE : PERSISTENCE_FAILED;
}

static bool wanted_at_exit(void *context) {
    return has_save_points() || keep_awaits_snapshot();
}

static void write_status(void *context, struct persistence_status *out) {
    struct persist *p = context;
    pthread_mutex_lock(&p->mutex);
    *out = p->status;
    out->loading = exec_is_loading(p->options.exec);
    for (unsigned kind = 0; kind < PERSISTENCE_KINDS; kind++) {
        struct persistence_runs *r = &out->runs[kind];
        r->in_progress = runs(p, kind); /* who has got BGSAVE's reply may look at once */
        r->scheduled = p->wanted[kind] && !r->in_progress;
        bool running = r->in_progress && p->busy;
        r->now_seconds = running ? (clock_wall_ms() - p->began_ms) / 1000 : -1;
    }
    out->runs[PERSISTENCE_REWRITE].in_progress |= keep_awaits_snapshot();
    out->changes = changes_so_far(p) - p->changes_at;
    out->keys = __atomic_load_n(&p->progress.keys, __ATOMIC_RELAXED);
    out->keys_total = __atomic_load_n(&p->progress.keys_total, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&p->mutex);
}

/* ---- loading ---- */

static ssize_t read_file(void *context, void *out, size_t size) {
    return file_read_full(*(const int *)context, out, size);
}

struct watching {
    uint64_t size;
    int64_t told_ms;
};

static void log_progress(void *context, uint64_t bytes, uint64_t keys) {
    struct watching *watching = context;
    int64_t now_ms = clock_mono_us() / 1000;
    if (now_ms - watching->told_ms < 1000) return;
    watching->told_ms = now_ms;
    log_notice("Loading: %.0f%%, %llu keys",
               watching->size ? 100.0 * (double)bytes / (double)watching->size : 0,
               (unsigned long long)keys);
}

static bool load_file(struct persist *p, int fd, bool replace, struct buffer *error) {
    struct stat info = {0};
    struct watching watching = {0, clock_mono_us() / 1000};
    int64_t began_us = clock_mono_us();
    if (fstat(fd, &info) == 0) watching.size = (uint64_t)info.st_size;
    struct snapshot_load_result result = snapshot_load(&(struct snapshot_load_options){
        .keyspace = p->keyspace,
        .threads = p->workers - 1, /* and this one reads */
        .input = {read_file, &fd},
        .bytes = watching.size,
        .clock_ms = clock_wall_ms(),
        .replace = replace,
        .function = library_read,
        .progress = log_progress,
        .progress_context = &watching,
    });
    p->status.loaded_keys = result.keys;
    p->status.loaded_expired = result.expired;
    if (!result.good) {
        buffer_printf(error, "%s: %s", settings.dbfilename, result.error);
        return false;
    }
    log_notice("Loaded %s: %llu keys, %llu that have expired left out, %.3f s", settings.dbfilename,
               (unsigned long long)result.keys, (unsigned long long)result.expired,
               (double)(clock_mono_us() - began_us) / 1e6);
    return true;
}

static bool load(struct persist *p, bool replace, struct buffer *error) {
    int fd = file_open(settings.dbfilename, O_RDONLY, 0);
    if (fd == -ENOENT) return true;
    if (fd < 0) {
        buffer_printf(error, "%s: %s", settings.dbfilename, strerror(-fd));
        return false;
    }
    bool good = load_file(p, fd, replace, error);
    file_close(fd);
    return good;
}

bool persist_load(struct persist *p, struct buffer *error) {
    bool good = load(p, false, error);
    p->changes_at = changes_so_far(p);
    return good;
}

/* ---- DEBUG RELOAD ---- */

/* Exclusive mode, which is given up to wait until nobody is busy. */
static void begin_exclusively(struct persist *p, unsigned worker) {
    gate_exclusive_begin(p->gate, worker);
    for (;;) {
        pthread_mutex_lock(&p->mutex);
        bool begun = begin(p, PERSISTENCE_SAVE);
        pthread_mutex_unlock(&p->mutex);
        if (begun) return;
        gate_exclusive_pause(p->gate, worker, BUSY_MS * 1000);
    }
}

/* `busy`: still, since no snapshot was taken. */
static void end_exclusively(struct persist *p, unsigned worker, bool busy) {
    pthread_mutex_lock(&p->mutex);
    if (busy) end(p);
    pthread_mutex_unlock(&p->mutex);
    gate_exclusive_end(p->gate, worker);
}

static bool reload_command(void *context, struct view *view, bool save, bool flush, bool merge) {
    struct persist *p = context;
    struct buffer error = {0};
    uint32_t db = view->db;
    begin_exclusively(p, view->worker);
    save |= keep_awaits_snapshot(); /* the journal has what comes after it */
    bool good = true;
    if (save) good = take(p, view->worker);
    gate_enter(p->gate, view->worker); /* take() has left it */
    if (good && keep_home()) {
        good = load_again(p->options.exec, view, &error);
    } else if (good) {
        if (flush) {
            keyspace_empty(view);
            library_clear();
        }
        view->db = db;
        good = load(p, merge, &error);
    }
    view->db = db;
    if (error.len) log_warning("%.*s", (int)error.len, error.data);
    buffer_free(&error);
    end_exclusively(p, view->worker, !save);
    return good;
}

/* ---- life ---- */

struct persist *persist_create(const struct persist_options *options) {
    struct persist *p = memory_alloc_zero(sizeof *p);
    if (!p) return NULL;
    p->options = *options;
    p->gate = exec_gate(options->exec);
    p->keyspace = exec_keyspace(options->exec);
    p->workers = options->participant;
    for (unsigned kind = 0; kind < PERSISTENCE_KINDS; kind++)
        p->status.runs[kind] = (struct persistence_runs){.last_good = true, .last_seconds = -1};
    p->status.last_save_s = clock_wall_ms() / 1000;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->commands = (struct persistence){begin_command,
                                       cancel_command,
                                       save_command,
                                       reload_command,
                                       wanted_at_exit,
                                       write_status,
                                       p};
    persistence_attach(&p->commands);
    keep_on_begin(look_now, p);
    return p;
}

int persist_start(struct persist *p) {
    int status = thread_start("snapshot", live, p, &p->thread);
    p->has_thread = !status;
    return status;
}

bool persist_stop(struct persist *p) {
    pthread_mutex_lock(&p->mutex);
    give_up(p);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    if (p->has_thread) thread_join(&p->thread);
    p->has_thread = false;
    bool save = server_facts.exit_save == SAVE_AT_EXIT ||
                (server_facts.exit_save == SAVE_AT_EXIT_IF_WANTED && wanted_at_exit(p));
    if (!save || changes_so_far(p) == p->changes_at) return true;
    pthread_mutex_lock(&p->mutex);
    while (!begin(p, PERSISTENCE_SAVE))
        sleep_ms(p, BUSY_MS);
    pthread_mutex_unlock(&p->mutex);
    return take(p, p->options.participant);
}

void persist_free(struct persist *p) {
    if (!p) return;
    persistence_attach(NULL);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->changed);
    memory_free(p);
}

/* ---- directives ---- */

static bool is_file_name(const struct config_row *row, struct bytes text, struct buffer *error) {
    if (text.len && !memchr(text.data, '/', text.len)) return true;
    buffer_printf(error, "dbfilename can't be a path, just a filename");
    return false;
}

static const struct config_choice versions[] = {{"9", 9},   {"10", 10}, {"11", 11},
                                                {"12", 12}, {"80", 80}, {NULL, 0}};

static const struct config_row rows[] = {
    {.name = "dbfilename",
     .type = CONFIG_TEXT,
     .flags = CONFIG_PROTECTED,
     .value = &settings.dbfilename,
     .initial = "dump.rdb",
     .check = is_file_name},
    {.name = "rdbchecksum",
     .type = CONFIG_BOOL,
     .flags = CONFIG_IMMUTABLE,
     .value = &settings.checksum,
     .initial = "yes"},
    {.name = "rdb-version",
     .type = CONFIG_CHOICE,
     .value = &settings.version,
     .initial = "80",
     .choices = versions},
    {.name = "stop-writes-on-bgsave-error",
     .type = CONFIG_BOOL,
     .value = &settings.stop_writes,
     .initial = "yes"},
    {NULL},
};

void persist_register(void) {
    config_register(rows);
}
