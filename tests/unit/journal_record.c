/* SPDX-License-Identifier: BSD-3-Clause */
/* Records: what is written is read back, and what is cut or flipped is refused or is another
 * record. */
#include "base/ensure.h"
#include "journal/record.h"
#include "keyspace_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 32 };

/* The records that a world's changes make. */
static struct {
    struct buffer bytes;
    size_t ends[RECORDS_MAX];
    unsigned count;
} made;

static void write_record(void *context, const struct change *change) {
    if (change->kind == CHANGE_NOTICE) return;
    ensure(made.count < RECORDS_MAX);
    assert_true(record_write(&made.bytes, change));
    made.ends[made.count++] = made.bytes.len;
}

static void edit(struct change change) {
    write_record(NULL, &change);
}

/* One of every kind. */
static int make_records(void **state) {
    struct world *world = world_create(2, 1);
    struct key key = key_make(BYTES("key")), other = key_make(BYTES("other key"));
    const struct bytes argv[] = {BYTES("HSET"), BYTES("key"), BYTES("field"), BYTES("")};
    const struct bytes alone[] = {BYTES("function"), BYTES("flush")};
    struct spot spot;
    made.count = 0;
    keyspace_subscribe(world->keyspace, write_record, NULL, NULL);
    world_set(world, &key, BYTES("value"), EXPIRY_NONE);
    world_set(world, &key, BYTES("a value that ends"), WORLD_BEGAN_MS + 5000);
    keyspace_seek(&world->view, &key, &spot);
    assert_true(keyspace_write_range(&world->view, &spot, 3, BYTES("range"), (struct event){0}));
    keyspace_seek(&world->view, &key, &spot);
    assert_true(keyspace_set_expiry(&world->view, &spot, EXPIRY_NONE, (struct event){0}));
    edit((struct change){.kind = CHANGE_COMMAND, .key = &key, .argv = argv, .argc = 4});
    edit((struct change){.kind = CHANGE_COMMAND, .argv = alone, .argc = 2});
    edit((struct change){.kind = CHANGE_RENAME, .key = &other, .other = &key});
    edit((struct change){.kind = CHANGE_REMOVE, .cause = CAUSE_EXPIRED, .key = &key});
    edit((struct change){.kind = CHANGE_REMOVE, .cause = CAUSE_EVICTED, .key = &key, .db = 300});
    edit((struct change){.kind = CHANGE_FLUSH, .db = 7});
    edit((struct change){.kind = CHANGE_SWAP, .db = 7, .other_db = 200});
    world_free(world);
    return 0;
}

static int drop_records(void **state) {
    buffer_free(&made.bytes);
    return 0;
}

static struct record read_one(unsigned number) {
    size_t begin = number ? made.ends[number - 1] : 0;
    struct bytes left = bytes_make(made.bytes.data + begin, made.bytes.len - begin);
    struct record record;
    assert_true(record_read(&left, &record));
    assert_int_equal(left.len, made.bytes.len - made.ends[number]);
    return record;
}

static void what_is_written_is_read(void **state) {
    static const enum record_kind kinds[] = {
        RECORD_STRING, RECORD_STRING, RECORD_RANGE,  RECORD_EXPIRY, RECORD_COMMAND, RECORD_COMMAND,
        RECORD_RENAME, RECORD_REMOVE, RECORD_REMOVE, RECORD_FLUSH,  RECORD_SWAP};
    assert_int_equal(made.count, ARRAY_LEN(kinds));
    for (unsigned i = 0; i < made.count; i++)
        assert_int_equal(read_one(i).kind, kinds[i]);

    assert_true(bytes_equal(read_one(0).value, BYTES("value")));
    assert_int_equal(read_one(1).expiry, WORLD_BEGAN_MS + 5000);
    assert_int_equal(read_one(2).offset, 3);
    assert_true(bytes_equal(read_one(2).value, BYTES("range")));
    assert_int_equal(read_one(3).expiry, EXPIRY_NONE);
    struct record command = read_one(4);
    static const char *const words[] = {"HSET", "key", "field", ""};
    assert_int_equal(command.argc, ARRAY_LEN(words));
    assert_true(bytes_equal(command.key, BYTES("key")));
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        assert_true(bytes_equal(record_word(&command.words), bytes_of(words[i])));
    assert_null(read_one(5).key.data);
    assert_true(bytes_equal(read_one(6).old_key, BYTES("key")));
    assert_true(bytes_equal(read_one(6).key, BYTES("other key")));
    assert_true(read_one(7).flags & RECORD_EXPIRED);
    assert_int_equal(read_one(8).db, 300);
    assert_int_equal(read_one(9).db, 7);
    assert_int_equal(read_one(10).other_db, 200);
}

/* In memory of exactly its size, so that whoever looks behind it is found by the sanitizer. */
static bool reads(struct bytes bytes, size_t *taken) {
    char *copy = malloc(bytes.len + !bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    struct bytes left = bytes_make(copy, bytes.len);
    struct record record;
    bool good = record_read(&left, &record);
    if (good && record.kind == RECORD_COMMAND)
        for (uint64_t i = 0; i < record.argc; i++)
            record_word(&record.words);
    *taken = bytes.len - left.len;
    free(copy);
    return good;
}

static void what_is_cut_is_refused(void **state) {
    for (unsigned i = 0; i < made.count; i++) {
        size_t begin = i ? made.ends[i - 1] : 0, taken;
        for (size_t size = 0; size < made.ends[i] - begin; size++)
            assert_false(reads(bytes_make(made.bytes.data + begin, size), &taken));
    }
}

static void what_is_flipped_stays_within(void **state) {
    for (size_t bit = 0; bit < made.bytes.len * 8; bit++) {
        made.bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        struct bytes left = buffer_bytes(&made.bytes);
        size_t taken = 1;
        while (left.len && reads(left, &taken)) {
            assert_in_range(taken, 1, left.len);
            left = bytes_skip(left, taken);
        }
        made.bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_flipped_stays_within),
    };
    return cmocka_run_group_tests(tests, make_records, drop_records);
}
