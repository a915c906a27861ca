/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a snapshot.
 *
 * The thread that takes it walks the keyspace: under a partition's lock it copies entries, some
 * buckets at a time, and serialises and writes the copies when it has let the lock go. Who changes
 * an entry that the walk has not come by copies it first (keyspace/epoch.h). An object is not
 * copied: the thread pins it, lets the lock go and serialises it where it is, while others read it;
 * who wants to change it meanwhile waits. One that is changed before the walk gets there is
 * serialised by who changes it; commands ask first, and wait for the walk (keyspace_epoch_delays).
 *
 * Invariants:
 *   1. Every key that was there at the instant is in the file once, with the value and the expiry
 *      that it had then, and nothing else is (test_an_instant_under_load).
 *   2. A pinned object is not changed and not freed: its entry stays unsaved until it is written,
 *      so whoever wants to change it comes to save_entry(), and waits there (the same test, of
 *      whose lists both ends agree; test_writing_to_a_large_collection_meanwhile).
 *   3. Who waits there, or writes to the file, may hold partitions or exclusive mode: so the
 *      thread never waits for the gate or a partition while it has pinned an object or holds
 *      `writing`, and for the disk only while it holds nothing (tests/stress/test_snapshots.py,
 *      which would not come to its end).
 *   4. Copies that wait to be written take at most `limit` bytes, and a chunk for each
 *      participant: the thread writes them before it walks on, and who has filled a chunk when
 *      there are more writes one himself (test_copies_that_wait). A single value that is larger is
 *      copied all the same.
 *   5. A snapshot that fails goes on to the end of its walk without copying, so that the epoch
 *      ends (test_one_that_fails, test_what_does_not_flow).
 *
 * The tests are in tests/unit/journal_snapshot.c and tests/wire/test_snapshot.py.
 */
#include "journal/snapshot.h"
#include "base/ensure.h"
#include "journal/snapshot_saved.h"
#include "keyspace/clock.h"
#include "keyspace/epoch.h"
#include "keyspace/gate.h"
#include "keyspace/policy.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define STEP_BYTES    ((size_t)64 * 1024)        /* are copied before they are written */
#define STEPS         16                         /* of the walk, likewise: some 600 small entries */
#define LIMIT_LEAST   ((size_t)16 * 1024 * 1024) /* of copies waiting */
#define LIMIT_PERCENT 2                          /* of resident memory, if that is more */
#define PART_MOST     ((size_t)4 * 1024 * 1024)  /* of a serialised collection kept in memory */
#define YIELD_US      250                        /* that the thread runs without asking */

struct taking {
    const struct snapshot_options *options;
    struct saved *saved;
    size_t limit, step_bytes;
    size_t used_memory; /* just before the instant */
    int64_t now_ms;
    int64_t yield_us; /* when the others are to be let run */
    bool lru, lfu;    /* which use of entries is told */
    atomic_bool failed;

    pthread_mutex_t writing; /* guards the writer */
    struct rdb_writer writer;

    pthread_mutex_t pinning; /* guards these */
    pthread_cond_t unpinned;
    const void *pinned;   /* object being written */
    const void *finished; /* object written last */
    struct buffer pinned_name;
    struct rdb_key pinned_key;
    struct value pinned_value;
    char refused[65]; /* a key */
};

/* ---- records ---- */

static struct rdb_key key_of(const struct taking *t, uint32_t db, const struct entry *e) {
    return (struct rdb_key){
        .name = entry_key(e),
        .db = db,
        .expiry = entry_expiry(e),
        .idle = t->lru ? (int64_t)clock_idle_seconds(entry_clock(e), t->now_ms) : -1,
        .frequency = t->lfu ? (int64_t)clock_frequency(entry_clock(e), t->now_ms) : -1,
    };
}

static void fail(struct taking *t, int status) {
    pthread_mutex_lock(&t->writing);
    if (!t->writer.status) t->writer.status = status;
    pthread_mutex_unlock(&t->writing);
    atomic_store(&t->failed, true);
}

static bool has_failed(struct taking *t) {
    if (UNLIKELY(__atomic_load_n(&t->options->progress->stop, __ATOMIC_RELAXED)) &&
        !atomic_load(&t->failed))
        fail(t, -ECANCELED);
    return atomic_load_explicit(&t->failed, memory_order_relaxed);
}

