/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/bytes.h"

/* Digests, as OpenSSL makes them. */

#define DIGEST_SHA1       20
#define DIGEST_SHA1_HEX   40
#define DIGEST_SHA256_HEX 64

void digest_sha1(struct bytes data, unsigned char out[DIGEST_SHA1]);

/* As lower-case hex digits, without a final zero. */
void digest_sha1_hex(struct bytes data, char out[DIGEST_SHA1_HEX]);
void digest_sha256_hex(struct bytes data, char out[DIGEST_SHA256_HEX]);

/* Are `n` bytes the same? In a time that does not depend on where they differ. */
bool digest_equal(const char *a, const char *b, size_t n);
