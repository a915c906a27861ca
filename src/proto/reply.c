/* SPDX-License-Identifier: BSD-3-Clause */
#include "proto/reply.h"

#include "base/ensure.h"
#include "base/number.h"

#include <stdarg.h>

/* An element reserves the most that it can take, once, and then writes: no check per piece. */

/* The longest head: a kind, a number, a line end. */
enum { HEAD_MAX = 1 + NUMBER_I64_MAX + 2 };

/* ---- writing ---- */

static __attribute__((noinline)) char *reserve_slow(struct reply *r, size_t n) {
    if (buffer_reserve(r->out, n)) return r->out->data + r->out->len;
    r->failed = true;
    return NULL;
}

/* Where to write n > 0 bytes; NULL when nothing is to be written. Followed by finish(). */
static inline char *reserve(struct reply *r, size_t n) {
    if (UNLIKELY(r->muted | r->failed)) return NULL;
    if (UNLIKELY(n > r->out->cap - r->out->len)) return reserve_slow(r, n);
    return r->out->data + r->out->len;
}

/* `end` is just after the last byte written. */
static inline void finish(struct reply *r, const char *end) {
    r->out->len = (size_t)(end - r->out->data);
}

static inline char *put_line_end(char *p) {
    memcpy(p, "\r\n", 2);
    return p + 2;
}

static inline char *put_text(char *p, struct bytes text) {
    if (text.len) memcpy(p, text.data, text.len);
    return p + text.len;
}

static inline char *put_head(char *p, char kind, uint64_t n) {
    *p++ = kind;
    if (n >= 100) return put_line_end(p + number_format_u64(p, n));
    if (n >= 10) *p++ = (char)('0' + n / 10);
    *p++ = (char)('0' + n % 10);
    return put_line_end(p);
}

/* Inline, so that size and copy of a literal are constants. */
static inline void write_text(struct reply *r, struct bytes text) {
    char *p = reserve(r, text.len);
    if (p) finish(r, put_text(p, text));
}

static inline void write_head(struct reply *r, char kind, uint64_t n) {
    char *p = reserve(r, HEAD_MAX);
    if (p) finish(r, put_head(p, kind, n));
}

/* A kind, a text without line breaks, a line end. */
static void write_line(struct reply *r, char kind, struct bytes text) {
    char *p = reserve(r, 1 + text.len + 2);
    if (!p) return;
    *p++ = kind;
    finish(r, put_line_end(put_text(p, text)));
}

/* A buffer that doubles copies what it has, and has as many page faults again: worth avoiding where
 * replies are large. What is not used of this much is never touched. */
#define EXPECT_MIN ((size_t)64 << 10)
#define EXPECT_MAX ((size_t)1 << 30)

void reply_expect(struct reply *r, size_t bytes) {
    if (bytes < EXPECT_MIN || bytes > EXPECT_MAX || r->muted || r->failed) return;
    buffer_reserve(r->out, bytes); /* without it, it grows as it goes */
}

/* ---- scalars ---- */

void reply_ok(struct reply *r) {
    write_text(r, BYTES("+OK\r\n"));
}

void reply_simple(struct reply *r, const char *text) {
    write_line(r, '+', bytes_of(text));
}

void reply_integer(struct reply *r, int64_t n) {
    char *p = reserve(r, HEAD_MAX);
    if (!p) return;
    if (n >= 0) {
        finish(r, put_head(p, ':', (uint64_t)n));
        return;
    }
    *p++ = ':';
    finish(r, put_line_end(p + number_format_i64(p, n)));
}

void reply_integer_digits(struct reply *r, struct bytes digits) {
    write_line(r, ':', digits);
}

void reply_bulk(struct reply *r, struct bytes b) {
    char *p = reserve(r, HEAD_MAX + b.len + 2);
    if (p) finish(r, put_line_end(put_text(put_head(p, '$', b.len), b)));
}

void reply_bulk_text(struct reply *r, const char *text) {
    reply_bulk(r, bytes_of(text));
}

void reply_bulk_integer(struct reply *r, int64_t n) {
    char digits[NUMBER_I64_MAX];
    reply_bulk(r, bytes_make(digits, number_format_i64(digits, n)));
}

void reply_null(struct reply *r) {
    write_text(r, r->resp == 2 ? BYTES("$-1\r\n") : BYTES("_\r\n"));
}

void reply_null_array(struct reply *r) {
    write_text(r, r->resp == 2 ? BYTES("*-1\r\n") : BYTES("_\r\n"));
}

void reply_double(struct reply *r, double d) {
    char digits[NUMBER_DOUBLE_MAX];
    struct bytes text = bytes_make(digits, number_format_double(digits, d));
    if (r->resp == 2)
        reply_bulk(r, text);
    else
        write_line(r, ',', text);
}

void reply_long_double(struct reply *r, long double d) {
    char digits[NUMBER_LONG_DOUBLE_MAX];
    reply_bulk(r, bytes_make(digits, number_format_long_double(digits, sizeof digits, d)));
}

void reply_bool(struct reply *r, bool b) {
    if (r->resp == 2)
        write_text(r, b ? BYTES(":1\r\n") : BYTES(":0\r\n"));
    else
        write_text(r, b ? BYTES("#t\r\n") : BYTES("#f\r\n"));
}

