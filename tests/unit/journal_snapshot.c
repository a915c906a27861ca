/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshots, taken while threads write: each shows one instant. The keys are accounts, and every
 * unit of work moves money from one to another with both partitions locked, so at every instant the
 * sum is the same; a large list gets an element at each end in one unit, so both ends always agree.
 */
#include "base/number.h"
#include "journal/snapshot.h"
#include "keyspace/epoch.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include "value/list.h"
#include "value/types.h"
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS  2u
#define ACCOUNTS 5000u
#define BALANCE  1000
#define ELEMENTS 3000u

struct bank {
    struct world *world;
    atomic_bool begun, over; /* `begun` is for who must not be before the instant */
    atomic_uint overwritten; /* keys */
};

struct clerk {
    struct bank *bank;
    unsigned worker;
    struct thread thread;
    struct buffer scratch;
};

static struct key account_key(unsigned number, char room[32]) {
    return key_make(bytes_make(room, (size_t)snprintf(room, 32, "account:%u", number)));
}

static int64_t balance_of(struct view *view, const struct key *key, struct spot *spot) {
    int64_t balance = 0;
    const struct entry *e = keyspace_seek(view, key, spot);
    if (e) assert_true(number_parse_i64(entry_string(e), &balance));
    return balance;
}

static void store_balance(struct view *view, const struct key *key, int64_t balance) {
    char text[64] = {0}; /* accounts differ in size */
    struct spot spot;
    keyspace_seek(view, key, &spot);
    size_t n = number_format_i64(text, balance);
    struct string_store store = {.value = bytes_make(text, n), .expiry = EXPIRY_NONE};
    assert_true(keyspace_store_string(view, &spot, &store));
}

/* ---- units of work ---- */

static void transfer(struct view *view, struct gate *gate, struct random *random) {
    char rooms[2][32];
    struct spot spot;
    struct key keys[2] = {account_key((unsigned)random_below(random, ACCOUNTS), rooms[0]),
                          account_key((unsigned)random_below(random, ACCOUNTS), rooms[1])};
    if (bytes_equal(keys[0].name, keys[1].name)) return;
    struct gate_hold hold;
    int64_t sum = (int64_t)random_below(random, 100000);
    gate_lock(gate, view->worker, &hold, keys, 2);
    int64_t from = balance_of(view, &keys[0], &spot), to = balance_of(view, &keys[1], &spot);
    store_balance(view, &keys[0], from - sum);
    store_balance(view, &keys[1], to + sum);
    gate_unlock(gate, &hold);
}

static void push(struct view *view, struct buffer *scratch, const struct key *key,
                 struct bytes text) {
    struct spot spot;
    struct list_edit edit;
    const struct entry *e = keyspace_seek(view, key, &spot);
    struct value value = e ? entry_value(e) : (struct value){0};
    assert_true(list_edit_begin(&edit, e ? &value : NULL, scratch));
    assert_true(list_edit_prepare(&edit, 2, 2 * text.len, text.len));
    assert_true(list_edit_push(&edit, LIST_LEFT, text));
    assert_true(list_edit_push(&edit, LIST_RIGHT, text));
    value = list_edit_value(&edit);
    assert_true(keyspace_put(view, &spot, &value, &(struct edit){0}));
}

static void push_to_a_list(struct view *view, struct gate *gate, struct random *random,
                           struct buffer *scratch) {
    char room[32], text[32];
    struct key key = key_make(bytes_make(
        room, (size_t)snprintf(room, 32, "list:%u", (unsigned)random_below(random, 20))));
    size_t n = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)random_next(random));
    struct gate_hold hold;
    /* As commands do, but not all. */
    if (random_below(random, 2) && keyspace_epoch_delays(view, &key)) return;
    gate_lock(gate, view->worker, &hold, &key, 1);
    push(view, scratch, &key, bytes_make(text, n));
    gate_unlock(gate, &hold);
}

/* Account 0 goes and comes back, in two units. */
static void clerk_works(void *context) {
    struct clerk *clerk = context;
    struct world *world = clerk->bank->world;
    struct view view = world->view;
    struct random random;
    random_seed(&random, clerk->worker + 1);
    view.worker = clerk->worker;
    view.counters = keyspace_counters_of(world->keyspace, clerk->worker);
    while (!atomic_load(&clerk->bank->over)) {
        gate_enter(world->gate, clerk->worker);
        for (unsigned i = 0; i < 20; i++) {
            transfer(&view, world->gate, &random);
            if (i % 4 == 0) push_to_a_list(&view, world->gate, &random, &clerk->scratch);
            gate_yield(world->gate, clerk->worker);
        }
        gate_leave(world->gate, clerk->worker);
    }
    buffer_free(&clerk->scratch);
}

