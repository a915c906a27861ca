/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has been saved for a snapshot and is not yet in its file: copies of entries, and records
 * that are serialised already. Each participant of the gate fills chunks of its own without any
 * lock; a full chunk goes to a queue, from which whoever writes the file takes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct saved;

enum saved_kind {
    SAVED_ENTRY,  /* the block of an entry, without an object */
    SAVED_RECORD, /* bytes for the file */
};

struct saved_item {
    size_t size;
    uint32_t db;
    enum saved_kind kind;
    char bytes[] __attribute__((aligned(8)));
};

struct saved_chunk {
    struct saved_chunk *next;
    size_t used, capacity;
    char bytes[] __attribute__((aligned(8)));
};

/* NULL = no memory. */
struct saved *saved_create(unsigned participants);
void saved_free(struct saved *saved);

/* Room for an item of the participant's, which its thread fills before it adds another. NULL = no
 * memory. */
struct saved_item *saved_add(struct saved *saved, unsigned participant, size_t size);

/* A full chunk, the caller's to free; NULL = there is none. */
struct saved_chunk *saved_take(struct saved *saved);

/* The chunk that the participant is filling, by its own thread or while nobody else is in the
 * keyspace; NULL = there is none. */
struct saved_chunk *saved_take_open(struct saved *saved, unsigned participant);
void saved_chunk_free(struct saved *saved, struct saved_chunk *chunk);

/* The item behind this one; NULL begins, and ends. */
struct saved_item *saved_next(struct saved_chunk *chunk, struct saved_item *item);

/* Bytes in all chunks, now and at most so far. */
size_t saved_bytes(const struct saved *saved);
size_t saved_peak(const struct saved *saved);
