/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/entry.h"

#define WIDE_SIZE 255u

static size_t size_bytes(size_t n) {
    return n < WIDE_SIZE ? 1 : 1 + sizeof(uint32_t);
}

static char *write_size(char *at, size_t n) {
    if (n < WIDE_SIZE) {
        *at = (char)n;
        return at + 1;
    }
    uint32_t wide = (uint32_t)n;
    *at = (char)WIDE_SIZE;
    memcpy(at + 1, &wide, sizeof wide);
    return at + 1 + sizeof wide;
}

size_t entry_size_for(size_t key, size_t value, bool has_expiry, bool object) {
    size_t size = sizeof(struct entry) + size_bytes(key) + key + (has_expiry ? sizeof(int64_t) : 0);
    return size + (object ? sizeof(void *) : size_bytes(value) + value);
}

size_t entry_size(const struct entry *e) {
    struct entry_view v = entry_decode(e);
    return (size_t)(v.value.data + v.value.len - (const char *)e);
}

char *entry_lay_out(struct entry *e, uint32_t head, struct bytes key, size_t value_size,
                    int64_t expiry) {
    bool has_expiry = expiry != EXPIRY_NONE;
    e->head = (head & ~ENTRY_HAS_EXPIRY) | (has_expiry ? ENTRY_HAS_EXPIRY : 0);
    char *at = write_size((char *)e->rest, key.len);
    if (!(head & ENTRY_OBJECT)) at = write_size(at, value_size);
    if (has_expiry) {
        memcpy(at, &expiry, sizeof expiry);
        at += sizeof expiry;
    }
    if (key.len) memcpy(at, key.data, key.len);
    return at + key.len;
}

bool entry_rewrite(struct entry *e, uint32_t head, size_t value_size, int64_t expiry) {
    struct entry_view v = entry_decode(e);
    bool same_shape = (v.expiry != EXPIRY_NONE) == (expiry != EXPIRY_NONE) && !entry_is_object(e) &&
                      !(head & ENTRY_OBJECT) && size_bytes(v.value.len) == size_bytes(value_size);
    if (!same_shape) return false;
    e->head = (head & ~ENTRY_HAS_EXPIRY) | (e->head & ENTRY_HAS_EXPIRY);
    char *at = (char *)e->rest + size_bytes(v.key.len);
    at = write_size(at, value_size);
    if (expiry != EXPIRY_NONE) memcpy(at, &expiry, sizeof expiry);
    return true;
}
