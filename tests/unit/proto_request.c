/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parser makes of an input is written down as text, "GET(key) " a request and "!error" at
 * the end, so that tests compare strings and so that any way of cutting the input can be compared
 * with any other. */
#include "base/ensure.h"
#include "base/random.h"
#include "proto/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

static const struct request_limits limits = {
    .bulk_max = 512 << 20, .args_max = INT32_MAX, .inline_max = 64 << 10};
static const struct request_limits strict = {
    .bulk_max = 512 << 20, .args_max = INT32_MAX, .inline_max = 64 << 10, .unauthenticated = true};

#define PING "*1\r\n$4\r\nPING\r\n"

/* ---- a connection: input that waits, a parser, and what came out ---- */

struct peer {
    const struct request_limits *limits;
    struct request_parser parser;
    struct request_batch batch;
    struct buffer waiting;
    struct buffer seen;
    bool closed;
};

static void note(struct peer *peer, const struct request *request) {
    assert_true(request->argc >= 1);
    for (uint32_t i = 0; i < request->argc; i++) {
        if (i) buffer_append_char(&peer->seen, i == 1 ? '(' : ',');
        buffer_append_bytes(&peer->seen, request->argv[i]);
    }
    buffer_append(&peer->seen, ") ", request->argc > 1 ? 2 : 0);
    if (request->argc == 1) buffer_append_char(&peer->seen, ' ');
}

/* Parses what waits from a copy of exactly its size, so that the address sanitizer sees a read
 * beyond it, and so that the input is never twice in the same place. */
static enum request_status parse_waiting(struct peer *peer) {
    struct bytes error;
    size_t len = peer->waiting.len;
    char *copy = malloc(len + 1);
    if (len) memcpy(copy + 1, peer->waiting.data, len);
    enum request_status status =
        request_parse(&peer->parser, peer->limits, bytes_make(copy + 1, len), &peer->batch, &error);
    size_t end = 0;
    for (unsigned i = 0; i < peer->batch.count; i++) {
        assert_true(peer->batch.items[i].end > end);
        end = peer->batch.items[i].end;
        note(peer, &peer->batch.items[i]);
    }
    assert_true(end <= peer->batch.consumed && peer->batch.consumed <= len);
    if (status == REQUEST_INVALID) {
        assert_int_equal(error.data[error.len], 0);
        buffer_append_char(&peer->seen, '!');
        buffer_append_bytes(&peer->seen, error);
        peer->closed = true;
    }
    if (status == REQUEST_OK && peer->batch.consumed < len)
        assert_true(request_wanted(&peer->parser) > len - peer->batch.consumed);
    if (status != REQUEST_OK || peer->batch.consumed == len)
        assert_int_equal(request_wanted(&peer->parser), 0);
    free(copy);
    buffer_consume(&peer->waiting, peer->batch.consumed);
    return status;
}

static void feed(struct peer *peer, struct bytes piece) {
    if (peer->closed) return;
    buffer_append_bytes(&peer->waiting, piece);
    while (parse_waiting(peer) == REQUEST_FULL) {
    }
}

static void peer_free(struct peer *peer) {
    request_batch_free(&peer->batch);
    buffer_free(&peer->waiting);
    buffer_free(&peer->seen);
}

static void expect_with(const struct request_limits *with, struct bytes input,
                        struct bytes expected) {
    struct peer peer = {.limits = with};
    feed(&peer, input);
    if (!bytes_equal(buffer_bytes(&peer.seen), expected))
        fail_msg("'%.*s' gave '%.*s' instead of '%s'", (int)MIN(input.len, (size_t)60), input.data,
                 (int)MIN(peer.seen.len, (size_t)100), peer.seen.data, expected.data);
    peer_free(&peer);
}

#define EXPECT(input, expected)   expect_with(&limits, BYTES(input), BYTES(expected))
#define EXPECT_ERROR(input, text) EXPECT(input, "!ERR Protocol error: " text)

/* ---- arrays ---- */

static void test_arrays(void **state) {
    EXPECT("", "");
    EXPECT(PING, "PING ");
    EXPECT("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n", "SET(key,value) ");
    EXPECT("*2\r\n$4\r\nECHO\r\n$10\r\n0123456789\r\n" PING, "ECHO(0123456789) PING ");
    EXPECT("*2\r\n$4\r\nECHO\r\n$4\r\na\r\nb\r\n", "ECHO(a\r\nb) ");
    EXPECT("*2\r\n$4\r\nECHO\r\n$3\r\na\0b\r\n", "ECHO(a\0b) ");
    EXPECT("*1\r\n$0\r\n\r\n" PING, " PING ");
    EXPECT("*2\r\n$0\r\n\r\n$0\r\n\r\n", "() ");
}

