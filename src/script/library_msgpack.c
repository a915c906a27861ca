/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library `cmsgpack`: Lua's values as MessagePack
 * (github.com/msgpack/msgpack/blob/master/spec.md).
 *
 * Values are written and read directly, not through msgpack-c, whose reader builds a tree of
 * objects first and takes memory for as many elements as a head announces: a few bytes from a
 * client could ask for gigabytes. Here memory is in proportion to the bytes that there are.
 */
#include "base/ensure.h"
#include "script/vm.h"
#include <math.h>

enum {
    DEEPEST = 16,                   /* what lies deeper is packed as nil */
    STACK_NEEDED = 4 * DEEPEST + 20 /* a table, a key, a value, a copy of the key */
};

/* ---- packing ---- */

struct packer {
    lua_State *lua;
    struct buffer *out;
    size_t left; /* bytes that may be written yet; a table costs TABLE_COST of them */
};

#define TABLE_COST 64

static void pack_value(struct packer *p, unsigned depth);

/* Tables that share others can stand for any amount of output. */
static void spend(struct packer *p, size_t size) {
    if (size > p->left) luaL_error(p->lua, "too large to pack");
    p->left -= size;
}

static void add(struct packer *p, const void *data, size_t size) {
    spend(p, size);
    if (!buffer_append(p->out, data, size)) luaL_error(p->lua, "not enough memory");
}

static void add_byte(struct packer *p, unsigned byte) {
    char c = (char)byte;
    add(p, &c, 1);
}

/* The head's byte and a number, big-endian, of 1, 2, 4 or 8 bytes. */
static void add_number(struct packer *p, unsigned head, uint64_t number, size_t size) {
    char bytes[9] = {(char)head};
    uint64_t big = __builtin_bswap64(number << (64 - 8 * size));
    memcpy(bytes + 1, &big, sizeof big);
    add(p, bytes, 1 + size);
}

static void pack_unsigned(struct packer *p, uint64_t n) {
    if (n < 128)
        add_byte(p, (unsigned)n);
    else if (n <= UINT8_MAX)
        add_number(p, 0xcc, n, 1);
    else if (n <= UINT16_MAX)
        add_number(p, 0xcd, n, 2);
    else if (n <= UINT32_MAX)
        add_number(p, 0xce, n, 4);
    else
        add_number(p, 0xcf, n, 8);
}

static void pack_negative(struct packer *p, int64_t n) {
    if (n >= -32)
        add_byte(p, (unsigned)n & 0xff);
    else if (n >= INT8_MIN)
        add_number(p, 0xd0, (uint64_t)n, 1);
    else if (n >= INT16_MIN)
        add_number(p, 0xd1, (uint64_t)n, 2);
    else if (n >= INT32_MIN)
        add_number(p, 0xd2, (uint64_t)n, 4);
    else
        add_number(p, 0xd3, (uint64_t)n, 8);
}

static void pack_float(struct packer *p, double number) {
    float single = (float)number;
    uint32_t short_bits;
    uint64_t bits;
    memcpy(&short_bits, &single, sizeof short_bits);
    memcpy(&bits, &number, sizeof bits);
    if ((double)single == number)
        add_number(p, 0xca, short_bits, sizeof short_bits);
    else
        add_number(p, 0xcb, bits, sizeof bits);
}

static void pack_number(struct packer *p, double number) {
    bool is_integer = number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number;
    if (!is_integer)
        pack_float(p, number);
    else if (number >= 0)
        pack_unsigned(p, (uint64_t)(int64_t)number);
    else
        pack_negative(p, (int64_t)number);
}

static void pack_string(struct packer *p) {
    struct bytes text;
    text.data = lua_tolstring(p->lua, -1, &text.len);
    if (text.len < 32)
        add_byte(p, 0xa0 | (unsigned)text.len);
    else if (text.len <= UINT8_MAX)
        add_number(p, 0xd9, text.len, 1);
    else if (text.len <= UINT16_MAX)
        add_number(p, 0xda, text.len, 2);
    else
        add_number(p, 0xdb, text.len, 4);
    add(p, text.data, text.len);
}

/* ---- tables: the head's byte is left free, and filled when the elements are there ---- */

/* Arrays are 0x90, 0xdc, 0xdd with their counts in the byte, in two, in four; maps 0x80, 0xde ...
 */
static void fill_head(struct packer *p, size_t start, size_t count, unsigned few, unsigned many) {
    if (count < 16) {
        p->out->data[start] = (char)(few | count);
        return;
    }
    size_t size = count <= UINT16_MAX ? 2 : 4, length = p->out->len - start - 1;
    uint64_t big = __builtin_bswap64((uint64_t)count << (64 - 8 * size));
    add(p, &big, size);
    char *head = p->out->data + start;
    memmove(head + 1 + size, head + 1, length);
    memcpy(head + 1, &big, size);
    *head = (char)(many + (size == 4));
}

static void take_back(struct packer *p, size_t start) {
    p->out->len = start + 1;
}

