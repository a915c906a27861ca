/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/sandbox.h"
#include "base/ensure.h"
#include "script/vm.h"
#include <stdio.h>
#include <string.h>

enum { SORTED_AT_ONCE = 20000 }; /* elements: some milliseconds */

static const char shown_key; /* in a stand-in's metatable: the table that it shows */

/* ---- stand-ins ---- */

/* If the value at `index` is a stand-in, pushes what it shows. */
static bool push_shown(lua_State *lua, int index) {
    if (!lua_getmetatable(lua, index)) return false;
    lua_pushlightuserdata(lua, (void *)&shown_key);
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
    if (lua_istable(lua, -1)) return true;
    lua_pop(lua, 1);
    return false;
}

static bool is_stand_in(lua_State *lua, int index) {
    if (!push_shown(lua, index)) return false;
    lua_pop(lua, 1);
    return true;
}

static int refuse(lua_State *lua) {
    lua_pushliteral(lua, "Attempt to modify a readonly table");
    return lua_error(lua);
}

static int refuse_change(lua_State *lua) {
    return luaL_error(lua, "Attempt to modify a readonly table");
}

void sandbox_show(lua_State *lua, int index) {
    lua_pushvalue(lua, index);
    lua_getmetatable(lua, -2);
    lua_pushvalue(lua, -2);
    lua_setfield(lua, -2, "__index");
    lua_pushlightuserdata(lua, (void *)&shown_key);
    lua_pushvalue(lua, -3);
    lua_rawset(lua, -3);
    lua_pop(lua, 2);
}

void sandbox_protect(lua_State *lua) {
    lua_newtable(lua);
    lua_createtable(lua, 0, 3);
    lua_pushcfunction(lua, refuse_change);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    sandbox_show(lua, lua_gettop(lua) - 1);
    lua_remove(lua, -2);
}

static int missing(lua_State *lua) {
    const char *name = lua_tostring(lua, 2);
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      name ? name : luaL_typename(lua, 2));
}

void sandbox_name_missing(lua_State *lua) {
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, missing);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

/* ---- functions that look past metatables ---- */

static int base_rawget(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    if (push_shown(lua, 1)) lua_replace(lua, 1);
    lua_rawget(lua, 1);
    return 1;
}

static int base_rawset(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    lua_settop(lua, 3);
    if (is_stand_in(lua, 1)) return refuse(lua);
    lua_rawset(lua, 1);
    return 1;
}

static int base_next(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (push_shown(lua, 1)) lua_replace(lua, 1);
    if (lua_next(lua, 1)) return 2;
    lua_pushnil(lua);
    return 1;
}

/* Upvalues: Lua's own next, which the interpreter knows, and ours for stand-ins. */
static int base_pairs(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_pushvalue(lua, lua_upvalueindex(is_stand_in(lua, 1) ? 2 : 1));
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

/* The upvalue is what shows as the metatable of strings. */
static int base_getmetatable(lua_State *lua) {
    luaL_checkany(lua, 1);
    if (lua_type(lua, 1) == LUA_TSTRING) {
        lua_pushvalue(lua, lua_upvalueindex(1));
        return 1;
    }
    if (push_shown(lua, 1)) {
        if (lua_getmetatable(lua, -1))
            sandbox_protect(lua);
        else
            lua_pushnil(lua);
        return 1;
    }
    if (!lua_getmetatable(lua, 1)) {
        lua_pushnil(lua);
        return 1;
    }
    luaL_getmetafield(lua, 1, "__metatable");
    return 1;
}

static int base_setmetatable(lua_State *lua) {
    int type = lua_type(lua, 2);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
    if (is_stand_in(lua, 1)) return refuse(lua);
    if (luaL_getmetafield(lua, 1, "__metatable"))
        return luaL_error(lua, "cannot change a protected metatable");
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

/* The upvalue is Lua's own, which moves elements faster than we could. */
static int table_insert(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (is_stand_in(lua, 1)) return refuse(lua);
    int count = lua_gettop(lua);
    if (count == 2) {
        lua_rawseti(lua, 1, (int)lua_objlen(lua, 1) + 1);
        return 0;
    }
    if (count != 3) return luaL_error(lua, "wrong number of arguments to 'insert'");
    luaL_checkint(lua, 2);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, 0);
    return 0;
}

/* Upvalues: Lua's own, and `<` in Lua: whoever sorts much does it with that, since a hook fires in
 * it. */
static int table_sort(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (lua_isnil(lua, 2) && lua_objlen(lua, 1) > SORTED_AT_ONCE) {
        lua_pushvalue(lua, lua_upvalueindex(2));
        lua_replace(lua, 2);
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 2, 0);
    return 0;
}

/* As BitOp's: 2^52 and half of it round a number, and put it into the low bits of a double. */
static int32_t bit_argument(lua_State *lua, int index) {
    double shifted = luaL_checknumber(lua, index) + 6755399441055744.0;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int32_t)bits;
}