static void test_empty_requests_are_skipped(void **state) {
    EXPECT("\r\n\n\r\n" PING, "PING ");
    EXPECT("*0\r\n*-1\r\n*-5\r\n*-9223372036854775808\r\n" PING, "PING ");
    EXPECT("   \r\n\t\n\r\r\n" PING, "PING ");
}

static void test_incomplete_requests_wait(void **state) {
    static const char *const inputs[] = {"*",
                                         "*1",
                                         "*1\r",
                                         "*1\r\n",
                                         "*1\r\nX",
                                         "*1\r\nX\r",
                                         "*1\r\n$4\r",
                                         "*1\r\n$4\r\nP",
                                         "*1\r\n$0\r\n",
                                         "*1\r\n$4\r\nPINGX",
                                         "*2147483647\r\n",
                                         "*1\r\n$536870912\r\n",
                                         "PING",
                                         "PING\r"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++)
        expect_with(&limits, bytes_of(inputs[i]), BYTES(""));
}

static void test_bad_multibulk_length(void **state) {
    EXPECT_ERROR("*\r\n", "invalid multibulk length");
    EXPECT_ERROR("*x\r\n", "invalid multibulk length");
    EXPECT_ERROR("*+1\r\n", "invalid multibulk length");
    EXPECT_ERROR("*01\r\n", "invalid multibulk length");
    EXPECT_ERROR("*00\r\n", "invalid multibulk length");
    EXPECT_ERROR("*-0\r\n", "invalid multibulk length");
    EXPECT_ERROR("* 1\r\n", "invalid multibulk length");
    EXPECT_ERROR("*1 \r\n", "invalid multibulk length");
    EXPECT_ERROR("*1\n$4\r\nPING\r\n", "invalid multibulk length");
    EXPECT_ERROR("*2147483648\r\n", "invalid multibulk length");
    EXPECT_ERROR("*999999999999999999\r\n", "invalid multibulk length");
    EXPECT_ERROR("*9999999999999999999999\r\n", "invalid multibulk length");
    EXPECT_ERROR("*-9223372036854775809\r\n", "invalid multibulk length");
}

static void test_bad_bulk_length(void **state) {
    EXPECT_ERROR("*1\r\n$\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$-1\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$-0\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$04\r\nPING\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$+4\r\nPING\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$536870913\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$9223372036854775807\r\n", "invalid bulk length");
    EXPECT_ERROR("*1\r\n$99999999999999999999\r\n", "invalid bulk length");
}

static void test_no_bulk(void **state) {
    EXPECT_ERROR("*1\r\nX\r\n", "expected '$', got 'X'");
    EXPECT_ERROR("*1\r\nX\rX", "expected '$', got 'X'");
    EXPECT_ERROR("*1\r\n\r\n", "expected '$', got '\r'");
    EXPECT_ERROR("*1\r\n\0\r\n", "expected '$', got '\0'");
    EXPECT_ERROR("*1\r\n\xff\r\n", "expected '$', got '\xff'");
    EXPECT_ERROR("*2\r\n$4\r\nPING\r\n*1\r\n", "expected '$', got '*'");
}

