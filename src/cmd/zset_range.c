/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of sorted sets: shown, stored, counted, removed. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_string.h"
#include "cmd/shared_zset.h"
#include "cmd/zset.h"
#include "sys/memory.h"

enum by { BY_ANY, BY_RANK, BY_SCORE, BY_NAME };

/* What a command asks for. */
struct range {
    enum by by;
    bool reverse, with_scores;
    int64_t offset, limit; /* limit < 0: no limit */
    int64_t start, stop;   /* by rank; negative ones count from the end */
    struct zset_scores scores;
    struct zset_names names;
};

/* ---- limits ---- */

/* The range from `low` to `high`. False: they are not what they should be, which has been
 * answered. */
static bool parse_limits(struct call *call, struct range *range, unsigned low, unsigned high) {
    const struct bytes *argv = call->argv;
    switch (range->by) {
    case BY_ANY:
    case BY_RANK:
        return string_parse_integer(call, low, &range->start) &&
               string_parse_integer(call, high, &range->stop);
    case BY_SCORE:
        if (zset_parse_scores(argv[low], argv[high], &range->scores)) return true;
        reply_error(call->reply, "ERR min or max is not a float");
        return false;
    case BY_NAME:
        if (zset_parse_names(argv[low], argv[high], &range->names)) return true;
        reply_error(call->reply, "ERR min or max not valid string range item");
        return false;
    }
    unreachable_code();
}

/* Ranks from the start, or with `reverse` from the end, as ranks from the start. */
static struct zset_ranks clip_ranks(const struct range *range, uint64_t size) {
    int64_t count = (int64_t)size, start = range->start, stop = range->stop;
    if (start < 0) start = MAX(start + count, 0);
    if (stop < 0) stop += count;
    stop = MIN(stop, count - 1);
    if (start > stop) return (struct zset_ranks){0, 0};
    struct zset_ranks ranks = {(uint64_t)start, (uint64_t)stop + 1};
    if (range->reverse) ranks = (struct zset_ranks){size - ranks.end, size - ranks.first};
    return ranks;
}

static struct zset_ranks ranks_of(const struct range *range, const struct value *set) {
    switch (range->by) {
    case BY_ANY:
    case BY_RANK: return clip_ranks(range, zset_count(set));
    case BY_SCORE: return zset_ranks_of_scores(set, &range->scores);
    case BY_NAME: return zset_ranks_of_names(set, &range->names);
    }
    unreachable_code();
}

/* How many of `size` elements an offset skips. A negative one counts from the far end in a
 * "skiplist", and skips everything in a "listpack", as it does elsewhere. */
static uint64_t skipped_by(int64_t offset, uint64_t size, bool skiplist) {
    if (offset >= 0) return MIN((uint64_t)offset, size);
    return skiplist && offset >= -(int64_t)size ? size - (uint64_t)-offset : size;
}

/* Leaves out what LIMIT does, at the end that is shown first. */
static struct zset_ranks limit(const struct range *range, const struct value *set,
                               struct zset_ranks ranks) {
    uint64_t skipped = skipped_by(range->offset, ranks.end - ranks.first, zset_is_skiplist(set));
    uint64_t shown = ranks.end - ranks.first - skipped;
    if (range->limit >= 0) shown = MIN(shown, (uint64_t)range->limit);
    if (range->reverse)
        return (struct zset_ranks){ranks.end - skipped - shown, ranks.end - skipped};
    return (struct zset_ranks){ranks.first + skipped, ranks.first + skipped + shown};
}

/* ---- showing and storing ---- */

static void seek_ranks(struct zset_cursor *cursor, const struct value *set, struct zset_ranks ranks,
                       bool reverse) {
    zset_seek(cursor, set, reverse ? ranks.end - 1 : ranks.first, reverse);
}

/* A source's options. */
#define SHOW_SCORES  (1u << 0)
#define SHOW_REVERSE (1u << 1)

/* The source's `next` is a rank. */
static bool reply_items(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    bool reverse = source->options & SHOW_REVERSE;
    struct zset_cursor cursor;
    struct zset_item item;
    uint64_t shown = 0;
    zset_seek(&cursor, &source->value, source->next, reverse);
    while (shown < source->left && !stream_has_piece(reply, start) && zset_next(&cursor, &item)) {
        zset_reply_item(reply, item.member, item.score, source->options & SHOW_SCORES);
        shown++;
    }
    source->left -= shown;
    source->next = reverse ? source->next - shown : source->next + shown;
    return source->left > 0;
}

