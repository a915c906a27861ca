/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "cmd/shared_persistence.h"
#include "exec/durability.h"

static const struct persistence *persistence;

void persistence_attach(const struct persistence *what) {
    persistence = what;
}

/* ---- commands ---- */

static void cancel(struct call *call) {
    bool scheduled;
    if (!persistence->cancel(persistence->context, &scheduled))
        reply_error(call->reply, "ERR Background saving is currently not in progress or scheduled");
    else if (scheduled)
        reply_simple(call->reply, "Scheduled background saving cancelled");
    else
        reply_simple(call->reply, "Background saving cancelled");
}

static void reply_busy(struct call *call) {
    reply_error(call->reply, "ERR Background save already in progress");
}

/* Of what begins inside a transaction, which it may have to wait for, it is said that it will. */
static enum persistence_begun begin(struct call *call, enum persistence_kind kind, bool schedule) {
    enum persistence_begun begun = persistence->begin(persistence->context, kind, schedule);
    return begun == PERSISTENCE_STARTED && call->no_wait ? PERSISTENCE_SCHEDULED : begun;
}

static void begin_save(struct call *call, bool schedule) {
    switch (begin(call, PERSISTENCE_SAVE, schedule)) {
    case PERSISTENCE_STARTED: reply_simple(call->reply, "Background saving started"); break;
    case PERSISTENCE_SCHEDULED: reply_simple(call->reply, "Background saving scheduled"); break;
    case PERSISTENCE_UNDER_WAY: reply_busy(call); break;
    case PERSISTENCE_OTHER:
        reply_error(call->reply, "ERR Another child process is active (AOF?): can't BGSAVE right "
                                 "now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever "
                                 "possible.");
    }
}

void persistence_bgsave(struct call *call) {
    bool cancels = call->argc == 2 && bytes_is(call->argv[1], "cancel");
    bool schedule = call->argc == 2 && bytes_is(call->argv[1], "schedule");
    if (call->argc > 2 || (call->argc == 2 && !cancels && !schedule))
        reply_syntax_error(call->reply);
    else if (cancels)
        cancel(call);
    else
        begin_save(call, schedule);
}

void persistence_save(struct call *call) {
    switch (persistence->save(persistence->context, call->worker)) {
    case PERSISTENCE_DONE: reply_ok(call->reply); break;
    case PERSISTENCE_BUSY: reply_busy(call); break;
    case PERSISTENCE_FAILED: reply_error(call->reply, "ERR"); break;
    }
}

#define REWRITING "Background append only file rewriting "

void persistence_bgrewriteaof(struct call *call) {
    switch (begin(call, PERSISTENCE_REWRITE, true)) {
    case PERSISTENCE_STARTED: reply_simple(call->reply, REWRITING "started"); break;
    case PERSISTENCE_OTHER:
    case PERSISTENCE_SCHEDULED: reply_simple(call->reply, REWRITING "scheduled"); break;
    case PERSISTENCE_UNDER_WAY: reply_error(call->reply, "ERR " REWRITING "already in progress");
    }
}

void persistence_lastsave(struct call *call) {
    struct persistence_status status;
    persistence->status(persistence->context, &status);
    reply_integer(call->reply, status.last_save_s);
}

/* What it has changed so far is not kept before its end. */
static bool is_in_transaction(struct call *call) {
    if (call->no_wait) reply_error(call->reply, "ERR Loading is not possible inside a transaction");
    return call->no_wait;
}

void persistence_debug_reload(struct call *call) {
    bool save = true, flush = true, merge = false;
    for (unsigned i = 2; i < call->argc; i++) {
        struct bytes word = call->argv[i];
        if (bytes_is(word, "merge")) {
            merge = true;
        } else if (bytes_is(word, "noflush")) {
            flush = false;
        } else if (bytes_is(word, "nosave")) {
            save = false;
        } else {
            reply_error(call->reply, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and "
                                     "NOSAVE options.");
            return;
        }
    }
    if (is_in_transaction(call)) return;
    if (persistence->reload(persistence->context, &call->view, save, flush, merge))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Error trying to load the RDB dump, check server logs");
}

