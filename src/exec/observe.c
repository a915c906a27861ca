/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/observe.h"
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <stdio.h>

#define SHOWN_ARGS  32u /* of a command, the last of which may say how many more there are */
#define SHOWN_BYTES 128 /* of an argument */
#define NAME_BYTES  128

/* One block: the struct, the argument slices, then all bytes. */
struct logged {
    struct list_node in_log;
    struct commandlog_entry entry;
    struct bytes argv[];
};

struct log {
    struct list_node entries; /* newest first */
    uint64_t length, next_id;
};

#define EVENTS_MAX 64 /* names come from the program, so this is plenty */

struct observations {
    pthread_mutex_t lock;
    struct log logs[COMMANDLOG_COUNT];
    struct latency_event *events[EVENTS_MAX];
    unsigned event_count;
};

struct observations *observations_create(void) {
    struct observations *o = memory_need(sizeof *o);
    pthread_mutex_init(&o->lock, NULL);
    for (unsigned i = 0; i < COMMANDLOG_COUNT; i++)
        list_init(&o->logs[i].entries);
    return o;
}

/* ---- the command logs ---- */

static void trim(struct log *log, uint64_t most) {
    while (log->length > most) {
        struct logged *oldest = LIST_LAST(&log->entries, struct logged, in_log);
        list_remove(&oldest->in_log);
        memory_free(oldest);
        log->length--;
    }
}

void observations_free(struct observations *o) {
    for (unsigned i = 0; i < COMMANDLOG_COUNT; i++)
        trim(&o->logs[i], 0);
    for (unsigned i = 0; i < o->event_count; i++)
        memory_free(o->events[i]);
    pthread_mutex_destroy(&o->lock);
    memory_free(o);
}

/* The argument as the log shows it; what does not stand in argv itself is written to `room`. */
static struct bytes shown_argument(const struct call *call, unsigned i, unsigned shown,
                                   char room[SHOWN_BYTES + 48]) {
    struct bytes arg = call->argv[i];
    int n;
    if (i == SHOWN_ARGS - 1 && call->argc > shown) {
        n = snprintf(room, SHOWN_BYTES + 48, "... (%u more arguments)", call->argc - shown + 1);
    } else if (i < 64 && call->redacted >> i & 1) {
        return BYTES("(redacted)");
    } else if (arg.len > SHOWN_BYTES) {
        memcpy(room, arg.data, SHOWN_BYTES);
        n = SHOWN_BYTES +
            snprintf(room + SHOWN_BYTES, 48, "... (%zu more bytes)", arg.len - SHOWN_BYTES);
    } else {
        return arg;
    }
    return bytes_make(room, (size_t)n);
}

static struct bytes copy_to(char **at, struct bytes bytes) {
    if (bytes.len) memcpy(*at, bytes.data, bytes.len);
    struct bytes copy = bytes_make(*at, bytes.len);
    *at += bytes.len;
    return copy;
}

/* NULL = no memory. */
static struct logged *logged_create(const struct call *call, int64_t value) {
    unsigned shown = MIN(call->argc, SHOWN_ARGS);
    char room[SHOWN_BYTES + 48], peer[NAME_BYTES];
    const char *name = call->session->name ? call->session->name : "";
    connection_peer_name(call->session->connection, peer, sizeof peer);

    size_t text = strlen(peer) + strlen(name);
    for (unsigned i = 0; i < shown; i++)
        text += shown_argument(call, i, shown, room).len;
    size_t head = sizeof(struct logged) + shown * sizeof(struct bytes);
    struct logged *logged = memory_alloc(head + text);
    if (!logged) return NULL;

    char *at = (char *)logged + head;
    logged->entry = (struct commandlog_entry){
        .time_s = call->view.now_ms / 1000,
        .value = value,
        .argv = logged->argv,
        .argc = shown,
        .peer = copy_to(&at, bytes_of(peer)),
        .name = copy_to(&at, bytes_of(name)),
    };
    for (unsigned i = 0; i < shown; i++)
        logged->argv[i] = copy_to(&at, shown_argument(call, i, shown, room));
    return logged;
}

static void remember(struct call *call, enum commandlog which, int64_t value) {
    int64_t threshold = exec_settings.commandlog_threshold[which];
    if (threshold < 0 || value < threshold) return;
    struct logged *logged = logged_create(call, value);
    if (!logged) return;
    struct observations *o = call->exec->observations;
    struct log *log = &o->logs[which];
    pthread_mutex_lock(&o->lock);
    logged->entry.id = log->next_id++;
    list_prepend(&log->entries, &logged->in_log);
    log->length++;
    trim(log, (uint64_t)exec_settings.commandlog_max[which]);
    pthread_mutex_unlock(&o->lock);
}

uint64_t commandlog_length(struct exec *exec, enum commandlog which) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    uint64_t length = o->logs[which].length;
    pthread_mutex_unlock(&o->lock);
    return length;
}

