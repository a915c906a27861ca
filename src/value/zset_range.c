/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/zset_range.h"
#include "base/ensure.h"
#include "base/number.h"
#include "value/zset_priv.h"
#include <stdlib.h>

/* ---- limits as text ---- */

/* What number_parse_double refuses and a limit may be all the same: nothing, which is 0, and
 * numbers beyond the range of a double, which are infinite or 0. */
static bool parse_extreme(struct bytes text, double *score) {
    char copy[512], *end;
    if (text.len >= sizeof copy) return false;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.data[i])) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *score = strtod(copy, &end);
    return *end == '\0';
}

/* A zero byte ends the text. */
static bool parse_score(struct bytes text, double *score, bool *open) {
    text.len = strnlen(text.data, text.len);
    *open = text.len && text.data[0] == '(';
    if (*open) text = bytes_skip(text, 1);
    return number_parse_double(text, score) || parse_extreme(text, score);
}

bool zset_parse_scores(struct bytes low, struct bytes high, struct zset_scores *out) {
    return parse_score(low, &out->low, &out->low_open) &&
           parse_score(high, &out->high, &out->high_open);
}

static bool parse_name(struct bytes text, struct zset_name_limit *out) {
    if (!text.len) return false;
    *out = (struct zset_name_limit){.edge = ZSET_NAME, .name = bytes_skip(text, 1)};
    switch (text.data[0]) {
    case '[': return true;
    case '(': out->open = true; return true;
    case '-': out->edge = ZSET_FIRST; return text.len == 1;
    case '+': out->edge = ZSET_LAST; return text.len == 1;
    default: return false;
    }
}

bool zset_parse_names(struct bytes low, struct bytes high, struct zset_names *out) {
    return parse_name(low, &out->low) && parse_name(high, &out->high);
}

/* ---- what is before a limit ---- */

static bool score_is_before(double score, double limit, bool open) {
    return open ? score <= limit : score < limit;
}

/* How many elements are before the limit; `inclusive`: at it too. */
static uint64_t count_by_score(struct bytes pack, double limit, bool inclusive) {
    uint64_t count = 0;
    for (size_t at = pack_first(pack), score_at; at; at = pack_next(pack, score_at), count++) {
        score_at = pack_next(pack, at);
        if (!score_is_before(zset_pack_score(pack, score_at), limit, inclusive)) break;
    }
    return count;
}

static int compare_score(const void *context, const void *probe, const void *key) {
    double limit = *(const double *)probe, score = ((const struct zset_place *)key)->score;
    return (limit > score) - (limit < score);
}

static uint64_t large_count_by_score(const struct zset *set, double limit, bool inclusive) {
    struct tree_cursor cursor;
    if (inclusive)
        tree_find_after((struct tree *)&set->tree, compare_score, NULL, &limit, &cursor);
    else
        tree_find((struct tree *)&set->tree, compare_score, NULL, &limit, &cursor);
    return tree_rank(&cursor);
}

static uint64_t before_score(const struct value *set, double limit, bool inclusive) {
    return set->large ? large_count_by_score(set->object, limit, inclusive)
                      : count_by_score(set->small, limit, inclusive);
}

struct zset_ranks zset_ranks_of_scores(const struct value *set, const struct zset_scores *scores) {
    uint64_t first = before_score(set, scores->low, scores->low_open);
    uint64_t end = before_score(set, scores->high, !scores->high_open);
    return (struct zset_ranks){first, MAX(first, end)};
}

/* The same of names. */

static uint64_t count_by_name(struct bytes pack, struct bytes limit, bool inclusive) {
    uint64_t count = 0;
    for (size_t at = pack_first(pack); at; at = pack_next(pack, pack_next(pack, at)), count++) {
        int order = pack_compare(pack, at, limit);
        if (inclusive ? order > 0 : order >= 0) break;
    }
    return count;
}

static int compare_name(const void *context, const void *probe, const void *key) {
    return bytes_compare(*(const struct bytes *)probe, members_name(zset_block(context, key)));
}

static uint64_t large_count_by_name(const struct zset *set, struct bytes limit, bool inclusive) {
    struct tree_cursor cursor;
    if (inclusive)
        tree_find_after((struct tree *)&set->tree, compare_name, set, &limit, &cursor);
    else
        tree_find((struct tree *)&set->tree, compare_name, set, &limit, &cursor);
    return tree_rank(&cursor);
}

static uint64_t before_name(const struct value *set, const struct zset_name_limit *limit,
                            bool inclusive) {
    if (limit->edge == ZSET_FIRST) return 0;
    if (limit->edge == ZSET_LAST) return zset_count(set);
    return set->large ? large_count_by_name(set->object, limit->name, inclusive)
                      : count_by_name(set->small, limit->name, inclusive);
}

struct zset_ranks zset_ranks_of_names(const struct value *set, const struct zset_names *names) {
    uint64_t first = before_name(set, &names->low, names->low.open);
    uint64_t end = before_name(set, &names->high, !names->high.open);
    return (struct zset_ranks){first, MAX(first, end)};
}