/* ---- snapshots ---- */

static int write_memory(void *context, struct bytes piece) {
    return buffer_append_bytes(context, piece) ? 0 : -ENOMEM;
}

struct memory {
    struct bytes bytes;
    size_t at;
};

static ssize_t read_memory(void *context, void *out, size_t size) {
    struct memory *m = context;
    size_t n = MIN(size, m->bytes.len - m->at);
    if (n) memcpy(out, m->bytes.data + m->at, n);
    m->at += n;
    return (ssize_t)n;
}

static struct snapshot_result take_to(struct world *world, struct rdb_output output,
                                      struct snapshot_progress *progress) {
    struct snapshot_options options = {.keyspace = world->keyspace,
                                       .gate = world->gate,
                                       .participant = WORKERS,
                                       .format = {RDB_VERSION, true},
                                       .output = output,
                                       .progress = progress};
    assert_true(snapshot_reserve());
    struct snapshot_result result = snapshot_take(&options);
    snapshot_release();
    return result;
}

struct audit {
    int64_t sum;
    uint64_t accounts, lists;
};

static void audit_entry(void *context, const struct entry *e) {
    struct audit *audit = context;
    struct value value = entry_value(e);
    if (value.type == TYPE_STRING) {
        int64_t balance;
        assert_true(number_parse_i64(value.small, &balance));
        audit->sum += balance;
        audit->accounts++;
        return;
    }
    struct list_cursor first, last;
    char one[PACK_TEXT_MAX], other[PACK_TEXT_MAX];
    list_seek(&value, 0, &first);
    list_seek(&value, list_length(&value) - 1, &last);
    assert_true(bytes_equal(pack_get_text(first.pack, first.at, one),
                            pack_get_text(last.pack, last.at, other)));
    audit->lists++;
}

/* Not in a world_create(), which sets directives that the clerks read. */
static void audit_snapshot(struct bytes file) {
    struct gate *gate = gate_create(1, 0);
    struct keyspace *keyspace = keyspace_create(
        &(struct keyspace_options){.databases = 1, .workers = WORKERS + 1, .gate = gate});
    struct world world = {gate, keyspace, {.keyspace = keyspace}};
    struct memory memory = {file, 0};
    struct snapshot_load_result result =
        snapshot_load(&(struct snapshot_load_options){.keyspace = keyspace,
                                                      .threads = WORKERS,
                                                      .input = {read_memory, &memory},
                                                      .clock_ms = WORLD_BEGAN_MS});
    if (!result.good) fail_msg("%s", result.error);
    struct audit audit = {0};
    uint64_t cursor = 0;
    do
        cursor = keyspace_scan(&world.view, cursor, 1000, audit_entry, &audit);
    while (cursor);
    assert_int_equal(audit.accounts, ACCOUNTS);
    assert_int_equal(audit.sum, (int64_t)ACCOUNTS * BALANCE);
    assert_int_equal(audit.lists, 20);
    world_check(&world);
    keyspace_free(keyspace);
    gate_free(gate);
}

static void open_bank(struct bank *bank) {
    struct buffer scratch = {0};
    bank->world = world_create(1, WORKERS + 1);
    gate_enter(bank->world->gate, 0);
    gate_exclusive_begin(bank->world->gate, 0);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        char room[32];
        struct key key = account_key(i, room);
        store_balance(&bank->world->view, &key, BALANCE);
    }
    for (unsigned i = 0; i < 20 * ELEMENTS; i++) {
        char room[32];
        struct key key = key_make(bytes_make(room, (size_t)snprintf(room, 32, "list:%u", i % 20)));
        push(&bank->world->view, &scratch, &key, BYTES("an element"));
    }
    gate_exclusive_end(bank->world->gate, 0);
    gate_leave(bank->world->gate, 0);
    buffer_free(&scratch);
}

static void begin_work(struct bank *bank, struct clerk *clerks) {
    for (unsigned i = 0; i < WORKERS; i++) {
        clerks[i] = (struct clerk){.bank = bank, .worker = i};
        assert_int_equal(thread_start("clerk", clerk_works, &clerks[i], &clerks[i].thread), 0);
    }
}

