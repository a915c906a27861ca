/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/rdb.h"
#include "base/ensure.h"
#include "base/number.h"
#include "value/rdb_lzf.h"
#include "value/string.h"
#include <math.h>

enum { LENGTH_32 = 0x80, LENGTH_64 = 0x81, INTEGER_8 = 0xc0, INTEGER_16, INTEGER_32, COMPRESSED };

#define INTEGER_TEXT_MAX 11u /* characters of an int32 */
#define COMPRESS_MIN     20u /* shorter strings are left as they are */

#define DRAIN_AT ((size_t)256 * 1024)

bool rdb_compression = true;

static _Thread_local const struct rdb_drain *drain;
static _Thread_local const struct buffer *drained; /* NULL = there is no drain */

/* ---- writing ---- */

bool rdb_write_u64(struct buffer *out, uint64_t number) {
    return buffer_append(out, &number, sizeof number);
}

bool rdb_write_u64_big(struct buffer *out, uint64_t number) {
    return rdb_write_u64(out, __builtin_bswap64(number));
}

bool rdb_write_double(struct buffer *out, double number) {
    return buffer_append(out, &number, sizeof number);
}

bool rdb_write_length(struct buffer *out, uint64_t length) {
    if (length < 1 << 6) return buffer_append_char(out, (char)length);
    if (length < 1 << 14)
        return buffer_append_char(out, (char)(0x40 | length >> 8)) &&
               buffer_append_char(out, (char)length);
    if (length > UINT32_MAX)
        return buffer_append_char(out, (char)LENGTH_64) && rdb_write_u64_big(out, length);
    uint32_t wire = __builtin_bswap32((uint32_t)length);
    return buffer_append_char(out, (char)LENGTH_32) && buffer_append(out, &wire, sizeof wire);
}

static bool write_integer(struct buffer *out, int64_t number) {
    unsigned size = number == (int8_t)number ? 1 : number == (int16_t)number ? 2 : 4;
    int head = size == 1 ? INTEGER_8 : size == 2 ? INTEGER_16 : INTEGER_32;
    return buffer_append_char(out, (char)head) && buffer_append(out, &number, size);
}

/* False: no memory, or it does not get shorter; nothing has been written. */
static bool write_compressed(struct buffer *out, struct bytes text) {
    size_t before = out->len, most = text.len - 4;
    struct buffer packed = {0};
    bool done = false;
    if (buffer_reserve(&packed, most)) packed.len = lzf_compress(text, packed.data, most);
    if (packed.len)
        done = buffer_append_char(out, (char)COMPRESSED) && rdb_write_length(out, packed.len) &&
               rdb_write_length(out, text.len) && buffer_append_bytes(out, buffer_bytes(&packed));
    if (!done) out->len = before;
    buffer_free(&packed);
    return done;
}

static bool write_string(struct buffer *out, struct bytes text) {
    int64_t number;
    if (text.len <= INTEGER_TEXT_MAX && number_parse_i64(text, &number) &&
        number == (int32_t)number)
        return write_integer(out, number);
    bool compress = __atomic_load_n(&rdb_compression, __ATOMIC_RELAXED);
    if (compress && text.len > COMPRESS_MIN && write_compressed(out, text)) return true;
    return rdb_write_length(out, text.len) && buffer_append_bytes(out, text);
}

bool rdb_write_string(struct buffer *out, struct bytes text) {
    if (!write_string(out, text)) return false;
    if (LIKELY(out->len < DRAIN_AT) || out != drained) return true;
    return drain->drain(drain->context, out);
}

void rdb_set_drain(const struct rdb_drain *to, const struct buffer *out) {
    drain = to;
    drained = to ? out : NULL;
}

/* ---- reading ---- */

bool rdb_read_bytes(struct rdb_reader *reader, size_t count, struct bytes *out) {
    if (count > reader->left.len) return false;
    *out = bytes_make(reader->left.data, count);
    reader->left = bytes_skip(reader->left, count);
    return true;
}

bool rdb_read_byte(struct rdb_reader *reader, uint8_t *out) {
    struct bytes byte;
    if (!rdb_read_bytes(reader, 1, &byte)) return false;
    *out = (uint8_t)byte.data[0];
    return true;
}

bool rdb_read_u64(struct rdb_reader *reader, uint64_t *out) {
    struct bytes bytes;
    if (!rdb_read_bytes(reader, sizeof *out, &bytes)) return false;
    memcpy(out, bytes.data, sizeof *out);
    return true;
}

bool rdb_read_u64_big(struct rdb_reader *reader, uint64_t *out) {
    if (!rdb_read_u64(reader, out)) return false;
    *out = __builtin_bswap64(*out);
    return true;
}

bool rdb_read_double(struct rdb_reader *reader, double *out) {
    uint64_t bits;
    if (!rdb_read_u64(reader, &bits)) return false;
    memcpy(out, &bits, sizeof *out);
    return true;
}

