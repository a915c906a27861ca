/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the string library works with patterns: in place of Lua's own, which nothing can stop. */
#include "base/ensure.h"
#include "script/pattern.h"
#include "script/vm.h"

static struct bytes check_text(lua_State *lua, int index) {
    struct bytes text;
    text.data = luaL_checklstring(lua, index, &text.len);
    return text;
}

/* ---- find and match ---- */

/* Where to begin, counted from 0: the argument counts from 1, or back from the end. */
static size_t read_start(lua_State *lua, int index, size_t length) {
    ptrdiff_t start = luaL_optinteger(lua, index, 1);
    if (start < 0) start = MAX(start + (ptrdiff_t)length + 1, 0);
    return start > 0 ? MIN((size_t)start - 1, length) : 0;
}

static bool has_specials(struct bytes pattern) {
    return strpbrk(pattern.data, "^$*+?.([%-") != NULL;
}

static int find_plain(lua_State *lua, struct bytes text, size_t start, struct bytes part) {
    const char *found = part.len ? memmem(text.data + start, text.len - start, part.data, part.len)
                                 : text.data + start;
    if (!found) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, found - text.data + 1);
    lua_pushinteger(lua, found - text.data + (ptrdiff_t)part.len);
    return 2;
}

/* Finds the next match from *at on, and where it begins. */
static const char *next_match(struct matcher *m, const char **at, const char *pattern,
                              bool anchored) {
    for (;; ++*at) {
        const char *end = pattern_match(m, *at, pattern);
        if (end || anchored || *at >= m->text_end) return end;
    }
}

static int find_or_match(lua_State *lua, bool find) {
    struct bytes text = check_text(lua, 1), pattern = check_text(lua, 2);
    size_t start = read_start(lua, 3, text.len);
    if (find && (lua_toboolean(lua, 4) || !has_specials(pattern)))
        return find_plain(lua, text, start, pattern);
    struct matcher m;
    pattern_begin(&m, lua, text, &pattern);
    bool anchored = pattern.len && pattern.data[0] == '^';
    const char *at = text.data + start;
    const char *end = next_match(&m, &at, pattern.data + anchored, anchored);
    if (!end) {
        lua_pushnil(lua);
        return 1;
    }
    if (!find) return pattern_push_captures(&m, at, end);
    lua_pushinteger(lua, at - text.data + 1);
    lua_pushinteger(lua, end - text.data);
    return 2 + pattern_push_captures(&m, NULL, NULL);
}

static int string_find(lua_State *lua) {
    return find_or_match(lua, true);
}

static int string_match(lua_State *lua) {
    return find_or_match(lua, false);
}

/* ---- gmatch ---- */

/* Upvalues: the text, the pattern, and where to go on. */
static int next_of_gmatch(lua_State *lua) {
    struct bytes text, pattern;
    text.data = lua_tolstring(lua, lua_upvalueindex(1), &text.len);
    pattern.data = lua_tolstring(lua, lua_upvalueindex(2), &pattern.len);
    size_t start = (size_t)lua_tointeger(lua, lua_upvalueindex(3));
    if (start > text.len) return 0;
    struct matcher m;
    pattern_begin(&m, lua, text, &pattern);
    const char *at = text.data + start;
    const char *end = next_match(&m, &at, pattern.data, false);
    ptrdiff_t next = end ? end - text.data + (end == at) : (ptrdiff_t)text.len + 1;
    lua_pushinteger(lua, next);
    lua_replace(lua, lua_upvalueindex(3));
    return end ? pattern_push_captures(&m, at, end) : 0;
}

static int string_gmatch(lua_State *lua) {
    check_text(lua, 1);
    check_text(lua, 2);
    lua_settop(lua, 2);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_of_gmatch, 3);
    return 1;
}

/* ---- gsub ---- */

/* What gsub returns, in memory of Lua's own, since errors can end it at any time; and not on C's
 * stack, since what it calls can call it again. */
struct builder {
    lua_State *lua;
    int index; /* of the userdata that holds the text */
    char *data;
    size_t length, capacity;
};

static void builder_begin(struct builder *b, lua_State *lua, size_t capacity) {
    *b = (struct builder){.lua = lua, .capacity = capacity};
    b->data = lua_newuserdata(lua, capacity);
    b->index = lua_gettop(lua);
}

