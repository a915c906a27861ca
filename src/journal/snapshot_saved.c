/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/snapshot_saved.h"
#include "base/ensure.h"
#include "sys/memory.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

struct lane {
    struct saved_chunk *open;
} __attribute__((aligned(64)));

struct saved {
    pthread_mutex_t mutex;            /* guards the queue */
    struct saved_chunk *first, *last; /* of full ones */
    atomic_size_t bytes, peak;
    unsigned participants;
    struct lane lanes[];
};

struct saved *saved_create(unsigned participants) {
    size_t size = sizeof(struct saved) + participants * sizeof(struct lane);
    struct saved *saved = memory_alloc_aligned(_Alignof(struct saved), size);
    if (!saved) return NULL;
    memset(saved, 0, size);
    saved->participants = participants;
    pthread_mutex_init(&saved->mutex, NULL);
    return saved;
}

void saved_free(struct saved *saved) {
    struct saved_chunk *chunk;
    if (!saved) return;
    while ((chunk = saved_take(saved)))
        saved_chunk_free(saved, chunk);
    for (unsigned i = 0; i < saved->participants; i++)
        if ((chunk = saved_take_open(saved, i))) saved_chunk_free(saved, chunk);
    pthread_mutex_destroy(&saved->mutex);
    memory_free(saved);
}

/* ---- chunks ---- */

static struct saved_chunk *chunk_create(struct saved *saved, size_t capacity) {
    struct saved_chunk *chunk = memory_alloc(sizeof *chunk + capacity);
    if (!chunk) return NULL;
    *chunk = (struct saved_chunk){.capacity = capacity};
    size_t bytes = atomic_fetch_add(&saved->bytes, capacity) + capacity;
    size_t peak = atomic_load(&saved->peak);
    while (bytes > peak && !atomic_compare_exchange_weak(&saved->peak, &peak, bytes))
        continue;
    return chunk;
}

void saved_chunk_free(struct saved *saved, struct saved_chunk *chunk) {
    atomic_fetch_sub(&saved->bytes, chunk->capacity);
    memory_free(chunk);
}

static void enqueue(struct saved *saved, struct saved_chunk *chunk) {
    pthread_mutex_lock(&saved->mutex);
    if (saved->last)
        saved->last->next = chunk;
    else
        saved->first = chunk;
    saved->last = chunk;
    pthread_mutex_unlock(&saved->mutex);
}

struct saved_chunk *saved_take(struct saved *saved) {
    pthread_mutex_lock(&saved->mutex);
    struct saved_chunk *chunk = saved->first;
    if (chunk) saved->first = chunk->next;
    if (!saved->first) saved->last = NULL;
    pthread_mutex_unlock(&saved->mutex);
    if (chunk) chunk->next = NULL;
    return chunk;
}

struct saved_chunk *saved_take_open(struct saved *saved, unsigned participant) {
    struct saved_chunk *chunk = saved->lanes[participant].open;
    saved->lanes[participant].open = NULL;
    return chunk;
}

/* ---- items ---- */

static size_t item_size(size_t size) {
    return (sizeof(struct saved_item) + size + 7) & ~(size_t)7;
}

struct saved_item *saved_add(struct saved *saved, unsigned participant, size_t size) {
    struct lane *lane = &saved->lanes[participant];
    size_t wanted = item_size(size);
    if (lane->open && lane->open->capacity - lane->open->used < wanted)
        enqueue(saved, saved_take_open(saved, participant));
    if (!lane->open) lane->open = chunk_create(saved, MAX(wanted, CHUNK_SIZE));
    if (!lane->open) return NULL;
    struct saved_item *item = (void *)(lane->open->bytes + lane->open->used);
    item->size = size;
    lane->open->used += wanted;
    return item;
}

struct saved_item *saved_next(struct saved_chunk *chunk, struct saved_item *item) {
    size_t at = item ? (size_t)((char *)item - chunk->bytes) + item_size(item->size) : 0;
    return at < chunk->used ? (void *)(chunk->bytes + at) : NULL;
}

size_t saved_bytes(const struct saved *saved) {
    return atomic_load(&saved->bytes);
}

size_t saved_peak(const struct saved *saved) {
    return atomic_load(&saved->peak);
}
