/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library `struct`: numbers and strings in binary formats.
 *
 *     > < =        big, little, native byte order        ![n]    align to at most n (8)
 *     b B h H l L  integers of 1, 2, 8 bytes, signed and unsigned          T  as large as a size
 *     i[n] I[n]    integers of n bytes (4)               f d     floating point of 4, 8 bytes
 *     s            a string and a zero                   c[n]    n bytes (1); c0: all of a string,
 * or x            a byte to skip                                as many as the number read before
 */
#include "base/ensure.h"
#include "script/vm.h"

enum { LARGEST_INTEGER = 32, LARGEST_ALIGN = 8 };

struct format {
    const char *at;
    bool big;
    size_t align;
};

struct option {
    char kind;
    size_t size;    /* of what it stands for; 0 for strings */
    size_t padding; /* before it */
};

static int read_number(lua_State *lua, struct format *f, int otherwise) {
    int64_t number = 0;
    if (*f->at < '0' || *f->at > '9') return otherwise;
    for (; *f->at >= '0' && *f->at <= '9'; f->at++) {
        number = number * 10 + (*f->at - '0');
        if (number > INT32_MAX) luaL_error(lua, "integral size overflow");
    }
    return (int)number;
}

static size_t size_of(lua_State *lua, struct format *f, char kind) {
    switch (kind) {
    case 'b':
    case 'B': return 1;
    case 'h':
    case 'H': return sizeof(short);
    case 'l':
    case 'L': return sizeof(long);
    case 'T': return sizeof(size_t);
    case 'f': return sizeof(float);
    case 'd': return sizeof(double);
    case 'x': return 1;
    case 'c': return (size_t)read_number(lua, f, 1);
    case 'i':
    case 'I': {
        int size = read_number(lua, f, sizeof(int));
        if (size > LARGEST_INTEGER)
            luaL_error(lua, "integral size %d is larger than limit of %d", size, LARGEST_INTEGER);
        return (size_t)size;
    }
    default: return 0;
    }
}

static void set_alignment(lua_State *lua, struct format *f) {
    int align = read_number(lua, f, LARGEST_ALIGN);
    if (align == 0 || (align & (align - 1)))
        luaL_error(lua, "alignment %d is not a power of 2", align);
    f->align = (size_t)align;
}

static size_t padding_of(const struct format *f, const struct option *option, size_t position) {
    size_t align = MIN(option->size, f->align);
    if (align <= 1 || option->kind == 'c' || option->kind == 'x') return 0;
    return (align - (position & (align - 1))) & (align - 1);
}

/* The next option that stands for something; false: the end. */
static bool next_option(lua_State *lua, struct format *f, size_t position, struct option *out) {
    for (; *f->at; f->at++) {
        switch (*f->at) {
        case ' ': break;
        case '>': f->big = true; break;
        case '<': f->big = false; break;
        case '!':
            f->at++;
            set_alignment(lua, f);
            f->at--;
            break;
        default: {
            char kind = *f->at++;
            *out = (struct option){.kind = kind, .size = size_of(lua, f, kind)};
            out->padding = padding_of(f, out, position);
            return true;
        }
        }
    }
    return false;
}

static int refuse_option(lua_State *lua, char kind) {
    return luaL_argerror(lua, 1, lua_pushfstring(lua, "invalid format option '%c'", kind));
}

/* ---- pack ---- */

/* Numbers beyond the range wrap around, as a conversion of x86 does it. */
static uint64_t to_bits(double number) {
    if (number >= -0x1p63 && number < 0x1p63) return (uint64_t)(int64_t)number;
    return number >= 0x1p63 && number < 0x1p64 ? (uint64_t)number : 0;
}

static void add(lua_State *lua, const void *data, size_t size) {
    if (!buffer_append(&vm_of(lua)->text, data, size)) luaL_error(lua, "not enough memory");
}

