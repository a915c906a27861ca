/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session: what the server knows of one client beyond its connection.
 *
 * Belongs to the worker of its connection. Other workers look at it, and change it, in exclusive
 * mode only (CLIENT LIST, CLIENT KILL).
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct command;
struct exec;

#define SESSION_AUTHENTICATED   (1u << 0)
#define SESSION_NO_EVICT        (1u << 1)
#define SESSION_NO_TOUCH        (1u << 2)
#define SESSION_REPLY_OFF       (1u << 3)
#define SESSION_REPLY_SKIP      (1u << 4) /* the next reply */
#define SESSION_REPLY_SKIP_NEXT (1u << 5) /* arms REPLY_SKIP after this command */
#define SESSION_CLOSING         (1u << 6) /* no more commands run; closes after its replies */
#define SESSION_PAUSED          (1u << 7) /* waits for CLIENT UNPAUSE */
#define SESSION_CAPA_REDIRECT   (1u << 8)
#define SESSION_IMPORT_SOURCE   (1u << 9)

struct session {
    uint64_t id;
    struct connection *connection;
    struct exec *exec;
    struct list_node in_worker; /* all sessions of the worker */
    struct list_node paused;    /* sessions of the worker that wait for the pause to end */
    uint32_t flags;
    uint32_t db;
    unsigned worker;
    uint8_t resp; /* 2 or 3 */
    char *name;   /* CLIENT SETNAME; NULL = none */
    char *library_name, *library_version;
    const struct command *last_command;
    int64_t created_ms, active_ms; /* clock_wall_ms */
    uint64_t commands;
    size_t reply_limit_since_ms; /* since when the output is over its soft limit; 0 = it is not */
};
