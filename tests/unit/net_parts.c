/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of net/ that need no socket: timers, mailboxes, output queues. */
#include "base/ensure.h"
#include "base/random.h"
#include "net/mailbox_priv.h"
#include "net/output_priv.h"
#include "net/timers_priv.h"
#include "sys/memory.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ---- timers ---- */

enum { TIMERS = 500 };

static int64_t last_due;
static unsigned fired;

static void in_order(struct net_timer *timer) {
    assert_true(timer->due_us >= last_due);
    assert_int_equal(timer->heap_index, 0);
    last_due = timer->due_us;
    fired++;
}

static void timers_fire_in_order(void **state) {
    static struct net_timer all[TIMERS];
    struct timers timers = {0};
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < TIMERS; i++) {
        all[i].fire = in_order;
        assert_true(timers_arm(&timers, &all[i], (int64_t)random_below(&random, 1000)));
    }
    for (int i = 0; i < TIMERS; i += 3)
        timers_cancel(&timers, &all[i]);
    for (int i = 1; i < TIMERS; i += 3)
        assert_true(timers_arm(&timers, &all[i], (int64_t)random_below(&random, 1000)));
    timers_fire(&timers, 499);
    assert_true(timers_next(&timers) >= 500);
    timers_fire(&timers, 1000);
    assert_int_equal(fired, TIMERS - (TIMERS + 2) / 3);
    assert_true(timers_next(&timers) == INT64_MAX);
    timers_cancel(&timers, &all[0]);
    timers_free(&timers);
}

static struct timers own;

static void again(struct net_timer *timer) {
    fired++;
    timers_arm(&own, timer, 0);
}

static void timer_that_rearms_does_not_hold_the_loop(void **state) {
    struct net_timer timer = {.fire = again};
    fired = 0;
    timers_arm(&own, &timer, 0);
    timers_fire(&own, 5);
    assert_int_equal(fired, 1);
    assert_int_equal(timer.heap_index, 1);
    timers_free(&own);
    assert_int_equal(timer.heap_index, 0);
}

static void timers_survive_lack_of_memory(void **state) {
    struct timers timers = {0};
    struct net_timer timer = {.fire = in_order};
    memory_fail_after(0);
    assert_false(timers_arm(&timers, &timer, 1));
    memory_fail_never();
    assert_int_equal(timer.heap_index, 0);
    timers_cancel(&timers, &timer);
    timers_free(&timers);
}

/* ---- mailbox ---- */

enum { POSTERS = 4, LETTERS = 5000 };

static struct mailbox box;

/* A letter is the poster's number and its place among that poster's. */
static void *post_many(void *poster) {
    for (uintptr_t i = 0; i < LETTERS; i++)
        while (mailbox_post(&box, NULL, (void *)((uintptr_t)poster * LETTERS + i)) ==
               MAIL_NO_MEMORY)
            ;
    return NULL;
}

