/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/ensure.h"
#include "ds/pack.h"

/* The first byte of an element. */
enum {
    HEAD_STRING_6 = 0x80, /* below: a 7-bit integer */
    HEAD_INTEGER_13 = 0xc0,
    HEAD_STRING_12 = 0xe0,
    HEAD_STRING_32 = 0xf0,
    HEAD_INTEGER_16 = 0xf1,
    HEAD_INTEGER_24 = 0xf2,
    HEAD_INTEGER_32 = 0xf3,
    HEAD_INTEGER_64 = 0xf4,
    HEAD_END = 0xff, /* and nothing between the two */
};

/* An element as it lies in the pack: a head of 1 to 9 bytes, and data if it is a string. */
struct pack_extent {
    size_t head;
    size_t data;
};

static inline uint8_t pack_head(struct bytes pack, size_t at) {
    return (uint8_t)pack.data[at];
}

static inline bool pack_head_is_integer(uint8_t head) {
    return head < HEAD_STRING_6 || (head >= HEAD_INTEGER_13 && head < HEAD_STRING_12) ||
           head > HEAD_STRING_32;
}

/* Bytes of the head, the length of a string included; 0 = there is no such head. */
static inline size_t pack_head_size(uint8_t head) {
    static const uint8_t last_16[16] = {5, 3, 4, 5, 9};
    if (head < HEAD_INTEGER_13) return 1;
    return head < HEAD_STRING_32 ? 2 : last_16[head & 0x0f];
}

static inline struct pack_extent pack_extent(struct bytes pack, size_t at) {
    uint8_t head = pack_head(pack, at);
    struct pack_extent extent = {.head = pack_head_size(head)};
    if (head >= HEAD_STRING_6 && head < HEAD_INTEGER_13) {
        extent.data = head & 0x3fu;
    } else if (head >= HEAD_STRING_12 && head < HEAD_STRING_32) {
        extent.data = (head & 0x0fu) << 8 | pack_head(pack, at + 1);
    } else if (head == HEAD_STRING_32) {
        uint32_t length;
        memcpy(&length, pack.data + at + 1, sizeof length);
        extent.data = length;
    }
    return extent;
}

/* The backward length: seven bits a byte, the highest first, and the top bit of a byte says that
 * one before it belongs to it too. */
static inline size_t pack_back_size(size_t size) {
    return 1 + (size > 0x7f) + (size > 0x3fff) + (size > 0x1fffff) + (size > 0xfffffff);
}

/* Redis gives an element of just these sizes a backward length that begins with a zero byte, one
 * more than it needs; no other begins so. It is read, and never written. */
static inline bool pack_back_may_be_long(size_t size) {
    return size == 0x3fff || size == 0x1fffff || size == 0xfffffff;
}

static inline uint16_t pack_header_count(struct bytes pack) {
    uint16_t count;
    memcpy(&count, pack.data + sizeof(uint32_t), sizeof count);
    return count;
}

/* A number that this text is the canonical form of. */
static inline bool pack_is_integer(struct bytes text, int64_t *number) {
    if (text.len == 0 || text.len >= NUMBER_I64_MAX) return false;
    if (text.data[0] > '9' || (text.data[0] < '0' && text.data[0] != '-')) return false;
    return number_parse_i64(text, number);
}
