/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The side of those who change the keyspace. Invariants:
 *
 *   1. A unit's number is taken while all partitions that it has changed are locked. So of two
 *      units that changed the same partition, the one that was first has the lower number, and
 *      applying units in the order of their numbers repeats what happened.
 *      (tests/wire/test_durability.py: clients of several workers change the same keys)
 *   2. Units stand in the queue in the order of their numbers, with none missing; a unit is wholly
 *      in one batch. (tests/unit/journal_log.c)
 *   3. partitions[p] is at least the number of the last unit that has changed partition p, as soon
 *      as anybody else can lock p. (tests/crash: what a reply has shown is there)
 */
#include "base/ensure.h"
#include "base/log.h"
#include "journal/journal_priv.h"
#include "journal/record.h"
#include "sys/clock.h"
#include "sys/memory.h"

#include <stdlib.h>
#include <time.h>

#define BATCH_BYTES   ((size_t)256 * 1024)
#define COPIED_MAX    ((size_t)16 * 1024) /* larger units are not copied under the lock */
#define SPARES        16                  /* batches kept for use again */
#define WAITING_MAX   1024                /* who waits for a sync, if all in one turn */
#define GATHER_US     40                  /* that nobody has joined them, until it begins */
#define GATHER_MAX_US 500                 /* since the first of them */
#define RECORDS_KEPT  ((size_t)64 * 1024) /* of a thread's buffer, from unit to unit */
#define SYNC_POLL_NS  200000
#define BEHIND_US     1000000
#define BEHIND_BYTES  ((uint64_t)512 << 20)
#define SEGMENT_BYTES ((uint64_t)64 << 20)
#define AHEAD         128 /* bytes that are fetched before they are written */

/* ---- batches ---- */

void batch_push(struct batch_queue *queue, struct batch *batch) {
    batch->next = NULL;
    if (queue->newest)
        queue->newest->next = batch;
    else
        queue->oldest = batch;
    queue->newest = batch;
    queue->bytes += batch->length;
}

struct batch *batch_pop(struct batch_queue *queue) {
    struct batch *batch = queue->oldest;
    if (!batch) return NULL;
    queue->oldest = batch->next;
    if (!queue->oldest) queue->newest = NULL;
    queue->bytes -= batch->length;
    return batch;
}

void batch_move_all(struct batch_queue *from, struct batch_queue *to) {
    if (!from->oldest) return;
    if (to->newest)
        to->newest->next = from->oldest;
    else
        to->oldest = from->oldest;
    to->newest = from->newest;
    to->bytes += from->bytes;
    *from = (struct batch_queue){0};
}

void batch_free(struct batch *batch) {
    if (!batch) return;
    memory_free(batch->data);
    memory_free(batch);
}

void batch_reuse(struct journal *journal, struct batch *batch) {
    bool keep = batch->capacity == BATCH_BYTES;
    pthread_mutex_lock(&journal->mutex);
    keep = keep && journal->spares < SPARES;
    if (keep) {
        batch->next = journal->spare;
        journal->spare = batch;
        journal->spares++;
    }
    pthread_mutex_unlock(&journal->mutex);
    if (!keep) batch_free(batch);
}

void batch_free_spares(struct journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    struct batch *batch = journal->spare;
    journal->spare = NULL;
    journal->spares = 0;
    pthread_mutex_unlock(&journal->mutex);
    for (struct batch *next; batch; batch = next) {
        next = batch->next;
        batch_free(batch);
    }
}

/* The one that was used last, which a cache may still have. The mutex is held. */
static struct batch *take_spare(struct journal *journal) {
    struct batch *batch = journal->spare;
    if (!batch) return NULL;
    journal->spare = batch->next;
    journal->spares--;
    batch->length = FRAME_HEAD_SIZE;
    batch->count = 0;
    return batch;
}

/* What has been changed cannot be taken back, and the journal must not miss it. */
static void *need(void *memory) {
    if (LIKELY(memory != NULL)) return memory;
    log_warning("There is no memory to record a change in the journal, and the change cannot be "
                "taken back: the server ends. What is durable is there when it starts again. Give "
                "it more memory, or a lower maxmemory.");
    abort();
}

