/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/pack.h"

#include "base/ensure.h"
#include "base/random.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the format ---- */

static void assert_bytes(struct bytes actual, const void *expected, size_t len) {
    assert_int_equal(actual.len, len);
    assert_memory_equal(actual.data, expected, len);
}

static void an_empty_pack_has_nothing(void **state) {
    struct buffer buffer = {0};
    assert_true(pack_init(&buffer));
    struct bytes pack = buffer_bytes(&buffer);
    assert_bytes(pack, "\7\0\0\0\0\0\xff", 7);
    assert_true(pack_is_empty(pack));
    assert_int_equal(pack_count(pack), 0);
    assert_int_equal(pack_first(pack), PACK_NONE);
    assert_int_equal(pack_last(pack), PACK_NONE);
    assert_int_equal(pack_seek(pack, 0), PACK_NONE);
    assert_int_equal(pack_seek(pack, -1), PACK_NONE);
    assert_int_equal(pack_find(pack, pack_first(pack), BYTES("x"), 0), PACK_NONE);
    assert_true(pack_validate(pack, true, NULL, NULL));
    buffer_free(&buffer);
}

/* As Valkey dumps a hash with such a value. */
static const struct {
    int64_t number;
    struct bytes encoded;
} integers[] = {
    {0, BYTES("\x00\x01")},
    {127, BYTES("\x7f\x01")},
    {128, BYTES("\xc0\x80\x02")},
    {-1, BYTES("\xdf\xff\x02")},
    {4095, BYTES("\xcf\xff\x02")},
    {4096, BYTES("\xf1\x00\x10\x03")},
    {-4096, BYTES("\xd0\x00\x02")},
    {-4097, BYTES("\xf1\xff\xef\x03")},
    {32767, BYTES("\xf1\xff\x7f\x03")},
    {32768, BYTES("\xf2\x00\x80\x00\x04")},
    {-32768, BYTES("\xf1\x00\x80\x03")},
    {-32769, BYTES("\xf2\xff\x7f\xff\x04")},
    {8388607, BYTES("\xf2\xff\xff\x7f\x04")},
    {8388608, BYTES("\xf3\x00\x00\x80\x00\x05")},
    {-8388609, BYTES("\xf3\xff\xff\x7f\xff\x05")},
    {2147483647, BYTES("\xf3\xff\xff\xff\x7f\x05")},
    {2147483648, BYTES("\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09")},
    {INT64_MIN, BYTES("\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09")},
};

static void integers_are_encoded_as_listpacks_do(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        char text[PACK_TEXT_MAX];
        size_t len = number_format_i64(text, integers[i].number);
        struct buffer buffer = {0};
        assert_true(pack_init(&buffer) && pack_append(&buffer, bytes_make(text, len)));
        struct bytes pack = buffer_bytes(&buffer), expected = integers[i].encoded;
        assert_bytes(bytes_make(pack.data + PACK_HEADER, pack.len - PACK_EMPTY_SIZE), expected.data,
                     expected.len);
        struct pack_item item = pack_get(pack, PACK_HEADER);
        assert_true(item.integer);
        assert_int_equal(item.number, integers[i].number);
        assert_int_equal(pack_integer_size(integers[i].number), expected.len);
        buffer_free(&buffer);
    }
}

/* Lengths, head and backward length, as Valkey dumps them. */
static const struct {
    size_t length;
    struct bytes head, back;
} strings[] = {
    {0, BYTES("\x80"), BYTES("\x01")},
    {63, BYTES("\xbf"), BYTES("\x40")},
    {64, BYTES("\xe0\x40"), BYTES("\x42")},
    {125, BYTES("\xe0\x7d"), BYTES("\x7f")},
    {126, BYTES("\xe0\x7e"), BYTES("\x01\x80")},
    {4095, BYTES("\xef\xff"), BYTES("\x20\x81")},
    {4096, BYTES("\xf0\x00\x10\x00\x00"), BYTES("\x20\x85")},
    {16378, BYTES("\xf0\xfa\x3f\x00\x00"), BYTES("\x7f\xff")},
    {16379, BYTES("\xf0\xfb\x3f\x00\x00"), BYTES("\x01\x80\x80")},
    {2097146, BYTES("\xf0\xfa\xff\x1f\x00"), BYTES("\x7f\xff\xff")},
    {2097147, BYTES("\xf0\xfb\xff\x1f\x00"), BYTES("\x01\x80\x80\x80")},
};

