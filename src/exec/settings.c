/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/settings.h"
#include "base/ensure.h"
#include "base/number.h"
#include "config/config.h"
#include "exec/exec_priv.h"
#include "sys/process.h"
#include "value/string.h"

#define INLINE_MAX ((size_t)64 * 1024)

struct exec_settings exec_settings;

static struct exec *attached; /* whom changes are told to */

/* ---- putting changes into effect ---- */

static uint64_t or_never(int64_t threshold) {
    return threshold < 0 ? UINT64_MAX : (uint64_t)threshold;
}

/* From how many nanoseconds on a command is worth a look. */
static uint64_t observe_ns(void) {
    uint64_t microseconds = or_never(exec_settings.commandlog_threshold[COMMANDLOG_SLOW]);
    if (exec_settings.latency_threshold_ms)
        microseconds = MIN(microseconds, (uint64_t)exec_settings.latency_threshold_ms * 1000);
    return microseconds > UINT64_MAX / 1000 ? UINT64_MAX : microseconds * 1000;
}

#define BRIEF_BYTES 1024u
#define BRIEF_NS    1000000u /* who looks at shorter commands, wants to see each */

static size_t brief_bytes(void) {
    if (exec_settings.observe_ns < BRIEF_NS) return 0;
    uint64_t observed = MIN(exec_settings.observe_request_bytes, exec_settings.observe_reply_bytes);
    return (size_t)MIN(observed, (uint64_t)BRIEF_BYTES);
}

static void derive(void) {
    const int64_t *thresholds = exec_settings.commandlog_threshold;
    exec_settings.observe_ns = observe_ns();
    exec_settings.observe_request_bytes = or_never(thresholds[COMMANDLOG_LARGE_REQUEST]);
    exec_settings.observe_reply_bytes = or_never(thresholds[COMMANDLOG_LARGE_REPLY]);
    exec_settings.brief_bytes = brief_bytes();
    exec_settings.authenticated = (struct request_limits){
        .bulk_max = MIN((size_t)exec_settings.proto_max_bulk_len, STRING_MAX),
        .args_max = INT32_MAX,
        .inline_max = INLINE_MAX,
    };
    exec_settings.unauthenticated = exec_settings.authenticated;
    exec_settings.unauthenticated.unauthenticated = true;
}

static bool apply_observations(const struct config_row *row, struct buffer *error) {
    (void)row, (void)error;
    derive();
    for (unsigned i = 0; attached && i < COMMANDLOG_COUNT; i++)
        commandlog_trim(attached, i);
    return true;
}

static bool apply_limits(const struct config_row *row, struct buffer *error) {
    (void)row, (void)error;
    derive();
    if (attached && attached->net) settings_apply_to_net(attached);
    return true;
}

void settings_apply_to_net(struct exec *exec) {
    net_set_input_limit(exec->net, (size_t)exec_settings.client_query_buffer_limit);
}

static bool apply_password(const struct config_row *row, struct buffer *error) {
    (void)row;
    if (!attached || acl_set_default_password(attached, exec_settings.requirepass)) return true;
    buffer_printf(error, "out of memory");
    return false;
}

/* Clients need descriptors. */
static bool apply_maxclients(const struct config_row *row, struct buffer *error) {
    (void)row;
    int64_t wanted = exec_settings.maxclients + exec_settings.own_files;
    int64_t limit = (int64_t)process_raise_open_files((size_t)wanted);
    if (limit >= wanted) return true;
    buffer_printf(error,
                  "The operating system is not able to handle the specified number of clients, try "
                  "with %lld",
                  (long long)MAX(limit - exec_settings.own_files, 1));
    return false;
}

/* ---- client-output-buffer-limit ---- */

static const char *const class_names[CLASS_COUNT] = {"normal", "slave", "pubsub"};

static int class_of(struct bytes name) {
    if (bytes_is(name, "replica")) return CLASS_REPLICA;
    for (int i = 0; i < CLASS_COUNT; i++)
        if (bytes_is(name, class_names[i])) return i;
    return -1;
}

static bool parse_limit(const struct bytes *words, struct output_limit *limit) {
    int64_t seconds;
    if (!number_parse_memory(words[0], &limit->hard) ||
        !number_parse_memory(words[1], &limit->soft) || !number_parse_i64(words[2], &seconds) ||
        seconds < 0)
        return false;
    limit->soft_seconds = MIN(seconds, INT32_MAX);
    return true;
}

static bool set_output_limits(const struct config_row *row, const struct bytes *words,
                              unsigned count, struct buffer *error) {
    (void)row;
    struct output_limit limits[CLASS_COUNT];
    memcpy(limits, exec_settings.output_limits, sizeof limits);
    if (count == 1 && words[0].len == 0) return true;
    if (count % 4) {
        buffer_printf(error, "Wrong number of arguments in buffer limit configuration.");
        return false;
    }
    for (unsigned i = 0; i < count; i += 4) {
        int class = class_of(words[i]);
        if (class < 0) {
            buffer_printf(error, "Invalid client class specified in buffer limit configuration.");
            return false;
        }
        if (!parse_limit(words + i + 1, &limits[class])) {
            buffer_printf(error, "Error in hard, soft or soft_seconds setting in buffer limit "
                                 "configuration.");
            return false;
        }
    }
    memcpy(exec_settings.output_limits, limits, sizeof limits);
    return true;
}

