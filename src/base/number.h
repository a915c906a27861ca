/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

/* Numbers as clients write and read them. Parsing returns false, and leaves *out alone, when the
 * text is not exactly one number. Formatting writes no final zero and returns the length. Nothing
 * here depends on the locale, which stays "C". */

#define NUMBER_I64_MAX         21
#define NUMBER_U64_MAX         20
#define NUMBER_DOUBLE_MAX      32
#define NUMBER_LONG_DOUBLE_MAX (5 * 1024)

/* Canonical only, so that formatting the result gives the same text again: no spaces, no '+', no
 * leading zeros, no "-0". */
bool number_parse_i64(struct bytes text, int64_t *out);
bool number_parse_u64(struct bytes text, uint64_t *out);

/* As scores and float arguments are read: decimal, with or without fraction and exponent, or
 * [+-]inf[inity]. Refused: NaN, hexadecimal, spaces, and what is too large or, not being zero, too
 * small for a double. */
bool number_parse_double(struct bytes text, double *out);

/* As INCRBYFLOAT and HINCRBYFLOAT read their operands: hexadecimal too. Infinities are read; the
 * caller refuses the sum. */
bool number_parse_long_double(struct bytes text, long double *out);

/* A size as the configuration writes it, unit in any case: none or b = bytes, k m g = powers of
 * 1000, kb mb gb = powers of 1024. No digits are 0. */
bool number_parse_memory(struct bytes text, uint64_t *out);

size_t number_format_i64(char out[NUMBER_I64_MAX], int64_t value);
size_t number_format_u64(char out[NUMBER_U64_MAX], uint64_t value);

/* The shortest text that reads back as the same double, as scores and RESP3 doubles are written:
 * "3", "0.1", "1e+21", "-0", "inf", "-inf", "nan". */
size_t number_format_double(char out[NUMBER_DOUBLE_MAX], double value);

/* The same, but whole numbers too have only the digits that it takes: 2^62 is 4611686018427388000.
 */
size_t number_format_shortest(char out[NUMBER_DOUBLE_MAX], double value);

/* 17 decimals without trailing zeros and without exponent, as INCRBYFLOAT replies. `cap` of
 * NUMBER_LONG_DOUBLE_MAX is enough for every value; 0 is returned when it does not fit. */
size_t number_format_long_double(char *out, size_t cap, long double value);
