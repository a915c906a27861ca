/* SPDX-License-Identifier: BSD-3-Clause */
#include "proto/request.h"

#include "base/ensure.h"
#include "base/number.h"

/* A request that is complete, the usual case, is read in one pass, straight into slices. Of one
 * that is not, only the place of the first incomplete argument is kept; when the rest has come, the
 * arguments before it are read a second time. So nothing is stored for a request that may never be
 * complete, and every byte of a head is looked at a constant number of times. */

/* The shortest argument, "$0\r\n\r\n": what has arrived bounds how many slices are needed. */
enum { ARGUMENT_MIN = 6 };

/* What a batch keeps from one input to the next; what an unusual one needed beyond is given back.
 */
enum { SLICES_KEPT = 256 << 10, TEXT_KEPT = 64 << 10 };

/* Room for the text of a usual batch of inline commands. */
enum { TEXT_MIN = 4 << 10 };

/* A number of this many digits fits into 64 bits whatever the digits are. */
enum { PLAIN_DIGITS = 18 };

enum outcome { COMPLETE, EMPTY, INCOMPLETE, FULL, INVALID, NO_MEMORY };

/* One call of request_parse. Places in the input are pointers. */
struct scan {
    const char *end;
    const struct request_limits *limits;
    size_t bulk_max; /* the lower of the two limits */
    struct request_batch *batch;
    size_t missing;     /* after INCOMPLETE: bytes that must come before it is worth another look */
    struct bytes error; /* after INVALID and NO_MEMORY */
};

#define FAIL(scan, text) ((scan)->error = BYTES("ERR Protocol error: " text), INVALID)

static enum outcome fail_memory(struct scan *scan) {
    scan->error = BYTES("ERR no memory for the request");
    return NO_MEMORY;
}

static enum outcome fail_expected_bulk(struct scan *scan, char got) {
    static const char head[] = "ERR Protocol error: expected '$', got '";
    char *text = scan->batch->error;
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, (const char[]){got, '\'', 0}, 3);
    scan->error = bytes_make(text, sizeof head + 1);
    return INVALID;
}

static enum outcome miss(struct scan *scan, size_t bytes) {
    scan->missing = bytes;
    return INCOMPLETE;
}

/* ---- heads: "*3\r\n" and "$3\r\n" ---- */

/* Reads "3\r\n" and returns what follows; NULL when it is anything but a short canonical number and
 * the whole line end. */
static inline const char *read_plain_number(const char *digits, const char *end, int64_t *out) {
    const char *stop = end - digits > PLAIN_DIGITS ? digits + PLAIN_DIGITS : end;
    const char *p = digits;
    int64_t value = 0;
    for (; p < stop && (unsigned char)(*p - '0') < 10; p++)
        value = value * 10 + (*p - '0');
    bool canonical = p - digits == 1 || (p > digits && *digits != '0');
    if (!canonical || end - p < 2 || p[0] != '\r' || p[1] != '\n') return NULL;
    *out = value;
    return p + 2;
}

/* The order of the checks decides which error a line with several gets, and it is Redis'. */
static __attribute__((noinline)) enum outcome read_odd_head(struct scan *scan, const char **at,
                                                            char kind, int64_t *out) {
    const char *line = *at;
    size_t left = (size_t)(scan->end - line);
    const char *line_end = left ? memchr(line, '\r', left) : NULL;
    if (!line_end && left > scan->limits->inline_max)
        return kind == '*' ? FAIL(scan, "too big mbulk count string")
                           : FAIL(scan, "too big bulk count string");
    if (!line_end || scan->end - line_end < 2) return miss(scan, 1);
    if (*line != kind) return fail_expected_bulk(scan, *line);
    if (line_end[1] != '\n') return FAIL(scan, "invalid CRLF in request");
    if (!number_parse_i64(bytes_make(line + 1, (size_t)(line_end - line - 1)), out))
        return kind == '*' ? FAIL(scan, "invalid multibulk length")
                           : FAIL(scan, "invalid bulk length");
    *at = line_end + 2;
    return COMPLETE;
}

/* That byte and "0\r\n", as a little-endian number. */
#define ZERO_LINE(byte) ((unsigned char)(byte) | (uint32_t)'0' << 8 | 0x0a0d0000u)

/* Reads "$3\r\n" or "$32\r\n", as nearly all heads are, by comparing all of its bytes at once.
 * NULL: it is another one, or too near to the end. */
static inline const char *read_short_head(const char *line, const char *end, char kind,
                                          int64_t *out) {
    uint64_t word;
    if (UNLIKELY(end - line < (ptrdiff_t)sizeof word)) return NULL;
    memcpy(&word, line, sizeof word);
    uint32_t digit = (uint32_t)word ^ ZERO_LINE(kind);
    if (!(digit & 0xff) && digit < 10 << 8) {
        *out = digit >> 8;
        return line + 4;
    }
    uint32_t digits = (uint32_t)(word >> 8) ^ ZERO_LINE('0');
    uint32_t tens = digits & 0xff, ones = digits >> 8;
    if (*line != kind || tens - 1 > 8 || ones > 9) return NULL;
    *out = tens * 10 + ones;
    return line + 5;
}

