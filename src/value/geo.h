/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places on the earth as scores of a sorted set, and areas to look for them in.
 *
 * A score is a geohash of 52 bits: longitude and latitude as fractions of their ranges, 26 bits
 * each, the bits of the two by turns. So places that are near one another mostly have scores that
 * are, and a cell of any size is a range of scores (G. M. Morton, "A computer oriented geodetic
 * data base", IBM, 1966). Latitudes end where the Web Mercator projection of EPSG:3857 does.
 *
 * Clients compare digits, so the formulas, and the order of their operations, are those that other
 * servers use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Degrees. */
struct geo_point {
    double longitude, latitude;
};

bool geo_is_valid(struct geo_point point);

/* The geohash of a valid point, and the middle of the cell of any score. */
uint64_t geo_encode(struct geo_point point);
struct geo_point geo_decode(double score);

/* Metres, on a sphere. */
double geo_distance(struct geo_point one, struct geo_point other);

/* The geohash of 11 characters that others use, whose latitudes go from pole to pole. */
#define GEO_HASH_LENGTH 11
void geo_hash(struct geo_point point, char out[GEO_HASH_LENGTH]);

/* ---- areas ---- */

enum geo_kind { GEO_CIRCLE, GEO_BOX, GEO_POLYGON };

struct geo_area {
    enum geo_kind kind;
    struct geo_point centre; /* of a polygon: geo_middle() */
    double radius;           /* of a circle, metres */
    double width, height;    /* of a box */
    const struct geo_point *vertices;
    size_t count;
};

/* The place on the sphere below the mean of the vertices in space. */
struct geo_point geo_middle(const struct geo_point *vertices, size_t count);

/* Is the point in the area; *distance is how far it is from the centre. */
bool geo_contains(const struct geo_area *area, struct geo_point point, double *distance);

/* Scores from low up to high. */
struct geo_range {
    double low, high;
};

/* Ranges that have all places in the area, in the order in which they are looked at, which clients
 * see. Returns how many: none if the centre, of a polygon, is nearer to a pole than any place. */
#define GEO_RANGES_MAX 9
unsigned geo_cover(const struct geo_area *area, struct geo_range ranges[GEO_RANGES_MAX]);