static struct batch *batch_create(size_t capacity) {
    struct batch *batch = need(memory_alloc(sizeof *batch));
    *batch = (struct batch){.length = FRAME_HEAD_SIZE, .capacity = capacity};
    batch->data = need(memory_alloc(capacity));
    return batch;
}

/* ---- units ---- */

/* What a thread has changed since its last unit ended. Behind the room for a batch's and a unit's
 * head, so that a large unit becomes a batch without being copied. */
struct open_unit {
    struct buffer buffer;
    uint64_t partitions[PARTITION_COUNT / 64];
    bool going_back; /* what changes is no part of it */
    bool has_news;   /* for the writer: units have ended, or somebody waits */

    /* What somebody waits for, since the writer was told: */
    unsigned waiting, seen;    /* how often that was said; when it was last looked at */
    uint64_t wanted;           /* the last unit */
    int64_t first_us, last_us; /* when it was found to be the first, and more */
};

#define RECORDS_START (FRAME_HEAD_SIZE + UNIT_HEAD_MAX)

static _Thread_local struct open_unit open_unit;

static void note_partition(const struct key *key) {
    unsigned partition = key_partition(key);
    open_unit.partitions[partition / 64] |= 1ull << (partition % 64);
}

static void note_partitions(const struct change *change) {
    if (change->key) note_partition(change->key);
    if (change->other) note_partition(change->other);
    if (!change->key) memset(open_unit.partitions, 0xff, sizeof open_unit.partitions);
}

static bool is_active(const struct journal *journal) {
    return atomic_load_explicit(&journal->active, memory_order_relaxed);
}

static void changed(void *context, const struct change *change) {
    const struct journal *journal = context;
    if (change->kind == CHANGE_NOTICE || !is_active(journal) || UNLIKELY(open_unit.going_back))
        return;
    struct buffer *buffer = &open_unit.buffer;
    if (UNLIKELY(buffer->len == 0)) {
        if (!buffer->data) thread_owns_buffer(buffer);
        need(buffer_reserve(buffer, RECORDS_START) ? buffer : NULL);
        buffer->len = RECORDS_START;
    }
    need(record_write(buffer, change) ? buffer : NULL);
    note_partitions(change);
}

void journal_note_command(struct journal *journal, const struct bytes *argv, unsigned argc) {
    changed(journal, &(struct change){.kind = CHANGE_COMMAND, .argv = argv, .argc = argc});
}

/* ---- the queue; the mutex is held ---- */

static struct batch *open_batch(struct journal *journal, size_t size) {
    struct batch *batch = journal->queue.newest;
    if (LIKELY(batch && batch->capacity - batch->length >= size)) return batch;
    batch = take_spare(journal);
    if (!batch) batch = batch_create(BATCH_BYTES);
    batch->first = journal->last + 1;
    batch_push(&journal->queue, batch);
    return batch;
}

/* What follows is asked for early: the writer's core has it, from the batch before. */
static void append_copy(struct journal *journal, struct bytes unit) {
    struct batch *batch = open_batch(journal, unit.len);
    char *end = batch->data + batch->length + unit.len;
    memcpy(batch->data + batch->length, unit.data, unit.len);
    batch->length += unit.len;
    batch->count++;
    journal->queue.bytes += unit.len;
    __builtin_prefetch(end + AHEAD, 1);
}

static void append_whole(struct journal *journal, struct batch *batch) {
    batch->first = journal->last + 1;
    batch_push(&journal->queue, batch);
}

/* Writes the unit's head in front of its records. Returns all of it, which is in the buffer. */
static struct bytes finish_unit(int64_t time_ms) {
    struct buffer *buffer = &open_unit.buffer;
    size_t length = buffer->len - RECORDS_START, head = unit_head_size(length);
    char *unit = buffer->data + RECORDS_START - head;
    unit_head_write(unit, time_ms, length);
    return bytes_make(unit, head + length);
}

/* Makes a batch of the thread's buffer; the unit has to move up to the room for the batch's head.
 */
static struct batch *take_buffer(struct bytes unit) {
    struct buffer *buffer = &open_unit.buffer;
    struct batch *batch = need(memory_alloc(sizeof *batch));
    *batch = (struct batch){.data = buffer->data, .count = 1, .capacity = buffer->cap};
    memmove(buffer->data + FRAME_HEAD_SIZE, unit.data, unit.len);
    batch->length = FRAME_HEAD_SIZE + unit.len;
    *buffer = (struct buffer){0};
    return batch;
}

