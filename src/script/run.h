/* SPDX-License-Identifier: BSD-3-Clause */
/* A script at work: private to script/. run.c says how scripts of several workers stay atomic. */
#pragma once

#include "exec/nested.h"
#include "script/script.h"
#include "script/vm.h"
#include <stdatomic.h>

/* Why a script has to stop, whatever it catches. */
enum run_stop {
    RUN_ON,
    RUN_AGAIN,   /* from the start, as it is */
    RUN_ALONE,   /* from the start, in exclusive mode */
    RUN_KILLED,  /* by SCRIPT KILL, FUNCTION KILL, or the end of the server */
    RUN_BUSY,    /* another one takes too long to wait for it */
    RUN_TIMEOUT, /* a library that took too long to load */
};

/* What is to be run, and how. */
struct program {
    lua_CFunction body;       /* calls the function and writes the reply */
    const void *function;     /* for `body` */
    struct bytes code;        /* that it comes from */
    const struct bytes *keys; /* and the arguments behind them */
    unsigned key_count, argument_count;
    uint32_t flags;      /* SCRIPT_ */
    bool read_only;      /* the command forbids writing */
    const char *name;    /* of a function; NULL: a script */
    bool loads;          /* the code of a library */
    atomic_bool *beyond; /* remembers that it reaches keys that it has not declared */
};

struct run {
    struct nested nested;
    struct vm *vm;
    struct script_worker *worker;
    const struct program *program;
    enum run_stop stop;
    int line;       /* where it was stopped; 0 = unknown */
    bool exclusive; /* it has exclusive mode, and gives it back */
    bool has_token; /* of the writer */
    bool wrote;
    uint32_t db; /* that the session had selected */
    size_t reply_start;
};

/* Runs it and answers the call. */
void run_program(struct call *call, struct vm *vm, const struct program *program);

/* Runs a command for the script; the reply is in vm->reply. Does not return if the script has to
 * stop. */
void run_command(lua_State *lua, const struct bytes *argv, unsigned argc);

enum run_permission { RUN_UNKNOWN, RUN_FORBIDDEN, RUN_ALLOWED };

/* May the user who runs the script run this? */
enum run_permission run_may_call(lua_State *lua, const struct bytes *argv, unsigned argc);

/* Raises an error again and again until the script is over. */
void run_stop_now(lua_State *lua, enum run_stop why) __attribute__((noreturn));

/* vm_protected() for the code of a library. False, and *timed_out: it took too long, and
 * vm_failure() need not say so. */
bool run_library(unsigned worker, struct vm *vm, lua_CFunction body, bool *timed_out);
