/* SPDX-License-Identifier: BSD-3-Clause */
/* RDB files: what is written is read; of files that are cut or changed anywhere it is noticed; what
 * old and foreign servers write is understood, skipped or refused by name. */
#include "base/ensure.h"
#include "journal/rdb_file.h"
#include "value/rdb_value.h"
#include "value/types.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS 1700000000000

/* ---- memory in place of files ---- */

struct memory {
    struct bytes bytes;
    size_t at, most; /* bytes that one read gives */
    int status;      /* instead of the end */
};

static ssize_t read_memory(void *context, void *out, size_t size) {
    struct memory *m = context;
    size_t left = m->bytes.len - m->at, n = MIN(size, m->most);
    if (n > left) n = left;
    if (n) memcpy(out, m->bytes.data + m->at, n);
    m->at += n;
    return n ? (ssize_t)n : m->status;
}

static int write_memory(void *context, struct bytes piece) {
    return buffer_append_bytes(context, piece) ? 0 : -ENOMEM;
}

static struct rdb_key key_of(const char *name) {
    return (struct rdb_key){
        .name = bytes_of(name), .expiry = INT64_MIN, .idle = -1, .frequency = -1};
}

static void write_sample(struct buffer *out, bool checksum) {
    struct rdb_writer w;
    struct value text = {.type = TYPE_STRING, .small = BYTES("a value, a value, a value, a value")};
    struct value number = {.type = TYPE_STRING, .small = BYTES("-12345")};
    rdb_writer_begin(&w, (struct rdb_output){write_memory, out},
                     (struct rdb_format){RDB_VERSION, checksum});
    rdb_writer_aux(&w, BYTES("name"), BYTES("what"));
    rdb_writer_aux_number(&w, BYTES("number"), 77);
    rdb_writer_function(&w, BYTES("#!lua name=x\n"));
    rdb_writer_sizes(&w, 0, 2, 1);
    struct rdb_key key = key_of("one");
    key.expiry = NOW_MS + 5;
    key.idle = 9;
    assert_true(rdb_writer_key(&w, &key, &text));
    key = key_of("two");
    key.db = 3;
    key.frequency = 200;
    assert_true(rdb_writer_key(&w, &key, &number));
    assert_int_equal(rdb_writer_end(&w), 0);
    rdb_writer_free(&w);
}

/* ---- reading all of it ---- */

struct seen {
    unsigned aux, sizes, functions, keys, modules, slots, corrupt;
    char error[256];
    struct rdb_record last; /* key; texts are not kept */
};

static bool read_all(struct bytes bytes, size_t most, struct seen *seen) {
    struct memory memory = {bytes, 0, most, 0};
    struct rdb_file *file = rdb_file_open((struct rdb_input){read_memory, &memory});
    struct rdb_record r;
    struct buffer scratch = {0};
    *seen = (struct seen){0};
    do {
        struct value value = {0};
        bool no_memory;
        switch (rdb_file_next(file, &r)) {
        case RDB_ITEM_AUX: seen->aux++; break;
        case RDB_ITEM_SIZES: seen->sizes++; break;
        case RDB_ITEM_FUNCTION: seen->functions++; break;
        case RDB_ITEM_SLOT: seen->slots++; break;
        case RDB_ITEM_MODULE: seen->modules++; break;
        case RDB_ITEM_KEY:
            seen->keys++;
            seen->last = r;
            buffer_clear(&scratch);
            if (!rdb_file_value(file, &r, NOW_MS, &scratch, &value, &no_memory))
                seen->corrupt++;
            else if (value.large)
                value_ops(value.type)->free(value.object);
            break;
        default: break;
        }
    } while (r.item != RDB_ITEM_END && r.item != RDB_ITEM_ERROR);
    snprintf(seen->error, sizeof seen->error, "%s", rdb_file_error(file));
    bool good = r.item == RDB_ITEM_END;
    assert_int_equal(rdb_file_next(file, &r), good ? RDB_ITEM_END : RDB_ITEM_ERROR);
    rdb_file_close(file);
    buffer_free(&scratch);
    return good && !seen->corrupt;
}

