/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What scripts see, and cannot change: Lua's libraries without those that lead outside, and
 * stand-ins for all tables that scripts share.
 *
 * A stand-in is an empty table whose metatable shows another one and refuses changes. Functions
 * that look past metatables (rawset, next ...) know stand-ins.
 */
#pragma once

#include <luajit-2.1/lua.h>
#include <stdbool.h>

/* The name of the Lua code that is part of the sandbox. */
#define SANDBOX_SOURCE "=sandbox"

/* Puts the functions of base, string, table, math, coroutine, bit and os into the table of globals,
 * as far as scripts may have them. */
void sandbox_open(lua_State *lua);

/* The table at the top is replaced by its stand-in. */
void sandbox_protect(lua_State *lua);

/* Gives the table at the top a metatable that says which global does not exist. */
void sandbox_name_missing(lua_State *lua);

/* Changes what the stand-in at the top shows to the table at `index`. */
void sandbox_show(lua_State *lua, int index);
