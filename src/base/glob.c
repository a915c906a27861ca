/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/glob.h"

#include <string.h>

/* A pattern is a sequence of elements, each of which is a star or takes exactly one byte. What is
 * unfinished still means something: a class without `]` goes to the end of the pattern, and a lone
 * `\` at the end is itself. In a class, `\` escapes one byte, and a range's ends are the bytes
 * around `-` whatever they are, in either order; so `[]` matches nothing, `[^]` anything, and the
 * `]` of `[a-]` is an end of the range.
 *
 * Because elements but the star take one byte each, only the last star passed ever needs another
 * try: an earlier star that took more could not help what follows it. Hence no recursion and no
 * blow-up. */

static unsigned char fold(char c, bool nocase) {
    return (unsigned char)(nocase ? bytes_lower(c) : c);
}

/* The ends are put in order as written and fold only then, so that [a-Z] without case is empty. */
static bool in_range(unsigned char c, char a, char b, bool nocase) {
    bool ordered = (unsigned char)a <= (unsigned char)b;
    return fold(ordered ? a : b, nocase) <= c && c <= fold(ordered ? b : a, nocase);
}

/* Matches one byte against the class whose `[` is just before *at, and moves *at past the class.
 * Escaped bytes are exact even where case does not count. */
static bool match_class(struct bytes pattern, size_t *at, char byte, bool nocase) {
    const char *p = pattern.data;
    unsigned char c = fold(byte, nocase);
    size_t i = *at, len = pattern.len;
    bool negated = i < len && p[i] == '^', found = false;
    i += negated;
    while (i < len && p[i] != ']') {
        if (p[i] == '\\' && len - i >= 2) {
            found |= p[i + 1] == byte;
            i += 2;
        } else if (len - i >= 3 && p[i + 1] == '-') {
            found |= in_range(c, p[i], p[i + 2], nocase);
            i += 3;
        } else {
            found |= fold(p[i], nocase) == c;
            i++;
        }
    }
    *at = i < len ? i + 1 : len;
    return found != negated;
}

/* Matches one byte against the element at *at, which is no star, and moves *at past the element. */
static bool match_one(struct bytes pattern, size_t *at, char byte, bool nocase) {
    unsigned char c = fold(byte, nocase);
    char p = pattern.data[(*at)++];
    switch (p) {
    case '?': return true;
    case '[': return match_class(pattern, at, byte, nocase);
    case '\\':
        if (*at < pattern.len) p = pattern.data[(*at)++];
        return fold(p, nocase) == c;
    default: return fold(p, nocase) == c;
    }
}

bool glob_match(struct bytes pattern, struct bytes text, bool nocase) {
    if (text.len == 0) return pattern.len == 0 || bytes_equal(pattern, BYTES("*"));
    size_t p = 0, t = 0;
    bool starred = false;
    size_t after_star = 0,
           star_ends = 0; /* the last star: what follows it, and where its run of text ends */
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            starred = true;
            after_star = ++p;
            star_ends = t;
            if (p == pattern.len) return true;
        } else if (p < pattern.len && match_one(pattern, &p, text.data[t], nocase)) {
            t++;
        } else {
            if (!starred) return false;
            p = after_star;
            t = ++star_ends;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}