/* At most eight digits, where LuaJIT's gives more. */
static int bit_tohex(lua_State *lua) {
    char text[9];
    int32_t bits = bit_argument(lua, 1);
    int64_t digits = lua_isnone(lua, 2) ? 8 : bit_argument(lua, 2);
    snprintf(text, sizeof text, digits < 0 ? "%08X" : "%08x", (uint32_t)bits);
    digits = digits < 0 ? -digits : digits;
    lua_pushstring(lua, text + 8 - MIN(digits, 8));
    return 1;
}

static int table_setn(lua_State *lua) {
    return luaL_error(lua, "'setn' is obsolete");
}

/* ---- functions that could do too much ---- */

/* Scripts share the collector, so none may stop or tune it. */
static int base_collectgarbage(lua_State *lua) {
    static const char *const options[] = {"collect", "count",    "step",       "stop",
                                          "restart", "setpause", "setstepmul", NULL};
    switch (luaL_checkoption(lua, 1, "collect", options)) {
    case 0: lua_pushinteger(lua, lua_gc(lua, LUA_GCCOLLECT, 0)); break;
    case 1:
        lua_pushnumber(lua, lua_gc(lua, LUA_GCCOUNT, 0) + lua_gc(lua, LUA_GCCOUNTB, 0) / 1024.0);
        break;
    case 2: lua_pushboolean(lua, lua_gc(lua, LUA_GCSTEP, luaL_optint(lua, 2, 0))); break;
    default: lua_pushinteger(lua, 0);
    }
    return 1;
}

static int base_loadstring(lua_State *lua) {
    struct bytes code;
    code.data = luaL_checklstring(lua, 1, &code.len);
    if (vm_compile(lua, code, luaL_optstring(lua, 2, code.data))) return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

/* The pieces that the function returns, joined. */
static int base_load(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    const char *name = luaL_optstring(lua, 2, "=(load)");
    lua_settop(lua, 2);
    lua_pushliteral(lua, "");
    for (;;) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 0, 1);
        if (lua_isnil(lua, -1)) break;
        if (!lua_isstring(lua, -1)) return luaL_error(lua, "reader function must return a string");
        if (lua_objlen(lua, -1) == 0) break;
        lua_concat(lua, 2);
    }
    lua_pop(lua, 1);
    struct bytes code;
    code.data = lua_tolstring(lua, -1, &code.len);
    if (vm_compile(lua, code, name)) return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int string_dump(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    return luaL_error(lua, "unable to dump given function");
}

/* An error that is a table with a text reaches who catches it as the text. A handler runs when the
 * failed function is unwound: within Lua's own xpcall no hook would fire in it, so nothing could
 * stop it. */
static const char catching[] = "local call, type, get = ...\n"
                               "local function result(ok, ...)\n"
                               "  if ok then return ok, ... end\n"
                               "  local problem = ...\n"
                               "  if type(problem) == 'table' and get(problem, 'err') then\n"
                               "    return ok, get(problem, 'err')\n"
                               "  end\n"
                               "  return ok, ...\n"
                               "end\n"
                               "local function handled(handler, ok, ...)\n"
                               "  if ok then return ok, ... end\n"
                               "  local _, outcome = call(handler, ...)\n"
                               "  return ok, outcome\n"
                               "end\n"
                               "return function(...) return result(call(...)) end,\n"
                               "       function(f, handler) return handled(handler, call(f)) end\n";

/* ---- assembling ---- */

struct allowed {
    const char *library; /* NULL: the globals themselves */
    const char *names;
};

static const struct allowed allowed[] = {
    {NULL, " _G _VERSION assert bit collectgarbage coroutine error gcinfo getmetatable ipairs load "
           "loadstring math next os pairs pcall rawequal rawget rawset select setmetatable string "
           "table tonumber tostring type unpack xpcall "},
    {"bit", " arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex "},
    {"coroutine", " create resume running status wrap yield "},
    {"math",
     " abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max "
     "min mod modf pi pow rad random randomseed sin sinh sqrt tan tanh "},
    {"os", " clock "},
    {"string", " byte char dump find format gfind gmatch gsub len lower match rep reverse sub "
               "upper "},
    {"table", " concat foreach foreachi getn insert maxn remove setn sort "},
};

static bool is_allowed(const char *names, const char *name) {
    char word[40];
    snprintf(word, sizeof word, " %s ", name);
    return strstr(names, word) != NULL;
}

