/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Integers of 1 to 64 bits anywhere in a string, as BITFIELD has them: the highest bit first,
 * signed ones in two's complement.
 */
#pragma once

#include "base/bytes.h"
#include <stdint.h>

struct bits_type {
    bool is_signed;
    uint8_t width; /* 1 to 64, 63 at most when unsigned */
};

/* "i16", "u8"; false when it is none. */
bool bits_type_parse(struct bytes text, struct bits_type *out);

/* The integer at a bit offset. Bits behind the end of the string are 0. */
int64_t bits_get(struct bytes b, uint64_t offset, struct bits_type type);

#define BITS_WINDOW 9 /* bytes that 64 bits can touch */

/* Puts the integer at a bit offset into a copy of the bytes that it touches: `window` gets the
 * bytes of the string from offset / 8 on, returned is how many. */
size_t bits_put(struct bytes b, uint64_t offset, struct bits_type type, int64_t value,
                char window[BITS_WINDOW]);

/* What becomes of a result that the type can't hold: its low bits, the nearest value, or nothing.
 */
enum bits_overflow { BITS_WRAP, BITS_SATURATE, BITS_FAIL };

/* *out = value as `type` holds it. False: it does not, under BITS_FAIL. An unsigned type takes
 * `value` as an unsigned number, as SET of BITFIELD does. */
bool bits_fit(struct bits_type type, enum bits_overflow overflow, int64_t value, int64_t *out);

/* *out = value + increment as `type` holds it; `value` is one that it holds. */
bool bits_add(struct bits_type type, enum bits_overflow overflow, int64_t value, int64_t increment,
              int64_t *out);
