/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/crc32c.h"

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* bits reversed */

static uint32_t step(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
}

/* A byte at a time, by a table that the first call fills; callers at the same time fill it with the
 * same numbers. */
static uint32_t portable(uint32_t crc, const uint8_t *at, size_t n) {
    static uint32_t table[256];
    if (!__atomic_load_n(&table[255], __ATOMIC_ACQUIRE))
        for (unsigned i = 0; i < 256; i++)
            __atomic_store_n(&table[i], step(0, (uint8_t)i), __ATOMIC_RELEASE);
    for (; n; n--)
        crc = crc >> 8 ^ table[(uint8_t)(crc ^ *at++)];
    return crc;
}

#if defined(__x86_64__)

#define HARDWARE            __attribute__((target("sse4.2")))
#define crc_of_8(crc, word) (uint32_t) __builtin_ia32_crc32di(crc, word)
#define crc_of_1(crc, byte) __builtin_ia32_crc32qi(crc, byte)

static bool has_instruction(void) {
    return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__)

#define HARDWARE            __attribute__((target("+crc")))
#define crc_of_8(crc, word) __crc32cd(crc, word)
#define crc_of_1(crc, byte) __crc32cb(crc, byte)

static bool has_instruction(void) {
    return getauxval(AT_HWCAP) & 1ul << 7; /* HWCAP_CRC32 */
}

#endif

#if defined(HARDWARE)

HARDWARE static uint32_t by_hardware(uint32_t crc, const uint8_t *at, size_t n) {
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = crc_of_8(crc, word);
    }
    for (; n; n--)
        crc = crc_of_1(crc, *at++);
    return crc;
}

#else

static bool has_instruction(void) {
    return false;
}
#define by_hardware portable

#endif

uint32_t crc32c(uint32_t crc, struct bytes bytes) {
    const uint8_t *at = (const uint8_t *)bytes.data;
    return ~(has_instruction() ? by_hardware : portable)(~crc, at, bytes.len);
}
