/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second half of loading a snapshot: keys, as they were read, become entries, in lanes
 * (lanes.h). The caller's thread reads the file meanwhile.
 *
 * Nobody else is in the keyspace from inserters_add() until inserters_drain() has returned.
 */
#pragma once

#include "journal/rdb_file.h"
#include "keyspace/keyspace.h"
#include <stdbool.h>
#include <stdint.h>

struct inserters;

struct inserters_options {
    struct keyspace *keyspace;
    unsigned threads; /* fewer than there are workers; 0 = the caller's does all */
    int64_t clock_ms;
    bool replace, skip_corrupt; /* as in struct snapshot_load_options */
};

/* NULL = no memory. */
struct inserters *inserters_create(const struct inserters_options *options);

/* Ends the threads; what has not been inserted is forgotten. */
void inserters_free(struct inserters *inserters);

/* A hint: so many keys of this database are going to be added. False as above. */
bool inserters_expect(struct inserters *inserters, uint32_t db, uint64_t keys);

/* Copies the record, which is a key of a file of this version. False: a key could not be inserted,
 * this or one before. */
bool inserters_add(struct inserters *inserters, const struct rdb_record *record, unsigned version);

/* Waits until all that was added is inserted. False as above. */
bool inserters_drain(struct inserters *inserters);

/* After inserters_drain(). */
struct inserters_result {
    uint64_t keys, corrupt; /* inserted; left out */
    const char *error;      /* about the first key that could not be inserted; "" = there is none */
};
struct inserters_result inserters_result(const struct inserters *inserters);
