/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* An assertion that release builds keep: it guards data. On failure it logs place and expression,
 * and aborts. */
#define ensure(condition)                                                                          \
    (LIKELY(condition) ? (void)0 : ensure_failed(__FILE__, __LINE__, #condition))

/* Marks what a bug alone could reach; aborts if it is. */
#define unreachable_code() ensure_failed(__FILE__, __LINE__, "unreachable code")

void ensure_failed(const char *file, int line, const char *expression)
    __attribute__((noreturn, cold));

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* `align` is a power of two. */
#define ALIGN_UP(n, align) (((n) + ((__typeof__(n))(align)-1)) & ~((__typeof__(n))(align)-1))

/* The struct that holds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* sys/param.h has them too, evaluating an argument twice. */
#undef MIN
#undef MAX
#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) min_a_ = (a);                                                                \
        __typeof__(b) min_b_ = (b);                                                                \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) max_a_ = (a);                                                                \
        __typeof__(b) max_b_ = (b);                                                                \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })
