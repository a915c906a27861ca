/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. What record_write has appended, record_read gives back, and takes nothing more.
 *   2. record_read looks at no byte outside of what it is given, and refuses what is left over or
 *      missing, whatever the bytes are.
 *
 * tests/unit/journal_record.c writes and reads changes of every kind, cuts and flips them;
 * tests/fuzz/fuzz_journal.c reads whatever comes.
 */
#include "journal/record.h"
#include "journal/format.h"
#include "keyspace/keyspace.h"
#include "value/rdb_value.h"

#define COMMAND_WORDS_MAX (1u << 30)

/* ---- writing ---- */

static bool put_varint(struct buffer *out, uint64_t number) {
    char text[VARINT_MAX];
    return buffer_append(out, text, varint_write(text, number));
}

static bool put_string(struct buffer *out, struct bytes string) {
    return put_varint(out, string.len) && buffer_append_bytes(out, string);
}

static bool put_head(struct buffer *out, unsigned kind, const struct change *change) {
    return buffer_append_char(out, (char)kind) && put_varint(out, change->db);
}

static bool put_expiry(struct buffer *out, int64_t expiry) {
    return expiry == EXPIRY_NONE || buffer_append(out, &expiry, sizeof expiry);
}

static unsigned expiry_flag(int64_t expiry) {
    return expiry == EXPIRY_NONE ? 0 : RECORD_HAS_EXPIRY;
}

static char *copy_string(char *at, struct bytes string) {
    at += varint_write(at, string.len);
    if (string.len) memcpy(at, string.data, string.len);
    return at + string.len;
}

/* The commonest of all: it asks for room once. */
static bool write_string(struct buffer *out, const struct change *change) {
    struct entry_view v = entry_decode(change->entry);
    struct bytes key = change->key->name;
    unsigned raw = change->entry->head & ENTRY_RAW ? RECORD_RAW : 0;
    size_t head = 1 + VARINT_MAX, lengths = 2 * VARINT_MAX + sizeof v.expiry;
    if (!buffer_reserve(out, head + lengths + key.len + v.value.len)) return false;
    char *at = out->data + out->len;
    *at++ = (char)(RECORD_STRING | expiry_flag(v.expiry) | raw);
    at = copy_string(at + varint_write(at, change->db), key);
    if (v.expiry != EXPIRY_NONE) {
        memcpy(at, &v.expiry, sizeof v.expiry);
        at += sizeof v.expiry;
    }
    out->len = (size_t)(copy_string(at, v.value) - out->data);
    return true;
}

static bool write_value(struct buffer *out, const struct change *change) {
    int64_t expiry = entry_expiry(change->entry);
    struct value value = entry_value(change->entry);
    uint64_t length = 0;
    if (!put_head(out, RECORD_VALUE | expiry_flag(expiry), change) ||
        !put_string(out, change->key->name) || !put_expiry(out, expiry) ||
        !buffer_append(out, &length, sizeof length))
        return false;
    size_t start = out->len;
    if (!rdb_write_value(&value, out)) return false;
    length = out->len - start;
    memcpy(out->data + start - sizeof length, &length, sizeof length);
    return true;
}

static bool write_store(struct buffer *out, const struct change *change) {
    return entry_type(change->entry) == TYPE_STRING ? write_string(out, change)
                                                    : write_value(out, change);
}

static bool write_range(struct buffer *out, const struct change *change) {
    struct bytes value = entry_string(change->entry);
    return put_head(out, RECORD_RANGE, change) && put_string(out, change->key->name) &&
           put_varint(out, change->offset) &&
           put_string(out, bytes_make(value.data + change->offset, change->length));
}

/* Which word is the key; nearly always the second. 0: none is. */
static unsigned key_position(const struct change *change) {
    if (!change->key) return 0;
    for (unsigned i = 1; i < change->argc; i++)
        if (bytes_equal(change->argv[i], change->key->name)) return i;
    return 0;
}

static bool write_command(struct buffer *out, const struct change *change) {
    if (!change->argc) return write_store(out, change);
    if (!put_head(out, RECORD_COMMAND, change) || !put_varint(out, key_position(change)) ||
        !put_varint(out, change->argc))
        return false;
    for (unsigned i = 0; i < change->argc; i++)
        if (!put_string(out, change->argv[i])) return false;
    return true;
}

static bool write_expiry(struct buffer *out, const struct change *change) {
    int64_t expiry = entry_expiry(change->entry);
    return put_head(out, RECORD_EXPIRY | expiry_flag(expiry), change) &&
           put_string(out, change->key->name) && put_expiry(out, expiry);
}

