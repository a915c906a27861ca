/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writer: brings what gathers in memory to the home. Invariants:
 *
 *   1. `durable` grows only when a sync has succeeded after all units up to it were written to one
 *      and the same segment, or to segments synced before. (tests/unit/journal_log.c: each call of
 *      the system fails)
 *   2. What is not durable stays in memory. After a failure of any kind the segment is given up:
 *      nothing more is written to it, and no sync of it is believed. All that is not durable is
 *      written again, to a new segment whose number is that of the first such unit.
 *      (tests/unit/journal_log.c, tests/crash/test_full_disk.py)
 *   3. A segment begins when all units of the segments before it are durable. So only the end of
 *      the last segment may be torn; what a segment has from the number of its successor on does
 *      not count. (tests/unit/journal_log.c)
 *   4. A frame says which units were durable when it was written. So whoever finds damage can tell
 *      whether something durable is lost, or only what a crash may take. An idle journal says so in
 *      a frame of its own. (tests/unit/journal_log.c)
 *   5. `newest` names the last segment, from before anything in that counts: it cannot go missing
 *      unnoticed. It never names one that is not there: it goes before a segment without anything
 *      that counts is replaced. (tests/unit/journal_log.c, tests/crash/test_crash.py)
 */
#include "base/ensure.h"
#include "base/log.h"
#include "journal/journal_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

#include <errno.h>
#include <string.h>

#define NAP_US     5000              /* between two writes that nobody waits for */
#define SYNC_US    500000            /* a change is synced at the latest after this */
#define SYNC_BYTES ((size_t)4 << 20) /* and when there are so many that are not */
#define MARK_US    1000000           /* idle for so long, the journal says that all is durable */
#define RETRY_US   200000            /* after a failure */
#define PARTS      64                /* frames in one call */
#define NEVER      INT64_MAX

static uint64_t last_of(const struct batch *batch) {
    return batch->first + batch->count - 1;
}

static void note_bytes(struct journal *journal) {
    const struct writer *w = &journal->writer;
    journal->taken_bytes = w->waiting.bytes + w->written.bytes;
    journal->current_bytes = w->segment_size;
}

/* ---- failures ---- */

static void fail(struct journal *journal, int error, const char *what) {
    struct writer *w = &journal->writer;
    if (journal->error != error) {
        log_warning("The journal cannot be written: %s: %s. Nothing may be changed until it can; "
                    "what has been changed is kept, and written then.",
                    what, strerror(-error));
        if (journal->on_failed) journal->on_failed(journal->context, error);
    }
    journal->error = error;
    journal->failures++;
    if (w->segment) {
        if (w->segment_first > journal->durable) w->attempted = w->segment_first;
        home_writer_close(w->segment);
        w->segment = NULL;
    }
    batch_move_all(&w->waiting, &w->written);
    w->waiting = w->written;
    w->written = (struct batch_queue){0};
    w->segment_size = 0;
    w->retry_us = clock_mono_us() + RETRY_US;
}

static void succeed(struct journal *journal) {
    if (LIKELY(!journal->error)) return;
    log_notice("The journal can be written again");
    if (journal->on_failed) journal->on_failed(journal->context, 0);
    journal->error = 0;
}

/* ---- segments ---- */

static int name_newest(struct journal *journal, uint64_t first) {
    char name[HOME_NAME_MAX];
    segment_name(name, first);
    return home_put(journal->home, JOURNAL_NEWEST, bytes_of(name));
}

/* A segment without anything that counts goes; `newest` first, which may name it. */
static int delete_attempt(struct journal *journal, const char *name) {
    int error = home_delete(journal->home, JOURNAL_NEWEST);
    return error && error != -ENOENT ? error : home_delete(journal->home, name);
}

