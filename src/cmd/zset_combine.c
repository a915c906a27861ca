/* SPDX-License-Identifier: BSD-3-Clause */
/* Unions, intersections and differences of sorted sets. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_string.h"
#include "cmd/shared_zset.h"
#include "cmd/zset.h"
#include "sys/memory.h"
#include "value/set.h"
#include <math.h>
#include <stdlib.h>

enum operation { UNION, INTERSECTION, DIFFERENCE, CARDINALITY /* of the intersection */ };

struct source {
    struct value set;
    double weight;
    bool exists;
    unsigned position; /* among the arguments */
};

#define FEW_SOURCES 8

struct combination {
    enum operation operation;
    bool storing;
    struct source few[FEW_SOURCES], *sources;
    unsigned count;
    enum zset_aggregate aggregate;
    bool with_scores;
    uint64_t limit;             /* CARDINALITY: no more; 0 = no limit */
    const atomic_bool *is_void; /* the result is not needed any more; NULL: it is */
    struct zset_builder result;
};

/* ---- sources: sorted sets, and sets, whose members have the score 1 ---- */

static bool read_source(struct call *call, const struct key *key, struct source *source) {
    const struct entry *e = keyspace_find(&call->view, key);
    source->weight = 1;
    source->exists = e != NULL;
    source->set = e ? entry_value(e) : zset_empty();
    if (source->set.type == TYPE_ZSET || source->set.type == TYPE_SET) return true;
    reply_wrong_type(call->reply);
    return false;
}

static uint64_t source_count(const struct source *source) {
    return source->set.type == TYPE_SET ? set_length(&source->set) : zset_count(&source->set);
}

/* Is the member in this source, and with what score. */
static bool source_score(const struct source *source, struct bytes member, double *score) {
    if (source->set.type == TYPE_ZSET) return zset_score(&source->set, member, score);
    *score = 1;
    return set_has(&source->set, member);
}

/* Told of each element; false ends the walk. */
struct walk {
    bool (*visit)(struct combination *c, const struct source *source, struct bytes member,
                  double score);
    struct combination *c;
    const struct source *source;
    bool done; /* no visit was false */
};

static bool visit_member(void *context, struct bytes member) {
    struct walk *walk = context;
    walk->done = walk->visit(walk->c, walk->source, member, 1);
    return walk->done;
}

static bool source_each(struct walk *walk) {
    walk->done = true;
    if (walk->source->set.type == TYPE_SET) {
        set_each(&walk->source->set, visit_member, walk);
        return walk->done;
    }
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, &walk->source->set, 0, false);
    while (walk->done && zset_next(&cursor, &item))
        walk->done = walk->visit(walk->c, walk->source, item.member, item.score);
    return walk->done;
}

static double weighted(const struct source *source, double score) {
    double product = source->weight * score;
    return isnan(product) ? 0 : product;
}

/* ---- the operations; false: no memory ---- */