static void strings_are_encoded_as_listpacks_do(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct buffer buffer = {0};
        char *text = malloc(strings[i].length + 1);
        memset(text, 'z', strings[i].length);
        struct bytes string = bytes_make(text, strings[i].length);
        assert_true(pack_init(&buffer) && pack_append(&buffer, string));
        struct bytes pack = buffer_bytes(&buffer);
        size_t size = strings[i].head.len + string.len + strings[i].back.len;
        assert_int_equal(pack.len, PACK_EMPTY_SIZE + size);
        assert_int_equal(pack_element_size(string), size);
        assert_memory_equal(pack.data + PACK_HEADER, strings[i].head.data, strings[i].head.len);
        assert_memory_equal(pack.data + pack.len - 1 - strings[i].back.len, strings[i].back.data,
                            strings[i].back.len);
        assert_true(pack_append(&buffer, BYTES("behind")));
        pack = buffer_bytes(&buffer);
        assert_true(pack_validate(pack, true, NULL, NULL));
        assert_int_equal(pack_prev(pack, pack_last(pack)), PACK_HEADER);
        assert_true(pack_equals(pack, PACK_HEADER, string));
        buffer_free(&buffer);
        free(text);
    }
}

static void only_canonical_integers_are_integers(void **state) {
    static const struct bytes texts[] = {
        BYTES(""),   BYTES("-"),  BYTES("-0"),
        BYTES("+1"), BYTES("01"), BYTES(" 1"),
        BYTES("1 "), BYTES("1a"), BYTES("9223372036854775808"),
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buffer buffer = {0};
        assert_true(pack_init(&buffer) && pack_append(&buffer, texts[i]));
        struct pack_item item = pack_get(buffer_bytes(&buffer), PACK_HEADER);
        assert_false(item.integer);
        assert_true(bytes_equal(item.text, texts[i]));
        buffer_free(&buffer);
    }
}

/* Redis writes one byte more behind an element of 2^14 - 1 bytes. */
static void a_backward_length_too_long_is_read(void **state) {
    struct buffer buffer = {0};
    static char text[16378];
    assert_true(pack_init(&buffer) && pack_append(&buffer, bytes_make(text, sizeof text)));
    size_t back = buffer.len - 3;
    assert_true(pack_append(&buffer, BYTES("behind")));
    assert_true(buffer_append_char(&buffer, 0));
    memmove(buffer.data + back + 1, buffer.data + back, buffer.len - 1 - back);
    memcpy(buffer.data + back, "\x00\xff\xff", 3);
    buffer.data[0]++;
    struct bytes pack = buffer_bytes(&buffer);
    assert_true(pack_validate(pack, true, NULL, NULL));
    assert_true(pack_equals(pack, pack_next(pack, PACK_HEADER), BYTES("behind")));
    assert_int_equal(pack_prev(pack, pack_last(pack)), PACK_HEADER);
    pack_delete(&buffer, PACK_HEADER, 1);
    assert_true(pack_validate(buffer_bytes(&buffer), true, NULL, NULL));
    assert_int_equal(buffer.len, PACK_EMPTY_SIZE + pack_element_size(BYTES("behind")));
    buffer_free(&buffer);
}

/* A number that came as a string is the same text. */
static void strings_of_digits_are_found(void **state) {
    struct bytes pack = BYTES("\x0e\0\0\0\2\0\x82\x31\x37\x03\xc0\x11\x02\xff");
    assert_true(pack_validate(pack, true, NULL, NULL));
    assert_int_equal(pack_find(pack, pack_first(pack), BYTES("17"), 0), PACK_HEADER);
    assert_int_equal(pack_find(pack, PACK_HEADER + 4, BYTES("17"), 0), PACK_HEADER + 4);
}

/* ---- against a model ---- */

#define MODEL_MAX 300

struct model {
    struct bytes items[MODEL_MAX];
    size_t count;
};

