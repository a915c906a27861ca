/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_zset.h"
#include "base/ensure.h"
#include "base/number.h"
#include "sys/memory.h"

/* ---- reading ---- */

bool zset_read(struct call *call, const struct key *key, struct value *set) {
    bool exists;
    if (!collection_read(call, key, TYPE_ZSET, set, &exists)) return false;
    if (!exists) *set = zset_empty();
    return true;
}

void zset_reply_head(struct reply *reply, uint64_t count, bool with_scores) {
    reply_array(reply, with_scores && reply->resp == 2 ? count * 2 : count);
}

void zset_reply_item(struct reply *reply, struct bytes member, double score, bool with_score) {
    if (with_score && reply->resp != 2) reply_array(reply, 2);
    reply_bulk(reply, member);
    if (with_score) reply_double(reply, score);
}

/* ---- changing ---- */

static struct value zset_at(const struct spot *spot) {
    return entry_value(spot->entry);
}

bool zset_edit_spot(struct call *call, const struct spot *spot, struct zset_edit *edit) {
    struct value old;
    if (spot->entry) old = zset_at(spot);
    if (zset_edit_begin(edit, spot->entry ? &old : NULL, collection_scratch())) return true;
    reply_no_memory(call->reply);
    return false;
}

/* The last elements go, and the key with them. */
static void remove_key(struct call *call, struct spot *spot, const char *event) {
    keyspace_notify(&call->view, spot->key, (struct event){EVENT_ZSET, event});
    keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
}

static bool put(struct call *call, struct spot *spot, struct zset_edit *edit, const char *event,
                const struct bytes *argv, unsigned argc) {
    struct edit what = {{event ? EVENT_ZSET : 0, event}, argv, argc};
    if (LIKELY(keyspace_put(&call->view, spot, &edit->value, &what))) return true;
    zset_edit_drop(edit);
    return false;
}

bool zset_edit_store(struct call *call, struct spot *spot, struct zset_edit *edit,
                     const char *event, const struct bytes *argv, unsigned argc) {
    if (UNLIKELY(zset_count(&edit->value) == 0)) {
        remove_key(call, spot, event);
        return true;
    }
    if (LIKELY(put(call, spot, edit, event, argv, argc))) return true;
    reply_no_memory(call->reply);
    return false;
}

bool zset_remove_at(struct call *call, struct spot *spot, struct zset_ranks ranks,
                    const char *event, const struct bytes *argv, unsigned argc) {
    struct value set = zset_at(spot);
    struct zset_edit edit;
    if (ranks.first == 0 && ranks.end == zset_count(&set)) {
        remove_key(call, spot, event);
        return true;
    }
    if (!zset_edit_begin(&edit, &set, collection_scratch())) return false;
    zset_remove_ranks(&edit, ranks.first, ranks.end);
    return put(call, spot, &edit, event, argv, argc);
}

void zset_store_new(struct call *call, const struct key *key, const struct value *set,
                    const char *event) {
    struct spot spot;
    uint64_t count = zset_count(set);
    struct edit what = {{EVENT_ZSET, event}, call->argv, call->argc};
    bool there = keyspace_seek_whole(&call->view, key, &spot) != NULL, stored = false;
    if (count)
        stored = keyspace_replace(&call->view, &spot, set, EXPIRY_NONE, &what);
    else if (there)
        keyspace_remove(&call->view, &spot, (struct event){EVENT_GENERIC, "del"});
    if (set->large && !stored) value_ops(TYPE_ZSET)->free(set->object);
    if (count && !stored)
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, (int64_t)count);
}

bool zset_pop(struct call *call, struct spot *spot, bool highest, uint64_t count, bool pairs) {
    struct value set = zset_at(spot);
    uint64_t all = zset_count(&set);
    struct zset_ranks ranks = {highest ? all - count : 0, highest ? all : count};
    struct zset_cursor cursor;
    struct zset_item item;
    char digits[NUMBER_I64_MAX];
    struct bytes argv[] = {highest ? BYTES("ZPOPMAX") : BYTES("ZPOPMIN"), spot->key->name,
                           bytes_make(digits, number_format_u64(digits, count))};
    size_t before = call->reply->out->len;
    zset_seek(&cursor, &set, highest ? all - 1 : 0, highest);
    while (count-- && zset_next(&cursor, &item)) {
        if (pairs) reply_array(call->reply, 2);
        reply_bulk(call->reply, item.member);
        reply_double(call->reply, item.score);
    }
    if (zset_remove_at(call, spot, ranks, highest ? "zpopmax" : "zpopmin", argv, ARRAY_LEN(argv)))
        return true;
    call->reply->out->len = before;
    return false;
}

