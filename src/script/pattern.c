/* SPDX-License-Identifier: BSD-3-Clause */
/* Matching by backtracking: what follows an item of the pattern is tried for each way in which the
 * item can match. */
#include "script/pattern.h"
#include "base/ensure.h"
#include "script/watch.h"
#include <ctype.h>

enum {
    LOOK_STEPS = 100000, /* some 100 microseconds */
    DEEPEST = 1000       /* patterns are as deep as they have items, and the stack has its end */
};

static const char *match(struct matcher *m, const char *s, const char *p);

void pattern_begin(struct matcher *m, lua_State *lua, struct bytes text, struct bytes *pattern) {
    pattern->len = strnlen(pattern->data, pattern->len);
    m->lua = lua;
    m->text = text.data;
    m->text_end = text.data + text.len;
    m->pattern_end = pattern->data + pattern->len;
    m->steps = LOOK_STEPS;
}

static inline void step(struct matcher *m) {
    if (LIKELY(--m->steps)) return;
    m->steps = LOOK_STEPS;
    watch_poll(m->lua);
}

/* ---- single characters ---- */

static bool in_class(unsigned char c, unsigned char class) {
    bool is_in;
    switch (tolower(class)) {
    case 'a': is_in = isalpha(c); break;
    case 'c': is_in = iscntrl(c); break;
    case 'd': is_in = isdigit(c); break;
    case 'l': is_in = islower(c); break;
    case 'p': is_in = ispunct(c); break;
    case 's': is_in = isspace(c); break;
    case 'u': is_in = isupper(c); break;
    case 'w': is_in = isalnum(c); break;
    case 'x': is_in = isxdigit(c); break;
    case 'z': is_in = c == 0; break;
    default: return class == c;
    }
    return isupper(class) ? !is_in : is_in;
}

/* The end of a set that begins at p; its first character may be `]`. */
static const char *set_end(struct matcher *m, const char *p) {
    const char *first = p + 1 + (p[1] == '^');
    for (p = first; p == first || *p != ']'; p++) {
        if (p < m->pattern_end && *p == '%') p++;
        if (p >= m->pattern_end) luaL_error(m->lua, "malformed pattern (missing ']')");
    }
    return p + 1;
}

/* Of the item that begins at p, without what says how often. */
static const char *item_end(struct matcher *m, const char *p) {
    if (*p == '[') return set_end(m, p);
    if (*p != '%') return p + 1;
    if (p + 1 == m->pattern_end) luaL_error(m->lua, "malformed pattern (ends with '%%')");
    return p + 2;
}

/* The set is between p, its bracket, and `last`, its other one. */
static bool in_set(unsigned char c, const char *p, const char *last) {
    bool found = true;
    if (*++p == '^') {
        found = false;
        p++;
    }
    for (; p < last; p++) {
        if (*p == '%') {
            if (in_class(c, (unsigned char)*++p)) return found;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return found;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return found;
        }
    }
    return !found;
}

/* Does the character at s match the item from p to `end`? */
static bool matches_one(struct matcher *m, const char *s, const char *p, const char *end) {
    if (s >= m->text_end) return false;
    unsigned char c = (unsigned char)*s;
    step(m);
    switch (*p) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)p[1]);
    case '[': return in_set(c, p, end - 1);
    default: return (unsigned char)*p == c;
    }
}

/* ---- repetition: of the item from p to `end`, where `*`, `+` or `-` is ---- */

