/* SPDX-License-Identifier: BSD-3-Clause */
/* Places in an area: GEOSEARCH, GEORADIUS and their relatives. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/geo.h"
#include "cmd/shared_string.h"
#include "cmd/shared_zset.h"
#include "sys/memory.h"
#include <stdlib.h>

/* Which commands take an option. */
#define SEARCH       (1u << 0) /* GEOSEARCH */
#define SEARCH_STORE (1u << 1) /* GEOSEARCHSTORE */
#define RADIUS       (1u << 2) /* GEORADIUS, GEORADIUSBYMEMBER */
#define RADIUS_RO    (1u << 3) /* their _RO forms */
#define ALL          (SEARCH | SEARCH_STORE | RADIUS | RADIUS_RO)

/* What has been given. */
#define WITH_DISTANCE   (1u << 0)
#define WITH_HASH       (1u << 1)
#define WITH_POINT      (1u << 2)
#define ASCENDING       (1u << 3)
#define DESCENDING      (1u << 4)
#define ANY             (1u << 5)
#define COUNT           (1u << 6)
#define FROM_MEMBER     (1u << 7)
#define FROM_POINT      (1u << 8)
#define BY_RADIUS       (1u << 9)
#define BY_BOX          (1u << 10)
#define BY_POLYGON      (1u << 11)
#define STORE           (1u << 12)
#define STORE_DISTANCES (1u << 13)
#define WITH            (WITH_DISTANCE | WITH_HASH | WITH_POINT)
#define FROM            (FROM_MEMBER | FROM_POINT)
#define BY              (BY_RADIUS | BY_BOX | BY_POLYGON)

struct option {
    struct bytes word;
    uint32_t bit;
    unsigned arguments; /* at least */
    uint32_t commands;
    uint32_t excludes;
};

static const struct option options[] = {
    {BYTES("WITHDIST"), WITH_DISTANCE, 0, ALL, 0},
    {BYTES("WITHHASH"), WITH_HASH, 0, ALL, 0},
    {BYTES("WITHCOORD"), WITH_POINT, 0, ALL, 0},
    {BYTES("ASC"), ASCENDING, 0, ALL, 0},
    {BYTES("DESC"), DESCENDING, 0, ALL, 0},
    {BYTES("ANY"), ANY, 0, ALL, 0},
    {BYTES("COUNT"), COUNT, 1, ALL, 0},
    {BYTES("STORE"), STORE, 1, RADIUS, 0},
    {BYTES("STOREDIST"), STORE_DISTANCES, 1, RADIUS, 0},
    {BYTES("STOREDIST"), STORE_DISTANCES, 0, SEARCH_STORE, 0},
    {BYTES("FROMMEMBER"), FROM_MEMBER, 1, SEARCH | SEARCH_STORE, FROM_POINT | BY_POLYGON},
    {BYTES("FROMLONLAT"), FROM_POINT, 2, SEARCH | SEARCH_STORE, FROM_MEMBER | BY_POLYGON},
    {BYTES("BYRADIUS"), BY_RADIUS, 2, SEARCH | SEARCH_STORE, BY_BOX | BY_POLYGON},
    {BYTES("BYBOX"), BY_BOX, 3, SEARCH | SEARCH_STORE, BY_RADIUS | BY_POLYGON},
    {BYTES("BYPOLYGON"), BY_POLYGON, 2, SEARCH | SEARCH_STORE, FROM | BY_RADIUS | BY_BOX},
};

struct place {
    uint64_t name;          /* where it begins in search.names */
    uint32_t size;          /* of the name */
    double score, distance; /* in metres */
};

struct search {
    uint32_t command, given;
    struct value set;
    bool missing; /* there is no set */
    struct geo_area area;
    struct geo_point *vertices;
    double unit; /* metres */
    int64_t count;
    const struct key *target; /* NULL: show */
    struct place *places;
    uint64_t found, capacity;
    struct buffer names;
};

static void search_free(struct search *s) {
    memory_free(s->vertices);
    memory_free(s->places);
    buffer_free(&s->names);
}

