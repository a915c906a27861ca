/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-64: eight bytes at a time by tables (Kounavis, Berry, "Novel table lookup-based algorithms
 * for high-performance CRC generation", 2008), and long pieces 64 bytes at a time where the
 * processor multiplies polynomials (Gopal et al., "Fast CRC computation for generic polynomials
 * using PCLMULQDQ instruction", Intel, 2009). */
#include "value/rdb.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define POLYNOMIAL 0x95ac9329ac4bc9b5u /* 0xad93d23594c935a9 with its bits in reverse */
#define LONG       256                 /* bytes that are worth to be folded */

/* tables[n][b]: what the byte b becomes when n more bytes have followed. */
static uint64_t tables[8][256];

/* Polynomials stand with their bits in reverse: the lowest one is that of x^63. */
static uint64_t times_x(uint64_t polynomial) {
    return polynomial >> 1 ^ (polynomial & 1 ? POLYNOMIAL : 0);
}

__attribute__((constructor)) static void make_tables(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        tables[0][byte] = crc;
    }
    for (unsigned n = 1; n < 8; n++)
        for (unsigned byte = 0; byte < 256; byte++)
            tables[n][byte] = tables[0][tables[n - 1][byte] & 0xff] ^ tables[n - 1][byte] >> 8;
}

static uint64_t by_tables(uint64_t crc, struct bytes bytes) {
    for (; bytes.len >= 8; bytes = bytes_skip(bytes, 8)) {
        uint64_t word;
        memcpy(&word, bytes.data, sizeof word);
        word ^= crc;
        crc = 0;
        for (unsigned n = 0; n < 8; n++)
            crc ^= tables[7 - n][word >> 8 * n & 0xff];
    }
    for (size_t i = 0; i < bytes.len; i++)
        crc = tables[0][(crc ^ (uint8_t)bytes.data[i]) & 0xff] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__)

#define FOLDING __attribute__((target("pclmul,sse2")))
#define FOLDED  64 /* bytes at a time */

static struct folding {
    uint64_t upper, lower; /* for the first and the second half of 16 bytes */
} by_64_bytes, by_16_bytes;

/* x^n, modulo the polynomial. */
static uint64_t power(unsigned n) {
    uint64_t result = 1ull << 63;
    while (n--)
        result = times_x(result);
    return result;
}

/* What 16 bytes are worth that so many bits follow. Multiplying two reversed polynomials of 64 bits
 * gives their product times x, with its bits in reverse in 128: so there is one x less here. */
static struct folding folding_over(unsigned bits) {
    return (struct folding){power(bits + 64 - 1), power(bits - 1)};
}

__attribute__((constructor)) static void make_foldings(void) {
    by_64_bytes = folding_over(8 * FOLDED);
    by_16_bytes = folding_over(8 * 16);
}

FOLDING static __m128i load(const char *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* `sum`, moved to where `next` stands, and added to it. */
FOLDING static __m128i fold(__m128i sum, __m128i by, __m128i next) {
    __m128i upper = _mm_clmulepi64_si128(sum, by, 0x00);
    __m128i lower = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(upper, lower), next);
}

/* At least FOLDED bytes. */
FOLDING static uint64_t by_folding(uint64_t crc, struct bytes bytes) {
    __m128i by_64 = _mm_set_epi64x((long long)by_64_bytes.lower, (long long)by_64_bytes.upper);
    __m128i by_16 = _mm_set_epi64x((long long)by_16_bytes.lower, (long long)by_16_bytes.upper);
    __m128i sums[4];
    char rest[16];
    for (unsigned i = 0; i < 4; i++)
        sums[i] = load(bytes.data + 16 * i);
    sums[0] = _mm_xor_si128(sums[0], _mm_set_epi64x(0, (long long)crc));
    bytes = bytes_skip(bytes, FOLDED);
    for (; bytes.len >= FOLDED; bytes = bytes_skip(bytes, FOLDED))
        for (unsigned i = 0; i < 4; i++)
            sums[i] = fold(sums[i], by_64, load(bytes.data + 16 * i));
    for (unsigned i = 1; i < 4; i++)
        sums[i] = fold(sums[i - 1], by_16, sums[i]);
    _mm_storeu_si128((__m128i *)(void *)rest, sums[3]);
    return by_tables(by_tables(0, bytes_make(rest, sizeof rest)), bytes);
}

static bool can_fold(void) {
    return __builtin_cpu_supports("pclmul");
}

#else

#define by_folding by_tables

static bool can_fold(void) {
    return false;
}

#endif

uint64_t rdb_checksum(uint64_t crc, struct bytes bytes) {
    return bytes.len >= LONG && can_fold() ? by_folding(crc, bytes) : by_tables(crc, bytes);
}
