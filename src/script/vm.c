/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/vm.h"
#include "base/ensure.h"
#include "script/sandbox.h"
#include "sys/entropy.h"
#include "sys/memory.h"
#include <luajit-2.1/luajit.h>

/* ---- memory ---- */

/* Scripts leave garbage and little else. What is always there, a few hundred kilobytes, is to be
 * looked through once for several times as much garbage; but not when there is much of it. */
enum { RELAXED_PERCENT = 600, TIGHT_PERCENT = 150 };

static void set_pace(struct vm *vm, bool tight) {
    vm->tight = tight;
    lua_gc(vm->lua, LUA_GCSETPAUSE, tight ? TIGHT_PERCENT : RELAXED_PERCENT);
}

/* lua_newstate() fails gracefully at its first block alone. So what it asks for, 12 kB, is there
 * before; it stays until the machine ends. */
enum { NURSERY_SIZE = 24 * 1024, NURSERY_ALIGN = 16 };

static bool in_nursery(const struct vm *vm, const void *block) {
    return (uintptr_t)block - (uintptr_t)vm->nursery < NURSERY_SIZE;
}

static void *from_nursery(struct vm *vm, size_t size) {
    size_t start = ALIGN_UP(vm->used, NURSERY_ALIGN);
    if (size > NURSERY_SIZE || start > NURSERY_SIZE - size) return NULL;
    vm->used = start + size;
    return vm->nursery + start;
}

/* What the collector frees, a sweep at a time, is what scripts ask for next: tables and short
 * strings. So some blocks are kept, each in the list of its size. */

static size_t rounded(size_t size) {
    return size <= SPARE_SIZE_MAX ? ALIGN_UP(size, SPARE_STEP) : size;
}

static struct spare_blocks *spares_of(struct vm *vm, size_t size) {
    return &vm->spare[(size - 1) / SPARE_STEP];
}

static void *release_block(struct vm *vm, void *block, size_t size) {
    if (!block) return NULL;
    vm->used -= size;
    if (in_nursery(vm, block)) return NULL;
    if (size > SPARE_SIZE_MAX || spares_of(vm, size)->count == SPARE_MAX) {
        memory_free(block);
        return NULL;
    }
    struct spare_blocks *spare = spares_of(vm, size);
    *(void **)block = spare->first;
    spare->first = block;
    spare->count++;
    return NULL;
}

static void *resize(const struct vm *vm, void *old, size_t old_size, size_t size) {
    if (!old) return memory_alloc(size);
    if (!in_nursery(vm, old)) return memory_realloc(old, size);
    void *block = memory_alloc(size);
    return block ? memcpy(block, old, MIN(old_size, size)) : NULL;
}

static __attribute__((noinline)) void *resize_block(struct vm *vm, void *old, size_t old_size,
                                                    size_t size) {
    if (size > old_size && size - old_size > vm->limit - MIN(vm->used, vm->limit)) return NULL;
    void *block = resize(vm, old, old_size, rounded(size));
    if (block) vm->used += size - old_size;
    if (UNLIKELY(vm->used > vm->limit / 8) && !vm->tight && vm->lua) set_pace(vm, true);
    return block;
}

static void free_spares(struct vm *vm) {
    for (unsigned i = 0; i < ARRAY_LEN(vm->spare); i++) {
        for (void *block = vm->spare[i].first, *next; block; block = next) {
            next = *(void **)block;
            memory_free(block);
        }
    }
}

static void *allocate(void *context, void *old, size_t old_size, size_t size) {
    struct vm *vm = context;
    if (size == 0) return release_block(vm, old, old_size);
    if (UNLIKELY(!vm->lua) && !old) return from_nursery(vm, size);
    struct spare_blocks *spare = !old && size <= SPARE_SIZE_MAX ? spares_of(vm, size) : NULL;
    if (!spare || !spare->first || vm->used + size > vm->limit)
        return resize_block(vm, old, old_size, size);
    void **block = spare->first;
    spare->first = *block;
    spare->count--;
    vm->used += size;
    return block;
}

struct vm *vm_of(lua_State *lua) {
    void *vm;
    lua_getallocf(lua, &vm);
    return vm;
}

/* Of the megabytes that a thread has. It grows downwards. */
enum { C_STACK_MAX = 1024 * 1024 };

void vm_check_stack(lua_State *lua) {
    const char *here = __builtin_frame_address(0);
    if (vm_of(lua)->stack - here > C_STACK_MAX) luaL_error(lua, "C stack overflow");
}

/* ---- errors ---- */

void vm_push_error(lua_State *lua, struct bytes text) {
    lua_createtable(lua, 0, 4);
    lua_pushlstring(lua, text.data, text.len);
    lua_setfield(lua, -2, "err");
}

