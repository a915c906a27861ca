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
    STACK_NEEDED = 3 * DEEPEST + 20 /* a key, a value, a copy of a table */
};

/* ---- packing ---- */

/* Tables that share others can stand for any amount of output, so both are bounded. */
struct packer {
    lua_State *lua;
    struct buffer *out;
    char *at, *end;     /* where to write, and to where there is room */
    size_t limit;       /* bytes of output */
    size_t tables_left; /* that may be packed yet */
};

#define TABLE_COST 64 /* of the limit, as if it were output */
#define HEAD_MAX   9  /* bytes: the head's and a number */

static void pack_value(struct packer *p, int index, unsigned depth);

static __attribute__((noinline)) void grow(struct packer *p, size_t size) {
    struct buffer *out = p->out;
    out->len = (size_t)(p->at - out->data);
    if (size > p->limit - out->len) luaL_error(p->lua, "too large to pack");
    if (!buffer_reserve(out, size)) luaL_error(p->lua, "not enough memory");
    p->at = out->data + out->len;
    p->end = out->data + MIN(out->cap, p->limit);
}

static inline void make_room(struct packer *p, size_t size) {
    if (UNLIKELY(size > (size_t)(p->end - p->at))) grow(p, size);
}

/* From here on there is room for HEAD_MAX bytes. */

static void put_byte(struct packer *p, unsigned byte) {
    *p->at++ = (char)byte;
}

/* The head's byte and a number, big-endian, of 1, 2, 4 or 8 bytes. */
static void put_number(struct packer *p, unsigned head, uint64_t number, size_t size) {
    uint64_t big = __builtin_bswap64(number << (64 - 8 * size));
    *p->at = (char)head;
    memcpy(p->at + 1, &big, sizeof big);
    p->at += 1 + size;
}

static void put_unsigned(struct packer *p, uint64_t n) {
    if (n < 128)
        put_byte(p, (unsigned)n);
    else if (n <= UINT8_MAX)
        put_number(p, 0xcc, n, 1);
    else if (n <= UINT16_MAX)
        put_number(p, 0xcd, n, 2);
    else if (n <= UINT32_MAX)
        put_number(p, 0xce, n, 4);
    else
        put_number(p, 0xcf, n, 8);
}

static void put_negative(struct packer *p, int64_t n) {
    if (n >= -32)
        put_byte(p, (unsigned)n & 0xff);
    else if (n >= INT8_MIN)
        put_number(p, 0xd0, (uint64_t)n, 1);
    else if (n >= INT16_MIN)
        put_number(p, 0xd1, (uint64_t)n, 2);
    else if (n >= INT32_MIN)
        put_number(p, 0xd2, (uint64_t)n, 4);
    else
        put_number(p, 0xd3, (uint64_t)n, 8);
}

static void put_float(struct packer *p, double number) {
    float single = (float)number;
    uint32_t short_bits;
    uint64_t bits;
    memcpy(&short_bits, &single, sizeof short_bits);
    memcpy(&bits, &number, sizeof bits);
    if ((double)single == number)
        put_number(p, 0xca, short_bits, sizeof short_bits);
    else
        put_number(p, 0xcb, bits, sizeof bits);
}

static void pack_number(struct packer *p, double number) {
    bool is_integer = number >= -0x1p63 && number < 0x1p63 && number == (double)(int64_t)number;
    make_room(p, HEAD_MAX);
    if (!is_integer)
        put_float(p, number);
    else if (number >= 0)
        put_unsigned(p, (uint64_t)(int64_t)number);
    else
        put_negative(p, (int64_t)number);
}

static void pack_byte(struct packer *p, unsigned byte) {
    make_room(p, HEAD_MAX);
    put_byte(p, byte);
}

static void pack_string(struct packer *p, int index) {
    struct bytes text;
    text.data = lua_tolstring(p->lua, index, &text.len);
    make_room(p, HEAD_MAX + text.len);
    if (text.len < 32)
        put_byte(p, 0xa0 | (unsigned)text.len);
    else if (text.len <= UINT8_MAX)
        put_number(p, 0xd9, text.len, 1);
    else if (text.len <= UINT16_MAX)
        put_number(p, 0xda, text.len, 2);
    else
        put_number(p, 0xdb, text.len, 4);
    memcpy(p->at, text.data, text.len);
    p->at += text.len;
}

/* ---- tables: the head's byte is left free, and filled when the elements are there ---- */

/* Where the next byte goes, from the start of the output. */
static size_t position(const struct packer *p) {
    return (size_t)(p->at - p->out->data);
}

/* Arrays are 0x90, 0xdc, 0xdd with their counts in the byte, in two, in four; maps 0x80, 0xde ...
 */
static void fill_head(struct packer *p, size_t start, size_t count, unsigned few, unsigned many) {
    if (count < 16) {
        p->out->data[start] = (char)(few | count);
        return;
    }
    size_t size = count <= UINT16_MAX ? 2 : 4, length = position(p) - start - 1;
    uint64_t big = __builtin_bswap64((uint64_t)count << (64 - 8 * size));
    make_room(p, HEAD_MAX);
    char *head = p->out->data + start;
    memmove(head + 1 + size, head + 1, length);
    memcpy(head + 1, &big, size);
    *head = (char)(many + (size == 4));
    p->at += size;
}

/* Has the table at the top the keys 1 to n in any order, and no others? */
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
        pack_value(p, -1, depth + 1);
        lua_pop(p->lua, 1);
    }
    fill_head(p, start, count, 0x90, 0xdc);
}

