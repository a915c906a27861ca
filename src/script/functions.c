/* SPDX-License-Identifier: BSD-3-Clause */
/* The libraries that there are, and calling their functions. */
#include "script/functions.h"
#include "base/ensure.h"
#include "base/glob.h"
#include "base/hash.h"
#include "script/convert.h"
#include "script/functions_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

struct functions functions;

void functions_start(void) {
    functions = (struct functions){.next_id = 1, .generation = 1};
    list_init(&functions.libraries);
}

void functions_on_change(void (*fn)(void *context), void *context) {
    functions.changed = fn;
    functions.context = context;
}

void functions_notify_change(void) {
    functions.generation++;
    if (functions.changed) functions.changed(functions.context);
}

/* ---- finding; names of functions are found in any case ---- */

static uint64_t name_hash(struct bytes name) {
    char folded[64];
    size_t n = MIN(name.len, sizeof folded);
    for (size_t i = 0; i < n; i++)
        folded[i] = bytes_lower(name.data[i]);
    return hash_bytes(folded, n);
}

struct function *functions_find(struct bytes name) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &functions.names, name_hash(name)) {
        struct function *function = CONTAINER_OF(node, struct function, in_names);
        if (bytes_equal_nocase(function->name, name)) return function;
    }
    return NULL;
}

struct library *functions_find_library(struct bytes name) {
    struct library *library;
    LIST_FOREACH(library, &functions.libraries, link) {
        if (bytes_equal(library->name, name)) return library;
    }
    return NULL;
}

/* ---- adding and removing ---- */

static void remove_names(struct library *library, const struct function *end) {
    struct function *function;
    LIST_FOREACH(function, &library->functions, in_library) {
        if (function == end) return;
        index_remove(&functions.names, &function->in_names);
    }
}

static void drop(struct library *library) {
    remove_names(library, NULL);
    list_remove(&library->link);
    functions.library_count--;
    library_release(library);
}

static bool add_names(struct library *library) {
    struct function *function;
    LIST_FOREACH(function, &library->functions, in_library) {
        if (index_add(&functions.names, &function->in_names, name_hash(function->name))) continue;
        remove_names(library, function);
        return false;
    }
    return true;
}

static bool collides(const struct library *library, const struct library *old,
                     struct buffer *error) {
    const struct function *function;
    LIST_FOREACH(function, &library->functions, in_library) {
        const struct function *other = functions_find(function->name);
        if (!other || other->library == old) continue;
        buffer_printf(error, "ERR Function %s already exists", function->name.data);
        return true;
    }
    return false;
}

bool functions_add(struct library *library, bool replace, struct buffer *error) {
    struct library *old = functions_find_library(library->name);
    if (old && !replace) {
        buffer_printf(error, "ERR Library '%s' already exists", library->name.data);
        return false;
    }
    if (collides(library, old, error) || !add_names(library)) return false;
    if (old) drop(old);
    list_append(&functions.libraries, &library->link);
    functions.library_count++;
    return true;
}

bool functions_delete(struct bytes name) {
    struct library *library = functions_find_library(name);
    if (!library) return false;
    drop(library);
    functions_notify_change();
    return true;
}

void functions_clear(void) {
    while (!list_empty(&functions.libraries))
        drop(LIST_FIRST(&functions.libraries, struct library, link));
}

void functions_flush(void) {
    functions_clear();
    functions_notify_change();
}

void functions_end(void) {
    functions_clear();
    functions = (struct functions){0};
}

/* ---- a worker's machine ---- */

/* Moves what is still known to a new table. */
static int refresh_body(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    struct library *library;
    struct function *function;
    lua_newtable(lua);
    int fresh = lua_gettop(lua);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->functions);
    LIST_FOREACH(library, &functions.libraries, link) {
        LIST_FOREACH(function, &library->functions, in_library) {
            lua_rawgeti(lua, -1, (int)function->id);
            if (lua_isnil(lua, -1))
                lua_pop(lua, 1);
            else
                lua_rawseti(lua, fresh, (int)function->id);
        }
    }
    lua_pushvalue(lua, fresh);
    lua_rawseti(lua, LUA_REGISTRYINDEX, vm->functions);
    return 0;
}

/* Forgets the functions of libraries that are gone. Without memory for that they stay until the
 * next time. */
static void refresh(unsigned worker, struct vm *vm) {
    struct script_worker *w = &scripts->workers[worker];
    if (LIKELY(w->libraries == functions.generation)) return;
    if (vm_protected(vm, refresh_body)) w->libraries = functions.generation;
    lua_settop(vm->lua, 0);
}

static bool has_function(struct vm *vm, const struct function *function) {
    lua_rawgeti(vm->lua, LUA_REGISTRYINDEX, vm->functions);
    lua_rawgeti(vm->lua, -1, (int)function->id);
    bool found = lua_isfunction(vm->lua, -1);
    lua_settop(vm->lua, 0);
    return found;
}