static inline enum outcome read_head(struct scan *scan, const char **at, char kind, int64_t *out) {
    const char *line = *at;
    const char *next = read_short_head(line, scan->end, kind, out);
    if (UNLIKELY(!next) && line < scan->end && *line == kind)
        next = read_plain_number(line + 1, scan->end, out);
    if (UNLIKELY(!next)) return read_odd_head(scan, at, kind, out);
    *at = next;
    return COMPLETE;
}

/* ---- arrays ---- */

/* Moves *at past as many of the *left arguments as are complete, and stores them unless `slices` is
 * NULL. */
static inline enum outcome read_arguments(struct scan *scan, const char **at, uint32_t *left,
                                          struct bytes *slices) {
    for (; *left; --*left) {
        const char *data = *at;
        int64_t len;
        enum outcome outcome = read_head(scan, &data, '$', &len);
        if (UNLIKELY(outcome != COMPLETE)) return outcome;
        if (UNLIKELY((uint64_t)len > scan->bulk_max))
            return (uint64_t)len > scan->limits->bulk_max
                       ? FAIL(scan, "invalid bulk length")
                       : FAIL(scan, "unauthenticated bulk length");
        size_t arrived = (size_t)(scan->end - data);
        size_t needed = (size_t)len + 2;
        if (arrived < needed) return miss(scan, needed - arrived);
        if (memcmp(data + len, "\r\n", 2) != 0) return FAIL(scan, "invalid CRLF in request");
        if (slices) *slices++ = bytes_make(data, (size_t)len);
        *at = data + needed;
    }
    return COMPLETE;
}

/* Room for n more slices after those of the batch. When they move, its requests follow. */
static __attribute__((noinline)) bool reserve_slices(struct request_batch *batch, size_t n) {
    struct buffer *slices = &batch->slices;
    if (!buffer_reserve(slices, n * sizeof(struct bytes))) return false;
    const struct bytes *argv = (const struct bytes *)slices->data;
    for (unsigned i = 0; i < batch->count; i++) {
        batch->items[i].argv = argv;
        argv += batch->items[i].argc;
    }
    return true;
}

static inline bool has_slices(const struct request_batch *batch, size_t n) {
    return LIKELY(n * sizeof(struct bytes) <= batch->slices.cap - batch->slices.len);
}

/* Room for as many of `count` slices as can have arrived. */
static inline bool reserve_arrived(struct scan *scan, const char *at, size_t count) {
    if (has_slices(scan->batch, count)) return true;
    size_t most = (size_t)(scan->end - at) / ARGUMENT_MIN + 1;
    return reserve_slices(scan->batch, MIN(count, most));
}

static struct bytes *next_slices(struct request_batch *batch) {
    return (struct bytes *)(batch->slices.data + batch->slices.len);
}

/* The slices after those of the batch become a request. */
static void add_request(struct request_batch *batch, uint32_t argc) {
    struct request *request = &batch->items[batch->count++];
    request->argv = next_slices(batch);
    request->argc = argc;
    batch->slices.len += argc * sizeof(struct bytes);
}

/* When the array is INCOMPLETE, *at is its first incomplete argument and *left the number of those,
 * or *left is 0 because not even its head is complete. */
static enum outcome parse_array(struct scan *scan, const char **at, uint32_t *left) {
    const struct request_limits *limits = scan->limits;
    int64_t count;
    *left = 0;
    enum outcome outcome = read_head(scan, at, '*', &count);
    if (outcome != COMPLETE) return outcome;
    if (count > (int64_t)limits->args_max) return FAIL(scan, "invalid multibulk length");
    if (count > REQUEST_UNAUTHENTICATED_ARGS && limits->unauthenticated)
        return FAIL(scan, "unauthenticated multibulk length");
    if (count <= 0) return EMPTY;
    *left = (uint32_t)count;
    if (!reserve_arrived(scan, *at, (size_t)count)) return fail_memory(scan);
    outcome = read_arguments(scan, at, left, next_slices(scan->batch));
    if (outcome == COMPLETE) add_request(scan->batch, (uint32_t)count);
    return outcome;
}

/* ---- inline commands ---- */

/* Copies the arguments of scan->batch->line to where they stay as long as the batch. `inline_text`
 * must not move while the batch has slices of it, so a batch ends where it would have to grow. */
static enum outcome add_line(struct scan *scan) {
    struct request_batch *batch = scan->batch;
    struct buffer *text = &batch->inline_text;
    size_t size = batch->line.text.len;
    if (size >= text->cap - text->len) {
        if (text->len) return FULL;
        if (!buffer_reserve(text, MAX(size, (size_t)TEXT_MIN))) return fail_memory(scan);
    }
    if (!has_slices(batch, batch->line.count) && !reserve_slices(batch, batch->line.count))
        return fail_memory(scan);
    struct bytes *slices = next_slices(batch);
    for (size_t i = 0; i < batch->line.count; i++) {
        struct bytes item = batch->line.items[i];
        slices[i] = bytes_make(text->data + text->len, item.len);
        buffer_append_bytes(text, item);
    }
    add_request(batch, (uint32_t)batch->line.count);
    return COMPLETE;
}

