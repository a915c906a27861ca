/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions: libraries of Lua code that clients load and call by name.
 *
 * All workers share the libraries' code; each worker runs it once, in its own Lua machine, when it
 * first calls one of its functions. Libraries change in exclusive mode only.
 */
#pragma once

#include "base/buffer.h"
#include "exec/exec.h"

/* ---- commands ---- */

/* FCALL and FCALL_RO: name, numkeys, keys, arguments. */
void functions_call(struct call *call, bool read_only);

/* FUNCTION LOAD. Exclusive mode. */
void functions_load(struct call *call, struct bytes code, bool replace);

/* False: there is no such library. Exclusive mode. */
bool functions_delete(struct bytes library);
void functions_flush(void);

/* FUNCTION LIST, of libraries that the pattern matches; inside the gate. */
void functions_list(struct call *call, struct bytes pattern, bool with_code);
void functions_stats(struct call *call);

/* FUNCTION DUMP and RESTORE. The latter in exclusive mode. */
enum functions_policy { FUNCTIONS_APPEND, FUNCTIONS_REPLACE, FUNCTIONS_FLUSH };
void functions_dump(struct call *call);
void functions_restore(struct call *call, struct bytes payload, enum functions_policy policy);

/* ---- for snapshots and the journal ---- */

/* The code of each library, from which functions_restore_library() makes it again. Exclusive mode.
 */
typedef void functions_visitor(void *context, struct bytes code);
void functions_each(functions_visitor *fn, void *context);

/* Loads a library, in place of one of the same name, while no clients are served or in exclusive
 * mode. False: `error` says what is wrong with it. */
bool functions_restore_library(struct bytes code, struct buffer *error);

/* Called after each change of the libraries, in exclusive mode. */
void functions_on_change(void (*fn)(void *context), void *context);

/* ---- for INFO ---- */

struct functions_figures {
    uint64_t libraries, functions;
    size_t bytes; /* of the code, and what it takes to find it */
};
struct functions_figures functions_figures(void);
