/* SPDX-License-Identifier: BSD-3-Clause */
/* RDB files, read: a window over the input, which reaches from the beginning of the record in hand
 * to its end. */
#include "base/ensure.h"
#include "journal/rdb_file_priv.h"
#include "sys/memory.h"
#include "value/rdb_value.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the window ---- */

bool rdb_file_fail(struct rdb_file *f, uint64_t offset, const char *format, ...) {
    va_list args;
    if (f->last == RDB_ITEM_ERROR && *f->error) return false; /* the first is the cause */
    f->last = RDB_ITEM_ERROR;
    va_start(args, format);
    int n = vsnprintf(f->error, sizeof f->error, format, args);
    va_end(args);
    size_t used = MIN((size_t)MAX(n, 0), sizeof f->error - 1);
    snprintf(f->error + used, sizeof f->error - used, ", at offset %llu",
             (unsigned long long)offset);
    return false;
}

/* Bytes until there go into the checksum. */
static void sum_until(void *context, uint64_t end) {
    struct rdb_file *f = context;
    if (end <= f->summed) return;
    f->checksum = rdb_checksum(f->checksum, window_bytes(&f->window, f->summed, end));
    f->summed = end;
}

const char *rdb_file_need(struct rdb_file *f, uint64_t count) {
    struct window *w = &f->window;
    const char *at = window_need(w, count);
    if (LIKELY(at != NULL)) return at;
    if (w->status == 0)
        rdb_file_fail(f, window_end(w), "the file ends too early");
    else if (w->status == -ENOMEM)
        rdb_file_fail(f, w->kept, "there is not enough memory for what begins");
    else
        rdb_file_fail(f, window_end(w), "cannot be read: %s", strerror(-w->status));
    return NULL;
}

/* ---- opening ---- */

struct rdb_file *rdb_file_open(struct rdb_input input) {
    struct rdb_file *f = memory_alloc_zero(sizeof *f);
    if (!f) return NULL;
    f->window = (struct window){.input = input, .leaving = sum_until, .context = f};
    f->last = RDB_ITEM_AUX;
    return f;
}

void rdb_file_close(struct rdb_file *f) {
    if (!f) return;
    buffer_free(&f->window.bytes);
    rdb_text_free(&f->name);
    rdb_text_free(&f->value);
    memory_free(f);
}

bool rdb_file_is_one(struct bytes start) {
    if (start.len < MAGIC_SIZE) return false;
    size_t word = memcmp(start.data, MAGIC_VALKEY, strlen(MAGIC_VALKEY)) == 0 ? 6 : 5;
    if (word == 5 && memcmp(start.data, MAGIC_REDIS, strlen(MAGIC_REDIS)) != 0) return false;
    for (size_t i = word; i < MAGIC_SIZE; i++)
        if (!isdigit((unsigned char)start.data[i])) return false;
    return true;
}

static bool read_magic(struct rdb_file *f) {
    const char *at = rdb_file_need(f, MAGIC_SIZE);
    if (!at) return false;
    if (!rdb_file_is_one(bytes_make(at, MAGIC_SIZE)))
        return rdb_file_fail(f, 0, "does not begin like an RDB file");
    bool valkey = *at == 'V';
    char digits[5] = {0};
    memcpy(digits, at + (valkey ? 6 : 5), valkey ? 3 : 4);
    f->version = (unsigned)strtoul(digits, NULL, 10);
    f->began = true;
    f->window.at += MAGIC_SIZE;
    if (valkey ? f->version == RDB_VERSION : f->version > 0 && f->version < RDB_VERSION)
        return true;
    return rdb_file_fail(f, 0, "version %u of the format is not known", f->version);
}

/* ---- records ---- */

/* The string that has been skipped from `from` to `to`. */
static bool text_of(struct rdb_file *f, uint64_t from, uint64_t to, struct rdb_text *text) {
    struct rdb_reader reader = {.left = window_bytes(&f->window, from, to), .version = f->version};
    if (rdb_read_text(&reader, text)) return true;
    return rdb_file_fail(f, from,
                         reader.no_memory ? "there is not enough memory for a string"
                                          : "a compressed string is damaged");
}

static bool read_u64(struct rdb_file *f, unsigned size, uint64_t *out) {
    const char *at = rdb_file_need(f, size);
    *out = 0;
    if (!at) return false;
    memcpy(out, at, size);
    f->window.at += size;
    return true;
}

static bool read_aux(struct rdb_file *f, struct rdb_record *r) {
    uint64_t name = f->window.at, value;
    if (!rdb_skip_string(f)) return false;
    value = f->window.at;
    if (!rdb_skip_string(f) || !text_of(f, name, value, &f->name) ||
        !text_of(f, value, f->window.at, &f->value))
        return false;
    r->item = RDB_ITEM_AUX;
    r->name = f->name.bytes;
    r->value = f->value.bytes;
    return true;
}

static bool read_function(struct rdb_file *f, struct rdb_record *r) {
    uint64_t start = f->window.at;
    r->item = RDB_ITEM_FUNCTION;
    if (!rdb_skip_string(f) || !text_of(f, start, f->window.at, &f->value)) return false;
    r->value = f->value.bytes;
    return true;
}

static bool read_slot_import(struct rdb_file *f) {
    uint64_t ranges, slot;
    if (!rdb_skip_string(f) || !rdb_skip_length(f, &ranges)) return false;
    for (uint64_t i = 0; i < ranges; i++)
        if (!rdb_skip_length(f, &slot) || !rdb_skip_length(f, &slot)) return false;
    return true;
}

