/* SPDX-License-Identifier: BSD-3-Clause */
/* The places in an area: found, put in order, shown or stored. Where very many have to be looked
 * at, that is done in the background. */
#include "base/ensure.h"
#include "cmd/geo_search.h"
#include "cmd/shared_zset.h"
#include "sys/memory.h"
#include <stdlib.h>

void geo_search_free(struct geo_search *s) {
    memory_free(s->vertices);
    memory_free(s->places);
    buffer_free(&s->names);
}

/* ---- searching; false: no memory, or the search is void ---- */

static bool keep(struct geo_search *s, const struct zset_item *item, double distance) {
    if (s->found == s->capacity) {
        uint64_t capacity = MAX(s->capacity * 2, 16u);
        struct geo_place *places = memory_realloc(s->places, capacity * sizeof *places);
        if (!places) return false;
        s->places = places;
        s->capacity = capacity;
    }
    s->places[s->found] = (struct geo_place){.name = s->names.len,
                                             .size = (uint32_t)item->member.len,
                                             .score = item->score,
                                             .distance = distance};
    if (!buffer_append_bytes(&s->names, item->member)) return false;
    s->found++;
    return true;
}

static bool is_enough(const struct geo_search *s) {
    return s->given & GEO_ANY && s->found >= (uint64_t)s->count;
}

static bool is_void(const struct geo_search *s) {
    return s->is_void && atomic_load_explicit(s->is_void, memory_order_relaxed);
}

/* What has not been looked at in a range. */
static struct zset_ranks *left_in(struct geo_search *s, unsigned i) {
    for (; s->ranked <= i; s->ranked++) {
        const struct geo_range *range = &s->ranges[s->ranked];
        struct zset_scores scores = {.low = range->low, .high = range->high, .high_open = true};
        s->ranks[s->ranked] = zset_ranks_of_scores(&s->set, &scores);
    }
    return &s->ranks[i];
}

static bool search_ranks(struct geo_search *s, uint64_t first, uint64_t count) {
    struct zset_cursor cursor;
    struct zset_item item;
    if (!count) return true;
    zset_seek(&cursor, &s->set, first, false);
    while (count-- && !is_enough(s) && zset_next(&cursor, &item)) {
        double distance;
        if (is_void(s)) return false;
        if (geo_contains(&s->area, geo_decode(item.score), &distance) && !keep(s, &item, distance))
            return false;
    }
    return true;
}

/* Goes on, and looks at so many elements at most. */
static bool search(struct geo_search *s, uint64_t most) {
    while (most && s->range < s->range_count && !is_enough(s)) {
        struct zset_ranks *left = left_in(s, s->range);
        uint64_t count = MIN(left->end - left->first, most);
        if (!search_ranks(s, left->first, count)) return false;
        most -= count;
        left->first += count;
        if (left->first == left->end) s->range++;
    }
    return true;
}

static uint64_t left_to_search(struct geo_search *s) {
    uint64_t sum = 0;
    if (is_enough(s)) return 0;
    for (unsigned i = s->range; i < s->range_count; i++) {
        const struct zset_ranks *left = left_in(s, i);
        sum += left->end - left->first;
    }
    return sum;
}

/* ---- what has been found ---- */

static int compare_ascending(const void *one, const void *other) {
    double a = ((const struct geo_place *)one)->distance;
    double b = ((const struct geo_place *)other)->distance;
    return (a > b) - (a < b);
}

static int compare_descending(const void *one, const void *other) {
    return -compare_ascending(one, other);
}

/* Leaves those that are to be shown, in order. */
static void put_in_order(struct geo_search *s) {
    bool nearest = s->given & GEO_COUNT && !(s->given & (GEO_ANY | GEO_DESCENDING));
    if (s->found && (s->given & GEO_ASCENDING || nearest))
        qsort(s->places, s->found, sizeof *s->places, compare_ascending);
    else if (s->found && s->given & GEO_DESCENDING)
        qsort(s->places, s->found, sizeof *s->places, compare_descending);
    if (s->given & GEO_COUNT) s->found = MIN(s->found, (uint64_t)s->count);
}

static struct bytes name_of(const struct geo_search *s, const struct geo_place *place) {
    return bytes_make(s->names.data + place->name, place->size);
}

