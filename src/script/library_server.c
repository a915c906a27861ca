/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables `redis` and `server`: how a script speaks to the server around it. */
#include "base/identity.h"
#include "base/log.h"
#include "base/number.h"
#include "exec/exec.h"
#include "script/convert.h"
#include "script/functions_priv.h"
#include "script/run.h"
#include "script/vm.h"

/* ---- commands ---- */

/* Numbers become text as the server writes doubles, not as Lua does. */
static bool to_argument(lua_State *lua, int index, struct bytes *out) {
    int type = lua_type(lua, index);
    if (type == LUA_TNUMBER) {
        char text[NUMBER_DOUBLE_MAX];
        lua_Number number = lua_tonumber(lua, index) + 0.0; /* there is no -0 */
        lua_pushlstring(lua, text, number_format_double(text, number));
        lua_replace(lua, index);
    } else if (type != LUA_TSTRING) {
        return false;
    }
    out->data = lua_tolstring(lua, index, &out->len);
    return true;
}

/* The arguments on the stack; NULL, and what is wrong with them in *problem. */
static const struct bytes *arguments(lua_State *lua, const char **problem) {
    struct vm *vm = vm_of(lua);
    int argc = lua_gettop(lua);
    if (argc == 0) {
        *problem = "ERR Please specify at least one argument for this call";
        return NULL;
    }
    buffer_clear(&vm->argv);
    if (!buffer_reserve(&vm->argv, (size_t)argc * sizeof(struct bytes)))
        luaL_error(lua, "not enough memory");
    struct bytes *argv = (struct bytes *)(void *)vm->argv.data;
    for (int i = 0; i < argc; i++) {
        if (to_argument(lua, i + 1, &argv[i])) continue;
        *problem = "ERR Command arguments must be strings or integers";
        return NULL;
    }
    return argv;
}

/* Pushes the error's table. */
static void push_problem(lua_State *lua, const char *problem) {
    vm_push_error(lua, bytes_of(problem));
    lua_pushboolean(lua, true);
    lua_setfield(lua, -2, "ignore_error_stats_update");
}

/* Pushes what the command that is on the stack, which may be full of it, answers. False: that is an
 * error. */
static bool call(lua_State *lua) {
    const char *problem;
    struct vm *vm = vm_of(lua);
    const struct bytes *argv = arguments(lua, &problem);
    if (!argv) {
        lua_settop(lua, 0);
        push_problem(lua, problem);
        return false;
    }
    run_command(lua, argv, (unsigned)lua_gettop(lua));
    lua_settop(lua, 0);
    convert_to_lua(lua, buffer_bytes(&vm->reply));
    return vm->reply.data[0] != '-';
}

static int server_call(lua_State *lua) {
    if (call(lua)) return 1;
    vm_add_place(lua);
    return lua_error(lua);
}

static int server_pcall(lua_State *lua) {
    call(lua);
    return 1;
}

static int server_acl_check_cmd(lua_State *lua) {
    const char *problem;
    const struct bytes *argv = arguments(lua, &problem);
    if (!argv) return vm_raise(lua, problem);
    enum run_permission permission = run_may_call(lua, argv, (unsigned)lua_gettop(lua));
    if (permission == RUN_UNKNOWN)
        return vm_raise(lua, "ERR Invalid command passed to server.acl_check_cmd()");
    lua_pushboolean(lua, permission == RUN_ALLOWED);
    return 1;
}

/* ---- replies ---- */

static bool has_one_string(lua_State *lua) {
    if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING) return true;
    vm_push_error(lua, BYTES("ERR wrong number or type of arguments"));
    return false;
}

/* A text of one word is no code. */
static int server_error_reply(lua_State *lua) {
    if (!has_one_string(lua)) return 1;
    struct bytes text;
    text.data = lua_tolstring(lua, 1, &text.len);
    if (text.len && text.data[0] == '-') text = bytes_skip(text, 1);
    if (!text.len || !memchr(text.data, ' ', text.len)) {
        lua_pushliteral(lua, "ERR ");
        lua_pushlstring(lua, text.data, text.len);
        lua_concat(lua, 2);
        text.data = lua_tolstring(lua, -1, &text.len);
    }
    vm_push_error(lua, text);
    return 1;
}

static int server_status_reply(lua_State *lua) {
    if (!has_one_string(lua)) return 1;
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, 1);
    lua_setfield(lua, -2, "ok");
    return 1;
}

/* ---- the rest ---- */

static int server_sha1hex(lua_State *lua) {
    if (lua_gettop(lua) != 1) return vm_raise(lua, "ERR wrong number of arguments");
    struct bytes text;
    char digest[SCRIPT_DIGEST_LENGTH];
    text.data = lua_tolstring(lua, 1, &text.len);
    if (!text.data) text = BYTES("");
    script_digest(text, digest);
    lua_pushlstring(lua, digest, sizeof digest);
    return 1;
}

