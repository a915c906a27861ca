/* SPDX-License-Identifier: BSD-3-Clause */
/* The sections of INFO that tell of clients and commands. Exclusive mode. */
#include "base/ensure.h"
#include "base/number.h"
#include "exec/blocking.h"
#include "exec/exec_priv.h"
#include "exec/watch.h"
#include "sys/clock.h"
#include <stdlib.h>

typedef unsigned long long ull;

/* A field that has a meaning in Valkey alone. */
#define ZERO(name) buffer_printf(out, name ":0\r\n")

static void write_pause(const struct exec *exec, struct buffer *out) {
    int64_t left = exec->pause_until_ms - clock_wall_ms();
    bool paused = left > 0;
    buffer_printf(out, "paused_reason:%s\r\n", paused ? "client_pause" : "none");
    buffer_printf(out, "paused_actions:%s\r\n",
                  !paused                   ? "none"
                  : exec->pause_writes_only ? "write"
                                            : "all");
    buffer_printf(out, "paused_timeout_milliseconds:%lld\r\n", (long long)MAX(left, 0));
}

static void write_clients(struct exec *exec, struct buffer *out, void *context) {
    (void)context;
    struct blocking_counts blocked = blocking_count(exec);
    struct watch_totals watched = watch_sum(exec);
    buffer_printf(out, "connected_clients:%u\r\n", exec_session_count(exec));
    ZERO("cluster_connections");
    buffer_printf(out, "maxclients:%lld\r\n", (long long)exec_settings.maxclients);
    ZERO("client_recent_max_input_buffer");
    ZERO("client_recent_max_output_buffer");
    buffer_printf(out, "blocked_clients:%llu\r\n", (ull)(blocked.clients + pause_count(exec)));
    buffer_printf(out, "tracking_clients:%llu\r\n", (ull)tracking_count(exec).clients);
    buffer_printf(out, "pubsub_clients:%llu\r\n", (ull)pubsub_count(exec).clients);
    buffer_printf(out, "watching_clients:%llu\r\n", (ull)watched.sessions);
    buffer_printf(out, "clients_in_timeout_table:%llu\r\n", (ull)blocked.timed);
    buffer_printf(out, "total_watched_keys:%llu\r\n", (ull)watched.keys);
    buffer_printf(out, "total_blocking_keys:%llu\r\ntotal_blocking_keys_on_nokey:%llu\r\n",
                  (ull)blocked.keys, (ull)blocked.keys_on_delete);
    write_pause(exec, out);
}

/* ---- stats ---- */

struct summary {
    struct worker_totals totals;
    uint64_t denied[ACL_REASONS];
    uint64_t errors;
    uint64_t commands_rate, turns_rate, turn_ticks_rate;
};

static struct summary sum_workers(const struct exec *exec) {
    struct summary sum = {0};
    struct worker_totals *t = &sum.totals;
    for (unsigned i = 0; i < exec->worker_count; i++) {
        const struct exec_worker *w = &exec->workers[i];
        t->commands += w->totals.commands;
        t->connections += w->totals.connections;
        t->refused += w->totals.refused;
        for (unsigned why = 0; why < ACL_REASONS; why++)
            sum.denied[why] += w->denied[why];
        t->input_disconnects += w->totals.input_disconnects;
        t->output_disconnects += w->totals.output_disconnects;
        t->evicted += w->totals.evicted;
        t->turns += w->totals.turns;
        t->turn_ticks += w->totals.turn_ticks;
        t->command_ticks += w->totals.command_ticks;
        t->worst_ticks = MAX(t->worst_ticks, w->totals.worst_ticks);
        sum.errors += w->errors.total;
        sum.commands_rate += rate_mean(&w->commands_rate);
        sum.turns_rate += rate_mean(&w->turns_rate);
        sum.turn_ticks_rate += rate_mean(&w->turn_ticks_rate);
    }
    return sum;
}

static ull microseconds(const struct exec *exec, uint64_t ticks) {
    return (ull)((double)ticks * exec->ns_per_tick / 1000);
}

uint64_t exec_active_us(const struct exec *exec) {
    return microseconds(exec, exec->workers[0].totals.turn_ticks);
}

