/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/digest.h"
#include <openssl/crypto.h>
#include <openssl/sha.h>

void digest_sha256_hex(struct bytes data, char out[DIGEST_SHA256_HEX]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(data.data ? data.data : ""), data.len, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
}

bool digest_equal(const char *a, const char *b, size_t n) {
    return CRYPTO_memcmp(a, b, n) == 0;
}
