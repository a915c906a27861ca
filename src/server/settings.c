/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/settings.h"
#include "base/ensure.h"
#include "base/log.h"
#include "config/config.h"
#include "exec/exec.h"
#include "server/listen.h"
#include "sys/memory.h"
#include "sys/thread.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct server_settings server_settings;

/* ---- dir: the working directory itself is the value ---- */

static bool set_dir(const struct config_row *row, const struct bytes *words, unsigned count,
                    struct buffer *error) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%.*s", (int)words[0].len, words[0].data);
    errno = ENAMETOOLONG;
    if (length < PATH_MAX && chdir(path) == 0) return true;
    buffer_printf(error, "%s", strerror(errno));
    return false;
}

static void get_dir(const struct config_row *row, struct buffer *out) {
    char path[PATH_MAX];
    if (getcwd(path, sizeof path)) buffer_append_bytes(out, bytes_of(path));
}

/* ---- rename-command: pairs of an old and a new name, "" to remove ---- */

static struct {
    char **names;
    unsigned count;
} renames;

static void free_renames(char **names, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        memory_free(names[i]);
    memory_free(names);
}

static bool set_renames(const struct config_row *row, const struct bytes *words, unsigned count,
                        struct buffer *error) {
    if (count % 2) {
        buffer_printf(error, "wrong number of arguments");
        return false;
    }
    char **names = memory_need(count * sizeof *names);
    for (unsigned i = 0; i < count; i++) {
        names[i] = memory_need(words[i].len + 1);
        if (words[i].len) memcpy(names[i], words[i].data, words[i].len);
    }
    free_renames(renames.names, renames.count);
    renames.names = names;
    renames.count = count;
    return true;
}

static void get_renames(const struct config_row *row, struct buffer *out) {
    for (unsigned i = 0; i < renames.count; i++)
        buffer_printf(out, "%s%s", i ? " " : "", renames.names[i]);
}

bool settings_rename_commands(struct exec *exec, struct buffer *error) {
    for (unsigned i = 0; i < renames.count; i += 2) {
        const char *name = renames.names[i], *new_name = renames.names[i + 1];
        if (exec_rename(exec, bytes_of(name), bytes_of(new_name))) continue;
        buffer_printf(error,
                      "rename-command %s %s: there is no such command, or the new name is "
                      "taken",
                      name, *new_name ? new_name : "\"\"");
        return false;
    }
    return true;
}

void settings_free(void) {
    free_renames(renames.names, renames.count);
    renames.names = NULL;
    renames.count = 0;
}

/* ---- effects ---- */

static bool apply_level(const struct config_row *row, struct buffer *error) {
    log_set_level((enum log_level)server_settings.loglevel);
    return true;
}

/* Kept within what Valkey keeps it in; nothing here runs at this rate. */
static bool apply_hz(const struct config_row *row, struct buffer *error) {
    server_settings.hz = MIN(MAX(server_settings.hz, (int64_t)1), (int64_t)500);
    return true;
}

/* How the server ends when it gets a signal. It waits for nobody, so the other words say nothing.
 */
static const struct config_choice shutdowns[] = {
    {"default", 0},
    {"save", SHUTDOWN_SAVE},
    {"nosave", SHUTDOWN_NO_SAVE},
    {"now", 4},
    {"force", 8},
    {"safe", 16},
    {"failover", 32},
    {NULL, 0},
};

static bool check_shutdown(const struct config_row *row, struct bytes text, struct buffer *error) {
    bool save = false, nosave = false;
    while (text.len) {
        const char *space = memchr(text.data, ' ', text.len);
        struct bytes word = bytes_make(text.data, space ? (size_t)(space - text.data) : text.len);
        save |= bytes_is(word, "save");
        nosave |= bytes_is(word, "nosave");
        text = bytes_skip(text, word.len + (space != NULL));
    }
    if (!save || !nosave) return true;
    buffer_printf(error, "shutdown options SAVE and NOSAVE can't be used simultaneously");
    return false;
}

static bool apply_listeners(const struct config_row *row, struct buffer *error) {
    return listen_again(row->name, error);
}

static bool apply_keepalive(const struct config_row *row, struct buffer *error) {
    listen_set_keepalive();
    return true;
}

/* ---- the rows ---- */

static const struct config_choice log_levels[] = {
    {"debug", LOG_LEVEL_DEBUG},     {"verbose", LOG_LEVEL_VERBOSE}, {"notice", LOG_LEVEL_NOTICE},
    {"warning", LOG_LEVEL_WARNING}, {"nothing", LOG_LEVEL_NOTHING}, {NULL, 0}};
