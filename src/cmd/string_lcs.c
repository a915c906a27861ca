/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/string_lcs.h"
#include "cmd/shared_string.h"
#include "cmd/string.h"
#include "sys/memory.h"

struct lcs_options {
    bool length, indexes, match_lengths;
    int64_t shortest; /* match that is shown */
};

static bool parse_options(struct call *call, struct lcs_options *out) {
    *out = (struct lcs_options){0};
    for (unsigned i = 3; i < call->argc; i++) {
        struct bytes word = call->argv[i];
        if (bytes_is(word, "len"))
            out->length = true;
        else if (bytes_is(word, "idx"))
            out->indexes = true;
        else if (bytes_is(word, "withmatchlen"))
            out->match_lengths = true;
        else if (bytes_is(word, "minmatchlen") && i + 1 < call->argc) {
            if (!string_parse_integer(call, ++i, &out->shortest)) return false;
        } else {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    if (out->length && out->indexes) {
        reply_error(call->reply,
                    "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* Both are looked up before either is looked at. */
static bool find_both(struct call *call, struct bytes *a, struct bytes *b) {
    bool strings = true;
    for (unsigned i = 0; i < 2; i++) {
        const struct entry *e = keyspace_find(&call->view, &call->keys[i]);
        if (e && entry_type(e) != TYPE_STRING) strings = false;
    }
    if (!strings) {
        reply_error(call->reply, "ERR The specified keys must contain string values");
        return false;
    }
    *a = string_again(call, &call->keys[0]);
    *b = string_again(call, &call->keys[1]);
    return true;
}

/* The limit is the one that clients know: a table of 4 bytes for each pair of positions must not
 * exceed the largest string. It also keeps the time within some milliseconds. */
static bool is_within_limit(struct call *call, struct bytes a, struct bytes b) {
    unsigned __int128 table = (unsigned __int128)(a.len + 1) * (b.len + 1) * sizeof(uint32_t);
    if (table <= string_size_max()) return true;
    reply_error(call->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                             "proto-max-bulk-len");
    return false;
}

static void reply_text(struct call *call, const struct lcs *lcs) {
    char *text = memory_alloc(lcs->length + 1);
    if (!text) {
        reply_no_memory(call->reply);
        return;
    }
    struct lcs_walk walk = lcs_walk_start(lcs);
    struct lcs_match match;
    size_t at = lcs->length;
    while (lcs_walk_next(lcs, &walk, &match)) {
        at -= match.length;
        memcpy(text + at, lcs->a.data + match.a_at, match.length);
    }
    reply_bulk(call->reply, bytes_make(text, lcs->length));
    memory_free(text);
}

static void reply_span(struct reply *r, size_t at, size_t length) {
    reply_array(r, 2);
    reply_integer(r, (int64_t)at);
    reply_integer(r, (int64_t)(at + length - 1));
}

static bool next_shown(const struct lcs *lcs, struct lcs_walk *walk, int64_t shortest,
                       struct lcs_match *match) {
    while (lcs_walk_next(lcs, walk, match))
        if ((int64_t)match->length >= shortest) return true;
    return false;
}

static void reply_indexes(struct reply *r, const struct lcs *lcs,
                          const struct lcs_options *options) {
    struct lcs_match match;
    struct lcs_walk walk = lcs_walk_start(lcs);
    size_t shown = 0;
    while (next_shown(lcs, &walk, options->shortest, &match))
        shown++;

    reply_map(r, 2);
    reply_bulk_text(r, "matches");
    reply_array(r, shown);
    walk = lcs_walk_start(lcs);
    while (next_shown(lcs, &walk, options->shortest, &match)) {
        reply_array(r, options->match_lengths ? 3 : 2);
        reply_span(r, match.a_at, match.length);
        reply_span(r, match.b_at, match.length);
        if (options->match_lengths) reply_integer(r, (int64_t)match.length);
    }
    reply_bulk_text(r, "len");
    reply_integer(r, (int64_t)lcs->length);
}

void string_lcs(struct call *call) {
    struct bytes a, b;
    struct lcs_options options;
    if (!find_both(call, &a, &b)) return;
    if (!parse_options(call, &options) || !is_within_limit(call, a, b)) return;
    struct lcs lcs;
    if (!lcs_make(&lcs, a, b, !options.length)) {
        reply_no_memory(call->reply);
        return;
    }
    if (options.length)
        reply_integer(call->reply, (int64_t)lcs.length);
    else if (options.indexes)
        reply_indexes(call->reply, &lcs, &options);
    else
        reply_text(call, &lcs);
    lcs_free(&lcs);
}
