/* SPDX-License-Identifier: BSD-3-Clause */
/* RDB files, written. */
#include "base/ensure.h"
#include "base/number.h"
#include "journal/rdb_file_priv.h"
#include "value/rdb_value.h"
#include <errno.h>
#include <stdio.h>

#define FLUSH_AT ((size_t)256 * 1024)

static void fail(struct rdb_writer *w, int status) {
    if (!w->status) w->status = status;
    buffer_clear(&w->buffer);
}

static void need(struct rdb_writer *w, bool written) {
    if (UNLIKELY(!written)) fail(w, -ENOMEM);
}

static bool flush(struct rdb_writer *w) {
    struct bytes piece = buffer_bytes(&w->buffer);
    if (w->status) {
        buffer_clear(&w->buffer);
        return false;
    }
    if (w->format.checksum) w->checksum = rdb_checksum(w->checksum, piece);
    int status = piece.len ? w->output.write(w->output.context, piece) : 0;
    w->written += piece.len;
    buffer_clear(&w->buffer);
    if (status) fail(w, status);
    return !w->status;
}

static bool drain(void *context, struct buffer *out) {
    (void)out;
    return flush(context);
}

static void flush_if_long(struct rdb_writer *w) {
    if (UNLIKELY(w->buffer.len >= FLUSH_AT)) flush(w);
}

static void put_opcode(struct rdb_writer *w, enum rdb_opcode opcode) {
    need(w, buffer_append_char(&w->buffer, (char)opcode));
}

void rdb_writer_begin(struct rdb_writer *w, struct rdb_output output, struct rdb_format format) {
    *w = (struct rdb_writer){.output = output, .format = format, .db = UINT32_MAX};
    bool valkey = format.version >= RDB_VERSION;
    need(w, buffer_printf(&w->buffer, valkey ? MAGIC_VALKEY "%03u" : MAGIC_REDIS "%04u",
                          format.version));
}

void rdb_writer_aux(struct rdb_writer *w, struct bytes name, struct bytes value) {
    put_opcode(w, OPCODE_AUX);
    need(w, rdb_write_string(&w->buffer, name) && rdb_write_string(&w->buffer, value));
}

void rdb_writer_aux_number(struct rdb_writer *w, struct bytes name, uint64_t value) {
    char text[NUMBER_U64_MAX];
    rdb_writer_aux(w, name, bytes_make(text, number_format_u64(text, value)));
}

static void put_database(struct rdb_writer *w, uint32_t db) {
    if (LIKELY(db == w->db)) return;
    put_opcode(w, OPCODE_DATABASE);
    need(w, rdb_write_length(&w->buffer, db));
    w->db = db;
}

void rdb_writer_sizes(struct rdb_writer *w, uint32_t db, uint64_t keys, uint64_t volatile_keys) {
    put_database(w, db);
    put_opcode(w, OPCODE_SIZES);
    need(w, rdb_write_length(&w->buffer, keys) && rdb_write_length(&w->buffer, volatile_keys));
}

void rdb_writer_function(struct rdb_writer *w, struct bytes code) {
    if (w->format.version < 10) {
        fail(w, -EPROTO);
        return;
    }
    put_opcode(w, OPCODE_FUNCTION);
    need(w, rdb_write_string(&w->buffer, code));
    flush_if_long(w);
}

/* All that stands before the type. */
static void put_prefix(struct rdb_writer *w, const struct rdb_key *key) {
    put_database(w, key->db);
    if (key->expiry != INT64_MIN) {
        put_opcode(w, OPCODE_EXPIRY_MS);
        need(w, rdb_write_u64(&w->buffer, (uint64_t)key->expiry));
    }
    if (key->idle >= 0) {
        put_opcode(w, OPCODE_IDLE);
        need(w, rdb_write_length(&w->buffer, (uint64_t)key->idle));
    }
    if (key->frequency >= 0) {
        put_opcode(w, OPCODE_FREQUENCY);
        need(w, buffer_append_char(&w->buffer, (char)key->frequency));
    }
}

bool rdb_writer_key(struct rdb_writer *w, const struct rdb_key *key, const struct value *value) {
    struct rdb_style style = {.version = w->format.version, .key = &key->name};
    struct rdb_drain to = {drain, w};
    bool refused = false;
    put_prefix(w, key);
    if (w->status) return false;
    rdb_set_drain(&to, &w->buffer);
    bool written = rdb_write_value_as(value, &style, &w->buffer, &refused);
    rdb_set_drain(NULL, NULL);
    if (!written && refused && !w->status)
        snprintf(w->refused, sizeof w->refused, "%.*s", (int)MIN(key->name.len, 64u),
                 key->name.data);
    if (!written) fail(w, refused ? -EPROTO : -ENOMEM);
    flush_if_long(w);
    return !w->status;
}

void rdb_writer_raw(struct rdb_writer *w, const struct rdb_key *key, struct bytes value) {
    put_prefix(w, key);
    need(w, buffer_append_char(&w->buffer, value.data[0]) &&
                rdb_write_string(&w->buffer, key->name) &&
                buffer_append_bytes(&w->buffer, bytes_skip(value, 1)));
    flush_if_long(w);
}

void rdb_writer_begin_part(struct rdb_writer *w, struct rdb_output output, unsigned version,
                           uint32_t db) {
    *w = (struct rdb_writer){.output = output, .format = {.version = version}, .db = db};
}

void rdb_writer_part(struct rdb_writer *w, uint32_t db, struct bytes part) {
    put_database(w, db);
    need(w, buffer_append_bytes(&w->buffer, part));
    flush_if_long(w);
}

int rdb_writer_flush(struct rdb_writer *w) {
    flush(w);
    return w->status;
}

int rdb_writer_end(struct rdb_writer *w) {
    put_opcode(w, OPCODE_END);
    if (!flush(w)) return w->status;
    uint64_t checksum = w->checksum; /* 0 when there is to be none */
    w->format.checksum = false;
    need(w, rdb_write_u64(&w->buffer, checksum));
    flush(w);
    return w->status;
}

void rdb_writer_free(struct rdb_writer *w) {
    buffer_free(&w->buffer);
}
