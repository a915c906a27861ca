/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. Records are applied in their order, at their unit's time, and all of a unit or none: a unit
 *      is in one frame, a frame is applied only when its checksum is right, and whoever is told
 *      that one could not be applied does not go on.
 *   2. Nothing expires here but by a record, because a unit's time is the one that it had: what had
 *      expired then, a record before it has removed.
 *
 * tests/unit/journal_log.c, and tests/wire/test_durability.py for all types: what was done is the
 * same again.
 */
#include "journal/replay.h"
#include "base/ensure.h"
#include "base/log.h"
#include "sys/memory.h"
#include "value/rdb_value.h"

#define MISFITS_LOGGED 10
#define BATCH          32u

/* Nobody is told of what happens again. */
static const struct event silent = {0};

enum outcome { FITS, MISFIT, NO_MEMORY };

struct place {
    struct view view;
    struct key key; /* of the record */
    struct spot spot;
};

/* Records that are read before they are applied, so that the memory they look for has arrived. */
struct batch {
    struct step {
        struct record record;
        struct key key;
        int64_t time_ms;
    } steps[BATCH];
    unsigned count;
};

static struct view view_of(const struct replay *replay, uint32_t db, int64_t time_ms) {
    return (struct view){.keyspace = replay->keyspace,
                         .counters = keyspace_counters_of(replay->keyspace, 0),
                         .now_ms = time_ms,
                         .db = db,
                         .worker = replay->participant};
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

static enum outcome apply_value(struct replay *replay, struct place *place,
                                const struct record *record) {
    static const struct edit edit = {.event = {0}};
    struct rdb_reader reader = {.left = bytes_skip(record->value, 1), .version = RDB_VERSION};
    struct value value;
    buffer_clear(&replay->scratch);
    if (!rdb_read_value(&reader, (uint8_t)*record->value.data, INT64_MIN, &replay->scratch, &value))
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

static enum outcome apply_command(struct replay *replay, struct place *place,
                                  const struct record *record) {
    if (record->argc > replay->argv_capacity) {
        struct bytes *argv = memory_realloc(replay->argv, record->argc * sizeof *argv);
        if (!argv) return NO_MEMORY;
        replay->argv = argv;
        replay->argv_capacity = record->argc;
    }
    struct bytes words = record->words;
    for (uint64_t i = 0; i < record->argc; i++)
        replay->argv[i] = record_word(&words);
    bool ran = replay->run(replay->context, &place->view, replay->argv, (unsigned)record->argc);
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

static enum outcome apply(struct replay *replay, struct place *place, const struct record *record) {
    switch (record->kind) {
    case RECORD_STRING: return apply_string(place, record);
    case RECORD_VALUE: return apply_value(replay, place, record);
    case RECORD_RANGE: return apply_range(place, record);
    case RECORD_COMMAND: return apply_command(replay, place, record);
    case RECORD_EXPIRY: return apply_expiry(place, record);
    case RECORD_REMOVE: return apply_remove(place, record);
    case RECORD_RENAME: return apply_rename(place, record);
    case RECORD_FLUSH: keyspace_flush(&place->view, false); return FITS;
    case RECORD_SWAP: keyspace_swap(&place->view, record->db, record->other_db); return FITS;
    }
    return MISFIT;
}

static bool knows_databases(const struct replay *replay, const struct record *record) {
    unsigned databases = keyspace_databases(replay->keyspace);
    return record->db < databases && record->other_db < databases;
}

/* ---- units ---- */

static void note_misfit(struct replay *replay, const struct record *record) {
    if (replay->misfits++ >= MISFITS_LOGGED) return;
    log_warning("A record of the journal does not fit what was there before it: kind %d, database "
                "%u, key '%.*s'",
                (int)record->kind, record->db, (int)MIN(record->key.len, (size_t)64),
                record->key.data ? record->key.data : "");
}

static enum replay_result apply_batch(struct replay *replay, struct batch *batch) {
    unsigned count = batch->count;
    batch->count = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct step *step = &batch->steps[i];
        struct view view = view_of(replay, step->record.db, step->time_ms);
        if (step->key.name.data) keyspace_prefetch_entry(&view, &step->key);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct step *step = &batch->steps[i];
        struct place place = {.view = view_of(replay, step->record.db, step->time_ms),
                              .key = step->key};
        enum outcome outcome = apply(replay, &place, &step->record);
        if (outcome == NO_MEMORY) return REPLAY_NO_MEMORY;
        if (outcome == MISFIT) note_misfit(replay, &step->record);
        replay->records++;
    }
    return REPLAY_DONE;
}

static bool read_step(struct replay *replay, const struct unit *unit, struct bytes *left,
                      struct step *step) {
    *step = (struct step){.time_ms = unit->time_ms};
    if (!record_read(left, &step->record) || !knows_databases(replay, &step->record)) return false;
    if (!step->record.key.data) return true;
    struct view view = view_of(replay, step->record.db, step->time_ms);
    step->key = key_make(step->record.key);
    keyspace_prefetch_bucket(&view, &step->key);
    return true;
}

static enum replay_result add_unit(struct replay *replay, struct batch *batch,
                                   const struct unit *unit) {
    struct bytes left = unit->records;
    while (left.len) {
        enum replay_result result = REPLAY_DONE;
        if (batch->count == BATCH) result = apply_batch(replay, batch);
        if (result != REPLAY_DONE) return result;
        if (!read_step(replay, unit, &left, &batch->steps[batch->count++])) return REPLAY_CORRUPT;
    }
    replay->units++;
    return REPLAY_DONE;
}

enum replay_result replay_frame(struct replay *replay, const struct frame *frame) {
    struct bytes left = frame->units;
    struct batch batch;
    batch.count = 0;
    for (uint64_t i = 0; i < frame->count; i++) {
        struct unit unit;
        if (!unit_read(&left, &unit)) return REPLAY_CORRUPT;
        if (i < frame->skip) continue;
        enum replay_result result = add_unit(replay, &batch, &unit);
        if (result != REPLAY_DONE) return result;
    }
    return apply_batch(replay, &batch);
}

void replay_free(struct replay *replay) {
    buffer_free(&replay->scratch);
    memory_free(replay->argv);
}