static int compare_sources(const void *one, const void *other) {
    const struct source *a = one, *b = other;
    uint64_t count = source_count(a), other_count = source_count(b);
    if (count != other_count) return count < other_count ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

/* The smallest first, equal ones in their order: the sums of scores depend on it. */
static void sort_sources(struct combination *c) {
    qsort(c->sources, c->count, sizeof *c->sources, compare_sources);
}

static bool merge(struct combination *c, const struct source *source, struct bytes member,
                  double score) {
    if (c->is_void && atomic_load_explicit(c->is_void, memory_order_relaxed)) return false;
    return zset_builder_merge(&c->result, member, weighted(source, score), c->aggregate);
}

/* What all scores give for a member of the first source that all others have too. */
static bool is_in_all(const struct combination *c, struct bytes member, double *score) {
    *score = weighted(&c->sources[0], *score);
    for (unsigned i = 1; i < c->count; i++) {
        double other;
        if (!source_score(&c->sources[i], member, &other)) return false;
        *score = zset_aggregate(c->aggregate, *score, c->sources[i].weight * other);
    }
    return true;
}

static bool is_in_another(const struct combination *c, struct bytes member) {
    double score;
    for (unsigned i = 1; i < c->count; i++)
        if (source_score(&c->sources[i], member, &score)) return true;
    return false;
}

static bool add_common(struct combination *c, const struct source *source, struct bytes member,
                       double score) {
    return !is_in_all(c, member, &score) || zset_builder_add(&c->result, member, score);
}

static bool add_different(struct combination *c, const struct source *source, struct bytes member,
                          double score) {
    return is_in_another(c, member) || zset_builder_add(&c->result, member, score);
}

/* False when the limit is reached. */
static bool count_common(struct combination *c, const struct source *source, struct bytes member,
                         double score) {
    if (is_in_all(c, member, &score)) c->result.count++;
    return c->result.count != c->limit || !c->limit;
}

static bool combine(struct combination *c) {
    struct walk walk = {.c = c, .source = c->sources};
    switch (c->operation) {
    case UNION:
        sort_sources(c);
        walk.visit = merge;
        for (; walk.source < c->sources + c->count; walk.source++)
            if (!source_each(&walk)) return false;
        return true;
    case INTERSECTION:
        sort_sources(c);
        walk.visit = add_common;
        return source_each(&walk);
    case CARDINALITY:
        sort_sources(c);
        walk.visit = count_common;
        source_each(&walk);
        return true;
    case DIFFERENCE: walk.visit = add_different; return source_each(&walk);
    }
    unreachable_code();
}

/* ---- arguments ---- */

static bool has_scores(const struct combination *c) {
    return c->operation == UNION || c->operation == INTERSECTION;
}

/* Each of these takes the option at argv[i], and returns how many arguments that are: 0 = it is
 * wrong, and that has been answered. */

static unsigned parse_weights(struct call *call, struct combination *c, unsigned i) {
    for (unsigned s = 0; s < c->count; s++) {
        if (number_parse_double(call->argv[i + 1 + s], &c->sources[s].weight)) continue;
        reply_error(call->reply, "ERR weight value is not a float");
        return 0;
    }
    return 1 + c->count;
}

static unsigned parse_aggregate(struct call *call, struct combination *c, unsigned i) {
    static const char *const names[] = {[ZSET_SUM] = "sum", [ZSET_MIN] = "min", [ZSET_MAX] = "max"};
    for (unsigned how = 0; how < ARRAY_LEN(names); how++) {
        if (!bytes_is(call->argv[i + 1], names[how])) continue;
        c->aggregate = (enum zset_aggregate)how;
        return 2;
    }
    reply_syntax_error(call->reply);
    return 0;
}

static unsigned parse_limit(struct call *call, struct combination *c, unsigned i) {
    int64_t limit;
    if (!number_parse_i64(call->argv[i + 1], &limit) || limit < 0) {
        reply_error(call->reply, "ERR LIMIT can't be negative");
        return 0;
    }
    c->limit = (uint64_t)limit;
    return 2;
}

static unsigned parse_option(struct call *call, struct combination *c, unsigned i) {
    struct bytes word = call->argv[i];
    unsigned behind = call->argc - i - 1;
    if (has_scores(c) && behind >= c->count && bytes_is(word, "weights"))
        return parse_weights(call, c, i);
    if (has_scores(c) && behind >= 1 && bytes_is(word, "aggregate"))
        return parse_aggregate(call, c, i);
    if (c->operation == CARDINALITY && behind >= 1 && bytes_is(word, "limit"))
        return parse_limit(call, c, i);
    if (!c->storing && c->operation != CARDINALITY && bytes_is(word, "withscores")) {
        c->with_scores = true;
        return 1;
    }
    reply_syntax_error(call->reply);
    return 0;
}

/* The number of keys at argv[at]. */
static bool parse_count(struct call *call, struct combination *c, unsigned at) {
    int64_t count;
    if (!string_parse_integer(call, at, &count)) return false;
    if (count < 1) {
        reply_errorf(call->reply, "ERR at least 1 input key is needed for '%s' command",
                     call->command->name);
        return false;
    }
    if (count > call->argc - at - 1) {
        reply_syntax_error(call->reply);
        return false;
    }
    c->count = (unsigned)count;
    return true;
}

static bool read_sources(struct call *call, struct combination *c) {
    for (unsigned i = 0; i < c->count; i++) {
        c->sources[i].position = i;
        if (!read_source(call, &call->keys[c->storing + i], &c->sources[i])) return false;
    }
    return true;
}

/* ---- the commands ---- */

/* A combination on its way: to be shown in pieces or to be stored, at once or in the background. */
struct combining {
    struct stream_work work; /* its source's `next` is an item of the result */
    struct combination c;
    bool has_head;
    const char *event;   /* of storing */
    struct value stored; /* what is to be; its object is ours, its bytes are in `pack` */
    struct buffer pack;
    struct value values[]; /* the sources', in their order */
};

static struct combining *combining_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct combining, work);
}

static bool prepare(struct stream_work *work) {
    struct combining *combining = combining_of(work);
    struct combination *c = &combining->c;
    for (unsigned i = 0; i < c->count; i++)
        if (c->sources[i].exists) c->sources[i].set = combining->values[i];
    c->is_void = &work->is_void;
    return combine(c);
}

