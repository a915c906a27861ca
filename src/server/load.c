/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/load.h"
#include "base/ensure.h"
#include "base/log.h"
#include "exec/durability.h"
#include "home/home.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "journal/replay.h"
#include "journal/snapshot.h"
#include "keyspace/load.h"
#include "server/adopt.h"
#include "server/keep.h"
#include "server/library.h"
#include "server/replay.h"
#include "sys/clock.h"
#include "sys/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SLICE_US    10000   /* of loading, before clients get an answer */
#define PROGRESS_US 2000000 /* between two lines in the log */
#define PATIENCE_US 500000  /* of clients who connect: if it takes longer, they are told */

typedef unsigned long long ull;

static struct {
    struct exec *exec;
    struct thread thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ended; /* guarded by the mutex */
    atomic_bool stop;
    void (*done)(void *context);
    void *context;
    struct buffer error;

    /* How far it is, for INFO. */
    int64_t began_ms;
    _Atomic uint64_t total_bytes, loaded_bytes;
} loader = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- loading ---- */

/* What loads is alone in the keyspace, but lets the workers in from time to time: they answer
 * clients that they have to wait. */
struct loading {
    struct gate *gate;
    unsigned participant;
    bool alone;       /* it does not let anybody in */
    unsigned threads; /* besides this one */
    struct keyspace *keyspace;
    struct command_runner *runner;
    uint64_t replayed; /* units */
    struct adoption adoption;
    bool has_snapshot;
    uint64_t next; /* unit */
    int64_t slice_began_us, logged_us;
    struct buffer *error;
};

static void enter(const struct loading *loading) {
    gate_enter(loading->gate, loading->participant);
    gate_exclusive_begin(loading->gate, loading->participant);
}

static void leave(const struct loading *loading) {
    gate_exclusive_end(loading->gate, loading->participant);
    gate_leave(loading->gate, loading->participant);
}

static bool wants_to_breathe(const struct loading *loading) {
    return !loading->alone && clock_mono_us() - loading->slice_began_us >= SLICE_US;
}

/* True: it is time to say how far it is. */
static bool breathe(struct loading *loading) {
    if (!wants_to_breathe(loading)) return false;
    int64_t now_us = clock_mono_us();
    leave(loading);
    bool due = now_us - loading->logged_us > PROGRESS_US;
    if (due) loading->logged_us = now_us;
    enter(loading);
    loading->slice_began_us = clock_mono_us();
    return due;
}

struct snapshot_source {
    struct keep_snapshot file;
    uint64_t offset;
    struct loading *loading;
};

static void add_bytes(void *context, const char *name, uint64_t size) {
    *(uint64_t *)context += size;
}

static ssize_t read_snapshot(void *context, void *out, size_t size) {
    struct snapshot_source *source = context;
    ssize_t n = home_get(keep_home(), source->file.name, source->offset, out, size);
    if (n > 0) source->offset += (uint64_t)n;
    return n;
}

static void snapshot_progress(void *context, uint64_t bytes, uint64_t keys) {
    struct snapshot_source *source = context;
    loader.loaded_bytes = bytes;
    if (!breathe(source->loading)) return;
    log_notice("Loading %s: %llu keys, %llu of %llu MB", source->file.name, (ull)keys,
               (ull)bytes >> 20, (ull)source->file.size >> 20);
}

/* The journal before it is gone as a rule, so it cannot be done without. */
static bool tell_bad_snapshot(const struct loading *loading, const struct snapshot_source *source,
                              const char *what) {
    buffer_printf(loading->error,
                  "%s in %s: %s. 'strata check %s' says what can be saved, and 'strata import "
                  "--skip-corrupt' brings what is whole of the file into another server",
                  source->file.name, keep_url(), what, keep_url());
    return false;
}

