/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hash.h"

#include <string.h>

uint8_t hash_secret[XXH3_SECRET_DEFAULT_SIZE];

static void __attribute__((constructor)) start_with_public_secret(void) {
    memcpy(hash_secret, XXH3_kSecret, sizeof hash_secret);
}

void hash_seed(const void *random, size_t n) {
    XXH3_generateSecret(hash_secret, sizeof hash_secret, random, n);
}
