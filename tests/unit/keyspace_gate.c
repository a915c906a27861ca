/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate, by threads that write down in plain variables who is where. If two of them overlapped,
 * the variables would tell, and so would the thread sanitizer.
 */
#include "keyspace/keyspace_priv.h"
#include "sys/thread.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS    4u
#define PARTITIONS 12u /* few, so that threads meet */
#define NOBODY     99u

struct yard {
    struct gate *gate;
    unsigned rounds;
    unsigned upgraders; /* the first so many threads ask for exclusive mode while they hold some */
    atomic_uint ready;
    /* Guarded by the gate. */
    unsigned holder[PARTITIONS];
    uint64_t visits[PARTITIONS];
    uint64_t exclusive_visits;
};

struct visitor {
    struct yard *yard;
    unsigned number;
    struct random random;
    uint64_t visits, exclusive_visits; /* its own share of the yard's */
    struct thread thread;
};

static void stroll(struct visitor *v) {
    if (random_below(&v->random, 64) == 0) sched_yield();
}

/* Nobody holds anything meanwhile but, if the caller does, those who wait for the same. */
static void stay_alone(struct visitor *v, bool upgraded, unsigned depth) {
    struct yard *yard = v->yard;
    ensure(gate_is_exclusive(yard->gate, v->number));
    for (unsigned p = 0; p < PARTITIONS; p++) {
        unsigned holder = yard->holder[p];
        ensure(holder == NOBODY || (upgraded && holder < yard->upgraders));
        yard->visits[p]++;
        v->visits++;
    }
    yard->exclusive_visits++;
    v->exclusive_visits++;
    stroll(v);
    if (depth == 0) return;
    gate_exclusive_begin(yard->gate, v->number);
    stay_alone(v, upgraded, depth - 1);
    gate_exclusive_end(yard->gate, v->number);
    ensure(gate_is_exclusive(yard->gate, v->number));
}

static void go_alone(struct visitor *v, bool upgraded) {
    gate_exclusive_begin(v->yard->gate, v->number);
    stay_alone(v, upgraded, (unsigned)random_below(&v->random, 3));
    /* Locks are nothing in exclusive mode. */
    struct gate_hold hold;
    struct key key = {.hash = 3ull << (64 - PARTITION_BITS)};
    gate_lock(v->yard->gate, v->number, &hold, &key, 1);
    gate_unlock(v->yard->gate, &hold);
    gate_yield(v->yard->gate, v->number);
    gate_exclusive_end(v->yard->gate, v->number);
    ensure(!gate_is_exclusive(v->yard->gate, v->number));
}

static void visit_partitions(struct visitor *v) {
    struct yard *yard = v->yard;
    struct key keys[8];
    struct gate_hold hold;
    unsigned count = 1 + (unsigned)random_below(&v->random, ARRAY_LEN(keys));
    uint64_t held = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t partition = random_below(&v->random, PARTITIONS);
        keys[i].hash =
            partition << (64 - PARTITION_BITS) | random_next(&v->random) >> PARTITION_BITS;
        held |= 1ull << partition;
    }
    gate_lock(yard->gate, v->number, &hold, keys, count);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!(held >> p & 1)) continue;
        ensure(yard->holder[p] == NOBODY);
        yard->holder[p] = v->number;
        yard->visits[p]++;
        v->visits++;
    }
    stroll(v);
    if (v->number < yard->upgraders && random_below(&v->random, 8) == 0) go_alone(v, true);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        if (!(held >> p & 1)) continue;
        ensure(yard->holder[p] == v->number);
        yard->holder[p] = NOBODY;
    }
    gate_unlock(yard->gate, &hold);
}

static void look_into_one(struct visitor *v) {
    struct gate *gate = v->yard->gate;
    unsigned p = (unsigned)random_below(&v->random, PARTITIONS);
    bool wait = random_below(&v->random, 2);
    if (wait)
        partition_lock(gate, v->number, p);
    else if (!partition_try_lock(gate, v->number, p))
        return;
    ensure(v->yard->holder[p] == NOBODY);
    v->yard->visits[p]++;
    v->visits++;
    partition_unlock(gate, v->number, p);
}

static void wander(void *argument) {
    struct visitor *v = argument;
    struct yard *yard = v->yard;
    yard->ready++;
    while (yard->ready < THREADS)
        sched_yield();
    for (unsigned round = 0; round < yard->rounds; round++) {
        gate_enter(yard->gate, v->number);
        for (unsigned commands = (unsigned)random_below(&v->random, 20); commands; commands--) {
            switch (random_below(&v->random, 16)) {
            case 0: go_alone(v, false); break;
            case 1:
            case 2:
            case 3: look_into_one(v); break;
            default: visit_partitions(v); break;
            }
            gate_yield(yard->gate, v->number);
        }
        gate_leave(yard->gate, v->number);
        if (random_below(&v->random, 100) == 0) usleep(100);
    }
}

