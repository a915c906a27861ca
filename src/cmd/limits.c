/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/limits.h"
#include "cmd/families.h"
#include "config/config.h"
#include "value/rdb.h"

static const struct config_row rows[] = {
    {"hash-max-listpack-entries", "hash-max-ziplist-entries", CONFIG_INTEGER,
     .value = &value_limits.hash_max_listpack_entries, .initial = "512", .max = INT64_MAX},
    {"hash-max-listpack-value", "hash-max-ziplist-value", CONFIG_MEMORY,
     .value = &value_limits.hash_max_listpack_value, .initial = "64", .max = INT64_MAX},
    {"hll-sparse-max-bytes", .type = CONFIG_MEMORY, .value = &value_limits.hll_sparse_max_bytes,
     .initial = "3000", .max = INT64_MAX},
    {"list-max-listpack-size", "list-max-ziplist-size", CONFIG_INTEGER,
     .value = &value_limits.list_max_listpack_size, .initial = "-2", .min = INT32_MIN,
     .max = INT32_MAX},
    {"rdbcompression", .type = CONFIG_BOOL, .value = &rdb_compression, .initial = "yes"},
    {"set-max-intset-entries", .type = CONFIG_INTEGER,
     .value = &value_limits.set_max_intset_entries, .initial = "512", .max = INT64_MAX},
    {"set-max-listpack-entries", .type = CONFIG_INTEGER,
     .value = &value_limits.set_max_listpack_entries, .initial = "128", .max = INT64_MAX},
    {"set-max-listpack-value", .type = CONFIG_INTEGER,
     .value = &value_limits.set_max_listpack_value, .initial = "64", .max = INT64_MAX},
    {"stream-node-max-bytes", .type = CONFIG_MEMORY, .value = &value_limits.stream_node_max_bytes,
     .initial = "4096", .max = INT64_MAX},
    {"stream-node-max-entries", .type = CONFIG_INTEGER,
     .value = &value_limits.stream_node_max_entries, .initial = "100", .max = INT64_MAX},
    {"zset-max-listpack-entries", "zset-max-ziplist-entries", CONFIG_INTEGER,
     .value = &value_limits.zset_max_listpack_entries, .initial = "128", .max = INT64_MAX},
    {"zset-max-listpack-value", "zset-max-ziplist-value", CONFIG_MEMORY,
     .value = &value_limits.zset_max_listpack_value, .initial = "64", .max = INT64_MAX},
    {0},
};

void limits_register(void) {
    config_register(rows);
}
