/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO's sections on the server as a whole. A section shows what its readers know from Valkey, in
 * the same order; what stands for a part that is not there says so (0, "none", "ok"). */
#include "base/identity.h"
#include "base/number.h"
#include "cmd/server.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/file.h"
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

struct server_facts server_facts;

static void directive_field(struct buffer *out, const char *field, const char *name) {
    buffer_printf(out, "%s:", field);
    config_show(name, out);
    buffer_append_bytes(out, BYTES("\r\n"));
}

/* ---- Server ---- */

static void write_versions(struct buffer *out) {
    struct utsname system;
    uname(&system);
    buffer_printf(out,
                  "redis_version:" COMPAT_REDIS_VERSION "\r\n"
                  "server_name:strata\r\n"
                  "valkey_version:" COMPAT_VALKEY_VERSION "\r\n"
                  "valkey_release_stage:ga\r\n"
                  "strata_version:" STRATA_VERSION "\r\n"
                  "redis_git_sha1:00000000\r\n"
                  "redis_git_dirty:0\r\n"
                  "redis_mode:standalone\r\n"
                  "server_mode:standalone\r\n"
                  "os:%s %s %s\r\n"
                  "arch_bits:%zu\r\n"
                  "monotonic_clock:POSIX clock_gettime\r\n"
                  "multiplexing_api:epoll\r\n"
                  "gcc_version:" __VERSION__ "\r\n",
                  system.sysname, system.release, system.machine, 8 * sizeof(void *));
}

/* One address a listener, each with "bind=" before it. */
static void write_listener(struct buffer *out, unsigned number, const char *kind, int64_t port) {
    struct buffer words = {0};
    if (!port) return;
    config_show("bind", &words);
    buffer_printf(out, "listener%u:name=%s", number, kind);
    for (size_t at = 0; at < words.len;) {
        size_t end = at;
        while (end < words.len && words.data[end] != ' ')
            end++;
        if (end > at) buffer_printf(out, ",bind=%.*s", (int)(end - at), words.data + at);
        at = end + 1;
    }
    buffer_printf(out, ",port=%lld\r\n", (long long)port);
    buffer_free(&words);
}

/* Each kind has its number, whether the others are there or not. */
static void write_listeners(struct buffer *out) {
    struct buffer path = {0};
    write_listener(out, 0, "tcp", config_number("port"));
    config_show("unixsocket", &path);
    if (path.len) buffer_printf(out, "listener1:name=unix,bind=%.*s\r\n", (int)path.len, path.data);
    buffer_free(&path);
    write_listener(out, 2, "tls", config_number("tls-port"));
}

static void write_executable(struct buffer *out) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    buffer_printf(out, "executable:%.*s\r\n", (int)MAX(n, (ssize_t)0), path);
}

static void write_server(struct exec *exec, struct buffer *out, void *context) {
    int64_t now_us = clock_wall_us();
    int64_t uptime_s = (now_us / 1000 - server_facts.started_ms) / 1000;
    write_versions(out);
    buffer_printf(out, "process_id:%d\r\n", (int)getpid());
    directive_field(out, "process_supervised", "supervised");
    buffer_printf(out, "run_id:%s\r\n", server_facts.run_id);
    int64_t port = config_number("port");
    buffer_printf(out, "tcp_port:%lld\r\n", (long long)(port ? port : config_number("tls-port")));
    buffer_printf(out, "server_time_usec:%lld\r\nuptime_in_seconds:%lld\r\nuptime_in_days:%lld\r\n",
                  (long long)now_us, (long long)uptime_s, (long long)uptime_s / 86400);
    long long hz = config_number("hz");
    buffer_printf(out, "hz:%lld\r\nconfigured_hz:%lld\r\nclients_hz:%lld\r\n", hz, hz, hz);
    buffer_printf(out, "lru_clock:%lld\r\n", (long long)(now_us / 1000000 & 0xffffff));
    write_executable(out);
    buffer_printf(out, "config_file:%s\r\n", config_file());
    buffer_printf(out, "io_threads_active:%d\r\n", net_workers(exec_net(exec)) > 1);
    directive_field(out, "availability_zone", "availability-zone");
    write_listeners(out);
}

