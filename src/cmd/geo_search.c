/* SPDX-License-Identifier: BSD-3-Clause */
/* Places in an area: GEOSEARCH, GEORADIUS and their relatives. */
#include "cmd/geo_search.h"
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_string.h"
#include "cmd/shared_zset.h"
#include "sys/memory.h"

/* Which commands take an option. */
#define SEARCH       (1u << 0) /* GEOSEARCH */
#define SEARCH_STORE (1u << 1) /* GEOSEARCHSTORE */
#define RADIUS       (1u << 2) /* GEORADIUS, GEORADIUSBYMEMBER */
#define RADIUS_RO    (1u << 3) /* their _RO forms */
#define ALL          (SEARCH | SEARCH_STORE | RADIUS | RADIUS_RO)

/* What has been given, besides what geo_search.h has. */
#define FROM_MEMBER (1u << 8)
#define FROM_POINT  (1u << 9)
#define BY_RADIUS   (1u << 10)
#define BY_BOX      (1u << 11)
#define BY_POLYGON  (1u << 12)
#define STORE       (1u << 13)
#define WITH        (GEO_WITH_DISTANCE | GEO_WITH_HASH | GEO_WITH_POINT)
#define FROM        (FROM_MEMBER | FROM_POINT)
#define BY          (BY_RADIUS | BY_BOX | BY_POLYGON)

struct option {
    struct bytes word;
    uint32_t bit;
    unsigned arguments; /* at least */
    uint32_t commands;
    uint32_t excludes;
};

static const struct option options[] = {
    {BYTES("WITHDIST"), GEO_WITH_DISTANCE, 0, ALL, 0},
    {BYTES("WITHHASH"), GEO_WITH_HASH, 0, ALL, 0},
    {BYTES("WITHCOORD"), GEO_WITH_POINT, 0, ALL, 0},
    {BYTES("ASC"), GEO_ASCENDING, 0, ALL, 0},
    {BYTES("DESC"), GEO_DESCENDING, 0, ALL, 0},
    {BYTES("ANY"), GEO_ANY, 0, ALL, 0},
    {BYTES("COUNT"), GEO_COUNT, 1, ALL, 0},
    {BYTES("STORE"), STORE, 1, RADIUS, 0},
    {BYTES("STOREDIST"), GEO_STORE_DISTANCES, 1, RADIUS, 0},
    {BYTES("STOREDIST"), GEO_STORE_DISTANCES, 0, SEARCH_STORE, 0},
    {BYTES("FROMMEMBER"), FROM_MEMBER, 1, SEARCH | SEARCH_STORE, FROM_POINT | BY_POLYGON},
    {BYTES("FROMLONLAT"), FROM_POINT, 2, SEARCH | SEARCH_STORE, FROM_MEMBER | BY_POLYGON},
    {BYTES("BYRADIUS"), BY_RADIUS, 2, SEARCH | SEARCH_STORE, BY_BOX | BY_POLYGON},
    {BYTES("BYBOX"), BY_BOX, 3, SEARCH | SEARCH_STORE, BY_RADIUS | BY_POLYGON},
    {BYTES("BYPOLYGON"), BY_POLYGON, 2, SEARCH | SEARCH_STORE, FROM | BY_RADIUS | BY_BOX},
};

/* ---- arguments: each parser takes what stands from argv[at] on; false: it is wrong, and that has
 * been answered ---- */

static bool parse_length(struct call *call, unsigned at, const char *what, double *out) {
    if (number_parse_double(call->argv[at], out)) return true;
    reply_errorf(call->reply, "ERR need numeric %s", what);
    return false;
}