/* Without a journal there is what BGREWRITEAOF has written. */
static bool has_written_aof(const struct call *call) {
    struct persistence_status status;
    persistence->status(persistence->context, &status);
    return durability_is_kept(call->exec) || status.runs[PERSISTENCE_REWRITE].count;
}

void persistence_debug_loadaof(struct call *call) {
    if (is_in_transaction(call)) return;
    if (!has_written_aof(call) ||
        persistence->reload(persistence->context, &call->view, false, true, false))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Error trying to load the AOF files, check server logs");
}

enum persistence_outcome persistence_save_now(unsigned worker) {
    return persistence->save(persistence->context, worker);
}

bool persistence_wanted_at_exit(void) {
    return persistence && persistence->wanted_at_exit(persistence->context);
}

/* ---- INFO ---- */

typedef unsigned long long ull;

static void write_progress(const struct persistence_status *s, struct buffer *out) {
    bool running = false;
    for (unsigned kind = 0; kind < PERSISTENCE_KINDS; kind++)
        running |= s->runs[kind].in_progress;
    double percent = s->keys_total && running ? 100.0 * (double)s->keys / (double)s->keys_total : 0;
    buffer_printf(out,
                  "loading:%d\r\n"
                  "async_loading:0\r\n"
                  "current_cow_peak:%llu\r\n"
                  "current_cow_size:%llu\r\n"
                  "current_cow_size_age:0\r\n"
                  "current_fork_perc:%.2f\r\n"
                  "current_save_keys_processed:%llu\r\n"
                  "current_save_keys_total:%llu\r\n",
                  s->loading, (ull)s->buffered, (ull)s->buffered, percent,
                  running ? (ull)s->keys : 0, running ? (ull)s->keys_total : 0);
}

static void write_saves(const struct persistence_status *s, struct buffer *out) {
    const struct persistence_runs *r = &s->runs[PERSISTENCE_SAVE];
    buffer_printf(out,
                  "rdb_changes_since_last_save:%llu\r\n"
                  "rdb_bgsave_in_progress:%d\r\n"
                  "rdb_last_save_time:%lld\r\n"
                  "rdb_last_bgsave_status:%s\r\n"
                  "rdb_last_bgsave_time_sec:%lld\r\n"
                  "rdb_current_bgsave_time_sec:%lld\r\n"
                  "rdb_saves:%llu\r\n"
                  "rdb_last_cow_size:%llu\r\n"
                  "rdb_last_load_keys_expired:%llu\r\n"
                  "rdb_last_load_keys_loaded:%llu\r\n",
                  (ull)s->changes, r->in_progress, (long long)s->last_save_s,
                  r->last_good ? "ok" : "err", (long long)r->last_seconds,
                  (long long)r->now_seconds, (ull)r->count, (ull)s->buffered_last,
                  (ull)s->loaded_expired, (ull)s->loaded_keys);
}

static void write_rewrites(const struct persistence_status *s, struct buffer *out) {
    const struct persistence_runs *r = &s->runs[PERSISTENCE_REWRITE];
    buffer_printf(out,
                  "aof_rewrite_in_progress:%d\r\n"
                  "aof_rewrite_scheduled:%d\r\n"
                  "aof_last_rewrite_time_sec:%lld\r\n"
                  "aof_current_rewrite_time_sec:%lld\r\n"
                  "aof_last_bgrewrite_status:%s\r\n"
                  "aof_rewrites:%llu\r\n"
                  "aof_rewrites_consecutive_failures:%llu\r\n",
                  r->in_progress, r->scheduled, (long long)r->last_seconds,
                  (long long)r->now_seconds, r->last_good ? "ok" : "err", (ull)r->count,
                  (ull)r->failures);
}

static void write_persistence(struct exec *exec, struct buffer *out, void *context) {
    struct persistence_status status;
    persistence->status(persistence->context, &status);
    write_progress(&status, out);
    write_saves(&status, out);
    write_rewrites(&status, out);
}

void persistence_register_info(struct exec *exec) {
    info_register(exec, "Persistence", INFO_DEFAULT, write_persistence, NULL);
}
