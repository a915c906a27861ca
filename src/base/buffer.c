/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buffer.h"

#include "base/ensure.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

/* Growth doubles, so that appending is linear in all; past this, the slack stops growing with the
 * buffer, since half of a huge buffer unused costs more than the copies, which the kernel does by
 * moving pages. */
static const size_t SLACK_MAX = (size_t)16 << 20;

static void *(*grow)(void *, size_t) = realloc;

void buffer_set_realloc(void *(*replacement)(void *, size_t)) {
    grow = replacement ? replacement : realloc;
}

bool buffer_reserve(struct buffer *buffer, size_t extra) {
    if (extra <= buffer->cap - buffer->len) return true;
    size_t needed;
    if (__builtin_add_overflow(buffer->len, extra, &needed) || needed > PTRDIFF_MAX) return false;
    size_t cap = MAX(needed + MIN(buffer->cap, SLACK_MAX), (size_t)FIRST_CAPACITY);
    char *data = grow(buffer->data, cap);
    if (!data) return false;
    buffer->data = data;
    buffer->cap = cap;
    return true;
}

bool buffer_append_slow(struct buffer *buffer, const void *data, size_t n) {
    if (!buffer_reserve(buffer, n)) return false;
    memcpy(buffer->data + buffer->len, data, n);
    buffer->len += n;
    return true;
}

bool buffer_vprintf(struct buffer *buffer, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    size_t room = buffer->cap - buffer->len;
    int n = vsnprintf(room ? buffer->data + buffer->len : NULL, room, format, args);
    ensure(n >= 0);
    bool ok = true;
    if ((size_t)n >= room) { /* vsnprintf also writes a zero */
        ok = buffer_reserve(buffer, (size_t)n + 1);
        if (ok) vsnprintf(buffer->data + buffer->len, (size_t)n + 1, format, again);
    }
    va_end(again);
    if (ok) buffer->len += (size_t)n;
    return ok;
}

bool buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    bool ok = buffer_vprintf(buffer, format, args);
    va_end(args);
    return ok;
}

void buffer_consume(struct buffer *buffer, size_t n) {
    ensure(n <= buffer->len);
    buffer->len -= n;
    if (n && buffer->len) memmove(buffer->data, buffer->data + n, buffer->len);
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
