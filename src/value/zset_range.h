/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of a sorted set: what lies between two scores, or between two names. */
#pragma once

#include "value/zset.h"

/* Ranks from `first` up to `end`; first <= end. */
struct zset_ranks {
    uint64_t first, end;
};

/* Scores from low to high, those two included unless open. */
struct zset_scores {
    double low, high;
    bool low_open, high_open;
};

/* A name as a limit: before all names, behind all, or this one. */
enum zset_edge { ZSET_FIRST, ZSET_NAME, ZSET_LAST };

struct zset_name_limit {
    enum zset_edge edge;
    bool open;
    struct bytes name;
};

struct zset_names {
    struct zset_name_limit low, high;
};

/* As commands have them: "1.5", "(1.5", "-inf" ...; "[name", "(name", "-", "+". False: it is
 * neither. */
bool zset_parse_scores(struct bytes low, struct bytes high, struct zset_scores *out);
bool zset_parse_names(struct bytes low, struct bytes high, struct zset_names *out);

struct zset_ranks zset_ranks_of_scores(const struct value *set, const struct zset_scores *scores);

/* Means something only in a set whose scores are all the same. */
struct zset_ranks zset_ranks_of_names(const struct value *set, const struct zset_names *names);
