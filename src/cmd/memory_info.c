/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the memory is, and INFO's section of it. */
#include "base/number.h"
#include "cmd/memory.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "keyspace/policy.h"
#include "script/functions.h"
#include "script/script.h"
#include <stdatomic.h>

static _Atomic size_t peak;

static void add_client(struct session *session, void *context) {
    size_t *sum = context;
    *sum += connection_usage(session->connection).memory + sizeof *session;
}

struct memory_figures memory_measure(struct exec *exec) {
    struct memory_figures f = {.startup = server_facts.startup_memory,
                               .resident = memory_resident()};
    memory_stats(&f.allocator);
    f.used = f.allocator.allocated;
    if (f.used > atomic_load(&peak)) atomic_store(&peak, f.used);
    f.peak = atomic_load(&peak);
    exec_each_session(exec, add_client, &f.clients);
    f.overhead = MIN(f.startup + f.clients, f.used);
    struct keyspace_counters counters = keyspace_counters_sum(exec_keyspace(exec));
    int64_t counted = (int64_t)(f.used - f.overhead); /* not by every allocator */
    f.dataset = (size_t)MAX(counted, counters.live_bytes);
    return f;
}

/* ---- INFO memory ---- */

/* "1.50M": as people read sizes. */
static void append_human(struct buffer *out, size_t bytes) {
    static const char units[] = "BKMGTP";
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 1024 && unit + 2 < sizeof units; unit++)
        value /= 1024;
    if (unit == 0)
        buffer_printf(out, "%zuB", bytes);
    else
        buffer_printf(out, "%.2f%c", value, units[unit]);
}

static void size_field(struct buffer *out, const char *name, size_t bytes) {
    buffer_printf(out, "%s:%zu\r\n%s_human:", name, bytes, name);
    append_human(out, bytes);
    buffer_append_bytes(out, BYTES("\r\n"));
}

static void write_used(struct buffer *out, const struct memory_figures *f) {
    size_t data = f->used > f->startup ? f->used - f->startup : 0;
    size_field(out, "used_memory", f->used);
    size_field(out, "used_memory_rss", f->resident);
    size_field(out, "used_memory_peak", f->peak);
    buffer_printf(out, "used_memory_peak_perc:%.2f%%\r\n",
                  100 * memory_ratio((double)f->used, (double)f->peak));
    buffer_printf(out,
                  "used_memory_overhead:%zu\r\n"
                  "used_memory_startup:%zu\r\n"
                  "used_memory_dataset:%zu\r\n"
                  "used_memory_dataset_perc:%.2f%%\r\n",
                  f->overhead, f->startup, f->dataset,
                  100 * memory_ratio((double)f->dataset, (double)data));
    buffer_printf(out,
                  "allocator_allocated:%zu\r\n"
                  "allocator_active:%zu\r\n"
                  "allocator_resident:%zu\r\n"
                  "allocator_muzzy:0\r\n",
                  f->allocator.allocated, f->allocator.active, f->allocator.resident);
    size_field(out, "total_system_memory", memory_total());
}

static void write_scripts(struct buffer *out) {
    struct scripts_figures scripts = scripts_figures();
    struct functions_figures functions = functions_figures();
    buffer_printf(out, "used_memory_vm_eval:%zu\r\n", scripts.eval_bytes);
    size_field(out, "used_memory_lua", scripts.eval_bytes);
    buffer_printf(out,
                  "used_memory_scripts_eval:%zu\r\n"
                  "number_of_cached_scripts:%llu\r\n"
                  "number_of_functions:%llu\r\n"
                  "number_of_libraries:%llu\r\n"
                  "used_memory_vm_functions:%zu\r\n",
                  scripts.code_bytes, (unsigned long long)scripts.cached,
                  (unsigned long long)functions.functions, (unsigned long long)functions.libraries,
                  scripts.function_bytes);
    size_field(out, "used_memory_vm_total", scripts.eval_bytes + scripts.function_bytes);
    buffer_printf(out, "used_memory_functions:%zu\r\n", functions.bytes);
    size_field(out, "used_memory_scripts", scripts.code_bytes + functions.bytes);
}

static void write_limit(struct buffer *out) {
    size_field(out, "maxmemory", (size_t)policy.maxmemory);
    buffer_append_bytes(out, BYTES("maxmemory_policy:"));
    config_show("maxmemory-policy", out);
    buffer_append_bytes(out, BYTES("\r\n"));
}

static void write_ratios(struct buffer *out, const struct memory_figures *f) {
    const struct memory_stats *a = &f->allocator;
    buffer_printf(out, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%lld\r\n",
                  memory_ratio((double)a->active, (double)a->allocated),
                  (long long)memory_difference(a->active, a->allocated));
    buffer_printf(out, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%lld\r\n",
                  memory_ratio((double)a->resident, (double)a->active),
                  (long long)memory_difference(a->resident, a->active));
    buffer_printf(out, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%lld\r\n",
                  memory_ratio((double)f->resident, (double)a->resident),
                  (long long)memory_difference(f->resident, a->resident));
    buffer_printf(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n",
                  memory_ratio((double)f->resident, (double)f->used),
                  (long long)memory_difference(f->resident, f->used));
}

static void write_memory(struct exec *exec, struct buffer *out, void *context) {
    struct memory_figures f = memory_measure(exec);
    write_used(out, &f);
    write_scripts(out);
    write_limit(out);
    write_ratios(out, &f);
    buffer_printf(out,
                  "mem_not_counted_for_evict:0\r\n"
                  "mem_replication_backlog:0\r\n"
                  "mem_total_replication_buffers:0\r\n"
                  "mem_replicas_repl_buffer:0\r\n"
                  "mem_clients_slaves:0\r\n"
                  "mem_clients_normal:%zu\r\n"
                  "mem_cluster_links:0\r\n"
                  "mem_cluster_slot_import:0\r\n"
                  "mem_cluster_slot_export:0\r\n"
                  "mem_aof_buffer:0\r\n"
                  "mem_allocator:%s\r\n"
                  "mem_overhead_db_hashtable_rehashing:0\r\n"
                  "active_defrag_running:0\r\n"
                  "lazyfree_pending_objects:%lu\r\n"
                  "lazyfreed_objects:%lu\r\n",
                  f.clients, memory_allocator_name(),
                  keyspace_lazyfree_pending(exec_keyspace(exec)),
                  keyspace_lazyfree_finished(exec_keyspace(exec)));
}

void memory_register_info(struct exec *exec) {
    struct memory_stats stats;
    memory_stats(&stats);
    server_facts.startup_memory = stats.allocated;
    info_register(exec, "Memory", INFO_DEFAULT, write_memory, NULL);
}
