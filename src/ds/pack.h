/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pack: a sequence of strings and integers in one flat run of bytes. What is small is a pack.
 *
 *     u32 size      all bytes, these and the end included
 *     u16 count     elements; 65535 = has to be counted
 *     elements      head, data, and the length of both again, to be read from its end
 *     u8  0xff
 *
 *     0xxxxxxx            integer 0 to 127           10xxxxxx         string, up to 63 bytes
 *     110xxxxx +1 byte    integer of 13 bits         1110xxxx +1      string, up to 4095 bytes
 *     0xf1 f2 f3 f4       integer of 2 3 4 8 bytes   0xf0 +4          string, length in 4 bytes
 *
 * These are the "listpacks" of RDB files, which thus load and save by copying. Text that is the
 * canonical form of an int64 is stored as an integer. In a pack from elsewhere it may be a string
 * all the same; everything here takes the two for equal.
 *
 * Reading works on a view, `struct bytes`, of exactly the pack: in an entry, in a buffer, anywhere.
 * Writing works on a `struct buffer` that holds exactly one pack. It grows when the result does not
 * fit its `cap`, so memory that is owned elsewhere can be edited in place through a buffer laid
 * over it, by who has seen to it (pack_element_size) that it need not grow.
 *
 * A place is an offset into the pack: it survives when the pack moves, and an edit at or behind it.
 * PACK_NONE is no place: not found, or past either end.
 *
 * Packs are trusted except by pack_validate(): whatever comes from outside goes through it first.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/number.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_NONE          0u
#define PACK_HEADER        6u
#define PACK_EMPTY_SIZE    7u
#define PACK_SIZE_MAX      ((size_t)1 << 30) /* edits beyond this are refused */
#define PACK_COUNT_UNKNOWN 65535u
#define PACK_TEXT_MAX      NUMBER_I64_MAX

/* What is at a place. `text` points into the pack. */
struct pack_item {
    bool integer;
    int64_t number;    /* if integer */
    struct bytes text; /* if not */
};

/* ---- reading ---- */

/* The pack that begins here, as a view: for packs that are held by pointer alone. */
static inline struct bytes pack_at(const void *pack) {
    uint32_t size;
    memcpy(&size, pack, sizeof size);
    return bytes_make(pack, size);
}

static inline bool pack_is_empty(struct bytes pack) {
    return pack.len == PACK_EMPTY_SIZE;
}

/* Takes time for the whole pack if it has more than 65534 elements. */
size_t pack_count(struct bytes pack);

static inline size_t pack_first(struct bytes pack) {
    return pack_is_empty(pack) ? PACK_NONE : PACK_HEADER;
}

size_t pack_last(struct bytes pack);

/* The place after the element, which may be that of the end. */
size_t pack_skip_slow(struct bytes pack, size_t at);

static inline size_t pack_skip(struct bytes pack, size_t at) {
    uint8_t head = (uint8_t)pack.data[at];
    if (head < 0x80) return at + 2;
    if (head < 0xc0) return at + (head & 0x3fu) + 2;
    return pack_skip_slow(pack, at);
}

/* for (size_t at = pack_first(pack); at; at = pack_next(pack, at)) */
static inline size_t pack_next(struct bytes pack, size_t at) {
    at = pack_skip(pack, at);
    return at + 1 < pack.len ? at : PACK_NONE;
}

size_t pack_prev(struct bytes pack, size_t at);

/* The place of the index-th element; negative ones count from the end, -1 is the last. Walks from
 * the nearer end. */
size_t pack_seek(struct bytes pack, int64_t index);

struct pack_item pack_get_slow(struct bytes pack, size_t at);

static inline struct pack_item pack_get(struct bytes pack, size_t at) {
    uint8_t head = (uint8_t)pack.data[at];
    if (head < 0x80) return (struct pack_item){.integer = true, .number = head};
    if (head < 0xc0)
        return (struct pack_item){.text = bytes_make(pack.data + at + 1, head & 0x3fu)};
    return pack_get_slow(pack, at);
}

/* The item as text: in the pack, or written to `scratch`. */
static inline struct bytes pack_text(struct pack_item item, char scratch[PACK_TEXT_MAX]) {
    if (!item.integer) return item.text;
    return bytes_make(scratch, number_format_i64(scratch, item.number));
}

/* pack_text(pack_get(...)). */
static inline struct bytes pack_get_text(struct bytes pack, size_t at,
                                         char scratch[PACK_TEXT_MAX]) {
    return pack_text(pack_get(pack, at), scratch);
}

/* Is the element this text. */
bool pack_equals(struct bytes pack, size_t at, struct bytes text);

/* Orders the element's text against `text`, as bytes_compare() does. */
int pack_compare(struct bytes pack, size_t at, struct bytes text);

/* The first element from `from` on (PACK_NONE: nothing is found) that is this text, looking at one
 * element and passing over `skip`: 1 for the fields of a hash kept as field, value, field, value.
 */
size_t pack_find(struct bytes pack, size_t from, struct bytes text, unsigned skip);

/* ---- sizes ---- */

/* What an element adds to the size of a pack. */
size_t pack_element_size(struct bytes text);
size_t pack_integer_size(int64_t number);

/* What the element at this place takes up. */
static inline size_t pack_size_at(struct bytes pack, size_t at) {
    return pack_skip(pack, at) - at;
}

/* ---- writing ---- */
/* False: no memory, or the pack would pass PACK_SIZE_MAX; nothing has changed. `text` must not
 * point into the buffer. */

/* Makes the buffer an empty pack, whatever it held. */
bool pack_init(struct buffer *buffer);

bool pack_append(struct buffer *buffer, struct bytes text);
bool pack_append_integer(struct buffer *buffer, int64_t number);
bool pack_prepend(struct buffer *buffer, struct bytes text);

/* In front of the element at `at`, so that the new one is there; PACK_NONE: at the end. */
bool pack_insert(struct buffer *buffer, size_t at, struct bytes text);
bool pack_insert_integer(struct buffer *buffer, size_t at, int64_t number);

/* The new element is at the same place. */
bool pack_replace(struct buffer *buffer, size_t at, struct bytes text);
bool pack_replace_integer(struct buffer *buffer, size_t at, int64_t number);

/* Removes up to `count` elements from `at` on; what followed them is at `at` then, unless it is the
 * end: returns `at` or PACK_NONE. Never allocates. */
size_t pack_delete(struct buffer *buffer, size_t at, size_t count);

/* All elements of another pack, which is not in the buffer, at the end. */
bool pack_append_pack(struct buffer *buffer, struct bytes other);

/* ---- what comes from outside ---- */

/* Told of each element in order; false = this is not what it should be. */
typedef bool pack_visitor(void *context, struct bytes pack, size_t at);

/* Are these bytes a pack, fit for all of the above. Not `deep`: only size and end are looked at,
 * which is enough for bytes under a checksum that we trust. Deep: every element, the count, and
 * what `visit` says of each (NULL: nothing). Reads nothing outside `bytes`, whatever they are. */
bool pack_validate(struct bytes bytes, bool deep, pack_visitor *visit, void *context);
