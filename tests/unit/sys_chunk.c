/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/chunk.h"

#include "base/ensure.h"
#include "base/random.h"
#include "sys/memory.h"
#include "sys/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* With the address sanitizer, chunks are plain allocations, and where they lie says nothing. */
#ifdef __SANITIZE_ADDRESS__
enum { PLACED = 0 };
#else
enum { PLACED = 1 };
#endif

enum { BLOCK_CHUNKS = 128 };

static void hands_out_aligned_memory(void **state) {
    char *chunk = chunk_alloc();
    assert_non_null(chunk);
    assert_ptr_equal(chunk_of(chunk), chunk);
    assert_ptr_equal(chunk_of(chunk + CHUNK_SIZE - 1), chunk);
    memset(chunk, 1, CHUNK_SIZE);
    assert_int_equal(chunk_bytes_used(), CHUNK_SIZE);
    chunk_free(chunk);
    assert_int_equal(chunk_bytes_used(), 0);
}

/* The model is the list of chunks held, each filled with its own number. */
struct held {
    uint64_t *chunk;
    uint64_t number;
};

static void check_filled(const struct held *held) {
    for (size_t i = 0; i < CHUNK_SIZE / sizeof(uint64_t); i += 100)
        assert_true(held->chunk[i] == held->number);
}

static void fill(const struct held *held) {
    for (size_t i = 0; i < CHUNK_SIZE / sizeof(uint64_t); i += 100)
        held->chunk[i] = held->number;
}

static void agrees_with_a_model(void **state) {
    enum { HELD_MAX = 1000, ROUNDS = 50000 };
    static struct held held[HELD_MAX];
    size_t count = 0;
    struct random random;
    random_seed(&random, 11);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        bool growing = round / 5000 % 2 == 0;
        if (count < HELD_MAX && random_below(&random, 100) < (growing ? 70u : 30u)) {
            held[count] = (struct held){chunk_alloc(), round};
            assert_non_null(held[count].chunk);
            fill(&held[count++]);
        } else if (count) {
            size_t i = random_below(&random, count);
            check_filled(&held[i]);
            chunk_free(held[i].chunk);
            held[i] = held[--count];
        }
        assert_int_equal(chunk_bytes_used(), count * CHUNK_SIZE);
        assert_true(chunk_bytes_mapped() >= chunk_bytes_used());
    }
    for (size_t i = 0; i < count; i++) {
        check_filled(&held[i]);
        chunk_free(held[i].chunk);
    }
    chunk_trim();
    assert_int_equal(chunk_bytes_used(), 0);
    assert_int_equal(chunk_bytes_mapped(), 0);
}

static void takes_the_lowest_and_unmaps_the_highest(void **state) {
    enum { COUNT = 3 * BLOCK_CHUNKS };
    char *chunks[COUNT];
    if (!PLACED) return;
    for (size_t i = 0; i < COUNT; i++) {
        chunks[i] = chunk_alloc();
        assert_ptr_equal(chunks[i], chunks[0] + i * CHUNK_SIZE);
    }
    assert_int_equal(chunk_bytes_mapped(), COUNT * CHUNK_SIZE);
    chunk_free(chunks[300]);
    chunk_free(chunks[5]);
    assert_ptr_equal(chunk_alloc(), chunks[5]);
    assert_ptr_equal(chunk_alloc(), chunks[300]);
    for (size_t i = BLOCK_CHUNKS; i < COUNT; i++)
        chunk_free(chunks[i]);
    assert_int_equal(chunk_bytes_mapped(), 2 * BLOCK_CHUNKS * CHUNK_SIZE);
    for (size_t i = 0; i < BLOCK_CHUNKS; i++)
        chunk_free(chunks[i]);
    assert_int_equal(chunk_bytes_mapped(), BLOCK_CHUNKS * CHUNK_SIZE);
    chunk_trim();
    assert_int_equal(chunk_bytes_mapped(), 0);
}

static void gives_back_pages(void (*before_freeing)(void)) {
    enum { COUNT = 2000 };
    static struct held held[COUNT];
    if (!PLACED) return;
    for (size_t i = 0; i < COUNT; i++) {
        held[i] = (struct held){chunk_alloc(), i};
        memset(held[i].chunk, 1, CHUNK_SIZE);
        fill(&held[i]);
    }
    before_freeing();
    size_t full = memory_resident();
    for (size_t i = 0; i < COUNT; i++)
        if (i % 4) chunk_free(held[i].chunk);
    assert_true(full - memory_resident() > COUNT / 2 * CHUNK_SIZE);
    for (size_t i = 0; i < COUNT; i += 4) {
        check_filled(&held[i]);
        chunk_free(held[i].chunk);
    }
}

static void do_nothing(void) {}

static void gives_pages_back_at_once(void **state) {
    gives_back_pages(do_nothing);
}

static void gives_joined_pages_back_too(void **state) {
    gives_back_pages(chunk_join_pages);
}

static void fails_on_demand(void **state) {
    memory_fail_after(1);
    char *chunk = chunk_alloc();
    assert_non_null(chunk);
    assert_null(chunk_alloc());
    assert_true(memory_failed());
    memory_fail_never();
    chunk_free(chunk);
}

static void churn(void *arg) {
    enum { HELD = 50 };
    struct held held[HELD] = {0};
    struct random random;
    random_seed(&random, (uint64_t)(uintptr_t)arg);
    for (int round = 0; round < 10000; round++) {
        struct held *h = &held[random_below(&random, HELD)];
        if (h->chunk) {
            check_filled(h);
            chunk_free(h->chunk);
            h->chunk = NULL;
        } else {
            *h = (struct held){chunk_alloc(), random_next(&random)};
            fill(h);
        }
    }
    for (int i = 0; i < HELD; i++)
        if (held[i].chunk) chunk_free(held[i].chunk);
}

static void serves_several_threads(void **state) {
    struct thread threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(thread_start("churn", churn, (void *)(i + 1), &threads[i]), 0);
    for (size_t i = 0; i < 3; i++)
        thread_join(&threads[i]);
    assert_int_equal(chunk_bytes_used(), 0);
}

/* Blocks fill up and get holes while their pages are being joined. */
static void joins_pages_under_churn(void **state) {
    enum { COUNT = 1500 };
    static struct held held[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        held[i] = (struct held){chunk_alloc(), i};
        fill(&held[i]);
    }
    struct thread threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(thread_start("churn", churn, (void *)(i + 1), &threads[i]), 0);
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = round; i < COUNT; i += 10) {
            check_filled(&held[i]);
            chunk_free(held[i].chunk);
        }
        chunk_join_pages();
        for (size_t i = round; i < COUNT; i += 10) {
            held[i] = (struct held){chunk_alloc(), i};
            fill(&held[i]);
        }
        chunk_join_pages();
    }
    for (size_t i = 0; i < 2; i++)
        thread_join(&threads[i]);
    for (size_t i = 0; i < COUNT; i++) {
        check_filled(&held[i]);
        chunk_free(held[i].chunk);
    }
    assert_int_equal(chunk_bytes_used(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_aligned_memory),
        cmocka_unit_test(agrees_with_a_model),
        cmocka_unit_test(takes_the_lowest_and_unmaps_the_highest),
        cmocka_unit_test(gives_pages_back_at_once),
        cmocka_unit_test(gives_joined_pages_back_too),
        cmocka_unit_test(fails_on_demand),
        cmocka_unit_test(serves_several_threads),
        cmocka_unit_test(joins_pages_under_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