static void add_zeros(lua_State *lua, size_t count) {
    static const char zeros[LARGEST_ALIGN];
    for (; count > sizeof zeros; count -= sizeof zeros)
        add(lua, zeros, sizeof zeros);
    add(lua, zeros, count);
}

static void reverse(char *bytes, size_t size) {
    for (size_t i = 0; i < size / 2; i++) {
        char other = bytes[size - 1 - i];
        bytes[size - 1 - i] = bytes[i];
        bytes[i] = other;
    }
}

static void add_ordered(lua_State *lua, const struct format *f, void *bytes, size_t size) {
    if (f->big) reverse(bytes, size);
    add(lua, bytes, size);
}

static void pack_integer(lua_State *lua, const struct format *f, size_t size, int argument) {
    char bytes[LARGEST_INTEGER] = {0};
    uint64_t bits = to_bits(luaL_checknumber(lua, argument));
    memcpy(bytes, &bits, MIN(size, sizeof bits));
    add_ordered(lua, f, bytes, size);
}

static void pack_string(lua_State *lua, const struct option *option, int argument) {
    struct bytes text;
    text.data = luaL_checklstring(lua, argument, &text.len);
    size_t size = option->kind == 'c' && option->size ? option->size : text.len;
    luaL_argcheck(lua, text.len >= size, argument + 1, "string too short");
    add(lua, text.data, size);
    if (option->kind == 's') add_zeros(lua, 1);
}

static void pack_option(lua_State *lua, const struct format *f, const struct option *option,
                        int *argument) {
    switch (option->kind) {
    case 'b':
    case 'B':
    case 'h':
    case 'H':
    case 'l':
    case 'L':
    case 'T':
    case 'i':
    case 'I': pack_integer(lua, f, option->size, (*argument)++); break;
    case 'f': {
        float number = (float)luaL_checknumber(lua, (*argument)++);
        add_ordered(lua, f, &number, sizeof number);
        break;
    }
    case 'd': {
        double number = luaL_checknumber(lua, (*argument)++);
        add_ordered(lua, f, &number, sizeof number);
        break;
    }
    case 'x': add_zeros(lua, 1); break;
    case 'c':
    case 's': pack_string(lua, option, (*argument)++); break;
    default: refuse_option(lua, option->kind);
    }
}

static int struct_pack(lua_State *lua) {
    struct format f = {.at = luaL_checkstring(lua, 1), .align = 1};
    struct buffer *out = &vm_of(lua)->text;
    struct option option;
    int argument = 2;
    lua_pushnil(lua); /* where the message of a missing argument looks */
    buffer_clear(out);
    while (next_option(lua, &f, out->len, &option)) {
        add_zeros(lua, option.padding);
        pack_option(lua, &f, &option, &argument);
    }
    lua_pushlstring(lua, out->data ? out->data : "", out->len);
    return 1;
}

/* ---- unpack ---- */

struct input {
    struct bytes data;
    size_t at;
};

static const char *take(lua_State *lua, struct input *in, size_t size) {
    luaL_argcheck(lua, in->at <= in->data.len && size <= in->data.len - in->at, 2,
                  "data string too short");
    const char *taken = in->data.data + in->at;
    in->at += size;
    return taken;
}

static void push_integer(lua_State *lua, const struct format *f, const struct option *option,
                         struct input *in) {
    char bytes[LARGEST_INTEGER] = {0};
    uint64_t bits = 0;
    memcpy(bytes, take(lua, in, option->size), option->size);
    if (f->big) reverse(bytes, option->size);
    memcpy(&bits, bytes, MIN(option->size, sizeof bits));
    bool is_signed = option->kind >= 'a';
    if (!is_signed) {
        lua_pushnumber(lua, (lua_Number)bits);
        return;
    }
    if (option->size < sizeof bits && option->size) {
        unsigned spare = 64 - 8 * (unsigned)option->size;
        bits = (uint64_t)((int64_t)(bits << spare) >> spare);
    }
    lua_pushnumber(lua, (lua_Number)(int64_t)bits);
}

