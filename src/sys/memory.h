/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The process' memory. jemalloc stands behind malloc() itself, so memory from here and memory from
 * a library are the same kind. Any thread. NULL means that there is no memory: an error reply,
 * never a crash. */

void *memory_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *memory_alloc_zero(size_t size) __attribute__((malloc, alloc_size(1)));
void *memory_alloc_aligned(size_t align, size_t size) __attribute__((malloc, alloc_size(2)));

/* On NULL the old allocation is still there. */
void *memory_realloc(void *pointer, size_t size) __attribute__((alloc_size(2)));

/* NULL is fine. */
void memory_free(void *pointer);

/* How many bytes an allocation really takes. 0 for NULL. */
size_t memory_usable(const void *pointer);

/* For start-up only, where nothing can be answered yet: aborts with a message when there is no
 * memory. The first is zeroed. */
void *memory_need(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
char *memory_strdup_need(const char *text) __attribute__((malloc, returns_nonnull));

/* All in bytes. */
struct memory_stats {
    size_t allocated; /* asked for, and not given back, chunks included */
    size_t active;    /* pages that hold an allocation */
    size_t resident;  /* pages of the allocator that are in memory */
    size_t mapped;    /* address space of the allocator */
    size_t retained;  /* address space kept for later, without pages */
    size_t metadata;  /* the allocator's own */
};

/* Walks every arena of the allocator: tens of microseconds, so not for each command. */
void memory_stats(struct memory_stats *out);

/* The allocator's share of memory_stats.allocated, cheaper: refreshed at most once a millisecond.
 * Right to within the threads' caches. */
size_t memory_allocated(void);

/* What the kernel counts as this process' resident memory; one system call. */
size_t memory_resident(void);

/* The machine's memory, or the limit of the control group when that is lower. */
size_t memory_total(void);

/* Before they start: each of so many threads will find an arena of the allocator, whatever memory
 * there is by then. */
void memory_prepare_threads(unsigned threads);

/* The allocator returns its unused pages to the kernel now. Milliseconds. */
void memory_purge(void);

/* Restores in the child what fork() took: the allocator's background thread, and our own
 * descriptors. process_daemonize() calls it. */
void memory_after_fork(void);

/* "jemalloc-5.3.0", "libc". */
const char *memory_allocator_name(void);

/* The seam for tests: after `countdown` more allocations of this thread every allocation fails
 * (here, in buffers and in chunks), until memory_fail_never(). memory_failed() says whether one has
 * failed since. */
void memory_fail_after(unsigned countdown);
void memory_fail_never(void);
bool memory_failed(void);

/* For the other allocators of this folder: should this allocation fail now? */
bool memory_should_fail(void);