/* ---- tests ---- */

static void test_what_is_written_is_read(void **state) {
    struct buffer out = {0};
    struct seen seen;
    write_sample(&out, true);
    for (size_t most = 1; most < 40; most++) {
        assert_true(read_all(buffer_bytes(&out), most, &seen));
        assert_int_equal(seen.aux, 2);
        assert_int_equal(seen.functions, 1);
        assert_int_equal(seen.sizes, 1);
        assert_int_equal(seen.keys, 2);
        assert_int_equal(seen.last.key.db, 3);
        assert_int_equal(seen.last.key.frequency, 200);
    }
    buffer_free(&out);
}

static void test_every_cut_is_found(void **state) {
    struct buffer out = {0};
    struct seen seen;
    for (int checksum = 0; checksum < 2; checksum++) {
        buffer_clear(&out);
        write_sample(&out, checksum);
        for (size_t size = 0; size < out.len; size++) {
            assert_false(read_all(bytes_make(out.data, size), 7, &seen));
            assert_non_null(strstr(seen.error, "offset"));
        }
    }
    buffer_free(&out);
}

static void test_every_changed_bit_is_found(void **state) {
    struct buffer out = {0};
    struct seen seen;
    write_sample(&out, true);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        if (read_all(buffer_bytes(&out), SIZE_MAX, &seen)) fail_msg("bit %zu", bit);
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(read_all(buffer_bytes(&out), SIZE_MAX, &seen));
    buffer_free(&out);
}

/* A body in the format of `version` between the magic word and the end, without checksum. */
static bool read_body(unsigned version, const char *body, size_t size, struct seen *seen) {
    struct buffer file = {0};
    static const char zeros[8];
    assert_true(buffer_printf(&file, version >= 80 ? "VALKEY%03u" : "REDIS%04u", version) &&
                buffer_append(&file, body, size) && buffer_append_char(&file, (char)0xff) &&
                (version < 5 || buffer_append(&file, zeros, sizeof zeros)));
    bool good = read_all(buffer_bytes(&file), SIZE_MAX, seen);
    buffer_free(&file);
    return good;
}

#define READ(version, body) read_body(version, body, sizeof(body) - 1, &seen)

static void test_old_versions(void **state) {
    struct seen seen;
    assert_true(READ(1, "\xfe\x00\x00\x01k\x01v"));
    assert_int_equal(seen.keys, 1);
    assert_true(READ(2, "\xfd\x00\x01\x00\x00\x00\x01k\x02vv"));
    assert_int_equal(seen.last.key.expiry, 256000);
    assert_true(READ(4, "\xfc\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01k\x02vv"));
    assert_int_equal(seen.last.key.expiry, 1);
    assert_true(READ(6, "\x01\x01l\x02\x01"
                        "a\xc0\x05")); /* a list of strings */
    assert_true(READ(6, "\x02\x01s\x02\x01"
                        "a\x01"
                        "b")); /* a set */
    assert_true(READ(6, "\x03\x01z\x01\x01"
                        "a\x03"
                        "1.5")); /* scores as text */
    assert_true(READ(6, "\x03\x01z\x02\x01"
                        "a\xfe\x01"
                        "b\xff")); /* infinite ones */
    assert_true(READ(6, "\x04\x01h\x01\x01"
                        "a\x01"
                        "b")); /* a hash */
    assert_true(READ(6, "\x09\x01h\x07\x01\x01"
                        "a\x01\x00"
                        "b\xff"));                                                 /* a zipmap */
    assert_true(READ(7, "\x0b\x01i\x0a\x02\x00\x00\x00\x01\x00\x00\x00\x05\x00")); /* integers */
    assert_true(READ(8, "\x05\x01z\x01\x01"
                        "a\x00\x00\x00\x00\x00\x00\xf8\x3f"));
    assert_true(READ(11, "\xf8\x41\x00\xf9\x07\x00\x01k\x01v"));
    assert_int_equal(seen.last.key.idle, 256);
    assert_int_equal(seen.last.key.frequency, 7);
}

