/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight bytes at a time (Kounavis, Berry, "Novel table lookup-based algorithms for high-performance
 * CRC generation", 2008). */
#include "value/rdb.h"

#define POLYNOMIAL 0x95ac9329ac4bc9b5u /* 0xad93d23594c935a9 with its bits in reverse */

/* tables[n][b]: what the byte b becomes when n more bytes have followed. */
static uint64_t tables[8][256];

__attribute__((constructor)) static void make_tables(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (unsigned n = 1; n < 8; n++)
        for (unsigned byte = 0; byte < 256; byte++)
            tables[n][byte] = tables[0][tables[n - 1][byte] & 0xff] ^ tables[n - 1][byte] >> 8;
}

uint64_t rdb_checksum(uint64_t crc, struct bytes bytes) {
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
