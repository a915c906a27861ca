/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/format.h"
#include "base/crc32c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char segment_magic[8] = "STRATAJL";

/* Where the numbers of the heads stand. */
enum {
    SEGMENT_VERSION = 8,
    SEGMENT_SIZE = 12,
    SEGMENT_FIRST = 16,
    SEGMENT_CREATED = 24,
    SEGMENT_CHECKSUM = 60,

    FRAME_CHECKSUM = 4, /* of all that follows it */
    FRAME_LENGTH = 8,
    FRAME_FIRST = 16,
    FRAME_DURABLE = 24,
    FRAME_COUNT = 32,
    FRAME_ZERO = 36,
};

static void put_u32(char *at, uint32_t number) {
    memcpy(at, &number, sizeof number);
}

static void put_u64(char *at, uint64_t number) {
    memcpy(at, &number, sizeof number);
}

static uint32_t get_u32(const char *at) {
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint64_t get_u64(const char *at) {
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

bool varint_read(struct bytes *left, uint64_t *out) {
    uint64_t number = 0;
    for (unsigned i = 0; i < VARINT_MAX && i < left->len; i++) {
        uint8_t byte = (uint8_t)left->data[i];
        if (i == VARINT_MAX - 1 && byte > 1) return false;
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        *left = bytes_skip(*left, i + 1);
        *out = number;
        return true;
    }
    return false;
}

/* ---- segments ---- */

void segment_head_write(char out[SEGMENT_HEAD_SIZE], const struct segment_head *head) {
    memset(out, 0, SEGMENT_HEAD_SIZE);
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u32(out + SEGMENT_VERSION, JOURNAL_VERSION);
    put_u32(out + SEGMENT_SIZE, SEGMENT_HEAD_SIZE);
    put_u64(out + SEGMENT_FIRST, head->first);
    put_u64(out + SEGMENT_CREATED, (uint64_t)head->created_ms);
    put_u32(out + SEGMENT_CHECKSUM, crc32c(0, bytes_make(out, SEGMENT_CHECKSUM)));
}

const char *segment_head_read(struct bytes bytes, struct segment_head *head) {
    if (bytes.len < SEGMENT_HEAD_SIZE) return "it is too short for a segment";
    if (memcmp(bytes.data, segment_magic, sizeof segment_magic) != 0)
        return "it does not begin like a segment";
    if (get_u32(bytes.data + SEGMENT_CHECKSUM) !=
        crc32c(0, bytes_make(bytes.data, SEGMENT_CHECKSUM)))
        return "the checksum of its head is wrong";
    if (get_u32(bytes.data + SEGMENT_VERSION) != JOURNAL_VERSION ||
        get_u32(bytes.data + SEGMENT_SIZE) != SEGMENT_HEAD_SIZE)
        return "a newer version of Strata wrote it";
    head->first = get_u64(bytes.data + SEGMENT_FIRST);
    head->created_ms = (int64_t)get_u64(bytes.data + SEGMENT_CREATED);
    return NULL;
}

void segment_name(char out[HOME_NAME_MAX], uint64_t first) {
    snprintf(out, HOME_NAME_MAX, JOURNAL_FOLDER "%020llu.log", (unsigned long long)first);
}

bool segment_name_read(const char *name, uint64_t *first) {
    char expected[HOME_NAME_MAX];
    size_t folder = strlen(JOURNAL_FOLDER);
    if (strncmp(name, JOURNAL_FOLDER, folder) != 0) return false;
    *first = strtoull(name + folder, NULL, 10);
    segment_name(expected, *first);
    return strcmp(name, expected) == 0;
}

/* ---- frames ---- */

void frame_seal(char *frame, struct frame_head *head) {
    put_u32(frame, FRAME_MARK);
    put_u64(frame + FRAME_LENGTH, head->length);
    put_u64(frame + FRAME_FIRST, head->first);
    put_u64(frame + FRAME_DURABLE, head->durable);
    put_u32(frame + FRAME_COUNT, head->count);
    put_u32(frame + FRAME_ZERO, 0);
    head->checksum =
        crc32c(0, bytes_make(frame + FRAME_LENGTH, FRAME_HEAD_SIZE - FRAME_LENGTH + head->length));
    put_u32(frame + FRAME_CHECKSUM, head->checksum);
}

bool frame_head_read(struct bytes bytes, struct frame_head *head) {
    if (bytes.len < FRAME_HEAD_SIZE || get_u32(bytes.data) != FRAME_MARK) return false;
    *head = (struct frame_head){
        .length = get_u64(bytes.data + FRAME_LENGTH),
        .first = get_u64(bytes.data + FRAME_FIRST),
        .durable = get_u64(bytes.data + FRAME_DURABLE),
        .count = get_u32(bytes.data + FRAME_COUNT),
        .checksum = get_u32(bytes.data + FRAME_CHECKSUM),
    };
    return get_u32(bytes.data + FRAME_ZERO) == 0;
}

bool frame_is_whole(struct bytes frame) {
    return get_u32(frame.data + FRAME_CHECKSUM) == crc32c(0, bytes_skip(frame, FRAME_LENGTH));
}

/* ---- units ---- */

void unit_head_write(char *out, int64_t time_ms, size_t length) {
    put_u64(out + varint_write(out, length), (uint64_t)time_ms);
}

bool unit_read(struct bytes *left, struct unit *unit) {
    uint64_t length;
    if (!varint_read(left, &length) || left->len < sizeof unit->time_ms) return false;
    unit->time_ms = (int64_t)get_u64(left->data);
    *left = bytes_skip(*left, sizeof unit->time_ms);
    if (length > left->len) return false;
    unit->records = bytes_make(left->data, length);
    *left = bytes_skip(*left, length);
    return true;
}
