/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings as arrays of bits. Bit 0 is the highest bit of the first byte, as SETBIT counts.
 */
#pragma once

#include "base/bytes.h"
#include <stdint.h>

/* Bits that are set. */
uint64_t bits_count(struct bytes b);

/* The same of the bits `first` to `last`, both included and within the string. */
uint64_t bits_count_range(struct bytes b, uint64_t first, uint64_t last);

#define BITS_NOT_FOUND UINT64_MAX

/* Where the first bit of that value is, among those from `first` to `last`, both included and
 * within the string. */
uint64_t bits_find(struct bytes b, bool value, uint64_t first, uint64_t last);

enum bits_operation { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT };

/* Writes the `size` bytes of the operation's result over all sources to `out`, which overlaps none
 * of them. Sources that are shorter count as if zero bytes followed. BITS_NOT takes one source. */
void bits_combine(enum bits_operation operation, char *out, size_t size,
                  const struct bytes *sources, size_t count);