static void publish(struct journal *journal, uint64_t sequence) {
    for (unsigned word = 0; word < PARTITION_COUNT / 64; word++) {
        for (uint64_t bits = open_unit.partitions[word]; bits; bits &= bits - 1)
            atomic_store_explicit(&journal->partitions[word * 64 + (unsigned)__builtin_ctzll(bits)],
                                  sequence, memory_order_relaxed);
        open_unit.partitions[word] = 0;
    }
}

uint64_t journal_end_unit(struct journal *journal, int64_t time_ms) {
    struct buffer *buffer = &open_unit.buffer;
    if (LIKELY(buffer->len <= RECORDS_START)) return 0;
    struct bytes unit = finish_unit(time_ms);
    struct batch *whole = NULL;
    if (UNLIKELY(unit.len > COPIED_MAX)) whole = take_buffer(unit);
    pthread_mutex_lock(&journal->mutex);
    bool kept = !journal->abandoned;
    if (UNLIKELY(!kept))
        batch_free(whole);
    else if (UNLIKELY(whole != NULL))
        append_whole(journal, whole);
    else
        append_copy(journal, unit);
    uint64_t sequence = journal->last + kept;
    atomic_store_explicit(&journal->last, sequence, memory_order_release);
    pthread_mutex_unlock(&journal->mutex);
    publish(journal, sequence);
    open_unit.has_news = true;
    buffer->len = 0;
    if (UNLIKELY(buffer->cap > RECORDS_KEPT)) buffer_free(buffer);
    return sequence;
}

size_t journal_mark(const struct journal *journal) {
    (void)journal;
    return open_unit.buffer.len;
}

/* What the rest says of partitions stays: it may make somebody wait for a unit that he has not
 * seen. */
void journal_rewind(struct journal *journal, size_t mark, bool going_back) {
    (void)journal;
    open_unit.buffer.len = mark;
    open_unit.going_back = going_back;
}

void journal_abandon(struct journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    uint64_t never = journal->last + !journal->abandoned;
    journal->abandoned = true;
    atomic_store_explicit(&journal->last, never, memory_order_release);
    pthread_mutex_unlock(&journal->mutex);
    publish(journal, never);
    open_unit.buffer.len = 0;
}

/* ---- waiting and waking ---- */

static bool is_behind(const struct journal *journal) {
    int64_t oldest_us = journal->oldest_us;
    if (oldest_us && clock_mono_us() - oldest_us > BEHIND_US) return true;
    return journal->queue.bytes + journal->taken_bytes > BEHIND_BYTES;
}

static void tell_writer(struct journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    if (journal->wanted < open_unit.wanted) journal->wanted = open_unit.wanted;
    enum writer_sleep sleep = journal->sleep;
    if (sleep == SLEEP_IDLE || (sleep == SLEEP_NAP && open_unit.waiting)) {
        journal->sleep = AWAKE;
        pthread_cond_signal(&journal->changed);
    }
    if (UNLIKELY(is_behind(journal))) atomic_store(&journal->behind, true);
    pthread_mutex_unlock(&journal->mutex);
    open_unit.has_news = false;
    open_unit.waiting = open_unit.seen = 0;
    open_unit.wanted = 0;
}

/* A sync costs nearly the same for one unit as for a thousand, so it is worth waiting for those who
 * are going to want one as well, as PostgreSQL's commit_delay does. They are those who waited for
 * the last one, or came too late for it: as soon as their replies are out they send the next
 * command. */
static bool is_gathered(const struct journal *journal) {
    uint64_t gathered = atomic_load_explicit(&journal->last, memory_order_relaxed) -
                        atomic_load_explicit(&journal->taken, memory_order_relaxed);
    return gathered >= atomic_load_explicit(&journal->expected, memory_order_relaxed);
}

static bool is_worth_waiting(void) {
    int64_t now_us = clock_mono_us();
    if (!open_unit.seen) open_unit.first_us = now_us;
    if (open_unit.seen != open_unit.waiting) open_unit.last_us = now_us;
    open_unit.seen = open_unit.waiting;
    return now_us - open_unit.last_us < GATHER_US && now_us - open_unit.first_us < GATHER_MAX_US;
}

