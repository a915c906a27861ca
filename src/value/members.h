/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Members: the large form of hashes, sets and sorted sets: blocks in an arena of their own, found
 * by name through a table.
 *
 *     u8   name size   255 never stands here: 254 = a u32 follows
 *     ...  name
 *     ...  the rest, which is the type's business
 *
 * The rest must tell its own size (struct members_kind). Blocks have no alignment beyond 2 bytes,
 * and what lies behind the name has none at all. Any call that may allocate or remove may also move
 * blocks: pointers into them do not outlive it.
 *
 * Like all values, members belong to whoever holds the lock of their partition; one that is being
 * freed belongs to the thread that frees it.
 */
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "ds/arena.h"
#include "ds/table.h"
#include <string.h>

struct members_kind {
    arena_size_of *size_of; /* of a whole block */

    /* A block is somewhere else; `owner` is what members_init was given. NULL: nobody else keeps
     * references. */
    void (*moved)(void *owner, arena_ref from, arena_ref to);
};

struct members {
    struct table table;
    struct arena arena;
    const struct members_kind *kind;
    void *owner;
    uint32_t shrink_at; /* the directory index that members_tidy looks at next */
    uint32_t removed;   /* since members_tidy last looked */
};

#define MEMBERS_WIDE 254u

/* ---- the name of a block ---- */

static inline struct bytes members_name(const void *block) {
    const uint8_t *at = block;
    if (LIKELY(*at < MEMBERS_WIDE)) return bytes_make(at + 1, *at);
    uint32_t size;
    memcpy(&size, at + 1, sizeof size);
    return bytes_make(at + 1 + sizeof size, size);
}

/* Where the rest of the block begins. */
static inline void *members_rest(const void *block) {
    struct bytes name = members_name(block);
    return (void *)(uintptr_t)(name.data + name.len);
}

/* What the name takes up in a block. */
static inline size_t members_name_size(size_t length) {
    return (length < MEMBERS_WIDE ? 1 : 1 + sizeof(uint32_t)) + length;
}

/* Writes it; returns where the rest begins. */
void *members_write_name(void *block, struct bytes name);

/* ---- life ---- */

/* Allocates nothing yet; the struct must not move afterwards. */
void members_init(struct members *members, const struct members_kind *kind, void *owner);
void members_clear(struct members *members);

/* Makes `copy`, which has been initialised, hold a copy of each block. False: no memory; `copy` is
 * empty then. */
bool members_copy(const struct members *members, struct members *copy);

static inline uint64_t members_count(const struct members *members) {
    return members->table.count;
}

/* What they take from the system, without the struct itself. */
size_t members_memory(const struct members *members);

/* About how many pieces of memory members_clear gives back. */
size_t members_free_effort(const struct members *members);

/* ---- finding ---- */

static inline uint64_t members_hash(struct bytes name) {
    return hash_bytes(name.data, name.len);
}

static inline bool members_match(const void *context, const void *block) {
    const struct bytes *name = context;
    struct bytes own = members_name(block);
    return bytes_equal_short(own, *name);
}

/* The block of that name, or NULL; *slot is where it is. */
static inline void *members_find(const struct members *members, struct bytes name, uint64_t hash,
                                 struct table_slot *slot) {
    if (!table_find(&members->table, hash, members_match, &name, slot)) return NULL;
    return table_block(&members->table, slot);
}

static inline bool members_has(const struct members *members, struct bytes name) {
    struct table_slot slot;
    return members_find(members, name, members_hash(name), &slot) != NULL;
}

/* ---- before something changes ---- */

/* Who wants to know is told the block of a name before it changes or goes; NULL: it is about to
 * come. The thread's own; NULL: nobody does. */
struct members_keeper {
    void (*keep)(struct members_keeper *self, const struct members *members, struct bytes name,
                 uint64_t hash, const void *block);
};
extern _Thread_local struct members_keeper *members_keeper;

/* Types call it before they add a block and before they write to one; members_remove() does it
 * itself. */
static inline void members_keep(const struct members *members, struct bytes name, uint64_t hash,
                                const void *block) {
    if (UNLIKELY(members_keeper != NULL))
        members_keeper->keep(members_keeper, members, name, hash, block);
}

/* ---- changing ---- */

/* A block of `size` bytes in the table for a name that is not there yet: the caller lays it out at
 * once. NULL: no memory. */
void *members_add(struct members *members, uint64_t hash, size_t size, struct table_slot *slot);

/* Makes the block at the slot `size` bytes instead of its present size. What it held is kept up to
 * `keep` bytes; the caller writes the rest at once. NULL: no memory, nothing has changed. */
void *members_resize(struct members *members, struct table_slot *slot, size_t size, size_t keep);

/* Removes the block at the slot. */
void members_remove(struct members *members, struct table_slot *slot);

/* After a command that removed: gives memory back in a few bounded steps, so that what shrinks does
 * so as fast as its members go. Blocks move. */
void members_tidy(struct members *members);

/* ---- all, and some at random ---- */

/* Tells of each block. */
static inline void members_each(const struct members *members, table_visitor *visit,
                                void *context) {
    table_each(&members->table, visit, context);
}

/* As table_scan, until at least `count` blocks have been visited, or many more places than that
 * have been found empty, or it is the end. */
uint64_t members_scan(const struct members *members, uint64_t cursor, uint64_t count,
                      void (*visit)(void *context, void *block), void *context);

/* Tells of `count` different blocks at random, every choice as likely as any other; there are at
 * least that many. Costs time for `count`, or for a walk over all if that is less. False: no
 * memory, it may have told of some. */
bool members_sample(const struct members *members, uint64_t count, struct random *random,
                    table_visitor *visit, void *context);

/* One at random, each as likely as any other; there is at least one. */
void *members_random(const struct members *members, struct random *random, struct table_slot *slot);