/* *covered: the last unit that is in it. */
static bool load_snapshot(struct loading *loading, uint64_t *covered) {
    struct snapshot_source source = {.loading = loading};
    int status = keep_newest_snapshot(&source.file);
    if (status) {
        buffer_printf(loading->error, KEEP_SNAPSHOTS " in %s cannot be listed: %s", keep_url(),
                      strerror(-status));
        return false;
    }
    *covered = 0;
    loading->has_snapshot = *source.file.name;
    if (!loading->has_snapshot) return true;
    struct snapshot_load_result result = snapshot_load(&(struct snapshot_load_options){
        .keyspace = loading->keyspace,
        .threads = loading->threads,
        .input = {read_snapshot, &source},
        .bytes = source.file.size,
        .clock_ms = clock_wall_ms(),
        .keep_expired = true, /* the journal says when they went */
        .function = library_read,
        .progress = snapshot_progress,
        .progress_context = &source,
    });
    if (!result.good) return tell_bad_snapshot(loading, &source, result.error);
    if (result.sequence != source.file.sequence)
        return tell_bad_snapshot(loading, &source, "it was renamed: it has another number inside");
    *covered = result.sequence;
    log_notice("Loaded %s: %llu keys, up to change %llu", source.file.name, (ull)result.keys,
               (ull)result.sequence);
    return true;
}

static bool tell_damage(const struct loading *loading, const struct journal_reader *reader) {
    buffer_printf(loading->error, "the journal in %s: %.*s", keep_url(), (int)reader->error.len,
                  reader->error.data);
    if (!reader->is_unreadable)
        buffer_printf(loading->error,
                      ". 'strata check %s' says what can be saved, and 'strata check %s --repair' "
                      "saves it",
                      keep_url(), keep_url());
    return false;
}

static bool tell_replay(struct loading *loading, struct journal_reader *reader,
                        enum replay_result result) {
    if (result == REPLAY_DONE) return true;
    if (result == REPLAY_NO_MEMORY) {
        buffer_printf(loading->error, "there is not enough memory for what %s holds", keep_url());
        return false;
    }
    char name[HOME_NAME_MAX];
    journal_reader_segment(reader, name);
    buffer_printf(&reader->error, "%s has something unknown before offset %llu", name,
                  (ull)reader->offset);
    return tell_damage(loading, reader);
}

/* As breathe(), after everything read so far is applied. */
static enum replay_result breathe_between_frames(struct loading *loading, struct replay *replay,
                                                 const struct journal_reader *reader) {
    if (!wants_to_breathe(loading)) return REPLAY_DONE;
    enum replay_result result = replay_drain(replay);
    if (breathe(loading))
        log_notice("Replaying the journal: %llu of %llu MB",
                   (ull)(reader->done + reader->offset) >> 20, (ull)reader->total >> 20);
    return result;
}

/* How the log ends; REPLAY_DONE: all before is applied. */
static enum replay_result replay_frames(struct loading *loading, struct replay *replay,
                                        struct journal_reader *reader, enum reader_result *end) {
    struct frame frame;
    enum replay_result result = REPLAY_DONE;
    uint64_t snapshot_bytes = loader.loaded_bytes;
    while ((*end = journal_reader_next(reader, &frame)) == READ_FRAME && !loader.stop) {
        result = replay_frame(replay, &frame);
        if (result == REPLAY_DONE) result = breathe_between_frames(loading, replay, reader);
        if (result != REPLAY_DONE) break;
        loader.loaded_bytes = snapshot_bytes + reader->done + reader->offset;
    }
    enum replay_result drained = replay_drain(replay);
    return result == REPLAY_DONE ? drained : result;
}