/* Removes from the table at the top what is not named. */
static void keep_only(lua_State *lua, const char *names) {
    for (lua_pushnil(lua); lua_next(lua, -2);) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) == LUA_TSTRING && is_allowed(names, lua_tostring(lua, -1))) continue;
        lua_pushvalue(lua, -1);
        lua_pushnil(lua);
        lua_rawset(lua, -4);
    }
}

static void set_global_function(lua_State *lua, const char *name, lua_CFunction fn) {
    lua_pushcfunction(lua, fn);
    lua_setglobal(lua, name);
}

static void set_field_function(lua_State *lua, const char *library, const char *name,
                               lua_CFunction fn) {
    lua_getglobal(lua, library);
    lua_pushcfunction(lua, fn);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

static void alias(lua_State *lua, const char *library, const char *name, const char *old) {
    lua_getglobal(lua, library);
    lua_getfield(lua, -1, name);
    lua_setfield(lua, -2, old);
    lua_pop(lua, 1);
}

static void open_catching(lua_State *lua) {
    int failed = luaL_loadbuffer(lua, catching, sizeof catching - 1, SANDBOX_SOURCE);
    ensure(!failed);
    lua_getglobal(lua, "pcall");
    lua_getglobal(lua, "type");
    lua_getglobal(lua, "rawget");
    lua_call(lua, 3, 2);
    lua_setglobal(lua, "xpcall");
    lua_setglobal(lua, "pcall");
}

static void open_pairs(lua_State *lua) {
    lua_getglobal(lua, "next");
    lua_pushcfunction(lua, base_next);
    lua_pushvalue(lua, -1);
    lua_setglobal(lua, "next");
    lua_pushcclosure(lua, base_pairs, 2);
    lua_setglobal(lua, "pairs");
}

static void open_sort(lua_State *lua) {
    static const char less[] = "return function(a, b) return a < b end";
    lua_getglobal(lua, "table");
    lua_getfield(lua, -1, "sort");
    int failed = luaL_loadbuffer(lua, less, sizeof less - 1, SANDBOX_SOURCE);
    ensure(!failed);
    lua_call(lua, 0, 1);
    lua_pushcclosure(lua, table_sort, 2);
    lua_setfield(lua, -2, "sort");
    lua_pop(lua, 1);
}

static void open_insert(lua_State *lua) {
    lua_getglobal(lua, "table");
    lua_getfield(lua, -1, "insert");
    lua_pushcclosure(lua, table_insert, 1);
    lua_setfield(lua, -2, "insert");
    lua_pop(lua, 1);
}

/* Once the string library has its final form. */
static void open_getmetatable(lua_State *lua) {
    lua_createtable(lua, 0, 1);
    lua_getglobal(lua, "string");
    lua_setfield(lua, -2, "__index");
    sandbox_protect(lua);
    lua_pushcclosure(lua, base_getmetatable, 1);
    lua_setglobal(lua, "getmetatable");
}

static void open_libraries(lua_State *lua) {
    static const lua_CFunction libraries[] = {luaopen_base, luaopen_table, luaopen_string,
                                              luaopen_math, luaopen_bit,   luaopen_os};
    static const char *const names[] = {"", "table", "string", "math", "bit", "os"};
    for (unsigned i = 0; i < ARRAY_LEN(libraries); i++) {
        lua_pushcfunction(lua, libraries[i]);
        lua_pushstring(lua, names[i]);
        lua_call(lua, 1, 0);
    }
}

void sandbox_open(lua_State *lua) {
    open_libraries(lua);
    library_coroutine(lua);
    library_string(lua);
    alias(lua, "string", "gmatch", "gfind");
    alias(lua, "math", "fmod", "mod");
    open_pairs(lua);
    open_catching(lua);
    set_global_function(lua, "rawget", base_rawget);
    set_global_function(lua, "rawset", base_rawset);
    set_global_function(lua, "setmetatable", base_setmetatable);
    set_global_function(lua, "collectgarbage", base_collectgarbage);
    set_global_function(lua, "load", base_load);
    set_global_function(lua, "loadstring", base_loadstring);
    set_field_function(lua, "string", "dump", string_dump);
    set_field_function(lua, "bit", "tohex", bit_tohex);
    open_insert(lua);
    open_sort(lua);
    set_field_function(lua, "table", "setn", table_setn);
    for (unsigned i = 0; i < ARRAY_LEN(allowed); i++) {
        if (allowed[i].library)
            lua_getglobal(lua, allowed[i].library);
        else
            lua_pushvalue(lua, LUA_GLOBALSINDEX);
        keep_only(lua, allowed[i].names);
        if (allowed[i].library) {
            sandbox_protect(lua);
            lua_setglobal(lua, allowed[i].library);
        } else {
            lua_pop(lua, 1);
        }
    }
    open_getmetatable(lua);
}