/* ---- adding ---- */

#define FEW_SCORES 16

static double *parse_scores(struct call *call, const struct zset_adding *adding, unsigned pairs,
                            double *few) {
    double *scores = pairs <= FEW_SCORES ? few : memory_alloc(pairs * sizeof *scores);
    if (!scores) {
        reply_no_memory(call->reply);
        return NULL;
    }
    for (unsigned i = 0; i < pairs; i++) {
        if (LIKELY(number_parse_double(adding->argv[adding->first + 2 * i], &scores[i]))) continue;
        reply_not_float(call->reply);
        if (scores != few) memory_free(scores);
        return NULL;
    }
    return scores;
}

/* What has been done so far. */
struct added {
    unsigned pairs; /* that have been looked at */
    unsigned added, updated;
    double score; /* of the last one */
    enum zset_outcome last;
};

static void add_each(struct zset_edit *edit, const struct zset_adding *adding, const double *scores,
                     unsigned pairs, struct added *done) {
    for (; done->pairs < pairs; done->pairs++) {
        done->score = scores[done->pairs];
        done->last = zset_add(edit, adding->argv[adding->first + 2 * done->pairs + 1], &done->score,
                              adding->flags);
        if (done->last == ZSET_NAN || done->last == ZSET_NO_MEMORY) return;
        done->added += done->last == ZSET_ADDED;
        done->updated += done->last == ZSET_UPDATED;
    }
}

static void reply_added(struct call *call, const struct zset_adding *adding,
                        const struct added *done) {
    if (done->last == ZSET_NO_MEMORY)
        reply_no_memory(call->reply);
    else if (done->last == ZSET_NAN)
        reply_error(call->reply, "ERR resulting score is not a number (NaN)");
    else if (!(adding->flags & ZSET_INCR))
        reply_integer(call->reply, done->added + (adding->count_changed ? done->updated : 0));
    else if (done->last == ZSET_REFUSED)
        reply_null(call->reply);
    else
        reply_double(call->reply, done->score);
}

static void add_to_spot(struct call *call, struct spot *spot, const struct zset_adding *adding,
                        const double *scores, unsigned pairs) {
    struct zset_edit edit;
    struct added done = {.last = ZSET_REFUSED};
    if (!spot->entry && adding->flags & ZSET_XX) {
        reply_added(call, adding, &done);
        return;
    }
    size_t longest = 0;
    for (unsigned i = adding->first + 1; i < adding->argc; i += 2)
        longest = MAX(longest, adding->argv[i].len);
    if (!zset_edit_spot(call, spot, &edit)) return;
    if (!zset_edit_expect(&edit, pairs, longest)) {
        zset_edit_drop(&edit);
        reply_no_memory(call->reply);
        return;
    }
    add_each(&edit, adding, scores, pairs, &done);
    const char *event = adding->flags & ZSET_INCR ? "zincr" : "zadd";
    if (!done.added && !done.updated) event = NULL; /* its form may be another all the same */
    if (!event && !(spot->entry && zset_at(spot).form != edit.value.form)) {
        zset_edit_drop(&edit);
        reply_added(call, adding, &done);
        return;
    }
    unsigned argc = adding->first + 2 * done.pairs; /* what memory was there for */
    if (zset_edit_store(call, spot, &edit, event, adding->argv, argc))
        reply_added(call, adding, &done);
}

void zset_add_pairs(struct call *call, const struct zset_adding *adding) {
    double few[FEW_SCORES];
    unsigned pairs = (adding->argc - adding->first) / 2;
    double *scores = parse_scores(call, adding, pairs, few);
    if (!scores) return;
    struct spot spot;
    if (collection_seek(call, &call->keys[0], TYPE_ZSET, &spot))
        add_to_spot(call, &spot, adding, scores, pairs);
    if (scores != few) memory_free(scores);
}
