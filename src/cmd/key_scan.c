/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that look at the keys of a whole database: KEYS, SCAN, RANDOMKEY. */
#include "cmd/key.h"
#include "cmd/shared_scan.h"

/* Which keys to show, and where. */
struct listing {
    struct scan_options options;
    struct reply *reply;
    size_t shown;
};

static void show_key(void *context, const struct entry *e) {
    struct listing *listing = context;
    enum value_type type = listing->options.type;
    struct bytes name = entry_key(e);
    if (type != TYPE_COUNT && type != entry_type(e)) return;
    if (!scan_matches(&listing->options, name)) return;
    reply_bulk(listing->reply, name);
    listing->shown++;
}

void key_keys(struct call *call) {
    struct listing listing = {.options = {.pattern = call->argv[1],
                                          .all = bytes_equal(call->argv[1], BYTES("*")),
                                          .type = TYPE_COUNT},
                              .reply = call->reply};
    size_t mark = reply_open(call->reply);
    keyspace_scan(&call->view, 0, UINT64_MAX, show_key, &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

static void show_random_key(void *context, const struct entry *e) {
    reply_bulk(context, entry_key(e));
}

void key_randomkey(struct call *call) {
    if (!keyspace_random(&call->view, show_random_key, call->reply)) reply_null(call->reply);
}

void key_scan(struct call *call) {
    uint64_t cursor;
    struct listing listing = {0};
    if (!scan_parse_cursor(call, call->argv[1], &cursor) ||
        !scan_parse_keyspace_options(call, &listing.options))
        return;
    struct scan_output output;
    scan_output_begin(call, &output);
    listing.reply = &output.elements;
    cursor = keyspace_scan(&call->view, cursor, listing.options.count, show_key, &listing);
    output.count = listing.shown;
    scan_output_end(call, &output, cursor);
}
