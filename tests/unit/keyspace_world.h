/* SPDX-License-Identifier: BSD-3-Clause */
/* A keyspace to test: made, checked through and through, and freed. */
#pragma once

#include "keyspace/keyspace_priv.h"

struct world {
    struct gate *gate;
    struct keyspace *keyspace;
    struct view view; /* of worker 0; tests move its clock and change its database */
};

#define WORLD_BEGAN_MS 1700000000123

/* With `workers` workers, and the directives as they are at start. */
struct world *world_create(unsigned databases, unsigned workers);

/* Checks that no chunk is left over: for the last one; and without that. */
void world_free(struct world *world);
void world_drop(struct world *world);

/* Fails the test when any invariant of tables, arenas, deadlines or counters is broken. Nobody else
 * is in the keyspace. */
void world_check(const struct world *world);

/* Stores a string, which must work. */
void world_set(struct world *world, const struct key *key, struct bytes value, int64_t expiry);

/* Both have the key with the same string and expiry, or neither has it. */
void world_expect_same(struct world *one, struct world *other, const struct key *key);

/* A name of `len` bytes in one of four partitions, the same for the same number; it is put into
 * `room`. Few partitions make large tables out of few keys. */
struct key world_key(unsigned number, size_t len, char *room);