static const char *match_most(struct matcher *m, const char *s, const char *p, const char *end) {
    ptrdiff_t count = 0;
    while (matches_one(m, s + count, p, end))
        count++;
    for (; count >= 0; count--) {
        const char *found = match(m, s + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

static const char *match_least(struct matcher *m, const char *s, const char *p, const char *end) {
    for (;; s++) {
        const char *found = match(m, s, end + 1);
        if (found) return found;
        if (!matches_one(m, s, p, end)) return NULL;
    }
}

/* ---- captures ---- */

static const char *open_capture(struct matcher *m, const char *s, const char *p, ptrdiff_t length) {
    if (m->level == PATTERN_CAPTURES) luaL_error(m->lua, "too many captures");
    m->captures[m->level++] = (struct capture){s, length};
    const char *found = match(m, s, p);
    if (!found) m->level--;
    return found;
}

static struct capture *innermost_open(struct matcher *m) {
    for (unsigned i = m->level; i-- > 0;)
        if (m->captures[i].length == CAPTURE_OPEN) return &m->captures[i];
    luaL_error(m->lua, "invalid pattern capture");
    unreachable_code();
}

static const char *close_capture(struct matcher *m, const char *s, const char *p) {
    struct capture *capture = innermost_open(m);
    capture->length = s - capture->start;
    const char *found = match(m, s, p);
    if (!found) capture->length = CAPTURE_OPEN;
    return found;
}

/* `%1` and its like: what an earlier capture has found, once more. */
static const char *match_back(struct matcher *m, const char *s, char digit) {
    int number = digit - '1';
    if (number < 0 || (unsigned)number >= m->level || m->captures[number].length == CAPTURE_OPEN)
        luaL_error(m->lua, "invalid capture index");
    size_t length = (size_t)m->captures[number].length;
    if ((size_t)(m->text_end - s) < length) return NULL;
    return memcmp(m->captures[number].start, s, length) == 0 ? s + length : NULL;
}

/* ---- `%b` and `%f` ---- */

static const char *match_balance(struct matcher *m, const char *s, const char *p) {
    if (p + 2 > m->pattern_end) luaL_error(m->lua, "unbalanced pattern");
    if (s >= m->text_end || *s != p[0]) return NULL;
    for (size_t open = 1; ++s < m->text_end;) {
        step(m);
        if (*s == p[1]) {
            if (--open == 0) return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* Where a set begins to match. Before and behind the text are zeros. */
static bool is_frontier(const struct matcher *m, const char *s, const char *p, const char *last) {
    unsigned char before = s == m->text ? 0 : (unsigned char)s[-1];
    unsigned char here = s == m->text_end ? 0 : (unsigned char)*s;
    return !in_set(before, p, last) && in_set(here, p, last);
}

/* ---- the whole ---- */

/* What begins with a `%` and is no class. *p is moved behind it. */
static const char *match_special(struct matcher *m, const char *s, const char **p) {
    char kind = (*p)[1];
    if (kind == 'b') {
        s = match_balance(m, s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        *p += 2;
        if (*p >= m->pattern_end || **p != '[')
            luaL_error(m->lua, "missing '[' after '%%f' in pattern");
        const char *end = set_end(m, *p);
        if (!is_frontier(m, s, *p, end - 1)) return NULL;
        *p = end;
    } else {
        s = match_back(m, s, kind);
        *p += 2;
    }
    return s;
}

static bool is_special(const struct matcher *m, const char *p) {
    return *p == '%' && p + 1 < m->pattern_end &&
           (p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1]));
}

/* As many items as need no recursion; then the rest through those that do. */
static const char *match_items(struct matcher *m, const char *s, const char *p) {
    while (p < m->pattern_end) {
        if (*p == '(') {
            bool is_position = p + 1 < m->pattern_end && p[1] == ')';
            return is_position ? open_capture(m, s, p + 2, CAPTURE_POSITION)
                               : open_capture(m, s, p + 1, CAPTURE_OPEN);
        }
        if (*p == ')') return close_capture(m, s, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end) return s == m->text_end ? s : NULL;
        if (is_special(m, p)) {
            s = match_special(m, s, &p);
            if (!s) return NULL;
            continue;
        }
        const char *end = item_end(m, p);
        switch (end < m->pattern_end ? *end : 0) {
        case '*': return match_most(m, s, p, end);
        case '+': return matches_one(m, s, p, end) ? match_most(m, s + 1, p, end) : NULL;
        case '-': return match_least(m, s, p, end);
        case '?': {
            const char *found = matches_one(m, s, p, end) ? match(m, s + 1, end + 1) : NULL;
            if (found) return found;
            p = end + 1;
            continue;
        }
        default:
            if (!matches_one(m, s, p, end)) return NULL;
            s++;
            p = end;
        }
    }
    return s;
}

static const char *match(struct matcher *m, const char *s, const char *p) {
    if (++m->depth > DEEPEST) luaL_error(m->lua, "pattern too complex");
    step(m);
    const char *found = match_items(m, s, p);
    m->depth--;
    return found;
}

const char *pattern_match(struct matcher *m, const char *at, const char *pattern) {
    m->level = m->depth = 0;
    return match(m, at, pattern);
}

/* ---- what was found ---- */

void pattern_push_capture(struct matcher *m, unsigned number, const char *at, const char *end) {
    if (number >= m->level) {
        if (number) luaL_error(m->lua, "invalid capture index");
        lua_pushlstring(m->lua, at, (size_t)(end - at));
        return;
    }
    const struct capture *capture = &m->captures[number];
    if (capture->length == CAPTURE_OPEN) luaL_error(m->lua, "unfinished capture");
    if (capture->length == CAPTURE_POSITION)
        lua_pushinteger(m->lua, capture->start - m->text + 1);
    else
        lua_pushlstring(m->lua, capture->start, (size_t)capture->length);
}

int pattern_push_captures(struct matcher *m, const char *at, const char *end) {
    unsigned count = m->level == 0 && at ? 1 : m->level;
    luaL_checkstack(m->lua, (int)count, "too many captures");
    for (unsigned i = 0; i < count; i++)
        pattern_push_capture(m, i, at, end);
    return (int)count;
}