static enum outcome parse_inline(struct scan *scan, const char **at) {
    const char *line = *at;
    size_t left = (size_t)(scan->end - line);
    const char *line_end = memchr(line, '\n', left);
    /* A line with a zero byte never ends, until it is too big. */
    if (line_end && memchr(line, 0, (size_t)(line_end - line))) line_end = NULL;
    if (!line_end && left > scan->limits->inline_max) return FAIL(scan, "too big inline request");
    if (!line_end) return miss(scan, 1);
    switch (args_split(&scan->batch->line, bytes_make(line, (size_t)(line_end - line)))) {
    case ARGS_UNBALANCED: return FAIL(scan, "unbalanced quotes in request");
    case ARGS_NO_MEMORY: return fail_memory(scan);
    case ARGS_OK: break;
    }
    enum outcome outcome = scan->batch->line.count ? add_line(scan) : EMPTY;
    if (outcome != FULL) *at = line_end + 1;
    return outcome;
}

/* ---- batches ---- */

static void empty_batch(struct request_batch *batch) {
    batch->count = 0;
    batch->consumed = 0;
    buffer_clear(&batch->slices);
    buffer_clear(&batch->inline_text);
    if (batch->slices.cap > SLICES_KEPT) buffer_free(&batch->slices);
    if (batch->inline_text.cap > TEXT_KEPT) buffer_free(&batch->inline_text);
    if (batch->line.text.cap > TEXT_KEPT) args_free(&batch->line);
}

/* Looks whether the incomplete request that the input starts with is complete by now. */
static enum outcome resume(struct scan *scan, struct request_parser *parser, const char *start) {
    const char *at = start + parser->at;
    enum outcome outcome = read_arguments(scan, &at, &parser->args_left, NULL);
    if (outcome == INCOMPLETE) {
        parser->at = (size_t)(at - start);
        parser->wanted = (size_t)(scan->end - start) + scan->missing;
    } else {
        *parser = (struct request_parser){0};
    }
    return outcome;
}

/* Parses requests from *at on until one is neither COMPLETE nor EMPTY; *at is then its start. */
static enum outcome parse_requests(struct scan *scan, struct request_parser *parser,
                                   const char **at) {
    struct request_batch *batch = scan->batch;
    const char *input = *at;
    unsigned most = scan->limits->unauthenticated ? 1 : REQUEST_BATCH_MAX;
    while (*at < scan->end) {
        if (batch->count == most) return FULL;
        const char *next = *at;
        uint32_t left = 0;
        enum outcome outcome =
            *next == '*' ? parse_array(scan, &next, &left) : parse_inline(scan, &next);
        if (outcome == INCOMPLETE) {
            parser->args_left = left;
            parser->at = left ? (size_t)(next - *at) : 0;
            parser->wanted = (size_t)(scan->end - *at) + scan->missing;
        }
        if (outcome > EMPTY) return outcome;
        if (outcome == COMPLETE) batch->items[batch->count - 1].end = (size_t)(next - input);
        *at = next;
    }
    return COMPLETE;
}

static enum request_status status_of(enum outcome outcome) {
    switch (outcome) {
    case FULL: return REQUEST_FULL;
    case INVALID: return REQUEST_INVALID;
    case NO_MEMORY: return REQUEST_NO_MEMORY;
    default: return REQUEST_OK;
    }
}

enum request_status request_parse(struct request_parser *parser,
                                  const struct request_limits *limits, struct bytes input,
                                  struct request_batch *batch, struct bytes *error) {
    empty_batch(batch);
    if (input.len == 0 || input.len < parser->wanted) return REQUEST_OK;
    size_t unauthenticated_max =
        limits->unauthenticated ? REQUEST_UNAUTHENTICATED_BULK : limits->bulk_max;
    struct scan scan = {
        .end = input.data + input.len,
        .limits = limits,
        .bulk_max = MIN(limits->bulk_max, unauthenticated_max),
        .batch = batch,
    };
    enum outcome outcome = COMPLETE;
    if (parser->at) outcome = resume(&scan, parser, input.data);
    if (outcome == COMPLETE) {
        const char *at = input.data;
        *parser = (struct request_parser){0};
        outcome = parse_requests(&scan, parser, &at);
        batch->consumed = (size_t)(at - input.data);
    }
    if (outcome == INVALID || outcome == NO_MEMORY) *error = scan.error;
    return status_of(outcome);
}

void request_batch_free(struct request_batch *batch) {
    buffer_free(&batch->slices);
    buffer_free(&batch->inline_text);
    args_free(&batch->line);
    batch->count = 0;
    batch->consumed = 0;
}
