/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/memory.h"

#include "base/buffer.h"
#include "sys/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void allocates(void **state) {
    char *p = memory_alloc_zero(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    assert_true(memory_usable(p) >= 100);
    assert_int_equal(memory_usable(NULL), 0);
    p = memory_realloc(p, 10000);
    assert_int_equal(p[99], 0);
    memory_free(p);
    memory_free(NULL);
    p = memory_alloc_aligned(64, 100);
    assert_int_equal((uintptr_t)p % 64, 0);
    memory_free(p);
    p = memory_strdup_need("text");
    assert_string_equal(p, "text");
    memory_free(p);
}

static void fails_on_demand(void **state) {
    memory_fail_after(2);
    void *first = memory_alloc(1), *second = memory_alloc_zero(1);
    assert_non_null(first);
    assert_non_null(second);
    assert_false(memory_failed());
    assert_null(memory_alloc(1));
    assert_null(memory_alloc_aligned(16, 16));
    assert_null(memory_realloc(first, 100));
    struct buffer buffer = {0};
    assert_false(buffer_append(&buffer, "x", 1));
    assert_true(memory_failed());
    memory_fail_never();
    assert_true(buffer_append(&buffer, "x", 1));
    buffer_free(&buffer);
    memory_free(first);
    memory_free(second);
}

static void counts(void **state) {
    enum { SIZE = 32 << 20 };
    struct memory_stats before, after;
    memory_stats(&before);
    size_t resident = memory_resident();
    char *p = memory_alloc(SIZE);
    memset(p, 1, SIZE);
    memory_stats(&after);
#ifdef STRATA_JEMALLOC
    assert_in_range(after.allocated - before.allocated, SIZE, SIZE + SIZE / 8);
    assert_true(after.resident >= after.active && after.active >= after.allocated);
    int64_t start = clock_mono_us();
    while (clock_mono_us() - start < 1100)
        continue;
    assert_true(memory_allocated() >= SIZE);
#endif
    assert_true(memory_resident() >= resident + SIZE / 2);
    memory_free(p);
}

#ifdef STRATA_JEMALLOC
/* Within seconds, and with nobody allocating: the background thread does it. */
static void returns_memory_by_itself(void **state) {
    enum { SIZE = 1000, COUNT = 50000 };
    static char *pieces[COUNT];
    size_t before = memory_resident();
    for (int i = 0; i < COUNT; i++)
        memset(pieces[i] = memory_alloc(SIZE), 1, SIZE);
    size_t full = memory_resident();
    assert_true(full - before > (size_t)SIZE * COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        memory_free(pieces[i]);
    int64_t start = clock_mono_us();
    while (memory_resident() > before + (full - before) / 4 && clock_mono_us() - start < 8000000)
        usleep(50000);
    assert_true(memory_resident() <= before + (full - before) / 4);
}
#endif

static void knows_the_machine(void **state) {
    assert_true(memory_total() > (size_t)16 << 20);
    assert_true(strlen(memory_allocator_name()) > 0);
    memory_purge();
    memory_after_fork();
    assert_true(memory_resident() > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocates),
        cmocka_unit_test(fails_on_demand),
        cmocka_unit_test(counts),
#ifdef STRATA_JEMALLOC
        cmocka_unit_test(returns_memory_by_itself),
#endif
        cmocka_unit_test(knows_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