static bool tell_end(struct loading *loading, const struct journal_reader *reader,
                     enum reader_result end) {
    char name[HOME_NAME_MAX];
    journal_reader_segment(reader, name);
    if (end == READ_TORN)
        log_warning("%s ends in the middle of change %llu, at offset %llu: a crash has cut it "
                    "there. Nothing that was durable is lost; the rest is left out.",
                    name, (ull)reader->next, (ull)reader->offset);
    if (end == READ_DAMAGED || end == READ_FAILED) return tell_damage(loading, reader);
    /* What was read may be in memory only: a crash must not take it after it has been shown. */
    int status = *name ? home_sync(keep_home(), name) : 0;
    if (status) buffer_printf(loading->error, "%s cannot be synced: %s", name, strerror(-status));
    return !status;
}

static bool replay_log(struct loading *loading, struct journal_reader *reader) {
    enum reader_result end;
    struct replay *replay = replay_create(&(struct replay_options){
        .keyspace = loading->keyspace,
        .threads = loading->threads,
        .run = command_runner_run,
        .has_one_key = command_runner_has_one_key,
        .context = loading->runner,
    });
    if (!replay) return tell_replay(loading, reader, REPLAY_NO_MEMORY);
    enum replay_result result = replay_frames(loading, replay, reader, &end);
    struct replay_counts counts = replay_counts(replay);
    replay_free(replay);
    loading->replayed = counts.units;
    if (counts.misfits)
        log_warning("%llu records of the journal did not fit what was there before them",
                    (ull)counts.misfits);
    return tell_replay(loading, reader, result) && tell_end(loading, reader, end);
}

static bool load_journal(struct loading *loading, uint64_t covered, uint64_t *next) {
    struct segment_list list;
    struct journal_reader reader;
    int status = segment_list_read(keep_home(), &list);
    if (status) {
        buffer_printf(loading->error, "%s in %s cannot be read: %s", list.unreadable, keep_url(),
                      strerror(-status));
        segment_list_free(&list);
        return false;
    }
    if (covered && !list.count)
        log_warning("There is a snapshot up to change %llu in %s, and no journal after it: what "
                    "was changed later is not there",
                    (ull)covered, keep_url());
    bool good = journal_reader_begin(&reader, keep_home(), &list, covered);
    keyspace_load_much(true);
    if (good)
        good = replay_log(loading, &reader);
    else
        tell_damage(loading, &reader);
    keyspace_load_much(false);
    *next = MAX(reader.next, covered + 1);
    journal_reader_free(&reader);
    segment_list_free(&list);
    return good;
}

static bool breathe_in_adoption(void *context) {
    breathe(context);
    return !loader.stop;
}

static bool adopt(struct loading *loading) {
    loading->adoption = (struct adoption){
        .exec = loader.exec,
        .runner = loading->runner,
        .view = {.keyspace = loading->keyspace,
                 .counters = keyspace_counters_of(loading->keyspace, 0),
                 .now_ms = clock_wall_ms(),
                 .worker = loading->participant},
        .breathe = breathe_in_adoption,
        .context = loading,
        .error = &loader.error,
    };
    return adopt_files(&loading->adoption);
}

static bool load_all(struct loading *loading) {
    uint64_t covered, next;
    int64_t began_us = clock_mono_us();
    loading->error = &loader.error;
    loading->slice_began_us = loading->logged_us = began_us;
    if (!load_snapshot(loading, &covered)) return false;
    if (!load_journal(loading, covered, &next) || loader.stop) return false;
    log_notice("Loaded %s in %.1f s, %llu changes after the snapshot", keep_url(),
               (double)(clock_mono_us() - began_us) / 1e6, (ull)loading->replayed);
    loading->next = next;
    return next > 1 || loading->has_snapshot || adopt(loading);
}

/* From now on there is more than what the home held. */
static bool begin_keeping(struct loading *loading) {
    if (loading->adoption.any && !adopt_keep(&loading->adoption)) return false;
    enter(loading);
    bool good = keep_begin(loading->next - 1, &loader.error);
    leave(loading);
    return good;
}

