/* SPDX-License-Identifier: BSD-3-Clause */
/* Directives that Valkey and Redis know and that mean nothing here (yet). They are kept with their
 * types, so that a wrong value is refused and every client finds what it looks for. The defaults
 * are Valkey's. QUIET: who sets it misses nothing. */
#include "base/ensure.h"
#include "base/number.h"
#include "config/config_priv.h"
#include "sys/memory.h"

#include <arpa/inet.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#define FIXED   CONFIG_IMMUTABLE
#define GUARDED CONFIG_PROTECTED
#define HIDDEN  CONFIG_HIDDEN
#define QUIET   CONFIG_QUIET
#define SECRET  CONFIG_SENSITIVE

#define ROW(n, a, t, i, f)                                                                         \
    .name = n, .alias = a, .type = t, .initial = i, .flags = (f) | CONFIG_INERT

#define YES_NO(n, a, i, f)                                                                         \
    { ROW(n, a, CONFIG_BOOL, i, f) }
#define NUMBER(n, a, i, lo, hi, f)                                                                 \
    { ROW(n, a, CONFIG_INTEGER, i, f), .min = lo, .max = hi }
#define SIZE(n, a, i, lo, f)                                                                       \
    { ROW(n, a, CONFIG_MEMORY, i, f), .min = lo, .max = INT64_MAX }
#define CHOICE(n, i, c, f)                                                                         \
    { ROW(n, NULL, CONFIG_CHOICE, i, f), .choices = c }
#define TEXT(n, a, i, c, f)                                                                        \
    { ROW(n, a, CONFIG_TEXT, i, f), .check = c }
#define BINARY(n, a, f)                                                                            \
    { ROW(n, a, CONFIG_BINARY, "", f) }
#define WORDS(n, a, i, c, f)                                                                       \
    { ROW(n, a, CONFIG_TEXT, i, (f) | CONFIG_WORDS), .check = c }
#define LINES(n, f)                                                                                \
    { ROW(n, NULL, CONFIG_TEXT, "", (f) | CONFIG_WORDS | CONFIG_REPEATED | CONFIG_START_ONLY) }

/* ---- checks ---- */

static bool is_ip(int family, struct bytes text, const char *why, struct buffer *error) {
    char name[INET6_ADDRSTRLEN], address[sizeof(struct in6_addr)];
    if (text.len == 0) return true;
    if (text.len < sizeof name) {
        memcpy(name, text.data, text.len);
        name[text.len] = 0;
        if (inet_pton(family, name, address) == 1) return true;
    }
    buffer_printf(error, "%s", why);
    return false;
}

static bool is_ipv4(const struct config_row *row, struct bytes text, struct buffer *error) {
    return is_ip(AF_INET, text, "Invalid IPv4 address", error);
}

static bool is_ipv6(const struct config_row *row, struct bytes text, struct buffer *error) {
    return is_ip(AF_INET6, text, "Invalid IPv6 address", error);
}

/* Letters, digits and these. */
static bool consists_of(struct bytes text, const char *others) {
    for (size_t i = 0; i < text.len; i++) {
        char c = bytes_lower(text.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (!c || !strchr(others, c)))
            return false;
    }
    return true;
}

static bool is_hostname(const struct config_row *row, struct bytes text, struct buffer *error) {
    if (consists_of(text, "-.")) return true;
    buffer_printf(error, "Hostnames may only contain alphanumeric characters, hyphens or dots");
    return false;
}

/* What nodes tell one another in a line of fields: anything but what could end one. */
static bool is_field(struct bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (!((unsigned char)text.data[i] & 0x80) &&
            !consists_of(bytes_make(text.data + i, 1), "-._:/`"))
            return false;
    return true;
}

static bool is_node_name(const struct config_row *row, struct bytes text, struct buffer *error) {
    if (is_field(text)) return true;
    buffer_printf(error, "Announced human node name contained invalid character");
    return false;
}

static bool is_address(const struct config_row *row, struct bytes text, struct buffer *error) {
    if (is_field(text)) return true;
    buffer_printf(error, "%s contains invalid character", row->name);
    return false;
}