/* ---- FCALL ---- */

static int call_body(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    const struct program *program = vm->run->program;
    const struct function *function = program->function;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->functions);
    lua_rawgeti(lua, -1, (int)function->id);
    vm_push_list(lua, program->keys, program->key_count);
    vm_push_list(lua, program->keys + program->key_count, program->argument_count);
    lua_call(lua, 2, 1);
    convert_to_reply(lua, vm->run->nested.outer->reply, vm->resp);
    return 0;
}

void functions_call(struct call *call, bool read_only) {
    int64_t keys;
    struct function *function = functions_find(call->argv[1]);
    if (!function) {
        reply_error(call->reply, "ERR Function not found");
        return;
    }
    if (!script_key_count(call, "ERR Bad number of keys provided", &keys)) return;
    struct vm *vm = worker_vm(call->worker, VM_FUNCTIONS);
    if (!vm) {
        reply_no_memory(call->reply);
        return;
    }
    refresh(call->worker, vm);
    if (!has_function(vm, function) && !library_load_again(call->worker, vm, function->library)) {
        reply_error_bytes(call->reply, buffer_bytes(&vm->text));
        return;
    }
    struct program program = {
        .body = call_body,
        .function = function,
        .code = function->library->code,
        .keys = call->argv + 3,
        .key_count = (unsigned)keys,
        .argument_count = call->argc - 3 - (unsigned)keys,
        .flags = function->flags,
        .read_only = read_only,
        .name = function->name.data,
        .beyond = &function->beyond,
    };
    struct library *library = function->library;
    atomic_fetch_add(&library->references, 1);
    run_program(call, vm, &program);
    library_release(library);
}

/* ---- FUNCTION LOAD ---- */

static void reply_load_error(struct call *call, const struct buffer *error) {
    if (error->len)
        reply_error_bytes(call->reply, buffer_bytes(error));
    else
        reply_no_memory(call->reply);
}

void functions_load(struct call *call, struct bytes code, bool replace) {
    struct buffer error = {0};
    struct vm *vm = worker_vm(call->worker, VM_FUNCTIONS);
    if (vm) refresh(call->worker, vm);
    struct library *library = vm ? library_load(call->worker, vm, code, replace, &error) : NULL;
    if (library && functions_add(library, replace, &error)) {
        functions_notify_change();
        reply_bulk(call->reply, library->name);
    } else {
        if (library) library_release(library);
        reply_load_error(call, &error);
    }
    buffer_free(&error);
}

/* ---- FUNCTION LIST ---- */

static void reply_flags(struct reply *reply, uint32_t flags) {
    reply_set(reply, (size_t)__builtin_popcount(flags));
    for (unsigned i = 0; i < SCRIPT_FLAG_COUNT; i++)
        if (flags >> i & 1) reply_simple(reply, script_flag_names[i]);
}

static void reply_function(struct reply *reply, const struct function *function) {
    reply_map(reply, 3);
    reply_bulk_text(reply, "name");
    reply_bulk(reply, function->name);
    reply_bulk_text(reply, "description");
    if (function->description.data)
        reply_bulk(reply, function->description);
    else
        reply_null(reply);
    reply_bulk_text(reply, "flags");
    reply_flags(reply, function->flags);
}

static void reply_library(struct reply *reply, const struct library *library, bool with_code) {
    const struct function *function;
    reply_map(reply, with_code ? 4 : 3);
    reply_bulk_text(reply, "library_name");
    reply_bulk(reply, library->name);
    reply_bulk_text(reply, "engine");
    reply_bulk_text(reply, "LUA");
    reply_bulk_text(reply, "functions");
    reply_array(reply, library->function_count);
    LIST_FOREACH(function, &library->functions, in_library)
    reply_function(reply, function);
    if (!with_code) return;
    reply_bulk_text(reply, "library_code");
    reply_bulk(reply, library->code);
}

void functions_list(struct call *call, struct bytes pattern, bool with_code) {
    const struct library *library;
    size_t mark = reply_open(call->reply), count = 0;
    LIST_FOREACH(library, &functions.libraries, link) {
        if (!glob_match(pattern, library->name, false)) continue;
        reply_library(call->reply, library, with_code);
        count++;
    }
    reply_close_array(call->reply, mark, count);
}

/* ---- figures ---- */

struct functions_figures functions_figures(void) {
    const struct library *library;
    struct functions_figures figures = {.libraries = functions.library_count,
                                        .functions = functions.names.count};
    LIST_FOREACH(library, &functions.libraries, link)
    figures.bytes += sizeof *library + library->code.len + library->name.len +
                     library->function_count * sizeof(struct function);
    return figures;
}
