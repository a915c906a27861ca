/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a snapshot: records of an RDB file become entries. */
#include "base/ensure.h"
#include "base/number.h"
#include "journal/snapshot.h"
#include "journal/snapshot_insert.h"
#include "sys/clock.h"
#include <stdio.h>

#define LOOK_EVERY ((uint64_t)128 * 1024) /* bytes, until it is looked at the clock */
#define TELL_US    10000
#define KEY_BYTES                                                                                  \
    8u /* that hardly any key and value are shorter than, with what belongs to them                \
        */

struct loading {
    const struct snapshot_load_options *options;
    struct snapshot_load_result *result;
    struct rdb_file *file;
    struct inserters *inserters;
    uint64_t looked; /* at which offset */
    int64_t told_us;
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

static bool load_key(struct loading *l, const struct rdb_record *r) {
    if (!l->options->keep_expired && r->key.expiry != INT64_MIN &&
        r->key.expiry < l->options->clock_ms) {
        l->result->expired++;
        return true;
    }
    if (r->key.db >= keyspace_databases(l->options->keyspace))
        return stop_at_key(l, r, "its database is beyond `databases`");
    return inserters_add(l->inserters, r, rdb_file_version(l->file));
}

/* What a file promises is believed as far as it has bytes. */
static bool expect_keys(struct loading *l, const struct rdb_record *r) {
    const struct snapshot_load_options *o = l->options;
    if (r->key.db >= keyspace_databases(o->keyspace)) return true;
    return inserters_expect(l->inserters, r->key.db, MIN(r->count, o->bytes / KEY_BYTES));
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
    case RDB_ITEM_SIZES: return expect_keys(l, r);
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

/* Whoever is told may let others into the keyspace. */
static bool tell(struct loading *l) {
    uint64_t bytes = rdb_file_offset(l->file);
    if (LIKELY(bytes - l->looked < LOOK_EVERY) || !l->options->progress) return true;
    l->looked = bytes;
    if (clock_mono_us() - l->told_us < TELL_US) return true;
    bool good = inserters_drain(l->inserters);
    l->options->progress(l->options->progress_context, bytes, inserters_result(l->inserters).keys);
    l->told_us = clock_mono_us();
    return good;
}

static void load(struct loading *l) {
    struct rdb_record record = {.item = RDB_ITEM_ERROR};
    bool good;
    do {
        rdb_file_next(l->file, &record);
        good = load_record(l, &record) && tell(l);
    } while (good && record.item != RDB_ITEM_END);
    bool inserted = inserters_drain(l->inserters);
    struct inserters_result inserted_keys = inserters_result(l->inserters);
    l->result->good = good && inserted;
    l->result->keys = inserted_keys.keys;
    l->result->skipped = inserted_keys.corrupt;
    l->result->bytes = rdb_file_offset(l->file);
    if (*inserted_keys.error || l->result->good)
        snprintf(l->result->error, sizeof l->result->error, "%s", inserted_keys.error);
}

struct snapshot_load_result snapshot_load(const struct snapshot_load_options *o) {
    struct snapshot_load_result result = {0};
    struct loading l = {
        .options = o,
        .result = &result,
        .told_us = clock_mono_us(),
        .file = rdb_file_open(o->input),
        .inserters = inserters_create(&(struct inserters_options){.keyspace = o->keyspace,
                                                                  .threads = o->threads,
                                                                  .clock_ms = o->clock_ms,
                                                                  .replace = o->replace,
                                                                  .skip_corrupt = o->skip_corrupt}),
    };
    snprintf(result.error, sizeof result.error, "there is not enough memory");
    if (l.file && l.inserters) load(&l);
    inserters_free(l.inserters);
    rdb_file_close(l.file);
    return result;
}
