/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. Records are applied at their unit's time, and those of a partition in their order. One that
 *      touches more than its key's partition finds all that came before it, and nothing else.
 *   2. All of a unit is applied or none: a unit is in one frame, a frame is applied only when its
 *      checksum is right, and whoever is told that one could not be applied does not go on.
 *   3. Nothing expires here but by a record, because a unit's time is the one that it had: what had
 *      expired then, a record before it has removed.
 *
 * tests/unit/journal_replay.c: the same on any number of threads; tests/unit/journal_log.c, and
 * tests/wire/test_durability.py for all types: what was done is the same again.
 */
#include "journal/replay.h"
#include "base/log.h"
#include "journal/lanes.h"
#include "sys/memory.h"
#include "value/rdb_value.h"

#include <stdatomic.h>

#define MISFITS_LOGGED 10
#define GROUP          32u /* records whose memory is asked for before they are applied */
#define COPIED_MAX     ((size_t)1 << 20) /* what is larger is applied from where it was read */

/* Nobody is told of what happens again. */
static const struct event silent = {0};

enum outcome { FITS, MISFIT, NO_MEMORY };

/* A record in a lane. */
struct item {
    uint64_t hash;
    int64_t time_ms;
    size_t at, length; /* in the batch's bytes */
    uint32_t db;
};

/* What a thread applies records with. */
struct hand {
    const struct replay *replay;
    unsigned number;
    struct buffer scratch; /* for values */
    struct bytes *argv;
    size_t argv_capacity;
};

struct replay {
    struct replay_options options;
    struct lanes *lanes;
    uint64_t units;
    _Atomic uint64_t misfits;
    atomic_bool no_memory;
    struct hand hand[];
};

struct place {
    struct view view;
    struct key key; /* of the record */
    struct spot spot;
};

static struct view view_of(const struct hand *hand, uint32_t db, int64_t time_ms) {
    struct keyspace *keyspace = hand->replay->options.keyspace;
    return (struct view){.keyspace = keyspace,
                         .counters = keyspace_counters_of(keyspace, hand->number),
                         .now_ms = time_ms,
                         .db = db,
                         .worker = hand->number};
}

static struct entry *seek(struct place *place) {
    return keyspace_seek(&place->view, &place->key, &place->spot);
}

static enum outcome outcome_of(bool stored) {
    return stored ? FITS : NO_MEMORY;
}

/* ---- one record ---- */

static enum outcome apply_string(struct place *place, const struct record *record) {
    seek(place);
    const struct string_store store = {.value = record->value,
                                       .expiry = record->expiry,
                                       .raw = (record->flags & RECORD_RAW) != 0,
                                       .event = silent};
    return outcome_of(keyspace_store_string(&place->view, &place->spot, &store));
}

static enum outcome apply_value(struct hand *hand, struct place *place,
                                const struct record *record) {
    static const struct edit edit = {.event = {0}};
    struct rdb_reader reader = {.left = bytes_skip(record->value, 1), .version = RDB_VERSION};
    struct value value;
    buffer_clear(&hand->scratch);
    if (!rdb_read_value(&reader, (uint8_t)*record->value.data, INT64_MIN, &hand->scratch, &value))
        return reader.no_memory ? NO_MEMORY : MISFIT;
    seek(place);
    if (keyspace_replace(&place->view, &place->spot, &value, record->expiry, &edit)) return FITS;
    if (value.large) value_ops(value.type)->free(value.object);
    return NO_MEMORY;
}

static enum outcome apply_range(struct place *place, const struct record *record) {
    const struct entry *e = seek(place);
    if (e && entry_type(e) != TYPE_STRING) return MISFIT;
    if (record->offset > UINT32_MAX) return MISFIT; /* strings are shorter */
    return outcome_of(
        keyspace_write_range(&place->view, &place->spot, record->offset, record->value, silent));
}

/* The words of a command in hand->argv. False: no memory. */
static bool read_words(struct hand *hand, const struct record *record) {
    if (record->argc > hand->argv_capacity) {
        struct bytes *argv = memory_realloc(hand->argv, record->argc * sizeof *argv);
        if (!argv) return false;
        hand->argv = argv;
        hand->argv_capacity = record->argc;
    }
    struct bytes words = record->words;
    for (uint64_t i = 0; i < record->argc; i++)
        hand->argv[i] = record_word(&words);
    return true;
}