/* ---- Replication ---- */

static void write_replication(struct exec *exec, struct buffer *out, void *context) {
    buffer_printf(out,
                  "role:master\r\n"
                  "connected_slaves:0\r\n"
                  "replicas_waiting_psync:0\r\n"
                  "master_failover_state:no-failover\r\n"
                  "master_replid:%s\r\n"
                  "master_replid2:%040d\r\n"
                  "master_repl_offset:0\r\n"
                  "second_repl_offset:-1\r\n"
                  "repl_backlog_active:0\r\n"
                  "repl_backlog_size:%lld\r\n"
                  "repl_backlog_first_byte_offset:0\r\n"
                  "repl_backlog_histlen:0\r\n",
                  server_facts.replication_id, 0, (long long)config_number("repl-backlog-size"));
}

/* ---- CPU ---- */

static double seconds(struct timeval t) {
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

struct cpu_times {
    double system, user;
};

/* Of the first worker, which is the main thread. The kernel tells other threads' times in ticks
 * alone, as the 14th and 15th field of a file; the second field, a name in parentheses, may hold
 * anything. */
static struct cpu_times main_thread_times(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    struct buffer text = {0};
    unsigned long user = 0, system = 0;
    if (file_read_all(path, &text) == 0 && buffer_append_char(&text, '\0')) {
        const char *after_name = strrchr(text.data, ')');
        if (after_name)
            sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &system);
    }
    buffer_free(&text);
    double hz = (double)sysconf(_SC_CLK_TCK);
    return (struct cpu_times){.system = (double)system / hz, .user = (double)user / hz};
}

static void write_cpu(struct exec *exec, struct buffer *out, void *context) {
    struct rusage self = {0}, children = {0};
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    struct cpu_times main_thread = main_thread_times();
    buffer_printf(out,
                  "used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\n"
                  "used_cpu_sys_children:%.6f\r\nused_cpu_user_children:%.6f\r\n"
                  "used_cpu_sys_main_thread:%.6f\r\nused_cpu_user_main_thread:%.6f\r\n"
                  "used_active_time_main_thread:%.6f\r\n",
                  seconds(self.ru_stime), seconds(self.ru_utime), seconds(children.ru_stime),
                  seconds(children.ru_utime), main_thread.system, main_thread.user,
                  (double)exec_active_us(exec) / 1e6);
}

/* ---- the rest ---- */

static void write_modules(struct exec *exec, struct buffer *out, void *context) {}

static void write_cluster(struct exec *exec, struct buffer *out, void *context) {
    buffer_printf(out, "cluster_enabled:0\r\n");
}

static void write_keyspace(struct exec *exec, struct buffer *out, void *context) {
    const struct keyspace *keyspace = exec_keyspace(exec);
    for (unsigned db = 0; db < keyspace_databases(keyspace); db++) {
        struct keyspace_size size = keyspace_size(keyspace, db);
        if (!size.keys) continue;
        long long average =
            size.volatile_keys ? size.ttl_sum_ms_estimate / (int64_t)size.volatile_keys : 0;
        buffer_printf(out,
                      "db%u:keys=%llu,expires=%llu,avg_ttl=%lld,keys_with_volatile_items=%llu\r\n",
                      db, (unsigned long long)size.keys, (unsigned long long)size.volatile_keys,
                      average, (unsigned long long)size.deadline_values);
    }
}

void server_register_info(struct exec *exec) {
    entropy_hex(server_facts.run_id, sizeof server_facts.run_id / 2);
    entropy_hex(server_facts.replication_id, sizeof server_facts.replication_id / 2);
    server_facts.started_ms = clock_wall_ms();
    info_register(exec, "Server", INFO_DEFAULT, write_server, NULL);
    info_register(exec, "Replication", INFO_DEFAULT, write_replication, NULL);
    info_register(exec, "CPU", INFO_DEFAULT, write_cpu, NULL);
    info_register(exec, "Modules", INFO_DEFAULT, write_modules, NULL);
    info_register(exec, "Cluster", INFO_DEFAULT, write_cluster, NULL);
    info_register(exec, "Keyspace", INFO_DEFAULT, write_keyspace, NULL);
}
