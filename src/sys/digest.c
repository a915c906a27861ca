/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/digest.h"
#include <openssl/crypto.h>
#include <openssl/sha.h>

/* An empty view may have no address. */
static const unsigned char *start_of(struct bytes data) {
    return (const unsigned char *)(data.data ? data.data : "");
}

void digest_sha1(struct bytes data, unsigned char out[DIGEST_SHA1]) {
    SHA1(start_of(data), data.len, out);
}

void digest_sha1_hex(struct bytes data, char out[DIGEST_SHA1_HEX]) {
    unsigned char digest[DIGEST_SHA1];
    digest_sha1(data, digest);
    bytes_to_hex(out, digest, sizeof digest);
}

void digest_sha256_hex(struct bytes data, char out[DIGEST_SHA256_HEX]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(start_of(data), data.len, digest);
    bytes_to_hex(out, digest, sizeof digest);
}

bool digest_equal(const char *a, const char *b, size_t n) {
    return CRYPTO_memcmp(a, b, n) == 0;
}