static void write_traffic(const struct exec *exec, const struct summary *sum,
                          const struct net_stats *net, struct buffer *out) {
    buffer_printf(out,
                  "total_connections_received:%llu\r\ntotal_commands_processed:%llu\r\n"
                  "instantaneous_ops_per_sec:%llu\r\n",
                  (ull)sum->totals.connections, (ull)sum->totals.commands, (ull)sum->commands_rate);
    buffer_printf(out, "total_net_input_bytes:%llu\r\ntotal_net_output_bytes:%llu\r\n",
                  (ull)net->bytes_in, (ull)net->bytes_out);
    ZERO("total_net_repl_input_bytes");
    ZERO("total_net_repl_output_bytes");
    ZERO("total_net_cluster_slot_import_bytes");
    ZERO("total_net_cluster_slot_export_bytes");
    buffer_printf(out, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
                  (double)rate_mean(&exec->input_rate) / 1024,
                  (double)rate_mean(&exec->output_rate) / 1024);
    buffer_printf(out, "instantaneous_input_repl_kbps:0.00\r\n"
                       "instantaneous_output_repl_kbps:0.00\r\n");
    buffer_printf(out, "rejected_connections:%llu\r\n", (ull)sum->totals.refused);
    ZERO("sync_full");
    ZERO("sync_partial_ok");
    ZERO("sync_partial_err");
}

static void write_keys(const struct exec *exec, const struct summary *sum, struct buffer *out) {
    struct keyspace_counters keys = keyspace_counters_sum(exec->keyspace);
    /* Fields that expired: as Valkey calls them, and as Redis does. */
    buffer_printf(out, "expired_keys:%llu\r\nexpired_fields:%llu\r\nexpired_subkeys:%llu\r\n",
                  (ull)keys.expired, (ull)keys.expired_elements, (ull)keys.expired_elements);
    buffer_printf(out, "expired_stale_perc:0.00\r\n"
                       "expired_keys_with_volatile_items_stale_perc:0.00\r\n");
    ZERO("expired_time_cap_reached_count");
    buffer_printf(out, "expire_cycle_cpu_milliseconds:%llu\r\nevicted_keys:%llu\r\n",
                  (ull)keys.expire_cycle_us / 1000, (ull)keys.evicted);
    buffer_printf(out, "evicted_clients:%llu\r\n", (ull)sum->totals.evicted);
    buffer_printf(out, "total_eviction_exceeded_time:%llu\r\n", (ull)keys.evict_cycle_us / 1000);
    ZERO("current_eviction_exceeded_time");
    buffer_printf(out, "keyspace_hits:%llu\r\nkeyspace_misses:%llu\r\n", (ull)keys.hits,
                  (ull)keys.misses);
}

static void write_topics(const struct exec *exec, struct buffer *out) {
    struct pubsub_counts counts = pubsub_count(exec);
    buffer_printf(out,
                  "pubsub_channels:%llu\r\npubsub_patterns:%llu\r\npubsubshard_channels:%llu\r\n",
                  (ull)counts.topics[TOPIC_CHANNEL], (ull)counts.topics[TOPIC_PATTERN],
                  (ull)counts.topics[TOPIC_SHARD]);
}

static void write_absent(struct buffer *out) {
    ZERO("latest_fork_usec");
    ZERO("total_forks");
    ZERO("migrate_cached_sockets");
    ZERO("slave_expires_tracked_keys");
    ZERO("active_defrag_hits");
    ZERO("active_defrag_misses");
    ZERO("active_defrag_key_hits");
    ZERO("active_defrag_key_misses");
    ZERO("total_active_defrag_time");
    ZERO("current_active_defrag_time");
}

static void write_tracking(const struct exec *exec, struct buffer *out) {
    struct tracking_counts tracking = tracking_count(exec);
    buffer_printf(out,
                  "tracking_total_keys:%llu\r\ntracking_total_items:%llu\r\n"
                  "tracking_total_prefixes:%llu\r\n",
                  (ull)tracking.keys, (ull)tracking.items, (ull)tracking.prefixes);
}

static void write_loop(const struct exec *exec, const struct summary *sum, struct buffer *out) {
    ZERO("io_threaded_reads_processed");
    ZERO("io_threaded_writes_processed");
    ZERO("io_threaded_freed_objects");
    ZERO("io_threaded_accept_processed");
    ZERO("io_threaded_poll_processed");
    ZERO("io_threaded_total_prefetch_batches");
    ZERO("io_threaded_total_prefetch_entries");
    buffer_printf(out, "client_query_buffer_limit_disconnections:%llu\r\n",
                  (ull)sum->totals.input_disconnects);
    buffer_printf(out, "client_output_buffer_limit_disconnections:%llu\r\n",
                  (ull)sum->totals.output_disconnects);
    ZERO("reply_buffer_shrinks");
    ZERO("reply_buffer_expands");
    uint64_t turns = MAX(sum->turns_rate, 1u);
    buffer_printf(out,
                  "eventloop_cycles:%llu\r\neventloop_duration_sum:%llu\r\n"
                  "eventloop_duration_cmd_sum:%llu\r\n",
                  (ull)sum->totals.turns, microseconds(exec, sum->totals.turn_ticks),
                  microseconds(exec, sum->totals.command_ticks));
    buffer_printf(out,
                  "instantaneous_eventloop_cycles_per_sec:%llu\r\n"
                  "instantaneous_eventloop_duration_usec:%llu\r\n",
                  (ull)sum->turns_rate, microseconds(exec, sum->turn_ticks_rate / turns));
}

