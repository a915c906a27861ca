/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rejection-inversion: W. Hörmann and G. Derflinger, Rejection-inversion to generate variates from
 * monotone discrete distributions, 1996. Constant time and no table, whatever the limit.
 */
#include "zipf.h"

#include <math.h>

/* The integral of x^-exponent, and its inverse; both continuous at exponent 1. */
static double integral(const struct zipf *zipf, double x) {
    double log_x = log(x), t = (1 - zipf->exponent) * log_x;
    return fabs(t) < 1e-8 ? log_x : expm1(t) / t * log_x;
}

static double inverse(const struct zipf *zipf, double area) {
    double t = area * (1 - zipf->exponent);
    if (t < -1) t = -1;
    return fabs(t) < 1e-8 ? exp(area) : exp(log1p(t) / t * area);
}

static double density(const struct zipf *zipf, double x) {
    return exp(-zipf->exponent * log(x));
}

void zipf_init(struct zipf *zipf, uint64_t limit, double exponent) {
    zipf->limit = limit;
    zipf->exponent = exponent;
    zipf->start = integral(zipf, 1.5) - 1;
    zipf->end = integral(zipf, (double)limit + 0.5);
    zipf->threshold = 2 - inverse(zipf, integral(zipf, 2.5) - density(zipf, 2));
}

uint64_t zipf_next(const struct zipf *zipf, uint64_t *random) {
    for (;;) {
        double uniform = (double)(random_next(random) >> 11) / 9007199254740992.0;
        double area = zipf->end + uniform * (zipf->start - zipf->end);
        double x = inverse(zipf, area);
        double rank = floor(x + 0.5);
        if (rank < 1) rank = 1;
        if (rank > (double)zipf->limit) rank = (double)zipf->limit;
        if (rank - x <= zipf->threshold ||
            area >= integral(zipf, rank + 0.5) - density(zipf, rank)) {
            return (uint64_t)rank - 1;
        }
    }
}
