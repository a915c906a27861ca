/* SPDX-License-Identifier: BSD-3-Clause */
/* DEBUG PROTOCOL: one reply of each RESP type, for the tests of client libraries. */
#include "cmd/debug.h"

static void show_string(struct reply *r) {
    reply_bulk_text(r, "Hello World");
}

static void show_integer(struct reply *r) {
    reply_integer(r, 12345);
}

static void show_double(struct reply *r) {
    reply_double(r, 3.141);
}

static void show_array(struct reply *r) {
    reply_array(r, 3);
    for (int i = 0; i < 3; i++)
        reply_integer(r, i);
}

static void show_set(struct reply *r) {
    reply_set(r, 3);
    for (int i = 0; i < 3; i++)
        reply_integer(r, i);
}

static void show_map(struct reply *r) {
    reply_map(r, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(r, i);
        reply_bool(r, i == 1);
    }
}

static void show_attribute(struct reply *r) {
    if (r->resp > 2) {
        reply_attribute(r, 1);
        reply_bulk_text(r, "key-popularity");
        reply_array(r, 2);
        reply_bulk_text(r, "key:123");
        reply_integer(r, 90);
    }
    reply_bulk_text(r, "Some real reply following the attribute");
}

/* The push comes after the reply, as pushes do that a command causes. */
static void show_push(struct reply *r) {
    if (r->resp == 2) {
        reply_error(r, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_bulk_text(r, "Some real reply following the push reply");
    reply_push(r, 2);
    reply_bulk_text(r, "server-cpu-usage");
    reply_integer(r, 42);
}

static void show_verbatim(struct reply *r) {
    reply_verbatim(r, "txt", BYTES("This is a verbatim\nstring"));
}

static void show_true(struct reply *r) {
    reply_bool(r, true);
}

static void show_false(struct reply *r) {
    reply_bool(r, false);
}

static void show_big_number(struct reply *r) {
    reply_big_number(r, BYTES("1234567999999999999999999999999999999"));
}

void debug_protocol(struct call *call) {
    static const struct {
        const char *name;
        void (*show)(struct reply *);
    } types[] = {
        {"string", show_string},     {"integer", show_integer},  {"double", show_double},
        {"null", reply_null},        {"array", show_array},      {"set", show_set},
        {"map", show_map},           {"attrib", show_attribute}, {"push", show_push},
        {"true", show_true},         {"false", show_false},      {"verbatim", show_verbatim},
        {"bignum", show_big_number},
    };
    for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
        if (!bytes_is(call->argv[2], types[i].name)) continue;
        types[i].show(call->reply);
        return;
    }
    reply_error(call->reply, "ERR Wrong protocol type name. Please use one of the following: "
                             "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                             "true|false");
}
