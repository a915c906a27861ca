/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"

#include <math.h>

/* Grisu2: Florian Loitsch, "Printing floating-point numbers quickly and accurately with integers",
 * PLDI 2010. The text always reads back as the same double, and is the shortest for all but one in
 * a thousand, for which a digit more is written. Clients see these very digits from other servers,
 * which use the same algorithm, so an always-shortest one (Ryu, Schubfach) would differ. */

/* A number f * 2^e. */
struct wide {
    uint64_t f;
    int e;
};

enum {
    FRACTION_BITS = 52,
    EXPONENT_BIAS = 1023 + FRACTION_BITS,
    DIGITS_MAX = 17,
    POWER_FIRST = -348, /* powers_of_ten holds every POWER_STEP-th power of ten from here */
    POWER_STEP = 8,
    SCALED_EXPONENT_MIN =
        -60, /* the paper's alpha: the scaled number has few bits before the point */
};

static const uint64_t HIDDEN_BIT = UINT64_C(1) << FRACTION_BITS;

/* The fractions f, normalised and rounded, of 10^k = f * 2^e. */
static const uint64_t powers_of_ten[] = {
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
};

static struct wide power_of_ten(int k) {
    /* e = floor(k * log2(10)) - 63; 217706 / 2^16 is close enough for |k| < 500 */
    return (struct wide){powers_of_ten[(k - POWER_FIRST) / POWER_STEP], ((k * 217706) >> 16) - 63};
}

/* The smallest tabulated k for which numbers of exponent e, times 10^k, reach SCALED_EXPONENT_MIN.
 */
static int scaling_power(int e) {
    int k = (int)ceil((SCALED_EXPONENT_MIN - 1 - e) * 0.30102999566398114);
    return POWER_FIRST + (k - POWER_FIRST + POWER_STEP - 1) / POWER_STEP * POWER_STEP;
}

static struct wide normalise(struct wide x) {
    int shift = __builtin_clzll(x.f);
    return (struct wide){x.f << shift, x.e - shift};
}

static struct wide multiply(struct wide a, struct wide b) {
    unsigned __int128 product = (unsigned __int128)a.f * b.f + (UINT64_C(1) << 63);
    return (struct wide){(uint64_t)(product >> 64), a.e + b.e + 64};
}

static struct wide of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
    if (exponent == 0) return (struct wide){fraction, 1 - EXPONENT_BIAS};
    return (struct wide){fraction | HIDDEN_BIT, exponent - EXPONENT_BIAS};
}

/* The state of digit generation. All four are in the same unit, and are scaled together. */
struct digits {
    char *text;
    int count;
    uint64_t delta;    /* the width of the interval of numbers that read back as ours */
    uint64_t distance; /* from the interval's upper end down to our number */
};

/* Lowers the last digit while that comes nearer to our number: `rest` is what the digits so far
 * leave of the upper end, `unit` the weight of the last digit. */
static void round_last(struct digits *d, uint64_t rest, uint64_t unit) {
    while (rest < d->distance && d->delta - rest >= unit &&
           (rest + unit < d->distance || d->distance - rest > rest + unit - d->distance)) {
        d->text[d->count - 1]--;
        rest += unit;
    }
}

static void put_digit(struct digits *d, unsigned digit) {
    if (digit || d->count) d->text[d->count++] = (char)('0' + digit);
}

/* Writes the shortest digits that stay within delta below `upper`; returns the power of ten that
 * the last one stands for. */
static int generate(struct digits *d, struct wide upper) {
    int point = -upper.e;
    uint64_t one = UINT64_C(1) << point;
    uint64_t fraction = upper.f & (one - 1);
    uint32_t integer = (uint32_t)(upper.f >> point);
    uint32_t weight = 1000000000;
    for (int power = 9; power >= 0; power--, weight /= 10) {
        put_digit(d, integer / weight);
        integer %= weight;
        uint64_t rest = ((uint64_t)integer << point) + fraction;
        if (rest <= d->delta) {
            round_last(d, rest, (uint64_t)weight << point);
            return power;
        }
    }
    for (int power = -1;; power--) {
        fraction *= 10;
        d->delta *= 10;
        d->distance *= 10;
        put_digit(d, (unsigned)(fraction >> point));
        fraction &= one - 1;
        if (fraction < d->delta) {
            round_last(d, fraction, one);
            return power;
        }
    }
}

/* Digits and power of ten of a positive finite value. Returns the number of digits. */
static int shortest(double value, char digits[DIGITS_MAX + 1], int *power) {
    struct wide w = of_double(value);
    struct wide upper = normalise((struct wide){2 * w.f + 1, w.e - 1});
    int closer = w.f == HIDDEN_BIT; /* below a power of two, neighbours are twice as close */
    struct wide lower = {(w.f << (1 + closer)) - 1, w.e - 1 - closer};
    lower.f <<= lower.e - upper.e;
    int k = scaling_power(upper.e);
    struct wide scale = power_of_ten(k);
    w = multiply(normalise(w), scale);
    upper = multiply(upper, scale);
    lower.e = upper.e;
    lower = multiply((struct wide){lower.f, 0}, scale);
    upper.f--; /* the products may be one off: stay inside */
    lower.f++;
    struct digits d = {digits, 0, upper.f - lower.f, upper.f - w.f};
    *power = generate(&d, upper) - k;
    return d.count;
}

static char *put(char *out, const char *data, size_t n) {
    memcpy(out, data, n);
    return out + n;
}

static char *put_zeros(char *out, int n) {
    memset(out, '0', (size_t)n);
    return out + n;
}

static char *put_scientific(char *out, const char *digits, int count, int exponent) {
    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        out = put(out, digits + 1, (size_t)count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    return out + number_format_u64(out, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

/* Digits times 10^power, plainly while that needs few extra zeros. */
static char *put_decimal(char *out, const char *digits, int count, int power) {
    int exponent = count - 1 + power; /* of the first digit */
    if (power >= 0 && exponent < count + 7)
        return put_zeros(put(out, digits, (size_t)count), power);
    if (power >= 0 || (power <= -7 && (exponent >= 4 || exponent <= -4)))
        return put_scientific(out, digits, count, exponent);
    if (exponent < 0) {
        out = put_zeros(put(out, "0.", 2), -exponent - 1);
        return put(out, digits, (size_t)count);
    }
    out = put(out, digits, (size_t)exponent + 1);
    *out++ = '.';
    return put(out, digits + exponent + 1, (size_t)(count - exponent - 1));
}

/* `whole`: up to here all digits of whole numbers are written; at least 0. */
static size_t format_double(char out[NUMBER_DOUBLE_MAX], double value, double whole) {
    char *end = out;
    if (isnan(value)) return (size_t)(put(out, "nan", 3) - out);
    if (signbit(value)) *end++ = '-';
    double magnitude = fabs(value);
    if (isinf(value)) return (size_t)(put(end, "inf", 3) - out);
    if (magnitude <= whole && magnitude == (double)(uint64_t)magnitude)
        return (size_t)(end - out) + number_format_u64(end, (uint64_t)magnitude);
    char digits[DIGITS_MAX + 1];
    int power, count = shortest(magnitude, digits, &power);
    return (size_t)(put_decimal(end, digits, count, power) - out);
}

size_t number_format_double(char out[NUMBER_DOUBLE_MAX], double value) {
    return format_double(out, value, 0x1p62);
}

size_t number_format_shortest(char out[NUMBER_DOUBLE_MAX], double value) {
    return format_double(out, value, 0);
}
