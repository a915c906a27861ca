/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who keeps changes, as far as running commands has to know: replies that wait, writers that are
 * held back, and the time before everything is there. The journal is behind it; server/ brings the
 * two together.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct call;
struct exec;
struct session;

enum durability {
    DURABILITY_DEFAULT,  /* of a session: as the server's */
    DURABILITY_NONE,     /* replies wait for nothing; of the server: nothing is kept */
    DURABILITY_EVERYSEC, /* nor here, but what they say is durable within a second */
    DURABILITY_ALWAYS    /* a reply is sent when all that it shows is durable */
};

/* Units of changes are numbered (keyspace_end_unit). All may be called on any worker. */
struct durability_service {
    void *context;
    uint64_t (*partition)(void *context, unsigned partition); /* the last unit that changed it */
    uint64_t (*last)(void *context);
    uint64_t (*durable)(void *context);         /* units up to this one are */
    void (*want)(void *context, uint64_t unit); /* somebody waits for it */
    bool (*wake)(void *context);                /* at the end of a turn; true: and again at once */
    bool (*is_behind)(void *context);           /* writers have to wait */
    void (*abandon)(void *context);             /* exec_abandon() */
};

/* NULL: nothing is kept. `service` is borrowed. Exclusive mode. */
void exec_set_durability(struct exec *exec, const struct durability_service *service);

/* For the sessions that ask for nothing else. Exclusive mode. */
void exec_set_default_durability(struct exec *exec, enum durability durability);

/* Units up to this one are durable: replies that waited for it are sent. Any thread. */
void exec_durable(struct exec *exec, uint64_t unit);

/* While the data are being loaded, only commands that need none run. Any thread; who sees the end
 * of it sees what was set before. */
void exec_set_loading(struct exec *exec, bool loading);
bool exec_is_loading(const struct exec *exec);

/* The server ends in the middle of what was to happen at once: nothing of it is kept, and nothing
 * that happens from now on. Before the partitions that have changed are unlocked. */
void exec_abandon(struct exec *exec);

/* What is in memory must not be saved then. */
bool exec_is_abandoned(const struct exec *exec);

/* CLIENT DURABILITY. false: the server keeps nothing, so it cannot be had. */
bool session_set_durability(struct session *session, enum durability durability);

/* Is anything kept? */
bool durability_is_kept(const struct exec *exec);

/* WAITAOF: is all that the session has changed durable? If not, it will be soon. */
bool durability_is_reached(struct session *session);

/* And if not: the command runs again when more is durable, or the deadline (clock_wall_ms; 0 =
 * never) has come. It has answered nothing. */
void durability_wait(struct call *call, int64_t deadline_ms);

/* The deadline of the wait that the command runs again after. false: it runs for the first time. */
bool durability_waited(struct call *call, int64_t *deadline_ms);
