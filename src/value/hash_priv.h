/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of hashes share: the layout of small ones. */
#pragma once

#include "value/hash_large.h"

/* Elements of the pack for each field. */
static inline unsigned hash_stride(const struct value *hash) {
    return hash_has_deadlines(hash) ? 3 : 2;
}

static inline struct hash_large *hash_large_of(const struct value *hash) {
    return hash->object;
}

/* The place of a small hash's field, or PACK_NONE. */
static inline size_t hash_pack_find(const struct value *hash, struct bytes field) {
    return pack_find(hash->small, pack_first(hash->small), field, hash_stride(hash) - 1);
}

/* The deadline of the field whose value is at this place. */
int64_t hash_pack_deadline(const struct value *hash, size_t value_at);

/* The place of the field after that whose value is at this place, or PACK_NONE. */
size_t hash_pack_next(const struct value *hash, size_t value_at);