/* After writing, with `writing` held. */
static void note_written(struct taking *t, uint64_t keys) {
    struct snapshot_progress *progress = t->options->progress;
    __atomic_store_n(&progress->keys, progress->keys + keys, __ATOMIC_RELAXED);
    __atomic_store_n(&progress->bytes, t->writer.written, __ATOMIC_RELAXED);
    if (t->writer.status) atomic_store(&t->failed, true);
}

static void write_item(struct taking *t, const struct saved_item *item) {
    if (item->kind == SAVED_RECORD) {
        rdb_writer_part(&t->writer, item->db, bytes_make(item->bytes, item->size));
        return;
    }
    const struct entry *e = (const void *)item->bytes;
    struct rdb_key key = key_of(t, item->db, e);
    struct value value = entry_value(e);
    rdb_writer_key(&t->writer, &key, &value);
}

/* Writes all that is in the chunk, and frees it. */
static void write_chunk(struct taking *t, struct saved_chunk *chunk) {
    uint64_t keys = 0;
    pthread_mutex_lock(&t->writing);
    for (struct saved_item *i = NULL; (i = saved_next(chunk, i)); keys++)
        if (!t->writer.status) write_item(t, i);
    note_written(t, keys);
    pthread_mutex_unlock(&t->writing);
    saved_chunk_free(t->saved, chunk);
}

static void write_full_chunks(struct taking *t) {
    struct saved_chunk *chunk;
    while ((chunk = saved_take(t->saved)))
        write_chunk(t, chunk);
}

/* ---- saving ---- */

static void copy_entry(struct taking *t, unsigned participant, uint32_t db, const struct entry *e) {
    size_t size = entry_size(e);
    struct saved_item *item = saved_add(t->saved, participant, size);
    if (!item) {
        fail(t, -ENOMEM);
        return;
    }
    item->db = db;
    item->kind = SAVED_ENTRY;
    memcpy(item->bytes, e, size);
}

/* A collection on its way into a chunk or, when it gets long, into the file. */
struct part {
    struct taking *taking;
    struct buffer bytes;
    uint32_t db;
    bool to_file; /* then `writing` is held */
};

static int add_piece(void *context, struct bytes piece) {
    struct part *part = context;
    struct taking *t = part->taking;
    if (!part->to_file && part->bytes.len + piece.len > PART_MOST) {
        pthread_mutex_lock(&t->writing);
        part->to_file = true;
        rdb_writer_part(&t->writer, part->db, buffer_bytes(&part->bytes));
        buffer_free(&part->bytes);
    }
    if (!part->to_file) return buffer_append_bytes(&part->bytes, piece) ? 0 : -ENOMEM;
    rdb_writer_part(&t->writer, part->db, piece);
    return t->writer.status;
}

static void keep_part(struct taking *t, unsigned participant, const struct part *part) {
    struct saved_item *item = saved_add(t->saved, participant, part->bytes.len);
    if (!item) {
        fail(t, -ENOMEM);
        return;
    }
    item->db = part->db;
    item->kind = SAVED_RECORD;
    memcpy(item->bytes, part->bytes.data, part->bytes.len);
}

/* The first one counts. */
static void note_refused(struct taking *t, const char *key) {
    pthread_mutex_lock(&t->pinning);
    if (!*t->refused) memcpy(t->refused, key, sizeof t->refused);
    pthread_mutex_unlock(&t->pinning);
}

static void serialise_object(struct taking *t, unsigned participant, uint32_t db,
                             const struct entry *e) {
    struct part part = {.taking = t, .db = db};
    struct rdb_writer writer;
    struct rdb_key key = key_of(t, db, e);
    struct value value = entry_value(e);
    rdb_writer_begin_part(&writer, (struct rdb_output){add_piece, &part},
                          t->options->format.version, db);
    rdb_writer_key(&writer, &key, &value);
    int status = rdb_writer_flush(&writer);
    if (status == -EPROTO) note_refused(t, writer.refused);
    rdb_writer_free(&writer);
    if (part.to_file) {
        if (status && !t->writer.status) t->writer.status = status;
        note_written(t, 1);
        pthread_mutex_unlock(&t->writing);
    } else if (status) {
        fail(t, status);
    } else {
        keep_part(t, participant, &part);
    }
    buffer_free(&part.bytes);
}

/* True: it is in the file, and not settled yet: nothing else has been pinned since, so `finished`
 * is this one. An object that is not saved is the one that was there at the instant. */