void commandlog_reset(struct exec *exec, enum commandlog which) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    trim(&o->logs[which], 0);
    pthread_mutex_unlock(&o->lock);
}

void commandlog_trim(struct exec *exec, enum commandlog which) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    trim(&o->logs[which], (uint64_t)exec_settings.commandlog_max[which]);
    pthread_mutex_unlock(&o->lock);
}

void commandlog_each(struct exec *exec, enum commandlog which, uint64_t count,
                     commandlog_visitor *fn, void *context) {
    struct observations *o = exec->observations;
    struct logged *logged;
    pthread_mutex_lock(&o->lock);
    LIST_FOREACH(logged, &o->logs[which].entries, in_log) {
        if (count-- == 0) break;
        fn(context, &logged->entry);
    }
    pthread_mutex_unlock(&o->lock);
}

/* ---- latency events ---- */

int64_t latency_threshold_ms(void) {
    return exec_settings.latency_threshold_ms;
}

static struct latency_event *find_event(struct observations *o, struct bytes name) {
    for (unsigned i = 0; i < o->event_count; i++)
        if (bytes_is(name, o->events[i]->name)) return o->events[i];
    return NULL;
}

static struct latency_event *find_or_add_event(struct observations *o, const char *name) {
    struct latency_event *event = find_event(o, bytes_of(name));
    if (event || o->event_count == EVENTS_MAX) return event;
    event = memory_alloc_zero(sizeof *event);
    if (!event) return NULL;
    event->name = name;
    o->events[o->event_count++] = event;
    return event;
}

/* Of one second only the worst is kept. */
static void add_sample(struct latency_event *event, uint32_t now_s, uint32_t ms) {
    event->max_ms = MAX(event->max_ms, ms);
    event->sum_ms += ms;
    event->total++;
    unsigned last = (event->first + event->count - 1) % LATENCY_SAMPLES;
    if (event->count && event->samples[last].time_s == now_s) {
        event->samples[last].ms = MAX(event->samples[last].ms, ms);
        return;
    }
    if (event->count == LATENCY_SAMPLES)
        event->first = (event->first + 1) % LATENCY_SAMPLES;
    else
        event->count++;
    last = (event->first + event->count - 1) % LATENCY_SAMPLES;
    event->samples[last] = (struct latency_sample){now_s, ms};
}

/* `name` lives as long as the program. */
static void latency_record(struct exec *exec, const char *name, int64_t ms) {
    int64_t threshold = exec_settings.latency_threshold_ms;
    if (threshold == 0 || ms < threshold) return;
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    struct latency_event *event = find_or_add_event(o, name);
    if (event) add_sample(event, (uint32_t)(clock_wall_ms() / 1000), (uint32_t)MIN(ms, UINT32_MAX));
    pthread_mutex_unlock(&o->lock);
}

void observe_command(struct call *call, uint64_t microseconds, size_t request_bytes,
                     size_t reply_bytes) {
    latency_record(call->exec, call->command->flags & CMD_FAST ? "fast-command" : "command",
                   (int64_t)(microseconds / 1000));
    if (call->command->flags & CMD_SKIP_COMMANDLOG) return;
    remember(call, COMMANDLOG_SLOW, (int64_t)microseconds);
    remember(call, COMMANDLOG_LARGE_REQUEST, (int64_t)request_bytes);
    remember(call, COMMANDLOG_LARGE_REPLY, (int64_t)reply_bytes);
}

void latency_each(struct exec *exec, latency_visitor *fn, void *context) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    for (unsigned i = 0; i < o->event_count; i++)
        fn(context, o->events[i]);
    pthread_mutex_unlock(&o->lock);
}

bool latency_find(struct exec *exec, struct bytes name, latency_visitor *fn, void *context) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    struct latency_event *event = find_event(o, name);
    if (event) fn(context, event);
    pthread_mutex_unlock(&o->lock);
    return event != NULL;
}

static void remove_event(struct observations *o, unsigned at) {
    memory_free(o->events[at]);
    o->event_count--;
    memmove(&o->events[at], &o->events[at + 1], (o->event_count - at) * sizeof *o->events);
}

unsigned latency_reset(struct exec *exec, struct bytes name) {
    struct observations *o = exec->observations;
    unsigned removed = 0;
    pthread_mutex_lock(&o->lock);
    for (unsigned i = 0; i < o->event_count && !removed; i++) {
        if (!bytes_is(name, o->events[i]->name)) continue;
        remove_event(o, i);
        removed = 1;
    }
    pthread_mutex_unlock(&o->lock);
    return removed;
}

unsigned latency_reset_all(struct exec *exec) {
    struct observations *o = exec->observations;
    pthread_mutex_lock(&o->lock);
    unsigned removed = o->event_count;
    while (o->event_count)
        remove_event(o, o->event_count - 1);
    pthread_mutex_unlock(&o->lock);
    return removed;
}