/* ---- arguments: each parser takes what stands from argv[at] on; false: it is wrong, and that has
 * been answered ---- */

static bool parse_length(struct call *call, unsigned at, const char *what, double *out) {
    if (number_parse_double(call->argv[at], out)) return true;
    reply_errorf(call->reply, "ERR need numeric %s", what);
    return false;
}

static bool parse_circle(struct call *call, struct search *s, unsigned at) {
    double radius;
    if (!parse_length(call, at, "radius", &radius)) return false;
    if (radius < 0) {
        reply_error(call->reply, "ERR radius cannot be negative");
        return false;
    }
    if (!geo_parse_unit(call, at + 1, &s->unit)) return false;
    s->area.kind = GEO_CIRCLE;
    s->area.radius = radius * s->unit;
    return true;
}

static bool parse_box(struct call *call, struct search *s, unsigned at) {
    double width, height;
    if (!parse_length(call, at, "width", &width) || !parse_length(call, at + 1, "height", &height))
        return false;
    if (width < 0 || height < 0) {
        reply_error(call->reply, "ERR height or width cannot be negative");
        return false;
    }
    if (!geo_parse_unit(call, at + 2, &s->unit)) return false;
    s->area.kind = GEO_BOX;
    s->area.width = width * s->unit;
    s->area.height = height * s->unit;
    return true;
}

static bool parse_polygon(struct call *call, struct search *s, unsigned at) {
    int64_t count;
    if (!number_parse_i64(call->argv[at], &count) || count != (int32_t)count) {
        reply_error(call->reply, "ERR invalid number of vertices");
        return false;
    }
    if (count < 3 || count > (call->argc - at - 1) / 2) {
        reply_error(call->reply, "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
        return false;
    }
    struct geo_point *vertices = memory_realloc(s->vertices, (size_t)count * sizeof *vertices);
    if (!vertices) {
        reply_no_memory(call->reply);
        return false;
    }
    s->vertices = vertices;
    for (unsigned i = 0; i < count; i++)
        if (!geo_parse_point(call, at + 1 + 2 * i, &vertices[i])) return false;
    s->area.kind = GEO_POLYGON;
    s->area.vertices = vertices;
    s->area.count = (size_t)count;
    s->area.centre = geo_middle(vertices, (size_t)count);
    return true;
}

/* Where there is no set, it need not have the member either. */
static bool parse_member(struct call *call, struct search *s, unsigned at) {
    struct bytes member = call->argv[at];
    double score;
    if (s->missing) return true;
    if (!zset_score(&s->set, member, &score)) {
        reply_errorf(call->reply, "ERR member %.*s does not exist", (int)member.len, member.data);
        return false;
    }
    s->area.centre = geo_decode(score);
    return true;
}

static bool parse_count(struct call *call, struct search *s, unsigned at) {
    if (!string_parse_integer(call, at, &s->count)) return false;
    if (s->count > 0) return true;
    reply_error(call->reply, "ERR COUNT must be > 0");
    return false;
}

static const struct option *find_option(const struct search *s, struct bytes word,
                                        unsigned arguments) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *option = &options[i];
        if (bytes_equal_nocase(word, option->word) && option->commands & s->command &&
            option->arguments <= arguments && !(option->excludes & s->given))
            return option;
    }
    return NULL;
}

static bool parse_value(struct call *call, struct search *s, uint32_t bit, unsigned at) {
    switch (bit) {
    case ASCENDING: s->given &= ~DESCENDING; return true;
    case DESCENDING: s->given &= ~ASCENDING; return true;
    case COUNT: return parse_count(call, s, at);
    case FROM_MEMBER: return parse_member(call, s, at);
    case FROM_POINT: return geo_parse_point(call, at, &s->area.centre);
    case BY_RADIUS: return parse_circle(call, s, at);
    case BY_BOX: return parse_box(call, s, at);
    case BY_POLYGON: return parse_polygon(call, s, at);
    case STORE: s->given &= ~STORE_DISTANCES; return true;
    default: return true;
    }
}