static void write_info(struct exec *exec, struct buffer *out, void *context) {
    if (!exec_is_loading(exec)) return;
    uint64_t loaded = loader.loaded_bytes, total = MAX(loader.total_bytes, loaded);
    int64_t took_ms = MAX(clock_wall_ms() - loader.began_ms, (int64_t)1);
    double left = loaded ? (double)took_ms / 1000 * (double)(total - loaded) / (double)loaded : 0;
    buffer_printf(out,
                  "loading_start_time:%lld\r\n"
                  "loading_total_bytes:%llu\r\n"
                  "loading_loaded_bytes:%llu\r\n"
                  "loading_loaded_perc:%.2f\r\n"
                  "loading_eta_seconds:%.0f\r\n",
                  (long long)loader.began_ms / 1000, (ull)total, (ull)loaded,
                  total ? 100.0 * (double)loaded / (double)total : 0, left);
}

static void load(void *argument) {
    struct exec *exec = loader.exec;
    unsigned workers = net_workers(exec_net(exec));
    struct loading loading = {
        .gate = exec_gate(exec),
        .participant = workers,
        .threads = workers - 1,
        .keyspace = exec_keyspace(exec),
        .runner = command_runner_create(exec, workers),
    };
    enter(&loading);
    bool good = load_all(&loading);
    leave(&loading);
    good = good && begin_keeping(&loading);
    command_runner_free(loading.runner);
    if (good)
        loader.done(loader.context);
    else
        net_stop(exec_net(exec));
    pthread_mutex_lock(&loader.mutex);
    loader.ended = true;
    pthread_cond_signal(&loader.changed);
    pthread_mutex_unlock(&loader.mutex);
}

/* What does not take long is there before anybody is answered. */
static void wait_a_moment(void) {
    int64_t until_us = clock_mono_us() + PATIENCE_US;
    pthread_mutex_lock(&loader.mutex);
    while (!loader.ended && thread_wait_until(&loader.changed, &loader.mutex, until_us)) {
    }
    pthread_mutex_unlock(&loader.mutex);
}

bool load_begin(struct exec *exec, void (*done)(void *context), void *context,
                struct buffer *error) {
    loader.exec = exec;
    loader.done = done;
    loader.context = context;
    loader.began_ms = clock_wall_ms();
    uint64_t total = 0;
    home_list(keep_home(), KEEP_SNAPSHOTS, add_bytes, &total);
    home_list(keep_home(), JOURNAL_FOLDER, add_bytes, &total);
    loader.total_bytes = total;
    info_register(exec, "Persistence", INFO_DEFAULT, write_info, NULL);
    int status = thread_start("loader", load, NULL, &loader.thread);
    if (status) buffer_printf(error, "a thread cannot be started: %s", strerror(-status));
    loader.started = !status;
    if (loader.started) wait_a_moment();
    return !status;
}

bool load_end(struct buffer *error) {
    loader.stop = true;
    if (loader.started) thread_join(&loader.thread);
    bool good = loader.error.len == 0;
    if (!good) buffer_append_bytes(error, buffer_bytes(&loader.error));
    buffer_free(&loader.error);
    return good;
}

/* ---- DEBUG RELOAD ---- */

bool load_again(struct exec *exec, struct view *view, struct buffer *error) {
    struct journal *journal = keep_journal();
    uint64_t covered, next;
    if (journal && !journal_sync(journal)) {
        buffer_printf(error, "the journal cannot be written");
        return false;
    }
    unsigned workers = net_workers(exec_net(exec));
    struct loading loading = {
        .alone = true,
        .error = error,
        .participant = view->worker,
        .threads = workers - 1,
        .keyspace = view->keyspace,
        .runner = command_runner_create(exec, workers),
    };
    if (journal) journal_record(journal, false);
    keyspace_empty(view);
    bool good = load_snapshot(&loading, &covered) && load_journal(&loading, covered, &next);
    if (journal) journal_record(journal, true);
    command_runner_free(loading.runner);
    return good;
}