static void test_bad_line_ends(void **state) {
    EXPECT_ERROR("*1\rX", "invalid CRLF in request");
    EXPECT_ERROR("*x\rX", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$4\rX", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$x\rX", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$4\r\nPINGXY", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$4\r\nPING\rX", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$4\r\nPINGX\n", "invalid CRLF in request");
    EXPECT_ERROR("*1\r\n$0\r\nXX", "invalid CRLF in request");
}

static void test_requests_before_an_error_count(void **state) {
    EXPECT(PING "*x\r\n" PING, "PING !ERR Protocol error: invalid multibulk length");
    EXPECT(PING PING "*2\r\n$1\r\na\r\n$x\r\n",
           "PING PING !ERR Protocol error: invalid bulk length");
    EXPECT("PING\r\nPING \"\r\nPING\r\n", "PING !ERR Protocol error: unbalanced quotes in request");
}

static void test_an_error_is_found_again(void **state) {
    struct peer peer = {.limits = &limits};
    feed(&peer, BYTES("*2\r\n$4\r\nPING\r\n"));
    buffer_append_bytes(&peer.waiting, BYTES("X\r\n"));
    assert_int_equal(parse_waiting(&peer), REQUEST_INVALID);
    assert_int_equal(parse_waiting(&peer), REQUEST_INVALID);
    peer_free(&peer);
}

/* A line that does not end: a head, then so many of one byte. */
static void expect_long(const char *head, char fill, size_t count, const char *tail,
                        const char *expected) {
    struct buffer input = {0};
    buffer_append_bytes(&input, bytes_of(head));
    for (size_t i = 0; i < count; i++)
        buffer_append_char(&input, fill);
    buffer_append_bytes(&input, bytes_of(tail));
    expect_with(&limits, buffer_bytes(&input), bytes_of(expected));
    buffer_free(&input);
}

static void test_lines_that_do_not_end(void **state) {
    expect_long("*", '1', 65535, "", "");
    expect_long("*", '1', 65536, "", "!ERR Protocol error: too big mbulk count string");
    expect_long("*", '1', 70000, "\r\n", "!ERR Protocol error: invalid multibulk length");
    expect_long("*1\r\n$", '1', 65535, "", "");
    expect_long("*1\r\n$", '1', 65536, "", "!ERR Protocol error: too big bulk count string");
    expect_long("*1\r\n$", '1', 70000, "\r\n", "!ERR Protocol error: invalid bulk length");
    expect_long("*1\r\nX", '1', 65536, "", "!ERR Protocol error: too big bulk count string");
    expect_long("", 'a', 65536, "", "");
    expect_long("", 'a', 65537, "", "!ERR Protocol error: too big inline request");
    expect_long("PING ", '\0', 70000, "\n", "!ERR Protocol error: too big inline request");
    expect_long("", ' ', 70000, "PING\n", "PING ");
}

static void test_unauthenticated(void **state) {
    expect_with(&strict, BYTES("*10\r\n$16384\r\n"), BYTES(""));
    expect_with(&strict, BYTES("*11\r\n"),
                BYTES("!ERR Protocol error: unauthenticated multibulk length"));
    expect_with(&strict, BYTES("*2147483648\r\n"),
                BYTES("!ERR Protocol error: invalid multibulk length"));
    expect_with(&strict, BYTES("*1\r\n$16385\r\n"),
                BYTES("!ERR Protocol error: unauthenticated bulk length"));
    expect_with(&strict, BYTES("*1\r\n$536870913\r\n"),
                BYTES("!ERR Protocol error: invalid bulk length"));
    expect_with(&strict, BYTES("*1\r\n$-1\r\n"), BYTES("!ERR Protocol error: invalid bulk length"));
}

static void test_authenticating_in_a_pipeline(void **state) {
    struct peer peer = {.limits = &strict};
    buffer_append_bytes(&peer.waiting, BYTES("AUTH x\r\n*12\r\n$1\r\na\r\n"));
    assert_int_equal(parse_waiting(&peer), REQUEST_FULL);
    peer.limits = &limits;
    assert_int_equal(parse_waiting(&peer), REQUEST_OK);
    assert_int_equal(peer.parser.args_left, 11);
    peer_free(&peer);
}

/* ---- inline commands ---- */

static void test_inline(void **state) {
    EXPECT("PING\r\n", "PING ");
    EXPECT("PING\nPING\r\r\n", "PING PING ");
    EXPECT("  SET\tkey  value \r\n", "SET(key,value) ");
    EXPECT("ECHO \"a b\\x41\\n\" 'it\\'s'\r\n", "ECHO(a bA\n,it's) ");
    EXPECT("ECHO \"\"\r\n\"\"\r\n", "ECHO()  ");
    EXPECT("+OK\r\n" PING " *1\r\n", "+OK PING *1 ");
    EXPECT_ERROR("PING \"a\r\n", "unbalanced quotes in request");
    EXPECT_ERROR("PING 'a\r\n", "unbalanced quotes in request");
    EXPECT("PING \0\r\nPING\r\n", "");
}

static void test_many_inline_commands(void **state) {
    struct buffer input = {0}, expected = {0};
    for (int i = 0; i < 2000; i++) {
        buffer_printf(&input, "ECHO %0*d \"%d\"\r\n", 1 + i, i, i);
        buffer_printf(&expected, "ECHO(%0*d,%d) ", 1 + i, i, i);
    }
    expect_with(&limits, buffer_bytes(&input), buffer_bytes(&expected));
    buffer_free(&input);
    buffer_free(&expected);
}

/* ---- batches ---- */

static void test_batch_is_bounded(void **state) {
    struct peer peer = {.limits = &limits};
    for (int i = 0; i < REQUEST_BATCH_MAX; i++)
        buffer_append_bytes(&peer.waiting, BYTES(PING));
    assert_int_equal(parse_waiting(&peer), REQUEST_OK);
    assert_int_equal(peer.batch.count, REQUEST_BATCH_MAX);
    for (int i = 0; i <= REQUEST_BATCH_MAX; i++)
        buffer_append_bytes(&peer.waiting, BYTES(PING));
    assert_int_equal(parse_waiting(&peer), REQUEST_FULL);
    assert_int_equal(peer.batch.count, REQUEST_BATCH_MAX);
    assert_int_equal(parse_waiting(&peer), REQUEST_OK);
    assert_int_equal(peer.batch.count, 1);
    peer_free(&peer);
}

static void test_slices_that_move(void **state) {
    struct buffer input = {0}, expected = {0};
    for (int i = 1; i < 60; i++) {
        buffer_printf(&input, "*%d\r\n$1\r\na\r\n", i * 10 + 1);
        buffer_append_char(&expected, 'a');
        for (int j = 0; j < i * 10; j++) {
            buffer_printf(&input, "$%d\r\n%03d\r\n", 3, j);
            buffer_printf(&expected, "%c%03d", j ? ',' : '(', j);
        }
        buffer_append_bytes(&expected, BYTES(") "));
    }
    expect_with(&limits, buffer_bytes(&input), buffer_bytes(&expected));
    buffer_free(&input);
    buffer_free(&expected);
}

/* ---- what large requests cost ---- */

static void test_announcing_costs_nothing(void **state) {
    struct peer peer = {.limits = &limits};
    feed(&peer, BYTES("*1000000000\r\n$3\r\nDEL\r\n$1\r\n"));
    assert_true(peer.batch.slices.cap < 4096);
    peer_free(&peer);
}

static void test_many_arguments_in_pieces(void **state) {
    enum { COUNT = 200000, PIECE = 16 << 10 };
    struct buffer input = {0};
    buffer_printf(&input, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++)
        buffer_append_bytes(&input, BYTES("$4\r\nword\r\n"));
    struct request_parser parser = {0};
    struct request_batch batch = {0};
    struct bytes error;
    size_t last = 0;
    for (size_t len = PIECE; len < input.len; len += PIECE) {
        struct bytes piece = bytes_make(input.data, len);
        assert_int_equal(request_parse(&parser, &limits, piece, &batch, &error), REQUEST_OK);
        assert_int_equal(batch.count, 0);
        assert_true(parser.at > last && parser.at + 10 > len); /* it never goes back */
        last = parser.at;
    }
    assert_int_equal(request_parse(&parser, &limits, buffer_bytes(&input), &batch, &error),
                     REQUEST_OK);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.items[0].argc, COUNT);
    assert_int_equal(batch.consumed, input.len);
    assert_true(bytes_equal(batch.items[0].argv[COUNT - 1], BYTES("word")));
    assert_int_equal(request_parse(&parser, &limits, BYTES(PING), &batch, &error), REQUEST_OK);
    assert_true(batch.slices.cap < 1 << 20); /* gives back what the large one needed */
    request_batch_free(&batch);
    buffer_free(&input);
}

