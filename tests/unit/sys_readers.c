/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads look at a block that another replaces and frees all the time: they never see one that has
 * been made void. */
#include "sys/memory.h"
#include "sys/readers.h"
#include "sys/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define READERS 3
#define ROUNDS  20000
#define GOOD    0x600d600d600d600dull

struct block {
    uint64_t words[64];
};

struct shared {
    struct block *_Atomic block;
    atomic_bool ends;
    atomic_ulong looks, bad;
};

static struct block *make(void) {
    struct block *block = memory_need(sizeof *block);
    for (unsigned i = 0; i < 64; i++)
        block->words[i] = GOOD;
    return block;
}

static void look(void *argument) {
    struct shared *shared = argument;
    while (!atomic_load(&shared->ends)) {
        if (!readers_enter()) return;
        const struct block *block = atomic_load(&shared->block);
        for (unsigned i = 0; i < 64; i++)
            if (block->words[i] != GOOD) atomic_fetch_add(&shared->bad, 1);
        readers_leave();
        atomic_fetch_add(&shared->looks, 1);
    }
}

static void nobody_sees_what_is_void(void **state) {
    struct shared shared = {.block = make()};
    struct thread threads[READERS];
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(thread_start("reader", look, &shared, &threads[i]), 0);
    for (unsigned round = 0; round < ROUNDS || atomic_load(&shared.looks) < ROUNDS; round++) {
        struct block *old = atomic_exchange(&shared.block, make());
        readers_wait();
        for (unsigned i = 0; i < 64; i++)
            old->words[i] = 0;
        memory_free(old);
    }
    atomic_store(&shared.ends, true);
    for (unsigned i = 0; i < READERS; i++)
        thread_join(&threads[i]);
    memory_free(shared.block);
    assert_int_equal(shared.bad, 0);
}

static void who_does_not_read_is_not_waited_for(void **state) {
    assert_true(readers_enter());
    readers_leave();
    readers_wait();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sees_what_is_void),
        cmocka_unit_test(who_does_not_read_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