static void builder_add(struct builder *b, const char *text, size_t length) {
    if (length > b->capacity - b->length) {
        size_t capacity = 2 * b->capacity + length;
        char *data = lua_newuserdata(b->lua, capacity);
        memcpy(data, b->data, b->length);
        lua_replace(b->lua, b->index);
        b->data = data;
        b->capacity = capacity;
    }
    memcpy(b->data + b->length, text, length);
    b->length += length;
}

/* Adds the text at the top, and pops it. */
static void builder_add_value(struct builder *b) {
    size_t length;
    const char *text = lua_tolstring(b->lua, -1, &length);
    builder_add(b, text, length);
    lua_pop(b->lua, 1);
}

/* `%1` and its like stand for captures, `%0` for the whole; before all else `%` means nothing. */
static void add_template(struct matcher *m, struct builder *b, const char *at, const char *end) {
    struct bytes text;
    text.data = lua_tolstring(m->lua, 3, &text.len);
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.data[i] == '%';
        i += escaped;
        char c = text.data[i];
        if (!escaped || c < '0' || c > '9') {
            builder_add(b, &c, 1);
        } else if (c == '0') {
            builder_add(b, at, (size_t)(end - at));
        } else {
            pattern_push_capture(m, (unsigned)(c - '1'), at, end);
            builder_add_value(b);
        }
    }
}

/* What the function or the table says of a match. If it says nothing, that stays. */
static void add_answer(struct matcher *m, struct builder *b, const char *at, const char *end) {
    lua_State *lua = m->lua;
    if (lua_type(lua, 3) == LUA_TFUNCTION) {
        vm_check_stack(lua);
        lua_pushvalue(lua, 3);
        lua_call(lua, pattern_push_captures(m, at, end), 1);
    } else {
        pattern_push_capture(m, 0, at, end);
        lua_gettable(lua, 3);
    }
    if (!lua_toboolean(lua, -1)) {
        lua_pop(lua, 1);
        builder_add(b, at, (size_t)(end - at));
    } else if (lua_isstring(lua, -1)) {
        builder_add_value(b);
    } else {
        luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
    }
}

static void check_replacement(lua_State *lua, int type) {
    bool is_one =
        type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE;
    luaL_argcheck(lua, is_one, 3, "string/function/table expected");
}

/* Returns how many matches were replaced. */
static lua_Integer replace_all(struct matcher *m, struct builder *b, struct bytes pattern,
                               lua_Integer most) {
    bool has_template = lua_isstring(m->lua, 3);
    bool anchored = pattern.len && pattern.data[0] == '^';
    const char *at = m->text;
    lua_Integer count = 0;
    while (count < most) {
        const char *end = pattern_match(m, at, pattern.data + anchored);
        if (end) {
            count++;
            if (has_template)
                add_template(m, b, at, end);
            else
                add_answer(m, b, at, end);
        }
        if (end && end > at)
            at = end;
        else if (at < m->text_end)
            builder_add(b, at++, 1);
        else
            break;
        if (anchored) break;
    }
    builder_add(b, at, (size_t)(m->text_end - at));
    return count;
}

static int string_gsub(lua_State *lua) {
    struct bytes text = check_text(lua, 1), pattern = check_text(lua, 2);
    int type = lua_type(lua, 3);
    lua_Integer most = luaL_optinteger(lua, 4, (lua_Integer)text.len + 1);
    check_replacement(lua, type);
    struct matcher m;
    struct builder b;
    builder_begin(&b, lua, text.len + 64);
    pattern_begin(&m, lua, text, &pattern);
    lua_Integer count = replace_all(&m, &b, pattern, most);
    lua_pushlstring(lua, b.data, b.length);
    lua_pushinteger(lua, count);
    return 2;
}

void library_string(lua_State *lua) {
    static const luaL_Reg all[] = {{"find", string_find},
                                   {"gmatch", string_gmatch},
                                   {"gsub", string_gsub},
                                   {"match", string_match},
                                   {NULL, NULL}};
    lua_getglobal(lua, "string");
    luaL_register(lua, NULL, all);
    lua_pop(lua, 1);
}