static void test_large_bulk_is_not_read(void **state) {
    static const char head[] = "*2\r\n$4\r\nECHO\r\n$536870912\r\n";
    const size_t bulk = 512 << 20, total = sizeof head - 1 + bulk + 2;
    char *input = mmap(NULL, total, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(input, MAP_FAILED);
    memcpy(input, head, sizeof head - 1);
    memcpy(input + total - 2, "\r\n", 2);
    struct request_parser parser = {0};
    struct request_batch batch = {0};
    struct bytes error;
    for (size_t len = 100; len < total; len += bulk / 64) {
        assert_int_equal(request_parse(&parser, &limits, bytes_make(input, len), &batch, &error),
                         REQUEST_OK);
        assert_int_equal(batch.count, 0);
        assert_int_equal(request_wanted(&parser), total);
    }
    assert_int_equal(request_parse(&parser, &limits, bytes_make(input, total), &batch, &error),
                     REQUEST_OK);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.items[0].argv[1].len, bulk);
    request_batch_free(&batch);
    munmap(input, total);
}

static void *no_memory(void *pointer, size_t size) {
    return NULL;
}

static void test_no_memory(void **state) {
    static const char *const inputs[] = {"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", "ECHO a\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct request_parser parser = {0};
        struct request_batch batch = {0};
        struct bytes error = {0};
        buffer_set_realloc(no_memory);
        enum request_status status =
            request_parse(&parser, &limits, bytes_of(inputs[i]), &batch, &error);
        buffer_set_realloc(NULL);
        assert_int_equal(status, REQUEST_NO_MEMORY);
        assert_true(bytes_starts_with(error, BYTES("ERR ")));
        assert_int_equal(batch.count, 0);
        request_batch_free(&batch);
    }
}