static struct bytes random_text(struct random *random) {
    static const size_t limits[] = {3, 20, 63, 130, 5000, 20000};
    size_t limit =
        limits[random_below(random, 100) < 95 ? random_below(random, 3) : random_below(random, 6)];
    size_t len = random_below(random, limit + 1);
    char *text = malloc(len + NUMBER_I64_MAX);
    if (random_below(random, 2)) {
        int64_t number = (int64_t)random_next(random) >> random_below(random, 64);
        return bytes_make(text, number_format_i64(text, number));
    }
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + random_below(random, 3));
    return bytes_make(text, len);
}

static void model_insert(struct model *model, size_t index, struct bytes text) {
    memmove(model->items + index + 1, model->items + index,
            (model->count - index) * sizeof *model->items);
    model->items[index] = text;
    model->count++;
}

static void model_remove(struct model *model, size_t index, size_t count) {
    for (size_t i = 0; i < count; i++)
        free((char *)model->items[index + i].data);
    memmove(model->items + index, model->items + index + count,
            (model->count - index - count) * sizeof *model->items);
    model->count -= count;
}

static size_t model_find(const struct model *model, size_t from, struct bytes text, unsigned skip) {
    for (; from < model->count; from += skip + 1)
        if (bytes_equal(model->items[from], text)) return from;
    return SIZE_MAX;
}

static bool count_visit(void *context, struct bytes pack, size_t at) {
    ++*(size_t *)context;
    return true;
}

static void assert_same(const struct buffer *buffer, const struct model *model) {
    struct bytes pack = buffer_bytes(buffer);
    char scratch[PACK_TEXT_MAX];
    size_t i = 0, visited = 0;
    assert_true(pack_validate(pack, true, count_visit, &visited));
    assert_int_equal(visited, model->count);
    assert_int_equal(pack_count(pack), model->count);
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at), i++) {
        assert_true(i < model->count);
        assert_true(bytes_equal(pack_get_text(pack, at, scratch), model->items[i]));
        assert_int_equal(pack_size_at(pack, at), pack_element_size(model->items[i]));
    }
    assert_int_equal(i, model->count);
    for (size_t at = pack_last(pack); at; at = pack_prev(pack, at))
        assert_true(pack_equals(pack, at, model->items[--i]));
    assert_int_equal(i, 0);
}

static void assert_found(const struct buffer *buffer, const struct model *model,
                         struct random *random) {
    struct bytes pack = buffer_bytes(buffer);
    struct bytes text = random_below(random, 4) && model->count
                            ? model->items[random_below(random, model->count)]
                            : BYTES("abca");
    unsigned skip = (unsigned)random_below(random, 3);
    size_t from = random_below(random, model->count + 1);
    size_t expected = model_find(model, from, text, skip);
    size_t at = pack_find(pack, pack_seek(pack, (int64_t)from), text, skip);
    assert_int_equal(at, expected == SIZE_MAX ? PACK_NONE : pack_seek(pack, (int64_t)expected));
    if (!at) return;
    assert_int_equal(at, pack_seek(pack, (int64_t)expected - (int64_t)model->count));
    assert_int_equal(pack_compare(pack, at, text), 0);
    assert_true(pack_compare(pack, at, BYTES("")) >= 0);
    assert_true(pack_compare(pack, at, BYTES("\xff")) < 0);
}

static size_t place_of(const struct buffer *buffer, size_t index) {
    return pack_seek(buffer_bytes(buffer), (int64_t)index);
}

static void insert_somewhere(struct buffer *buffer, struct model *model, struct random *random) {
    if (model->count == MODEL_MAX) return;
    struct bytes text = random_text(random);
    int64_t number;
    size_t index = random_below(random, model->count + 1);
    size_t at = place_of(buffer, index);
    if (random_below(random, 4) == 0) {
        index = 0;
        assert_true(pack_prepend(buffer, text));
    } else if (random_below(random, 2) && number_parse_i64(text, &number)) {
        assert_true(pack_insert_integer(buffer, at, number));
    } else {
        assert_true(pack_insert(buffer, at, text));
    }
    model_insert(model, index, text);
}

static void replace_somewhere(struct buffer *buffer, struct model *model, struct random *random) {
    if (model->count == 0) return;
    size_t index = random_below(random, model->count);
    size_t at = place_of(buffer, index);
    struct bytes text = random_text(random);
    int64_t number;
    if (random_below(random, 2) && number_parse_i64(text, &number))
        assert_true(pack_replace_integer(buffer, at, number));
    else
        assert_true(pack_replace(buffer, at, text));
    assert_true(pack_equals(buffer_bytes(buffer), at, text));
    free((char *)model->items[index].data);
    model->items[index] = text;
}

