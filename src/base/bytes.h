/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns. It may hold any byte, zero included, and need not end in
 * zero. An empty view may have a NULL pointer. Passed by value. */
struct bytes {
    const char *data;
    size_t len;
};

/* BYTES("GET") is a view of a string literal; also valid as a static initialiser. */
#define BYTES(literal) ((struct bytes){"" literal, sizeof(literal) - 1})

static inline struct bytes bytes_make(const void *data, size_t len) {
    return (struct bytes){data, len};
}

/* The view of a C string, without its final zero. */
static inline struct bytes bytes_of(const char *cstr) {
    return (struct bytes){cstr, strlen(cstr)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The same without a call, for what mostly is short, and is compared all the time: keys, names. */
static inline bool bytes_equal_short(struct bytes a, struct bytes b) {
    size_t n = a.len;
    if (n != b.len) return false;
    if (n > 64) return bytes_equal(a, b);
    uint64_t x, y;
    if (n < sizeof x) {
        size_t same = 0;
        while (same < n && a.data[same] == b.data[same])
            same++;
        return same == n;
    }
    for (size_t i = 0; i + sizeof x < n; i += sizeof x) {
        memcpy(&x, a.data + i, sizeof x);
        memcpy(&y, b.data + i, sizeof y);
        if (x != y) return false;
    }
    memcpy(&x, a.data + n - sizeof x, sizeof x);
    memcpy(&y, b.data + n - sizeof y, sizeof y);
    return x == y;
}

/* As unsigned bytes; when one is a prefix of the other, the shorter comes first. Negative, zero or
 * positive. */
static inline int bytes_compare(struct bytes a, struct bytes b) {
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Only the ASCII letters fold, whatever the locale. */
static inline char bytes_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char bytes_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static inline bool bytes_equal_nocase(struct bytes a, struct bytes b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (bytes_lower(a.data[i]) != bytes_lower(b.data[i])) return false;
    return true;
}

/* Is this argument the given word, in any case: bytes_is(arg, "withscores"). */
static inline bool bytes_is(struct bytes b, const char *word) {
    return bytes_equal_nocase(b, bytes_of(word));
}

static inline bool bytes_starts_with(struct bytes b, struct bytes prefix) {
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.data, prefix.data, prefix.len) == 0);
}

/* The view without its first n bytes; n <= b.len. */
static inline struct bytes bytes_skip(struct bytes b, size_t n) {
    return (struct bytes){b.data + n, b.len - n};
}

/* Writes 2 * n lower-case hex digits, and no zero behind them. The bytes may be the second half of
 * `out`. */
static inline void bytes_to_hex(char *out, const void *data, size_t n) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = ((const unsigned char *)data)[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
}