static bool read_module(struct rdb_file *f, struct rdb_record *r, bool aux) {
    if (!rdb_skip_module(f, aux)) return false;
    r->item = RDB_ITEM_MODULE;
    r->name = bytes_of(f->module);
    return true;
}

static bool read_key(struct rdb_file *f, struct rdb_record *r, uint8_t type) {
    uint64_t key = f->window.at, body;
    if (!rdb_skip_string(f)) return false;
    body = f->window.at;
    if (type == TYPE_MODULE_PREVIEW)
        return rdb_file_fail(f, r->offset, "a module's value of an early form cannot be skipped");
    if (type == TYPE_MODULE ? !read_module(f, r, false) : !rdb_skip_value(f, type)) return false;
    if (!text_of(f, key, body, &f->name)) return false;
    r->key.name = f->name.bytes;
    r->key.db = f->db;
    if (type == TYPE_MODULE) return true;
    r->item = RDB_ITEM_KEY;
    r->type = type;
    r->body = window_bytes(&f->window, body, f->window.at);
    return true;
}

static bool read_end(struct rdb_file *f, struct rdb_record *r) {
    uint64_t expected;
    r->item = RDB_ITEM_END;
    if (f->version < CHECKSUM_SINCE) return true;
    sum_until(f, f->window.at);
    if (!read_u64(f, sizeof expected, &expected)) return false;
    if (!expected || expected == f->checksum) return true;
    return rdb_file_fail(f, f->window.at - sizeof expected,
                         "the checksum is wrong: bytes have changed");
}

/* What stands before a key: it is noted in the record. *known: it was that. */
static bool read_prefix(struct rdb_file *f, struct rdb_record *r, uint8_t opcode, bool *known) {
    uint64_t number;
    *known = true;
    switch (opcode) {
    case OPCODE_DATABASE:
        if (!rdb_skip_length(f, &number)) return false;
        if (number >= UINT32_MAX)
            return rdb_file_fail(f, r->offset, "there is no database %llu",
                                 (unsigned long long)number);
        f->db = (uint32_t)number;
        return true;
    case OPCODE_EXPIRY_MS:
        if (!read_u64(f, 8, &number)) return false;
        r->key.expiry = (int64_t)number;
        return true;
    case OPCODE_EXPIRY_S:
        if (!read_u64(f, 4, &number)) return false;
        r->key.expiry = (int64_t)(int32_t)number * 1000;
        return true;
    case OPCODE_IDLE:
        if (!rdb_skip_length(f, &number)) return false;
        r->key.idle = (int64_t)MIN(number, (uint64_t)INT64_MAX);
        return true;
    case OPCODE_FREQUENCY:
        if (!read_u64(f, 1, &number)) return false;
        r->key.frequency = (int64_t)number;
        return true;
    default: *known = false; return true;
    }
}

static bool read_item(struct rdb_file *f, struct rdb_record *r, uint8_t opcode) {
    uint64_t number;
    switch (opcode) {
    case OPCODE_END: return read_end(f, r);
    case OPCODE_AUX: return read_aux(f, r);
    case OPCODE_SIZES:
        r->item = RDB_ITEM_SIZES;
        r->key.db = f->db;
        return rdb_skip_length(f, &r->count) && rdb_skip_length(f, &r->volatile_count);
    case OPCODE_FUNCTION: return read_function(f, r);
    case OPCODE_FUNCTION_PREVIEW:
        return rdb_file_fail(f, r->offset, "functions of a release candidate cannot be read");
    case OPCODE_SLOT_INFO:
        r->item = RDB_ITEM_SLOT;
        return rdb_skip_length(f, &number) && rdb_skip_length(f, &number) &&
               rdb_skip_length(f, &number);
    case OPCODE_SLOT_IMPORT: r->item = RDB_ITEM_SLOT; return read_slot_import(f);
    case OPCODE_MODULE_AUX: return read_module(f, r, true);
    default: return read_key(f, r, opcode);
    }
}

static bool read_record(struct rdb_file *f, struct rdb_record *r) {
    if (!f->began && !read_magic(f)) return false;
    f->window.kept = r->offset = f->window.at;
    bool prefix = true;
    uint64_t opcode = 0;
    while (prefix) {
        if (!read_u64(f, 1, &opcode)) return false;
        if (!read_prefix(f, r, (uint8_t)opcode, &prefix)) return false;
    }
    return read_item(f, r, (uint8_t)opcode);
}

enum rdb_item rdb_file_next(struct rdb_file *f, struct rdb_record *r) {
    *r = (struct rdb_record){.item = f->last};
    r->key = (struct rdb_key){.expiry = INT64_MIN, .idle = -1, .frequency = -1};
    if (f->last == RDB_ITEM_ERROR || f->last == RDB_ITEM_END) return f->last;
    if (!read_record(f, r)) r->item = RDB_ITEM_ERROR;
    f->last = r->item;
    return r->item;
}

bool rdb_file_value(const struct rdb_file *f, const struct rdb_record *r, int64_t now_ms,
                    struct buffer *scratch, struct value *value, bool *no_memory) {
    struct rdb_reader reader = {.left = r->body, .version = f->version};
    bool good = rdb_read_value(&reader, r->type, now_ms, scratch, value);
    *no_memory = reader.no_memory;
    if (!good || !reader.left.len) return good;
    if (value->large) value_ops(value->type)->free(value->object);
    return false;
}

const char *rdb_file_error(const struct rdb_file *f) {
    return f->error;
}

unsigned rdb_file_version(const struct rdb_file *f) {
    return f->version;
}

uint64_t rdb_file_offset(const struct rdb_file *f) {
    return f->window.at;
}

struct bytes rdb_file_rest(const struct rdb_file *f) {
    return window_bytes(&f->window, f->window.at, window_end(&f->window));
}
