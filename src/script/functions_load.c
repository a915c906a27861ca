/* SPDX-License-Identifier: BSD-3-Clause */
/* Running the code of libraries, which registers their functions. */
#include "base/ensure.h"
#include "script/functions_priv.h"
#include "script/shebang.h"
#include "sys/memory.h"

/* ---- libraries and functions, not yet known to anybody ---- */

static bool copy_text(struct bytes *out, struct bytes text) {
    char *copy = memory_alloc(text.len + 1);
    if (!copy) return false;
    if (text.len) memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *out = bytes_make(copy, text.len);
    return true;
}

static void free_text(struct bytes text) {
    memory_free((void *)text.data);
}

static void function_free(struct function *function) {
    list_remove(&function->in_library);
    free_text(function->name);
    free_text(function->description);
    memory_free(function);
}

void library_release(struct library *library) {
    if (atomic_fetch_sub(&library->references, 1) > 1) return;
    while (!list_empty(&library->functions))
        function_free(LIST_FIRST(&library->functions, struct function, in_library));
    free_text(library->name);
    free_text(library->code);
    memory_free(library);
}

static struct library *library_create(struct bytes code, const struct library_head *head) {
    struct library *library = memory_alloc_zero(sizeof *library);
    if (!library) return NULL;
    library->references = 1;
    list_init(&library->link);
    list_init(&library->functions);
    library->head = code.len - head->code.len;
    if (copy_text(&library->code, code) && copy_text(&library->name, buffer_bytes(&head->name)))
        return library;
    library_release(library);
    return NULL;
}

static struct function *library_find(const struct library *library, struct bytes name) {
    struct function *function;
    LIST_FOREACH(function, &library->functions, in_library) {
        if (bytes_equal(function->name, name)) return function;
    }
    return NULL;
}

struct registration {
    struct bytes name, description;
    uint32_t flags;
};

/* NULL: no memory. */
static struct function *library_add(struct library *library, const struct registration *r) {
    struct function *function = memory_alloc_zero(sizeof *function);
    if (!function) return NULL;
    function->library = library;
    function->flags = r->flags;
    function->id = functions.next_id++;
    list_append(&library->functions, &function->in_library);
    library->function_count++;
    if (copy_text(&function->name, r->name) &&
        (!r->description.data || copy_text(&function->description, r->description)))
        return function;
    library->function_count--;
    function_free(function);
    return NULL;
}

/* ---- register_function ---- */

#define SELF "server.register_function"

/* Where the arguments are kept on the stack while a table of them is read. */
enum { AT_CALLBACK = 2, AT_NAME, AT_DESCRIPTION };

static bool to_text(lua_State *lua, int index, struct bytes *out) {
    if (!lua_isstring(lua, index)) return false;
    out->data = lua_tolstring(lua, index, &out->len);
    return true;
}

/* The flags in the table at the top, which is popped. */
static uint32_t take_flags(lua_State *lua) {
    uint32_t flags = 0;
    if (!lua_istable(lua, -1))
        vm_raise(lua, "ERR flags argument to " SELF " must be a table representing function flags");
    for (int i = 1;; i++) {
        struct bytes name;
        lua_rawgeti(lua, -1, i);
        if (lua_isnil(lua, -1)) break;
        uint32_t flag = to_text(lua, -1, &name) ? script_flag(name) : 0;
        if (!flag) vm_raise(lua, "ERR unknown flag given");
        flags |= flag;
        lua_pop(lua, 1);
    }
    lua_pop(lua, 2);
    return flags;
}

static void take_text(lua_State *lua, int index, struct bytes *out, const char *problem) {
    if (!lua_isstring(lua, -1)) vm_raise(lua, problem);
    lua_replace(lua, index);
    to_text(lua, index, out);
}

/* Takes the value at the top as the argument of that name. */
static void take_named(lua_State *lua, struct bytes name, struct registration *r) {
    if (bytes_is(name, "function_name")) {
        take_text(lua, AT_NAME, &r->name,
                  "ERR function_name argument given to " SELF " must be a string");
    } else if (bytes_is(name, "description")) {
        take_text(lua, AT_DESCRIPTION, &r->description,
                  "ERR description argument given to " SELF " must be a string");
    } else if (bytes_is(name, "callback")) {
        if (!lua_isfunction(lua, -1))
            vm_raise(lua, "ERR callback argument given to " SELF " must be a function");
        lua_replace(lua, AT_CALLBACK);
    } else if (bytes_is(name, "flags")) {
        r->flags = take_flags(lua);
    } else {
        vm_raise(lua, "ERR unknown argument given to " SELF);
    }
}

