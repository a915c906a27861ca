/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal, read back: whatever the bytes, they are refused, or applied without harm.
 *
 * An input is: a byte, and a segment (even), or the units of a frame (odd), which gets heads and
 * checksums that are right. */
#include "base/ensure.h"
#include "base/log.h"
#include "home/home_priv.h"
#include "journal/reader.h"
#include "journal/replay.h"
#include "keyspace/gate.h"
#include "sys/memory.h"

#include <errno.h>
#include <stdint.h>

/* A home that holds one segment, the input. */
struct memory_home {
    struct home head;
    struct bytes segment;
};

static ssize_t get(struct home *home, const char *name, uint64_t offset, void *out, size_t size) {
    const struct memory_home *memory = (const struct memory_home *)home;
    if (offset >= memory->segment.len) return 0;
    size_t n = MIN(size, memory->segment.len - offset);
    memcpy(out, memory->segment.data + offset, n);
    return (ssize_t)n;
}

static const struct home_kind memory_kind = {.scheme = "memory", .get = get};

static bool no_command(void *context, unsigned hand, const struct view *view,
                       const struct bytes *argv, unsigned argc) {
    return argc == 0;
}

static bool is_short(void *context, const struct bytes *argv, unsigned argc) {
    return argc < 3;
}

static void read_all(struct bytes segment) {
    struct memory_home home = {.head = {.kind = &memory_kind}, .segment = segment};
    struct segment_at item = {.first = 1, .size = segment.len};
    struct segment_list list = {.items = &item, .count = 1};
    struct journal_reader reader;
    struct frame frame;
    struct gate *gate = gate_create(1, 0);
    struct keyspace *keyspace =
        keyspace_create(&(struct keyspace_options){.databases = 4, .workers = 1, .gate = gate});
    struct replay *replay = replay_create(
        &(struct replay_options){.keyspace = keyspace, .run = no_command, .has_one_key = is_short});
    ensure(replay);
    uint64_t next = 1;
    if (journal_reader_begin(&reader, &home.head, &list, 0))
        while (journal_reader_next(&reader, &frame) == READ_FRAME) {
            ensure(frame.head.first == next && reader.next > next);
            next = reader.next;
            if (replay_frame(replay, &frame) != REPLAY_DONE) break;
        }
    replay_drain(replay);
    journal_reader_free(&reader);
    replay_free(replay);
    keyspace_free(keyspace);
    gate_free(gate);
}

/* The units as the only frame of a segment that is right. */
static void read_units(struct bytes units) {
    size_t size = SEGMENT_HEAD_SIZE + FRAME_HEAD_SIZE + units.len;
    char *segment = memory_need(size);
    segment_head_write(segment, &(struct segment_head){.first = 1});
    memcpy(segment + SEGMENT_HEAD_SIZE + FRAME_HEAD_SIZE, units.data, units.len);
    struct frame_head head = {
        .length = units.len, .first = 1, .count = (uint32_t)MIN(units.len / 10, (size_t)100)};
    frame_seal(segment + SEGMENT_HEAD_SIZE, &head);
    read_all(bytes_make(segment, size));
    memory_free(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    log_set_level(LOG_LEVEL_NOTHING);
    struct bytes rest = bytes_make(data + 1, size - 1);
    if (data[0] % 2)
        read_units(rest);
    else
        read_all(rest);
    return 0;
}
