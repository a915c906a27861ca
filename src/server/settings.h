/* SPDX-License-Identifier: BSD-3-Clause */
/* The directives of the process: where it listens, logs and lives. Written at start-up and by
 * CONFIG SET. */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct exec;

struct server_settings {
    int64_t port, tls_port; /* 0 = none */
    char *bind;             /* addresses with a space between */
    char *unixsocket, *unixsocketgroup;
    int64_t unixsocketperm, tcp_backlog, tcp_keepalive;
    int64_t workers, databases, hz;
    int64_t shutdown_on_sigint, shutdown_on_sigterm; /* SHUTDOWN_ flags; 0: by default */
    bool daemonize, syslog_enabled, crash_log_enabled, dynamic_hz;
    char *pidfile, *logfile, *syslog_ident;
    int64_t loglevel, syslog_facility, supervised, enable_debug_command;
};

extern struct server_settings server_settings;

#define SHUTDOWN_SAVE    1
#define SHUTDOWN_NO_SAVE 2

enum { SUPERVISED_NO, SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO };

void settings_register(void);

/* The name of syslog-facility's value. */
const char *settings_syslog_facility(void);

/* Renames commands as `rename-command` asks. false: `error` says which cannot be. */
bool settings_rename_commands(struct exec *exec, struct buffer *error);

void settings_free(void);
