/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/bits_field.h"
#include "base/number.h"

bool bits_type_parse(struct bytes text, struct bits_type *out) {
    if (text.len == 0 || (text.data[0] != 'i' && text.data[0] != 'u')) return false;
    bool is_signed = text.data[0] == 'i';
    int64_t width;
    if (!number_parse_i64(bytes_skip(text, 1), &width)) return false;
    if (width < 1 || width > (is_signed ? 64 : 63)) return false;
    *out = (struct bits_type){is_signed, (uint8_t)width};
    return true;
}

static uint64_t low_bits(unsigned width) {
    return UINT64_MAX >> (64 - width);
}

/* The low bits of a word as the type reads them. */
static int64_t of_word(struct bits_type type, uint64_t word) {
    unsigned unused = 64 - type.width;
    return type.is_signed ? (int64_t)(word << unused) >> unused
                          : (int64_t)(word & low_bits(type.width));
}

/* The bytes that an integer touches, as one number of which the integer is the part `below` bits
 * above the lowest. */
struct window {
    unsigned __int128 bits;
    size_t size;
    unsigned below;
};

static struct window window_at(struct bytes b, uint64_t offset, unsigned width) {
    uint64_t first = offset / 8, last = (offset + width - 1) / 8;
    struct window w = {.size = last - first + 1, .below = 7 - (unsigned)((offset + width - 1) % 8)};
    for (uint64_t i = first; i <= last; i++)
        w.bits = w.bits << 8 | (i < b.len ? (uint8_t)b.data[i] : 0);
    return w;
}

int64_t bits_get(struct bytes b, uint64_t offset, struct bits_type type) {
    struct window w = window_at(b, offset, type.width);
    return of_word(type, (uint64_t)(w.bits >> w.below));
}

size_t bits_put(struct bytes b, uint64_t offset, struct bits_type type, int64_t value,
                char window[BITS_WINDOW]) {
    struct window w = window_at(b, offset, type.width);
    unsigned __int128 mask = low_bits(type.width);
    w.bits &= ~(mask << w.below);
    w.bits |= ((uint64_t)value & mask) << w.below;
    for (size_t i = w.size; i-- > 0; w.bits >>= 8)
        window[i] = (char)w.bits;
    return w.size;
}

/* Every sum of two 64-bit numbers fits in 128 bits, so what overflows is seen, not predicted. */
static bool fit(struct bits_type type, enum bits_overflow overflow, __int128 value, int64_t *out) {
    __int128 most = ((__int128)1 << (type.width - type.is_signed)) - 1;
    __int128 least = type.is_signed ? -most - 1 : 0;
    bool fits = value >= least && value <= most;
    if (!fits && overflow == BITS_FAIL) return false;
    if (!fits && overflow == BITS_SATURATE) value = value > most ? most : least;
    *out = of_word(type, (uint64_t)value);
    return true;
}

bool bits_fit(struct bits_type type, enum bits_overflow overflow, int64_t value, int64_t *out) {
    __int128 wide = type.is_signed ? value : (__int128)(uint64_t)value;
    return fit(type, overflow, wide, out);
}

bool bits_add(struct bits_type type, enum bits_overflow overflow, int64_t value, int64_t increment,
              int64_t *out) {
    return fit(type, overflow, (__int128)value + increment, out);
}
