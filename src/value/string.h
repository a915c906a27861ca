/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arithmetic and ranges of strings.
 */
#pragma once

#include "base/bytes.h"
#include "base/number.h"
#include <stdint.h>

/* No value, and no name of anything, is longer, whatever the limits say: entries keep sizes in 32
 * bits, and texts of errors print them as an int. */
#define STRING_MAX ((size_t)INT32_MAX)

/* Positions `first` to `last`, both included and negative ones from the end, as they are in a
 * string of `size`: both within it afterwards. False when nothing is between them. */
bool string_clip_range(int64_t *first, int64_t *last, uint64_t size);

/* Is it a range whose ends, counted from the end of a string, are in the wrong order? For most
 * commands it is empty, even where clipping would move both ends to the first position. */
static inline bool string_range_is_reversed(int64_t first, int64_t last) {
    return first < 0 && last < 0 && first > last;
}

/* *out = the number that the text is, plus increment. */
enum string_sum { STRING_SUM_OK, STRING_SUM_NO_NUMBER, STRING_SUM_OVERFLOW };
enum string_sum string_add_integer(struct bytes text, int64_t increment, int64_t *out);

/* The same of floating-point numbers, which both texts are: writes the sum to `out` and its length
 * to *length. What is no finite number overflows. */
enum string_sum string_add_float(struct bytes text, struct bytes increment,
                                 char out[NUMBER_LONG_DOUBLE_MAX], size_t *length);
