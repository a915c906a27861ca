/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in the RDB format: whatever the bytes, they are refused or become a value that can be
 * written, read again, copied, changed and freed. LZF gives back what it was given.
 *
 * An input is: a type, and what follows it. */
#include "base/ensure.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/rdb_lzf.h"
#include "value/rdb_value.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/zset.h"

#include <stdint.h>
#include <stdlib.h>

#define NOW_MS 1700000000000

static void free_value(struct value *value) {
    if (value->large) value_ops(value->type)->free(value->object);
}

static uint64_t length_of(const struct value *value) {
    return value->type == TYPE_STRING ? value->small.len : value_ops(value->type)->length(value);
}

static bool read_value(struct bytes bytes, struct buffer *scratch, struct value *value) {
    struct rdb_reader reader = {.left = bytes, .version = RDB_VERSION};
    uint8_t type;
    bool done =
        rdb_read_byte(&reader, &type) && rdb_read_value(&reader, type, NOW_MS, scratch, value);
    ensure(done || !reader.no_memory);
    return done;
}

static void check_copy(const struct value *value) {
    struct value copy = *value;
    if (!value->large) return;
    copy.object = value_ops(value->type)->copy(value->object);
    ensure(copy.object && length_of(&copy) == length_of(value));
    free_value(&copy);
}

/* ---- changing what has been read ---- */

#define NAMES    4 /* of the value's own elements, which are removed */
#define NEW_ONES 3

static const struct bytes new_ones[NEW_ONES] = {BYTES("a new one"), BYTES("17"), BYTES("")};

struct names {
    struct buffer text[NAMES];
    unsigned count;
};

static bool note_name(void *context, struct bytes name) {
    struct names *names = context;
    if (names->count == NAMES) return false;
    return buffer_append_bytes(&names->text[names->count++], name);
}

static bool note_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    return note_name(context, field);
}

static void names_free(struct names *names) {
    for (unsigned i = 0; i < names->count; i++)
        buffer_free(&names->text[i]);
}

static void change_hash(const struct value *value, struct buffer *pack) {
    struct names names = {0};
    struct hash_edit edit;
    hash_each(value, HASH_ALL, note_field, &names);
    hash_edit_begin(&edit, value, pack, NOW_MS);
    for (unsigned i = 0; i < NEW_ONES; i++)
        hash_set(&edit, new_ones[i], new_ones[NEW_ONES - 1 - i], i ? HASH_STAYS : NOW_MS + 1);
    for (unsigned i = 0; i < names.count && hash_length(&edit.value); i++) {
        hash_set_deadline(&edit, buffer_bytes(&names.text[i]), NOW_MS + 1000);
        hash_remove(&edit, buffer_bytes(&names.text[i]));
    }
    hash_edit_drop(&edit);
    names_free(&names);
}

static void change_set(const struct value *value, struct buffer *pack) {
    struct names names = {0};
    struct set_edit edit;
    set_each(value, note_name, &names);
    set_edit_begin(&edit, value, pack);
    for (unsigned i = 0; i < NEW_ONES; i++)
        set_add(&edit, new_ones[i]);
    for (unsigned i = 0; i < names.count; i++)
        ensure(set_remove(&edit, buffer_bytes(&names.text[i])) == SET_DONE);
    set_edit_drop(&edit);
    names_free(&names);
}

static void change_zset(const struct value *value, struct buffer *pack) {
    struct names names = {0};
    struct zset_cursor cursor;
    struct zset_item item;
    struct zset_edit edit;
    zset_seek(&cursor, value, 0, false);
    while (zset_next(&cursor, &item) && note_name(&names, item.member)) {
    }
    ensure(zset_edit_begin(&edit, value, pack));
    for (unsigned i = 0; i < NEW_ONES; i++)
        zset_add(&edit, new_ones[i], &(double){i}, 0);
    for (unsigned i = 0; i < names.count; i++)
        ensure(zset_remove(&edit, buffer_bytes(&names.text[i])));
    uint64_t left = zset_count(&edit.value);
    zset_remove_ranks(&edit, left / 4, left / 2);
    zset_edit_drop(&edit);
    names_free(&names);
}

static void change_list(const struct value *value, struct buffer *pack) {
    struct list_edit edit;
    ensure(list_edit_begin(&edit, value, pack) && list_edit_prepare(&edit, 2 * NEW_ONES, 40, 9));
    for (unsigned i = 0; i < NEW_ONES; i++) {
        list_edit_push(&edit, i & 1 ? LIST_LEFT : LIST_RIGHT, new_ones[i]);
        list_edit_insert(&edit, list_edit_length(&edit) / 2, i & 1, new_ones[i]);
        list_edit_replace(&edit, list_edit_length(&edit) / 3, new_ones[i]);
    }
    list_edit_remove(&edit, list_edit_length(&edit) / 4, list_edit_length(&edit) / 2);
    list_edit_drop_end(&edit, LIST_LEFT, 1);
    list_edit_drop(&edit);
}

static void change_stream(const struct value *value) {
    struct stream *stream = value->object;
    struct stream_id id = stream->last;
    if (stream_id_increment(&id)) stream_append(stream, id, (struct stream_fields){new_ones, 1});
    while (stream->length) {
        ensure(stream_delete(stream, stream_last_entry(stream)) == STREAM_DONE);
        stream_trim(stream,
                    &(struct stream_trim){.by = STREAM_BY_LENGTH, .length = stream->length / 2});
    }
}

/* In place, or in a new form that goes again. */
static void change(const struct value *value) {
    struct buffer pack = {0};
    switch (value->type) {
    case TYPE_HASH: change_hash(value, &pack); break;
    case TYPE_SET: change_set(value, &pack); break;
    case TYPE_ZSET: change_zset(value, &pack); break;
    case TYPE_LIST: change_list(value, &pack); break;
    case TYPE_STREAM: change_stream(value); break;
    default: break;
    }
    buffer_free(&pack);
}

/* ---- all of it ---- */

static void check_lzf(struct bytes text) {
    size_t room = text.len + text.len / 16 + 16;
    char *packed = malloc(room), *back = malloc(text.len + 1);
    size_t size = lzf_compress(text, packed, room);
    ensure(packed && back && (size || !text.len));
    if (size) ensure(lzf_expand(bytes_make(packed, size), back, text.len));
    if (text.len) ensure(memcmp(back, text.data, text.len) == 0);
    free(packed);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    struct buffer scratch = {0}, second = {0}, out = {0}, again = {0};
    struct value value, other;
    if (!ready) {
        hash_register();
        list_register();
        set_register();
        stream_register();
        zset_register();
        ready = true;
    }
    char *exact = malloc(size + !size); /* so that reading beyond is seen */
    memcpy(exact, data, size);
    check_lzf(bytes_make(exact, size));
    bool done = read_value(bytes_make(exact, size), &scratch, &value);
    free(exact);
    if (done) {
        ensure(rdb_write_value(&value, &out));
        ensure(read_value(buffer_bytes(&out), &second, &other));
        ensure(other.type == value.type && length_of(&other) == length_of(&value));
        ensure(rdb_write_value(&other, &again));
        ensure(value.type == TYPE_SET || value.type == TYPE_HASH ||
               bytes_equal(buffer_bytes(&out), buffer_bytes(&again)));
        check_copy(&value);
        change(&value);
        free_value(&value);
        free_value(&other);
    }
    buffer_free(&scratch);
    buffer_free(&second);
    buffer_free(&out);
    buffer_free(&again);
    return 0;
}
