/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal's form, from a segment down to a unit; docs/formats.md has it in full, and
 * journal/record.h what is in a unit. All numbers are little-endian.
 *
 * A segment is an object of the home, `journal/N.log`, N being the number of its first unit in 20
 * digits. It has a head and then frames. A frame is what the writer wrote at once: units that have
 * numbers one after the other, under one checksum. A unit is what happened at once, so it is in one
 * frame, wholly.
 */
#pragma once

#include "base/bytes.h"
#include "home/home.h"
#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_FOLDER  "journal/"
#define JOURNAL_NEWEST  "journal/newest"
#define JOURNAL_VERSION 1u

/* Unsigned numbers in 7 bits a byte, the lowest first; the high bit says that there are more. */
#define VARINT_MAX 10

static inline size_t varint_write(char *out, uint64_t number) {
    size_t n = 0;
    for (; number >= 0x80; number >>= 7)
        out[n++] = (char)(number | 0x80);
    out[n++] = (char)number;
    return n;
}

static inline size_t varint_size(uint64_t number) {
    return (size_t)(63 - __builtin_clzll(number | 1)) / 7 + 1;
}

/* False: the bytes end within it, or it is more than 64 bits. */
bool varint_read(struct bytes *left, uint64_t *out);

/* ---- segments ---- */

#define SEGMENT_HEAD_SIZE 64u

struct segment_head {
    uint64_t first;     /* the number of its first unit */
    int64_t created_ms; /* Unix time */
};

void segment_head_write(char out[SEGMENT_HEAD_SIZE], const struct segment_head *head);

/* NULL, or what is wrong. */
const char *segment_head_read(struct bytes bytes, struct segment_head *head);

void segment_name(char out[HOME_NAME_MAX], uint64_t first);
bool segment_name_read(const char *name, uint64_t *first);

/* ---- frames ---- */

#define FRAME_HEAD_SIZE 40u
#define FRAME_MARK      0x4d524653u /* "SFRM" */

struct frame_head {
    uint64_t length;  /* of the units, in bytes */
    uint64_t first;   /* the number of the first unit */
    uint64_t durable; /* units up to this one were durable when this frame was written */
    uint32_t count;   /* of units; 0: the frame only says what is durable */
    uint32_t checksum;
};

/* Fills in the head of a frame that the units follow already: `length` bytes behind it. */
void frame_seal(char *frame, struct frame_head *head);

/* False: there is no such head. Says nothing of the checksum. */
bool frame_head_read(struct bytes bytes, struct frame_head *head);

/* `frame` has the head and all the units. */
bool frame_is_whole(struct bytes frame);

/* ---- units ---- */

#define UNIT_HEAD_MAX (VARINT_MAX + 8)

struct unit {
    int64_t time_ms; /* Unix time that its command ran at */
    struct bytes records;
};

/* The size of what stands before records of that length, and writing it. */
static inline size_t unit_head_size(size_t length) {
    return varint_size(length) + sizeof(int64_t);
}
void unit_head_write(char *out, int64_t time_ms, size_t length);

/* Takes the next one off the front. False: the bytes are no unit. */
bool unit_read(struct bytes *left, struct unit *unit);