static void test_clusters_and_functions(void **state) {
    struct seen seen;
    assert_true(READ(80, "\xf4\x01\x02\x03\x00\x01k\x01v"));
    assert_int_equal(seen.slots, 1);
    assert_true(READ(80, "\xf3\x02nn\x02\x01\x02\x03\x04"));
    assert_int_equal(seen.slots, 1);
    assert_true(READ(10, "\xf5\x04"
                         "code"));
    assert_int_equal(seen.functions, 1);
    assert_false(READ(10, "\xf6\x04"
                          "code"));
    assert_non_null(strstr(seen.error, "release candidate"));
}

/* An id of nine times 'A' and version 0 is 0. */
static void test_modules(void **state) {
    struct seen seen;
    assert_true(READ(9, "\xf7\x00\x02\x01\x05\x02hi\x00")); /* of the module itself */
    assert_int_equal(seen.modules, 1);
    assert_true(READ(9, "\x07\x01k\x00\x01\x05\x02\x07\x03"
                        "1234\x04"
                        "12345678\x05\x01x\x00"
                        "\x00\x01k\x01v"));
    assert_int_equal(seen.modules, 1);
    assert_int_equal(seen.keys, 1);
    assert_false(READ(9, "\x07\x01k\x00\x09"));
    assert_non_null(strstr(seen.error, "AAAAAAAAA"));
    assert_false(READ(8, "\x06\x01k\x00"));
    assert_non_null(strstr(seen.error, "module"));
}

static void test_what_is_refused(void **state) {
    struct seen seen;
    assert_false(READ(0, ""));
    assert_false(READ(81, ""));
    assert_false(read_all(BYTES("REDIS0080\xff"), 9, &seen));
    assert_false(read_all(BYTES("REDIS00x9\xff"), 9, &seen));
    assert_false(READ(12, "\x1a\x01k"));
    assert_string_equal(seen.error, "type 26 is not known, at offset 12");
    assert_false(READ(11, "\x00\x01k\xc7"));
    assert_non_null(strstr(seen.error, "0xc7 begins no string"));
    assert_false(READ(11, "\x02\x01k\x82"));
    assert_non_null(strstr(seen.error, "begins no length"));
    /* Whatever number is claimed, memory is taken for what is there. */
    assert_false(READ(11, "\x00\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff"));
    assert_false(READ(11, "\x02\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff"));
    /* A value that is corrupt, with one behind it. */
    assert_false(READ(11, "\x0b\x01k\x02zz\x00\x01k\x01v"));
    assert_int_equal(seen.corrupt, 1);
    assert_int_equal(seen.keys, 2);
}

static void test_an_input_that_fails(void **state) {
    struct memory memory = {BYTES("REDIS0011"), 0, 4, -EIO};
    struct rdb_file *file = rdb_file_open((struct rdb_input){read_memory, &memory});
    struct rdb_record r;
    assert_int_equal(rdb_file_next(file, &r), RDB_ITEM_ERROR);
    assert_string_equal(rdb_file_error(file), "cannot be read: Input/output error, at offset 9");
    rdb_file_close(file);
}

static int write_nothing(void *context, struct bytes piece) {
    return -ENOSPC;
}

static void test_an_output_that_fails(void **state) {
    struct rdb_writer w;
    struct value value = {.type = TYPE_STRING, .small = BYTES("v")};
    struct rdb_key key = key_of("k");
    rdb_writer_begin(&w, (struct rdb_output){write_nothing, NULL},
                     (struct rdb_format){RDB_VERSION, true});
    for (unsigned i = 0; i < 200000; i++)
        rdb_writer_key(&w, &key, &value);
    assert_true(w.buffer.cap < 4 << 20);
    assert_int_equal(rdb_writer_end(&w), -ENOSPC);
    rdb_writer_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_every_cut_is_found),
        cmocka_unit_test(test_every_changed_bit_is_found),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_clusters_and_functions),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_an_input_that_fails),
        cmocka_unit_test(test_an_output_that_fails),
    };
    value_types_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
