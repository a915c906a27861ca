/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Memory for the arenas of the keyspace: pieces of CHUNK_SIZE bytes, aligned to their size, so that
 * the chunk of any address inside is found with a mask. They are carved from large mappings, lowest
 * address first, so that the upper mappings drain and go back to the kernel; a freed chunk's pages
 * go back at once. Any thread; one lock, calls are rare. */

#define CHUNK_SIZE ((size_t)16 * 1024)

/* NULL = no memory. The content is undefined. */
void *chunk_alloc(void) __attribute__((malloc));

void chunk_free(void *chunk);

/* The chunk that holds this address. */
static inline void *chunk_of(const void *pointer) {
    return (void *)((__UINTPTR_TYPE__)pointer & ~(CHUNK_SIZE - 1));
}

/* Bytes of the chunks handed out and not freed. */
size_t chunk_bytes_used(void);

/* Address space taken from the kernel for chunks. */
size_t chunk_bytes_mapped(void);

/* Unmaps whatever is wholly free, also what chunk_free keeps for the next allocation. */
void chunk_trim(void);

/* Asks the kernel to put full blocks of chunks (2 MiB), which lie in many small pages so far, into
 * a huge page each, so that far fewer accesses miss the TLB. Little becomes resident that is not in
 * use: the unused ends of chunks. Takes about a fifth of a millisecond for each block, in which
 * threads that touch it wait; for a thread that nobody waits for. */
void chunk_join_pages(void);
