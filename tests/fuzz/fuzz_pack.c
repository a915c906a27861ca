/* SPDX-License-Identifier: BSD-3-Clause */
/* Packs from elsewhere: validation reads nothing outside, and a pack that passes it can be read and
 * edited in every way, after which it still passes.
 *
 * An input is: a byte of flags, a byte that says where to edit, and the pack. */
#include "base/ensure.h"
#include "ds/pack.h"

#include <stdint.h>
#include <stdlib.h>

enum { FLAG_REPAIR = 1, FLAG_SKIP = 2 }; /* make size and end right, to get further */

/* A copy of just its size, so that reading beyond is seen. */
static struct buffer copy_of(struct bytes input) {
    struct buffer buffer = {malloc(input.len), input.len, input.len};
    ensure(buffer.data || input.len == 0);
    if (input.len) memcpy(buffer.data, input.data, input.len);
    return buffer;
}

static void repair(struct buffer *buffer) {
    uint32_t size = (uint32_t)buffer->len;
    if (size < PACK_EMPTY_SIZE) return;
    memcpy(buffer->data, &size, sizeof size);
    buffer->data[size - 1] = (char)0xff;
}

static bool count_element(void *context, struct bytes pack, size_t at) {
    ++*(size_t *)context;
    return true;
}

static void assert_valid(const struct buffer *buffer, size_t count) {
    size_t seen = 0;
    ensure(pack_validate(buffer_bytes(buffer), true, count_element, &seen));
    ensure(seen == count && pack_count(buffer_bytes(buffer)) == count);
}

/* Forward and backward pass by the same places, and every element is found at the first place that
 * has its text. */
static void read_all(struct bytes pack, size_t count, unsigned skip) {
    size_t i = 0;
    char scratch[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at), i++) {
        struct bytes text = pack_get_text(pack, at, scratch);
        ensure(pack_equals(pack, at, text) && pack_compare(pack, at, text) == 0);
        ensure(pack_find(pack, at, text, skip) == at);
        if (i < 64) {
            size_t found = pack_find(pack, pack_first(pack), text, 0);
            ensure(found && found <= at && pack_equals(pack, found, text));
            ensure(pack_seek(pack, (int64_t)i) == at);
            ensure(pack_seek(pack, (int64_t)i - (int64_t)count) == at);
        }
    }
    ensure(i == count);
    size_t before = pack.len;
    for (size_t at = pack_last(pack); at; before = at, at = pack_prev(pack, at), i--)
        ensure(at < before && pack_skip(pack, at) == (before == pack.len ? before - 1 : before));
    ensure(i == 0);
}

static void edit(struct buffer *buffer, size_t count, uint8_t where) {
    size_t index = count ? where % count : 0;
    size_t at = pack_seek(buffer_bytes(buffer), (int64_t)index);
    struct buffer tail = {0};
    ensure(pack_insert(buffer, at, BYTES("inserted")));
    if (!at) at = PACK_HEADER;
    ensure(pack_equals(buffer_bytes(buffer), at, BYTES("inserted")));
    assert_valid(buffer, count + 1);
    ensure(buffer_append_bytes(&tail, buffer_bytes(buffer)));
    pack_delete(&tail, PACK_HEADER, index);
    pack_delete(buffer, at, SIZE_MAX);
    assert_valid(buffer, index);
    assert_valid(&tail, count + 1 - index);
    ensure(pack_replace(&tail, PACK_HEADER, BYTES("-1234567")));
    ensure(pack_append_pack(buffer, buffer_bytes(&tail)));
    assert_valid(buffer, count + 1);
    pack_delete(buffer, pack_last(buffer_bytes(buffer)), 1);
    assert_valid(buffer, count);
    pack_delete(buffer, pack_first(buffer_bytes(buffer)), count);
    ensure(pack_is_empty(buffer_bytes(buffer)));
    buffer_free(&tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct buffer buffer = copy_of(bytes_make(data + 2, size - 2));
    size_t count = 0;
    if (data[0] & FLAG_REPAIR) repair(&buffer);
    if (pack_validate(buffer_bytes(&buffer), true, count_element, &count)) {
        read_all(buffer_bytes(&buffer), count, data[0] & FLAG_SKIP ? 1 : 0);
        edit(&buffer, count, data[1]);
    }
    buffer_free(&buffer);
    return 0;
}