static enum outcome apply_command(struct hand *hand, const struct place *place,
                                  const struct record *record) {
    const struct replay_options *o = &hand->replay->options;
    if (!read_words(hand, record)) return NO_MEMORY;
    bool ran = o->run(o->context, hand->number, &place->view, hand->argv, (unsigned)record->argc);
    return ran ? FITS : MISFIT;
}

static enum outcome apply_expiry(struct place *place, const struct record *record) {
    if (!seek(place)) return MISFIT;
    return outcome_of(keyspace_set_expiry(&place->view, &place->spot, record->expiry, silent));
}

static enum outcome apply_remove(struct place *place, const struct record *record) {
    if (!seek(place)) return record->flags & RECORD_EXPIRED ? FITS : MISFIT;
    keyspace_remove(&place->view, &place->spot, silent);
    return FITS;
}

static enum outcome apply_rename(struct place *place, const struct record *record) {
    struct key new_key = place->key;
    struct spot to;
    place->key = key_make(record->old_key);
    if (!seek(place)) return MISFIT;
    keyspace_seek(&place->view, &new_key, &to);
    seek(place); /* `to` may have had to go, and moved it */
    return outcome_of(keyspace_rename(&place->view, &place->spot, &to));
}

static enum outcome apply(struct hand *hand, struct place *place, const struct record *record) {
    switch (record->kind) {
    case RECORD_STRING: return apply_string(place, record);
    case RECORD_VALUE: return apply_value(hand, place, record);
    case RECORD_RANGE: return apply_range(place, record);
    case RECORD_COMMAND: return apply_command(hand, place, record);
    case RECORD_EXPIRY: return apply_expiry(place, record);
    case RECORD_REMOVE: return apply_remove(place, record);
    case RECORD_RENAME: return apply_rename(place, record);
    case RECORD_FLUSH: keyspace_flush(&place->view, false); return FITS;
    case RECORD_SWAP: keyspace_swap(&place->view, record->db, record->other_db); return FITS;
    }
    return MISFIT;
}

static void note_misfit(struct replay *replay, const struct record *record) {
    if (atomic_fetch_add(&replay->misfits, 1) >= MISFITS_LOGGED) return;
    log_warning("A record of the journal does not fit what was there before it: kind %d, database "
                "%u, key '%.*s'",
                (int)record->kind, record->db, (int)MIN(record->key.len, (size_t)64),
                record->key.data ? record->key.data : "");
}

static void apply_at(struct replay *replay, unsigned number, const struct record *record,
                     const struct key *key, int64_t time_ms) {
    struct hand *hand = &replay->hand[number];
    struct place place = {.view = view_of(hand, record->db, time_ms), .key = *key};
    enum outcome outcome = apply(hand, &place, record);
    if (outcome == NO_MEMORY) atomic_store(&replay->no_memory, true);
    if (outcome == MISFIT) note_misfit(replay, record);
}

/* ---- lanes ---- */

static void prefetch(const struct hand *hand, const struct item *items, unsigned from, unsigned to,
                     void (*ask)(const struct view *view, const struct key *key)) {
    for (unsigned i = from; i < to; i++) {
        struct view view = view_of(hand, items[i].db, items[i].time_ms);
        struct key key = {.hash = items[i].hash};
        ask(&view, &key);
    }
}

static void apply_item(struct replay *replay, unsigned number, const struct lane_batch *batch,
                       const struct item *item) {
    struct record record;
    struct bytes left = bytes_make(batch->bytes.data + item->at, item->length);
    if (!record_read(&left, &record)) return; /* it could be read before */
    struct key key = {record.key, item->hash};
    apply_at(replay, number, &record, &key, item->time_ms);
}

static void apply_batch(void *context, unsigned number, struct lane_batch *batch) {
    struct replay *replay = context;
    const struct hand *hand = &replay->hand[number];
    const struct item *items = (const struct item *)batch->items;
    unsigned count = batch->count;
    prefetch(hand, items, 0, MIN(GROUP, count), keyspace_prefetch_bucket);
    for (unsigned from = 0; from < count && !atomic_load(&replay->no_memory); from += GROUP) {
        unsigned to = MIN(from + GROUP, count);
        prefetch(hand, items, from, to, keyspace_prefetch_entry);
        prefetch(hand, items, to, MIN(to + GROUP, count), keyspace_prefetch_bucket);
        for (unsigned i = from; i < to; i++)
            apply_item(replay, number, batch, &items[i]);
    }
}

