/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/geo.h"

#include "base/ensure.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct geo_point random_point(struct random *random) {
    return (struct geo_point){random_double(random) * 360 - 180, random_double(random) * 170 - 85};
}

static void decodes_what_it_encodes(void **state) {
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 100000; i++) {
        struct geo_point point = random_point(&random);
        uint64_t bits = geo_encode(point);
        assert_true(bits < UINT64_C(1) << 52);
        struct geo_point back = geo_decode((double)bits);
        assert_true(fabs(back.longitude - point.longitude) <= 180.0 / (1 << 26));
        assert_true(fabs(back.latitude - point.latitude) <= 85.06 / (1 << 26));
        assert_true(geo_encode(back) == bits);
    }
}

/* What other servers answer for these places. */
static void knows_palermo(void **state) {
    struct geo_point palermo = {13.361389, 38.115556}, catania = {15.087269, 37.502669};
    char text[GEO_HASH_LENGTH];
    assert_true(geo_encode(palermo) == 3479099956230698);
    assert_true(geo_encode(catania) == 3479447370796909);
    palermo = geo_decode(3479099956230698.0);
    catania = geo_decode(3479447370796909.0);
    assert_true(fabs(geo_distance(palermo, catania) - 166274.1516) < 0.0001);
    geo_hash(palermo, text);
    assert_memory_equal(text, "sqc8b49rny0", sizeof text);
    geo_hash(catania, text);
    assert_memory_equal(text, "sqdtr74hyu0", sizeof text);
}

static void takes_any_score(void **state) {
    const double scores[] = {0,     -1,     -0.5,   INFINITY, -INFINITY,
                             1e300, -1e300, 0x1p52, 0x1p63,   0x1p64};
    for (size_t i = 0; i < ARRAY_LEN(scores); i++)
        assert_true(geo_is_valid(geo_decode(scores[i])));
}

static struct geo_area random_area(struct random *random, struct geo_point vertices[6]) {
    struct geo_area area = {.centre = random_point(random)};
    double size = exp(random_double(random) * 16); /* to 8900 km */
    switch (random_below(random, 3)) {
    case 0:
        area.kind = GEO_CIRCLE;
        area.radius = size;
        break;
    case 1:
        area.kind = GEO_BOX;
        area.width = size;
        area.height = exp(random_double(random) * 16);
        break;
    default:
        area.kind = GEO_POLYGON;
        area.vertices = vertices;
        area.count = 3 + random_below(random, 4);
        for (size_t i = 0; i < area.count; i++) {
            double east = (random_double(random) - 0.5) * 60,
                   north = (random_double(random) - 0.5) * 60;
            vertices[i].longitude = fmax(-180, fmin(180, area.centre.longitude + east));
            vertices[i].latitude = fmax(-85, fmin(85, area.centre.latitude + north));
        }
        area.centre = geo_middle(vertices, area.count);
    }
    return area;
}

static bool is_covered(const struct geo_range *ranges, unsigned count, double score) {
    for (unsigned i = 0; i < count; i++)
        if (score >= ranges[i].low && score < ranges[i].high) return true;
    return false;
}

/* Away from the poles and the date line, where other servers miss places as well. */
static bool is_tame(const struct geo_area *area) {
    return fabs(area->centre.latitude) < 50 && fabs(area->centre.longitude) < 90 &&
           area->radius < 2e6 && area->width < 2e6 && area->height < 2e6;
}

static void covers_what_it_contains(void **state) {
    struct random random;
    random_seed(&random, 2);
    unsigned contained = 0;
    for (int round = 0; round < 4000; round++) {
        struct geo_point vertices[6];
        struct geo_range ranges[GEO_RANGES_MAX];
        struct geo_area area = random_area(&random, vertices);
        unsigned count = geo_cover(&area, ranges);
        assert_true(count <= GEO_RANGES_MAX);
        for (unsigned i = 0; i < count; i++)
            assert_true(ranges[i].low < ranges[i].high);
        if (!is_tame(&area)) continue;
        for (int i = 0; i < 50; i++) {
            struct geo_point near = {area.centre.longitude + (random_double(&random) - 0.5) * 40,
                                     area.centre.latitude + (random_double(&random) - 0.5) * 40};
            double distance, score = (double)geo_encode(near);
            if (!geo_contains(&area, geo_decode(score), &distance)) continue;
            assert_true(is_covered(ranges, count, score));
            contained++;
        }
    }
    assert_true(contained > 1000);
}

static void a_circle_ends_at_its_radius(void **state) {
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 10000; i++) {
        struct geo_point one = random_point(&random), other = random_point(&random);
        double distance, between = geo_distance(one, other);
        struct geo_area area = {.kind = GEO_CIRCLE, .centre = one, .radius = between};
        assert_true(geo_contains(&area, other, &distance) && distance == between);
        area.radius = nextafter(between, 0);
        assert_false(geo_contains(&area, other, &distance));
    }
}

static void a_polygon_has_an_inside(void **state) {
    const struct geo_point vertices[] = {{0, 0}, {10, 0}, {10, 10}, {5, 5}, {0, 10}};
    struct geo_area area = {.kind = GEO_POLYGON,
                            .vertices = vertices,
                            .count = ARRAY_LEN(vertices),
                            .centre = geo_middle(vertices, ARRAY_LEN(vertices))};
    double distance;
    assert_true(geo_contains(&area, (struct geo_point){5, 2}, &distance));
    assert_true(geo_contains(&area, (struct geo_point){1, 8}, &distance));
    assert_false(geo_contains(&area, (struct geo_point){5, 8}, &distance));
    assert_false(geo_contains(&area, (struct geo_point){-1, 5}, &distance));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_it_encodes),
        cmocka_unit_test(knows_palermo),
        cmocka_unit_test(takes_any_score),
        cmocka_unit_test(covers_what_it_contains),
        cmocka_unit_test(a_circle_ends_at_its_radius),
        cmocka_unit_test(a_polygon_has_an_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
