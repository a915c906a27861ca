/* SPDX-License-Identifier: BSD-3-Clause */
/* How the commands that know of fields' deadlines name fields and times. */
#pragma once

#include "cmd/shared_hash.h"

#define HASH_NX      (1u << 0) /* the key does not exist */
#define HASH_XX      (1u << 1)
#define HASH_FNX     (1u << 2) /* none of the fields does */
#define HASH_FXX     (1u << 3) /* all of them do */
#define HASH_KEEPTTL (1u << 4)
#define HASH_PERSIST (1u << 5)
#define HASH_EX      (1u << 6)
#define HASH_PX      (1u << 7)
#define HASH_EXAT    (1u << 8)
#define HASH_PXAT    (1u << 9)
#define HASH_EXPIRE  (HASH_EX | HASH_PX | HASH_EXAT | HASH_PXAT)

struct hash_options {
    uint32_t given;
    struct bytes when; /* of HASH_EXPIRE, still to be parsed */
    struct hash_fields fields;
};

/* [option ...] FIELDS numfields field ... from argv[2] on, or so many arguments for each field.
 * False: something is wrong with it, or an option is not among `allowed`, and that has been
 * answered. */
bool hash_options_parse(struct call *call, uint32_t allowed, unsigned stride,
                        struct hash_options *options);

/* Checks what stands behind FIELDS: the number at argv[position], and as many fields up to the end,
 * of `stride` arguments each. False: it has been answered that they do not match, with an error of
 * syntax when `as_syntax`. */
bool hash_fields_parse(struct call *call, unsigned position, unsigned stride, bool as_syntax,
                       struct hash_fields *fields);

/* FIELDS numfields field ... from argv[2] on. False as above. */
bool hash_only_fields_parse(struct call *call, bool as_syntax, struct hash_fields *fields);

/* A time in the unit of one of the options of HASH_EXPIRE, as Unix time in ms. False as above. */
bool hash_deadline_parse(struct call *call, struct bytes text, uint32_t unit, int64_t *deadline);