static void show(struct call *call, const struct range *range, const struct value *set) {
    struct zset_ranks ranks = limit(range, set, ranks_of(range, set));
    uint64_t left = ranks.end - ranks.first;
    zset_reply_head(call->reply, left, range->with_scores);
    if (!left) return;
    struct stream_source source = {.produce = reply_items,
                                   .value = *set,
                                   .next = range->reverse ? ranks.end - 1 : ranks.first,
                                   .left = left,
                                   .options = (range->with_scores ? SHOW_SCORES : 0) |
                                              (range->reverse ? SHOW_REVERSE : 0)};
    if (collection_stream(call, &source)) return;
    while (reply_items(&source, call->reply) && !call->reply->failed)
        ;
}

/* A copy of some elements, on its way to be stored: at once, or in the background. */
struct copy {
    struct value set; /* which has them */
    struct zset_ranks ranks;
    bool reverse, by_rank;
    const atomic_bool *is_void; /* the copy is not needed any more; NULL: it is */
    struct zset_edit edit;
};

/* Adds the elements one by one, in the order in which they would be shown: where a small set
 * becomes large on the way is to be seen in it (by a score of -0). */
static bool copy_elements(struct copy *copy) {
    struct zset_cursor cursor;
    struct zset_item item;
    uint64_t left = copy->ranks.end - copy->ranks.first;
    if (!left) return true;
    if (!zset_edit_expect(&copy->edit, copy->by_rank ? left : 0, 0)) return false;
    seek_ranks(&cursor, &copy->set, copy->ranks, copy->reverse);
    while (left-- && zset_next(&cursor, &item)) {
        if (copy->is_void && atomic_load_explicit(copy->is_void, memory_order_relaxed))
            return false;
        if (zset_add(&copy->edit, item.member, &item.score, 0) == ZSET_NO_MEMORY) return false;
    }
    return true;
}

/* False: no memory, or it is void; nothing is to be dropped. */
static bool make_copy(struct copy *copy, struct buffer *scratch) {
    if (zset_edit_begin(&copy->edit, NULL, scratch) && copy_elements(copy)) return true;
    zset_edit_drop(&copy->edit);
    return false;
}

static void put_copy(struct call *call, struct copy *copy) {
    zset_store_new(call, &call->keys[0], &copy->edit.value, "zrangestore");
    copy->edit.owned = false;
}

struct copy_work {
    struct stream_work work;
    struct value value;
    struct copy copy;
    struct buffer pack;
};

static bool prepare_copy(struct stream_work *work) {
    struct copy_work *own = CONTAINER_OF(work, struct copy_work, work);
    own->copy.set = own->value;
    own->copy.is_void = &work->is_void;
    return make_copy(&own->copy, &own->pack);
}

static void put_prepared(struct stream_work *work, struct call *call) {
    put_copy(call, &CONTAINER_OF(work, struct copy_work, work)->copy);
}

static void free_copy_work(struct stream_work *work) {
    struct copy_work *own = CONTAINER_OF(work, struct copy_work, work);
    zset_edit_drop(&own->copy.edit);
    buffer_free(&own->pack);
    memory_free(own);
}

/* Copies in the background, and stores it, if that takes long. False: the caller does it. */
static bool store_later(struct call *call, const struct copy *copy) {
    uint64_t elements = copy->ranks.end - copy->ranks.first;
    if (LIKELY(!stream_work_may_wait(call, elements))) return false;
    struct copy_work *own = memory_alloc(sizeof *own);
    if (!own) return false;
    *own = (struct copy_work){.work = {.values = &own->value,
                                       .value_count = 1,
                                       .prepare = prepare_copy,
                                       .store = put_prepared,
                                       .free = free_copy_work},
                              .value = copy->set,
                              .copy = *copy};
    stream_work_run(call, &own->work, elements);
    return true;
}

static void store(struct call *call, const struct range *range, const struct value *set) {
    struct copy copy = {.set = *set,
                        .ranks = limit(range, set, ranks_of(range, set)),
                        .reverse = range->reverse,
                        .by_rank = range->by == BY_ANY};
    if (store_later(call, &copy)) return;
    if (make_copy(&copy, collection_scratch()))
        put_copy(call, &copy);
    else
        reply_no_memory(call->reply);
}

/* ---- the commands ---- */

/* What a command leaves to its options. */
#define MAY_SHOW_SCORES (1u << 0)
#define MAY_CHOOSE      (1u << 1) /* BYSCORE, BYLEX, REV */

/* The option at argv[i]; returns how many arguments it takes, 0 = it is wrong, and that has been
 * answered. */
