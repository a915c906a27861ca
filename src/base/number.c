/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool number_parse_u64(struct bytes text, uint64_t *out) {
    enum { DIGITS_MAX = 20, DIGITS_SAFE = 19 }; /* which never overflow */
    if (text.len == 0 || text.len > DIGITS_MAX || (text.data[0] == '0' && text.len > 1))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9) return false;
        if (__builtin_expect(i < DIGITS_SAFE, 1))
            value = value * 10 + digit;
        else if (__builtin_mul_overflow(value, 10, &value) ||
                 __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool number_parse_i64(struct bytes text, int64_t *out) {
    bool negative = text.len && text.data[0] == '-';
    uint64_t magnitude;
    if (!number_parse_u64(negative ? bytes_skip(text, 1) : text, &magnitude)) return false;
    if (magnitude > (uint64_t)INT64_MAX + negative || (negative && magnitude == 0)) return false;
    *out = (int64_t)(negative ? -magnitude : magnitude);
    return true;
}

bool number_parse_memory(struct bytes text, uint64_t *out) {
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
        {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };
    uint64_t value = 0;
    size_t i = 0;
    for (; i < text.len && is_digit(text.data[i]); i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
        if (bytes_is(bytes_skip(text, i), units[u].name))
            return !__builtin_mul_overflow(value, units[u].bytes, out);
    return false;
}

/* What the scan of a decimal floating-point text found. */
struct decimal {
    uint64_t digits; /* the first significant digits */
    bool dropped;    /* were there more? */
    int64_t power;   /* of ten, that `digits` is to be multiplied with */
    bool negative;
};

static size_t scan_digits(struct bytes text, size_t i, struct decimal *out) {
    enum { KEPT_MAX = 18 };
    static const uint64_t full = UINT64_C(100000000000000000); /* has KEPT_MAX digits */
    for (; i < text.len && is_digit(text.data[i]); i++) {
        if (out->digits >= full) {
            out->dropped = true;
            out->power++;
        } else {
            out->digits = out->digits * 10 + (uint64_t)(text.data[i] - '0');
        }
    }
    return i;
}

/* Reads the exponent after `e`; false without a digit. Huge ones are cut: they overflow anyway. */
static bool scan_exponent(struct bytes text, int64_t *out) {
    bool negative = text.len && text.data[0] == '-';
    size_t i = text.len && (negative || text.data[0] == '+');
    if (i == text.len) return false;
    int64_t value = 0;
    for (; i < text.len; i++) {
        if (!is_digit(text.data[i])) return false;
        if (value < INT32_MAX) value = value * 10 + (text.data[i] - '0');
    }
    *out = negative ? -value : value;
    return true;
}

static bool scan_decimal(struct bytes text, struct decimal *out) {
    *out = (struct decimal){.negative = text.len && text.data[0] == '-'};
    size_t start = text.len && (out->negative || text.data[0] == '+');
    size_t i = scan_digits(text, start, out), digits = i - start;
    if (i < text.len && text.data[i] == '.') {
        size_t fraction = ++i;
        i = scan_digits(text, fraction, out);
        out->power -= (int64_t)(i - fraction);
        digits += i - fraction;
    }
    if (digits == 0) return false;
    if (i == text.len) return true;
    int64_t exponent;
    if ((text.data[i] | 32) != 'e' || !scan_exponent(bytes_skip(text, i + 1), &exponent))
        return false;
    out->power += exponent;
    return true;
}

/* Clinger's fast path: integers and powers of ten that are exact doubles give a correctly rounded
 * product. "How to read floating point numbers accurately", PLDI 1990. */
static bool convert_exact(const struct decimal *in, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (in->digits > UINT64_C(1) << 53 || in->dropped || in->power < -22 || in->power > 22)
        return false;
    double value = (double)in->digits;
    value = in->power < 0 ? value / powers[-in->power] : value * powers[in->power];
    *out = in->negative ? -value : value;
    return true;
}

/* The text is known to be a number, so that only its zero at the end is missing for strtod(). */
static bool convert_any(struct bytes text, double *out) {
    char small[512], *copy = text.len < sizeof small ? small : malloc(text.len + 1);
    if (!copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *out = strtod(copy, NULL);
    if (copy != small) free(copy);
    return true;
}

static bool parse_infinity(struct bytes text, double *out) {
    bool negative = text.len && text.data[0] == '-';
    if (text.len && (negative || text.data[0] == '+')) text = bytes_skip(text, 1);
    if (!bytes_is(text, "inf") && !bytes_is(text, "infinity")) return false;
    *out = negative ? -INFINITY : INFINITY;
    return true;
}

bool number_parse_double(struct bytes text, double *out) {
    struct decimal decimal;
    double value;
    if (!scan_decimal(text, &decimal)) return parse_infinity(text, out);
    if (decimal.digits == 0) {
        value = decimal.negative ? -0.0 : 0.0;
    } else if (!convert_exact(&decimal, &value)) {
        if (!convert_any(text, &value) || isinf(value) || value == 0) return false;
    }
    *out = value;
    return true;
}

bool number_parse_long_double(struct bytes text, long double *out) {
    char copy[NUMBER_LONG_DOUBLE_MAX], *end;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    errno = 0;
    long double value = strtold(copy, &end);
    if (end != copy + text.len || isnan(value)) return false;
    if (errno == ERANGE && (isinf(value) || value == 0)) return false;
    *out = value;
    return true;
}

static unsigned count_digits(uint64_t value) {
    unsigned digits = 1;
    for (; value >= 10000; value /= 10000)
        digits += 4;
    return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t number_format_u64(char out[NUMBER_U64_MAX], uint64_t value) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    size_t len = count_digits(value);
    char *p = out + len;
    for (; value >= 100; value /= 100)
        memcpy(p -= 2, pairs + value % 100 * 2, 2);
    if (value >= 10)
        memcpy(p - 2, pairs + value * 2, 2);
    else
        p[-1] = (char)('0' + value);
    return len;
}

size_t number_format_i64(char out[NUMBER_I64_MAX], int64_t value) {
    if (value >= 0) return number_format_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + number_format_u64(out + 1, -(uint64_t)value);
}

size_t number_format_long_double(char *out, size_t cap, long double value) {
    if (isinf(value)) return 0;
    int n = snprintf(out, cap, "%.17Lf", value);
    if (n < 0 || (size_t)n >= cap) return 0;
    size_t len = (size_t)n;
    while (out[len - 1] == '0')
        len--;
    if (out[len - 1] == '.') len--;
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}