static void delete_somewhere(struct buffer *buffer, struct model *model, struct random *random) {
    if (model->count == 0) return;
    size_t index = random_below(random, model->count), count = random_below(random, 6);
    size_t at = place_of(buffer, index);
    size_t removed = MIN(count, model->count - index);
    size_t next = pack_delete(buffer, at, count);
    model_remove(model, index, removed);
    assert_int_equal(next, index < model->count ? at : PACK_NONE);
}

/* Makes a second pack of what is from the index-th element on. */
static void cut(struct buffer *buffer, size_t index, struct buffer *tail) {
    assert_true(buffer_append_bytes(tail, buffer_bytes(buffer)));
    pack_delete(buffer, place_of(buffer, index), SIZE_MAX);
    pack_delete(tail, PACK_HEADER, index);
}

/* Cuts the pack in two and joins the parts again. */
static void cut_and_join(struct buffer *buffer, const struct model *model, struct random *random) {
    struct buffer tail = {0};
    size_t index = random_below(random, model->count + 1);
    cut(buffer, index, &tail);
    assert_int_equal(pack_count(buffer_bytes(buffer)), index);
    assert_int_equal(pack_count(buffer_bytes(&tail)), model->count - index);
    assert_true(pack_append_pack(buffer, buffer_bytes(&tail)));
    buffer_free(&tail);
}

static void edits_do_what_they_do_to_an_array(void **state) {
    struct random random;
    random_seed(&random, 1);
    struct buffer buffer = {0};
    struct model model = {.count = 0};
    assert_true(pack_init(&buffer));
    for (int step = 0; step < 6000; step++) {
        switch (random_below(&random, 8)) {
        case 0:
        case 1:
        case 2: insert_somewhere(&buffer, &model, &random); break;
        case 3: replace_somewhere(&buffer, &model, &random); break;
        case 4: delete_somewhere(&buffer, &model, &random); break;
        case 5: cut_and_join(&buffer, &model, &random); break;
        default: assert_found(&buffer, &model, &random); break;
        }
        if (step % 8 == 0) assert_same(&buffer, &model);
    }
    model_remove(&model, 0, model.count);
    buffer_free(&buffer);
}

/* ---- limits ---- */

static void beyond_65534_elements_are_counted(void **state) {
    struct buffer buffer = {0};
    assert_true(pack_init(&buffer));
    for (int64_t i = 0; i < 70000; i++)
        assert_true(pack_append_integer(&buffer, i % 100));
    struct bytes pack = buffer_bytes(&buffer);
    assert_int_equal(pack_count(pack), 70000);
    assert_true(pack_validate(pack, true, NULL, NULL));
    assert_int_equal(pack_get(pack, pack_seek(pack, 69999)).number, 99);
    assert_int_equal(pack_seek(pack, 70000), PACK_NONE);
    assert_int_equal(pack_seek(pack, -70001), PACK_NONE);
    struct buffer tail = {0};
    cut(&buffer, 10, &tail);
    assert_int_equal(pack_count(buffer_bytes(&tail)), 69990);
    assert_int_equal(pack_count(buffer_bytes(&buffer)), 10);
    pack_delete(&tail, PACK_HEADER, 69990);
    assert_true(pack_is_empty(buffer_bytes(&tail)));
    assert_int_equal(pack_count(buffer_bytes(&tail)), 0);
    buffer_free(&buffer);
    buffer_free(&tail);
}

static void what_does_not_fit_is_refused(void **state) {
    struct buffer buffer = {0};
    assert_true(pack_init(&buffer));
    assert_false(pack_append(&buffer, bytes_make("x", PACK_SIZE_MAX - 10)));
    assert_false(pack_append(&buffer, bytes_make("x", ((size_t)1 << 32) + 1)));
    assert_bytes(buffer_bytes(&buffer), "\7\0\0\0\0\0\xff", 7);
    buffer_free(&buffer);
}

