/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/stream.h"

#include "base/ensure.h"
#include "base/random.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/stream_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the model: an array of all entries ever ---- */

#define MODEL_MAX 4000

struct model {
    struct stream_id id[MODEL_MAX];
    uint64_t value[MODEL_MAX];
    bool live[MODEL_MAX];
    unsigned count;
    uint64_t length;
};

static struct model model;
static struct random rng;

static uint64_t below(uint64_t n) {
    return random_below(&rng, n);
}

static struct bytes number_text(char *out, uint64_t number) {
    return bytes_make(out, number_format_u64(out, number));
}

static bool add(struct stream *stream) {
    char digits[NUMBER_U64_MAX];
    struct stream_id id = model.count ? model.id[model.count - 1] : (struct stream_id){5, 0};
    id.ms += below(3);
    id.seq += 1 + below(3);
    uint64_t value = below(2) ? below(200) : below(UINT64_MAX);
    struct bytes pairs[4] = {BYTES("f"), number_text(digits, value), BYTES("g"), BYTES("x")};
    if (below(4) == 0) pairs[2] = BYTES("another");
    enum stream_outcome outcome =
        stream_append(stream, id, (struct stream_fields){pairs, 1 + below(2)});
    if (outcome != STREAM_DONE) return false;
    model.id[model.count] = id;
    model.value[model.count] = value;
    model.live[model.count++] = true;
    model.length++;
    return true;
}

static void check_entry(const struct stream_cursor *cursor, unsigned i) {
    char digits[PACK_TEXT_MAX], wanted[NUMBER_U64_MAX];
    size_t field, value;
    struct node_fields fields = node_fields(&cursor->node, &cursor->entry);
    node_field_next(&fields, &field, &value);
    assert_true(stream_id_compare(cursor->entry.id, model.id[i]) == 0);
    assert_true(pack_equals(cursor->node.pack, field, BYTES("f")));
    assert_true(bytes_equal(pack_get_text(cursor->node.pack, value, digits),
                            number_text(wanted, model.value[i])));
}

/* What is between two places of the model, both ways. */
static void check_range(struct stream *stream, unsigned from, unsigned to) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, model.id[from], model.id[to], false);
    for (unsigned i = from; i <= to; i++) {
        if (!model.live[i]) continue;
        assert_true(stream_next(&cursor));
        check_entry(&cursor, i);
    }
    assert_false(stream_next(&cursor));
    uint64_t count = 0, most = model.count / 3;
    for (unsigned i = from; i <= to; i++)
        count += model.live[i];
    assert_int_equal(stream_count(stream, model.id[from], model.id[to], UINT64_MAX), count);
    assert_int_equal(stream_count(stream, model.id[from], model.id[to], most), MIN(count, most));
    stream_seek(&cursor, stream, model.id[from], model.id[to], true);
    for (unsigned i = to + 1; i-- > from;) {
        if (!model.live[i]) continue;
        assert_true(stream_next(&cursor));
        check_entry(&cursor, i);
    }
    assert_false(stream_next(&cursor));
}

static void check(struct stream *stream) {
    size_t bytes = 0;
    struct tree_cursor cursor;
    tree_check(&stream->nodes);
    assert_int_equal(stream->length, model.length);
    const struct stream_place *place = tree_last(&stream->nodes, &cursor);
    const char *tail = place ? place->pack : NULL;
    place = tree_first(&stream->nodes, &cursor);
    for (; place; place = tree_next(&cursor)) {
        struct bytes pack = pack_at(place->pack);
        assert_true(node_validate(pack, place->id, true));
        assert_true(pack_get(pack, PACK_HEADER).number > 0); /* some entry lives */
        bytes += place->pack == tail ? stream->tail_capacity : pack.len;
    }
    assert_int_equal(stream->node_bytes, bytes);
    if (!model.count) return;
    check_range(stream, 0, model.count - 1);
    unsigned from = (unsigned)below(model.count);
    check_range(stream, from, from + (unsigned)below(model.count - from));
}

static void delete_some(struct stream *stream) {
    unsigned i = (unsigned)below(model.count);
    assert_int_equal(stream_has(stream, model.id[i]), model.live[i]);
    enum stream_outcome outcome = stream_delete(stream, model.id[i]);
    if (outcome == STREAM_NO_MEMORY) return;
    assert_int_equal(outcome, model.live[i] ? STREAM_DONE : STREAM_ABSENT);
    model.length -= model.live[i];
    model.live[i] = false;
}