/* The table at the top, if its keys come as 1, 2, 3 ... False: they do not. */
static bool pack_sequence(struct packer *p, unsigned depth, size_t start) {
    size_t count = 0;
    for (lua_pushnil(p->lua); lua_next(p->lua, -2);) {
        bool is_next = lua_type(p->lua, -2) == LUA_TNUMBER &&
                       lua_tonumber(p->lua, -2) == (lua_Number)(count + 1);
        if (!is_next) {
            lua_pop(p->lua, 2);
            take_back(p, start);
            return false;
        }
        count++;
        pack_value(p, depth + 1);
    }
    fill_head(p, start, count, 0x90, 0xdc);
    return true;
}

/* Has the table at the top, which is not empty, the keys 1 to n in any order, and no others? */
static bool is_array(lua_State *lua, size_t *count) {
    double largest = 0;
    *count = 0;
    for (lua_pushnil(lua); lua_next(lua, -2); ++*count) {
        lua_pop(lua, 1);
        double key = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
        if (key < 1 || key != floor(key)) {
            lua_pop(lua, 1);
            return false;
        }
        if (key > largest) largest = key;
    }
    return largest == (double)*count;
}

static void pack_array(struct packer *p, unsigned depth, size_t start, size_t count) {
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(p->lua, -1, (int)i);
        pack_value(p, depth + 1);
    }
    fill_head(p, start, count, 0x90, 0xdc);
}

static void pack_map(struct packer *p, unsigned depth, size_t start) {
    size_t count = 0;
    for (lua_pushnil(p->lua); lua_next(p->lua, -2); count++) {
        lua_pushvalue(p->lua, -2);
        pack_value(p, depth + 1);
        pack_value(p, depth + 1);
    }
    fill_head(p, start, count, 0x80, 0xde);
}

static void pack_table(struct packer *p, unsigned depth) {
    size_t start = p->out->len, count;
    spend(p, TABLE_COST);
    add_byte(p, 0);
    if (pack_sequence(p, depth, start)) return;
    if (is_array(p->lua, &count))
        pack_array(p, depth, start, count);
    else
        pack_map(p, depth, start);
}

/* Packs the value at the top, and pops it. */
static void pack_value(struct packer *p, unsigned depth) {
    switch (lua_type(p->lua, -1)) {
    case LUA_TSTRING: pack_string(p); break;
    case LUA_TBOOLEAN: add_byte(p, lua_toboolean(p->lua, -1) ? 0xc3 : 0xc2); break;
    case LUA_TNUMBER: pack_number(p, lua_tonumber(p->lua, -1)); break;
    case LUA_TTABLE:
        if (depth < DEEPEST)
            pack_table(p, depth);
        else
            add_byte(p, 0xc0);
        break;
    default: add_byte(p, 0xc0);
    }
    lua_pop(p->lua, 1);
}

static int msgpack_pack(lua_State *lua) {
    int count = lua_gettop(lua);
    struct packer p = {lua, &vm_of(lua)->text, vm_of(lua)->limit / 4};
    if (count == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
    luaL_checkstack(lua, STACK_NEEDED, "too many values");
    buffer_clear(p.out);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(lua, i);
        pack_value(&p, 0);
    }
    lua_pushlstring(lua, p.out->data, p.out->len);
    return 1;
}

/* ---- unpacking ---- */

struct unpacker {
    lua_State *lua;
    const unsigned char *at, *end;
};

static void unpack_value(struct unpacker *u);

static const unsigned char *take(struct unpacker *u, size_t size) {
    if (size > (size_t)(u->end - u->at)) luaL_error(u->lua, "Missing bytes in input.");
    const unsigned char *taken = u->at;
    u->at += size;
    return taken;
}

