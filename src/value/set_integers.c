/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/set_integers.h"
#include "base/ensure.h"

static uint32_t read_u32(const char *at) {
    uint32_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static void write_u32(char *at, uint32_t n) {
    memcpy(at, &n, sizeof n);
}

static uint32_t width_of(struct bytes set) {
    return read_u32(set.data);
}

uint32_t integers_count(struct bytes set) {
    return read_u32(set.data + sizeof(uint32_t));
}

static void set_count(struct buffer *set, uint32_t count) {
    write_u32(set->data + sizeof(uint32_t), count);
}

static uint32_t width_for(int64_t number) {
    if (number >= INT16_MIN && number <= INT16_MAX) return sizeof(int16_t);
    if (number >= INT32_MIN && number <= INT32_MAX) return sizeof(int32_t);
    return sizeof(int64_t);
}

static int64_t load(const char *at, uint32_t width) {
    int16_t narrow;
    int32_t middle;
    int64_t wide;
    switch (width) {
    case sizeof narrow: memcpy(&narrow, at, sizeof narrow); return narrow;
    case sizeof middle: memcpy(&middle, at, sizeof middle); return middle;
    default: memcpy(&wide, at, sizeof wide); return wide;
    }
}

/* The low bytes are the number, since it fits and we are little-endian. */
static void store(char *at, uint32_t width, int64_t number) {
    memcpy(at, &number, width);
}

int64_t integers_at(struct bytes set, uint32_t index) {
    uint32_t width = width_of(set);
    return load(set.data + INTEGERS_HEADER + (size_t)index * width, width);
}

bool integers_find(struct bytes set, int64_t number, uint32_t *index) {
    uint32_t width = width_of(set), low = 0, high = integers_count(set);
    const char *first = set.data + INTEGERS_HEADER;
    if (high && number > load(first + (size_t)(high - 1) * width, width)) low = high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (load(first + (size_t)middle * width, width) < number)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < integers_count(set) && load(first + (size_t)low * width, width) == number;
}

bool integers_init(struct buffer *set) {
    buffer_clear(set);
    if (!buffer_reserve(set, INTEGERS_HEADER)) return false;
    write_u32(set->data, sizeof(int16_t));
    set_count(set, 0);
    set->len = INTEGERS_HEADER;
    return true;
}

/* There is room. From the last on, so that none is overwritten before it is read. */
static void widen(struct buffer *set, uint32_t width) {
    uint32_t old = width_of(buffer_bytes(set)), count = integers_count(buffer_bytes(set));
    char *first = set->data + INTEGERS_HEADER;
    for (uint32_t i = count; i-- > 0;)
        store(first + (size_t)i * width, width, load(first + (size_t)i * old, old));
    write_u32(set->data, width);
    set->len = INTEGERS_HEADER + (size_t)count * width;
}

bool integers_insert(struct buffer *set, uint32_t index, int64_t number) {
    uint32_t count = integers_count(buffer_bytes(set));
    uint32_t width = MAX(width_of(buffer_bytes(set)), width_for(number));
    size_t size = INTEGERS_HEADER + ((size_t)count + 1) * width;
    if (!buffer_reserve(set, size - set->len)) return false;
    if (width != width_of(buffer_bytes(set))) widen(set, width);
    char *at = set->data + INTEGERS_HEADER + (size_t)index * width;
    memmove(at + width, at, (size_t)(count - index) * width);
    store(at, width, number);
    set_count(set, count + 1);
    set->len = size;
    return true;
}

void integers_remove(struct buffer *set, uint32_t index) {
    uint32_t width = width_of(buffer_bytes(set)), count = integers_count(buffer_bytes(set)) - 1;
    char *at = set->data + INTEGERS_HEADER + (size_t)index * width;
    memmove(at, at + width, (size_t)(count - index) * width);
    set_count(set, count);
    set->len -= width;
}

bool integers_validate(struct bytes bytes) {
    if (bytes.len < INTEGERS_HEADER) return false;
    uint32_t width = width_of(bytes), count = integers_count(bytes);
    if (width != sizeof(int16_t) && width != sizeof(int32_t) && width != sizeof(int64_t))
        return false;
    if (bytes.len - INTEGERS_HEADER != (uint64_t)count * width) return false;
    for (uint32_t i = 1; i < count; i++)
        if (integers_at(bytes, i - 1) >= integers_at(bytes, i)) return false;
    return true;
}
