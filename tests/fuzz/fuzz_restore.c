/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in the RDB format: whatever the bytes, they are refused or become a value that can be
 * written, read again, copied and freed. LZF gives back what it was given.
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

static void free_value(struct value *value) {
    if (value->large) value_ops(value->type)->free(value->object);
}

static uint64_t length_of(const struct value *value) {
    return value->type == TYPE_STRING ? value->small.len : value_ops(value->type)->length(value);
}

static bool read_value(struct bytes bytes, struct buffer *scratch, struct value *value) {
    struct rdb_reader reader = {.left = bytes, .version = RDB_VERSION};
    uint8_t type;
    bool done = rdb_read_byte(&reader, &type) &&
                rdb_read_value(&reader, type, 1700000000000, scratch, value);
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
        free_value(&value);
        free_value(&other);
    }
    buffer_free(&scratch);
    buffer_free(&second);
    buffer_free(&out);
    buffer_free(&again);
    return 0;
}