/* ---- save: pairs of seconds and changes ---- */

static pthread_mutex_t save_lock =
    PTHREAD_MUTEX_INITIALIZER; /* who looks may be outside the gate */
static struct config_save_point *save_points;
static unsigned save_point_count;

static bool read_save_points(const struct bytes *words, unsigned count,
                             struct config_save_point *points) {
    if (count % 2) return count == 1 && !words[0].len;
    for (unsigned i = 0; i < count; i += 2) {
        struct config_save_point *point = &points[i / 2];
        if (!number_parse_i64(words[i], &point->seconds) ||
            !number_parse_i64(words[i + 1], &point->changes) || point->seconds < 1 ||
            point->changes < 0)
            return false;
    }
    return true;
}

static bool set_save(const struct config_row *row, const struct bytes *words, unsigned count,
                     struct buffer *error) {
    struct config_save_point *points = memory_alloc((count / 2 + 1) * sizeof *points);
    if (!points || !read_save_points(words, count, points)) {
        buffer_printf(error, points ? "Invalid save parameters" : "out of memory");
        memory_free(points);
        return false;
    }
    pthread_mutex_lock(&save_lock);
    struct config_save_point *before = save_points;
    save_points = points;
    save_point_count = count / 2;
    pthread_mutex_unlock(&save_lock);
    memory_free(before);
    return true;
}

static void get_save(const struct config_row *row, struct buffer *out) {
    for (unsigned i = 0; i < save_point_count; i++)
        buffer_printf(out, "%s%lld %lld", i ? " " : "", (long long)save_points[i].seconds,
                      (long long)save_points[i].changes);
}

bool config_find_save_point(bool (*fits)(void *context, const struct config_save_point *point),
                            void *context, struct config_save_point *out) {
    bool found = false;
    pthread_mutex_lock(&save_lock);
    for (unsigned i = 0; i < save_point_count && !found; i++) {
        *out = save_points[i];
        found = fits(context, out);
    }
    pthread_mutex_unlock(&save_lock);
    return found;
}

/* ---- the rows ---- */