static void without_memory_nothing_changes(void **state) {
    struct buffer buffer = {0}, large = {0};
    static char text[5000];
    assert_true(pack_init(&large) && pack_append(&large, bytes_make(text, sizeof text)));
    memory_fail_after(0);
    assert_false(pack_init(&buffer));
    memory_fail_never();
    assert_true(pack_init(&buffer) && pack_append(&buffer, BYTES("one")));
    struct buffer before = {0};
    assert_true(buffer_append_bytes(&before, buffer_bytes(&buffer)));
    memory_fail_after(0);
    assert_false(pack_append(&buffer, bytes_make(text, sizeof text)));
    assert_false(pack_replace(&buffer, PACK_HEADER, bytes_make(text, sizeof text)));
    assert_false(pack_append_pack(&buffer, buffer_bytes(&large)));
    memory_fail_never();
    assert_bytes(buffer_bytes(&buffer), before.data, before.len);
    buffer_free(&before);
    buffer_free(&buffer);
    buffer_free(&large);
}

static void memory_of_others_is_edited_in_place(void **state) {
    char memory[64];
    struct buffer buffer = {memory, 0, sizeof memory};
    assert_true(pack_init(&buffer));
    assert_true(pack_append(&buffer, BYTES("field")) && pack_append(&buffer, BYTES("41")));
    assert_true(pack_replace_integer(&buffer, pack_last(buffer_bytes(&buffer)), 1000000));
    assert_ptr_equal(buffer.data, memory);
    assert_true(pack_validate(pack_at(memory), true, NULL, NULL));
    assert_int_equal(pack_at(memory).len, buffer.len);
}

/* ---- what comes from outside ---- */

static bool refuse_third(void *context, struct bytes pack, size_t at) {
    return ++*(int *)context < 3;
}

static void a_visitor_may_refuse(void **state) {
    struct buffer buffer = {0};
    int visits = 0;
    assert_true(pack_init(&buffer));
    for (int i = 0; i < 5; i++)
        assert_true(pack_append_integer(&buffer, i));
    assert_false(pack_validate(buffer_bytes(&buffer), true, refuse_third, &visits));
    assert_int_equal(visits, 3);
    buffer_free(&buffer);
}

static void broken_packs_are_refused(void **state) {
    static const struct bytes broken[] = {
        BYTES(""),
        BYTES("\6\0\0\0\0\0"),
        BYTES("\7\0\0\0\0\0\0"),             /* no end */
        BYTES("\x08\0\0\0\0\0\xff"),         /* another size */
        BYTES("\7\0\0\0\1\0\xff"),           /* another count */
        BYTES("\x08\0\0\0\1\0\5\xff"),       /* no backward length */
        BYTES("\x09\0\0\0\1\0\5\2\xff"),     /* a wrong one */
        BYTES("\x0a\0\0\0\1\0\5\0\x81\xff"), /* a padded one */
        BYTES("\x09\0\0\0\1\0\xf5\1\xff"),   /* a head that does not exist */
        BYTES("\x09\0\0\0\1\0\x83\1\xff"),   /* strings and integers that go on outside */
        BYTES("\x09\0\0\0\1\0\xe0\1\xff"),
        BYTES("\x09\0\0\0\1\0\xf4\1\xff"),
        BYTES("\x0c\0\0\0\1\0\xf0\xff\xff\xff\xff\xff"),
        BYTES("\x0a\0\0\0\1\0\xff\0\1\xff"), /* the end before the end */
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char *copy = malloc(broken[i].len);
        if (broken[i].len) memcpy(copy, broken[i].data, broken[i].len);
        assert_false(pack_validate(bytes_make(copy, broken[i].len), true, NULL, NULL));
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_pack_has_nothing),
        cmocka_unit_test(integers_are_encoded_as_listpacks_do),
        cmocka_unit_test(strings_are_encoded_as_listpacks_do),
        cmocka_unit_test(only_canonical_integers_are_integers),
        cmocka_unit_test(a_backward_length_too_long_is_read),
        cmocka_unit_test(strings_of_digits_are_found),
        cmocka_unit_test(edits_do_what_they_do_to_an_array),
        cmocka_unit_test(beyond_65534_elements_are_counted),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(memory_of_others_is_edited_in_place),
        cmocka_unit_test(a_visitor_may_refuse),
        cmocka_unit_test(broken_packs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
