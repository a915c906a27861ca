/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorted sets, one member at a time. */
#include "cmd/zset.h"
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_zset.h"

/* ---- changing ---- */

struct flag {
    struct bytes word;
    unsigned bit;
};

#define COUNT_CHANGED (1u << 31) /* CH */

static const struct flag flags[] = {
    {BYTES("NX"), ZSET_NX}, {BYTES("XX"), ZSET_XX},     {BYTES("CH"), COUNT_CHANGED},
    {BYTES("GT"), ZSET_GT}, {BYTES("INCR"), ZSET_INCR}, {BYTES("LT"), ZSET_LT},
};

static unsigned flag_of(struct bytes word) {
    if (word.len != 2 && word.len != 4) return 0;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (bytes_equal_nocase(word, flags[i].word)) return flags[i].bit;
    return 0;
}

/* What is wrong with the flags and the number of arguments behind them; NULL: nothing. */
static const char *fault_of(unsigned given, unsigned arguments) {
    if (arguments == 0 || arguments % 2) return "ERR syntax error";
    if (given & ZSET_NX && given & ZSET_XX)
        return "ERR XX and NX options at the same time are not compatible";
    if (__builtin_popcount(given & (ZSET_NX | ZSET_GT | ZSET_LT)) > 1)
        return "ERR GT, LT, and/or NX options at the same time are not compatible";
    if (given & ZSET_INCR && arguments > 2)
        return "ERR INCR option supports a single increment-element pair";
    return NULL;
}

static void add(struct call *call, unsigned given) {
    unsigned first = 2;
    for (unsigned bit; first < call->argc && (bit = flag_of(call->argv[first])); first++)
        given |= bit;
    const char *fault = fault_of(given, call->argc - first);
    if (fault) {
        reply_error(call->reply, fault);
        return;
    }
    zset_add_pairs(call, &(struct zset_adding){.argv = call->argv,
                                               .argc = call->argc,
                                               .first = first,
                                               .flags = given & ~COUNT_CHANGED,
                                               .count_changed = given & COUNT_CHANGED});
}

void zset_zadd(struct call *call) {
    add(call, 0);
}

void zset_zincrby(struct call *call) {
    add(call, ZSET_INCR);
}

void zset_zrem(struct call *call) {
    struct spot spot;
    struct zset_edit edit;
    if (!collection_seek(call, &call->keys[0], TYPE_ZSET, &spot)) return;
    if (!spot.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    if (!zset_edit_spot(call, &spot, &edit)) return;
    unsigned removed = 0;
    for (unsigned i = 2; i < call->argc && zset_count(&edit.value); i++)
        removed += zset_remove(&edit, call->argv[i]);
    if (!removed || zset_edit_store(call, &spot, &edit, "zrem", call->argv, call->argc))
        reply_integer(call->reply, removed);
}

/* ---- reading ---- */

void zset_zcard(struct call *call) {
    struct value set;
    if (zset_read(call, &call->keys[0], &set))
        reply_integer(call->reply, (int64_t)zset_count(&set));
}

static void reply_score(struct call *call, const struct value *set, struct bytes member) {
    double score;
    if (zset_score(set, member, &score))
        reply_double(call->reply, score);
    else
        reply_null(call->reply);
}

void zset_zscore(struct call *call) {
    struct value set;
    if (zset_read(call, &call->keys[0], &set)) reply_score(call, &set, call->argv[2]);
}

void zset_zmscore(struct call *call) {
    struct value set;
    if (!zset_read(call, &call->keys[0], &set)) return;
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++)
        reply_score(call, &set, call->argv[i]);
}

static void reply_rank(struct call *call, bool reverse) {
    bool with_score = call->argc == 4;
    struct value set;
    uint64_t rank;
    double score;
    if (call->argc > 4) {
        call_arity_error(call);
        return;
    }
    if (with_score && !bytes_is(call->argv[3], "withscore")) {
        reply_syntax_error(call->reply);
        return;
    }
    if (!zset_read(call, &call->keys[0], &set)) return;
    if (!zset_rank(&set, call->argv[2], &rank, &score)) {
        with_score ? reply_null_array(call->reply) : reply_null(call->reply);
        return;
    }
    if (reverse) rank = zset_count(&set) - 1 - rank;
    if (with_score) reply_array(call->reply, 2);
    reply_integer(call->reply, (int64_t)rank);
    if (with_score) reply_double(call->reply, score);
}

void zset_zrank(struct call *call) {
    reply_rank(call, false);
}

void zset_zrevrank(struct call *call) {
    reply_rank(call, true);
}
