/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/memory.h"
#include "base/number.h"
#include "sys/chunk.h"
#include <stdio.h>

/* ---- USAGE ---- */

/* [SAMPLES n]; false: the error is written. */
static bool parse_samples(struct call *call, int64_t *samples) {
    for (unsigned i = 3; i < call->argc; i += 2) {
        if (!bytes_is(call->argv[i], "samples") || i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        }
        if (!number_parse_i64(call->argv[i + 1], samples)) {
            reply_not_integer(call->reply);
            return false;
        }
        if (*samples < 0) {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

void memory_usage(struct call *call) {
    int64_t samples = 5;
    if (!parse_samples(call, &samples)) return;
    const struct entry *e = keyspace_look(&call->view, &call->keys[0]);
    if (e)
        reply_integer(call->reply, (int64_t)keyspace_entry_cost(e));
    else
        reply_null(call->reply);
}

/* ---- STATS ---- */

static void integer_field(struct reply *reply, const char *name, int64_t value) {
    reply_bulk_text(reply, name);
    reply_integer(reply, value);
}

static void size_field(struct reply *reply, const char *name, size_t value) {
    integer_field(reply, name, (int64_t)value);
}

static void double_field(struct reply *reply, const char *name, double value) {
    reply_bulk_text(reply, name);
    reply_double(reply, value);
}

/* Databases that hold keys, with what their tables take. Expiry needs no table. */
static unsigned database_fields(struct reply *reply, const struct keyspace *keyspace,
                                uint64_t *keys, size_t *tables) {
    unsigned shown = 0;
    for (unsigned db = 0; db < keyspace_databases(keyspace); db++) {
        uint64_t count = keyspace_size(keyspace, db).keys;
        if (!count) continue;
        size_t table = keyspace_table_bytes(keyspace, db);
        *keys += count;
        *tables += table;
        shown++;
        char name[16];
        snprintf(name, sizeof name, "db.%u", db);
        reply_bulk_text(reply, name);
        reply_map(reply, 2);
        size_field(reply, "overhead.hashtable.main", table);
        integer_field(reply, "overhead.hashtable.expires", 0);
    }
    return shown;
}

#define HEAD_FIELDS 13
static void head_fields(struct reply *reply, const struct memory_figures *f) {
    size_field(reply, "peak.allocated", f->peak);
    size_field(reply, "total.allocated", f->used);
    size_field(reply, "startup.allocated", f->startup);
    integer_field(reply, "replication.backlog", 0);
    integer_field(reply, "replicas.repl.buffer", 0);
    integer_field(reply, "clients.slaves", 0);
    size_field(reply, "clients.normal", f->clients);
    integer_field(reply, "cluster.links", 0);
    integer_field(reply, "cluster.slot_import", 0);
    integer_field(reply, "cluster.slot_export", 0);
    integer_field(reply, "aof.buffer", 0);
    integer_field(reply, "lua.caches", 0);
    integer_field(reply, "functions.caches", 0);
}

#define DATA_FIELDS 9
static void data_fields(struct reply *reply, const struct memory_figures *f, uint64_t keys,
                        size_t tables) {
    size_t data = f->used > f->startup ? f->used - f->startup : 0;
    size_field(reply, "overhead.db.hashtable.lut", tables);
    integer_field(reply, "overhead.db.hashtable.rehashing", 0);
    size_field(reply, "overhead.total", f->overhead);
    integer_field(reply, "db.dict.rehashing.count", 0);
    integer_field(reply, "keys.count", (int64_t)keys);
    size_field(reply, "keys.bytes-per-key", keys ? data / keys : 0);
    size_field(reply, "dataset.bytes", f->dataset);
    double_field(reply, "dataset.percentage", 100 * memory_ratio((double)f->dataset, (double)data));
    double_field(reply, "peak.percentage", 100 * memory_ratio((double)f->used, (double)f->peak));
}

#define ALLOCATOR_FIELDS 12
static void allocator_fields(struct reply *reply, const struct memory_figures *f) {
    const struct memory_stats *a = &f->allocator;
    size_field(reply, "allocator.allocated", a->allocated);
    size_field(reply, "allocator.active", a->active);
    size_field(reply, "allocator.resident", a->resident);
    integer_field(reply, "allocator.muzzy", 0);
    double_field(reply, "allocator-fragmentation.ratio",
                 memory_ratio((double)a->active, (double)a->allocated));
    integer_field(reply, "allocator-fragmentation.bytes",
                  memory_difference(a->active, a->allocated));
    double_field(reply, "allocator-rss.ratio",
                 memory_ratio((double)a->resident, (double)a->active));
    integer_field(reply, "allocator-rss.bytes", memory_difference(a->resident, a->active));
    double_field(reply, "rss-overhead.ratio",
                 memory_ratio((double)f->resident, (double)a->resident));
    integer_field(reply, "rss-overhead.bytes", memory_difference(f->resident, a->resident));
    double_field(reply, "fragmentation", memory_ratio((double)f->resident, (double)f->used));
    integer_field(reply, "fragmentation.bytes", memory_difference(f->resident, f->used));
}

void memory_show_stats(struct call *call) {
    struct memory_figures f = memory_measure(call->exec);
    uint64_t keys = 0;
    size_t tables = 0;
    size_t mark = reply_open(call->reply);
    head_fields(call->reply, &f);
    unsigned databases = database_fields(call->reply, call->view.keyspace, &keys, &tables);
    data_fields(call->reply, &f, keys, tables);
    allocator_fields(call->reply, &f);
    reply_close_map(call->reply, mark, HEAD_FIELDS + databases + DATA_FIELDS + ALLOCATOR_FIELDS);
}

/* ---- DOCTOR ---- */

#define TOO_LITTLE_TO_JUDGE (5 * 1024 * 1024)

struct symptom {
    bool found;
    const char *text;
};

void memory_doctor(struct call *call) {
    struct memory_figures f = memory_measure(call->exec);
    const struct memory_stats *a = &f.allocator;
    const struct symptom symptoms[] = {
        {(double)f.peak > 1.5 * (double)f.used,
         "- Memory in use was much higher than it is now. What was freed since is returned to the "
         "system step by step; MEMORY PURGE hastens that."},
        {memory_ratio((double)a->active, (double)a->allocated) > 1.1 &&
             a->active - a->allocated > 10u << 20,
         "- The allocator holds pages that are partly empty. Values of varying sizes that come and "
         "go in large numbers cause that; it goes away as the pages fill again."},
        {memory_ratio((double)a->resident, (double)a->active) > 1.1 &&
             a->resident - a->active > 10u << 20,
         "- The allocator keeps empty pages for later. MEMORY PURGE returns them to the system."},
        {f.clients > f.used / 4,
         "- Clients hold a large part of the memory: look at the tot-mem fields of CLIENT LIST for "
         "those that send or fetch more than they should."},
    };
    struct buffer report = {0};
    for (unsigned i = 0; i < ARRAY_LEN(symptoms) && f.used >= TOO_LITTLE_TO_JUDGE; i++)
        if (symptoms[i].found) buffer_printf(&report, "%s\n", symptoms[i].text);
    if (f.used < TOO_LITTLE_TO_JUDGE)
        buffer_printf(&report, "There is too little data in memory to say anything about it.\n");
    else if (!report.len)
        buffer_printf(&report, "Nothing is wrong with the memory.\n");
    reply_verbatim(call->reply, "txt", buffer_bytes(&report));
    buffer_free(&report);
}

/* ---- PURGE, MALLOC-STATS, HELP ---- */

void memory_trim(struct call *call) {
    memory_purge();
    chunk_trim();
    reply_ok(call->reply);
}

void memory_malloc_stats(struct call *call) {
    struct memory_stats stats;
    memory_stats(&stats);
    struct buffer report = {0};
    buffer_printf(&report,
                  "allocator: %s\n"
                  "allocated: %zu\n"
                  "active: %zu\n"
                  "metadata: %zu\n"
                  "resident: %zu\n"
                  "mapped: %zu\n"
                  "retained: %zu\n"
                  "chunks in use: %zu\n"
                  "chunks mapped: %zu\n",
                  memory_allocator_name(), stats.allocated, stats.active, stats.metadata,
                  stats.resident, stats.mapped, stats.retained, chunk_bytes_used(),
                  chunk_bytes_mapped());
    reply_verbatim(call->reply, "txt", buffer_bytes(&report));
    buffer_free(&report);
}

void memory_help(struct call *call) {
    static const char *const lines[] = {
        "DOCTOR",
        "    What is wrong with the memory, in words.",
        "MALLOC-STATS",
        "    The allocator's own figures.",
        "PURGE",
        "    Return memory that is not in use to the system now.",
        "STATS",
        "    What takes how much memory.",
        "USAGE <key> [SAMPLES <count>]",
        "    The bytes that <key> and its value take. Of a collection, <count> elements are looked",
        "    at (default 5, 0 for all).",
        NULL,
    };
    call_help(call, lines);
}
