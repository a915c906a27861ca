/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/geo.h"
#include "base/ensure.h"
#include <math.h>

#define LONGITUDE_MAX 180.0
#define LATITUDE_MAX  85.05112878
#define EARTH_RADIUS  6372797.560856 /* metres */
#define MERCATOR_MAX  20037726.37    /* metres, half the equator */
#define STEPS         26             /* bits of each coordinate */

static const struct geo_point whole = {LONGITUDE_MAX, LATITUDE_MAX}, poles = {LONGITUDE_MAX, 90};

bool geo_is_valid(struct geo_point point) {
    return point.longitude >= -LONGITUDE_MAX && point.longitude <= LONGITUDE_MAX &&
           point.latitude >= -LATITUDE_MAX && point.latitude <= LATITUDE_MAX;
}

/* ---- cells ---- */

/* A cell of the grid that cuts each coordinate into 2^steps parts. */
struct cell {
    uint32_t longitude, latitude;
    unsigned steps;
};

/* Puts a zero above each of the bits. */
static uint64_t spread(uint32_t bits) {
    uint64_t x = bits;
    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
    x = (x | x << 2) & 0x3333333333333333;
    return (x | x << 1) & 0x5555555555555555;
}

static uint32_t gather(uint64_t x) {
    x &= 0x5555555555555555;
    x = (x | x >> 1) & 0x3333333333333333;
    x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0f;
    x = (x | x >> 4) & 0x00ff00ff00ff00ff;
    x = (x | x >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(x | x >> 16);
}

static uint64_t cell_bits(struct cell cell) {
    return spread(cell.latitude) | spread(cell.longitude) << 1;
}

/* Coordinates reach from -most to most. At `most` itself the part is the one behind the last. */
static struct cell cell_at(struct geo_point point, struct geo_point most, unsigned steps) {
    double longitude = (point.longitude + most.longitude) / (most.longitude + most.longitude);
    double latitude = (point.latitude + most.latitude) / (most.latitude + most.latitude);
    double parts = (double)(1u << steps);
    return (struct cell){(uint32_t)(longitude * parts), (uint32_t)(latitude * parts), steps};
}

struct box {
    struct geo_point low, high;
};

static double edge(double most, uint32_t part, unsigned steps) {
    return -most + part * 1.0 / (double)(1u << steps) * (most + most);
}

static struct box box_of(struct cell cell) {
    return (struct box){{edge(LONGITUDE_MAX, cell.longitude, cell.steps),
                         edge(LATITUDE_MAX, cell.latitude, cell.steps)},
                        {edge(LONGITUDE_MAX, cell.longitude + 1, cell.steps),
                         edge(LATITUDE_MAX, cell.latitude + 1, cell.steps)}};
}

uint64_t geo_encode(struct geo_point point) {
    return cell_bits(cell_at(point, whole, STEPS));
}

/* Any score, as the bits that it is on x86-64 when it is converted to an unsigned integer: sorted
 * sets that hold no places are read as if they did. */
static uint64_t bits_of_score(double score) {
    if (score >= -0x1p63 && score < 0x1p63) return (uint64_t)(int64_t)score;
    if (score >= 0x1p63 && score < 0x1p64) return (uint64_t)score;
    return score < 0 ? UINT64_C(1) << 63 : 0;
}

static double clamp(double x, double most) {
    return x > most ? most : x < -most ? -most : x;
}

struct geo_point geo_decode(double score) {
    uint64_t bits = bits_of_score(score);
    struct box box = box_of((struct cell){gather(bits >> 1), gather(bits), STEPS});
    double longitude = (box.low.longitude + box.high.longitude) / 2;
    double latitude = (box.low.latitude + box.high.latitude) / 2;
    return (struct geo_point){clamp(longitude, LONGITUDE_MAX), clamp(latitude, LATITUDE_MAX)};
}

void geo_hash(struct geo_point point, char out[GEO_HASH_LENGTH]) {
    static const char digits[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_bits(cell_at(point, poles, STEPS));
    for (int i = 0; i < GEO_HASH_LENGTH; i++) {
        int shift = 2 * STEPS - 5 * (i + 1); /* of the last digit only two bits are known */
        out[i] = digits[shift < 0 ? 0 : bits >> shift & 31];
    }
}

/* ---- distances ---- */

static double radians(double degrees) {
    return degrees * (M_PI / 180.0);
}

static double degrees(double radians) {
    return radians / (M_PI / 180.0);
}

static double distance_of_latitudes(double one, double other) {
    return EARTH_RADIUS * fabs(radians(other) - radians(one));
}

/* The haversine formula (R. W. Sinnott, "Virtues of the haversine", Sky and Telescope 68, 1984). */
double geo_distance(struct geo_point one, struct geo_point other) {
    double v = sin((radians(other.longitude) - radians(one.longitude)) / 2);
    if (v == 0) return distance_of_latitudes(one.latitude, other.latitude);
    double latitude = radians(one.latitude), other_latitude = radians(other.latitude);
    double u = sin((other_latitude - latitude) / 2);
    double a = u * u + cos(latitude) * cos(other_latitude) * v * v;
    return 2.0 * EARTH_RADIUS * asin(sqrt(a));
}

/* ---- areas ---- */

struct geo_point geo_middle(const struct geo_point *vertices, size_t count) {
    double x = 0, y = 0, z = 0;
    for (size_t i = 0; i < count; i++) {
        double longitude = radians(vertices[i].longitude);
        double latitude = radians(vertices[i].latitude);
        x += cos(latitude) * cos(longitude);
        y += cos(latitude) * sin(longitude);
        z += sin(latitude);
    }
    return (struct geo_point){degrees(atan2(y, x)), degrees(atan2(z, sqrt(x * x + y * y)))};
}

static bool box_contains(const struct geo_area *area, struct geo_point point) {
    struct geo_point beside = {area->centre.longitude, point.latitude};
    return distance_of_latitudes(point.latitude, area->centre.latitude) <= area->height / 2 &&
           geo_distance(point, beside) <= area->width / 2;
}

/* Does a ray from the point to the east cross the boundary an odd number of times (M. Shimrat,
 * "Algorithm 112: position of point relative to polygon", Communications of the ACM 5, 1962). */
static bool polygon_contains(const struct geo_area *area, struct geo_point point) {
    bool inside = false;
    const struct geo_point *before = &area->vertices[area->count - 1];
    for (const struct geo_point *v = area->vertices; v < area->vertices + area->count; v++) {
        bool crosses = (v->latitude > point.latitude) != (before->latitude > point.latitude);
        if (crosses && point.longitude < (before->longitude - v->longitude) *
                                                 (point.latitude - v->latitude) /
                                                 (before->latitude - v->latitude) +
                                             v->longitude)
            inside = !inside;
        before = v;
    }
    return inside;
}

bool geo_contains(const struct geo_area *area, struct geo_point point, double *distance) {
    if (area->kind == GEO_BOX && !box_contains(area, point)) return false;
    if (area->kind == GEO_POLYGON && !polygon_contains(area, point)) return false;
    *distance = geo_distance(area->centre, point);
    return area->kind != GEO_CIRCLE || *distance <= area->radius;
}

/* ---- cells that cover an area ---- */

static struct box polygon_bounds(const struct geo_area *area) {
    struct box box = {area->vertices[0], area->vertices[0]};
    for (size_t i = 1; i < area->count; i++) {
        struct geo_point v = area->vertices[i];
        box.low.longitude = MIN(box.low.longitude, v.longitude);
        box.low.latitude = MIN(box.low.latitude, v.latitude);
        box.high.longitude = MAX(box.high.longitude, v.longitude);
        box.high.latitude = MAX(box.high.latitude, v.latitude);
    }
    return box;
}

/* The width takes most degrees at the edge that is nearer to a pole, where meridians are close. */
static struct box bounds_of(const struct geo_area *area) {
    if (area->kind == GEO_POLYGON) return polygon_bounds(area);
    bool circle = area->kind == GEO_CIRCLE;
    double height = circle ? area->radius : area->height / 2;
    double width = circle ? area->radius : area->width / 2;
    double latitude = area->centre.latitude, longitude = area->centre.longitude;
    double up = degrees(height / EARTH_RADIUS);
    double pole_side = latitude < 0 ? latitude - up : latitude + up;
    double side = degrees(width / EARTH_RADIUS / cos(radians(pole_side)));
    return (struct box){{longitude - side, latitude - up}, {longitude + side, latitude + up}};
}

/* How fine a grid may be for nine of its cells to hold the circle around the area: its radius
 * doubled as often as it fits into the map, less two because the area may touch a cell's edge, and
 * less again towards the poles, where cells are narrow. */
static unsigned estimate_steps(double radius, double latitude) {
    int steps = 1;
    if (radius == 0) return STEPS;
    for (; radius < MERCATOR_MAX; radius *= 2)
        steps++;
    steps -= 2;
    if (fabs(latitude) > 66) steps--;
    if (fabs(latitude) > 80) steps--;
    return (unsigned)(steps < 1 ? 1 : MIN(steps, STEPS));
}

static double farthest_corner(struct geo_point centre, const struct box *box) {
    struct geo_point low_high = {box->low.longitude, box->high.latitude};
    struct geo_point high_low = {box->high.longitude, box->low.latitude};
    double south = fmax(geo_distance(centre, box->low), geo_distance(centre, high_low));
    double north = fmax(geo_distance(centre, box->high), geo_distance(centre, low_high));
    return fmax(south, north);
}

static double radius_of(const struct geo_area *area, const struct box *bounds) {
    if (area->kind == GEO_CIRCLE) return area->radius;
    if (area->kind == GEO_POLYGON) return farthest_corner(area->centre, bounds);
    return sqrt(area->width / 2 * (area->width / 2) + area->height / 2 * (area->height / 2));
}

/* The cell so many cells to the east and to the north; the map goes round. */
static struct cell neighbour(struct cell cell, int east, int north) {
    uint32_t mask = (1u << cell.steps) - 1;
    if (east) cell.longitude = (cell.longitude + (uint32_t)east) & mask;
    if (north) cell.latitude = (cell.latitude + (uint32_t)north) & mask;
    return cell;
}

/* Do the cells around this one reach over the bounds on all sides. */
static bool neighbours_reach(struct cell cell, const struct box *bounds) {
    return box_of(neighbour(cell, 0, 1)).high.latitude >= bounds->high.latitude &&
           box_of(neighbour(cell, 0, -1)).low.latitude <= bounds->low.latitude &&
           box_of(neighbour(cell, 1, 0)).high.longitude >= bounds->high.longitude &&
           box_of(neighbour(cell, -1, 0)).low.longitude <= bounds->low.longitude;
}

static struct geo_range range_of(struct cell cell) {
    unsigned shift = 2 * (STEPS - cell.steps);
    uint64_t bits = cell_bits(cell);
    return (struct geo_range){(double)(bits << shift), (double)((bits + 1) << shift)};
}

unsigned geo_cover(const struct geo_area *area, struct geo_range ranges[GEO_RANGES_MAX]) {
    static const struct {
        int8_t east, north;
    } order[GEO_RANGES_MAX] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                               {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    if (!geo_is_valid(area->centre)) return 0;
    struct box bounds = bounds_of(area);
    unsigned steps = estimate_steps(radius_of(area, &bounds), area->centre.latitude), count = 0;
    struct cell centre = cell_at(area->centre, whole, steps);
    if (steps > 1 && !neighbours_reach(centre, &bounds)) {
        steps--;
        centre = cell_at(area->centre, whole, steps);
    }
    struct box own = box_of(centre);
    for (unsigned i = 0; i < GEO_RANGES_MAX; i++) {
        int east = order[i].east, north = order[i].north;
        bool useless = (north < 0 && own.low.latitude < bounds.low.latitude) ||
                       (north > 0 && own.high.latitude > bounds.high.latitude) ||
                       (east < 0 && own.low.longitude < bounds.low.longitude) ||
                       (east > 0 && own.high.longitude > bounds.high.longitude);
        if (useless && steps >= 2) continue;
        struct geo_range range = range_of(neighbour(centre, east, north));
        /* On a grid of four cells, a neighbour on one side is that on the other side too. */
        if (count && ranges[count - 1].low == range.low) continue;
        ranges[count++] = range;
    }
    return count;
}