/* A table of named arguments, of which a name and a callback must be there. */
static void read_table(lua_State *lua, struct registration *r) {
    if (!lua_istable(lua, 1))
        vm_raise(lua, "ERR calling " SELF " with a single argument is only applicable to Lua table "
                      "(representing named arguments).");
    lua_settop(lua, AT_DESCRIPTION);
    for (lua_pushnil(lua); lua_next(lua, 1);) {
        struct bytes name = BYTES("");
        if (lua_type(lua, -2) == LUA_TSTRING) to_text(lua, -2, &name);
        take_named(lua, name, r);
    }
    if (!r->name.data) vm_raise(lua, "ERR " SELF " must get a function name argument");
    if (lua_isnil(lua, AT_CALLBACK)) vm_raise(lua, "ERR " SELF " must get a callback argument");
}

static void read_two(lua_State *lua, struct registration *r) {
    if (!to_text(lua, 1, &r->name))
        vm_raise(lua, "ERR first argument to " SELF " must be a string");
    if (!lua_isfunction(lua, 2))
        vm_raise(lua, "ERR second argument to " SELF " must be a function");
}

int functions_register(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    struct loading *load = vm->load;
    struct registration r = {0};
    int count = lua_gettop(lua);
    if (count < 1 || count > 2) return vm_raise(lua, "ERR wrong number of arguments to " SELF);
    if (!load) return vm_raise(lua, "ERR " SELF " can only be called on FUNCTION LOAD command");
    if (count == 1)
        read_table(lua, &r);
    else
        read_two(lua, &r);
    struct function *function =
        load->again ? library_find(load->library, r.name) : library_add(load->library, &r);
    if (!function) return load->again ? 0 : luaL_error(lua, "not enough memory");
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->functions);
    lua_pushvalue(lua, AT_CALLBACK);
    lua_rawseti(lua, -2, (int)function->id);
    return 0;
}

/* ---- running the code ---- */

static int compile_body(lua_State *lua) {
    const struct library *library = vm_of(lua)->load->library;
    struct bytes code = bytes_skip(library->code, library->head);
    if (!vm_compile(lua, code, "@user_function")) return lua_error(lua);
    vm_of(lua)->load->function = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

static int load_body(lua_State *lua) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm_of(lua)->load->function);
    lua_call(lua, 0, 0);
    return 0;
}

/* On failure the text of the error is in vm->text. */
static bool run_code(unsigned worker, struct vm *vm, struct loading *load) {
    vm->load = load;
    bool compiles = vm_protected(vm, compile_body), good = false, timed_out = false;
    if (compiles) {
        vm_show_all(vm, false);
        good = run_library(worker, vm, load_body, &timed_out);
    }
    vm->load = NULL;
    buffer_clear(&vm->text);
    if (!good) {
        struct bytes failure = timed_out ? BYTES("ERR FUNCTION LOAD timeout") : vm_failure(vm);
        if (!compiles && bytes_starts_with(failure, BYTES("ERR ")))
            failure = bytes_skip(failure, 4);
        buffer_printf(&vm->text, "ERR Error %s: %.*s",
                      compiles ? "registering functions" : "compiling function", (int)failure.len,
                      failure.data);
    }
    if (compiles) {
        vm_show_all(vm, true);
        luaL_unref(vm->lua, LUA_REGISTRYINDEX, load->function);
    }
    lua_settop(vm->lua, 0);
    return good;
}

/* What the code has registered makes sense. */
static bool check_functions(const struct library *library, struct buffer *error) {
    const struct function *function;
    LIST_FOREACH(function, &library->functions, in_library) {
        if (!shebang_is_name(function->name)) {
            buffer_printf(error, "ERR Function names can only contain letters, numbers, or "
                                 "underscores(_) and must be at least one character long");
            return false;
        }
        if (library_find(library, function->name) != function) {
            buffer_printf(error, "ERR Function already exists in the library");
            return false;
        }
    }
    if (!library->function_count) buffer_printf(error, "ERR No functions registered");
    return library->function_count > 0;
}

struct library *library_load(unsigned worker, struct vm *vm, struct bytes code, bool replace,
                             struct buffer *error) {
    struct library_head head;
    struct library *library = NULL;
    if (shebang_read_library(code, &head, error)) {
        if (!replace && functions_find_library(buffer_bytes(&head.name)))
            buffer_printf(error, "ERR Library '%.*s' already exists", (int)head.name.len,
                          head.name.data);
        else
            library = library_create(code, &head);
    }
    buffer_free(&head.name);
    if (!library) return NULL;
    struct loading load = {.library = library};
    bool good = run_code(worker, vm, &load);
    if (!good) buffer_append_bytes(error, buffer_bytes(&vm->text));
    if (good && check_functions(library, error)) return library;
    library_release(library);
    return NULL;
}

bool library_load_again(unsigned worker, struct vm *vm, struct library *library) {
    struct loading load = {.library = library, .again = true};
    return run_code(worker, vm, &load);
}