/* Writes a piece of the reply, of places from *next on. False: it was the last. */
static bool show(const struct geo_search *s, uint64_t *next, struct reply *reply) {
    uint32_t with = s->given & (GEO_WITH_DISTANCE | GEO_WITH_HASH | GEO_WITH_POINT);
    unsigned parts = 1 + (unsigned)__builtin_popcount(with);
    size_t start = reply->out->len;
    if (!*next) reply_array(reply, s->found);
    for (; *next < s->found && !stream_has_piece(reply, start); ++*next) {
        const struct geo_place *place = &s->places[*next];
        if (parts > 1) reply_array(reply, parts);
        reply_bulk(reply, name_of(s, place));
        if (with & GEO_WITH_DISTANCE) geo_reply_distance(reply, place->distance / s->unit);
        if (with & GEO_WITH_HASH) reply_integer(reply, (int64_t)place->score);
        if (with & GEO_WITH_POINT) geo_reply_point(reply, geo_decode(place->score));
    }
    return *next < s->found;
}

/* As zset_builder_value(). */
static bool make_set(const struct geo_search *s, struct buffer *pack, struct value *set) {
    struct zset_builder builder = {0};
    bool done = true;
    for (uint64_t i = 0; done && i < s->found; i++) {
        const struct geo_place *place = &s->places[i];
        double distance = place->distance / s->unit;
        done = zset_builder_add(&builder, name_of(s, place),
                                s->given & GEO_STORE_DISTANCES ? distance : place->score);
    }
    if (done) {
        zset_builder_sort(&builder);
        done = zset_builder_value(&builder, pack, set);
    }
    zset_builder_free(&builder);
    return done;
}

/* ---- in the background ---- */

struct geo_work {
    struct stream_work work; /* its source's `next` is a place */
    struct value value;
    struct geo_search search;
    struct value stored; /* what is to be; its object is ours, its bytes are in `pack` */
    struct buffer pack;
};

static struct geo_work *geo_work_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct geo_work, work);
}

static bool prepare(struct stream_work *work) {
    struct geo_work *own = geo_work_of(work);
    own->search.set = own->value;
    own->search.is_void = &work->is_void;
    return search(&own->search, UINT64_MAX);
}

static bool complete(struct stream_work *work) {
    struct geo_work *own = geo_work_of(work);
    put_in_order(&own->search);
    return !work->store || make_set(&own->search, &own->pack, &own->stored);
}

static bool produce(struct stream_source *source, struct reply *reply) {
    const struct geo_work *own = geo_work_of(CONTAINER_OF(source, struct stream_work, source));
    return show(&own->search, &source->next, reply);
}

static void put_prepared(struct stream_work *work, struct call *call) {
    struct geo_work *own = geo_work_of(work);
    zset_store_new(call, &call->keys[work->target], &own->stored, own->search.event);
    own->stored.large = false;
}

static void free_work(struct stream_work *work) {
    struct geo_work *own = geo_work_of(work);
    if (own->stored.large) value_ops(TYPE_ZSET)->free(own->stored.object);
    buffer_free(&own->pack);
    geo_search_free(&own->search);
    memory_free(own);
}

/* Does the rest in the background, if that takes long. False: the caller does it. */
static bool answer_later(struct call *call, struct geo_search *s) {
    if (LIKELY(!stream_work_may_wait(call, zset_count(&s->set)))) return false;
    uint64_t elements = left_to_search(s);
    if (!stream_work_may_wait(call, elements)) return false;
    struct geo_work *own = memory_alloc(sizeof *own);
    if (!own) return false;
    *own = (struct geo_work){.work = {.source = {.produce = produce},
                                      .values = &own->value,
                                      .value_count = 1,
                                      .prepare = prepare,
                                      .complete = complete,
                                      .has_all = true,
                                      .store = s->target ? put_prepared : NULL,
                                      .target = s->target ? (unsigned)(s->target - call->keys) : 0,
                                      .free = free_work},
                             .value = s->set,
                             .search = *s};
    *s = (struct geo_search){0};
    stream_work_run(call, &own->work, elements);
    return true;
}

/* ---- the answer ---- */

/* Where ANY is given, most often there is enough among the first places; who has not found it among
 * so many goes on as the others do. */
#define ANY_AT_ONCE 4096u

static void store(struct call *call, const struct geo_search *s) {
    struct value set;
    if (make_set(s, collection_scratch(), &set))
        zset_store_new(call, s->target, &set, s->event);
    else
        reply_no_memory(call->reply);
}

static void answer(struct call *call, struct geo_search *s) {
    put_in_order(s);
    if (s->target) {
        store(call, s);
        return;
    }
    uint64_t next = 0;
    while (show(s, &next, call->reply) && !call->reply->failed)
        ;
}

void geo_search_answer(struct call *call, struct geo_search *s) {
    s->range_count = s->missing ? 0 : geo_cover(&s->area, s->ranges);
    bool found = !(s->given & GEO_ANY) || search(s, ANY_AT_ONCE);
    if (found && answer_later(call, s)) return;
    if (found && search(s, UINT64_MAX))
        answer(call, s);
    else
        reply_no_memory(call->reply);
}