static int server_log(lua_State *lua) {
    int count = lua_gettop(lua);
    if (count < 2) return vm_raise(lua, "ERR server.log() requires two arguments or more.");
    if (!lua_isnumber(lua, 1))
        return vm_raise(lua, "ERR First argument must be a number (log level).");
    double level = lua_tonumber(lua, 1);
    if (!(level >= LOG_LEVEL_DEBUG && level <= LOG_LEVEL_WARNING))
        return vm_raise(lua, "ERR Invalid log level.");
    if ((int)level < log_threshold) return 0;
    luaL_Buffer line;
    luaL_buffinit(lua, &line);
    for (int i = 2; i <= count; i++) {
        if (!lua_isstring(lua, i)) continue;
        if (i > 2) luaL_addchar(&line, ' ');
        lua_pushvalue(lua, i);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    log_write((enum log_level)(int)level, "%s", lua_tostring(lua, -1));
    return 0;
}

static int server_setresp(lua_State *lua) {
    if (lua_gettop(lua) != 1) return vm_raise(lua, "ERR server.setresp() requires one argument.");
    lua_Number version = lua_tonumber(lua, 1);
    if (version != 2 && version != 3) return vm_raise(lua, "ERR RESP version must be 2 or 3.");
    vm_of(lua)->resp = (uint8_t)version;
    return 0;
}

#define REPL_NONE    0
#define REPL_AOF     1
#define REPL_REPLICA 2
#define REPL_ALL     (REPL_AOF | REPL_REPLICA)

/* Effects are what is written, always: there is nothing to choose. */
static int server_set_repl(lua_State *lua) {
    if (lua_gettop(lua) != 1) return vm_raise(lua, "ERR server.set_repl() requires one argument.");
    lua_Number flags = lua_tonumber(lua, 1);
    if (!(flags >= REPL_NONE && flags <= REPL_ALL))
        return vm_raise(lua, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL "
                             "or REPL_NONE.");
    return 0;
}

static int server_replicate_commands(lua_State *lua) {
    lua_pushboolean(lua, true);
    return 1;
}

static int server_breakpoint(lua_State *lua) {
    lua_pushboolean(lua, false);
    return 1;
}

static int server_debug(lua_State *lua) {
    (void)lua;
    return 0;
}

/* ---- the tables ---- */

struct constant {
    const char *name;
    int value;
};

static const luaL_Reg always[] = {{"log", server_log}, {NULL, NULL}};

static const luaL_Reg running[] = {
    {"acl_check_cmd", server_acl_check_cmd},
    {"breakpoint", server_breakpoint},
    {"call", server_call},
    {"debug", server_debug},
    {"error_reply", server_error_reply},
    {"pcall", server_pcall},
    {"replicate_commands", server_replicate_commands},
    {"set_repl", server_set_repl},
    {"setresp", server_setresp},
    {"sha1hex", server_sha1hex},
    {"status_reply", server_status_reply},
    {NULL, NULL},
};

static const luaL_Reg loading_only[] = {{"register_function", functions_register}, {NULL, NULL}};

static const struct constant levels[] = {
    {"LOG_DEBUG", LOG_LEVEL_DEBUG},
    {"LOG_VERBOSE", LOG_LEVEL_VERBOSE},
    {"LOG_NOTICE", LOG_LEVEL_NOTICE},
    {"LOG_WARNING", LOG_LEVEL_WARNING},
    {NULL, 0},
};

static const struct constant replication[] = {
    {"REPL_NONE", REPL_NONE},       {"REPL_AOF", REPL_AOF}, {"REPL_SLAVE", REPL_REPLICA},
    {"REPL_REPLICA", REPL_REPLICA}, {"REPL_ALL", REPL_ALL}, {NULL, 0},
};

static void set_functions(lua_State *lua, const luaL_Reg *all) {
    for (; all->name; all++) {
        lua_pushcfunction(lua, all->func);
        lua_setfield(lua, -2, all->name);
    }
}

static void set_constants(lua_State *lua, const struct constant *constants) {
    for (; constants->name; constants++) {
        lua_pushinteger(lua, constants->value);
        lua_setfield(lua, -2, constants->name);
    }
}

/* "1.2.3" as 0x010203. */
static int version_number(const char *text) {
    int number = 0, part = 0;
    for (; *text; text++) {
        if (*text == '.') {
            number = number << 8 | part;
            part = 0;
        } else {
            part = part * 10 + (*text - '0');
        }
    }
    return number << 8 | part;
}

static void set_version(lua_State *lua, const char *who, const char *version) {
    lua_pushfstring(lua, "%s_VERSION", who);
    lua_pushstring(lua, version);
    lua_rawset(lua, -3);
    lua_pushfstring(lua, "%s_VERSION_NUM", who);
    lua_pushinteger(lua, version_number(version));
    lua_rawset(lua, -3);
}

void library_server(lua_State *lua, bool loading) {
    lua_newtable(lua);
    set_functions(lua, always);
    set_functions(lua, loading ? loading_only : running);
    set_constants(lua, levels);
    if (!loading) set_constants(lua, replication);
    set_version(lua, "REDIS", COMPAT_REDIS_VERSION);
    set_version(lua, "VALKEY", COMPAT_VALKEY_VERSION);
    lua_pushliteral(lua, COMPAT_SERVER);
    lua_setfield(lua, -2, "SERVER_NAME");
}