static void close_bank(struct bank *bank, struct clerk *clerks) {
    atomic_store(&bank->over, true);
    for (unsigned i = 0; clerks && i < WORKERS; i++)
        thread_join(&clerks[i].thread);
    world_check(bank->world);
    world_free(bank->world);
}

/* ---- tests ---- */

static void test_an_instant_under_load(void **state) {
    struct bank bank = {0};
    struct clerk clerks[WORKERS];
    open_bank(&bank);
    begin_work(&bank, clerks);
    for (unsigned i = 0; i < 12; i++) {
        struct buffer file = {0};
        struct snapshot_progress progress = {0};
        struct snapshot_result result =
            take_to(bank.world, (struct rdb_output){write_memory, &file}, &progress);
        assert_int_equal(result.status, 0);
        assert_int_equal(result.keys, ACCOUNTS + 20);
        assert_int_equal(progress.keys_total, ACCOUNTS + 20);
        assert_int_equal(result.bytes, file.len);
        audit_snapshot(buffer_bytes(&file));
        buffer_free(&file);
    }
    close_bank(&bank, clerks);
}

struct failing {
    size_t left;
};

static int write_and_fail(void *context, struct bytes piece) {
    struct failing *failing = context;
    if (failing->left < piece.len) return -ENOSPC;
    failing->left -= piece.len;
    return 0;
}

/* After one that failed or was given up the next one is whole. */
static void test_one_that_fails(void **state) {
    struct bank bank = {0};
    struct clerk clerks[WORKERS];
    open_bank(&bank);
    begin_work(&bank, clerks);
    for (unsigned i = 0; i < 6; i++) {
        struct buffer file = {0};
        struct snapshot_progress progress = {.stop = i % 2}, second = {0};
        struct failing failing = {i * 10000};
        struct snapshot_result result =
            take_to(bank.world, (struct rdb_output){write_and_fail, &failing}, &progress);
        assert_int_equal(result.status, i % 2 ? -ECANCELED : -ENOSPC);
        result = take_to(bank.world, (struct rdb_output){write_memory, &file}, &second);
        assert_int_equal(result.status, 0);
        audit_snapshot(buffer_bytes(&file));
        buffer_free(&file);
    }
    close_bank(&bank, clerks);
}

/* ---- copies that wait ---- */

#define LONG_KEYS 50000u
#define LONG_SIZE 1000u
#define LONG_LEAD 8000u /* keys that are overwritten before the first byte is written */

static void store_long(struct view *view, unsigned number, char fill) {
    char room[32], text[LONG_SIZE];
    struct spot spot;
    struct key key = account_key(number, room);
    memset(text, fill, sizeof text);
    keyspace_seek(view, &key, &spot);
    struct string_store store = {.value = bytes_make(text, sizeof text), .expiry = EXPIRY_NONE};
    assert_true(keyspace_store_string(view, &spot, &store));
}

/* Changes everything, from the instant on, as fast as it can. */
static void clerk_overwrites(void *context) {
    struct clerk *clerk = context;
    struct world *world = clerk->bank->world;
    struct view view = world->view;
    view.worker = clerk->worker;
    view.counters = keyspace_counters_of(world->keyspace, clerk->worker);
    while (!atomic_load(&clerk->bank->begun))
        sched_yield();
    for (unsigned i = 0; !atomic_load(&clerk->bank->over); i = (i + 1) % LONG_KEYS) {
        char room[32];
        struct key key = account_key(i, room);
        struct gate_hold hold;
        gate_enter(world->gate, clerk->worker);
        gate_lock(world->gate, view.worker, &hold, &key, 1);
        store_long(&view, i, 'y');
        gate_unlock(world->gate, &hold);
        gate_leave(world->gate, clerk->worker);
        atomic_fetch_add(&clerk->bank->overwritten, 1);
    }
}

static uint64_t note_instant(void *context) {
    struct bank *bank = context;
    atomic_store(&bank->begun, true);
    return 0;
}

