/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Lua machine: one state of LuaJIT with the sandbox around it. The JIT stays off, so that a hook
 * can stop any loop.
 *
 * Each worker has two, one for EVAL and one for functions, made when first needed; all that is here
 * belongs to the worker's thread. Memory is counted and bounded: what a script asks for beyond the
 * limit is an error in that script.
 */
#pragma once

#include "base/buffer.h"
#include <stdint.h>

#include <luajit-2.1/lauxlib.h>
#include <luajit-2.1/lua.h>
#include <luajit-2.1/lualib.h>

struct run;

enum vm_kind { VM_EVAL, VM_FUNCTIONS };

/* Freed blocks of one size. */
enum { SPARE_STEP = 16, SPARE_SIZE_MAX = 128, SPARE_MAX = 1024 };

struct spare_blocks {
    void *first; /* each begins with the address of the next */
    unsigned count;
};

struct vm {
    lua_State *lua;
    enum vm_kind kind;
    size_t used, limit;   /* bytes */
    char *nursery;        /* of what the machine is made of */
    bool tight;           /* much of the limit is used: the collector works harder */
    struct run *run;      /* what is running; NULL: nothing */
    struct bytes code;    /* of what is running; may be nothing */
    struct loading *load; /* the library that is being loaded; NULL: none */
    unsigned resumed;     /* coroutines that run within each other */
    const char *stack;    /* C's, where what is running has begun */
    bool shows_all;       /* vm_show_all */
    bool counted;         /* what vm_failure() tells has been counted as a command's error */
    uint8_t resp;         /* what replies to the script are in: 2 or 3 */
    struct buffer reply;  /* of the command that the script calls */
    struct buffer argv;   /* of struct bytes: its arguments */
    struct buffer text;   /* what cmsgpack and struct write to */
    struct spare_blocks spare[SPARE_SIZE_MAX / SPARE_STEP];
    lua_CFunction body;  /* of vm_protected */
    int status;          /* of lua_pcall */
    int entry, on_error; /* in the registry, as are those below: how everything is started */
    int globals;         /* all of them, without the stand-in */
    int functions;       /* VM_FUNCTIONS: a table of functions by their id */
    int stand_in, loading_globals; /* what scripts see of them; what a library sees being loaded */
};

/* NULL: no memory. */
struct vm *vm_create(enum vm_kind kind, size_t limit);
void vm_free(struct vm *vm);

/* Whose state this is. */
struct vm *vm_of(lua_State *lua);

/* Before calling a function of the script from C: an error when such calls are so deep in each
 * other that C's stack would be full, which ends the process. */
void vm_check_stack(lua_State *lua);

/* Runs fn(lua) where errors cannot go further. False: vm_failure() tells what the error reply is,
 * until the stack is cleared. All that may raise an error or take memory of Lua's is done so. */
bool vm_protected(struct vm *vm, lua_CFunction fn);
struct bytes vm_failure(struct vm *vm);

/* Pushes the function that a text is the code of. False: a text on the stack says what is wrong.
 * Byte code is never taken. */
bool vm_compile(lua_State *lua, struct bytes code, const char *name);

/* Pushes a table of strings. */
void vm_push_list(lua_State *lua, const struct bytes *items, unsigned count);

/* While a library is loaded it sees little but what registers its functions. */
void vm_show_all(struct vm *vm, bool all);

/* ---- errors: tables with `err`, and with `source` and `line` where they arose ---- */

/* Raises the error, whose first word is its code. */
int vm_raise(lua_State *lua, const char *text);

/* Pushes such a table without place. */
void vm_push_error(lua_State *lua, struct bytes text);

/* Where in a script, from that level of the stack on. */
struct place {
    const char *source; /* valid while the function lives */
    int line;
};
bool vm_find_place(lua_State *lua, int level, struct place *out);

/* Adds the place in the script to the table at the top. */
void vm_add_place(lua_State *lua);

/* ---- the libraries; each pushes its table ---- */

void library_server(lua_State *lua, bool loading);
void library_json(lua_State *lua);
void library_msgpack(lua_State *lua);
void library_struct(lua_State *lua);

/* These replace functions of the globals' tables. */
void library_coroutine(lua_State *lua);
void library_string(lua_State *lua);