static void let_wander(unsigned upgraders, unsigned rounds) {
    static struct visitor visitors[THREADS];
    struct yard yard = {.gate = gate_create(THREADS, 0), .rounds = rounds, .upgraders = upgraders};
    for (unsigned p = 0; p < PARTITIONS; p++)
        yard.holder[p] = NOBODY;
    for (unsigned i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.yard = &yard, .number = i};
        random_seed(&visitors[i].random, i + upgraders * 10);
        assert_int_equal(thread_start("visitor", wander, &visitors[i], &visitors[i].thread), 0);
    }
    uint64_t visits = 0, counted = 0, exclusive_visits = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(&visitors[i].thread);
        visits += visitors[i].visits;
        exclusive_visits += visitors[i].exclusive_visits;
    }
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_int_equal(yard.holder[p], NOBODY);
        counted += yard.visits[p];
    }
    assert_int_equal(counted, visits);
    assert_int_equal(yard.exclusive_visits, exclusive_visits);
    gate_free(yard.gate);
}

static void commands_exclude_each_other(void **state) {
    let_wander(0, 3000);
}

static void who_holds_partitions_is_let_alone_with_all_of_them(void **state) {
    let_wander(1, 3000);
}

static void several_that_hold_partitions_take_turns(void **state) {
    let_wander(THREADS, 3000);
}

/* ---- one participant ---- */

static void one_participant_needs_no_lock(void **state) {
    struct gate *gate = gate_create(1, 0);
    struct key key = key_make(BYTES("key"));
    struct gate_hold hold;
    gate_enter(gate, 0);
    assert_true(gate_is_exclusive(gate, 0));
    gate_lock(gate, 0, &hold, &key, 1);
    assert_int_equal(hold.count, 0);
    gate_exclusive_begin(gate, 0);
    gate_exclusive_end(gate, 0);
    gate_unlock(gate, &hold);
    gate_yield(gate, 0);
    gate_leave(gate, 0);
    gate_free(gate);
}

/* ---- in the middle of a command ---- */

struct pair {
    struct gate *gate;
    atomic_bool holds, asked;
    unsigned steps; /* of the command of participant 0, guarded by partition 5 */
};

/* Asks for exclusive mode while the other one is in the middle of a command. */
static void ask_early(void *argument) {
    struct pair *pair = argument;
    gate_enter(pair->gate, 1);
    while (!pair->holds)
        sched_yield();
    pair->asked = true;
    gate_exclusive_begin(pair->gate, 1);
    ensure(pair->steps == 2);
    gate_exclusive_end(pair->gate, 1);
    gate_leave(pair->gate, 1);
}

static void a_command_is_not_cut_in_two_by_who_asked_first(void **state) {
    struct pair pair = {.gate = gate_create(2, 0)};
    struct thread thread;
    struct gate_hold hold;
    struct key key = {.hash = 5ull << (64 - PARTITION_BITS)};
    assert_int_equal(thread_start("early", ask_early, &pair, &thread), 0);
    gate_enter(pair.gate, 0);
    gate_lock(pair.gate, 0, &hold, &key, 1);
    pair.steps = 1;
    pair.holds = true;
    while (!pair.asked)
        sched_yield();
    usleep(20000); /* until it stands in line */
    gate_exclusive_begin(pair.gate, 0);
    pair.steps = 2;
    gate_exclusive_end(pair.gate, 0);
    gate_unlock(pair.gate, &hold);
    gate_leave(pair.gate, 0);
    thread_join(&thread);
    gate_free(pair.gate);
}

/* ---- a guest of a lone worker ---- */

struct visit {
    struct gate *gate;
    atomic_bool over;
    uint64_t locked, unlocked; /* the worker's commands, by how they ran */
    uint64_t touched;          /* guarded by partition 5, or by there being nobody else */
};

static void touch(struct visit *visit) {
    uint64_t before = visit->touched;
    sched_yield();
    visit->touched = before + 1;
}

static void be_guest(void *argument) {
    struct visit *visit = argument;
    for (unsigned i = 0; i < 300; i++) {
        gate_attach(visit->gate, 1);
        for (unsigned j = 0; j < 5; j++) {
            gate_enter(visit->gate, 1);
            partition_lock(visit->gate, 1, 5);
            touch(visit);
            partition_unlock(visit->gate, 1, 5);
            gate_leave(visit->gate, 1);
        }
        gate_detach(visit->gate, 1);
        usleep(10);
    }
    visit->over = true;
}

