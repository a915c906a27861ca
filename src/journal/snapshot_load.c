/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a snapshot: records of an RDB file become entries. */
#include "base/ensure.h"
#include "base/number.h"
#include "journal/snapshot.h"
#include "keyspace/load.h"
#include <stdio.h>

#define TELL_EVERY ((uint64_t)64 * 1024) /* bytes */

struct loading {
    const struct snapshot_load_options *options;
    struct snapshot_load_result *result;
    struct rdb_file *file;
    struct view view;
    struct buffer scratch; /* small values */
    uint64_t told;
};

static bool stop(struct loading *l, const struct rdb_record *r, const char *why) {
    snprintf(l->result->error, sizeof l->result->error, "%s, at offset %llu", why,
             (unsigned long long)r->offset);
    return false;
}

static bool stop_at_key(struct loading *l, const struct rdb_record *r, const char *why) {
    struct bytes name = r->key.name;
    snprintf(l->result->error, sizeof l->result->error, "key '%.*s': %s, at offset %llu",
             (int)MIN(name.len, 64u), name.data, why, (unsigned long long)r->offset);
    return false;
}

static void drop(struct value *value) {
    if (value->large) value_ops(value->type)->free(value->object);
}

static bool load_key(struct loading *l, const struct rdb_record *r) {
    struct value value = {0};
    bool no_memory;
    if (!l->options->keep_expired && r->key.expiry != INT64_MIN &&
        r->key.expiry < l->options->clock_ms) {
        l->result->expired++;
        return true;
    }
    if (r->key.db >= keyspace_databases(l->options->keyspace))
        return stop_at_key(l, r, "its database is beyond `databases`");
    buffer_clear(&l->scratch);
    if (!rdb_file_value(l->file, r, l->view.now_ms, &l->scratch, &value, &no_memory)) {
        if (no_memory) return stop_at_key(l, r, "there is not enough memory");
        if (!l->options->skip_corrupt) return stop_at_key(l, r, "its value is corrupt");
        l->result->skipped++;
        return true;
    }
    struct load_key load = {key_make(r->key.name), r->key.db,        r->key.expiry,
                            r->key.idle,           r->key.frequency, l->options->replace};
    enum load_outcome outcome = keyspace_load(&l->view, &load, &value);
    l->result->keys += outcome == LOAD_DONE;
    if (outcome == LOAD_DONE) return true;
    drop(&value);
    return stop_at_key(
        l, r, outcome == LOAD_NO_MEMORY ? "there is not enough memory" : "it is there already");
}

static bool load_function(struct loading *l, const struct rdb_record *r) {
    const struct snapshot_load_options *o = l->options;
    if (!o->function || o->function(o->function_context, r->value)) return true;
    return stop(l, r, "a library of functions cannot be loaded");
}

static void load_aux(struct loading *l, const struct rdb_record *r) {
    uint64_t sequence;
    if (bytes_equal(r->name, BYTES("strata-sequence")) && number_parse_u64(r->value, &sequence))
        l->result->sequence = sequence;
}

/* False: loading stops, and it has been noted why. */
static bool load_record(struct loading *l, const struct rdb_record *r) {
    switch (r->item) {
    case RDB_ITEM_KEY: return load_key(l, r);
    case RDB_ITEM_FUNCTION: return load_function(l, r);
    case RDB_ITEM_AUX: load_aux(l, r); return true;
    case RDB_ITEM_MODULE:
        if (!r->key.name.data) return true;
        l->result->modules++;
        return l->options->skip_corrupt || stop_at_key(l, r, "its value is of a module");
    case RDB_ITEM_ERROR:
        snprintf(l->result->error, sizeof l->result->error, "%s", rdb_file_error(l->file));
        return false;
    default: return true;
    }
}

static void tell(struct loading *l) {
    uint64_t bytes = rdb_file_offset(l->file);
    if (LIKELY(bytes - l->told < TELL_EVERY) || !l->options->progress) return;
    l->told = bytes;
    l->options->progress(l->options->progress_context, bytes, l->result->keys);
}

struct snapshot_load_result snapshot_load(const struct snapshot_load_options *o) {
    struct snapshot_load_result result = {0};
    struct loading l = {
        .options = o,
        .result = &result,
        .file = rdb_file_open(o->input),
        .view = {.keyspace = o->keyspace,
                 .counters = keyspace_counters_of(o->keyspace, o->participant),
                 .now_ms = o->clock_ms,
                 .worker = o->participant},
    };
    struct rdb_record record = {.item = RDB_ITEM_ERROR};
    snprintf(result.error, sizeof result.error, "there is not enough memory");
    if (!l.file) return result;
    do {
        rdb_file_next(l.file, &record);
        result.good = load_record(&l, &record);
        tell(&l);
    } while (result.good && record.item != RDB_ITEM_END);
    result.bytes = rdb_file_offset(l.file);
    if (result.good) *result.error = 0;
    rdb_file_close(l.file);
    buffer_free(&l.scratch);
    return result;
}
