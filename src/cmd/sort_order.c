/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SORT: the order of the elements. Many are sorted by a number of 64 bits that says most of what
 * there is to say, by radix; only those where it is the same are compared.
 */
#include "base/ensure.h"
#include "cmd/sort.h"
#include "sys/memory.h"
#include <stdlib.h>

static struct bytes weight_of(const struct sorting *sorting, const struct sort_item *item) {
    return bytes_make(sorting->texts.data + item->weight.at, item->weight.length);
}

static int compare_weights(const struct sorting *sorting, const struct sort_item *a,
                           const struct sort_item *b) {
    bool by = sorting->options.by.data != NULL;
    if (by && (!a->weighed || !b->weighed)) return a->weighed - b->weighed;
    return bytes_compare(weight_of(sorting, a), weight_of(sorting, b));
}

static int compare_scores(const struct sorting *sorting, const struct sort_item *a,
                          const struct sort_item *b) {
    if (a->score != b->score) return a->score < b->score ? -1 : 1;
    return bytes_compare(sort_text(sorting, a), sort_text(sorting, b));
}

static int compare(const void *one, const void *other, void *context) {
    const struct sorting *sorting = context;
    const struct sort_item *a = one, *b = other;
    int order =
        sorting->options.alpha ? compare_weights(sorting, a, b) : compare_scores(sorting, a, b);
    if (order) return sorting->options.descending ? -order : order;
    return a->text < b->text ? -1 : a->text > b->text; /* as they came */
}

static void compare_all(const struct sorting *sorting, struct sort_item *items, size_t count) {
    if (count > 1) qsort_r(items, count, sizeof *items, compare, (void *)(uintptr_t)sorting);
}

/* ---- ranks ---- */

struct ranked {
    uint64_t rank;
    uint32_t index; /* of the item */
};

static uint64_t rank_of_score(double score) {
    uint64_t bits;
    if (score == 0) score = 0; /* as -0 is */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

/* The first bytes; what has fewer is the same as with zeros behind. */
static uint64_t rank_of_text(struct bytes text) {
    unsigned char first[sizeof(uint64_t)] = {0};
    uint64_t rank = 0;
    if (text.len) memcpy(first, text.data, MIN(text.len, sizeof first));
    for (unsigned i = 0; i < sizeof first; i++)
        rank = rank << 8 | first[i];
    return rank;
}

static void rank_all(const struct sorting *sorting, struct ranked *ranked) {
    const struct sort_options *options = &sorting->options;
    const struct sort_item *items = sort_items(sorting);
    for (size_t i = 0; i < sort_count(sorting); i++) {
        uint64_t rank = options->alpha ? rank_of_text(weight_of(sorting, &items[i]))
                                       : rank_of_score(items[i].score);
        ranked[i] = (struct ranked){options->descending ? ~rank : rank, (uint32_t)i};
    }
}

/* Stable; bytes that are the same everywhere cost no pass. Returns which of the two has them. */
static struct ranked *radix_sort(struct ranked *from, struct ranked *to, size_t count) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t places[256] = {0}, place = 0;
        for (size_t i = 0; i < count; i++)
            places[from[i].rank >> shift & 255]++;
        if (places[from[0].rank >> shift & 255] == count) continue;
        for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
            size_t here = places[i];
            places[i] = place;
            place += here;
        }
        for (size_t i = 0; i < count; i++)
            to[places[from[i].rank >> shift & 255]++] = from[i];
        struct ranked *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* Makes the items those from `first` to before `end` of the ranked ones, those of the same rank
 * compared. False: no memory, nothing has changed. */
static bool take_ranked(struct sorting *sorting, const struct ranked *ranked, size_t first,
                        size_t end) {
    const struct sort_item *items = sort_items(sorting);
    size_t count = sort_count(sorting), low = first, high = end;
    while (low > 0 && low < count && ranked[low - 1].rank == ranked[low].rank)
        low--;
    while (high > low && high < count && ranked[high].rank == ranked[high - 1].rank)
        high++;
    struct buffer taken = {0};
    if (!buffer_reserve(&taken, (high - low + 1) * sizeof *items)) return false;
    struct sort_item *out = (void *)taken.data;
    for (size_t i = low, run = low; i < high; i++) {
        out[i - low] = items[ranked[i].index];
        if (i + 1 < high && ranked[i + 1].rank == ranked[i].rank) continue;
        compare_all(sorting, &out[run - low], i + 1 - run);
        run = i + 1;
    }
    memmove(out, out + (first - low), (end - first) * sizeof *out);
    taken.len = (end - first) * sizeof *out;
    buffer_free(&sorting->items);
    sorting->items = taken;
    return true;
}

#define RANKED_MIN 256 /* below, comparing is as fast */

/* False: it was not done. */
static bool put_in_order_by_rank(struct sorting *sorting, size_t first, size_t end) {
    const struct sort_options *options = &sorting->options;
    size_t count = sort_count(sorting);
    if (count < RANKED_MIN || count > UINT32_MAX || first == end) return false;
    if (options->alpha && options->by.data) return false; /* what has no weight comes first */
    struct ranked *ranked = memory_alloc(2 * count * sizeof *ranked);
    if (!ranked) return false;
    rank_all(sorting, ranked);
    bool done = take_ranked(sorting, radix_sort(ranked, ranked + count, count), first, end);
    memory_free(ranked);
    return done;
}

void sort_put_in_order(struct sorting *sorting, size_t first, size_t end) {
    if (put_in_order_by_rank(sorting, first, end)) return;
    if (first < end) compare_all(sorting, sort_items(sorting), sort_count(sorting));
    sorting->items.len = end * sizeof(struct sort_item);
    buffer_consume(&sorting->items, first * sizeof(struct sort_item));
}
