/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. Records of a unit are applied in their order, at the unit's time, and all of them or none:
 *      a unit is in one frame, and a frame is applied only when its checksum is right.
 *   2. Nothing expires here but by a record, because a unit's time is the one that it had: what had
 *      expired then, a record before it has removed.
 *
 * tests/unit/journal_replay.c: what has been done at random is the same again.
 */
#include "journal/replay.h"
#include "base/ensure.h"
#include "base/log.h"
#include "sys/memory.h"
#include "value/rdb_value.h"

#define MISFITS_LOGGED 10

/* Nobody is told of what happens again. */
static const struct event silent = {0};

enum outcome { FITS, MISFIT, NO_MEMORY };

struct place {
    struct view view;
    struct key key;
    struct spot spot;
};

static struct view view_of(const struct replay *replay, uint32_t db, int64_t time_ms) {
    return (struct view){.keyspace = replay->keyspace,
                         .counters = keyspace_counters_of(replay->keyspace, 0),
                         .now_ms = time_ms,
                         .db = db,
                         .worker = replay->participant};
}

static struct entry *seek(struct place *place, struct bytes key) {
    place->key = key_make(key);
    return keyspace_seek(&place->view, &place->key, &place->spot);
}

static enum outcome outcome_of(bool stored) {
    return stored ? FITS : NO_MEMORY;
}

/* ---- one record ---- */

static enum outcome apply_string(struct place *place, const struct record *record) {
    seek(place, record->key);
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
    seek(place, record->key);
    if (keyspace_replace(&place->view, &place->spot, &value, record->expiry, &edit)) return FITS;
    if (value.large) value_ops(value.type)->free(value.object);
    return NO_MEMORY;
}

static enum outcome apply_range(struct place *place, const struct record *record) {
    const struct entry *e = seek(place, record->key);
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
    if (!seek(place, record->key)) return MISFIT;
    return outcome_of(keyspace_set_expiry(&place->view, &place->spot, record->expiry, silent));
}

static enum outcome apply_remove(struct place *place, const struct record *record) {
    if (!seek(place, record->key)) return record->flags & RECORD_EXPIRED ? FITS : MISFIT;
    keyspace_remove(&place->view, &place->spot, silent);
    return FITS;
}

static enum outcome apply_rename(struct place *place, const struct record *record) {
    struct key new_key = key_make(record->key);
    struct spot to;
    if (!seek(place, record->old_key)) return MISFIT;
    keyspace_seek(&place->view, &new_key, &to);
    seek(place, record->old_key); /* `to` may have had to go, and moved it */
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

static enum replay_result apply_unit(struct replay *replay, const struct unit *unit) {
    struct bytes left = unit->records;
    while (left.len) {
        struct record record;
        if (!record_read(&left, &record)) return REPLAY_CORRUPT;
        if (!knows_databases(replay, &record)) return REPLAY_CORRUPT;
        struct place place = {.view = view_of(replay, record.db, unit->time_ms)};
        enum outcome outcome = apply(replay, &place, &record);
        if (outcome == NO_MEMORY) return REPLAY_NO_MEMORY;
        if (outcome == MISFIT) note_misfit(replay, &record);
        replay->records++;
    }
    replay->units++;
    return REPLAY_DONE;
}

enum replay_result replay_frame(struct replay *replay, const struct frame *frame) {
    struct bytes left = frame->units;
    for (uint64_t i = 0; i < frame->count; i++) {
        struct unit unit;
        if (!unit_read(&left, &unit)) return REPLAY_CORRUPT;
        if (i < frame->skip) continue;
        enum replay_result result = apply_unit(replay, &unit);
        if (result != REPLAY_DONE) return result;
    }
    return REPLAY_DONE;
}

void replay_free(struct replay *replay) {
    buffer_free(&replay->scratch);
    memory_free(replay->argv);
}
