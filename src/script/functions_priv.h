/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files about functions share. */
#pragma once

#include "base/index.h"
#include "base/list.h"
#include "script/functions.h"
#include "script/scripts_priv.h"

struct function {
    struct index_node in_names; /* of all functions; once its library is there */
    struct list_node in_library;
    struct library *library;
    struct bytes name, description; /* copies; no description: data is NULL */
    uint32_t flags;
    uint64_t id; /* of all functions ever loaded: where machines keep it */
    atomic_bool beyond;
};

struct library {
    struct list_node link;
    struct list_node functions;
    unsigned function_count;
    atomic_uint references;  /* the list of libraries, and who runs one of its functions */
    struct bytes name, code; /* copies; the code with its first line */
    size_t head;             /* bytes of that line */
};

/* A library while its code runs. */
struct loading {
    struct library *library;
    bool again;   /* it is known already: a machine takes its functions */
    int function; /* the code, in the registry */
};

struct functions {
    struct list_node libraries;
    struct index names;
    unsigned library_count;
    uint64_t next_id, generation;
    void (*changed)(void *context);
    void *context;
};

extern struct functions functions;

void functions_start(void);
void functions_end(void);

/* The library's `register_function`. */
int functions_register(lua_State *lua);

/* ---- functions_load.c ---- */

/* Makes a library of its code, running it on the worker. One of its name must not be there, unless
 * `replace`. The caller adds it, or releases it. NULL: `error` says what is wrong; empty: no
 * memory.
 */
struct library *library_load(unsigned worker, struct vm *vm, struct bytes code, bool replace,
                             struct buffer *error);
void library_release(struct library *library);

/* Runs the code of a known library in another machine. False: vm->text is the error. */
bool library_load_again(unsigned worker, struct vm *vm, struct library *library);

/* ---- functions.c ---- */

struct library *functions_find_library(struct bytes name);
struct function *functions_find(struct bytes name);

/* Takes the library; one of the same name goes if `replace`. False: `error` says what it
 * collides with, and nothing has changed. */
bool functions_add(struct library *library, bool replace, struct buffer *error);

/* Removes all libraries, without notification. */
void functions_clear(void);

void functions_notify_change(void);
