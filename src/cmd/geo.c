/* SPDX-License-Identifier: BSD-3-Clause */
/* Places, one at a time. They are members of a sorted set, with geohashes as scores. */
#include "cmd/geo.h"
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_zset.h"
#include "sys/memory.h"
#include <math.h>

/* ---- arguments and replies ---- */

bool geo_parse_point(struct call *call, unsigned at, struct geo_point *point) {
    if (!number_parse_double(call->argv[at], &point->longitude) ||
        !number_parse_double(call->argv[at + 1], &point->latitude)) {
        reply_not_float(call->reply);
        return false;
    }
    if (geo_is_valid(*point)) return true;
    reply_errorf(call->reply, "ERR invalid longitude,latitude pair %f,%f", point->longitude,
                 point->latitude);
    return false;
}

bool geo_parse_unit(struct call *call, unsigned at, double *metres) {
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!bytes_is(call->argv[at], units[i].name)) continue;
        *metres = units[i].metres;
        return true;
    }
    reply_error(call->reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

/* Four decimals. */
void geo_reply_distance(struct reply *reply, double distance) {
    reply_bulk_printf(reply, "%.4f", distance);
}

static void reply_coordinate(struct reply *reply, double degrees) {
    char text[NUMBER_LONG_DOUBLE_MAX];
    if (reply->resp == 2) {
        reply_long_double(reply, degrees);
        return;
    }
    size_t length = number_format_long_double(text + 1, sizeof text - 3, degrees);
    text[0] = ',';
    memcpy(text + 1 + length, "\r\n", 2);
    reply_raw(reply, bytes_make(text, length + 3));
}

void geo_reply_point(struct reply *reply, struct geo_point point) {
    reply_array(reply, 2);
    reply_coordinate(reply, point.longitude);
    reply_coordinate(reply, point.latitude);
}

/* ---- GEOADD ---- */

/* The command as ZADD: the name, the key, `options` options, and pairs of score and member. */
static void add_as_zadd(struct call *call, unsigned first, unsigned flags, bool count_changed,
                        struct bytes *argv, char (*digits)[NUMBER_U64_MAX]) {
    unsigned pairs = (call->argc - first) / 3;
    argv[0] = BYTES("ZADD");
    for (unsigned i = 1; i < first; i++)
        argv[i] = call->argv[i];
    for (unsigned i = 0; i < pairs; i++) {
        struct geo_point point;
        if (!geo_parse_point(call, first + 3 * i, &point)) return;
        size_t length = number_format_u64(digits[i], geo_encode(point));
        argv[first + 2 * i] = bytes_make(digits[i], length);
        argv[first + 2 * i + 1] = call->argv[first + 3 * i + 2];
    }
    zset_add_pairs(call, &(struct zset_adding){.argv = argv,
                                               .argc = first + 2 * pairs,
                                               .first = first,
                                               .flags = flags,
                                               .count_changed = count_changed});
}

#define FEW_PLACES  8
#define OPTIONS_MAX 16 /* with name and key */

void geo_geoadd(struct call *call) {
    unsigned flags = 0, first = 2;
    bool count_changed = false;
    for (; first < call->argc; first++) {
        if (bytes_is(call->argv[first], "nx"))
            flags |= ZSET_NX;
        else if (bytes_is(call->argv[first], "xx"))
            flags |= ZSET_XX;
        else if (bytes_is(call->argv[first], "ch"))
            count_changed = true;
        else
            break;
    }
    unsigned pairs = (call->argc - first) / 3;
    if ((call->argc - first) % 3 || flags == (ZSET_NX | ZSET_XX)) {
        reply_syntax_error(call->reply);
        return;
    }
    struct bytes few_arguments[OPTIONS_MAX + 2 * FEW_PLACES], *argv = few_arguments;
    char few_digits[FEW_PLACES][NUMBER_U64_MAX], (*digits)[NUMBER_U64_MAX] = few_digits;
    if (pairs > FEW_PLACES || first > OPTIONS_MAX) {
        argv = memory_alloc((first + 2 * pairs) * sizeof *argv);
        digits = memory_alloc((pairs + 1) * sizeof *digits);
    }
    if (argv && digits)
        add_as_zadd(call, first, flags, count_changed, argv, digits);
    else
        reply_no_memory(call->reply);
    if (argv != few_arguments) memory_free(argv);
    if (digits != few_digits) memory_free(digits);
}

/* ---- reading ---- */

static bool place_of(const struct value *set, struct bytes member, struct geo_point *point) {
    double score;
    if (!zset_score(set, member, &score)) return false;
    *point = geo_decode(score);
    return true;
}

void geo_geodist(struct call *call) {
    struct value set;
    struct geo_point one, other;
    double unit = 1;
    if (call->argc > 5) {
        reply_syntax_error(call->reply);
        return;
    }
    if (call->argc == 5 && !geo_parse_unit(call, 4, &unit)) return;
    if (!zset_read(call, &call->keys[0], &set)) return;
    if (place_of(&set, call->argv[2], &one) && place_of(&set, call->argv[3], &other))
        geo_reply_distance(call->reply, geo_distance(one, other) / unit);
    else
        reply_null(call->reply);
}

void geo_geohash(struct call *call) {
    struct value set;
    if (!zset_read(call, &call->keys[0], &set)) return;
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++) {
        struct geo_point point;
        char text[GEO_HASH_LENGTH];
        if (!place_of(&set, call->argv[i], &point)) {
            reply_null(call->reply);
            continue;
        }
        geo_hash(point, text);
        reply_bulk(call->reply, bytes_make(text, sizeof text));
    }
}

void geo_geopos(struct call *call) {
    struct value set;
    if (!zset_read(call, &call->keys[0], &set)) return;
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++) {
        struct geo_point point;
        if (place_of(&set, call->argv[i], &point))
            geo_reply_point(call->reply, point);
        else
            reply_null_array(call->reply);
    }
}
