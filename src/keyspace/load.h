/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting in what was there before: keys of a snapshot, without change records. The partition is
 * locked, or nobody else is in the keyspace. */
#pragma once

#include "keyspace/keyspace.h"

enum load_outcome { LOAD_DONE, LOAD_IS_THERE, LOAD_NO_MEMORY };

/* An object is taken over if it is done. `expiry` as in an entry; seconds that the key has not been
 * used, or its frequency, -1 = not known. */
struct load_key {
    struct key key;
    uint32_t db;
    int64_t expiry, idle, frequency;
    bool replace; /* what is there */
};
enum load_outcome keyspace_load(struct view *view, const struct load_key *load,
                                const struct value *value);

/* A hint: so many keys are going to be loaded into the database. Nobody else is in the keyspace. */
void keyspace_load_expect(struct keyspace *keyspace, uint32_t db, uint64_t keys);

/* A hint: keyspace_load() is going to look for the key. */
void keyspace_load_prefetch(const struct keyspace *keyspace, const struct load_key *load);

/* Between true and false, while nobody else is in the keyspace: much is going to be stored, and it
 * is better to be fast than to need little memory at once. */
void keyspace_load_much(bool much);

/* Takes everything out of all databases, without records of it. Exclusive mode. */
void keyspace_empty(struct view *view);
