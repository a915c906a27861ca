/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/string.h"
#include <math.h>

static int64_t from_start(int64_t position, int64_t size) {
    if (position >= 0) return position;
    return position < -size ? 0 : position + size;
}

bool string_clip_range(int64_t *first, int64_t *last, uint64_t size) {
    int64_t n = (int64_t)size;
    *first = from_start(*first, n);
    *last = from_start(*last, n);
    if (*last >= n) *last = n - 1;
    return n > 0 && *first <= *last;
}

enum string_sum string_add_integer(struct bytes text, int64_t increment, int64_t *out) {
    int64_t value;
    if (!number_parse_i64(text, &value)) return STRING_SUM_NO_NUMBER;
    return __builtin_add_overflow(value, increment, out) ? STRING_SUM_OVERFLOW : STRING_SUM_OK;
}

enum string_sum string_add_float(struct bytes text, struct bytes increment,
                                 char out[NUMBER_LONG_DOUBLE_MAX], size_t *length) {
    long double value, more;
    if (!number_parse_long_double(text, &value)) return STRING_SUM_NO_NUMBER;
    if (!number_parse_long_double(increment, &more)) return STRING_SUM_NO_NUMBER;
    value += more;
    if (!isfinite(value)) return STRING_SUM_OVERFLOW;
    *length = number_format_long_double(out, NUMBER_LONG_DOUBLE_MAX, value);
    return STRING_SUM_OK;
}