static void write_stats(struct exec *exec, struct buffer *out, void *context) {
    (void)context;
    struct summary sum = sum_workers(exec);
    struct net_stats net = net_stats(exec->net);
    write_traffic(exec, &sum, &net, out);
    write_keys(exec, &sum, out);
    write_topics(exec, out);
    write_absent(out);
    write_tracking(exec, out);
    ZERO("unexpected_error_replies");
    buffer_printf(out, "total_error_replies:%llu\r\n", (ull)sum.errors);
    ZERO("dump_payload_sanitizations");
    buffer_printf(out, "total_reads_processed:%llu\r\ntotal_writes_processed:%llu\r\n",
                  (ull)net.reads, (ull)net.writes);
    write_loop(exec, &sum, out);
    const uint64_t *denied = sum.denied;
    buffer_printf(out,
                  "acl_access_denied_auth:%llu\r\nacl_access_denied_cmd:%llu\r\n"
                  "acl_access_denied_key:%llu\r\nacl_access_denied_channel:%llu\r\n",
                  (ull)denied[ACL_AUTH], (ull)denied[ACL_COMMAND], (ull)denied[ACL_KEY],
                  (ull)denied[ACL_CHANNEL]);
    buffer_printf(out, "acl_access_denied_tls_cert:%llu\r\nacl_access_denied_db:%llu\r\n",
                  (ull)denied[ACL_CERTIFICATE], (ull)denied[ACL_DATABASE]);
    buffer_printf(out, "worst_command_usec:%llu\r\n", microseconds(exec, sum.totals.worst_ticks));
}

/* ---- by command ---- */

static void write_commandstats(struct exec *exec, struct buffer *out, void *context) {
    (void)context;
    for (unsigned i = 0; i < exec->commands.count; i++) {
        const struct registered *item = &exec->commands.items[i];
        struct command_stats stats = exec_command_stats(exec, item->command);
        if (!stats.calls && !stats.rejected && !stats.failed) continue;
        char name[128];
        commands_full_name(item, name, sizeof name);
        buffer_printf(out,
                      "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                      "failed_calls=%llu\r\n",
                      name, (ull)stats.calls, (ull)stats.microseconds,
                      stats.calls ? (double)stats.microseconds / (double)stats.calls : 0.0,
                      (ull)stats.rejected, (ull)stats.failed);
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct error_code *)a)->name, ((const struct error_code *)b)->name);
}

static void write_errorstats(struct exec *exec, struct buffer *out, void *context) {
    (void)context;
    struct error_codes sum = {0};
    for (unsigned i = 0; i < exec->worker_count; i++) {
        const struct error_codes *codes = &exec->workers[i].errors;
        for (unsigned c = 0; c < codes->count; c++)
            error_codes_add(&sum, bytes_of(codes->codes[c].name), codes->codes[c].count);
    }
    qsort(sum.codes, sum.count, sizeof sum.codes[0], by_name);
    for (unsigned i = 0; i < sum.count; i++)
        buffer_printf(out, "errorstat_%s:count=%llu\r\n", sum.codes[i].name,
                      (ull)sum.codes[i].count);
}

static void write_percentiles(const struct histogram *histogram, struct buffer *out) {
    for (unsigned i = 0; i < exec_settings.percentile_count; i++) {
        double percentile = exec_settings.percentiles[i];
        char text[NUMBER_DOUBLE_MAX];
        int n = (int)number_format_double(text, percentile);
        buffer_printf(out, "%sp%.*s=%.3f", i ? "," : "", n, text,
                      (double)histogram_percentile_ns(histogram, percentile) / 1000);
    }
}

static void write_latencystats(struct exec *exec, struct buffer *out, void *context) {
    (void)context;
    for (unsigned i = 0; i < exec->commands.count; i++) {
        const struct registered *item = &exec->commands.items[i];
        struct histogram histogram;
        if (!exec_histogram(exec, item->command, &histogram)) continue;
        char name[128];
        commands_full_name(item, name, sizeof name);
        buffer_printf(out, "latency_percentiles_usec_%s:", name);
        write_percentiles(&histogram, out);
        buffer_printf(out, "\r\n");
    }
}

void info_register_own_sections(struct exec *exec) {
    info_register(exec, "Clients", INFO_DEFAULT, write_clients, NULL);
    info_register(exec, "Stats", INFO_DEFAULT, write_stats, NULL);
    info_register(exec, "Commandstats", INFO_ALL, write_commandstats, NULL);
    info_register(exec, "Errorstats", INFO_DEFAULT, write_errorstats, NULL);
    info_register(exec, "Latencystats", INFO_ALL, write_latencystats, NULL);
}