bool rdb_read_double_text(struct rdb_reader *reader, double *out) {
    struct bytes text;
    uint8_t length;
    if (!rdb_read_byte(reader, &length)) return false;
    switch (length) {
    case 253: *out = NAN; return true;
    case 254: *out = INFINITY; return true;
    case 255: *out = -INFINITY; return true;
    default: return rdb_read_bytes(reader, length, &text) && number_parse_double(text, out);
    }
}

/* *special: it is no length, but which of the other ways there are to write a string. */
static bool read_head(struct rdb_reader *reader, uint64_t *length, bool *special) {
    uint8_t head, low;
    struct bytes wide;
    if (!rdb_read_byte(reader, &head)) return false;
    *special = head >> 6 == 3;
    if (*special) {
        *length = head;
        return true;
    }
    if (head == LENGTH_64) return rdb_read_u64_big(reader, length);
    if (head == LENGTH_32) {
        uint32_t wire;
        if (!rdb_read_bytes(reader, sizeof wire, &wide)) return false;
        memcpy(&wire, wide.data, sizeof wire);
        *length = __builtin_bswap32(wire);
        return true;
    }
    if (head & 0x80) return false;
    *length = head & 0x3f;
    if (!(head & 0x40)) return true;
    if (!rdb_read_byte(reader, &low)) return false;
    *length = *length << 8 | low;
    return true;
}

bool rdb_read_length(struct rdb_reader *reader, uint64_t *out) {
    bool special;
    return read_head(reader, out, &special) && !special;
}

static bool reserve(struct rdb_reader *reader, struct rdb_text *text, size_t size) {
    buffer_clear(&text->own);
    if (buffer_reserve(&text->own, size)) return true;
    reader->no_memory = true;
    return false;
}

static bool read_integer(struct rdb_reader *reader, unsigned size, struct rdb_text *text) {
    struct bytes bytes;
    uint32_t raw = 0;
    if (!rdb_read_bytes(reader, size, &bytes) || !reserve(reader, text, NUMBER_I64_MAX))
        return false;
    memcpy(&raw, bytes.data, size);
    int64_t number = size == 1 ? (int8_t)raw : size == 2 ? (int16_t)raw : (int32_t)raw;
    text->own.len = number_format_i64(text->own.data, number);
    text->bytes = buffer_bytes(&text->own);
    return true;
}

static bool read_compressed(struct rdb_reader *reader, struct rdb_text *text) {
    uint64_t packed_length, length;
    struct bytes packed;
    if (!rdb_read_length(reader, &packed_length) || !rdb_read_length(reader, &length) ||
        !rdb_read_bytes(reader, packed_length, &packed))
        return false;
    if (!length || length > MIN(lzf_expanded_max(packed.len), STRING_MAX)) return false;
    if (!reserve(reader, text, length)) return false;
    if (!lzf_expand(packed, text->own.data, length)) return false;
    text->own.len = length;
    text->bytes = buffer_bytes(&text->own);
    return true;
}

bool rdb_read_text(struct rdb_reader *reader, struct rdb_text *text) {
    uint64_t length;
    bool special;
    if (!read_head(reader, &length, &special)) return false;
    if (!special) return length <= STRING_MAX && rdb_read_bytes(reader, length, &text->bytes);
    switch (length) {
    case INTEGER_8: return read_integer(reader, 1, text);
    case INTEGER_16: return read_integer(reader, 2, text);
    case INTEGER_32: return read_integer(reader, 4, text);
    case COMPRESSED: return read_compressed(reader, text);
    default: return false;
    }
}

void rdb_text_free(struct rdb_text *text) {
    buffer_free(&text->own);
    *text = (struct rdb_text){0};
}

/* ---- payloads ---- */

bool rdb_payload_end(struct buffer *payload, unsigned version) {
    uint16_t wire = (uint16_t)version;
    return buffer_append(payload, &wire, sizeof wire) &&
           rdb_write_u64(payload, rdb_checksum(0, buffer_bytes(payload)));
}

bool rdb_payload_open(struct rdb_reader *reader, struct bytes payload, unsigned trust) {
    uint16_t version;
    uint64_t checksum;
    if (payload.len < RDB_FOOTER_SIZE) return false;
    size_t size = payload.len - RDB_FOOTER_SIZE, checked = size + sizeof version;
    memcpy(&version, payload.data + size, sizeof version);
    memcpy(&checksum, payload.data + checked, sizeof checksum);
    *reader = (struct rdb_reader){.left = bytes_make(payload.data, size), .version = version};
    if (version == 0 || (version > RDB_VERSION && !(trust & RDB_ANY_VERSION))) return false;
    return trust & RDB_ANY_CHECKSUM ||
           checksum == rdb_checksum(0, bytes_make(payload.data, checked));
}
