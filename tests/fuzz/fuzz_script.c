/* SPDX-License-Identifier: BSD-3-Clause */
/* What scripts decode: whatever the bytes, cmsgpack, struct and cjson refuse them or make values of
 * them, which can be encoded again; and whatever the code, it compiles or does not.
 *
 * An input is: a byte that chooses, for struct the length of a format and the format, and bytes. */
#include "base/ensure.h"
#include "script/vm.h"

static struct bytes input;

static uint8_t take_byte(void) {
    if (!input.len) return 0;
    uint8_t byte = (uint8_t)input.data[0];
    input = bytes_skip(input, 1);
    return byte;
}

static void push_function(lua_State *lua, const char *library, const char *name) {
    lua_getglobal(lua, library);
    lua_getfield(lua, -1, name);
    lua_remove(lua, -2);
}

static void unpack_and_pack(lua_State *lua) {
    push_function(lua, "cmsgpack", "pack");
    push_function(lua, "cmsgpack", "unpack");
    lua_pushlstring(lua, input.data, input.len);
    lua_call(lua, 1, LUA_MULTRET);
    if (lua_gettop(lua) > 1) lua_call(lua, lua_gettop(lua) - 1, 1);
}

static void unpack_struct(lua_State *lua) {
    size_t length = take_byte() % 16;
    struct bytes format = {input.data, MIN(length, input.len)};
    input = bytes_skip(input, format.len);
    push_function(lua, "struct", "unpack");
    lua_pushlstring(lua, format.data, format.len);
    lua_pushlstring(lua, input.data, input.len);
    lua_call(lua, 2, LUA_MULTRET);
}

static void decode_and_encode(lua_State *lua) {
    push_function(lua, "cjson", "encode");
    push_function(lua, "cjson", "decode");
    lua_pushlstring(lua, input.data, input.len);
    lua_call(lua, 1, 1);
    lua_call(lua, 1, 1);
}

static int body(lua_State *lua) {
    switch (take_byte() % 4) {
    case 0: unpack_and_pack(lua); break;
    case 1: unpack_struct(lua); break;
    case 2: decode_and_encode(lua); break;
    default: vm_compile(lua, input, "@fuzz");
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct vm *vm;
    if (!vm) vm = vm_create(VM_EVAL, 64 << 20);
    ensure(vm);
    input = bytes_make(data, size);
    if (!vm_protected(vm, body)) ensure(vm_failure(vm).len > 0);
    lua_settop(vm->lua, 0);
    return 0;
}