/* The pairs from the one on that is at the top; there may be none before it. */
static void pack_map(struct packer *p, unsigned depth, size_t start) {
    size_t count = 0;
    do {
        pack_value(p, -2, depth + 1);
        pack_value(p, -1, depth + 1);
        lua_pop(p->lua, 1);
        count++;
    } while (lua_next(p->lua, -2));
    fill_head(p, start, count, 0x80, 0xde);
}

static bool is_key(lua_State *lua, size_t number) {
    return lua_type(lua, -2) == LUA_TNUMBER && lua_tonumber(lua, -2) == (lua_Number)number;
}

/* The pairs from the one on that is at the top, whose keys shall be 1, 2, 3 ... False: they are
 * not. */
static bool pack_sequence(struct packer *p, unsigned depth, size_t start) {
    size_t count = 0;
    do {
        if (!is_key(p->lua, ++count)) {
            lua_pop(p->lua, 2);
            p->at = p->out->data + start + 1;
            return false;
        }
        pack_value(p, -1, depth + 1);
        lua_pop(p->lua, 1);
    } while (lua_next(p->lua, -2));
    fill_head(p, start, count, 0x90, 0xdc);
    return true;
}

/* The table at the top. */
static void pack_table(struct packer *p, unsigned depth) {
    size_t start = position(p), count;
    if (p->tables_left-- == 0) luaL_error(p->lua, "too large to pack");
    pack_byte(p, 0x90);
    lua_pushnil(p->lua);
    if (!lua_next(p->lua, -2)) return;
    if (lua_type(p->lua, -2) != LUA_TNUMBER) {
        pack_map(p, depth, start);
    } else if (pack_sequence(p, depth, start)) {
        return;
    } else if (is_array(p->lua, &count)) {
        pack_array(p, depth, start, count);
    } else {
        lua_pushnil(p->lua);
        lua_next(p->lua, -2);
        pack_map(p, depth, start);
    }
}

static void pack_table_at(struct packer *p, int index, unsigned depth) {
    if (depth >= DEEPEST) {
        pack_byte(p, 0xc0);
        return;
    }
    lua_pushvalue(p->lua, index);
    pack_table(p, depth);
    lua_pop(p->lua, 1);
}

/* Packs a value of the stack, which stays there. */
static void pack_value(struct packer *p, int index, unsigned depth) {
    switch (lua_type(p->lua, index)) {
    case LUA_TSTRING: pack_string(p, index); break;
    case LUA_TBOOLEAN: pack_byte(p, lua_toboolean(p->lua, index) ? 0xc3 : 0xc2); break;
    case LUA_TNUMBER: pack_number(p, lua_tonumber(p->lua, index)); break;
    case LUA_TTABLE: pack_table_at(p, index, depth); break;
    default: pack_byte(p, 0xc0);
    }
}

static int msgpack_pack(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    int count = lua_gettop(lua);
    struct packer p = {.lua = lua,
                       .out = &vm->text,
                       .limit = vm->limit / 4,
                       .tables_left = vm->limit / 4 / TABLE_COST};
    if (count == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
    luaL_checkstack(lua, STACK_NEEDED, "too many values");
    p.at = p.end = p.out->data;
    for (int i = 1; i <= count; i++)
        pack_value(&p, i, 0);
    lua_pushlstring(lua, p.out->data, position(&p));
    return 1;
}

/* ---- unpacking ---- */

/* Records in a list mostly have the same keys: the last ones stay on the stack, since a string that
 * is there already is had for less than one that must be looked up. */
enum { KNOWN_KEYS = 16 }; /* a power of two */

struct unpacker {
    lua_State *lua;
    const unsigned char *at, *end;
    int known_at;                   /* where the stack has the first of them */
    struct bytes known[KNOWN_KEYS]; /* in the input; no data: none yet */
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

/* Most keys are texts of 1 to 31 bytes, and known. False: it is anything else. */
static bool unpack_key(struct unpacker *u) {
    unsigned length = u->at < u->end ? *u->at ^ 0xa0u : 0;
    if (length - 1 >= 31 || length >= (size_t)(u->end - u->at)) {
        unpack_value(u);
        return false;
    }
    struct bytes text = bytes_make((const char *)u->at + 1, length);
    unsigned slot =
        (length + (unsigned char)text.data[0] * 5u + (unsigned char)text.data[length - 1]) %
        KNOWN_KEYS;
    u->at += 1 + length;
    if (bytes_equal(u->known[slot], text)) {
        lua_pushvalue(u->lua, u->known_at + (int)slot);
        return true;
    }
    lua_pushlstring(u->lua, text.data, text.len);
    lua_pushvalue(u->lua, -1);
    lua_replace(u->lua, u->known_at + (int)slot);
    u->known[slot] = text;
    return true;
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
        bool is_text = unpack_key(u);
        unpack_value(u);
        if (!is_text) check_key(u->lua);
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
    struct unpacker u = {lua, start + offset, start + text.len, .known_at = 2};
    int count = 0;
    lua_settop(lua, 1 + KNOWN_KEYS);
    for (; u.at < u.end && (limit == 0 || count < limit); count++) {
        luaL_checkstack(lua, 2, "in function mp_unpack_full");
        unpack_value(&u);
    }
    if (all) return count;
    lua_pushinteger(lua, u.at < u.end ? (lua_Integer)(u.at - start) : -1);
    lua_insert(lua, -1 - count);
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