/* ---- properties ---- */

static void append_bulk(struct buffer *out, struct random *random) {
    size_t len = random_below(random, random_below(random, 8) ? 20 : 3000);
    buffer_printf(out, "$%zu\r\n", len);
    for (size_t i = 0; i < len; i++)
        buffer_append_char(out, (char)random_next(random));
    buffer_append_bytes(out, BYTES("\r\n"));
}

static void append_request(struct buffer *out, struct random *random) {
    static const char *const others[] = {
        "\r\n", "*0\r\n", "*-1\r\n", "PING\r\n", "GET \"a b\" 'c'\n", "  SET a\tb\r\n"};
    if (random_below(random, 4) == 0) {
        buffer_append_bytes(out, bytes_of(others[random_below(random, ARRAY_LEN(others))]));
        return;
    }
    uint64_t argc = 1 + random_below(random, random_below(random, 20) ? 5 : 300);
    buffer_printf(out, "*%llu\r\n", (unsigned long long)argc);
    for (uint64_t i = 0; i < argc; i++)
        append_bulk(out, random);
}

/* Feeds the input whole and in random pieces of up to `piece_max` bytes. */
static void expect_same_in_pieces(struct bytes input, struct random *random, size_t piece_max) {
    struct peer whole = {.limits = &limits}, cut = {.limits = &limits};
    feed(&whole, input);
    for (struct bytes rest = input; rest.len;) {
        size_t n = MIN(1 + random_below(random, piece_max), rest.len);
        feed(&cut, bytes_make(rest.data, n));
        rest = bytes_skip(rest, n);
    }
    assert_int_equal(whole.closed, cut.closed);
    assert_true(bytes_equal(buffer_bytes(&whole.seen), buffer_bytes(&cut.seen)));
    if (!whole.closed) assert_int_equal(whole.waiting.len, cut.waiting.len);
    peer_free(&whole);
    peer_free(&cut);
}

static void test_any_pieces_give_the_same(void **state) {
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 60; round++) {
        struct buffer input = {0};
        for (uint64_t i = random_below(&random, 120); i; i--)
            append_request(&input, &random);
        expect_same_in_pieces(buffer_bytes(&input), &random, 20 + random_below(&random, 5000));
        if (input.len < 4000) expect_same_in_pieces(buffer_bytes(&input), &random, 1);
        buffer_free(&input);
    }
}

static void test_broken_input_gives_the_same(void **state) {
    struct random random;
    random_seed(&random, 2);
    for (int round = 0; round < 300; round++) {
        struct buffer input = {0};
        for (uint64_t i = 1 + random_below(&random, 8); i; i--)
            append_request(&input, &random);
        for (uint64_t i = random_below(&random, 4); i; i--)
            input.data[random_below(&random, input.len)] =
                "*$\r\n0129-x"[random_below(&random, 10)];
        expect_same_in_pieces(buffer_bytes(&input), &random, 1 + random_below(&random, 300));
        buffer_free(&input);
    }
}

static void test_garbage(void **state) {
    static const char alphabet[] = "**$$\r\r\n\n\r\n00112349-+ a\"'\\\0\xff";
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 20000; round++) {
        char input[64];
        size_t len = random_below(&random, sizeof input);
        for (size_t i = 0; i < len; i++)
            input[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
        expect_same_in_pieces(bytes_make(input, len), &random, 1 + random_below(&random, 10));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_empty_requests_are_skipped),
        cmocka_unit_test(test_incomplete_requests_wait),
        cmocka_unit_test(test_bad_multibulk_length),
        cmocka_unit_test(test_bad_bulk_length),
        cmocka_unit_test(test_no_bulk),
        cmocka_unit_test(test_bad_line_ends),
        cmocka_unit_test(test_requests_before_an_error_count),
        cmocka_unit_test(test_an_error_is_found_again),
        cmocka_unit_test(test_lines_that_do_not_end),
        cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_authenticating_in_a_pipeline),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_many_inline_commands),
        cmocka_unit_test(test_batch_is_bounded),
        cmocka_unit_test(test_slices_that_move),
        cmocka_unit_test(test_announcing_costs_nothing),
        cmocka_unit_test(test_many_arguments_in_pieces),
        cmocka_unit_test(test_large_bulk_is_not_read),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_any_pieces_give_the_same),
        cmocka_unit_test(test_broken_input_gives_the_same),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
