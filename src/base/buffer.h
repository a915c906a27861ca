/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/bytes.h"

#include <stdarg.h>

/* Bytes that grow. A zeroed struct is an empty buffer that owns nothing. Not safe to share between
 * threads.
 *
 * Every function that may need memory returns false when there is none, and then the buffer is as
 * it was. Pointers into `data` are valid until the next call that may grow or consume. The fields
 * may be read freely; `len` may be lowered, and raised up to `cap` after writing the bytes
 * (buffer_reserve, then write at data + len). */
struct buffer {
    char *data;
    size_t len;
    size_t cap;
};

/* Room for `extra` more bytes after len. */
bool buffer_reserve(struct buffer *buffer, size_t extra);

bool buffer_append_slow(struct buffer *buffer, const void *data, size_t n);

static inline bool buffer_append(struct buffer *buffer, const void *data, size_t n) {
    if (__builtin_expect(n > buffer->cap - buffer->len, 0))
        return buffer_append_slow(buffer, data, n);
    if (n) memcpy(buffer->data + buffer->len, data, n);
    buffer->len += n;
    return true;
}

static inline bool buffer_append_bytes(struct buffer *buffer, struct bytes bytes) {
    return buffer_append(buffer, bytes.data, bytes.len);
}

static inline bool buffer_append_char(struct buffer *buffer, char c) {
    return buffer_append(buffer, &c, 1);
}

bool buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static inline struct bytes buffer_bytes(const struct buffer *buffer) {
    return (struct bytes){buffer->data, buffer->len};
}

/* Empties it and keeps the memory. */
static inline void buffer_clear(struct buffer *buffer) {
    buffer->len = 0;
}

/* Drops the first n bytes, n <= len; what follows moves to the front. */
void buffer_consume(struct buffer *buffer, size_t n);

/* Gives the memory back; the buffer is empty and may be used again. */
void buffer_free(struct buffer *buffer);

/* The seam for tests: buffers grow through this instead of realloc(). NULL restores realloc(). Only
 * while no other thread uses buffers. */
void buffer_set_realloc(void *(*grow)(void *, size_t));