static const struct config_choice supervisors[] = {{"upstart", SUPERVISED_UPSTART},
                                                   {"systemd", SUPERVISED_SYSTEMD},
                                                   {"auto", SUPERVISED_AUTO},
                                                   {"no", SUPERVISED_NO},
                                                   {NULL, 0}};
static const struct config_choice facilities[] = {
    {"user", 0},   {"local0", 1}, {"local1", 2}, {"local2", 3}, {"local3", 4},
    {"local4", 5}, {"local5", 6}, {"local6", 7}, {"local7", 8}, {NULL, 0}};
static const struct config_choice allowances[] = {{"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};

const char *settings_syslog_facility(void) {
    return facilities[server_settings.syslog_facility].name;
}

static char cores[12]; /* the initial number of workers */

static const struct config_row rows[] = {
    {.name = "port",
     .type = CONFIG_INTEGER,
     .value = &server_settings.port,
     .initial = "6379",
     .max = 65535,
     .apply = apply_listeners},
    {.name = "bind",
     .type = CONFIG_TEXT,
     .flags = CONFIG_WORDS,
     .value = &server_settings.bind,
     .initial = "* -::*",
     .apply = apply_listeners},
    {.name = "unixsocket",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.unixsocket,
     .initial = ""},
    {.name = "unixsocketgroup",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.unixsocketgroup,
     .initial = ""},
    {.name = "unixsocketperm",
     .type = CONFIG_OCTAL,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.unixsocketperm,
     .initial = "0",
     .max = 0777},
    {.name = "tcp-backlog",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.tcp_backlog,
     .initial = "511",
     .max = INT_MAX},
    {.name = "tcp-keepalive",
     .type = CONFIG_INTEGER,
     .value = &server_settings.tcp_keepalive,
     .initial = "300",
     .max = INT_MAX,
     .apply = apply_keepalive},
    {.name = "workers",
     .alias = "io-threads",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.workers,
     .initial = cores,
     .min = 1,
     .max = GATE_MAX_PARTICIPANTS - 1}, /* one is for who loads and takes snapshots */
    {.name = "databases",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.databases,
     .initial = "16",
     .min = 1,
     .max = INT_MAX},
    {.name = "hz",
     .type = CONFIG_INTEGER,
     .value = &server_settings.hz,
     .initial = "10",
     .max = INT_MAX,
     .apply = apply_hz},
    {.name = "dynamic-hz",
     .type = CONFIG_BOOL,
     .flags = CONFIG_HIDDEN,
     .value = &server_settings.dynamic_hz,
     .initial = "yes"},
    {.name = "shutdown-on-sigint",
     .type = CONFIG_FLAGS,
     .value = &server_settings.shutdown_on_sigint,
     .initial = "default",
     .choices = shutdowns,
     .check = check_shutdown},
    {.name = "shutdown-on-sigterm",
     .type = CONFIG_FLAGS,
     .value = &server_settings.shutdown_on_sigterm,
     .initial = "default",
     .choices = shutdowns,
     .check = check_shutdown},
    {.name = "dir",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_PROTECTED,
     .set = set_dir,
     .get = get_dir},
    {.name = "daemonize",
     .type = CONFIG_BOOL,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.daemonize,
     .initial = "no"},
    {.name = "pidfile",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.pidfile,
     .initial = ""},
    {.name = "supervised",
     .type = CONFIG_CHOICE,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.supervised,
     .initial = "no",
     .choices = supervisors},
    {.name = "loglevel",
     .type = CONFIG_CHOICE,
     .value = &server_settings.loglevel,
     .initial = "notice",
     .choices = log_levels,
     .apply = apply_level},
    {.name = "logfile",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.logfile,
     .initial = ""},
    {.name = "syslog-enabled",
     .type = CONFIG_BOOL,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.syslog_enabled,
     .initial = "no"},
    {.name = "syslog-ident",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.syslog_ident,
     .initial = "strata"},
    {.name = "syslog-facility",
     .type = CONFIG_CHOICE,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.syslog_facility,
     .initial = "local0",
     .choices = facilities},
    {.name = "crash-log-enabled",
     .type = CONFIG_BOOL,
     .value = &server_settings.crash_log_enabled,
     .initial = "yes"},
    {.name = "enable-debug-command",
     .type = CONFIG_CHOICE,
     .flags = CONFIG_IMMUTABLE,
     .value = &server_settings.enable_debug_command,
     .initial = "no",
     .choices = allowances},
    {.name = "rename-command",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS | CONFIG_REPEATED | CONFIG_START_ONLY,
     .set = set_renames,
     .get = get_renames},
    {NULL},
};

void settings_register(void) {
    snprintf(cores, sizeof cores, "%d", MIN(cpu_count(), GATE_MAX_PARTICIPANTS - 1));
    config_register(rows);
}
