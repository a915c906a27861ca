/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exec's directives, as their readers want them. Written at start-up and in exclusive mode; read
 * inside the gate.
 */
#pragma once

#include "proto/request.h"
#include <stdbool.h>
#include <stdint.h>

struct exec;

/* client-output-buffer-limit: of replies that the client does not read. 0 = no limit. */
struct output_limit {
    uint64_t hard, soft;  /* bytes */
    int64_t soft_seconds; /* how long it may be over the soft limit */
};

enum client_class { CLASS_NORMAL, CLASS_REPLICA, CLASS_PUBSUB };
#define CLASS_COUNT 3

#define PERCENTILES_MAX 32

struct exec_settings {
    struct bytes requirepass; /* empty = none */
    bool protected_mode;
    int64_t maxclients;
    int64_t own_files; /* descriptors that are not clients': set before the rows are applied */
    int64_t timeout;   /* seconds, 0 = never */
    int64_t proto_max_bulk_len;
    int64_t client_query_buffer_limit;
    int64_t maxmemory_clients; /* negative: percent of maxmemory; 0 = no limit */
    struct output_limit output_limits[CLASS_COUNT];
    int64_t commandlog_threshold[3]; /* by enum commandlog: microseconds or bytes, negative = off */
    int64_t commandlog_max[3];
    int64_t latency_threshold_ms; /* 0 = off */
    bool latency_tracking;
    int64_t tracking_table_max_keys; /* 0 = any number */
    double percentiles[PERCENTILES_MAX];
    unsigned percentile_count;

    /* What follows from the above. */
    uint64_t observe_ns; /* commands from here on are looked at by observe_command */
    uint64_t observe_request_bytes, observe_reply_bytes;
    size_t brief_bytes; /* with less than this as request and reply, commands in constant time
                           need not be timed one by one */
    struct request_limits authenticated, unauthenticated;
};

extern struct exec_settings exec_settings;

void exec_settings_register(void);

/* `exec` is told of changes until settings_detach. */
void settings_attach(struct exec *exec);
void settings_detach(void);

/* Once the workers' net is known. */
void settings_apply_to_net(struct exec *exec);