static unsigned lines_in(struct bytes text) {
    unsigned lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

/* A call that a function ends with takes the function's place on the stack, so that nobody knows
 * any more where it was. The last `return` is a good guess, and right in scripts of one line. */
static bool guess_place(struct vm *vm, struct place *out) {
    if (!vm->code.data) return false;
    struct bytes before = vm->code;
    const struct bytes word = BYTES("return");
    while (before.len >= word.len &&
           memcmp(before.data + before.len - word.len, word.data, word.len))
        before.len--;
    *out = (struct place){vm->kind == VM_EVAL ? "@user_script" : "@user_function",
                          before.len < word.len ? 1 : (int)lines_in(before)};
    return true;
}

/* Our own part of pcall does not count. */
static bool is_ours(const lua_Debug *frame) {
    return strcmp(frame->source, SANDBOX_SOURCE) == 0;
}

bool vm_find_place(lua_State *lua, int level, struct place *out) {
    lua_Debug frame;
    for (int seen = 0; seen < 2 && lua_getstack(lua, level, &frame); level++) {
        lua_getinfo(lua, "Sl", &frame);
        if (is_ours(&frame)) continue;
        seen++;
        if (*frame.what == 'C') continue;
        *out = (struct place){frame.source, frame.currentline};
        return true;
    }
    return guess_place(vm_of(lua), out);
}

void vm_add_place(lua_State *lua) {
    struct place place;
    if (!vm_find_place(lua, 1, &place)) return;
    lua_pushstring(lua, place.source);
    lua_setfield(lua, -2, "source");
    lua_pushinteger(lua, place.line);
    lua_setfield(lua, -2, "line");
}

int vm_raise(lua_State *lua, const char *text) {
    vm_push_error(lua, bytes_of(text));
    vm_add_place(lua);
    return lua_error(lua);
}

/* Pushes a field of the table at the bottom. */
static bool push_text(lua_State *lua, const char *field) {
    lua_pushstring(lua, field);
    lua_rawget(lua, 1);
    return lua_isstring(lua, -1);
}

/* Pushes what was raised, which is at the bottom, as text. */
static void push_raised(lua_State *lua) {
    switch (lua_type(lua, 1)) {
    case LUA_TNIL: lua_pushliteral(lua, "ERR nil"); break;
    case LUA_TBOOLEAN: lua_pushstring(lua, lua_toboolean(lua, 1) ? "ERR true" : "ERR false"); break;
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushliteral(lua, "ERR ");
        lua_pushvalue(lua, 1);
        lua_concat(lua, 2);
        break;
    default: lua_pushliteral(lua, "ERR unknown error");
    }
}

/* Pushes "script: on SOURCE:LINE." for the error at the bottom. */
static void push_place(lua_State *lua) {
    struct place place;
    if (lua_istable(lua, 1) && push_text(lua, "source") && push_text(lua, "line"))
        lua_pushfstring(lua, " script: on %s:%s.", lua_tostring(lua, -2), lua_tostring(lua, -1));
    else if (vm_find_place(lua, 1, &place))
        lua_pushfstring(lua, " script: on %s:%d.", place.source, place.line);
    else
        lua_pushliteral(lua, "");
}

/* Makes a text of what was raised: the error that the client gets. */
static int on_error(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    bool is_table = lua_istable(lua, 1);
    lua_settop(lua, 1);
    vm->counted = false;
    if (is_table) {
        push_text(lua, "ignore_error_stats_update");
        vm->counted = lua_toboolean(lua, -1);
    }
    if (!is_table || !push_text(lua, "err")) push_raised(lua);
    if (vm->load || !vm->run) return 1;
    int text = lua_gettop(lua);
    push_place(lua);
    lua_pushvalue(lua, text);
    lua_insert(lua, -2);
    lua_concat(lua, 2);
    return 1;
}

static int enter(lua_State *lua) {
    return vm_of(lua)->body(lua);
}

static int collect(lua_State *lua) {
    lua_gc(lua, LUA_GCCOLLECT, 0);
    return 0;
}

/* The collector itself may need memory. */
static void free_garbage(struct vm *vm) {
    size_t limit = vm->limit;
    vm->limit = SIZE_MAX;
    lua_cpcall(vm->lua, collect, NULL);
    vm->limit = limit;
}

bool vm_protected(struct vm *vm, lua_CFunction fn) {
    lua_State *lua = vm->lua;
    vm->body = fn;
    vm->counted = false;
    vm->resumed = 0;
    vm->stack = __builtin_frame_address(0);
    lua_settop(lua, 0);
    if (UNLIKELY(vm->used > vm->limit / 2)) free_garbage(vm);
    if (UNLIKELY(vm->tight) && vm->used < vm->limit / 16) set_pace(vm, false);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->on_error);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->entry);
    vm->status = lua_pcall(lua, 0, 0, 1);
    return vm->status == 0;
}

/* What on_error() has made is whole; other texts are Lua's own. */
struct bytes vm_failure(struct vm *vm) {
    struct bytes text = BYTES("not enough memory");
    if (vm->status != LUA_ERRMEM && lua_isstring(vm->lua, -1))
        text.data = lua_tolstring(vm->lua, -1, &text.len);
    if (vm->status == LUA_ERRRUN) return text;
    buffer_clear(&vm->reply);
    if (!buffer_printf(&vm->reply, "ERR %.*s", (int)text.len, text.data))
        return BYTES("ERR not enough memory");
    return buffer_bytes(&vm->reply);
}

