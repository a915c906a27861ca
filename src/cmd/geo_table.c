/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/geo.h"

static const struct command_arg geoadd_condition_args[] = {
    {"nx", ARG_PURE_TOKEN, .token = "NX"},
    {"xx", ARG_PURE_TOKEN, .token = "XX"},
    {0},
};

static const struct command_arg longitude_latitude_member_args[] = {
    {"longitude", ARG_DOUBLE},
    {"latitude", ARG_DOUBLE},
    {"member", ARG_STRING},
    {0},
};

static const struct command_arg geoadd_args[] = {
    {"key", ARG_KEY},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "6.2.0",
     .sub = geoadd_condition_args},
    {"change", ARG_PURE_TOKEN, .token = "CH", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {"data", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = longitude_latitude_member_args},
    {0},
};

static const struct command_history geoadd_history[] = {
    {"6.2.0", "Takes CH, NX and XX."},
    {0},
};

static const struct command_arg geodist_unit_args[] = {
    {"m", ARG_PURE_TOKEN, .token = "M"},
    {"km", ARG_PURE_TOKEN, .token = "KM"},
    {"ft", ARG_PURE_TOKEN, .token = "FT"},
    {"mi", ARG_PURE_TOKEN, .token = "MI"},
    {0},
};

static const struct command_arg geodist_args[] = {
    {"key", ARG_KEY},
    {"member1", ARG_STRING},
    {"member2", ARG_STRING},
    {"unit", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = geodist_unit_args},
    {0},
};

static const struct command_arg geohash_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg georadius_count_block_args[] = {
    {"count", ARG_INTEGER, .token = "COUNT"},
    {"any", ARG_PURE_TOKEN, .token = "ANY", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {0},
};

static const struct command_arg georadius_order_args[] = {
    {"asc", ARG_PURE_TOKEN, .token = "ASC"},
    {"desc", ARG_PURE_TOKEN, .token = "DESC"},
    {0},
};

static const struct command_arg georadius_store_args[] = {
    {"storekey", ARG_KEY, .token = "STORE", .key_spec = 1, .display = "key"},
    {"storedistkey", ARG_KEY, .token = "STOREDIST", .key_spec = 2, .display = "key"},
    {0},
};

static const struct command_arg georadius_args[] = {
    {"key", ARG_KEY},
    {"longitude", ARG_DOUBLE},
    {"latitude", ARG_DOUBLE},
    {"radius", ARG_DOUBLE},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {"withcoord", ARG_PURE_TOKEN, .token = "WITHCOORD", .flags = ARG_OPTIONAL},
    {"withdist", ARG_PURE_TOKEN, .token = "WITHDIST", .flags = ARG_OPTIONAL},
    {"withhash", ARG_PURE_TOKEN, .token = "WITHHASH", .flags = ARG_OPTIONAL},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadius_count_block_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {"store", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_store_args},
    {0},
};

static const struct command_history georadius_history[] = {
    {"6.2.0", "COUNT takes ANY."},
    {"7.0.0", "Units may be in upper case."},
    {0},
};

static const struct command_arg georadius_ro_args[] = {
    {"key", ARG_KEY},
    {"longitude", ARG_DOUBLE},
    {"latitude", ARG_DOUBLE},
    {"radius", ARG_DOUBLE},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {"withcoord", ARG_PURE_TOKEN, .token = "WITHCOORD", .flags = ARG_OPTIONAL},
    {"withdist", ARG_PURE_TOKEN, .token = "WITHDIST", .flags = ARG_OPTIONAL},
    {"withhash", ARG_PURE_TOKEN, .token = "WITHHASH", .flags = ARG_OPTIONAL},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadius_count_block_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {0},
};

static const struct command_arg georadiusbymember_count_block_args[] = {
    {"count", ARG_INTEGER, .token = "COUNT"},
    {"any", ARG_PURE_TOKEN, .token = "ANY", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg georadiusbymember_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING},
    {"radius", ARG_DOUBLE},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {"withcoord", ARG_PURE_TOKEN, .token = "WITHCOORD", .flags = ARG_OPTIONAL},
    {"withdist", ARG_PURE_TOKEN, .token = "WITHDIST", .flags = ARG_OPTIONAL},
    {"withhash", ARG_PURE_TOKEN, .token = "WITHHASH", .flags = ARG_OPTIONAL},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadiusbymember_count_block_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {"store", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_store_args},
    {0},
};

static const struct command_arg georadiusbymember_ro_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING},
    {"radius", ARG_DOUBLE},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {"withcoord", ARG_PURE_TOKEN, .token = "WITHCOORD", .flags = ARG_OPTIONAL},
    {"withdist", ARG_PURE_TOKEN, .token = "WITHDIST", .flags = ARG_OPTIONAL},
    {"withhash", ARG_PURE_TOKEN, .token = "WITHHASH", .flags = ARG_OPTIONAL},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadiusbymember_count_block_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {0},
};

static const struct command_arg longitude_latitude_args[] = {
    {"longitude", ARG_DOUBLE},
    {"latitude", ARG_DOUBLE},
    {0},
};