static void a_guest_and_a_lone_worker_exclude_each_other(void **state) {
    struct visit visit = {.gate = gate_create(1, 1)};
    struct thread thread;
    struct gate_hold hold;
    struct key key = {.hash = 5ull << (64 - PARTITION_BITS)};
    assert_int_equal(thread_start("guest", be_guest, &visit, &thread), 0);
    while (!visit.over) {
        gate_enter(visit.gate, 0);
        for (unsigned i = 0; i < 10; i++) {
            gate_lock(visit.gate, 0, &hold, &key, 1);
            touch(&visit);
            if (i == 5) {
                gate_exclusive_begin(visit.gate, 0);
                gate_exclusive_end(visit.gate, 0);
            }
            *(hold.count ? &visit.locked : &visit.unlocked) += 1;
            gate_unlock(visit.gate, &hold);
            gate_yield(visit.gate, 0);
        }
        gate_leave(visit.gate, 0);
    }
    thread_join(&thread);
    assert_int_equal(visit.touched, visit.locked + visit.unlocked + 300 * 5);
    assert_true(visit.unlocked > 0);
    gate_free(visit.gate);
}

/* ---- busy ---- */

struct impatient {
    struct gate *gate;
    struct key key;
    atomic_uint came_in, gave_up;
    struct thread thread;
};

/* Two things that it cannot have while the other one is busy. */
static void ask_in_vain(void *argument) {
    struct impatient *i = argument;
    struct gate_hold hold;
    gate_enter(i->gate, 1);
    i->came_in++;
    if (!gate_lock_unless_busy(i->gate, 1, &hold, &i->key, 1)) i->gave_up++;
    if (!gate_exclusive_begin_unless_busy(i->gate, 1)) i->gave_up++;
    gate_leave(i->gate, 1);
}

static void who_waits_for_one_who_is_busy_gives_up(void **state) {
    struct impatient i = {.gate = gate_create(2, 0), .key = key_make(BYTES("key"))};
    struct gate_hold hold;
    gate_enter(i.gate, 0);
    gate_lock(i.gate, 0, &hold, &i.key, 1);
    assert_int_equal(thread_start("impatient", ask_in_vain, &i, &i.thread), 0);
    while (!i.came_in)
        sched_yield();
    usleep(2000);
    assert_int_equal(i.gave_up, 0);
    gate_busy_begin(i.gate);
    thread_join(&i.thread);
    assert_int_equal(i.gave_up, 2);
    gate_busy_end(i.gate);
    gate_unlock(i.gate, &hold);
    assert_true(gate_exclusive_begin_unless_busy(i.gate, 0));
    gate_exclusive_end(i.gate, 0);
    gate_leave(i.gate, 0);
    gate_free(i.gate);
}

static void look_in(void *argument) {
    struct impatient *i = argument;
    gate_enter(i->gate, 1);
    ensure(gate_is_busy(i->gate) && !gate_is_exclusive(i->gate, 1));
    i->came_in++;
    gate_leave(i->gate, 1);
}

static void the_owner_who_is_busy_lends_the_gate(void **state) {
    struct impatient i = {.gate = gate_create(2, 0)};
    gate_enter(i.gate, 0);
    gate_exclusive_begin(i.gate, 0);
    uint64_t generation = gate_generation(i.gate);
    assert_int_equal(thread_start("impatient", look_in, &i, &i.thread), 0);
    usleep(2000);
    assert_int_equal(i.came_in, 0);
    gate_busy_begin(i.gate);
    while (!i.came_in)
        gate_lend(i.gate, 0);
    gate_busy_end(i.gate);
    assert_true(gate_is_exclusive(i.gate, 0));
    assert_int_equal(gate_generation(i.gate), generation);
    gate_exclusive_end(i.gate, 0);
    gate_leave(i.gate, 0);
    thread_join(&i.thread);
    gate_free(i.gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_exclude_each_other),
        cmocka_unit_test(who_holds_partitions_is_let_alone_with_all_of_them),
        cmocka_unit_test(several_that_hold_partitions_take_turns),
        cmocka_unit_test(one_participant_needs_no_lock),
        cmocka_unit_test(a_command_is_not_cut_in_two_by_who_asked_first),
        cmocka_unit_test(a_guest_and_a_lone_worker_exclude_each_other),
        cmocka_unit_test(who_waits_for_one_who_is_busy_gives_up),
        cmocka_unit_test(the_owner_who_is_busy_lends_the_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
