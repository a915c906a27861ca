/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts that run for too long. A thread looks at all workers from time to time. Where it finds
 * one, it interrupts the worker's thread, whose signal handler arms a hook in the Lua machine; so
 * there is no hook while all is well. The hook then lets others have their answers (exec/busy.h),
 * and ends the script when it is told to.
 */
#pragma once

#include "script/scripts_priv.h"

/* The worker's own thread, before it first runs a script. */
void watch_worker(struct script_worker *worker);

/* How long it may run. */
int64_t watch_limit_ms(const struct program *program);

/* The script, which has taken too long, is over. */
void watch_over(struct run *run);

/* For functions in C that can take long, now and then: does what the hook would do. Does not return
 * if the script has to stop. */
void watch_poll(lua_State *lua);

/* Has it been killed, by SCRIPT KILL or FUNCTION KILL? The script's own thread. When memory for the
 * undo has failed since, that comes too late, and it goes on. */
bool watch_is_killed(struct run *run);

/* What clients get meanwhile. */
const char *watch_busy_error(bool is_function);

void watch_end(void);
