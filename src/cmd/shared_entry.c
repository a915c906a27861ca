/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_entry.h"
#include "base/number.h"

static const char *const type_names[TYPE_COUNT] = {
    [TYPE_STRING] = "string", [TYPE_LIST] = "list", [TYPE_SET] = "set",
    [TYPE_ZSET] = "zset",     [TYPE_HASH] = "hash", [TYPE_STREAM] = "stream",
};

const char *entry_type_name(enum value_type type) {
    return type_names[type];
}

enum value_type entry_type_named(struct bytes name) {
    unsigned type = 0;
    while (type < TYPE_COUNT && !bytes_is(name, type_names[type]))
        type++;
    return (enum value_type)type;
}

/* Valkey keeps key and value in one allocation, and says so, where the two, their headers and an
 * expiry fit into 128 bytes. */
static bool fits_one_allocation(const struct entry_view *v) {
    size_t limit = v->key.len < 32 ? 113 : 111;
    size_t expiry = v->expiry == EXPIRY_NONE ? 0 : sizeof v->expiry;
    return v->key.len + v->value.len + expiry <= limit;
}

const char *entry_encoding(const struct entry *e) {
    if (entry_type(e) != TYPE_STRING) {
        struct value value = entry_value(e);
        return value_ops(value.type)->encoding(&value);
    }
    if (e->head & ENTRY_RAW) return "raw";
    struct entry_view v = entry_decode(e);
    int64_t number;
    if (number_parse_i64(v.value, &number)) return "int";
    return fits_one_allocation(&v) ? "embstr" : "raw";
}