static bool wait_until_unpinned(struct taking *t, const void *object) {
    pthread_mutex_lock(&t->pinning);
    while (t->pinned == object)
        pthread_cond_wait(&t->unpinned, &t->pinning);
    bool finished = t->finished == object;
    pthread_mutex_unlock(&t->pinning);
    return finished;
}

/* An epoch_saver: the entry is about to change. */
static void save_entry(void *context, unsigned participant, uint32_t db, const struct entry *e) {
    struct taking *t = context;
    bool object = entry_is_object(e);
    if (object && wait_until_unpinned(t, entry_object(e))) return;
    if (has_failed(t)) return;
    if (object)
        serialise_object(t, participant, db, e);
    else
        copy_entry(t, participant, db, e);
    if (LIKELY(saved_bytes(t->saved) <= t->limit)) return;
    struct saved_chunk *chunk = saved_take(t->saved);
    if (chunk) write_chunk(t, chunk);
}

/* ---- the walk ---- */

static enum epoch_answer pin(struct taking *t, uint32_t db, const struct entry *e,
                             const struct value *value) {
    buffer_clear(&t->pinned_name);
    if (!buffer_append_bytes(&t->pinned_name, entry_key(e))) {
        fail(t, -ENOMEM);
        return EPOCH_NEXT;
    }
    t->pinned_key = key_of(t, db, e);
    t->pinned_key.name = buffer_bytes(&t->pinned_name);
    t->pinned_value = *value;
    pthread_mutex_lock(&t->pinning);
    t->pinned = value->object;
    pthread_mutex_unlock(&t->pinning);
    return EPOCH_LATER;
}

/* An epoch_visitor. */
static enum epoch_answer visit(void *context, uint32_t db, const struct entry *e) {
    struct taking *t = context;
    unsigned participant = t->options->participant;
    struct value value = entry_value(e);
    if (has_failed(t)) return EPOCH_NEXT;
    if (!value.large) {
        copy_entry(t, participant, db, e);
        t->step_bytes += entry_size(e);
        return t->step_bytes < STEP_BYTES ? EPOCH_NEXT : EPOCH_PAUSE;
    }
    return pin(t, db, e, &value);
}

static void write_pinned(struct taking *t) {
    pthread_mutex_lock(&t->writing);
    rdb_writer_key(&t->writer, &t->pinned_key, &t->pinned_value);
    note_written(t, 1);
    pthread_mutex_unlock(&t->writing);
    pthread_mutex_lock(&t->pinning);
    t->finished = t->pinned;
    t->pinned = NULL;
    pthread_cond_broadcast(&t->unpinned);
    pthread_mutex_unlock(&t->pinning);
    const struct key key = key_make(t->pinned_key.name);
    keyspace_epoch_settle(t->options->keyspace, t->options->participant, t->pinned_key.db, &key);
}

static void let_flow(struct taking *t) {
    const struct snapshot_options *o = t->options;
    uint64_t written = __atomic_load_n(&o->progress->bytes, __ATOMIC_RELAXED);
    int status = o->flow && !has_failed(t) ? o->flow(o->output.context, written) : 0;
    if (status) fail(t, status);
}

/* A scheduler need not stop who has not used up his slice of some milliseconds when a worker wakes
 * up, and on a machine with few cores it may have no other place for it. */
static void let_others_run(struct taking *t) {
    if (clock_mono_us() < t->yield_us) return;
    sched_yield();
    t->yield_us = clock_mono_us() + YIELD_US;
}

static void walk(struct taking *t) {
    const struct snapshot_options *o = t->options;
    struct epoch_walk walk = {0};
    bool more = true;
    while (more) {
        t->step_bytes = 0;
        for (unsigned i = 0; more && i < STEPS && !t->pinned && t->step_bytes < STEP_BYTES; i++)
            more = keyspace_epoch_walk(o->keyspace, o->participant, &walk, visit, t);
        if (t->pinned) write_pinned(t);
        struct saved_chunk *own = saved_take_open(t->saved, o->participant);
        if (own) write_chunk(t, own);
        write_full_chunks(t);
        let_flow(t);
        let_others_run(t);
    }
}

/* ---- beginning and end ---- */

static void write_head(struct taking *t, const struct snapshot_result *result) {
    struct rdb_writer *w = &t->writer;
    rdb_writer_aux(w, BYTES("strata-ver"), BYTES("1"));
    rdb_writer_aux_number(w, BYTES("redis-bits"), 8 * sizeof(void *));
    rdb_writer_aux_number(w, BYTES("ctime"), (uint64_t)t->now_ms / 1000);
    rdb_writer_aux_number(w, BYTES("used-mem"), t->used_memory);
    rdb_writer_aux_number(w, BYTES("aof-base"), 0);
    if (t->options->instant) rdb_writer_aux_number(w, BYTES("strata-sequence"), result->sequence);
}