/* 64 MB a second, and everything as it was. */
static int write_slowly(void *context, struct bytes piece) {
    struct bank *bank = context;
    assert_null(memmem(piece.data, piece.len,
                       "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 54));
    usleep((useconds_t)(piece.len / 64));
    while (atomic_load(&bank->overwritten) < LONG_LEAD)
        usleep(100);
    return 0;
}

/* The disk is slower than those who write: they come to wait for it, and memory stays within its
 * limit: 16 MB, and a chunk for each. */
static void test_copies_that_wait(void **state) {
    struct bank bank = {.world = world_create(1, WORKERS + 1)};
    struct clerk clerk = {.bank = &bank};
    struct snapshot_progress progress = {0};
    gate_enter(bank.world->gate, 0);
    gate_exclusive_begin(bank.world->gate, 0);
    for (unsigned i = 0; i < LONG_KEYS; i++)
        store_long(&bank.world->view, i, 'x');
    gate_exclusive_end(bank.world->gate, 0);
    gate_leave(bank.world->gate, 0);
    rdb_compression = false;
    assert_int_equal(thread_start("clerk", clerk_overwrites, &clerk, &clerk.thread), 0);
    struct snapshot_options options = {.keyspace = bank.world->keyspace,
                                       .gate = bank.world->gate,
                                       .participant = WORKERS,
                                       .format = {RDB_VERSION, true},
                                       .output = {write_slowly, &bank},
                                       .instant = note_instant,
                                       .instant_context = &bank,
                                       .progress = &progress};
    assert_true(snapshot_reserve());
    struct snapshot_result result = snapshot_take(&options);
    snapshot_release();
    rdb_compression = true;
    atomic_store(&bank.over, true);
    thread_join(&clerk.thread);
    assert_int_equal(result.status, 0);
    assert_int_equal(result.keys, LONG_KEYS);
    assert_in_range(progress.buffered_peak, 4u << 20, (16u << 20) + (WORKERS + 3) * (66u << 10));
    world_check(bank.world);
    world_free(bank.world);
}

static int fail_to_flow(void *context, uint64_t written) {
    return -EIO;
}

static void test_what_does_not_flow(void **state) {
    struct bank bank = {0};
    struct buffer file = {0};
    struct snapshot_progress progress = {0};
    open_bank(&bank);
    struct snapshot_options options = {.keyspace = bank.world->keyspace,
                                       .gate = bank.world->gate,
                                       .participant = WORKERS,
                                       .format = {RDB_VERSION, true},
                                       .output = {write_memory, &file},
                                       .flow = fail_to_flow,
                                       .progress = &progress};
    assert_true(snapshot_reserve());
    assert_int_equal(snapshot_take(&options).status, -EIO);
    snapshot_release();
    buffer_free(&file);
    close_bank(&bank, NULL);
}

static void test_loading_what_is_not_there(void **state) {
    struct world *world = world_create(1, 1);
    struct memory memory = {BYTES("REDIS0011\xfe\x01\x00\x01k\x01v\xff"), 0};
    struct snapshot_load_options options = {.keyspace = world->keyspace,
                                            .input = {read_memory, &memory}};
    struct snapshot_load_result result = snapshot_load(&options);
    assert_false(result.good);
    assert_string_equal(result.error, "key 'k': its database is beyond `databases`, at offset 9");
    world_free(world);
}

/* Files may promise what they have not got. */
static void test_promises_of_keys(void **state) {
    static const char file[] = "REDIS0011\xfe\x00\xfb\x81\x0f\xff\xff\xff\xff\xff\xff\xff\x00"
                               "\x00\x01k\x01v\xfb\x80\xff\xff\xff\xff\x00\x00\x01l\x01v\xff"
                               "\x00\x00\x00\x00\x00\x00\x00";
    struct world *world = world_create(1, 3);
    struct memory memory = {bytes_make(file, sizeof file), 0};
    struct snapshot_load_options options = {.keyspace = world->keyspace,
                                            .threads = 2,
                                            .input = {read_memory, &memory},
                                            .bytes = 100000};
    uint64_t before = memory_allocated();
    struct snapshot_load_result result = snapshot_load(&options);
    if (!result.good) fail_msg("%s", result.error);
    assert_int_equal(result.keys, 2);
    assert_true(memory_allocated() < before + (1 << 20));
    world_check(world);
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instant_under_load),     cmocka_unit_test(test_one_that_fails),
        cmocka_unit_test(test_copies_that_wait),          cmocka_unit_test(test_what_does_not_flow),
        cmocka_unit_test(test_loading_what_is_not_there), cmocka_unit_test(test_promises_of_keys),
    };
    value_types_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
