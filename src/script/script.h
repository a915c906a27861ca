/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts: EVAL and its kin. Functions are in script/functions.h.
 *
 * Scripts are known by their digest to all workers; each worker compiles what it runs, for its own
 * Lua machine. What a script does to the keyspace is journaled as what its commands do.
 */
#pragma once

#include "exec/exec.h"

#define SCRIPT_DIGEST_LENGTH 40

/* SHA-1 in lower case hexadecimal digits, without a final zero. */
void script_digest(struct bytes text, char out[SCRIPT_DIGEST_LENGTH]);

/* What a script's first line, "#!lua flags=...", or a function's registration may say. */
#define SCRIPT_NO_WRITES        (1u << 0)
#define SCRIPT_ALLOW_OOM        (1u << 1)
#define SCRIPT_ALLOW_STALE      (1u << 2)
#define SCRIPT_NO_CLUSTER       (1u << 3)
#define SCRIPT_ALLOW_CROSS_SLOT (1u << 4)
#define SCRIPT_COMPATIBLE       (1u << 5) /* it says nothing: no flag is held against it */

/* The flag of that name; 0 = there is none. The names go in the order of the bits. */
uint32_t script_flag(struct bytes name);
#define SCRIPT_FLAG_COUNT 5
extern const char *const script_flag_names[SCRIPT_FLAG_COUNT];

/* The directives, before anything is loaded. */
void scripts_register_settings(void);

/* At start-up, with the families; and when all workers have ended. */
void scripts_start(struct exec *exec);
void scripts_end(void);

/* ---- commands; `call` is theirs ---- */

/* EVAL, EVALSHA and their read-only forms: script or digest, numkeys, keys, arguments. */
void scripts_eval(struct call *call, bool by_digest, bool read_only);

/* Puts it into the cache and answers its digest, or what is wrong with it. */
void scripts_load(struct call *call, struct bytes code);

bool scripts_exists(struct bytes digest);

/* The reply is the code of the script. */
void scripts_show(struct call *call, struct bytes digest);

/* Forgets all scripts of EVAL, and starts new Lua machines for them. Exclusive mode. */
void scripts_flush(void);

/* SCRIPT KILL, FUNCTION KILL: answers, too. */
void scripts_kill(struct call *call, bool function);

/* ---- for INFO; exclusive mode ---- */

struct scripts_figures {
    uint64_t cached, evicted;
    size_t code_bytes;     /* of the cached scripts, with what it takes to find them */
    size_t eval_bytes;     /* of the Lua machines for EVAL */
    size_t function_bytes; /* and of those for functions */
};
struct scripts_figures scripts_figures(void);
