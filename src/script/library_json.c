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
    /* As encode_sparse_array() was told: an array may be so many times as long as it has elements,
     * 0 for any number of times, and this long anyway. */
    double ratio, safe;
};

static void spend(struct measure *m, size_t bytes) {
    if (bytes > m->left) luaL_error(m->lua, "Cannot serialise: too large");
    m->left -= bytes;
}

/* What an array lacks becomes null; but one that lacks too much is none. */
static void spend_on_holes(struct measure *m, double largest, double count) {
    bool is_array = m->ratio == 0 || largest <= m->safe || largest <= count * m->ratio;
    double holes = largest - count;
    if (!is_array || holes <= 0) return;
    spend(m, holes < (double)SIZE_MAX / 8 ? (size_t)holes * sizeof "null" : SIZE_MAX);
}

static void measure_value(struct measure *m, unsigned depth);

/* The table at the top. */
static void measure_table(struct measure *m, unsigned depth) {
    double largest = 0, count = 0;
    bool may_be_array = true;
    spend(m, TABLE_COST);
    if (depth == DEEPEST) return;
    luaL_checkstack(m->lua, 4, "too deep");
    for (lua_pushnil(m->lua); lua_next(m->lua, -2); lua_pop(m->lua, 1), count++) {
        double key = lua_type(m->lua, -2) == LUA_TNUMBER ? lua_tonumber(m->lua, -2) : 0;
        may_be_array &= key >= 1;
        largest = MAX(largest, key);
        spend(m, 1);
        measure_value(m, depth + 1);
    }
    if (may_be_array) spend_on_holes(m, largest, count);
}

/* The value at the top. */
static void measure_value(struct measure *m, unsigned depth) {
    switch (lua_type(m->lua, -1)) {
    case LUA_TSTRING: spend(m, 2 + lua_objlen(m->lua, -1)); break;
    case LUA_TTABLE: measure_table(m, depth); break;
    default: spend(m, 1);
    }
}

/* ratio, safe, value */
static int json_measure(lua_State *lua) {
    struct measure m = {.lua = lua,
                        .left = vm_of(lua)->limit / 4,
                        .ratio = lua_tonumber(lua, 1),
                        .safe = lua_tonumber(lua, 2)};
    lua_settop(lua, 3);
    measure_value(&m, 0);
    return 0;
}

/* In Lua, since a call that a function ends with leaves no trace in messages. */
static const char wrapping[] = "local open, measure = ...\n"
                               "local function wrap(library)\n"
                               "  local encode, new = library.encode, library.new\n"
                               "  local set_sparse = library.encode_sparse_array\n"
                               "  local _, ratio, safe = set_sparse()\n"
                               "  library.encode = function(...)\n"
                               "    measure(ratio, safe, ...)\n"
                               "    return encode(...)\n"
                               "  end\n"
                               "  library.encode_sparse_array = function(...)\n"
                               "    local convert\n"
                               "    convert, ratio, safe = set_sparse(...)\n"
                               "    return convert, ratio, safe\n"
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
