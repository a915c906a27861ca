/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/memory.h"

#include "base/buffer.h"
#include "base/ensure.h"
#include "base/log.h"
#include "sys/cgroup_priv.h"
#include "sys/chunk.h"
#include "sys/clock.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The seam for tests. `failing` keeps everybody else from looking at the thread's own state. */
static _Atomic bool failing;
static _Thread_local bool armed, failed;
static _Thread_local unsigned allocations_left;

bool memory_should_fail(void) {
    if (LIKELY(!atomic_load_explicit(&failing, memory_order_relaxed)) || !armed) return false;
    if (allocations_left) {
        allocations_left--;
        return false;
    }
    failed = true;
    return true;
}

void memory_fail_after(unsigned countdown) {
    allocations_left = countdown;
    failed = false;
    armed = true;
    failing = true;
    buffer_set_realloc(memory_realloc);
}

void memory_fail_never(void) {
    armed = false;
    failing = false;
    buffer_set_realloc(NULL);
}

bool memory_failed(void) {
    return failed;
}

void *memory_alloc(size_t size) {
    return memory_should_fail() ? NULL : malloc(size);
}

void *memory_alloc_zero(size_t size) {
    return memory_should_fail() ? NULL : calloc(1, size);
}

void *memory_alloc_aligned(size_t align, size_t size) {
    return memory_should_fail() ? NULL : aligned_alloc(align, ALIGN_UP(size, align));
}

void *memory_realloc(void *pointer, size_t size) {
    return memory_should_fail() ? NULL : realloc(pointer, size);
}

void memory_free(void *pointer) {
    free(pointer);
}

size_t memory_usable(const void *pointer) {
    return malloc_usable_size((void *)pointer);
}

void *memory_need(size_t size) {
    void *pointer = calloc(1, size);
    if (!pointer) {
        log_warning("Out of memory: %zu bytes are needed to go on", size);
        abort();
    }
    return pointer;
}

char *memory_strdup_need(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(memory_need(size), text, size);
}

#ifdef STRATA_JEMALLOC
#include <jemalloc/jemalloc.h>

/* Read by jemalloc when it starts. A background thread gives unused pages back, so that no command
 * pays for it, and it does so within a second (the default is ten): limits hold on resident memory,
 * which therefore must follow what is freed. Muzzy pages (MADV_FREE) still count as resident until
 * the kernel runs short, so that state is skipped. */
extern const char *malloc_conf;
__attribute__((visibility("default"))) const char *malloc_conf =
    "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

static size_t read_counter(const char *name) {
    size_t value = 0, size = sizeof value;
    mallctl(name, &value, &size, NULL, 0);
    return value;
}

/* The counters are a copy that advancing the epoch renews. */
static void renew_counters(void) {
    uint64_t epoch = 1;
    mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
}

static void allocator_stats(struct memory_stats *out) {
    renew_counters();
    out->allocated = read_counter("stats.allocated");
    out->active = read_counter("stats.active");
    out->resident = read_counter("stats.resident");
    out->mapped = read_counter("stats.mapped");
    out->retained = read_counter("stats.retained");
    out->metadata = read_counter("stats.metadata");
}

static size_t allocator_allocated(void) {
    renew_counters();
    return read_counter("stats.allocated");
}

static void allocator_after_fork(void) {
    bool on = true;
    mallctl("background_thread", NULL, NULL, &on, sizeof on);
}

/* A new thread takes an arena that no thread has, or one that does not exist yet. jemalloc 5.3
 * crashes when there is no memory to make that one. */
void memory_prepare_threads(unsigned threads) {
    unsigned arenas = 0, own = 0;
    size_t size = sizeof arenas;
    mallctl("opt.narenas", &arenas, &size, NULL, 0);
    mallctl("thread.arena", &own, &size, NULL, 0);
    for (unsigned i = 0; i < MIN(arenas, threads); i++)
        mallctl("thread.arena", NULL, NULL, &i, sizeof i);
    mallctl("thread.arena", NULL, NULL, &own, sizeof own);
}

void memory_purge(void) {
    char name[64];
    snprintf(name, sizeof name, "arena.%d.purge", MALLCTL_ARENAS_ALL);
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl(name, NULL, NULL, NULL, 0);
}

const char *memory_allocator_name(void) {
#define TEXT(x)    #x
#define TEXT_OF(x) TEXT(x)
    return "jemalloc-" TEXT_OF(JEMALLOC_VERSION_MAJOR) "." TEXT_OF(
        JEMALLOC_VERSION_MINOR) "." TEXT_OF(JEMALLOC_VERSION_BUGFIX);
}

#else

static void allocator_stats(struct memory_stats *out) {
    struct mallinfo2 info = mallinfo2();
    out->allocated = info.uordblks + info.hblkhd;
    out->active = out->allocated;
    out->resident = out->mapped = info.arena + info.hblkhd;
    out->retained = 0;
    out->metadata = 0;
}

static size_t allocator_allocated(void) {
    struct memory_stats stats;
    allocator_stats(&stats);
    return stats.allocated;
}

static void allocator_after_fork(void) {}

void memory_prepare_threads(unsigned threads) {}

void memory_purge(void) {
    malloc_trim(0);
}

const char *memory_allocator_name(void) {
    return "libc";
}

#endif

void memory_stats(struct memory_stats *out) {
    allocator_stats(out);
    out->allocated += chunk_bytes_used();
    out->active += chunk_bytes_used();
    out->resident += chunk_bytes_used();
    out->mapped += chunk_bytes_mapped();
}

size_t memory_allocated(void) {
    static _Atomic int64_t renewed_us;
    static _Atomic size_t value;
    int64_t now = clock_mono_us(), last = renewed_us;
    if (now - last >= 1000 && atomic_compare_exchange_strong(&renewed_us, &last, now))
        value = allocator_allocated();
    return value;
}

/* -1 = not open. In a child it would go on showing the parent. */
static _Atomic int statm = -1;

static int open_statm(void) {
    int fd = statm, none = -1;
    if (fd >= 0) return fd;
    fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !atomic_compare_exchange_strong(&statm, &none, fd)) {
        close(fd);
        fd = none;
    }
    return fd;
}

size_t memory_resident(void) {
    char text[128];
    int fd = open_statm();
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = 0;
    size_t pages = 0;
    sscanf(text, "%*u %zu", &pages);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

void memory_after_fork(void) {
    int fd = atomic_exchange(&statm, -1);
    if (fd >= 0) close(fd);
    allocator_after_fork();
}

size_t memory_total(void) {
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return (size_t)MIN(machine, cgroup_memory_limit());
}
