/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LZF, the compression of strings in RDB files: runs of
 *
 *     000nnnnn                     n + 1 bytes follow
 *     nnnooooo oooooooo            n + 2 bytes as they are o + 1 bytes before the end (n: 1 to 6)
 *     111ooooo nnnnnnnn oooooooo   n + 9 bytes, the same
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* Makes `size` bytes at `out` of a compressed string. False: it is not one of exactly this size. */
bool lzf_expand(struct bytes packed, char *out, size_t size);

/* The most bytes that `packed` ones can stand for. */
static inline size_t lzf_expanded_max(size_t packed) {
    return packed > SIZE_MAX / 88 - 1 ? SIZE_MAX : (packed + 1) * 88;
}

/* Compresses to `out`, which has room for `size` bytes. Returns how many it took; 0: it is not
 * shorter than that. */
size_t lzf_compress(struct bytes text, char *out, size_t size);