static bool write_function(void *context, struct bytes code) {
    struct rdb_writer *w = context;
    rdb_writer_function(w, code);
    return !w->status;
}

/* Nobody else is in the keyspace. */
static bool begin(struct taking *t, struct snapshot_result *result) {
    const struct snapshot_options *o = t->options;
    uint64_t total = 0;
    if (!keyspace_epoch_begin(o->keyspace, save_entry, t)) return false;
    t->now_ms = clock_wall_ms();
    t->lru = (policy.maxmemory_policy & POLICY_LRU) != 0;
    t->lfu = policy_is_lfu();
    rdb_writer_begin(&t->writer, o->output, o->format);
    if (o->instant) result->sequence = o->instant(o->instant_context);
    write_head(t, result);
    if (o->each_function) o->each_function(o->function_context, write_function, &t->writer);
    for (uint32_t db = 0; db < keyspace_databases(o->keyspace); db++) {
        struct keyspace_size size = keyspace_size(o->keyspace, db);
        if (size.keys) rdb_writer_sizes(&t->writer, db, size.keys, size.volatile_keys);
        total += size.keys;
    }
    o->progress->keys_total = total;
    return true;
}

/* Everybody's last chunk, which nobody adds to any more. */
static void finish(struct taking *t, unsigned participants) {
    const struct snapshot_options *o = t->options;
    struct saved_chunk *chunk, *last = NULL;
    gate_enter(o->gate, o->participant);
    gate_exclusive_begin(o->gate, o->participant);
    keyspace_epoch_end(o->keyspace);
    for (unsigned i = 0; i < participants; i++) {
        if (!(chunk = saved_take_open(t->saved, i))) continue;
        chunk->next = last;
        last = chunk;
    }
    gate_exclusive_end(o->gate, o->participant);
    gate_leave(o->gate, o->participant);
    while ((chunk = last)) {
        last = chunk->next;
        write_chunk(t, chunk);
    }
    write_full_chunks(t);
    rdb_writer_end(&t->writer);
}

static void take(struct taking *t, unsigned participants, struct snapshot_result *result) {
    const struct snapshot_options *o = t->options;
    t->used_memory = memory_allocated();
    gate_enter(o->gate, o->participant);
    int64_t began_us = clock_mono_us();
    gate_exclusive_begin(o->gate, o->participant);
    bool begun = begin(t, result);
    gate_exclusive_end(o->gate, o->participant);
    gate_leave(o->gate, o->participant);
    result->instant_usec = clock_mono_us() - began_us;
    result->instant_ms = t->now_ms;
    result->status = -ENOMEM;
    if (!begun) return;
    walk(t);
    finish(t, participants);
    note_written(t, 0);
    result->status = t->writer.status;
    const char *key = *t->refused ? t->refused : t->writer.refused;
    if (result->status == -EPROTO)
        snprintf(result->what, sizeof result->what, *key ? "key '%s'" : "a library of functions",
                 key);
    result->keys = o->progress->keys;
    result->bytes = t->writer.written;
    o->progress->buffered_peak = saved_peak(t->saved);
}

static atomic_bool reserved;

bool snapshot_reserve(void) {
    return !atomic_exchange(&reserved, true);
}

void snapshot_release(void) {
    atomic_store(&reserved, false);
}

struct snapshot_result snapshot_take(const struct snapshot_options *options) {
    struct snapshot_result result = {.status = -ENOMEM};
    ensure(atomic_load(&reserved));
    unsigned participants = gate_participants(options->gate);
    struct taking taking = {.options = options, .saved = saved_create(participants)};
    if (!taking.saved) return result;
    taking.limit = MAX(LIMIT_LEAST, memory_resident() / 100 * LIMIT_PERCENT);
    pthread_mutex_init(&taking.writing, NULL);
    pthread_mutex_init(&taking.pinning, NULL);
    pthread_cond_init(&taking.unpinned, NULL);
    take(&taking, participants, &result);
    rdb_writer_free(&taking.writer);
    buffer_free(&taking.pinned_name);
    saved_free(taking.saved);
    pthread_cond_destroy(&taking.unpinned);
    pthread_mutex_destroy(&taking.pinning);
    pthread_mutex_destroy(&taking.writing);
    return result;
}
