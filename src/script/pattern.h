/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lua's patterns, as Lua 5.1 understands them. A pattern can take exponential time (`a?` thirty
 * times before thirty `a`), and no hook fires within C, so the matcher itself looks now and then
 * whether its script shall stop.
 */
#pragma once

#include "base/bytes.h"

#include <luajit-2.1/lua.h>

#define PATTERN_CAPTURES 32

struct capture {
    const char *start;
    ptrdiff_t length; /* or one of these */
};

#define CAPTURE_OPEN     (-1) /* its end has not been seen */
#define CAPTURE_POSITION (-2) /* `()`: where it stands is what it tells */

struct matcher {
    lua_State *lua; /* for errors, and for whoever wants the script to stop */
    const char *text, *text_end;
    const char *pattern_end;
    unsigned level; /* captures */
    unsigned depth; /* of recursion, which `*`, `?` and captures need */
    unsigned steps; /* until the next look at the script */
    struct capture captures[PATTERN_CAPTURES];
};

/* As in C, a zero ends a pattern. */
void pattern_begin(struct matcher *m, lua_State *lua, struct bytes text, struct bytes *pattern);

/* The end of the match that begins at `at`; NULL: there is none. Raises errors of the pattern. */
const char *pattern_match(struct matcher *m, const char *at, const char *pattern);

/* Pushes the captures; without any, and with `at`, the whole match. Returns how many. */
int pattern_push_captures(struct matcher *m, const char *at, const char *end);

/* Pushes one capture, from 0 on; of a pattern without any, 0 is the whole match. */
void pattern_push_capture(struct matcher *m, unsigned number, const char *at, const char *end);
