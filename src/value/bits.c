/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/bits.h"
#include "base/ensure.h"

/* The masks of a byte's bits from bit `n` on, and up to and with bit `n`. */
static inline uint8_t bits_from(unsigned n) {
    return (uint8_t)(0xffu >> n);
}

static inline uint8_t bits_up_to(unsigned n) {
    return (uint8_t)(0xff00u >> (n + 1));
}

static inline uint64_t load(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* ---- counting ---- */

/* Four sums, since one would make each addition wait for the one before. */
static inline __attribute__((always_inline)) uint64_t count_words(const char *at, size_t words) {
    uint64_t sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= words; i += 4)
        for (unsigned lane = 0; lane < 4; lane++)
            sums[lane] += (unsigned)__builtin_popcountll(load(at + 8 * (i + lane)));
    for (; i < words; i++)
        sums[0] += (unsigned)__builtin_popcountll(load(at + 8 * i));
    return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__) && !defined(__POPCNT__)
/* The baseline of x86-64 lacks the instruction; without it counting is six times slower. */
static __attribute__((target("popcnt"))) uint64_t count_words_popcnt(const char *at, size_t words) {
    return count_words(at, words);
}

static uint64_t count_words_here(const char *at, size_t words) {
    return __builtin_cpu_supports("popcnt") ? count_words_popcnt(at, words)
                                            : count_words(at, words);
}
#else
static uint64_t count_words_here(const char *at, size_t words) {
    return count_words(at, words);
}
#endif

uint64_t bits_count(struct bytes b) {
    size_t words = b.len / 8;
    uint64_t sum = count_words_here(b.data, words);
    for (size_t i = words * 8; i < b.len; i++)
        sum += (unsigned)__builtin_popcount((uint8_t)b.data[i]);
    return sum;
}

uint64_t bits_count_range(struct bytes b, uint64_t first, uint64_t last) {
    size_t from = first / 8, to = last / 8;
    uint64_t sum = bits_count(bytes_make(b.data + from, to - from + 1));
    uint8_t before = (uint8_t)(b.data[from] & ~bits_from(first % 8));
    uint8_t after = (uint8_t)(b.data[to] & ~bits_up_to(last % 8));
    return sum - (unsigned)__builtin_popcount(before) - (unsigned)__builtin_popcount(after);
}

/* ---- finding ---- */

/* The first bit that is set in a byte that is not 0. */
static unsigned first_of_byte(uint8_t byte) {
    return (unsigned)__builtin_clz(byte) - 24;
}

/* Bytes from `from` on that equal `skip`, up to `to`. */
static size_t skip_bytes(struct bytes b, uint8_t skip, size_t from, size_t to) {
    uint64_t word = skip * 0x0101010101010101u;
    while (to - from >= 8 && load(b.data + from) == word)
        from += 8;
    while (from < to && (uint8_t)b.data[from] == skip)
        from++;
    return from;
}

uint64_t bits_find(struct bytes b, bool value, uint64_t first, uint64_t last) {
    size_t from = first / 8, to = last / 8;
    uint8_t flip = value ? 0 : 0xff;
    uint8_t byte = (uint8_t)((b.data[from] ^ flip) & bits_from(first % 8));
    if (!byte && from < to) {
        from = skip_bytes(b, flip, from + 1, to);
        byte = (uint8_t)(b.data[from] ^ flip);
    }
    if (from == to) byte &= bits_up_to(last % 8);
    return byte ? (uint64_t)from * 8 + first_of_byte(byte) : BITS_NOT_FOUND;
}

/* ---- combining ---- */

/* What is combined at once stays in the first-level cache while source after source is added. */
#define BLOCK ((size_t)16 * 1024)

/* Each loop is one that the compiler turns into vector instructions. */
static void combine_into(enum bits_operation operation, char *restrict out,
                         const char *restrict source, size_t n) {
    switch (operation) {
    case BITS_AND:
        for (size_t i = 0; i < n; i++)
            out[i] &= source[i];
        break;
    case BITS_OR:
        for (size_t i = 0; i < n; i++)
            out[i] |= source[i];
        break;
    case BITS_XOR:
        for (size_t i = 0; i < n; i++)
            out[i] ^= source[i];
        break;
    case BITS_NOT:
        for (size_t i = 0; i < n; i++)
            out[i] = (char)~source[i];
        break;
    }
}

/* The part of a source in a block of `n` bytes at `at`: shorter, or empty, behind its end. */
static struct bytes part_of(struct bytes source, size_t at, size_t n) {
    if (source.len <= at) return bytes_make(NULL, 0);
    return bytes_make(source.data + at, MIN(source.len - at, n));
}

static void combine_block(enum bits_operation operation, char *out, size_t at, size_t n,
                          const struct bytes *sources, size_t count) {
    struct bytes part = part_of(sources[0], at, n);
    if (part.len) memcpy(out, part.data, part.len);
    memset(out + part.len, 0, n - part.len);
    for (size_t i = 1; i < count; i++) {
        part = part_of(sources[i], at, n);
        combine_into(operation, out, part.data, part.len);
        if (operation == BITS_AND) memset(out + part.len, 0, n - part.len);
    }
}

void bits_combine(enum bits_operation operation, char *out, size_t size,
                  const struct bytes *sources, size_t count) {
    if (operation == BITS_NOT) {
        combine_into(BITS_NOT, out, sources[0].data, sources[0].len);
        memset(out + sources[0].len, 0xff, size - sources[0].len);
        return;
    }
    for (size_t at = 0; at < size; at += BLOCK)
        combine_block(operation, out + at, at, MIN(size - at, BLOCK), sources, count);
}