static bool parse_options(struct call *call, struct search *s, unsigned first) {
    for (unsigned i = first; i < call->argc; i++) {
        const struct option *option = find_option(s, call->argv[i], call->argc - i - 1);
        if (!option) {
            reply_syntax_error(call->reply);
            return false;
        }
        s->given |= option->bit;
        if (!parse_value(call, s, option->bit, i + 1)) return false;
        bool names_target = s->command == RADIUS && option->bit & (STORE | STORE_DISTANCES);
        if (names_target) s->target = &call->keys[1];
        i += option->bit == BY_POLYGON ? 1 + 2 * (unsigned)s->area.count : option->arguments;
    }
    return true;
}

/* Do the options go together. */
static bool check_options(struct call *call, const struct search *s) {
    bool is_search = s->command & (SEARCH | SEARCH_STORE);
    const char *name = s->command == SEARCH ? "GEOSEARCH" : "GEOSEARCHSTORE";
    if (s->target && s->given & WITH) {
        reply_errorf(call->reply,
                     "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                     is_search ? name : "STORE option in GEORADIUS");
    } else if (is_search && !(s->given & (FROM | BY_POLYGON))) {
        reply_errorf(call->reply,
                     "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", name);
    } else if (is_search && !(s->given & BY)) {
        reply_errorf(call->reply,
                     "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for %s",
                     name);
    } else if (s->given & ANY && !(s->given & COUNT)) {
        reply_error(call->reply, "ERR the ANY argument requires COUNT argument");
    } else {
        return true;
    }
    return false;
}

/* ---- searching; false: no memory ---- */

static bool keep(struct search *s, const struct zset_item *item, double distance) {
    if (s->found == s->capacity) {
        uint64_t capacity = MAX(s->capacity * 2, 16u);
        struct place *places = memory_realloc(s->places, capacity * sizeof *places);
        if (!places) return false;
        s->places = places;
        s->capacity = capacity;
    }
    s->places[s->found] = (struct place){.name = s->names.len,
                                         .size = (uint32_t)item->member.len,
                                         .score = item->score,
                                         .distance = distance};
    if (!buffer_append_bytes(&s->names, item->member)) return false;
    s->found++;
    return true;
}

static bool is_enough(const struct search *s) {
    return s->given & ANY && s->found >= (uint64_t)s->count;
}

static bool search_range(struct search *s, const struct geo_range *range) {
    struct zset_scores scores = {.low = range->low, .high = range->high, .high_open = true};
    struct zset_ranks ranks = zset_ranks_of_scores(&s->set, &scores);
    struct zset_cursor cursor;
    struct zset_item item;
    uint64_t left = ranks.end - ranks.first;
    if (!left) return true;
    zset_seek(&cursor, &s->set, ranks.first, false);
    while (left-- && !is_enough(s) && zset_next(&cursor, &item)) {
        double distance;
        if (geo_contains(&s->area, geo_decode(item.score), &distance) && !keep(s, &item, distance))
            return false;
    }
    return true;
}

static int compare_ascending(const void *one, const void *other) {
    double a = ((const struct place *)one)->distance, b = ((const struct place *)other)->distance;
    return (a > b) - (a < b);
}

static int compare_descending(const void *one, const void *other) {
    return -compare_ascending(one, other);
}

static void sort(struct search *s) {
    bool nearest = s->given & COUNT && !(s->given & (ANY | DESCENDING));
    if (s->given & ASCENDING || nearest)
        qsort(s->places, s->found, sizeof *s->places, compare_ascending);
    else if (s->given & DESCENDING)
        qsort(s->places, s->found, sizeof *s->places, compare_descending);
}

static bool search_area(struct search *s) {
    struct geo_range ranges[GEO_RANGES_MAX];
    unsigned count = geo_cover(&s->area, ranges);
    for (unsigned i = 0; i < count && !is_enough(s); i++)
        if (!search_range(s, &ranges[i])) return false;
    if (s->found) sort(s);
    if (s->given & COUNT) s->found = MIN(s->found, (uint64_t)s->count);
    return true;
}

/* ---- the answer ---- */

static struct bytes name_of(const struct search *s, const struct place *place) {
    return bytes_make(s->names.data + place->name, place->size);
}

static void show(struct call *call, const struct search *s) {
    unsigned parts = 1 + (unsigned)__builtin_popcount(s->given & WITH);
    reply_array(call->reply, s->found);
    for (uint64_t i = 0; i < s->found; i++) {
        const struct place *place = &s->places[i];
        if (parts > 1) reply_array(call->reply, parts);
        reply_bulk(call->reply, name_of(s, place));
        if (s->given & WITH_DISTANCE) geo_reply_distance(call->reply, place->distance / s->unit);
        if (s->given & WITH_HASH) reply_integer(call->reply, (int64_t)place->score);
        if (s->given & WITH_POINT) geo_reply_point(call->reply, geo_decode(place->score));
    }
}

static void store(struct call *call, const struct search *s) {
    const char *event = s->command == RADIUS ? "georadiusstore" : "geosearchstore";
    struct zset_builder builder = {0};
    bool done = true;
    for (uint64_t i = 0; done && i < s->found; i++) {
        const struct place *place = &s->places[i];
        double distance = place->distance / s->unit;
        done = zset_builder_add(&builder, name_of(s, place),
                                s->given & STORE_DISTANCES ? distance : place->score);
    }
    if (done) {
        zset_builder_sort(&builder);
        zset_store_built(call, s->target, &builder, event);
    } else {
        reply_no_memory(call->reply);
    }
    zset_builder_free(&builder);
}

static bool read_set(struct call *call, struct search *s, unsigned key) {
    if (!zset_read(call, &call->keys[key], &s->set)) return false;
    s->missing = zset_count(&s->set) == 0;
    return true;
}

static void run(struct call *call, struct search *s, unsigned first_option) {
    if (!parse_options(call, s, first_option) || !check_options(call, s)) return;
    if (!s->missing && !search_area(s))
        reply_no_memory(call->reply);
    else if (s->target)
        store(call, s);
    else
        show(call, s);
}

/* ---- the commands ---- */

static void around_point(struct call *call, uint32_t command) {
    struct search s = {.command = command, .unit = 1};
    if (read_set(call, &s, 0) && geo_parse_point(call, 2, &s.area.centre) &&
        parse_circle(call, &s, 4))
        run(call, &s, 6);
    search_free(&s);
}

static void around_member(struct call *call, uint32_t command) {
    struct search s = {.command = command, .unit = 1};
    if (read_set(call, &s, 0) &&
        (s.missing || (parse_member(call, &s, 2) && parse_circle(call, &s, 3))))
        run(call, &s, 5);
    search_free(&s);
}

void geo_georadius(struct call *call) {
    around_point(call, RADIUS);
}

void geo_georadius_ro(struct call *call) {
    around_point(call, RADIUS_RO);
}

void geo_georadiusbymember(struct call *call) {
    around_member(call, RADIUS);
}

void geo_georadiusbymember_ro(struct call *call) {
    around_member(call, RADIUS_RO);
}

void geo_geosearch(struct call *call) {
    struct search s = {.command = SEARCH, .unit = 1};
    if (read_set(call, &s, 0)) run(call, &s, 2);
    search_free(&s);
}

void geo_geosearchstore(struct call *call) {
    struct search s = {.command = SEARCH_STORE, .unit = 1, .target = &call->keys[0]};
    if (read_set(call, &s, 1)) run(call, &s, 3);
    search_free(&s);
}

int geo_find_keys(const struct bytes *argv, unsigned argc, unsigned *positions, unsigned capacity) {
    unsigned target = 0;
    for (unsigned i = 5; i + 1 < argc; i++) {
        if (!bytes_is(argv[i], "store") && !bytes_is(argv[i], "storedist")) continue;
        target = i + 1;
        i++;
    }
    unsigned found[] = {1, target}, count = target ? 2 : 1;
    for (unsigned i = 0; i < count && i < capacity; i++)
        positions[i] = found[i];
    return (int)count;
}
