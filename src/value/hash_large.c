/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/hash_large.h"
#include "ds/due.h"
#include "sys/memory.h"

/* ---- blocks ---- */

#define SHORT_MAX   250u
#define LONG        251u
#define TIMED_SHORT 252u
#define TIMED_LONG  253u
#define TIMED_MAX   UINT8_MAX

static struct bytes read_short(const char *at) {
    return bytes_make(at + 1, (uint8_t)*at);
}

static struct bytes read_long(const char *at) {
    uint32_t size;
    memcpy(&size, at, sizeof size);
    return bytes_make(at + sizeof size, size);
}

struct hash_field hash_large_field(const void *block) {
    const char *at = members_rest(block);
    unsigned head = (uint8_t)*at++;
    struct hash_field field = {.deadline = HASH_STAYS};
    if (LIKELY(head <= SHORT_MAX)) {
        field.value = bytes_make(at, head);
    } else if (head == LONG) {
        field.value = read_long(at);
    } else {
        memcpy(&field.deadline, at, sizeof field.deadline);
        at += sizeof field.deadline;
        field.value = head == TIMED_SHORT ? read_short(at) : read_long(at);
    }
    return field;
}

static size_t size_of(const void *block) {
    struct hash_field field = hash_large_field(block);
    return (size_t)(field.value.data + field.value.len - (const char *)block);
}

static size_t rest_size(size_t value, int64_t deadline) {
    if (deadline == HASH_STAYS) return (value <= SHORT_MAX ? 1 : 1 + sizeof(uint32_t)) + value;
    return 1 + sizeof deadline + (value <= TIMED_MAX ? 1 : sizeof(uint32_t)) + value;
}

static void write_rest(char *at, struct bytes value, int64_t deadline) {
    uint32_t size = (uint32_t)value.len;
    if (deadline != HASH_STAYS) {
        *at++ = (char)(size <= TIMED_MAX ? TIMED_SHORT : TIMED_LONG);
        memcpy(at, &deadline, sizeof deadline);
        at += sizeof deadline;
        if (size <= TIMED_MAX) *at++ = (char)size;
    } else {
        *at++ = (char)(size <= SHORT_MAX ? size : LONG);
    }
    if (size > (deadline == HASH_STAYS ? SHORT_MAX : TIMED_MAX)) {
        memcpy(at, &size, sizeof size);
        at += sizeof size;
    }
    if (size) memcpy(at, value.data, size);
}

/* ---- life ---- */

static const struct members_kind kind = {.size_of = size_of};
_Static_assert(offsetof(struct hash_large, members) == 0, "value_ops.restore");

struct hash_large *hash_large_create(int64_t now_ms) {
    struct hash_large *hash = memory_alloc_zero(sizeof *hash);
    if (!hash) return NULL;
    members_init(&hash->members, &kind, NULL);
    hash->earliest = INT64_MAX;
    hash->pass_began_ms = now_ms;
    return hash;
}

void hash_large_free(void *object) {
    struct hash_large *hash = object;
    members_clear(&hash->members);
    memory_free(hash);
}

/* ---- changing ---- */

static void note(struct hash_large *hash, struct table_bucket *bucket, int64_t deadline,
                 int64_t now_ms) {
    due_note(bucket, deadline, now_ms);
    int64_t until = due_until(bucket, now_ms);
    hash->earliest = MIN(hash->earliest, until);
    hash->pass_earliest = MIN(hash->pass_earliest, until);
}

static enum hash_outcome add(struct hash_large *hash, uint64_t hashed, struct bytes field,
                             struct bytes value, int64_t deadline, int64_t now_ms) {
    struct table_slot slot;
    size_t size = members_name_size(field.len) + rest_size(value.len, deadline);
    members_keep(&hash->members, field, hashed, NULL);
    void *block = members_add(&hash->members, hashed, size, &slot);
    if (!block) return HASH_NO_MEMORY;
    write_rest(members_write_name(block, field), value, deadline);
    if (UNLIKELY(deadline != HASH_STAYS)) {
        hash->with_deadline++;
        note(hash, slot.bucket, deadline, now_ms);
    }
    return HASH_ADDED;
}

void *hash_large_copy(const void *object) {
    const struct hash_large *hash = object;
    struct hash_large *copy = memory_alloc(sizeof *copy);
    if (!copy) return NULL;
    *copy = *hash;
    members_init(&copy->members, &kind, NULL);
    if (members_copy(&hash->members, &copy->members)) return copy;
    memory_free(copy);
    return NULL;
}

enum hash_outcome hash_large_set(struct hash_large *hash, struct bytes field, struct bytes value,
                                 int64_t deadline, int64_t now_ms, bool *revived) {
    struct table_slot slot;
    uint64_t hashed = members_hash(field);
    void *block = members_find(&hash->members, field, hashed, &slot);
    if (!block)
        return add(hash, hashed, field, value, deadline == HASH_KEEPS ? HASH_STAYS : deadline,
                   now_ms);
    members_keep(&hash->members, field, hashed, block);
    struct hash_field old = hash_large_field(block);
    bool expired = hash_has_expired(old.deadline, now_ms);
    if (deadline == HASH_KEEPS) deadline = expired ? HASH_STAYS : old.deadline;
    size_t name = members_name_size(field.len), size = name + rest_size(value.len, deadline);
    if (name + rest_size(old.value.len, old.deadline) != size) {
        block = members_resize(&hash->members, &slot, size, name);
        if (!block) return HASH_NO_MEMORY;
    }
    write_rest((char *)block + name, value, deadline);
    hash->with_deadline -= old.deadline != HASH_STAYS;
    if (UNLIKELY(deadline != HASH_STAYS)) {
        hash->with_deadline++;
        note(hash, slot.bucket, deadline, now_ms);
    }
    if (UNLIKELY(expired)) *revived = true;
    return expired ? HASH_ADDED : HASH_CHANGED;
}