static void mail_arrives_once_and_in_order(void **state) {
    pthread_t threads[POSTERS];
    uintptr_t expected[POSTERS] = {0};
    for (uintptr_t i = 0; i < POSTERS; i++)
        pthread_create(&threads[i], NULL, post_many, (void *)i);
    for (unsigned total = 0; total < POSTERS * LETTERS;) {
        for (struct mail *mail = mailbox_take(&box), *next; mail; mail = next) {
            next = mail->next;
            uintptr_t letter = (uintptr_t)mail->argument;
            assert_int_equal(letter % LETTERS, expected[letter / LETTERS]++);
            memory_free(mail);
            total++;
        }
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(mailbox_take(&box));
}

static void only_a_sleeper_is_woken(void **state) {
    assert_int_equal(mailbox_post(&box, NULL, NULL), MAIL_POSTED);
    assert_false(mailbox_sleep(&box));
    memory_free(mailbox_take(&box));
    assert_true(mailbox_sleep(&box));
    assert_int_equal(mailbox_post(&box, NULL, NULL), MAIL_MUST_WAKE);
    assert_int_equal(mailbox_post(&box, NULL, NULL), MAIL_POSTED);
    struct mail *first = mailbox_take(&box);
    assert_non_null(first->next);
    assert_null(first->next->next);
    memory_free(first->next);
    memory_free(first);
    assert_true(mailbox_sleep(&box));
    assert_null(mailbox_take(&box));
}

/* ---- output queues ---- */

/* The whole queue, as one text of at most `size` bytes. */
static size_t flatten(const struct output_queue *queue, char *out, size_t size) {
    struct iovec parts[64];
    size_t total = 0;
    for (int i = 0, count = output_parts(queue, UINT64_MAX, parts, ARRAY_LEN(parts)); i < count;
         i++) {
        assert_true(total + parts[i].iov_len <= size);
        memcpy(out + total, parts[i].iov_base, parts[i].iov_len);
        total += parts[i].iov_len;
    }
    return total;
}

static void output_keeps_its_bytes(void **state) {
    enum { SIZE = 100000 };
    static char sent[2 * SIZE], got[2 * SIZE];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 256);
    struct output_queue queue = {0};
    size_t at = 0;
    for (size_t step = 0; at + step <= SIZE; at += step, step += 13)
        assert_true(output_append(&queue, bytes_make(sent + at, step), 0));
    struct buffer buffer = {0};
    assert_true(buffer_append(&buffer, "skipped", 7));
    assert_true(buffer_append(&buffer, sent + at, SIZE / 2));
    assert_true(output_take(&queue, &buffer, 7, 0));
    assert_null(buffer.data);
    at += SIZE / 2;
    assert_true(output_append(&queue, bytes_make(sent + at, 99), 0));
    at += 99;
    assert_int_equal(queue.pending, at);
    assert_true(output_memory(&queue) >= at);
    for (size_t gone = 0, step = 1; gone < at; step = MIN(step * 2, at - gone)) {
        assert_int_equal(flatten(&queue, got, sizeof got), at - gone);
        assert_memory_equal(got, sent + gone, at - gone);
        output_consume(&queue, step);
        gone += step;
    }
    assert_int_equal(queue.pending, 0);
    assert_int_equal(output_blocks(&queue), 0);
    assert_null(queue.first);
}

static size_t ready_bytes(const struct output_queue *queue, uint64_t released) {
    struct iovec parts[8];
    size_t bytes = 0;
    for (int i = output_parts(queue, released, parts, ARRAY_LEN(parts)); i > 0; i--)
        bytes += parts[i - 1].iov_len;
    assert_int_equal(bytes > 0, output_is_ready(queue, released));
    return bytes;
}

/* Nothing overtakes what waits, and what waits longer does not hold back what was before it. */
static void output_waits_for_its_mark(void **state) {
    struct output_queue queue = {0};
    assert_false(output_is_ready(&queue, UINT64_MAX));
    assert_true(output_append(&queue, BYTES("free"), 0));
    assert_true(output_append(&queue, BYTES("seven"), 7));
    assert_true(output_append(&queue, BYTES("behind"), 0));
    assert_true(output_append(&queue, BYTES("nine"), 9));
    assert_int_equal(ready_bytes(&queue, 0), 4);
    assert_int_equal(ready_bytes(&queue, 6), 4);
    assert_int_equal(ready_bytes(&queue, 7), 15);
    assert_int_equal(ready_bytes(&queue, 8), 15);
    assert_int_equal(ready_bytes(&queue, 9), 19);
    output_consume(&queue, 4);
    assert_int_equal(ready_bytes(&queue, 6), 0);
    output_free(&queue);
}

static void output_survives_lack_of_memory(void **state) {
    struct output_queue queue = {0};
    char text[2000] = "text";
    memory_fail_after(0);
    assert_false(output_append(&queue, bytes_make(text, 4), 0));
    memory_fail_never();
    assert_true(output_append(&queue, bytes_make(text, 4), 0));
    memory_fail_after(0);
    assert_true(output_append(&queue, bytes_make(text, 4), 0));
    assert_false(output_append(&queue, bytes_make(text, sizeof text), 0));
    memory_fail_never();
    assert_int_equal(queue.pending, 8);
    output_free(&queue);
    assert_int_equal(queue.pending, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(timer_that_rearms_does_not_hold_the_loop),
        cmocka_unit_test(timers_survive_lack_of_memory),
        cmocka_unit_test(mail_arrives_once_and_in_order),
        cmocka_unit_test(only_a_sleeper_is_woken),
        cmocka_unit_test(output_keeps_its_bytes),
        cmocka_unit_test(output_waits_for_its_mark),
        cmocka_unit_test(output_survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