/* The trimmed ones are the first that live. */
static void trim(struct stream *stream) {
    uint64_t keep = below(model.length + 2);
    struct stream_trim how = {
        .by = STREAM_BY_LENGTH, .length = keep, .whole_nodes = below(2), .limit = below(3) * 20};
    if (!how.whole_nodes) how.limit = 0;
    if (below(2)) {
        how.by = STREAM_BY_ID;
        how.id = model.id[below(model.count)];
    }
    uint64_t removed = stream_trim(stream, &how), before = model.length;
    unsigned i = 0;
    for (uint64_t left = removed; left > 0; i++) {
        left -= model.live[i];
        model.length -= model.live[i];
        model.live[i] = false;
    }
    assert_true(!how.limit || removed <= how.limit);
    if (how.whole_nodes || memory_failed()) return;
    if (how.by == STREAM_BY_LENGTH) {
        assert_int_equal(model.length, MIN(before, keep));
        return;
    }
    for (i = 0; i < model.count; i++)
        if (stream_id_compare(model.id[i], how.id) < 0) assert_false(model.live[i]);
}

static void begin(uint64_t seed, int64_t entries, int64_t bytes) {
    random_seed(&rng, seed);
    model.count = 0;
    model.length = 0;
    value_limits.stream_node_max_entries = entries;
    value_limits.stream_node_max_bytes = bytes;
}

static void step(struct stream *stream) {
    unsigned kind = (unsigned)below(100);
    if (kind < 70 || model.count == 0)
        add(stream);
    else if (kind < 98)
        delete_some(stream);
    else
        trim(stream);
}

static void behaves_as_an_array(void **state) {
    static const int64_t limits[][2] = {{100, 4096}, {1, 4096}, {3, 0}, {0, 200}, {0, 0}, {300, 0}};
    for (unsigned round = 0; round < ARRAY_LEN(limits); round++) {
        struct stream *stream = stream_create();
        begin(round, limits[round][0], limits[round][1]);
        while (model.count < MODEL_MAX - 1) {
            step(stream);
            if (below(200) == 0) check(stream);
        }
        check(stream);
        struct stream *copy = stream_copy(stream);
        check(copy);
        stream_free(copy);
        stream_free(stream);
    }
}

static void survives_without_memory(void **state) {
    struct stream *stream = stream_create();
    begin(77, 3, 0);
    for (unsigned i = 0; i < 3000; i++) {
        memory_fail_after((unsigned)below(4));
        step(stream);
        memory_fail_never();
        if (i % 100 == 0) check(stream);
    }
    check(stream);
    for (unsigned i = 0; i < 500; i++) {
        memory_fail_after(i);
        stream_free(stream_copy(stream));
        memory_fail_never();
    }
    stream_free(stream);
}

/* ---- groups ---- */

static void check_group(struct stream_group *group, const int *owner, unsigned count) {
    struct tree_cursor cursor;
    uint64_t pending = 0, owned = 0;
    tree_check(&group->pending);
    for (unsigned i = 0; i < count; i++) {
        const struct stream_pending *found = stream_pending_find(group, (struct stream_id){i, 0});
        assert_int_equal(found != NULL, owner[i] >= 0);
        if (!found) continue;
        char name = (char)('a' + owner[i]);
        assert_ptr_equal(found->consumer, stream_consumer_find(group, bytes_make(&name, 1)));
        pending++;
    }
    assert_int_equal(group->pending.count, pending);
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false)) {
        tree_check(&consumer->pending);
        owned += consumer->pending.count;
    }
    assert_int_equal(owned, pending);
}

#define ENTRIES 500

static void keeps_who_has_what(void **state) {
    struct stream *stream = stream_create();
    struct stream_group *group =
        stream_group_create(stream, BYTES("g"), STREAM_ID_MIN, STREAM_UNKNOWN);
    int owner[ENTRIES];
    random_seed(&rng, 3);
    for (unsigned i = 0; i < ENTRIES; i++)
        owner[i] = -1;
    for (unsigned turn = 0; turn < 20000; turn++) {
        unsigned i = (unsigned)below(ENTRIES);
        int who = (int)below(4);
        char name = (char)('a' + who);
        struct stream_consumer *consumer = stream_consumer_find(group, bytes_make(&name, 1));
        if (!consumer) consumer = stream_consumer_create(group, bytes_make(&name, 1), 1);
        memory_fail_after((unsigned)below(10));
        if (below(500) == 0) {
            stream_consumer_remove(group, consumer);
            for (unsigned j = 0; j < ENTRIES; j++)
                if (owner[j] == who) owner[j] = -1;
        } else if (below(3) == 0) {
            assert_int_equal(stream_pending_remove(group, (struct stream_id){i, 0}), owner[i] >= 0);
            owner[i] = -1;
        } else if (stream_pending_give(group, consumer, (struct stream_id){i, 0}, 1)) {
            owner[i] = who;
        }
        memory_fail_never();
        if (turn % 500 == 0) check_group(group, owner, ENTRIES);
    }
    struct stream *copy = stream_copy(stream);
    check_group(stream_group_find(copy, BYTES("g")), owner, ENTRIES);
    stream_free(copy);
    stream_group_remove(stream, group);
    stream_free(stream);
}

