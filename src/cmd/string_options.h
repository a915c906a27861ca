/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that SET, MSETEX and GETEX share: conditions, and when the key expires. */
#pragma once

#include "exec/call.h"

#define STRING_NX      (1u << 0)
#define STRING_XX      (1u << 1)
#define STRING_IFEQ    (1u << 2)
#define STRING_GET     (1u << 3)
#define STRING_KEEPTTL (1u << 4)
#define STRING_PERSIST (1u << 5)
#define STRING_EX      (1u << 6)
#define STRING_PX      (1u << 7)
#define STRING_EXAT    (1u << 8)
#define STRING_PXAT    (1u << 9)
#define STRING_EXPIRE  (STRING_EX | STRING_PX | STRING_EXAT | STRING_PXAT)

struct string_options {
    uint32_t given;        /* a bit for each option */
    struct bytes expected; /* IFEQ's */
    int64_t expiry;        /* ms; EXPIRY_KEEP for KEEPTTL, EXPIRY_NONE without */
};

/* Parses argv from `first` to the end. False: something is wrong with it, or an option is not among
 * `allowed`, and that has been answered. */
bool string_options_parse(struct call *call, unsigned first, uint32_t allowed,
                          struct string_options *out);

/* A time to live, or a time of expiry, in the unit of one of the options of STRING_EXPIRE. False as
 * above. */
bool string_expiry_parse(struct call *call, struct bytes text, uint32_t unit, int64_t *out);