static void remove_at(struct hash_large *hash, struct table_slot *slot, int64_t deadline) {
    hash->with_deadline -= deadline != HASH_STAYS;
    members_remove(&hash->members, slot);
}

enum hash_outcome hash_large_remove(struct hash_large *hash, struct bytes field, bool expired,
                                    int64_t now_ms) {
    struct table_slot slot;
    const void *block = members_find(&hash->members, field, members_hash(field), &slot);
    if (!block) return HASH_ABSENT;
    int64_t deadline = hash_large_field(block).deadline;
    if (hash_has_expired(deadline, now_ms) != expired) return HASH_ABSENT;
    remove_at(hash, &slot, deadline);
    members_tidy(&hash->members);
    return HASH_CHANGED;
}

bool hash_large_restore(void *object, struct bytes field, const void *block, int64_t now_ms) {
    struct hash_large *hash = object;
    struct table_slot slot;
    if (block) {
        struct hash_field was = hash_large_field(block);
        bool revived;
        return hash_large_set(hash, field, was.value, was.deadline, now_ms, &revived) !=
               HASH_NO_MEMORY;
    }
    const void *present = members_find(&hash->members, field, members_hash(field), &slot);
    if (present) remove_at(hash, &slot, hash_large_field(present).deadline);
    return true;
}

/* ---- expiry ---- */

#define SEGMENTS_AT_ONCE 32 /* some tens of microseconds when nothing is due in them */

int64_t hash_large_deadline(const struct hash_large *hash) {
    if (!hash->with_deadline) return INT64_MAX;
    if (hash->passing) return INT64_MIN;
    return MIN(hash->earliest, hash->pass_began_ms + DUE_BLIND_MS);
}

static void begin_pass(struct hash_large *hash, int64_t now_ms) {
    int64_t gap = now_ms - hash->pass_began_ms;
    hash->passing = true;
    hash->blind = gap < 0 || gap > DUE_BLIND_MS;
    hash->pass_began_ms = now_ms;
    hash->pass_earliest = INT64_MAX;
    hash->pass_at = 0;
}

static void end_pass(struct hash_large *hash) {
    hash->passing = false;
    hash->earliest = hash->pass_earliest;
}

struct expiring {
    struct hash_large *hash;
    int64_t now_ms;
    value_visitor *visit;
    void *context;
    unsigned removed, most;
};

/* False: enough for now; the bucket is to be looked at again. */
static bool expire_bucket(struct expiring *expiring, struct table_segment *segment,
                          struct table_bucket *bucket) {
    struct hash_large *hash = expiring->hash;
    bucket->due = 0;
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        if (!bucket->tag[i]) continue;
        const void *block = arena_at(&hash->members.arena, bucket->ref[i]);
        int64_t deadline = hash_large_field(block).deadline;
        if (deadline == HASH_STAYS) continue;
        if (!hash_has_expired(deadline, expiring->now_ms)) {
            due_note(bucket, deadline, expiring->now_ms);
            continue;
        }
        struct bytes name = members_name(block);
        if (expiring->removed == expiring->most || !expiring->visit(expiring->context, name)) {
            due_note(bucket, deadline, expiring->now_ms);
            return false;
        }
        struct table_slot slot = {segment, bucket, i, members_hash(name)};
        remove_at(hash, &slot, deadline);
        expiring->removed++;
    }
    return true;
}

static bool expire_segment(struct expiring *expiring, struct table_segment *segment) {
    struct hash_large *hash = expiring->hash;
    for (unsigned b = 0; b < segment->buckets; b++) {
        struct table_bucket *bucket = &segment->bucket[b];
        if (!bucket->due) continue;
        if ((hash->blind || due_reached(bucket, expiring->now_ms)) &&
            !expire_bucket(expiring, segment, bucket))
            return false;
        if (bucket->due)
            hash->pass_earliest = MIN(hash->pass_earliest, due_until(bucket, expiring->now_ms));
    }
    return true;
}

unsigned hash_large_expire(struct hash_large *hash, int64_t now_ms, unsigned most,
                           value_visitor *visit, void *context) {
    struct expiring expiring = {hash, now_ms, visit, context, 0, most};
    if (hash_large_deadline(hash) >= now_ms) return 0;
    if (!hash->passing) begin_pass(hash, now_ms);
    const struct table *table = &hash->members.table;
    for (unsigned segments = 0; segments < SEGMENTS_AT_ONCE; segments++) {
        unsigned shift = TABLE_MAX_DEPTH - table->depth, next;
        unsigned index = hash->pass_at >> shift;
        if (index >= table_directory_size(table)) {
            end_pass(hash);
            break;
        }
        if (!expire_segment(&expiring, table_segment_at(table, index, &next))) break;
        hash->pass_at = next << shift;
    }
    members_tidy(&hash->members);
    return expiring.removed;
}
