/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the coroutine library resumes coroutines: in place of Lua's own, which does it on C's
 * stack, as deep as a script likes, and ends the process when that is full. */
#include "base/ensure.h"
#include "script/vm.h"

enum { DEEPEST = 190 }; /* coroutines within coroutines */

static const char *status_of(lua_State *lua, lua_State *coroutine) {
    lua_Debug frame;
    if (coroutine == lua) return "running";
    if (lua_status(coroutine) == LUA_YIELD) return "suspended";
    if (lua_status(coroutine) != 0) return "dead";
    if (lua_getstack(coroutine, 0, &frame)) return "normal";
    return lua_gettop(coroutine) ? "suspended" : "dead";
}

/* Moves the arguments at the top there, and what it yields or returns here. Returns how many these
 * are; -1: it has failed, and why is at the top. */
static int resume(lua_State *lua, lua_State *coroutine, int arguments) {
    struct vm *vm = vm_of(lua);
    const char *status = status_of(lua, coroutine);
    if (strcmp(status, "suspended") != 0) {
        lua_pushfstring(lua, "cannot resume %s coroutine", status);
        return -1;
    }
    if (vm->resumed == DEEPEST || !lua_checkstack(coroutine, arguments))
        return luaL_error(lua, vm->resumed == DEEPEST ? "C stack overflow"
                                                      : "too many arguments to resume");
    lua_xmove(lua, coroutine, arguments);
    vm->resumed++;
    int outcome = lua_resume(coroutine, arguments);
    vm->resumed--;
    bool failed = outcome != 0 && outcome != LUA_YIELD;
    int results = failed ? 1 : lua_gettop(coroutine);
    if (!lua_checkstack(lua, results + 1)) luaL_error(lua, "too many results to resume");
    lua_xmove(coroutine, lua, results);
    return failed ? -1 : results;
}

static int coroutine_resume(lua_State *lua) {
    lua_State *coroutine = lua_tothread(lua, 1);
    luaL_argcheck(lua, coroutine, 1, "coroutine expected");
    int results = resume(lua, coroutine, lua_gettop(lua) - 1);
    lua_pushboolean(lua, results >= 0);
    if (results < 0) results = 1;
    lua_insert(lua, -1 - results);
    return results + 1;
}

/* The upvalue is the coroutine. */
static int call_wrapped(lua_State *lua) {
    int results = resume(lua, lua_tothread(lua, lua_upvalueindex(1)), lua_gettop(lua));
    if (results >= 0) return results;
    if (lua_isstring(lua, -1)) {
        luaL_where(lua, 1);
        lua_insert(lua, -2);
        lua_concat(lua, 2);
    }
    return lua_error(lua);
}

static int coroutine_wrap(lua_State *lua) {
    bool is_in_lua = lua_isfunction(lua, 1) && !lua_iscfunction(lua, 1);
    luaL_argcheck(lua, is_in_lua, 1, "Lua function expected");
    lua_State *coroutine = lua_newthread(lua);
    lua_pushvalue(lua, 1);
    lua_xmove(lua, coroutine, 1);
    lua_pushcclosure(lua, call_wrapped, 1);
    return 1;
}

void library_coroutine(lua_State *lua) {
    static const luaL_Reg all[] = {
        {"resume", coroutine_resume}, {"wrap", coroutine_wrap}, {NULL, NULL}};
    lua_getglobal(lua, "coroutine");
    luaL_register(lua, NULL, all);
    lua_pop(lua, 1);
}