static const struct command_arg geosearch_from_args[] = {
    {"member", ARG_STRING, .token = "FROMMEMBER"},
    {"fromlonlat", ARG_BLOCK, .token = "FROMLONLAT", .sub = longitude_latitude_args},
    {0},
};

static const struct command_arg geosearch_by_circle_args[] = {
    {"radius", ARG_DOUBLE, .token = "BYRADIUS"},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {0},
};

static const struct command_arg geosearch_by_box_args[] = {
    {"width", ARG_DOUBLE, .token = "BYBOX"},
    {"height", ARG_DOUBLE},
    {"unit", ARG_ONE_OF, .sub = geodist_unit_args},
    {0},
};

static const struct command_arg geosearch_by_polygon_args[] = {
    {"num-vertices", ARG_INTEGER, .token = "BYPOLYGON"},
    {"vertices", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = longitude_latitude_args},
    {0},
};

static const struct command_arg geosearch_by_args[] = {
    {"circle", ARG_BLOCK, .sub = geosearch_by_circle_args},
    {"box", ARG_BLOCK, .sub = geosearch_by_box_args},
    {"polygon", ARG_BLOCK, .since = "9.0.0", .sub = geosearch_by_polygon_args},
    {0},
};

static const struct command_arg geosearch_args[] = {
    {"key", ARG_KEY},
    {"from", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = geosearch_from_args},
    {"by", ARG_ONE_OF, .sub = geosearch_by_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadiusbymember_count_block_args},
    {"withcoord", ARG_PURE_TOKEN, .token = "WITHCOORD", .flags = ARG_OPTIONAL},
    {"withdist", ARG_PURE_TOKEN, .token = "WITHDIST", .flags = ARG_OPTIONAL},
    {"withhash", ARG_PURE_TOKEN, .token = "WITHHASH", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history geosearch_history[] = {
    {"7.0.0", "Units may be in upper case."},
    {"9.0.0", "Takes BYPOLYGON."},
    {0},
};

static const struct command_arg geosearchstore_args[] = {
    {"destination", ARG_KEY},
    {"source", ARG_KEY, .key_spec = 1},
    {"from", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = geosearch_from_args},
    {"by", ARG_ONE_OF, .sub = geosearch_by_args},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = georadius_order_args},
    {"count-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = georadiusbymember_count_block_args},
    {"storedist", ARG_PURE_TOKEN, .token = "STOREDIST", .flags = ARG_OPTIONAL},
    {0},
};

const struct command geo_commands[] = {
    {
        .name = "geoadd",
        .run = geo_geoadd,
        .arity = -5,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(log(N)) for each place, where N is the size of the index.",
        .summary = "Adds named places, as longitude and latitude, to a geospatial index, which is "
                   "a sorted set.",
        .args = geoadd_args,
        .history = geoadd_history,
    },
    {
        .name = "geodist",
        .run = geo_geodist,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(1)",
        .summary = "Tells the distance between two places of an index.",
        .args = geodist_args,
    },
    {
        .name = "geohash",
        .run = geo_geohash,
        .arity = -2,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(N), where N is the number of places asked for.",
        .summary = "Tells where places are, as geohash strings of eleven characters.",
        .args = geohash_args,
    },
    {
        .name = "geopos",
        .run = geo_geopos,
        .arity = -2,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(N), where N is the number of places asked for.",
        .summary = "Tells the longitude and latitude of places.",
        .args = geohash_args,
    },
    {
        .name = "georadius",
        .run = geo_georadius,
        .arity = -6,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STORE",
                  .index = 6,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STOREDIST",
                  .index = 6,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .find_keys = geo_find_keys,
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places within a distance of a point, and can store them.",
        .args = georadius_args,
        .history = georadius_history,
    },
    {
        .name = "georadius_ro",
        .run = geo_georadius_ro,
        .arity = -6,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.10",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places within a distance of a point.",
        .args = georadius_ro_args,
        .history = georadius_history,
    },
    {
        .name = "georadiusbymember",
        .run = geo_georadiusbymember,
        .arity = -5,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STORE",
                  .index = 5,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STOREDIST",
                  .index = 5,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .find_keys = geo_find_keys,
        .group = "geo",
        .since = "3.2.0",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places within a distance of another one, and can store them.",
        .args = georadiusbymember_args,
        .history = georadius_history,
    },
    {
        .name = "georadiusbymember_ro",
        .run = geo_georadiusbymember_ro,
        .arity = -5,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "3.2.10",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places within a distance of another one.",
        .args = georadiusbymember_ro_args,
        .history = georadius_history,
    },
    {
        .name = "geosearch",
        .run = geo_geosearch,
        .arity = -7,
        .flags = CMD_READONLY,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "6.2.0",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places inside a circle, a rectangle or a polygon.",
        .args = geosearch_args,
        .history = geosearch_history,
    },
    {
        .name = "geosearchstore",
        .run = geo_geosearchstore,
        .arity = -8,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_GEO,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "geo",
        .since = "6.2.0",
        .complexity = "O(N+log(M)), where N is the number of places in the rectangle around the "
                      "area and M the size of the index.",
        .summary = "Finds the places inside a circle, a rectangle or a polygon, and stores them.",
        .args = geosearchstore_args,
        .history = geosearch_history,
    },
    {0},
};