void vm_push_list(lua_State *lua, const struct bytes *items, unsigned count) {
    lua_createtable(lua, (int)count, 0);
    for (unsigned i = 0; i < count; i++) {
        lua_pushlstring(lua, items[i].data, items[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

/* ---- compiling ---- */

struct source {
    struct bytes code;
    unsigned pieces;
};

/* A space goes before the code. So it is no byte code whatever it begins with, and no line of it is
 * skipped. */
static const char *next_piece(lua_State *lua, void *context, size_t *size) {
    struct source *source = context;
    switch (source->pieces++) {
    case 0: *size = 1; return " ";
    case 1: *size = source->code.len; return source->code.data;
    default: *size = 0; return NULL;
    }
}

bool vm_compile(lua_State *lua, struct bytes code, const char *name) {
    struct source source = {.code = code};
    return lua_loadx(lua, next_piece, &source, name, "t") == 0;
}

/* ---- building ---- */

static void set_library(lua_State *lua, const char *name) {
    sandbox_protect(lua);
    lua_setglobal(lua, name);
}

static void open_libraries(lua_State *lua) {
    sandbox_open(lua);
    library_server(lua, false);
    sandbox_protect(lua);
    lua_pushvalue(lua, -1);
    lua_setglobal(lua, "redis");
    lua_setglobal(lua, "server");
    library_json(lua);
    set_library(lua, "cjson");
    library_msgpack(lua);
    set_library(lua, "cmsgpack");
    library_struct(lua);
    set_library(lua, "struct");
}

/* The interpreter gives each state the same random numbers. */
static void seed_random(lua_State *lua) {
    uint32_t seed;
    entropy_fill(&seed, sizeof seed);
    lua_getglobal(lua, "math");
    lua_getfield(lua, -1, "randomseed");
    lua_pushnumber(lua, seed);
    lua_call(lua, 1, 0);
    lua_pop(lua, 1);
}

/* What a library sees while it is loaded. */
static void make_loading_globals(lua_State *lua) {
    lua_createtable(lua, 0, 2);
    library_server(lua, true);
    sandbox_name_missing(lua);
    sandbox_protect(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "redis");
    lua_setfield(lua, -2, "server");
    sandbox_name_missing(lua);
}

/* luaL_unref() must not need memory. */
static void make_free_list(lua_State *lua) {
    lua_pushboolean(lua, true);
    luaL_unref(lua, LUA_REGISTRYINDEX, luaL_ref(lua, LUA_REGISTRYINDEX));
}

static int build(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    lua_settop(lua, 0);
    open_libraries(lua);
    seed_random(lua);
    lua_pushcfunction(lua, enter);
    vm->entry = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_pushcfunction(lua, on_error);
    vm->on_error = luaL_ref(lua, LUA_REGISTRYINDEX);
    make_free_list(lua);
    if (vm->kind == VM_FUNCTIONS) {
        make_loading_globals(lua);
        vm->loading_globals = luaL_ref(lua, LUA_REGISTRYINDEX);
        lua_newtable(lua);
        vm->functions = luaL_ref(lua, LUA_REGISTRYINDEX);
    }
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    sandbox_name_missing(lua);
    lua_pushvalue(lua, -1);
    sandbox_protect(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "_G");
    vm->stand_in = luaL_ref(lua, LUA_REGISTRYINDEX);
    vm->globals = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

struct vm *vm_create(enum vm_kind kind, size_t limit) {
    struct vm *vm = memory_alloc_zero(sizeof *vm);
    if (!vm) return NULL;
    vm->kind = kind;
    vm->limit = limit;
    vm->resp = 2;
    vm->nursery = memory_alloc(NURSERY_SIZE);
    vm->lua = vm->nursery ? lua_newstate(allocate, vm) : NULL;
    if (!vm->lua || lua_cpcall(vm->lua, build, NULL)) {
        vm_free(vm);
        return NULL;
    }
    set_pace(vm, false);
    luaJIT_setmode(vm->lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_rawgeti(vm->lua, LUA_REGISTRYINDEX, vm->stand_in);
    lua_replace(vm->lua, LUA_GLOBALSINDEX);
    return vm;
}

void vm_free(struct vm *vm) {
    if (!vm) return;
    if (vm->lua) lua_close(vm->lua);
    free_spares(vm);
    memory_free(vm->nursery);
    buffer_free(&vm->reply);
    buffer_free(&vm->argv);
    buffer_free(&vm->text);
    memory_free(vm);
}

static int show(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->shows_all ? vm->globals : vm->loading_globals);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->stand_in);
    sandbox_show(lua, lua_gettop(lua) - 1);
    return 0;
}

/* Nothing new is stored, so that it cannot fail but for a limit that a script has reached. */
void vm_show_all(struct vm *vm, bool all) {
    size_t limit = vm->limit;
    int top = lua_gettop(vm->lua);
    vm->limit = SIZE_MAX;
    vm->shows_all = all;
    ensure(lua_cpcall(vm->lua, show, NULL) == 0);
    vm->limit = limit;
    lua_settop(vm->lua, top);
}
