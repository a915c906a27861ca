/* SPDX-License-Identifier: BSD-3-Clause */
/* A search for places, between its arguments (geo_search.c) and its answer (geo_places.c). */
#pragma once

#include "base/buffer.h"
#include "cmd/geo.h"
#include "value/zset_range.h"
#include <stdatomic.h>

/* What has been given; the bits above these are geo_search.c's own. */
#define GEO_WITH_DISTANCE   (1u << 0)
#define GEO_WITH_HASH       (1u << 1)
#define GEO_WITH_POINT      (1u << 2)
#define GEO_ASCENDING       (1u << 3)
#define GEO_DESCENDING      (1u << 4)
#define GEO_ANY             (1u << 5)
#define GEO_COUNT           (1u << 6)
#define GEO_STORE_DISTANCES (1u << 7)

struct geo_place {
    uint64_t name;          /* where it begins in geo_search.names */
    uint32_t size;          /* of the name */
    double score, distance; /* in metres */
};

struct geo_search {
    uint32_t command, given;
    struct value set;
    bool missing; /* there is no set */
    struct geo_area area;
    struct geo_point *vertices;
    double unit; /* metres */
    int64_t count;
    const struct key *target; /* NULL: show */
    const char *event;        /* of storing */

    /* How far it is: ranges of scores, the first that has not been looked through, and of the first
     * so many the ranks of what is left. */
    struct geo_range ranges[GEO_RANGES_MAX];
    struct zset_ranks ranks[GEO_RANGES_MAX];
    unsigned range_count, range, ranked;
    const atomic_bool *is_void; /* the result is not needed any more; NULL: it is */

    struct geo_place *places;
    uint64_t found, capacity;
    struct buffer names;
};

/* Searches and answers, at once or in the background, where the search moves to: what is left here
 * is empty then. */
void geo_search_answer(struct call *call, struct geo_search *s);

void geo_search_free(struct geo_search *s);
