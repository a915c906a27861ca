/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An entry: one key with its value, in one block of a partition's arena.
 *
 *     u32  head       type:3 | epoch:1 | expiry:1 | form:2 | object:1 | clock:24
 *     u8   key size   255 = a u32 follows
 *     u8   value size 255 = a u32 follows       (absent when `object`)
 *     i64  expiry     Unix time in ms           (only when `expiry`)
 *     ...  key bytes
 *     ...  value bytes, or the pointer to the collection (8 bytes, unaligned) when `object`
 *
 * Blocks are aligned to 2 bytes. The low byte of `head` never is 0xff, since there is no type 7:
 * that marks a free block in the arena. Whoever holds the partition's lock may read and change an
 * entry; any call that may allocate in the partition may also move it, so pointers into it do not
 * outlive such a call.
 */
#pragma once

#include "base/bytes.h"
#include "ds/arena.h"
#include "value/value.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ENTRY_TYPE_MASK   0x07u
#define ENTRY_EPOCH       0x08u /* keyspace/epoch.h */
#define ENTRY_HAS_EXPIRY  0x10u
#define ENTRY_FORM_SHIFT  5
#define ENTRY_RAW         0x20u /* a string's form: edited in place, OBJECT ENCODING says "raw" */
#define ENTRY_OBJECT      0x80u
#define ENTRY_CLOCK_SHIFT 8

#define EXPIRY_NONE INT64_MIN

struct entry {
    uint32_t head;
    uint8_t rest[];
} __attribute__((packed, aligned(ARENA_UNIT)));

/* Where the parts of an entry lie; decoded once and passed around. */
struct entry_view {
    struct bytes key;
    struct bytes value; /* of an object: the 8 bytes of its pointer */
    int64_t expiry;     /* EXPIRY_NONE when it has none */
};

static inline enum value_type entry_type(const struct entry *e) {
    return (enum value_type)(e->head & ENTRY_TYPE_MASK);
}

static inline bool entry_has_expiry(const struct entry *e) {
    return (e->head & ENTRY_HAS_EXPIRY) != 0;
}

static inline bool entry_is_object(const struct entry *e) {
    return (e->head & ENTRY_OBJECT) != 0;
}

/* Does an element of its value expire? Hashes are the only type of which that may be. */
static inline bool entry_has_deadlines(const struct entry *e) {
    return (e->head & (ENTRY_TYPE_MASK | VALUE_DEADLINES << ENTRY_FORM_SHIFT)) ==
           (TYPE_HASH | VALUE_DEADLINES << ENTRY_FORM_SHIFT);
}

/* 24 bits: seconds of last use (LRU), or minutes:16 | counter:8 (LFU). */
static inline uint32_t entry_clock(const struct entry *e) {
    return e->head >> ENTRY_CLOCK_SHIFT;
}

static inline void entry_set_clock(struct entry *e, uint32_t clock) {
    e->head = (e->head & 0xffu) | clock << ENTRY_CLOCK_SHIFT;
}

static inline size_t entry_read_size(const uint8_t **at) {
    size_t n = *(*at)++;
    if (__builtin_expect(n == 255, 0)) {
        uint32_t wide;
        memcpy(&wide, *at, sizeof wide);
        *at += sizeof wide;
        n = wide;
    }
    return n;
}

static inline struct entry_view entry_decode(const struct entry *e) {
    struct entry_view v;
    const uint8_t *at = e->rest;
    v.key.len = entry_read_size(&at);
    v.value.len = entry_is_object(e) ? sizeof(void *) : entry_read_size(&at);
    v.expiry = EXPIRY_NONE;
    if (entry_has_expiry(e)) {
        memcpy(&v.expiry, at, sizeof v.expiry);
        at += sizeof v.expiry;
    }
    v.key.data = (const char *)at;
    v.value.data = v.key.data + v.key.len;
    return v;
}

static inline struct bytes entry_key(const struct entry *e) {
    return entry_decode(e).key;
}

/* The value of a string. */
static inline struct bytes entry_string(const struct entry *e) {
    return entry_decode(e).value;
}

static inline int64_t entry_expiry(const struct entry *e) {
    return entry_has_expiry(e) ? entry_decode(e).expiry : EXPIRY_NONE;
}

/* The collection that hangs off an entry. */
static inline void *entry_object(const struct entry *e) {
    void *object;
    memcpy(&object, entry_decode(e).value.data, sizeof object);
    return object;
}

static inline struct value entry_value(const struct entry *e) {
    struct bytes bytes = entry_decode(e).value;
    struct value v = {.type = entry_type(e),
                      .form = e->head >> ENTRY_FORM_SHIFT & 3,
                      .large = entry_is_object(e)};
    if (v.large)
        memcpy(&v.object, bytes.data, sizeof v.object);
    else
        v.small = bytes;
    return v;
}

/* Bytes that an entry takes up, before the arena rounds them. */
size_t entry_size(const struct entry *e);

/* Bytes that an entry of these parts would take up. */
size_t entry_size_for(size_t key, size_t value, bool has_expiry, bool object);

/* Lays out an entry at `e`, which has entry_size_for() bytes; the value is not copied in, its place
 * is returned. `key` may not overlap `e`. */
char *entry_lay_out(struct entry *e, uint32_t head, struct bytes key, size_t value_size,
                    int64_t expiry);

/* Gives a string's entry a new head, value size and expiry where these leave the key in its place;
 * the value stays to be written, and the block has room for it. False, and nothing is changed, when
 * the key would have to move. */
bool entry_rewrite(struct entry *e, uint32_t head, size_t value_size, int64_t expiry);