static bool open_segment(struct journal *journal, uint64_t first) {
    struct writer *w = &journal->writer;
    char name[HOME_NAME_MAX], head[SEGMENT_HEAD_SIZE];
    int error;
    ensure(first == journal->durable + 1);
    segment_name(name, first);
    segment_head_write(head, &(struct segment_head){first, clock_wall_ms()});
    struct bytes start = bytes_make(head, sizeof head);
    w->segment = home_append_new(journal->home, name, start, &error);
    if (!w->segment && error == -EEXIST && w->attempted == first) {
        error = delete_attempt(journal, name);
        if (!error) w->segment = home_append_new(journal->home, name, start, &error);
    }
    if (!w->segment && error != -EEXIST) w->attempted = first;
    w->segment_first = first;
    w->segment_size = sizeof head;
    if (w->segment) error = name_newest(journal, first);
    if (error) fail(journal, error, name);
    if (!error) journal->segments++;
    return !error;
}

/* ---- writing ---- */

static void seal(struct journal *journal, struct batch *batch) {
    struct frame_head head = {.length = batch->length - FRAME_HEAD_SIZE,
                              .first = batch->first,
                              .durable = journal->durable,
                              .count = batch->count};
    frame_seal(batch->data, &head);
    journal->writer.marked = head.durable;
}

/* All that has been written is durable. */
static void note_synced(struct journal *journal, int64_t began_us) {
    struct writer *w = &journal->writer;
    uint64_t durable = last_of(w->written.newest);
    w->durable_us = clock_mono_us();
    journal->last_sync_us = w->durable_us - began_us;
    journal->syncs++;
    journal->expected = journal->last - journal->durable;
    journal->syncing = false;
    for (struct batch *batch; (batch = batch_pop(&w->written));)
        batch_reuse(journal, batch);
    atomic_store(&journal->durable, durable);
    journal->oldest_us = w->waiting.oldest ? w->taken_us : 0;
    journal->behind = false;
    succeed(journal);
    if (journal->on_durable) journal->on_durable(journal->context, durable);
}

/* Writes the first of the batches that wait, as many as go into one call and into the segment.
 * `sync`: if they are all, they become durable. */
static bool write_some(struct journal *journal, bool sync) {
    struct writer *w = &journal->writer;
    struct iovec parts[PARTS];
    struct batch_queue sealed = {0};
    uint64_t size = w->segment_size;
    int count = 0;
    while (w->waiting.oldest && count < PARTS) {
        if (count && size + w->waiting.oldest->length > journal->segment_bytes) break;
        struct batch *batch = batch_pop(&w->waiting);
        seal(journal, batch);
        parts[count++] = (struct iovec){batch->data, batch->length};
        size += batch->length;
        batch_push(&sealed, batch);
    }
    batch_move_all(&sealed, &w->written);
    sync = sync && !w->waiting.oldest;
    int64_t began_us = clock_mono_us();
    int error = home_writer_write(w->segment, parts, count, sync);
    if (error) {
        fail(journal, error, "writing");
        return false;
    }
    journal->written_bytes += size - w->segment_size;
    w->segment_size = size;
    if (sync) note_synced(journal, began_us);
    return true;
}

static bool sync_written(struct journal *journal) {
    if (!journal->writer.written.oldest) return true;
    int64_t began_us = clock_mono_us();
    int error = home_writer_sync(journal->writer.segment);
    if (error)
        fail(journal, error, "syncing");
    else
        note_synced(journal, began_us);
    return !error;
}

static bool is_full(const struct journal *journal) {
    const struct writer *w = &journal->writer;
    return w->segment_size > SEGMENT_HEAD_SIZE &&
           w->segment_size + w->waiting.oldest->length > journal->segment_bytes;
}

/* All that waits, and makes it durable with `sync`; false: it failed, and waits again. */
static bool write_waiting(struct journal *journal, bool sync) {
    struct writer *w = &journal->writer;
    while (w->waiting.oldest) {
        if (w->segment && is_full(journal)) {
            if (!sync_written(journal)) return false;
            home_writer_close(w->segment);
            w->segment = NULL;
        }
        if (!w->segment && !open_segment(journal, w->waiting.oldest->first)) return false;
        if (!write_some(journal, sync)) return false;
    }
    return !sync || sync_written(journal);
}

