/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raising a register of a sparse HyperLogLog: the run that it is part of is cut into up to three,
 * and then equal neighbours are joined. Which neighbours are looked at follows Redis, since the
 * bytes should come out the same.
 */
#include "base/ensure.h"
#include "value/hll_priv.h"

static size_t put_zeros(uint8_t *out, uint32_t length) {
    if (length <= SPARSE_ZERO_RUN) {
        out[0] = (uint8_t)(length - 1);
        return 1;
    }
    out[0] = (uint8_t)(0x40 | (length - 1) >> 8);
    out[1] = (uint8_t)(length - 1);
    return 2;
}

static size_t put_value(uint8_t *out, uint8_t value, uint32_t length) {
    out[0] = (uint8_t)(0x80 | (value - 1) << 2 | (length - 1));
    return 1;
}

static size_t put_run(uint8_t *out, uint8_t value, uint32_t length) {
    if (!length) return 0;
    return value ? put_value(out, value, length) : put_zeros(out, length);
}

/* Where the register's run is. */
struct place {
    size_t before; /* the run before it, 0 = it is the first */
    size_t at;
    uint32_t first; /* register */
    struct run run;
};

static bool find_run(struct bytes hll, uint32_t index, struct place *place) {
    *place = (struct place){.at = HLL_HEADER};
    for (;;) {
        if (place->at >= hll.len || !run_read(hll, place->at, &place->run)) return false;
        if (index < place->first + place->run.length) return true;
        place->before = place->at;
        place->at += place->run.size;
        place->first += place->run.length;
    }
}

/* Bytes [at, at + old) become `size` others. */
static bool splice(struct buffer *hll, size_t at, size_t old, const uint8_t *bytes, size_t size) {
    if (size > old && !buffer_reserve(hll, size - old)) return false;
    memmove(hll->data + at + size, hll->data + at + old, hll->len - at - old);
    memcpy(hll->data + at, bytes, size);
    hll->len = hll->len + size - old;
    return true;
}

/* Joins runs of one value among the five runs from `at` on, where the result is short enough. */
static void join_runs(struct buffer *hll, size_t at) {
    struct run run, next;
    for (unsigned left = 5; left && at < hll->len; left--) {
        if (!run_read(buffer_bytes(hll), at, &run)) return;
        if (run.value && at + 1 < hll->len && run_read(buffer_bytes(hll), at + 1, &next) &&
            next.value == run.value && next.length + run.length <= SPARSE_VALUE_RUN) {
            uint8_t joined;
            put_value(&joined, run.value, next.length + run.length);
            splice(hll, at, 2, &joined, 1);
            continue;
        }
        at += run.size;
    }
}

enum hll_outcome hll_sparse_raise(struct buffer *hll, struct hll_mark mark, uint64_t sparse_max,
                                  bool *promote) {
    struct place place;
    *promote = mark.value > SPARSE_VALUE_MAX;
    if (*promote) return HLL_SAME;
    if (!find_run(buffer_bytes(hll), mark.index, &place)) return HLL_CORRUPT;
    if (place.run.value >= mark.value) return HLL_SAME;

    uint8_t runs[5];
    uint8_t was = place.run.value;
    uint32_t before = mark.index - place.first;
    size_t size = put_run(runs, was, before);
    size += put_run(runs + size, mark.value, 1);
    size += put_run(runs + size, was, place.run.length - before - 1);
    *promote = size > place.run.size && hll->len + size - place.run.size > sparse_max;
    if (*promote) return HLL_SAME;
    if (!splice(hll, place.at, place.run.size, runs, size)) return HLL_NO_MEMORY;
    join_runs(hll, place.before ? place.before : HLL_HEADER);
    return HLL_CHANGED;
}

bool hll_describe(struct bytes hll, struct buffer *out) {
    struct run run;
    for (size_t at = HLL_HEADER; at < hll.len && run_read(hll, at, &run); at += run.size) {
        if (at > HLL_HEADER && !buffer_append_char(out, ' ')) return false;
        bool told = run.value
                        ? buffer_printf(out, "v:%u,%u", (unsigned)run.value, (unsigned)run.length)
                        : buffer_printf(out, run.size == 1 ? "z:%u" : "Z:%u", (unsigned)run.length);
        if (!told) return false;
    }
    return true;
}
