/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all workers share of scripts, and what each has of its own. Invariants:
 *   1. `lock` guards the cache: who is in it, and the list of those that may be evicted.
 *   2. A script lives while it is in the cache or some worker has compiled it. `cached` is false
 *      from the moment it leaves; a worker looks at it before it runs what it has compiled.
 *   3. A worker's machines and compiled scripts are its thread's; others touch them in exclusive
 *      mode alone.
 */
#pragma once

#include "base/index.h"
#include "base/list.h"
#include "script/run.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>

struct script {
    struct index_node in_cache;
    struct list_node evictable; /* linked if EVAL has brought it */
    atomic_uint references;
    atomic_bool cached;
    atomic_bool beyond;   /* reaches keys that it has not declared: runs in exclusive mode */
    _Atomic int64_t used; /* clock_wall_ms */
    uint32_t flags;
    char digest[SCRIPT_DIGEST_LENGTH];
    struct bytes code; /* follows the struct, and a zero follows it */
};

struct compiled {
    struct index_node by_digest, by_code;
    struct script *script;
    int function; /* in the registry of the machine */
};

enum run_state {
    RUN_IDLE,
    RUN_CLEAN,    /* has changed nothing */
    RUN_UNDOABLE, /* what it has changed can be taken back */
    RUN_WROTE,    /* and here it cannot */
    RUN_KILL
};

struct script_worker {
    struct vm *vms[2]; /* by enum vm_kind; made when needed */
    struct index by_digest, by_code;
    size_t look_at;     /* so many compiled scripts: time to drop some */
    bool flush;         /* a script was running when all were flushed: its machine goes after it */
    uint64_t libraries; /* the generation of functions that vms[VM_FUNCTIONS] has loaded */

    /* What others look at. */
    _Atomic enum run_state state;
    _Atomic uint64_t started; /* clock_ticks */
    _Atomic int64_t limit_ms; /* what it may take; 0 = as long as it likes */
    atomic_bool busy;         /* for longer than that */
    atomic_bool watched;      /* watch_worker() has set `thread` */
    _Atomic(struct run *) run;
    pthread_t thread;
} __attribute__((aligned(64)));

struct scripts {
    struct exec *exec;
    struct gate *gate;
    pthread_mutex_t lock;
    struct index cache;
    struct list_node evictable;
    unsigned evictable_count;
    uint64_t evicted;
    size_t code_bytes;
    pthread_mutex_t writer; /* the token: run.c */
    unsigned worker_count;
    struct script_worker workers[];
};

extern struct scripts *scripts;

/* NULL: no memory. */
struct vm *worker_vm(unsigned worker, enum vm_kind kind);

/* Ends the machine for EVAL, and all that it has compiled. */
void worker_close_machine(struct script_worker *w);

struct script_settings {
    int64_t busy_threshold_ms; /* 0 = never */
    int64_t memory_limit;      /* bytes of a machine */
};
extern struct script_settings script_settings;

/* EVAL's evictable scripts are so many at most. */
#define EVICTABLE_MAX 500

/* The number of keys of EVAL or FCALL, which fits its arguments. False: it makes no sense, and that
 * has been answered; `no_number` is what to say if it is none. */
bool script_key_count(struct call *call, const char *no_number, int64_t *count);