static bool complete(struct stream_work *work) {
    struct combining *combining = combining_of(work);
    struct combination *c = &combining->c;
    if (c->operation == CARDINALITY) return true;
    zset_builder_sort(&c->result);
    return !c->storing || zset_builder_value(&c->result, &combining->pack, &combining->stored);
}

static bool produce(struct stream_source *source, struct reply *reply) {
    struct combining *combining = combining_of(CONTAINER_OF(source, struct stream_work, source));
    const struct combination *c = &combining->c;
    size_t start = reply->out->len;
    if (c->operation == CARDINALITY) {
        reply_integer(reply, (int64_t)c->result.count);
        return false;
    }
    if (!combining->has_head) zset_reply_head(reply, c->result.count, c->with_scores);
    combining->has_head = true;
    for (; source->next < c->result.count && !stream_has_piece(reply, start); source->next++)
        zset_reply_item(reply, zset_builder_member(&c->result, source->next),
                        c->result.items[source->next].score, c->with_scores);
    return source->next < c->result.count;
}

static void put_prepared(struct stream_work *work, struct call *call) {
    struct combining *combining = combining_of(work);
    zset_store_new(call, &call->keys[0], &combining->stored, combining->event);
    combining->stored.large = false;
}

static void free_combining(struct stream_work *work) {
    struct combining *combining = combining_of(work);
    if (combining->stored.large) value_ops(TYPE_ZSET)->free(combining->stored.object);
    buffer_free(&combining->pack);
    zset_builder_free(&combining->c.result);
    memory_free(combining->c.sources);
    memory_free(combining);
}

/* About how many elements are looked at. */
static uint64_t effort(const struct combination *c) {
    uint64_t sum = 0, shortest = UINT64_MAX;
    if (c->operation == DIFFERENCE) return source_count(&c->sources[0]) * c->count;
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t count = source_count(&c->sources[i]);
        sum += count;
        shortest = MIN(shortest, count);
    }
    return c->operation == UNION ? sum : shortest * c->count;
}

/* Copies the combination, and does it. */
static void answer(struct call *call, const struct combination *c, const char *event) {
    size_t size = c->count * sizeof *c->sources;
    struct combining *combining = memory_alloc(sizeof *combining + c->count * sizeof(struct value));
    struct source *sources = memory_alloc(size);
    if (!combining || !sources) {
        memory_free(combining);
        memory_free(sources);
        reply_no_memory(call->reply);
        return;
    }
    *combining = (struct combining){.work = {.source = {.produce = produce},
                                             .values = combining->values,
                                             .value_count = c->count,
                                             .prepare = prepare,
                                             .complete = complete,
                                             .has_all = true,
                                             .store = c->storing ? put_prepared : NULL,
                                             .free = free_combining},
                                    .c = *c,
                                    .event = event};
    combining->c.sources = memcpy(sources, c->sources, size);
    for (unsigned i = 0; i < c->count; i++)
        combining->values[i] = sources[i].exists ? sources[i].set : (struct value){0};
    stream_work_run(call, &combining->work, effort(c));
}

static void run(struct call *call, struct combination *c, const char *event) {
    unsigned count_at = c->storing ? 2 : 1;
    if (!read_sources(call, c)) return;
    for (unsigned i = count_at + 1 + c->count, taken; i < call->argc; i += taken) {
        taken = parse_option(call, c, i);
        if (!taken) return;
    }
    answer(call, c, event);
}

static void run_with_memory(struct call *call, struct combination *c, const char *event) {
    if (!parse_count(call, c, c->storing ? 2 : 1)) return;
    bool few = c->count <= FEW_SOURCES;
    c->sources = few ? c->few : memory_alloc(c->count * sizeof *c->sources);
    if (c->sources)
        run(call, c, event);
    else
        reply_no_memory(call->reply);
    if (!few) memory_free(c->sources);
}

static void show(struct call *call, enum operation operation) {
    struct combination c = {.operation = operation};
    run_with_memory(call, &c, NULL);
}

static void store(struct call *call, enum operation operation, const char *event) {
    struct combination c = {.operation = operation, .storing = true};
    run_with_memory(call, &c, event);
}

void zset_zunion(struct call *call) {
    show(call, UNION);
}

void zset_zinter(struct call *call) {
    show(call, INTERSECTION);
}

void zset_zdiff(struct call *call) {
    show(call, DIFFERENCE);
}

void zset_zunionstore(struct call *call) {
    store(call, UNION, "zunionstore");
}

void zset_zinterstore(struct call *call) {
    store(call, INTERSECTION, "zinterstore");
}

void zset_zdiffstore(struct call *call) {
    store(call, DIFFERENCE, "zdiffstore");
}

void zset_zintercard(struct call *call) {
    struct combination c = {.operation = CARDINALITY};
    run_with_memory(call, &c, NULL);
}
