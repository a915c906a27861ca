/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/entropy.h"

#include "base/bytes.h"
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
    entropy_fill(out + bytes, bytes);
    bytes_to_hex(out, out + bytes, bytes);
    out[2 * bytes] = 0;
}