static void get_output_limits(const struct config_row *row, struct buffer *out) {
    (void)row;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        const struct output_limit *limit = &exec_settings.output_limits[i];
        buffer_printf(out, "%s%s %llu %llu %lld", i ? " " : "", class_names[i],
                      (unsigned long long)limit->hard, (unsigned long long)limit->soft,
                      (long long)limit->soft_seconds);
    }
}

/* ---- latency-tracking-info-percentiles ---- */

static bool set_percentiles(const struct config_row *row, const struct bytes *words, unsigned count,
                            struct buffer *error) {
    double percentiles[PERCENTILES_MAX];
    if (count == 1 && words[0].len == 0) count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i == PERCENTILES_MAX || !number_parse_double(words[i], &percentiles[i])) {
            buffer_printf(error, "Invalid %s parameters", row->name);
            return false;
        }
        if (percentiles[i] < 0 || percentiles[i] > 100) {
            buffer_printf(error, "%s parameters should sit between [0.0,100.0]", row->name);
            return false;
        }
    }
    if (count) memcpy(exec_settings.percentiles, percentiles, count * sizeof *percentiles);
    exec_settings.percentile_count = count;
    return true;
}

static void get_percentiles(const struct config_row *row, struct buffer *out) {
    (void)row;
    for (unsigned i = 0; i < exec_settings.percentile_count; i++) {
        char text[NUMBER_DOUBLE_MAX];
        size_t n = number_format_double(text, exec_settings.percentiles[i]);
        if (i) buffer_append_char(out, ' ');
        buffer_append(out, text, n);
    }
}

/* ---- the rows ---- */

#define MEGABYTE (1024 * 1024)

static const struct config_row rows[] = {
    {.name = "requirepass",
     .type = CONFIG_BINARY,
     .flags = CONFIG_SENSITIVE,
     .value = &exec_settings.requirepass,
     .initial = "",
     .apply = apply_password},
    {.name = "protected-mode",
     .type = CONFIG_BOOL,
     .value = &exec_settings.protected_mode,
     .initial = "yes"},
    {.name = "maxclients",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.maxclients,
     .initial = "10000",
     .min = 1,
     .max = UINT32_MAX,
     .apply = apply_maxclients},
    {.name = "timeout",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.timeout,
     .initial = "0",
     .min = 0,
     .max = INT32_MAX},
    {.name = "proto-max-bulk-len",
     .type = CONFIG_MEMORY,
     .value = &exec_settings.proto_max_bulk_len,
     .initial = "512mb",
     .min = MEGABYTE,
     .max = INT64_MAX,
     .apply = apply_limits},
    {.name = "client-query-buffer-limit",
     .type = CONFIG_MEMORY,
     .value = &exec_settings.client_query_buffer_limit,
     .initial = "1gb",
     .min = MEGABYTE,
     .max = INT64_MAX,
     .apply = apply_limits},
    {.name = "maxmemory-clients",
     .type = CONFIG_PERCENT_OR_MEMORY,
     .value = &exec_settings.maxmemory_clients,
     .initial = "0",
     .min = -100,
     .max = INT64_MAX},
    {.name = "client-output-buffer-limit",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS | CONFIG_REPEATED,
     .initial = "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
     .set = set_output_limits,
     .get = get_output_limits},
    {.name = "commandlog-execution-slower-than",
     .alias = "slowlog-log-slower-than",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_threshold[COMMANDLOG_SLOW],
     .initial = "10000",
     .min = -1,
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "commandlog-request-larger-than",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_threshold[COMMANDLOG_LARGE_REQUEST],
     .initial = "1048576",
     .min = -1,
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "commandlog-reply-larger-than",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_threshold[COMMANDLOG_LARGE_REPLY],
     .initial = "1048576",
     .min = -1,
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "commandlog-slow-execution-max-len",
     .alias = "slowlog-max-len",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_max[COMMANDLOG_SLOW],
     .initial = "128",
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "commandlog-large-request-max-len",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_max[COMMANDLOG_LARGE_REQUEST],
     .initial = "128",
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "commandlog-large-reply-max-len",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.commandlog_max[COMMANDLOG_LARGE_REPLY],
     .initial = "128",
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "latency-monitor-threshold",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.latency_threshold_ms,
     .initial = "0",
     .max = INT64_MAX,
     .apply = apply_observations},
    {.name = "latency-tracking",
     .type = CONFIG_BOOL,
     .value = &exec_settings.latency_tracking,
     .initial = "yes"},
    {.name = "tracking-table-max-keys",
     .type = CONFIG_INTEGER,
     .value = &exec_settings.tracking_table_max_keys,
     .initial = "1000000",
     .max = INT64_MAX},
    {.name = "latency-tracking-info-percentiles",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS,
     .initial = "50 99 99.9",
     .set = set_percentiles,
     .get = get_percentiles},
    {.name = NULL},
};

void exec_settings_register(void) {
    config_register(rows);
}

void settings_attach(struct exec *exec) {
    attached = exec;
    derive();
}

void settings_detach(void) {
    attached = NULL;
}
