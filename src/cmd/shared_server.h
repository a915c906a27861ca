/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of this run of the server, and INFO's sections of it. */
#pragma once

#include "base/buffer.h"
#include <stdint.h>

struct exec;

#define SERVER_ID_SIZE 41 /* 40 hex digits and a final zero */

struct server_facts {
    char run_id[SERVER_ID_SIZE];
    char replication_id[SERVER_ID_SIZE];
    int64_t started_ms;    /* clock_wall_ms */
    size_t startup_memory; /* bytes, before there was any data */
    enum { SAVE_AT_EXIT_IF_WANTED, SAVE_AT_EXIT, NO_SAVE_AT_EXIT } exit_save; /* SHUTDOWN */
    bool any_checksum; /* of tests: RESTORE takes payloads whose checksum does not fit */
};

/* Written at start-up; the replication id and any_checksum also in exclusive mode. */
extern struct server_facts server_facts;

/* At start-up: takes note of the facts, and brings the sections to INFO. */
void server_register_info(struct exec *exec);
void memory_register_info(struct exec *exec);