static const struct config_choice save_behaviors[] = {{"sync", 0}, {"best-effort", 1}, {NULL, 0}};
static const struct config_choice endpoint_types[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};
static const struct config_choice allowances[] = {{"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};
static const struct config_choice log_formats[] = {
    {"legacy", 0}, {"logfmt", 1}, {"json", 2}, {NULL, 0}};
static const struct config_choice timestamp_formats[] = {
    {"legacy", 0}, {"iso8601", 1}, {"milliseconds", 2}, {NULL, 0}};
static const struct config_choice error_behaviors[] = {
    {"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}, {NULL, 0}};
static const struct config_choice version_checks[] = {{"strict", 0}, {"relaxed", 1}, {NULL, 0}};
static const struct config_choice diskless_loads[] = {
    {"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}, {"flush-before-load", 3}, {NULL, 0}};
static const struct config_choice sanitizations[] = {
    {"no", 0}, {"yes", 1}, {"clients", 2}, {NULL, 0}};

static const struct config_row inert_rows[] = {
    CHOICE("cluster-config-save-behavior", "sync", save_behaviors, QUIET),
    CHOICE("cluster-preferred-endpoint-type", "ip", endpoint_types, QUIET),
    CHOICE("enable-module-command", "no", allowances, FIXED),
    CHOICE("log-format", "legacy", log_formats, 0),
    CHOICE("log-timestamp-format", "legacy", timestamp_formats, 0),
    CHOICE("propagation-error-behavior", "ignore", error_behaviors, QUIET),
    CHOICE("rdb-version-check", "strict", version_checks, QUIET),
    CHOICE("repl-diskless-load", "disabled", diskless_loads, QUIET),
    CHOICE("sanitize-dump-payload", "no", sanitizations, HIDDEN | QUIET),

    TEXT("aof-rewrite-cpulist", "aof_rewrite_cpulist", "", NULL, FIXED | QUIET),
    TEXT("availability-zone", NULL, "", NULL, QUIET),
    TEXT("bgsave-cpulist", "bgsave_cpulist", "", NULL, FIXED | QUIET),
    TEXT("bind-source-addr", NULL, "", NULL, 0),
    TEXT("bio-cpulist", "bio_cpulist", "", NULL, FIXED),
    TEXT("cluster-announce-client-ipv4", NULL, "", is_ipv4, QUIET),
    TEXT("cluster-announce-client-ipv6", NULL, "", is_ipv6, QUIET),
    TEXT("cluster-announce-hostname", NULL, "", is_hostname, QUIET),
    TEXT("cluster-announce-human-nodename", NULL, "", is_node_name, QUIET),
    TEXT("cluster-announce-ip", NULL, "", is_address, QUIET),
    TEXT("cluster-config-file", NULL, "nodes.conf", NULL, FIXED | QUIET),
    TEXT("debug-context", NULL, "", NULL, HIDDEN | QUIET),
    TEXT("hash-seed", NULL, "", NULL, FIXED),
    TEXT("ignore-warnings", NULL, "", NULL, QUIET),
    TEXT("locale-collate", NULL, "", NULL, QUIET),
    BINARY("primaryauth", "masterauth", SECRET | QUIET),
    TEXT("primaryuser", "masteruser", "", NULL, SECRET | QUIET),
    TEXT("replica-announce-ip", "slave-announce-ip", "", NULL, QUIET),
    TEXT("server-cpulist", "server_cpulist", "", NULL, FIXED),

    NUMBER("active-defrag-cycle-max", NULL, "25", 1, 99, QUIET),
    NUMBER("active-defrag-cycle-min", NULL, "1", 1, 99, QUIET),
    NUMBER("active-defrag-cycle-us", NULL, "500", 0, 100000, QUIET),
    NUMBER("active-defrag-max-scan-fields", NULL, "1000", 1, INT64_MAX, QUIET),
    NUMBER("active-defrag-threshold-lower", NULL, "10", 0, 1000, QUIET),
    NUMBER("active-defrag-threshold-upper", NULL, "100", 0, 1000, QUIET),
    NUMBER("auto-aof-rewrite-percentage", NULL, "100", 0, INT_MAX, QUIET),
    NUMBER("cluster-announce-bus-port", NULL, "0", 0, 65535, QUIET),
    NUMBER("cluster-announce-client-port", NULL, "0", 0, 65535, QUIET),
    NUMBER("cluster-announce-client-tls-port", NULL, "0", 0, 65535, QUIET),
    NUMBER("cluster-announce-port", NULL, "0", 0, 65535, QUIET),
    NUMBER("cluster-announce-tls-port", NULL, "0", 0, 65535, QUIET),
    NUMBER("cluster-blacklist-ttl", NULL, "60", INT64_MIN, INT64_MAX, QUIET),
    NUMBER("cluster-compatibility-sample-ratio", NULL, "0", 0, 100, HIDDEN | QUIET),
    NUMBER("cluster-databases", NULL, "1", 1, INT_MAX, FIXED | QUIET),
    NUMBER("cluster-manual-failover-timeout", NULL, "5000", 1, INT_MAX, QUIET),
    NUMBER("cluster-message-gossip-perc", NULL, "10", 1, 100, HIDDEN | QUIET),
    NUMBER("cluster-migration-barrier", NULL, "1", 0, INT_MAX, QUIET),
    NUMBER("cluster-node-timeout", NULL, "15000", 0, INT64_MAX, QUIET),
    NUMBER("cluster-ping-interval", NULL, "0", 0, INT64_MAX, HIDDEN | QUIET),
    NUMBER("cluster-port", NULL, "0", 0, 65535, FIXED | QUIET),
    NUMBER("cluster-replica-validity-factor", "cluster-slave-validity-factor", "10", 0, INT_MAX,
           QUIET),
    NUMBER("cluster-slot-migration-log-max-len", NULL, "1000", 0, INT64_MAX, QUIET),
    NUMBER("key-load-delay", NULL, "0", INT_MIN, INT_MAX, HIDDEN | QUIET),
    NUMBER("list-compress-depth", NULL, "0", 0, INT_MAX, QUIET),
    NUMBER("loading-process-events-interval-bytes", NULL, "2097152", 1024, INT_MAX, HIDDEN | QUIET),
    NUMBER("max-new-connections-per-cycle", NULL, "10", 1, 1000, QUIET),
    NUMBER("max-new-tls-connections-per-cycle", NULL, "1", 1, 1000, QUIET),
    NUMBER("maxmemory-eviction-tenacity", NULL, "10", 0, 100, QUIET),
    NUMBER("min-io-threads-avoid-copy-reply", NULL, "7", 0, INT_MAX, HIDDEN | QUIET),
    NUMBER("min-replicas-max-lag", "min-slaves-max-lag", "10", 0, INT_MAX, QUIET),
    NUMBER("min-replicas-to-write", "min-slaves-to-write", "0", 0, INT_MAX, 0),
    NUMBER("min-string-size-avoid-copy-reply", NULL, "16384", 0, INT_MAX, HIDDEN | QUIET),
    NUMBER("min-string-size-avoid-copy-reply-threaded", NULL, "65536", 0, INT_MAX, HIDDEN | QUIET),
    NUMBER("prefetch-batch-max-size", NULL, "16", 0, 128, QUIET),
    NUMBER("rdb-key-save-delay", NULL, "0", INT_MIN, INT_MAX, HIDDEN | QUIET),
    NUMBER("rdma-completion-vector", NULL, "-1", -1, 1024, FIXED | QUIET),
    NUMBER("rdma-port", NULL, "0", 0, 65535, 0),
    NUMBER("rdma-rx-size", NULL, "1048576", 65536, 16777216, FIXED | QUIET),
    NUMBER("repl-backlog-ttl", NULL, "3600", 0, INT64_MAX, QUIET),
    NUMBER("repl-diskless-sync-delay", NULL, "5", 0, INT_MAX, QUIET),
    NUMBER("repl-diskless-sync-max-replicas", NULL, "0", 0, INT_MAX, QUIET),
    NUMBER("repl-ping-replica-period", "repl-ping-slave-period", "10", 1, INT_MAX, QUIET),
    NUMBER("repl-timeout", NULL, "60", 1, INT_MAX, QUIET),
    NUMBER("replica-announce-port", "slave-announce-port", "0", 0, 65535, QUIET),
    NUMBER("replica-priority", "slave-priority", "100", 0, INT_MAX, QUIET),
    NUMBER("shutdown-timeout", NULL, "10", 0, INT_MAX, QUIET),
    NUMBER("socket-mark-id", NULL, "0", 0, UINT_MAX, FIXED),
    NUMBER("watchdog-period", NULL, "0", 0, INT_MAX, HIDDEN | QUIET),

    SIZE("active-defrag-ignore-bytes", NULL, "104857600", 1, QUIET),
    SIZE("auto-aof-rewrite-min-size", NULL, "67108864", 0, QUIET),
    SIZE("cluster-link-sendbuf-limit", NULL, "0", 0, QUIET),
    SIZE("repl-backlog-size", NULL, "10485760", 1, QUIET),
    SIZE("replica-full-sync-buffer-limit", NULL, "0", 0, HIDDEN | QUIET),
    SIZE("slot-migration-max-failover-repl-bytes", NULL, "0", 0, QUIET),

    YES_NO("activedefrag", NULL, "no", 0),
    YES_NO("activerehashing", NULL, "yes", QUIET),
    YES_NO("always-show-logo", NULL, "no", FIXED | QUIET),
    YES_NO("aof-disable-auto-gc", NULL, "no", HIDDEN | QUIET),
    YES_NO("aof-load-truncated", NULL, "yes", QUIET),
    YES_NO("aof-rewrite-incremental-fsync", NULL, "yes", QUIET),
    YES_NO("aof-timestamp-enabled", NULL, "no", QUIET),
    YES_NO("aof-use-rdb-preamble", NULL, "yes", QUIET),
    YES_NO("cluster-allow-pubsubshard-when-down", NULL, "yes", QUIET),
    YES_NO("cluster-allow-reads-when-down", NULL, "no", QUIET),
    YES_NO("cluster-allow-replica-migration", NULL, "yes", QUIET),
    YES_NO("cluster-enabled", NULL, "no", FIXED),
    YES_NO("cluster-replica-no-failover", "cluster-slave-no-failover", "no", QUIET),
    YES_NO("cluster-require-full-coverage", NULL, "yes", QUIET),
    YES_NO("cluster-slot-stats-enabled", NULL, "no", QUIET),
    YES_NO("crash-memcheck-enabled", NULL, "yes", QUIET),
    YES_NO("disable-thp", NULL, "yes", FIXED | QUIET),
    YES_NO("dual-channel-replication-enabled", NULL, "no", QUIET),
    YES_NO("enable-debug-assert", NULL, "no", FIXED | HIDDEN | QUIET),
    YES_NO("extended-redis-compatibility", NULL, "no", QUIET),
    YES_NO("hide-user-data-from-log", NULL, "yes", QUIET),
    YES_NO("import-mode", NULL, "no", 0),
    YES_NO("io-threads-always-active", NULL, "no", HIDDEN | QUIET),
    YES_NO("jemalloc-bg-thread", NULL, "yes", QUIET),
    YES_NO("lazyfree-lazy-eviction", NULL, "yes", QUIET),
    YES_NO("lazyfree-lazy-expire", NULL, "yes", QUIET),
    YES_NO("lazyfree-lazy-server-del", NULL, "yes", QUIET),
    YES_NO("lua-enable-deprecated-api", NULL, "no", GUARDED | HIDDEN | QUIET),
    YES_NO("lua-enable-insecure-api", NULL, "no", GUARDED | HIDDEN | QUIET),
    YES_NO("mptcp", NULL, "no", FIXED),
    YES_NO("no-appendfsync-on-rewrite", NULL, "no", QUIET),
    YES_NO("rdb-del-sync-files", NULL, "no", QUIET),
    YES_NO("rdb-save-incremental-fsync", NULL, "yes", QUIET),
    YES_NO("repl-disable-tcp-nodelay", NULL, "no", QUIET),
    YES_NO("repl-diskless-sync", NULL, "yes", QUIET),
    YES_NO("repl-mptcp", NULL, "no", FIXED | QUIET),
    YES_NO("repl-rdb-channel", NULL, "yes", HIDDEN | QUIET),
    YES_NO("replica-announced", NULL, "yes", QUIET),
    YES_NO("replica-ignore-disk-write-errors", NULL, "no", QUIET),
    YES_NO("replica-ignore-maxmemory", "slave-ignore-maxmemory", "yes", QUIET),
    YES_NO("replica-lazy-flush", "slave-lazy-flush", "yes", QUIET),
    YES_NO("replica-read-only", "slave-read-only", "yes", QUIET),
    YES_NO("replica-serve-stale-data", "slave-serve-stale-data", "yes", QUIET),
    YES_NO("use-exit-on-panic", NULL, "no", HIDDEN | QUIET),

    WORDS("rdma-bind", NULL, "", NULL, 0),
    WORDS("replicaof", "slaveof", "", NULL, FIXED),

    {.name = "save",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS | CONFIG_REPEATED,
     .initial = "3600 1 300 100 60 10000",
     .set = set_save,
     .get = get_save},

    LINES("loadmodule", 0),
    LINES("io-threads-do-reads", QUIET),
    LINES("events-per-io-thread", QUIET),
    LINES("list-max-ziplist-entries", QUIET),
    LINES("list-max-ziplist-value", QUIET),
    LINES("lua-replicate-commands", QUIET),
    {NULL},
};

/* ---- of CONFIG itself ---- */

static int64_t enable_protected_configs;

static const struct config_row own_rows[] = {
    {.name = "enable-protected-configs",
     .type = CONFIG_CHOICE,
     .flags = CONFIG_IMMUTABLE,
     .value = &enable_protected_configs,
     .initial = "no",
     .choices = allowances},
    {NULL},
};

void config_register_inert(void) {
    config_register(inert_rows);
    config_register(own_rows);
}
