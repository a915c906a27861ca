/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/chunk.h"

#include "base/ensure.h"
#include "sys/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic size_t used_bytes;
static _Atomic size_t mapped_bytes;

size_t chunk_bytes_used(void) {
    return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}

size_t chunk_bytes_mapped(void) {
    return atomic_load_explicit(&mapped_bytes, memory_order_relaxed);
}

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)

/* Each chunk an allocation of its own, so that the sanitizer sees overruns and use after free. */

void *chunk_alloc(void) {
    void *chunk = memory_alloc_aligned(CHUNK_SIZE, CHUNK_SIZE);
    if (!chunk) return NULL;
    used_bytes += CHUNK_SIZE;
    mapped_bytes += CHUNK_SIZE;
    return chunk;
}

void chunk_free(void *chunk) {
    used_bytes -= CHUNK_SIZE;
    mapped_bytes -= CHUNK_SIZE;
    memory_free(chunk);
}

void chunk_trim(void) {}

void chunk_join_pages(void) {}

#else

/* All chunks lie in one region of address space, reserved once without memory behind it, so that a
 * chunk's place in the bookkeeping follows from its address. The region is cut into blocks, which
 * are mapped (readable and writable) when the first of their chunks is handed out, and unmapped
 * when the last comes back.
 *
 * Invariants, under the lock:
 * 1. bit c of blocks[b].taken is set if and only if chunk c of block b is handed out.
 * 2. bit b of full is set if and only if all bits of blocks[b].taken are.
 * 3. all blocks below lowest_open are full.
 * 4. a block with a chunk handed out is mapped; of the others only `spare` is, so that a program
 *    that frees and allocates one chunk at a block's edge does not remap it each time. (If the
 *    kernel refuses to unmap one, it stays mapped without pages.)
 * 5. bit b of huge is set only while the kernel may keep block b in one huge page, which is while
 *    all of its chunks are handed out. */

enum {
    BLOCK_SIZE =
        2 << 20, /* what one page of page tables covers, so that unmapping frees that too */
    BLOCK_CHUNKS = BLOCK_SIZE / CHUNK_SIZE,
    WORD_BITS = 64,
    /* The topmost blocks hold the chunks that are still being filled: a huge page would make their
     * untouched pages resident. */
    SMALL_PAGE_BLOCKS = 4,
};

#ifndef MADV_COLLAPSE /* Linux 6.1 */
#define MADV_COLLAPSE 25
#endif

_Static_assert(BLOCK_CHUNKS == 2 * WORD_BITS, "struct block has a bit for each chunk");

struct block {
    uint64_t taken[2];
};

#define NO_BLOCK SIZE_MAX

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *region; /* NULL = not reserved yet */
static size_t block_count;
static struct block *blocks;
static uint64_t *full, *mapped, *huge; /* bitmaps over the blocks */
static size_t lowest_open;
static size_t spare = NO_BLOCK;

static bool bit_test(const uint64_t *bits, size_t i) {
    return bits[i / WORD_BITS] >> i % WORD_BITS & 1;
}