/* A frame without units. If it cannot be written, nothing is lost but the segment. */
static void write_mark(struct journal *journal, bool sync) {
    struct writer *w = &journal->writer;
    char data[FRAME_HEAD_SIZE];
    struct batch mark = {.data = data, .length = sizeof data, .first = journal->durable + 1};
    seal(journal, &mark);
    if (!w->segment) return;
    w->segment_size += sizeof data;
    if (!home_writer_write(w->segment, &(struct iovec){data, sizeof data}, 1, sync)) return;
    home_writer_close(w->segment);
    w->segment = NULL;
}

/* ---- the loop ---- */

static bool has_pending(const struct journal *journal) {
    const struct writer *w = &journal->writer;
    return journal->queue.oldest || w->waiting.oldest || w->written.oldest;
}

static int64_t sync_due_us(const struct journal *journal) {
    const struct writer *w = &journal->writer;
    if (journal->stopping || journal->wanted > journal->durable) return 0;
    if (w->waiting.bytes + w->written.bytes >= SYNC_BYTES) return 0;
    return journal->oldest_us ? journal->oldest_us + SYNC_US : NEVER;
}

/* When there will be something to do. The mutex is held. */
static int64_t due_us(const struct journal *journal) {
    const struct writer *w = &journal->writer;
    if (journal->stopping) return 0;
    if (journal->held) return NEVER;
    if (journal->error) return w->retry_us;
    if (!has_pending(journal))
        return w->marked < journal->durable ? w->durable_us + MARK_US : NEVER;
    int64_t take_us = journal->queue.oldest ? w->taken_us + NAP_US : NEVER;
    return MIN(take_us, sync_due_us(journal));
}

static void sleep_until(struct journal *journal, int64_t due) {
    journal->sleep = journal->queue.oldest ? SLEEP_NAP : SLEEP_IDLE;
    if (due == NEVER)
        pthread_cond_wait(&journal->changed, &journal->mutex);
    else
        thread_wait_until(&journal->changed, &journal->mutex, due);
    journal->sleep = AWAKE;
}

/* Waits for something to do and takes what has gathered. False: it is time to stop. */
static bool take(struct journal *journal) {
    struct writer *w = &journal->writer;
    pthread_mutex_lock(&journal->mutex);
    for (int64_t due; (due = due_us(journal)) > clock_mono_us();)
        sleep_until(journal, due);
    bool took = journal->queue.oldest != NULL;
    batch_move_all(&journal->queue, &w->waiting);
    journal->taken = journal->last;
    bool stopping = journal->stopping;
    pthread_mutex_unlock(&journal->mutex);
    if (took) {
        w->taken_us = clock_mono_us();
        if (!journal->oldest_us) journal->oldest_us = w->taken_us;
    }
    note_bytes(journal);
    return !stopping;
}

static void work(struct journal *journal) {
    struct writer *w = &journal->writer;
    bool had_pending = w->waiting.oldest || w->written.oldest;
    bool sync = journal->error || sync_due_us(journal) <= clock_mono_us();
    journal->syncing = sync && had_pending;
    bool written = write_waiting(journal, sync);
    journal->syncing = false;
    if (written && sync && w->segment) home_writer_prepare(w->segment);
    if (!had_pending && w->marked < journal->durable) {
        write_mark(journal, false);
        batch_free_spares(journal);
    }
    note_bytes(journal);
}

/* The last words: all is durable, and the journal says so. What is held to the end is dropped. */
static void finish(struct journal *journal) {
    struct writer *w = &journal->writer;
    if (!journal->held && write_waiting(journal, true) && w->marked < journal->durable)
        write_mark(journal, true);
    home_writer_close(w->segment);
    w->segment = NULL;
    for (struct batch *batch; (batch = batch_pop(&w->waiting));)
        batch_free(batch);
    note_bytes(journal);
}

void writer_run(void *argument) {
    struct journal *journal = argument;
    thread_is_brief();
    while (take(journal))
        work(journal);
    finish(journal);
}