static bool parse_circle(struct call *call, struct geo_search *s, unsigned at) {
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

static bool parse_box(struct call *call, struct geo_search *s, unsigned at) {
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

static bool parse_polygon(struct call *call, struct geo_search *s, unsigned at) {
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
static bool parse_member(struct call *call, struct geo_search *s, unsigned at) {
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

static bool parse_count(struct call *call, struct geo_search *s, unsigned at) {
    if (!string_parse_integer(call, at, &s->count)) return false;
    if (s->count > 0) return true;
    reply_error(call->reply, "ERR COUNT must be > 0");
    return false;
}

static const struct option *find_option(const struct geo_search *s, struct bytes word,
                                        unsigned arguments) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *option = &options[i];
        if (bytes_equal_nocase(word, option->word) && option->commands & s->command &&
            option->arguments <= arguments && !(option->excludes & s->given))
            return option;
    }
    return NULL;
}

static bool parse_value(struct call *call, struct geo_search *s, uint32_t bit, unsigned at) {
    switch (bit) {
    case GEO_ASCENDING: s->given &= ~GEO_DESCENDING; return true;
    case GEO_DESCENDING: s->given &= ~GEO_ASCENDING; return true;
    case GEO_COUNT: return parse_count(call, s, at);
    case FROM_MEMBER: return parse_member(call, s, at);
    case FROM_POINT: return geo_parse_point(call, at, &s->area.centre);
    case BY_RADIUS: return parse_circle(call, s, at);
    case BY_BOX: return parse_box(call, s, at);
    case BY_POLYGON: return parse_polygon(call, s, at);
    case STORE: s->given &= ~GEO_STORE_DISTANCES; return true;
    default: return true;
    }
}

static bool parse_options(struct call *call, struct geo_search *s, unsigned first) {
    for (unsigned i = first; i < call->argc; i++) {
        const struct option *option = find_option(s, call->argv[i], call->argc - i - 1);
        if (!option) {
            reply_syntax_error(call->reply);
            return false;
        }
        s->given |= option->bit;
        if (!parse_value(call, s, option->bit, i + 1)) return false;
        bool names_target = s->command == RADIUS && option->bit & (STORE | GEO_STORE_DISTANCES);
        if (names_target) s->target = &call->keys[1];
        i += option->bit == BY_POLYGON ? 1 + 2 * (unsigned)s->area.count : option->arguments;
    }
    return true;
}

/* Do the options go together. */
static bool check_options(struct call *call, const struct geo_search *s) {
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
    } else if (s->given & GEO_ANY && !(s->given & GEO_COUNT)) {
        reply_error(call->reply, "ERR the ANY argument requires COUNT argument");
    } else {
        return true;
    }
    return false;
}

static bool read_set(struct call *call, struct geo_search *s, unsigned key) {
    if (!zset_read(call, &call->keys[key], &s->set)) return false;
    s->missing = zset_count(&s->set) == 0;
    return true;
}

static void run(struct call *call, struct geo_search *s, unsigned first_option) {
    s->event = s->command == RADIUS ? "georadiusstore" : "geosearchstore";
    if (parse_options(call, s, first_option) && check_options(call, s)) geo_search_answer(call, s);
}

/* ---- the commands ---- */

static void around_point(struct call *call, uint32_t command) {
    struct geo_search s = {.command = command, .unit = 1};
    if (read_set(call, &s, 0) && geo_parse_point(call, 2, &s.area.centre) &&
        parse_circle(call, &s, 4))
        run(call, &s, 6);
    geo_search_free(&s);
}

static void around_member(struct call *call, uint32_t command) {
    struct geo_search s = {.command = command, .unit = 1};
    if (read_set(call, &s, 0) &&
        (s.missing || (parse_member(call, &s, 2) && parse_circle(call, &s, 3))))
        run(call, &s, 5);
    geo_search_free(&s);
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
    struct geo_search s = {.command = SEARCH, .unit = 1};
    if (read_set(call, &s, 0)) run(call, &s, 2);
    geo_search_free(&s);
}

void geo_geosearchstore(struct call *call) {
    struct geo_search s = {.command = SEARCH_STORE, .unit = 1, .target = &call->keys[0]};
    if (read_set(call, &s, 1)) run(call, &s, 3);
    geo_search_free(&s);
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
