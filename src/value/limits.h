/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up to where a collection is small. Set by the directives of these names (cmd/limits.c), in
 * exclusive mode; read by the types.
 */
#pragma once

#include <stdint.h>

struct value_limits {
    int64_t hash_max_listpack_entries; /* fields */
    int64_t hash_max_listpack_value;   /* bytes of a field or a value */
    int64_t hll_sparse_max_bytes;      /* of the string */
    int64_t list_max_listpack_size;    /* elements, or -1 to -5 for 4, 8, 16, 32, 64 KB of a node */
    int64_t set_max_intset_entries;
    int64_t set_max_listpack_entries;
    int64_t set_max_listpack_value;
    int64_t stream_node_max_bytes;     /* of a node; 0 = no limit */
    int64_t stream_node_max_entries;   /* in a node; 0 = no limit */
    int64_t zset_max_listpack_entries; /* members */
    int64_t zset_max_listpack_value;   /* bytes of a member */
};

extern struct value_limits value_limits;
