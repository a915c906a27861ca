/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/limits.h"

/* What the directives start from, for programs that read no configuration. */
struct value_limits value_limits = {
    .hash_max_listpack_entries = 512,
    .hash_max_listpack_value = 64,
    .hll_sparse_max_bytes = 3000,
    .list_max_listpack_size = -2,
    .set_max_intset_entries = 512,
    .set_max_listpack_entries = 128,
    .set_max_listpack_value = 64,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 100,
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
};