void journal_want(struct journal *journal, uint64_t sequence) {
    open_unit.wanted = MAX(open_unit.wanted, sequence);
    open_unit.has_news = true;
    if (++open_unit.waiting >= WAITING_MAX) tell_writer(journal);
}

bool journal_wake(struct journal *journal) {
    if (LIKELY(!open_unit.has_news)) return false;
    if (open_unit.waiting && journal_durable(journal) < open_unit.wanted) {
        if (journal->syncing) return false;
        if (!is_gathered(journal) && is_worth_waiting()) return true;
    }
    tell_writer(journal);
    return false;
}

/* ---- looking ---- */

uint64_t journal_partition(const struct journal *journal, unsigned partition) {
    return atomic_load_explicit(&journal->partitions[partition], memory_order_relaxed);
}

uint64_t journal_last(const struct journal *journal) {
    return atomic_load_explicit(&journal->last, memory_order_acquire);
}

uint64_t journal_durable(const struct journal *journal) {
    return atomic_load(&journal->durable);
}

bool journal_is_behind(const struct journal *journal) {
    return atomic_load_explicit(&journal->behind, memory_order_relaxed);
}

struct journal_status journal_status(const struct journal *journal) {
    int64_t oldest_us = journal->oldest_us;
    return (struct journal_status){
        .last = journal->last,
        .durable = journal->durable,
        .queued_bytes = journal->taken_bytes,
        .written_bytes = journal->written_bytes,
        .segment_bytes = journal->current_bytes,
        .syncs = journal->syncs,
        .failures = journal->failures,
        .segments = journal->segments,
        .lag_us = oldest_us ? clock_mono_us() - oldest_us : 0,
        .last_sync_us = journal->last_sync_us,
        .error = journal->error,
    };
}

/* ---- life ---- */

/* Held for some ten nanoseconds: whoever finds it taken polls before it sleeps. */
static void init_mutex(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

struct journal *journal_create(const struct journal_options *options) {
    struct journal *journal = memory_alloc_zero(sizeof *journal);
    if (!journal) return NULL;
    journal->home = options->home;
    journal->segment_bytes = options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES;
    journal->on_durable = options->durable;
    journal->on_failed = options->failed;
    journal->context = options->context;
    init_mutex(&journal->mutex);
    pthread_cond_init(&journal->changed, NULL);
    keyspace_subscribe(options->keyspace, changed, journal, NULL);
    return journal;
}

int journal_start(struct journal *journal, uint64_t first) {
    ensure(!journal->started && first > 0);
    journal->last = journal->durable = journal->wanted = journal->taken = first - 1;
    journal->expected = 0;
    journal->stopping = journal->behind = false;
    journal->error = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        journal->partitions[p] = first - 1;
    /* Whoever has found out that `first` comes next found nothing in a segment of that name. */
    journal->writer = (struct writer){.attempted = first, .marked = first - 1};
    int status = thread_start("journal", writer_run, journal, &journal->writer.thread);
    if (!status) journal->active = journal->started = true;
    return status;
}

void journal_hold(struct journal *journal, bool hold) {
    pthread_mutex_lock(&journal->mutex);
    journal->held = hold;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
}

void journal_record(struct journal *journal, bool record) {
    journal->active = record;
}

bool journal_sync(struct journal *journal) {
    uint64_t last = journal_last(journal);
    if (journal->held) return false;
    journal_want(journal, last);
    tell_writer(journal);
    while (journal_durable(journal) < last && !journal->error)
        nanosleep(&(struct timespec){.tv_nsec = SYNC_POLL_NS}, NULL);
    return journal_durable(journal) >= last;
}

bool journal_stop(struct journal *journal) {
    if (!journal->started) return true;
    journal->active = journal->started = false;
    pthread_mutex_lock(&journal->mutex);
    journal->stopping = true;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->mutex);
    thread_join(&journal->writer.thread);
    batch_free_spares(journal);
    journal->held = false;
    return journal->durable + journal->abandoned == journal->last;
}

void journal_free(struct journal *journal) {
    if (!journal) return;
    journal_stop(journal);
    pthread_mutex_destroy(&journal->mutex);
    pthread_cond_destroy(&journal->changed);
    memory_free(journal);
}
