/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/entropy.h"

#include "base/ensure.h"

#include <errno.h>
#include <sys/random.h>

void entropy_fill(void *out, size_t n) {
    char *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR) continue;
        ensure(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

void entropy_hex(char *out, size_t bytes) {
    static const char digits[] = "0123456789abcdef";
    entropy_fill(out + bytes, bytes); /* the upper half, which the digits then overtake */
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)out[bytes + i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * bytes] = 0;
}
