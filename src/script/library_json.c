/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library `cjson` is lua-cjson. It ends the process when it finds no memory for its output, and
 * tables that share others can stand for any amount of output in a few bytes. So what is to be
 * encoded is measured first.
 */
#include "base/ensure.h"
#include "script/sandbox.h"
#include "script/vm.h"

/* Its own header is for another Lua. */
int luaopen_cjson(lua_State *lua);

#define TABLE_COST 32 /* more than its brackets: looking at it takes time */

enum { DEEPEST = 1100 }; /* lua-cjson refuses what is deeper than 1000, unless told otherwise */

struct measure {
    lua_State *lua;
    size_t left; /* bytes of output that there may be yet */
};

static void spend(struct measure *m, size_t bytes) {
    if (bytes > m->left) luaL_error(m->lua, "Cannot serialise: too large");
    m->left -= bytes;
}

/* The value at the top. */
static void measure_value(struct measure *m, unsigned depth) {
    switch (lua_type(m->lua, -1)) {
    case LUA_TSTRING: spend(m, 2 + lua_objlen(m->lua, -1)); break;
    case LUA_TTABLE:
        spend(m, TABLE_COST);
        if (depth == DEEPEST) break;
        luaL_checkstack(m->lua, 4, "too deep");
        for (lua_pushnil(m->lua); lua_next(m->lua, -2); lua_pop(m->lua, 1)) {
            spend(m, 1);
            measure_value(m, depth + 1);
        }
        break;
    default: spend(m, 1);
    }
}

static int json_measure(lua_State *lua) {
    const struct vm *vm = vm_of(lua);
    struct measure m = {lua, vm->limit / 4};
    lua_settop(lua, 1);
    measure_value(&m, 0);
    return 0;
}

/* In Lua, since a call that a function ends with leaves no trace in messages. */
static const char wrapping[] = "local open, measure = ...\n"
                               "local function wrap(library)\n"
                               "  local encode, new = library.encode, library.new\n"
                               "  library.encode = function(...)\n"
                               "    measure(...)\n"
                               "    return encode(...)\n"
                               "  end\n"
                               "  library.new = function() return wrap(new()) end\n"
                               "  return library\n"
                               "end\n"
                               "return wrap(open())\n";

void library_json(lua_State *lua) {
    int failed = luaL_loadbuffer(lua, wrapping, sizeof wrapping - 1, SANDBOX_SOURCE);
    ensure(!failed);
    lua_pushcfunction(lua, luaopen_cjson);
    lua_pushcfunction(lua, json_measure);
    lua_call(lua, 2, 1);
}