/* ---- what comes from outside ---- */

static void walk(struct stream *stream) {
    struct stream_cursor cursor;
    struct stream_totals totals = {.length = stream->length, .added = stream->length};
    totals.last = stream_last_entry(stream);
    assert_true(stream_load_totals(stream, &totals));
    for (int reverse = 0; reverse < 2; reverse++) {
        stream_seek(&cursor, stream, STREAM_ID_MIN, STREAM_ID_MAX, reverse);
        while (stream_next(&cursor)) {
            struct node_fields fields = node_fields(&cursor.node, &cursor.entry);
            for (uint64_t i = 0; i < cursor.entry.field_count; i++) {
                size_t field, value;
                node_field_next(&fields, &field, &value);
                pack_get(cursor.node.pack, field);
                pack_get(cursor.node.pack, value);
            }
        }
    }
    while (stream->length) {
        assert_int_equal(stream_delete(stream, stream_last_entry(stream)), STREAM_DONE);
        stream_trim(stream,
                    &(struct stream_trim){.by = STREAM_BY_LENGTH, .length = stream->length / 2});
    }
}

static void refuses_or_walks_any_bytes(void **state) {
    unsigned taken = 0;
    struct stream *whole = stream_create();
    begin(11, 8, 0);
    while (model.count < 8)
        add(whole);
    delete_some(whole);
    struct tree_cursor cursor;
    const struct stream_place *place = tree_first(&whole->nodes, &cursor);
    struct bytes pack = pack_at(place->pack);
    for (unsigned turn = 0; turn < 100000; turn++) {
        char *bytes = malloc(pack.len); /* of just that size, for the sanitizer to see its end */
        memcpy(bytes, pack.data, pack.len);
        for (uint64_t changes = 1 + below(3); changes > 0; changes--)
            bytes[below(pack.len)] = (char)(below(2) ? below(256) : below(8));
        struct stream *stream = stream_create();
        if (stream_load_node(stream, place->id, bytes_make(bytes, pack.len), true)) {
            taken++;
            walk(stream);
        }
        stream_free(stream);
        free(bytes);
    }
    assert_true(taken > 100);
    stream_free(whole);
}

/* Is it a node whose only entry has these flags, an element of a pack? */
static bool is_node_with(struct bytes flags) {
    struct buffer buffer = {0};
    assert_true(buffer_append(&buffer, "\0\0\0\0\12\0", PACK_HEADER));
    assert_true(buffer_append_bytes(&buffer, BYTES("\1\1\0\1\1\1\201f\2\0\1"))); /* a field: f */
    assert_true(buffer_append_bytes(&buffer, flags));
    assert_true(buffer_append_bytes(&buffer, BYTES("\0\1\0\1\201v\2\4\1\377"))); /* its value: v */
    buffer.data[0] = (char)buffer.len;
    assert_true(pack_validate(buffer_bytes(&buffer), true, NULL, NULL));
    bool good = node_validate(buffer_bytes(&buffer), (struct stream_id){5, 1}, true);
    buffer_free(&buffer);
    return good;
}

/* Deleting sets a bit of the flags where they are. */
static void refuses_flags_of_several_bytes(void **state) {
    assert_true(is_node_with(BYTES("\2\1")));
    assert_false(is_node_with(BYTES("\300\2\2")));
    assert_false(is_node_with(BYTES("\362\2\0\0\4")));
}

static void reads_ids(void **state) {
    struct stream_id id;
    bool any;
    assert_true(stream_id_parse(BYTES("5"), 7, &id, NULL) && id.ms == 5 && id.seq == 7);
    assert_true(stream_id_parse(BYTES("5-*"), 7, &id, &any) && any && id.seq == 0);
    assert_false(stream_id_parse(BYTES("5-*"), 7, &id, NULL));
    assert_false(stream_id_parse(BYTES("-"), 0, &id, NULL));
    assert_true(stream_id_parse_bound(BYTES("+"), 0, &id) && id.ms == UINT64_MAX);
    assert_true(stream_id_parse(BYTES("18446744073709551615-0"), 0, &id, NULL));
    assert_false(stream_id_parse(BYTES("18446744073709551616-0"), 0, &id, NULL));
    assert_false(stream_id_parse(bytes_make(NULL, 0), 0, &id, NULL));
    id = STREAM_ID_MAX;
    assert_false(stream_id_increment(&id));
    assert_true(stream_id_is_zero(id));
    assert_false(stream_id_decrement(&id));
    assert_int_equal(stream_id_compare(id, STREAM_ID_MAX), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_an_array),
        cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(keeps_who_has_what),
        cmocka_unit_test(refuses_or_walks_any_bytes),
        cmocka_unit_test(refuses_flags_of_several_bytes),
        cmocka_unit_test(reads_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