void reply_verbatim(struct reply *r, const char ext[3], struct bytes text) {
    if (r->resp == 2) {
        reply_bulk(r, text);
        return;
    }
    char *p = reserve(r, HEAD_MAX + 4 + text.len + 2);
    if (!p) return;
    p = put_head(p, '=', 4 + text.len);
    p = put_text(p, bytes_make(ext, 3));
    *p++ = ':';
    finish(r, put_line_end(put_text(p, text)));
}

void reply_big_number(struct reply *r, struct bytes digits) {
    if (r->resp == 2)
        reply_bulk(r, digits);
    else
        write_line(r, '(', digits);
}

void reply_raw(struct reply *r, struct bytes b) {
    if (b.len) write_text(r, b);
}

/* ---- aggregates ---- */

struct head {
    char kind;
    uint64_t n;
};

static struct head map_head(const struct reply *r, size_t pairs) {
    return r->resp == 2 ? (struct head){'*', 2 * pairs} : (struct head){'%', pairs};
}

static struct head set_head(const struct reply *r, size_t n) {
    return (struct head){r->resp == 2 ? '*' : '~', n};
}

void reply_array(struct reply *r, size_t n) {
    write_head(r, '*', n);
}

void reply_map(struct reply *r, size_t pairs) {
    struct head head = map_head(r, pairs);
    write_head(r, head.kind, head.n);
}

void reply_set(struct reply *r, size_t n) {
    struct head head = set_head(r, n);
    write_head(r, head.kind, head.n);
}

void reply_push(struct reply *r, size_t n) {
    write_head(r, r->resp == 2 ? '*' : '>', n);
}

void reply_attribute(struct reply *r, size_t pairs) {
    write_head(r, '|', pairs);
}

/* Puts a head in front of what has been written since `mark`. */
static void insert_head(struct reply *r, size_t mark, struct head head) {
    char text[HEAD_MAX];
    size_t size = (size_t)(put_head(text, head.kind, head.n) - text);
    char *end = reserve(r, size);
    if (!end) return;
    char *start = r->out->data + mark;
    memmove(start + size, start, (size_t)(end - start));
    memcpy(start, text, size);
    r->out->len += size;
    if (r->error_at >= mark && r->error_at != SIZE_MAX) r->error_at += size;
}

size_t reply_open(struct reply *r) {
    return r->out->len;
}

void reply_close_array(struct reply *r, size_t mark, size_t n) {
    insert_head(r, mark, (struct head){'*', n});
}

void reply_close_map(struct reply *r, size_t mark, size_t pairs) {
    insert_head(r, mark, map_head(r, pairs));
}

void reply_close_set(struct reply *r, size_t mark, size_t n) {
    insert_head(r, mark, set_head(r, n));
}

/* ---- formatted text ---- */

/* Formats to the end of the output, without any head. False: nothing was written. */
static bool write_formatted(struct reply *r, const char *format, va_list args) {
    if (r->muted || r->failed) return false;
    r->failed = !buffer_vprintf(r->out, format, args);
    return !r->failed;
}

void reply_bulk_printf(struct reply *r, const char *format, ...) {
    size_t mark = r->out->len;
    va_list args;
    va_start(args, format);
    bool ok = write_formatted(r, format, args);
    va_end(args);
    if (!ok) return;
    size_t len = r->out->len - mark;
    write_text(r, BYTES("\r\n"));
    insert_head(r, mark, (struct head){'$', len});
}

/* ---- errors ---- */

static void begin_error(struct reply *r) {
    r->errors++;
    r->error_at = r->muted || r->failed ? SIZE_MAX : r->out->len;
    write_text(r, BYTES("-"));
}

/* What has been written since begin_error becomes one line. */
static void end_error(struct reply *r) {
    struct buffer *out = r->out;
    if (r->muted || r->failed) return;
    char *text = out->data + r->error_at + 1;
    char *end = out->data + out->len;
    while (end > text && (end[-1] == '\r' || end[-1] == '\n'))
        end--;
    for (char *p = text; p < end; p++)
        if (*p == '\r' || *p == '\n') *p = ' ';
    finish(r, end);
    write_text(r, BYTES("\r\n"));
}

void reply_error_bytes(struct reply *r, struct bytes text) {
    begin_error(r);
    reply_raw(r, text);
    end_error(r);
}

void reply_error(struct reply *r, const char *text) {
    reply_error_bytes(r, bytes_of(text));
}

void reply_errorf(struct reply *r, const char *format, ...) {
    begin_error(r);
    va_list args;
    va_start(args, format);
    write_formatted(r, format, args);
    va_end(args);
    end_error(r);
}

void reply_wrong_type(struct reply *r) {
    reply_error(r, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_syntax_error(struct reply *r) {
    reply_error(r, "ERR syntax error");
}

void reply_not_integer(struct reply *r) {
    reply_error(r, "ERR value is not an integer or out of range");
}

void reply_not_float(struct reply *r) {
    reply_error(r, "ERR value is not a valid float");
}

void reply_no_memory(struct reply *r) {
    reply_error(r, "OOM out of memory, nothing has changed");
}

void reply_no_such_key(struct reply *r) {
    reply_error(r, "ERR no such key");
}

void reply_index_out_of_range(struct reply *r) {
    reply_error(r, "ERR index out of range");
}
