/* SPDX-License-Identifier: BSD-3-Clause */
/* Some of the members: at random, and a part at a time. */
#include "base/ensure.h"
#include "cmd/shared_scan.h"
#include "cmd/shared_zset.h"
#include "cmd/zset.h"
#include "sys/memory.h"
#include "value/choose.h"
#include <stdio.h>
#include <stdlib.h>

/* Up to this share of the set, ranks are drawn; beyond it, the whole set is walked. */
#define DRAW_SHARE 3

/* And up to so many, which are in memory meanwhile. */
#define DRAWN_MAX (1 << 14)

static void reply_at(struct reply *reply, const struct value *set, uint64_t rank,
                     bool with_scores) {
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, set, rank, false);
    ensure(zset_next(&cursor, &item));
    zset_reply_item(reply, item.member, item.score, with_scores);
}

static int compare_ranks(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* Sorts and leaves each rank once; returns how many are left. */
static uint64_t sort_unique(uint64_t *ranks, uint64_t count) {
    uint64_t kept = 0;
    qsort(ranks, count, sizeof *ranks, compare_ranks);
    for (uint64_t i = 0; i < count; i++)
        if (kept == 0 || ranks[kept - 1] != ranks[i]) ranks[kept++] = ranks[i];
    return kept;
}

static void reply_drawn(struct call *call, const struct value *set, uint64_t count,
                        bool with_scores) {
    uint64_t size = zset_count(set), have = 0;
    uint64_t *ranks = memory_alloc(count * sizeof *ranks);
    if (!ranks) {
        reply_no_memory(call->reply);
        return;
    }
    while (have < count) {
        for (uint64_t i = have; i < count; i++)
            ranks[i] = random_below(collection_random(), size);
        have = sort_unique(ranks, count);
    }
    zset_reply_head(call->reply, count, with_scores);
    for (uint64_t i = 0; i < count; i++)
        reply_at(call->reply, set, ranks[i], with_scores);
    memory_free(ranks);
}

/* A walk from the high end that chooses: the source's `next` is how many elements are still to
 * come, `left` how many of them are to be chosen, and its options say whether with their scores. */
static bool reply_chosen(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    struct choice choice = {collection_random(), source->left, source->next};
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, &source->value, source->next - 1, true);
    while (choice.wanted && !stream_has_piece(reply, start) && zset_next(&cursor, &item))
        if (choose_next(&choice)) zset_reply_item(reply, item.member, item.score, source->options);
    source->left = choice.wanted;
    source->next = choice.rest;
    return source->left > 0;
}

static bool reply_any(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    uint64_t size = zset_count(&source->value);
    for (; source->left && !stream_has_piece(reply, start); source->left--)
        reply_at(reply, &source->value, random_below(collection_random(), size), source->options);
    return source->left > 0;
}

static void show(struct call *call, struct stream_source *source) {
    if (collection_stream(call, source)) return;
    while (source->produce(source, call->reply) && !call->reply->failed)
        ;
}

static void reply_distinct(struct call *call, const struct value *set, uint64_t count,
                           bool with_scores) {
    uint64_t size = zset_count(set);
    count = MIN(count, size);
    if (count && count <= MIN(size / DRAW_SHARE, (uint64_t)DRAWN_MAX)) {
        reply_drawn(call, set, count, with_scores);
        return;
    }
    zset_reply_head(call->reply, count, with_scores);
    struct stream_source source = {.produce = reply_chosen,
                                   .value = *set,
                                   .next = size,
                                   .left = count,
                                   .options = with_scores};
    if (count) show(call, &source);
}

static void reply_repeated(struct call *call, const struct value *set, uint64_t count,
                           bool with_scores) {
    uint64_t size = zset_count(set);
    if (!size) count = 0;
    zset_reply_head(call->reply, count, with_scores);
    struct stream_source source = {
        .produce = reply_any, .value = *set, .left = count, .options = with_scores};
    if (count) show(call, &source);
}

static bool parse(struct call *call, int64_t *count, bool *with_scores) {
    if (!collection_parse_count(call, 2, count)) return false;
    if (call->argc > 4 || (call->argc == 4 && !bytes_is(call->argv[3], "withscores"))) {
        reply_syntax_error(call->reply);
        return false;
    }
    *with_scores = call->argc == 4;
    if (!*with_scores || *count <= INT64_MAX / 2) return true;
    reply_error(call->reply, "ERR value is out of range");
    return false;
}

void zset_zrandmember(struct call *call) {
    struct value set;
    int64_t count = 0;
    bool with_scores = false, counted = call->argc > 2;
    if (counted && !parse(call, &count, &with_scores)) return;
    if (!zset_read(call, &call->keys[0], &set)) return;
    if (counted && count >= 0)
        reply_distinct(call, &set, (uint64_t)count, with_scores);
    else if (counted)
        reply_repeated(call, &set, (uint64_t)-count, with_scores);
    else if (zset_count(&set))
        reply_at(call->reply, &set, random_below(collection_random(), zset_count(&set)), false);
    else
        reply_null(call->reply);
}

struct scan {
    const struct scan_options *options;
    bool all_digits; /* scores of a "skiplist" are shown with 17, which are not always needed */
    struct scan_output output;
};

static void show_scanned(void *context, struct bytes member, double score) {
    struct scan *scan = context;
    char text[NUMBER_DOUBLE_MAX];
    size_t length;
    if (!scan_matches(scan->options, member)) return;
    reply_bulk(&scan->output.elements, member);
    scan->output.count++;
    if (scan->options->names_only) return;
    if (scan->all_digits)
        length = (size_t)snprintf(text, sizeof text, "%.17g", score);
    else
        length = number_format_double(text, score);
    reply_bulk(&scan->output.elements, bytes_make(text, length));
    scan->output.count++;
}

void zset_zscan(struct call *call) {
    uint64_t cursor;
    struct value set;
    struct scan_options options;
    if (!scan_parse_cursor(call, call->argv[2], &cursor)) return;
    if (!zset_read(call, &call->keys[0], &set)) return;
    struct scan scan = {.options = &options, .all_digits = zset_is_skiplist(&set)};
    scan_output_begin(call, &scan.output);
    if (zset_count(&set) == 0) {
        cursor = 0;
    } else if (!scan_parse_options(call, "noscores", &options)) {
        return;
    } else {
        cursor = zset_scan(&set, cursor, options.count, show_scanned, &scan);
    }
    scan_output_end(call, &scan.output, cursor);
}