static unsigned parse_option(struct call *call, unsigned i, unsigned may, struct range *range) {
    struct bytes word = call->argv[i];
    if (may & MAY_SHOW_SCORES && bytes_is(word, "withscores")) {
        range->with_scores = true;
        return 1;
    }
    if (bytes_is(word, "limit") && i + 2 < call->argc) {
        bool valid = string_parse_integer(call, i + 1, &range->offset) &&
                     string_parse_integer(call, i + 2, &range->limit);
        return valid ? 3 : 0;
    }
    if (may & MAY_CHOOSE && bytes_is(word, "rev")) {
        range->reverse = true;
        return 1;
    }
    enum by by = bytes_is(word, "bylex") ? BY_NAME : bytes_is(word, "byscore") ? BY_SCORE : BY_ANY;
    if (by != BY_ANY && range->by == BY_ANY) {
        range->by = by;
        return 1;
    }
    reply_syntax_error(call->reply);
    return 0;
}

/* The limits at argv[first] and the options behind them. */
static bool parse_range(struct call *call, unsigned first, unsigned may, struct range *range) {
    range->limit = -1;
    for (unsigned i = first + 2, taken; i < call->argc; i += taken) {
        taken = parse_option(call, i, may, range);
        if (!taken) return false;
    }
    bool by_rank = range->by == BY_ANY || range->by == BY_RANK;
    if (by_rank && range->limit != -1) {
        reply_error(call->reply, "ERR syntax error, LIMIT is only supported in combination with "
                                 "either BYSCORE or BYLEX");
        return false;
    }
    if (range->by == BY_NAME && range->with_scores) {
        reply_error(call->reply,
                    "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    bool high_first = range->reverse && !by_rank;
    return parse_limits(call, range, first + high_first, first + !high_first);
}

static void show_range(struct call *call, struct range range, unsigned may) {
    struct value set;
    if (parse_range(call, 2, may, &range) && zset_read(call, &call->keys[0], &set))
        show(call, &range, &set);
}

void zset_zrange(struct call *call) {
    show_range(call, (struct range){.by = BY_ANY}, MAY_SHOW_SCORES | MAY_CHOOSE);
}

void zset_zrevrange(struct call *call) {
    show_range(call, (struct range){.by = BY_RANK, .reverse = true}, MAY_SHOW_SCORES);
}

void zset_zrangebyscore(struct call *call) {
    show_range(call, (struct range){.by = BY_SCORE}, MAY_SHOW_SCORES);
}

void zset_zrevrangebyscore(struct call *call) {
    show_range(call, (struct range){.by = BY_SCORE, .reverse = true}, MAY_SHOW_SCORES);
}

void zset_zrangebylex(struct call *call) {
    show_range(call, (struct range){.by = BY_NAME}, MAY_SHOW_SCORES);
}

void zset_zrevrangebylex(struct call *call) {
    show_range(call, (struct range){.by = BY_NAME, .reverse = true}, MAY_SHOW_SCORES);
}

void zset_zrangestore(struct call *call) {
    struct range range = {.by = BY_ANY};
    struct value set;
    if (parse_range(call, 3, MAY_CHOOSE, &range) && zset_read(call, &call->keys[1], &set))
        store(call, &range, &set);
}

static void count_range(struct call *call, enum by by) {
    struct range range = {.by = by};
    struct value set;
    if (!parse_limits(call, &range, 2, 3) || !zset_read(call, &call->keys[0], &set)) return;
    struct zset_ranks ranks = ranks_of(&range, &set);
    reply_integer(call->reply, (int64_t)(ranks.end - ranks.first));
}

void zset_zcount(struct call *call) {
    count_range(call, BY_SCORE);
}

void zset_zlexcount(struct call *call) {
    count_range(call, BY_NAME);
}

static void remove_range(struct call *call, enum by by, const char *event) {
    struct range range = {.by = by};
    struct spot spot;
    struct zset_ranks ranks = {0};
    if (!parse_limits(call, &range, 2, 3) ||
        !collection_seek(call, &call->keys[0], TYPE_ZSET, &spot))
        return;
    if (spot.entry) {
        struct value set = entry_value(spot.entry);
        ranks = ranks_of(&range, &set);
    }
    if (ranks.first == ranks.end ||
        zset_remove_at(call, &spot, ranks, event, call->argv, call->argc))
        reply_integer(call->reply, (int64_t)(ranks.end - ranks.first));
    else
        reply_no_memory(call->reply);
}

void zset_zremrangebyrank(struct call *call) {
    remove_range(call, BY_RANK, "zremrangebyrank");
}

void zset_zremrangebyscore(struct call *call) {
    remove_range(call, BY_SCORE, "zremrangebyscore");
}

void zset_zremrangebylex(struct call *call) {
    remove_range(call, BY_NAME, "zremrangebylex");
}