static void bit_set(uint64_t *bits, size_t i) {
    bits[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

static void bit_clear(uint64_t *bits, size_t i) {
    bits[i / WORD_BITS] &= ~(UINT64_C(1) << i % WORD_BITS);
}

static void *reserve(size_t size, int protection) {
    void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* In a block with free chunks a huge page would come back whole when one of them is used again, and
 * undo what freeing the others gave back. */
static void avoid_huge_pages(void *start, size_t size) {
    madvise(start, size, MADV_NOHUGEPAGE);
}

/* Address space is reserved for several times the machine's memory: room for swap, and for memory
 * that is added while running. Where so much is refused, half is asked for. */
static char *reserve_region(size_t *size) {
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    for (*size = ALIGN_UP(MAX(4 * memory, (size_t)64 << 30), BLOCK_SIZE * WORD_BITS);
         *size >= BLOCK_SIZE * WORD_BITS;
         *size = *size / 2 & ~(size_t)(BLOCK_SIZE * WORD_BITS - 1)) {
        char *start = reserve(*size + BLOCK_SIZE, PROT_NONE);
        if (start) return (char *)ALIGN_UP((uintptr_t)start, BLOCK_SIZE);
    }
    return NULL;
}

static bool start(void) {
    size_t size;
    char *reserved = reserve_region(&size);
    if (!reserved) return false;
    size_t count = size / BLOCK_SIZE, bitmap = count / WORD_BITS * sizeof *full;
    char *books = reserve(count * sizeof *blocks + 3 * bitmap, PROT_READ | PROT_WRITE);
    if (!books) {
        munmap(reserved, size);
        return false;
    }
    avoid_huge_pages(reserved, size);
    blocks = (struct block *)(void *)books;
    full = (uint64_t *)(void *)(books + count * sizeof *blocks);
    mapped = full + count / WORD_BITS;
    huge = mapped + count / WORD_BITS;
    block_count = count;
    region = reserved;
    return true;
}

static char *block_start(size_t b) {
    return region + b * BLOCK_SIZE;
}

static bool is_empty(size_t b) {
    return (blocks[b].taken[0] | blocks[b].taken[1]) == 0;
}

static bool map_block(size_t b) {
    if (bit_test(mapped, b)) return true;
    if (mprotect(block_start(b), BLOCK_SIZE, PROT_READ | PROT_WRITE) != 0) return false;
    bit_set(mapped, b);
    mapped_bytes += BLOCK_SIZE;
    return true;
}

static void unmap_block(size_t b) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(block_start(b), BLOCK_SIZE, PROT_NONE, flags, -1, 0) == MAP_FAILED) return;
    avoid_huge_pages(block_start(b), BLOCK_SIZE);
    bit_clear(mapped, b);
    mapped_bytes -= BLOCK_SIZE;
}

/* The lowest block with a free chunk, or NO_BLOCK. */
static size_t find_open(void) {
    for (size_t word = lowest_open / WORD_BITS; word < block_count / WORD_BITS; word++)
        if (~full[word]) return word * WORD_BITS + (size_t)__builtin_ctzll(~full[word]);
    return NO_BLOCK;
}

static size_t take_lowest(size_t b) {
    uint64_t *taken = blocks[b].taken;
    size_t word = ~taken[0] ? 0 : 1;
    size_t c = word * WORD_BITS + (size_t)__builtin_ctzll(~taken[word]);
    bit_set(taken, c);
    if (!~taken[0] && !~taken[1]) bit_set(full, b);
    return c;
}

static void *alloc_locked(void) {
    if (!region && !start()) return NULL;
    size_t b = find_open();
    if (b == NO_BLOCK || !map_block(b)) return NULL;
    lowest_open = b;
    if (b == spare) spare = NO_BLOCK;
    used_bytes += CHUNK_SIZE;
    return block_start(b) + take_lowest(b) * CHUNK_SIZE;
}

void *chunk_alloc(void) {
    if (memory_should_fail()) return NULL;
    pthread_mutex_lock(&lock);
    void *chunk = alloc_locked();
    pthread_mutex_unlock(&lock);
    return chunk;
}

/* Of two wholly free blocks the lower stays mapped. */
static void retire_block(size_t b) {
    if (spare == NO_BLOCK) {
        spare = b;
        return;
    }
    unmap_block(MAX(b, spare));
    spare = MIN(b, spare);
}

static void leave_huge_page(size_t b) {
    bit_clear(huge, b);
    avoid_huge_pages(block_start(b), BLOCK_SIZE);
}

void chunk_free(void *chunk) {
    size_t offset = (size_t)((char *)chunk - region);
    size_t b = offset / BLOCK_SIZE, c = offset % BLOCK_SIZE / CHUNK_SIZE;
    ensure(b < block_count && offset % CHUNK_SIZE == 0);
    madvise(chunk, CHUNK_SIZE, MADV_DONTNEED);
    pthread_mutex_lock(&lock);
    ensure(bit_test(blocks[b].taken, c));
    bit_clear(blocks[b].taken, c);
    bit_clear(full, b);
    if (bit_test(huge, b)) leave_huge_page(b);
    lowest_open = MIN(lowest_open, b);
    used_bytes -= CHUNK_SIZE;
    if (is_empty(b)) retire_block(b);
    pthread_mutex_unlock(&lock);
}

/* ---- huge pages ---- */

/* The lowest full block that may have a huge page and has none, or NO_BLOCK. */
static size_t find_ripe(void) {
    size_t end = used_bytes / BLOCK_SIZE;
    end = end > SMALL_PAGE_BLOCKS ? end - SMALL_PAGE_BLOCKS : 0;
    for (size_t word = 0; word * WORD_BITS < end; word++) {
        uint64_t ripe = full[word] & ~huge[word];
        if (!ripe) continue;
        size_t b = word * WORD_BITS + (size_t)__builtin_ctzll(ripe);
        return b < end ? b : NO_BLOCK;
    }
    return NO_BLOCK;
}

/* What was freed while the kernel made the page has come back with it. */
static void drop_free_chunks(size_t b) {
    for (size_t c = 0; c < BLOCK_CHUNKS; c++)
        if (!bit_test(blocks[b].taken, c))
            madvise(block_start(b) + c * CHUNK_SIZE, CHUNK_SIZE, MADV_DONTNEED);
}

static void join_block(size_t b) {
    char *start = block_start(b);
    if (madvise(start, BLOCK_SIZE, MADV_HUGEPAGE) == 0) madvise(start, BLOCK_SIZE, MADV_COLLAPSE);
    pthread_mutex_lock(&lock);
    if (!bit_test(full, b)) {
        avoid_huge_pages(start, BLOCK_SIZE);
        if (bit_test(mapped, b)) drop_free_chunks(b);
    }
    pthread_mutex_unlock(&lock);
}

void chunk_join_pages(void) {
    for (;;) {
        pthread_mutex_lock(&lock);
        size_t b = region ? find_ripe() : NO_BLOCK;
        if (b != NO_BLOCK) bit_set(huge, b);
        pthread_mutex_unlock(&lock);
        if (b == NO_BLOCK) return;
        join_block(b);
    }
}

void chunk_trim(void) {
    pthread_mutex_lock(&lock);
    if (spare != NO_BLOCK) unmap_block(spare);
    spare = NO_BLOCK;
    pthread_mutex_unlock(&lock);
}

#endif
