/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who keeps changes, as far as running commands has to know: replies that wait, writers that are
 * held back, and the time before everything is there. The journal is behind it; server/ brings the
 * two together.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct exec;

enum durability {
    DURABILITY_NONE,     /* replies wait for nothing */
    DURABILITY_EVERYSEC, /* nor here, but what they say is durable within a second */
    DURABILITY_ALWAYS,   /* a reply is sent when all that it shows is durable */
    DURABILITY_DEFAULT   /* of a session: as the server's */
};

/* Units of changes are numbered (keyspace_end_unit). All may be called on any worker, inside the
 * gate. */
struct durability_service {
    void *context;
    uint64_t (*partition)(void *context, unsigned partition); /* the last unit that changed it */
    uint64_t (*last)(void *context);
    uint64_t (*durable)(void *context);         /* units up to this one are */
    void (*want)(void *context, uint64_t unit); /* somebody waits for it */
    void (*wake)(void *context);                /* at the end of a turn */
    bool (*is_behind)(void *context);           /* writers have to wait */
    const char *(*error)(void *context);        /* why writers are refused; NULL: they are not */
};

/* Before the workers run. NULL: nothing is kept. `service` is borrowed. */
void exec_set_durability(struct exec *exec, const struct durability_service *service);

/* For the sessions that ask for nothing else. Exclusive mode. */
void exec_set_default_durability(struct exec *exec, enum durability durability);

/* While the data are being loaded, only commands that need none run. Any thread. */
void exec_set_loading(struct exec *exec, bool loading);
bool exec_is_loading(const struct exec *exec);
