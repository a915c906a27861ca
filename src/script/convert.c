/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/convert.h"
#include "base/ensure.h"
#include "base/number.h"
#include "script/vm.h"
#include <luajit-2.1/lauxlib.h>
#include <math.h>

/* ---- replies to values ---- */

/* The reply is our own, so it is what it says it is. */
struct reader {
    lua_State *lua;
    const char *at;
};

static void push_reply(struct reader *r);

/* The line after the type's byte. */
static struct bytes take_line(struct reader *r) {
    const char *start = r->at + 1;
    const char *end = start;
    while (*end != '\r')
        end++;
    r->at = end + 2;
    return bytes_make(start, (size_t)(end - start));
}

static int64_t take_integer(struct reader *r) {
    const char *p = r->at + 1;
    bool negative = *p == '-';
    uint64_t n = 0;
    for (p += negative; *p != '\r'; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    r->at = p + 2;
    return negative ? (int64_t)-n : (int64_t)n;
}

static struct bytes take_string(struct reader *r, size_t length) {
    struct bytes text = bytes_make(r->at, length);
    r->at += length + 2;
    return text;
}

static void set_text(lua_State *lua, const char *field, struct bytes text) {
    lua_pushlstring(lua, text.data, text.len);
    lua_setfield(lua, -2, field);
}

static void push_tagged(struct reader *r, const char *field, struct bytes text) {
    lua_createtable(r->lua, 0, 1);
    set_text(r->lua, field, text);
}

static void push_error(struct reader *r) {
    vm_push_error(r->lua, take_line(r));
    lua_pushboolean(r->lua, true);
    lua_setfield(r->lua, -2, "ignore_error_stats_update");
}

static void push_bulk(struct reader *r) {
    int64_t length = take_integer(r);
    if (length < 0) {
        lua_pushboolean(r->lua, false);
        return;
    }
    struct bytes text = take_string(r, (size_t)length);
    lua_pushlstring(r->lua, text.data, text.len);
}

static void push_array(struct reader *r) {
    int64_t count = take_integer(r);
    if (count < 0) {
        lua_pushboolean(r->lua, false);
        return;
    }
    lua_createtable(r->lua, (int)count, 0);
    for (int i = 1; i <= count; i++) {
        push_reply(r);
        lua_rawseti(r->lua, -2, i);
    }
}

/* {map = {...}} and {set = {element = true}}. */
static void push_map(struct reader *r, const char *field, bool has_values) {
    int64_t count = take_integer(r);
    lua_createtable(r->lua, 0, 1);
    lua_createtable(r->lua, 0, (int)count);
    for (int64_t i = 0; i < count; i++) {
        push_reply(r);
        if (has_values)
            push_reply(r);
        else
            lua_pushboolean(r->lua, true);
        lua_rawset(r->lua, -3);
    }
    lua_setfield(r->lua, -2, field);
}

static void push_double(struct reader *r) {
    struct bytes text = take_line(r);
    double number = 0;
    lua_createtable(r->lua, 0, 1);
    if (!number_parse_double(text, &number)) number = text.data[0] == '-' ? -NAN : NAN;
    lua_pushnumber(r->lua, number);
    lua_setfield(r->lua, -2, "double");
}

static void push_verbatim(struct reader *r) {
    size_t length = (size_t)take_integer(r);
    struct bytes text = take_string(r, length);
    lua_createtable(r->lua, 0, 1);
    lua_createtable(r->lua, 0, 2);
    set_text(r->lua, "format", bytes_make(text.data, 3));
    set_text(r->lua, "string", bytes_skip(text, 4));
    lua_setfield(r->lua, -2, "verbatim_string");
}

static void skip_attribute(struct reader *r) {
    for (int64_t i = 2 * take_integer(r); i > 0; i--) {
        push_reply(r);
        lua_pop(r->lua, 1);
    }
}

static void push_reply(struct reader *r) {
    luaL_checkstack(r->lua, 8, "too many nested replies");
    while (*r->at == '|')
        skip_attribute(r);
    switch (*r->at) {
    case ':': lua_pushnumber(r->lua, (lua_Number)take_integer(r)); break;
    case '$': push_bulk(r); break;
    case '+': push_tagged(r, "ok", take_line(r)); break;
    case '-': push_error(r); break;
    case '*':
    case '>': push_array(r); break;
    case '_':
        take_line(r);
        lua_pushnil(r->lua);
        break;
    case '#': lua_pushboolean(r->lua, *take_line(r).data == 't'); break;
    case ',': push_double(r); break;
    case '(': push_tagged(r, "big_number", take_line(r)); break;
    case '=': push_verbatim(r); break;
    case '%': push_map(r, "map", true); break;
    case '~': push_map(r, "set", false); break;
    default: luaL_error(r->lua, "unknown reply");
    }
}

void convert_to_lua(lua_State *lua, struct bytes reply) {
    struct reader r = {lua, reply.data};
    push_reply(&r);
}

/* ---- values to replies ---- */

#define VALUE_COST 64 /* of the memory limit, for each value of a reply */

struct writer {
    lua_State *lua;
    struct reply *reply;
    uint8_t resp; /* what the script has asked for */
    size_t left; /* tables that share others can stand for any number of values: so many are left */
};

static void write_value(struct writer *w);

/* As a cast on x86 does it, whatever the number is. */
static int64_t to_integer(double number) {
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}

static bool has_field(struct writer *w, const char *name, int type) {
    lua_pushstring(w->lua, name);
    lua_rawget(w->lua, -2);
    if (lua_type(w->lua, -1) == type) return true;
    lua_pop(w->lua, 1);
    return false;
}

static struct bytes top_text(struct writer *w) {
    struct bytes text;
    text.data = lua_tolstring(w->lua, -1, &text.len);
    return text;
}

/* The string at the top up to a zero, which ends it as in C, and without line breaks. */
static struct bytes one_line(struct writer *w) {
    struct bytes text = top_text(w);
    text.len = strnlen(text.data, text.len);
    if (!memchr(text.data, '\n', text.len) && !memchr(text.data, '\r', text.len)) return text;
    struct buffer *scratch = &vm_of(w->lua)->text;
    buffer_clear(scratch);
    if (!buffer_append_bytes(scratch, text)) luaL_error(w->lua, "not enough memory");
    for (size_t i = 0; i < scratch->len; i++)
        if (scratch->data[i] == '\n' || scratch->data[i] == '\r') scratch->data[i] = ' ';
    return buffer_bytes(scratch);
}

/* An error that a command has given is counted already. */
static void write_error(struct writer *w) {
    struct bytes text = one_line(w);
    lua_pop(w->lua, 1);
    bool counted = has_field(w, "ignore_error_stats_update", LUA_TBOOLEAN);
    if (counted) lua_pop(w->lua, 1);
    if (!counted) {
        reply_error_bytes(w->reply, text);
        return;
    }
    reply_raw(w->reply, BYTES("-"));
    reply_raw(w->reply, text);
    reply_raw(w->reply, BYTES("\r\n"));
}

static void write_status(struct writer *w) {
    reply_raw(w->reply, BYTES("+"));
    reply_raw(w->reply, one_line(w));
    reply_raw(w->reply, BYTES("\r\n"));
    lua_pop(w->lua, 1);
}

static void write_map(struct writer *w) {
    size_t mark = reply_open(w->reply), pairs = 0;
    for (lua_pushnil(w->lua); lua_next(w->lua, -2); pairs++) {
        lua_pushvalue(w->lua, -2);
        write_value(w);
        write_value(w);
    }
    reply_close_map(w->reply, mark, pairs);
    lua_pop(w->lua, 1);
}

static void write_set(struct writer *w) {
    size_t mark = reply_open(w->reply), count = 0;
    for (lua_pushnil(w->lua); lua_next(w->lua, -2); count++) {
        lua_pop(w->lua, 1);
        lua_pushvalue(w->lua, -1);
        write_value(w);
    }
    reply_close_set(w->reply, mark, count);
    lua_pop(w->lua, 1);
}

/* With {format, string} at the top. */
static bool write_verbatim(struct writer *w) {
    if (!has_field(w, "format", LUA_TSTRING)) return false;
    char format[3] = {' ', ' ', ' '};
    struct bytes text = top_text(w);
    memcpy(format, text.data, MIN(text.len, sizeof format));
    lua_pop(w->lua, 1);
    if (!has_field(w, "string", LUA_TSTRING)) return false;
    reply_verbatim(w->reply, format, top_text(w));
    lua_pop(w->lua, 1);
    return true;
}

static void write_array(struct writer *w) {
    size_t mark = reply_open(w->reply), count = 0;
    for (;; count++) {
        lua_rawgeti(w->lua, -1, (int)count + 1);
        if (lua_isnil(w->lua, -1)) break;
        write_value(w);
    }
    lua_pop(w->lua, 1);
    reply_close_array(w->reply, mark, count);
}

/* What the fields say that make more of a table than an array. */
static bool write_tagged(struct writer *w) {
    if (has_field(w, "err", LUA_TSTRING)) {
        write_error(w);
    } else if (has_field(w, "ok", LUA_TSTRING)) {
        write_status(w);
    } else if (has_field(w, "double", LUA_TNUMBER)) {
        reply_double(w->reply, lua_tonumber(w->lua, -1));
        lua_pop(w->lua, 1);
    } else if (has_field(w, "map", LUA_TTABLE)) {
        write_map(w);
    } else if (has_field(w, "set", LUA_TTABLE)) {
        write_set(w);
    } else if (has_field(w, "big_number", LUA_TSTRING)) {
        reply_big_number(w->reply, one_line(w));
        lua_pop(w->lua, 1);
    } else if (has_field(w, "verbatim_string", LUA_TTABLE)) {
        bool written = write_verbatim(w);
        lua_pop(w->lua, 1);
        return written;
    } else {
        return false;
    }
    return true;
}

static void write_string(struct writer *w) {
    struct bytes text = top_text(w);
    w->left -= MIN(w->left, text.len / VALUE_COST);
    reply_bulk(w->reply, text);
}

static void write_boolean(struct writer *w) {
    bool value = lua_toboolean(w->lua, -1);
    if (w->resp == 3)
        reply_bool(w->reply, value);
    else if (value)
        reply_integer(w->reply, 1);
    else
        reply_null(w->reply);
}

static void write_value(struct writer *w) {
    if (w->left-- == 0) luaL_error(w->lua, "the reply is too large");
    if (!lua_checkstack(w->lua, 8)) {
        reply_error(w->reply, "ERR reached lua stack limit");
        lua_pop(w->lua, 1);
        return;
    }
    switch (lua_type(w->lua, -1)) {
    case LUA_TSTRING: write_string(w); break;
    case LUA_TNUMBER: reply_integer(w->reply, to_integer(lua_tonumber(w->lua, -1))); break;
    case LUA_TBOOLEAN: write_boolean(w); break;
    case LUA_TTABLE:
        if (!write_tagged(w)) write_array(w);
        break;
    default: reply_null(w->reply);
    }
    lua_pop(w->lua, 1);
}

void convert_to_reply(lua_State *lua, struct reply *reply, uint8_t resp) {
    struct writer w = {lua, reply, resp, vm_of(lua)->limit / VALUE_COST};
    write_value(&w);
}
