/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that look at the keys of a whole database: KEYS, SCAN, RANDOMKEY. */
#include "base/ensure.h"
#include "cmd/key.h"
#include "cmd/shared_scan.h"
#include "exec/background.h"
#include "sys/memory.h"

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

/* ---- KEYS ---- */

#define KEYS_AT_ONCE (1u << 16) /* what takes more than a few milliseconds goes in steps */
#define KEYS_A_STEP  (1u << 13)

struct keys_task {
    struct background_task task;
    struct listing listing;
    unsigned partition; /* the next */
    char pattern[];
};

/* The other partitions have about as much to show. */
static void expect_rest(const struct keys_task *keys, struct reply *reply) {
    size_t each = reply->out->len / keys->partition;
    reply_expect(reply, (each + each / 8) * (PARTITION_COUNT - keys->partition));
}

/* A few partitions, each as it is then. */
static bool list_some(struct background_task *task, struct call *call) {
    struct keys_task *keys = CONTAINER_OF(task, struct keys_task, task);
    uint64_t seen = 0;
    if (!call->session) return true;
    keys->listing.reply = call->reply;
    while (keys->partition < PARTITION_COUNT && seen < KEYS_A_STEP &&
           keyspace_scan_partition(&call->view, keys->partition, show_key, &keys->listing, &seen))
        keys->partition++;
    if (call->reply->failed) return true;
    if (keys->partition == PARTITION_COUNT)
        reply_close_array(call->reply, 0, keys->listing.shown);
    else if (keys->partition)
        expect_rest(keys, call->reply);
    return keys->partition == PARTITION_COUNT;
}

static void free_task(struct background_task *task) {
    memory_free(CONTAINER_OF(task, struct keys_task, task));
}

static struct scan_options pattern_options(struct bytes pattern) {
    return (struct scan_options){
        .pattern = pattern, .all = bytes_equal(pattern, BYTES("*")), .type = TYPE_COUNT};
}

static bool list_in_steps(struct call *call) {
    struct bytes pattern = call->argv[1];
    struct keys_task *keys = memory_alloc(sizeof *keys + pattern.len);
    if (!keys) return false;
    *keys = (struct keys_task){.task = {.finish = list_some, .free = free_task}};
    if (pattern.len) memcpy(keys->pattern, pattern.data, pattern.len);
    keys->listing.options = pattern_options(bytes_make(keys->pattern, pattern.len));
    background_start(call, &keys->task);
    return true;
}

void key_keys(struct call *call) {
    bool may_wait = !call->no_wait && !call->from_script && !call->reply->muted;
    if (may_wait && keyspace_size(call->view.keyspace, call->view.db).keys > KEYS_AT_ONCE &&
        list_in_steps(call))
        return;
    struct listing listing = {.options = pattern_options(call->argv[1]), .reply = call->reply};
    size_t mark = reply_open(call->reply);
    keyspace_scan(&call->view, 0, UINT64_MAX, show_key, &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

/* ---- SCAN, RANDOMKEY ---- */

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
