/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of the RDB format. Whole values are compared with Valkey's (tests/differential), and
 * hostile ones are for the fuzzer. */
#include "base/random.h"
#include "value/rdb.h"
#include "value/rdb_lzf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_lengths(void **state) {
    static const uint64_t lengths[] = {0,     1,         63,         64,         16383,
                                       16384, INT32_MAX, UINT32_MAX, 1ull << 32, UINT64_MAX};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 5, 5, 5, 9, 9};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buffer out = {0};
        uint64_t back;
        assert_true(rdb_write_length(&out, lengths[i]));
        assert_int_equal(out.len, sizes[i]);
        struct rdb_reader reader = {.left = buffer_bytes(&out)};
        assert_true(rdb_read_length(&reader, &back));
        assert_true(back == lengths[i]);
        assert_int_equal(reader.left.len, 0);
        for (size_t cut = 0; cut < out.len; cut++) {
            reader.left = bytes_make(out.data, cut);
            assert_false(rdb_read_length(&reader, &back));
        }
        buffer_free(&out);
    }
}

static void check_string(struct bytes text, size_t size) {
    struct buffer out = {0};
    struct rdb_text back = {0};
    assert_true(rdb_write_string(&out, text));
    if (size) assert_int_equal(out.len, size);
    struct rdb_reader reader = {.left = buffer_bytes(&out)};
    assert_true(rdb_read_text(&reader, &back));
    assert_true(bytes_equal(back.bytes, text));
    assert_int_equal(reader.left.len, 0);
    rdb_text_free(&back);
    buffer_free(&out);
}

static void test_strings(void **state) {
    char text[1000];
    check_string(BYTES(""), 1);
    check_string(BYTES("hello"), 6);
    check_string(BYTES("-128"), 2);
    check_string(BYTES("32767"), 3);
    check_string(BYTES("-2147483648"), 5);
    check_string(BYTES("2147483648"), 11);
    check_string(BYTES("007"), 4);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 7);
    check_string(bytes_make(text, 20), 21);
    check_string(bytes_make(text, sizeof text), 0);
    rdb_compression = false;
    check_string(bytes_make(text, sizeof text), 2 + sizeof text);
    rdb_compression = true;
}

static void test_lzf(void **state) {
    char text[3000], packed[4000], back[3000];
    struct random random;
    random_seed(&random, 1);
    for (unsigned round = 0; round < 2000; round++) {
        unsigned letters = 1 + (unsigned)random_below(&random, 6),
                 size = (unsigned)random_below(&random, sizeof text);
        for (unsigned i = 0; i < size; i++)
            text[i] = (char)(random_below(&random, 20) ? 'a' + random_below(&random, letters)
                                                       : random_below(&random, 256));
        size_t length = lzf_compress(bytes_make(text, size), packed, sizeof packed);
        if (!size) continue;
        assert_true(length > 0);
        assert_true(length <= size + size / 16 + 16);
        assert_true(size <= lzf_expanded_max(length));
        assert_true(lzf_expand(bytes_make(packed, length), back, size));
        assert_memory_equal(text, back, size);
        assert_false(lzf_expand(bytes_make(packed, length), back, size - 1));
        assert_false(lzf_expand(bytes_make(packed, length - 1), back, size));
    }
}

static void test_compressed_lies(void **state) {
    static const struct bytes lies[] = {
        {"\xc3\x01\x05\x00", 4},                                  /* literals that are cut off */
        {"\xc3\x02\x05\x20\x00", 5},                              /* nothing to copy from */
        {"\xc3\x04\x40\xff\x00\x61\x20\x00", 8},                  /* longer than said */
        {"\xc3\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00", 12}, /* too good to be true */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct rdb_reader reader = {.left = lies[i]};
        struct rdb_text text = {0};
        assert_false(rdb_read_text(&reader, &text));
        assert_false(reader.no_memory);
        rdb_text_free(&text);
    }
}

static void test_checksum(void **state) {
    struct bytes digits = BYTES("123456789");
    assert_true(rdb_checksum(0, digits) == 0xe9c6d914c4b8d9ca);
    char text[1000];
    uint64_t whole = 0; /* a byte at a time: long pieces are summed in another way */
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * i * 37 >> 3);
        whole = rdb_checksum(whole, bytes_make(text + i, 1));
    }
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        uint64_t first = rdb_checksum(0, bytes_make(text, cut));
        assert_true(rdb_checksum(first, bytes_make(text + cut, sizeof text - cut)) == whole);
    }
}

static void test_payloads(void **state) {
    struct buffer payload = {0};
    struct rdb_reader reader;
    assert_true(buffer_append_bytes(&payload, BYTES("a value")));
    assert_true(rdb_payload_end(&payload, RDB_VERSION));
    assert_int_equal(payload.len, strlen("a value") + RDB_FOOTER_SIZE);
    assert_true(rdb_payload_open(&reader, buffer_bytes(&payload), 0));
    assert_true(bytes_equal(reader.left, BYTES("a value")));
    assert_int_equal(reader.version, RDB_VERSION);
    for (size_t bit = 0; bit < payload.len * 8; bit++) {
        payload.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(rdb_payload_open(&reader, buffer_bytes(&payload), 0));
        payload.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < payload.len; cut++)
        assert_false(rdb_payload_open(&reader, bytes_make(payload.data, cut), 0));
    buffer_clear(&payload);
    assert_true(rdb_payload_end(&payload, RDB_VERSION + 1));
    assert_false(rdb_payload_open(&reader, buffer_bytes(&payload), 0));
    buffer_free(&payload);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_strings),
        cmocka_unit_test(test_lzf),      cmocka_unit_test(test_compressed_lies),
        cmocka_unit_test(test_checksum), cmocka_unit_test(test_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