static bool add(struct replay *replay, const struct key *key, uint32_t db, int64_t time_ms,
                struct bytes raw) {
    unsigned partition = key_partition(key);
    struct lane_batch *batch = lanes_open(replay->lanes, partition);
    if (!batch) return false;
    struct item *item = (struct item *)batch->items + batch->count;
    *item = (struct item){key->hash, time_ms, batch->bytes.len, raw.len, db};
    if (!buffer_append_bytes(&batch->bytes, raw)) return false;
    lanes_added(replay->lanes, partition);
    return true;
}

/* ---- units ---- */

static bool knows_databases(const struct replay *replay, const struct record *record) {
    unsigned databases = keyspace_databases(replay->options.keyspace);
    return record->db < databases && record->other_db < databases;
}

/* Does the record touch its key, and no other? */
static bool has_one_key(struct replay *replay, const struct record *record) {
    const struct replay_options *o = &replay->options;
    struct hand *hand = &replay->hand[o->threads];
    if (!record->key.data || record->kind == RECORD_RENAME) return false;
    if (record->kind != RECORD_COMMAND) return true;
    return read_words(hand, record) &&
           o->has_one_key(o->context, hand->argv, (unsigned)record->argc);
}

static void take(struct replay *replay, const struct record *record, int64_t time_ms,
                 struct bytes raw) {
    struct key key = {0};
    if (record->key.data) key = key_make(record->key);
    if (raw.len <= COPIED_MAX && has_one_key(replay, record)) {
        if (!add(replay, &key, record->db, time_ms, raw)) atomic_store(&replay->no_memory, true);
        return;
    }
    lanes_drain(replay->lanes);
    if (!replay->no_memory) apply_at(replay, replay->options.threads, record, &key, time_ms);
}

static bool take_unit(struct replay *replay, const struct unit *unit) {
    struct bytes left = unit->records;
    while (left.len) {
        struct record record;
        const char *from = left.data;
        if (!record_read(&left, &record) || !knows_databases(replay, &record)) return false;
        take(replay, &record, unit->time_ms, bytes_make(from, (size_t)(left.data - from)));
    }
    replay->units++;
    return true;
}

static enum replay_result result_of(const struct replay *replay) {
    return atomic_load(&replay->no_memory) ? REPLAY_NO_MEMORY : REPLAY_DONE;
}

enum replay_result replay_frame(struct replay *replay, const struct frame *frame) {
    struct bytes left = frame->units;
    for (uint64_t i = 0; i < frame->count; i++) {
        struct unit unit;
        if (!unit_read(&left, &unit)) return REPLAY_CORRUPT;
        if (i >= frame->skip && !take_unit(replay, &unit)) return REPLAY_CORRUPT;
    }
    return result_of(replay);
}

enum replay_result replay_drain(struct replay *replay) {
    lanes_drain(replay->lanes);
    return result_of(replay);
}

struct replay_counts replay_counts(const struct replay *replay) {
    return (struct replay_counts){replay->units, replay->misfits};
}

/* ---- life ---- */

struct replay *replay_create(const struct replay_options *options) {
    unsigned hands = options->threads + 1;
    struct replay *replay = memory_alloc_zero(sizeof *replay + hands * sizeof(struct hand));
    if (!replay) return NULL;
    replay->options = *options;
    for (unsigned i = 0; i < hands; i++)
        replay->hand[i] = (struct hand){.replay = replay, .number = i};
    replay->lanes = lanes_create(&(struct lanes_options){.threads = options->threads,
                                                         .item_size = sizeof(struct item),
                                                         .work = apply_batch,
                                                         .context = replay});
    if (replay->lanes) return replay;
    memory_free(replay);
    return NULL;
}

void replay_free(struct replay *replay) {
    if (!replay) return;
    lanes_free(replay->lanes);
    for (unsigned i = 0; i <= replay->options.threads; i++) {
        buffer_free(&replay->hand[i].scratch);
        memory_free(replay->hand[i].argv);
    }
    memory_free(replay);
}