static bool write_remove(struct buffer *out, const struct change *change) {
    unsigned cause = change->cause == CAUSE_EXPIRED   ? RECORD_EXPIRED
                     : change->cause == CAUSE_EVICTED ? RECORD_EVICTED
                                                      : 0;
    return put_head(out, RECORD_REMOVE | cause, change) && put_string(out, change->key->name);
}

static bool write_change(struct buffer *out, const struct change *change) {
    switch (change->kind) {
    case CHANGE_STORE: return write_store(out, change);
    case CHANGE_RANGE: return write_range(out, change);
    case CHANGE_COMMAND: return write_command(out, change);
    case CHANGE_EXPIRY: return write_expiry(out, change);
    case CHANGE_REMOVE: return write_remove(out, change);
    case CHANGE_RENAME:
        return put_head(out, RECORD_RENAME, change) && put_string(out, change->other->name) &&
               put_string(out, change->key->name);
    case CHANGE_FLUSH: return put_head(out, RECORD_FLUSH, change);
    case CHANGE_SWAP:
        return put_head(out, RECORD_SWAP, change) && put_varint(out, change->other_db);
    case CHANGE_NOTICE: break;
    }
    return true;
}

bool record_write(struct buffer *out, const struct change *change) {
    size_t before = out->len;
    if (write_change(out, change)) return true;
    out->len = before;
    return false;
}

/* ---- reading ---- */

static bool get_varint32(struct bytes *left, uint32_t *out) {
    uint64_t number;
    if (!varint_read(left, &number) || number > UINT32_MAX) return false;
    *out = (uint32_t)number;
    return true;
}

static bool get_bytes(struct bytes *left, uint64_t length, struct bytes *out) {
    if (length > left->len) return false;
    *out = bytes_make(left->data, length);
    *left = bytes_skip(*left, length);
    return true;
}

static bool get_string(struct bytes *left, struct bytes *out) {
    uint64_t length;
    return varint_read(left, &length) && get_bytes(left, length, out);
}

static bool get_expiry(struct bytes *left, struct record *record) {
    struct bytes number;
    record->expiry = EXPIRY_NONE;
    if (!(record->flags & RECORD_HAS_EXPIRY)) return true;
    if (!get_bytes(left, sizeof record->expiry, &number)) return false;
    memcpy(&record->expiry, number.data, sizeof record->expiry);
    return true;
}

static bool read_value(struct bytes *left, struct record *record) {
    struct bytes number;
    uint64_t length;
    if (!get_string(left, &record->key) || !get_expiry(left, record) ||
        !get_bytes(left, sizeof length, &number))
        return false;
    memcpy(&length, number.data, sizeof length);
    return length > 0 && get_bytes(left, length, &record->value);
}

static bool read_command(struct bytes *left, struct record *record) {
    uint64_t key_at;
    struct bytes word;
    if (!varint_read(left, &key_at) || !varint_read(left, &record->argc)) return false;
    if (!record->argc || record->argc > COMMAND_WORDS_MAX || key_at >= record->argc) return false;
    record->words = *left;
    for (uint64_t i = 0; i < record->argc; i++) {
        if (!get_string(left, &word)) return false;
        if (i && i == key_at) record->key = word;
    }
    record->words.len -= left->len;
    return true;
}

static bool read_body(struct bytes *left, struct record *record) {
    switch (record->kind) {
    case RECORD_STRING:
        return get_string(left, &record->key) && get_expiry(left, record) &&
               get_string(left, &record->value);
    case RECORD_VALUE: return read_value(left, record);
    case RECORD_RANGE:
        return get_string(left, &record->key) && varint_read(left, &record->offset) &&
               get_string(left, &record->value);
    case RECORD_COMMAND: return read_command(left, record);
    case RECORD_EXPIRY: return get_string(left, &record->key) && get_expiry(left, record);
    case RECORD_REMOVE: return get_string(left, &record->key);
    case RECORD_RENAME: return get_string(left, &record->old_key) && get_string(left, &record->key);
    case RECORD_FLUSH: return true;
    case RECORD_SWAP: return get_varint32(left, &record->other_db);
    }
    return false;
}

bool record_read(struct bytes *left, struct record *record) {
    if (!left->len) return false;
    uint8_t first = (uint8_t)*left->data;
    *record = (struct record){.kind = first & RECORD_KIND_MASK,
                              .flags = first & (uint8_t)~RECORD_KIND_MASK};
    *left = bytes_skip(*left, 1);
    return get_varint32(left, &record->db) && read_body(left, record);
}

struct bytes record_word(struct bytes *words) {
    struct bytes word = {0};
    get_string(words, &word);
    return word;
}