static void push_float(lua_State *lua, const struct format *f, const struct option *option,
                       struct input *in) {
    char bytes[sizeof(double)];
    memcpy(bytes, take(lua, in, option->size), option->size);
    if (f->big) reverse(bytes, option->size);
    float single;
    double number;
    memcpy(&single, bytes, sizeof single);
    memcpy(&number, bytes, sizeof number);
    lua_pushnumber(lua, option->kind == 'f' ? single : number);
}

/* c0 is as long as the number says that has been read last, which it takes the place of. */
static void push_chars(lua_State *lua, const struct option *option, struct input *in, int base) {
    size_t size = option->size;
    if (size == 0) {
        if (lua_gettop(lua) <= base || !lua_isnumber(lua, -1))
            luaL_error(lua, "format 'c0' needs a previous size");
        lua_Number number = lua_tonumber(lua, -1);
        lua_pop(lua, 1);
        luaL_argcheck(lua, number >= 0 && number <= (lua_Number)in->data.len, 2,
                      "data string too short");
        size = (size_t)number;
    }
    lua_pushlstring(lua, take(lua, in, size), size);
}

static void push_zero_ended(lua_State *lua, struct input *in) {
    const char *start = in->data.data + in->at;
    const char *end = in->at <= in->data.len ? memchr(start, 0, in->data.len - in->at) : NULL;
    if (!end) luaL_error(lua, "unfinished string in data");
    lua_pushlstring(lua, start, (size_t)(end - start));
    in->at += (size_t)(end - start) + 1;
}

static void push_option(lua_State *lua, const struct format *f, const struct option *option,
                        struct input *in, int base) {
    luaL_checkstack(lua, 2, "too many results");
    switch (option->kind) {
    case 'b':
    case 'B':
    case 'h':
    case 'H':
    case 'l':
    case 'L':
    case 'T':
    case 'i':
    case 'I': push_integer(lua, f, option, in); break;
    case 'f':
    case 'd': push_float(lua, f, option, in); break;
    case 'x': take(lua, in, 1); break;
    case 'c': push_chars(lua, option, in, base); break;
    case 's': push_zero_ended(lua, in); break;
    default: refuse_option(lua, option->kind);
    }
}

static int struct_unpack(lua_State *lua) {
    struct format f = {.at = luaL_checkstring(lua, 1), .align = 1};
    struct input in;
    struct option option;
    in.data.data = luaL_checklstring(lua, 2, &in.data.len);
    lua_Number position = luaL_optnumber(lua, 3, 1);
    luaL_argcheck(lua, position != 0, 3, "offset must be 1 or greater");
    luaL_argcheck(lua, position >= 1 && position <= (lua_Number)in.data.len + 1, 2,
                  "data string too short");
    in.at = (size_t)position - 1;
    lua_settop(lua, 2);
    while (next_option(lua, &f, in.at, &option)) {
        take(lua, &in, option.padding);
        push_option(lua, &f, &option, &in, 2);
    }
    lua_pushinteger(lua, (lua_Integer)in.at + 1);
    return lua_gettop(lua) - 2;
}

/* ---- size ---- */

static int struct_size(lua_State *lua) {
    struct format f = {.at = luaL_checkstring(lua, 1), .align = 1};
    struct option option;
    size_t size = 0;
    while (next_option(lua, &f, size, &option)) {
        if (option.kind == 's') luaL_argerror(lua, 1, "option 's' has no fixed size");
        if (option.kind == 'c' && option.size == 0)
            luaL_argerror(lua, 1, "option 'c0' has no fixed size");
        size += option.padding + option.size;
    }
    lua_pushnumber(lua, (lua_Number)size);
    return 1;
}

void library_struct(lua_State *lua) {
    static const luaL_Reg all[] = {
        {"pack", struct_pack}, {"size", struct_size}, {"unpack", struct_unpack}, {NULL, NULL}};
    lua_newtable(lua);
    luaL_register(lua, NULL, all);
}