static uint64_t take_number(struct unpacker *u, size_t size) {
    const unsigned char *bytes = take(u, size);
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

static void unpack_string(struct unpacker *u, size_t length) {
    lua_pushlstring(u->lua, (const char *)take(u, length), length);
}

/* Room for as many elements as there can be bytes for. */
static int room_for(const struct unpacker *u, size_t count, size_t least) {
    return (int)MIN(count, (size_t)(u->end - u->at) / least);
}

static void unpack_array(struct unpacker *u, size_t count) {
    luaL_checkstack(u->lua, 4, "in function mp_decode_to_lua_array");
    lua_createtable(u->lua, room_for(u, count, 1), 0);
    for (size_t i = 1; i <= count; i++) {
        unpack_value(u);
        lua_rawseti(u->lua, -2, (int)i);
    }
}

/* Of the key below the top. */
static void check_key(lua_State *lua) {
    int type = lua_type(lua, -2);
    bool is_nan = type == LUA_TNUMBER && isnan(lua_tonumber(lua, -2));
    if (!is_nan && type != LUA_TNIL) return;
    lua_pushstring(lua, is_nan ? "table index is NaN" : "table index is nil");
    lua_error(lua);
}

static void unpack_map(struct unpacker *u, size_t count) {
    luaL_checkstack(u->lua, 4, "in function mp_decode_to_lua_hash");
    lua_createtable(u->lua, 0, room_for(u, count, 2));
    for (size_t i = 0; i < count; i++) {
        unpack_value(u);
        unpack_value(u);
        check_key(u->lua);
        lua_rawset(u->lua, -3);
    }
}

static void push_single(struct unpacker *u) {
    uint32_t bits = (uint32_t)take_number(u, 4);
    float number;
    memcpy(&number, &bits, sizeof number);
    lua_pushnumber(u->lua, number);
}

static void push_double(struct unpacker *u) {
    uint64_t bits = take_number(u, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    lua_pushnumber(u->lua, number);
}

/* Of 64 bits the sign counts in either form, as with the other servers. */
static void push_signed(struct unpacker *u, size_t size) {
    unsigned spare = 64 - 8 * (unsigned)size;
    lua_pushnumber(u->lua, (lua_Number)((int64_t)(take_number(u, size) << spare) >> spare));
}

static void unpack_headed(struct unpacker *u, unsigned head) {
    switch (head) {
    case 0xc0: lua_pushnil(u->lua); break;
    case 0xc2: lua_pushboolean(u->lua, false); break;
    case 0xc3: lua_pushboolean(u->lua, true); break;
    case 0xca: push_single(u); break;
    case 0xcb: push_double(u); break;
    case 0xcc: lua_pushnumber(u->lua, (lua_Number)take_number(u, 1)); break;
    case 0xcd: lua_pushnumber(u->lua, (lua_Number)take_number(u, 2)); break;
    case 0xce: lua_pushnumber(u->lua, (lua_Number)take_number(u, 4)); break;
    case 0xcf: push_signed(u, 8); break;
    case 0xd0: push_signed(u, 1); break;
    case 0xd1: push_signed(u, 2); break;
    case 0xd2: push_signed(u, 4); break;
    case 0xd3: push_signed(u, 8); break;
    case 0xd9: unpack_string(u, take_number(u, 1)); break;
    case 0xda: unpack_string(u, take_number(u, 2)); break;
    case 0xdb: unpack_string(u, take_number(u, 4)); break;
    case 0xdc: unpack_array(u, take_number(u, 2)); break;
    case 0xdd: unpack_array(u, take_number(u, 4)); break;
    case 0xde: unpack_map(u, take_number(u, 2)); break;
    case 0xdf: unpack_map(u, take_number(u, 4)); break;
    default: luaL_error(u->lua, "Bad data format in input.");
    }
}

static void unpack_value(struct unpacker *u) {
    unsigned head = *take(u, 1);
    if (head < 0x80)
        lua_pushnumber(u->lua, head);
    else if (head < 0x90)
        unpack_map(u, head & 15);
    else if (head < 0xa0)
        unpack_array(u, head & 15);
    else if (head < 0xc0)
        unpack_string(u, head & 31);
    else if (head >= 0xe0)
        lua_pushnumber(u->lua, (signed char)head);
    else
        unpack_headed(u, head);
}

/* Pushes up to `limit` values (0 = all) from the offset on. Who limits gets first the offset behind
 * them, -1 at the end. */
static int unpack(lua_State *lua, int64_t limit, int64_t offset) {
    struct bytes text;
    text.data = luaL_checklstring(lua, 1, &text.len);
    if (offset < 0 || limit < 0)
        return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.",
                          (int)offset, (int)text.len);
    if ((size_t)offset > text.len)
        return luaL_error(lua, "Start offset %d greater than input length %d.", (int)offset,
                          (int)text.len);
    bool all = limit == 0 && offset == 0;
    const unsigned char *start = (const unsigned char *)text.data;
    struct unpacker u = {lua, start + offset, start + text.len};
    int count = 0;
    lua_settop(lua, 1);
    for (; u.at < u.end && (limit == 0 || count < limit); count++) {
        luaL_checkstack(lua, 2, "in function mp_unpack_full");
        unpack_value(&u);
    }
    if (all) return count;
    lua_pushinteger(lua, u.at < u.end ? (lua_Integer)(u.at - start) : -1);
    lua_insert(lua, 2);
    return count + 1;
}

static int msgpack_unpack(lua_State *lua) {
    return unpack(lua, 0, 0);
}

static int msgpack_unpack_one(lua_State *lua) {
    return unpack(lua, 1, (int64_t)luaL_optinteger(lua, 2, 0));
}

static int msgpack_unpack_limit(lua_State *lua) {
    int64_t limit = luaL_checkinteger(lua, 2);
    return unpack(lua, limit, (int64_t)luaL_optinteger(lua, 3, 0));
}

void library_msgpack(lua_State *lua) {
    static const luaL_Reg all[] = {{"pack", msgpack_pack},
                                   {"unpack", msgpack_unpack},
                                   {"unpack_one", msgpack_unpack_one},
                                   {"unpack_limit", msgpack_unpack_limit},
                                   {NULL, NULL}};
    lua_newtable(lua);
    luaL_register(lua, NULL, all);
    lua_pushliteral(lua, "cmsgpack");
    lua_setfield(lua, -2, "_NAME");
    lua_pushliteral(lua, "lua-cmsgpack 0.4.0");
    lua_setfield(lua, -2, "_VERSION");
}
