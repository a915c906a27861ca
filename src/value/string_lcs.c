/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * L(i, j) is the length of the longest common subsequence of the first i bytes of a and the first j
 * of b. Row i is a bit for each j: 0 where L(i, j) = L(i, j - 1) + 1, 1 where the two are equal.
 * So the zeros of the last row count the length, and one row follows from the one above it with
 * a few operations on whole words.
 *
 * The walk back needs no more than these bits. Where the bytes differ it has to go to L(i - 1, j)
 * if that is greater than L(i, j - 1), else to the latter. L(i, j) equals the greater of the two
 * and exceeds neither by more than 1; hence the former is greater exactly when bit j of row i is 0.
 */
#include "value/string_lcs.h"
#include "sys/memory.h"

/* For each byte that occurs in a: which bytes of b equal it, a bit each. */
struct places {
    uint64_t *words;
    uint32_t row[256]; /* of `words`; only of bytes that occur */
};

static bool places_make(struct places *places, struct bytes a, struct bytes b, size_t row_words) {
    bool occurs[256] = {false};
    for (size_t i = 0; i < a.len; i++)
        occurs[(uint8_t)a.data[i]] = true;
    uint32_t rows = 0;
    for (unsigned byte = 0; byte < 256; byte++)
        if (occurs[byte]) places->row[byte] = rows++;
    places->words = memory_alloc_zero(rows * row_words * sizeof *places->words);
    if (!places->words) return false;
    for (size_t j = 0; j < b.len; j++) {
        uint8_t byte = (uint8_t)b.data[j];
        if (occurs[byte])
            places->words[places->row[byte] * row_words + j / 64] |= UINT64_C(1) << j % 64;
    }
    return true;
}

/* The row after `above`; they may be the same memory. */
static void next_row(const uint64_t *above, const uint64_t *matches, uint64_t *out, size_t words) {
    unsigned carry = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t v = above[i], hit = v & matches[i], sum;
        bool one = __builtin_add_overflow(v, hit, &sum);
        bool two = __builtin_add_overflow(sum, carry, &sum);
        carry = one | two;
        out[i] = sum | (v & ~matches[i]);
    }
}

static size_t count_zeros(const uint64_t *row, size_t bits) {
    size_t zeros = 0;
    for (size_t i = 0; i * 64 < bits; i++) {
        size_t here = bits - i * 64;
        uint64_t used = here < 64 ? (UINT64_C(1) << here) - 1 : UINT64_MAX;
        zeros += (size_t)__builtin_popcountll(~row[i] & used);
    }
    return zeros;
}

/* Fills in the rows for all of a, in place when they are not kept; returns the last. */
static const uint64_t *fill_rows(const struct lcs *lcs, const struct places *places, uint64_t *rows,
                                 bool keep) {
    size_t words = lcs->row_words;
    memset(rows, 0xff, words * sizeof *rows);
    for (size_t i = 0; i < lcs->a.len; i++) {
        const uint64_t *matches = places->words + places->row[(uint8_t)lcs->a.data[i]] * words;
        next_row(rows, matches, keep ? rows + words : rows, words);
        if (keep) rows += words;
    }
    return rows;
}

bool lcs_make(struct lcs *lcs, struct bytes a, struct bytes b, bool with_path) {
    *lcs = (struct lcs){.a = a, .b = b, .row_words = (b.len + 63) / 64};
    if (a.len == 0 || b.len == 0) return true;
    struct places places;
    if (!places_make(&places, a, b, lcs->row_words)) return false;
    size_t row_count = with_path ? a.len + 1 : 1;
    uint64_t *rows = memory_alloc(row_count * lcs->row_words * sizeof *rows);
    if (rows) lcs->length = count_zeros(fill_rows(lcs, &places, rows, with_path), b.len);
    memory_free(places.words);
    if (with_path)
        lcs->rows = rows;
    else
        memory_free(rows);
    return rows != NULL;
}

void lcs_free(struct lcs *lcs) {
    memory_free(lcs->rows);
    lcs->rows = NULL;
}

/* Does L(i, j) exceed L(i, j - 1)? */
static bool grows(const struct lcs *lcs, size_t i, size_t j) {
    return !(lcs->rows[i * lcs->row_words + (j - 1) / 64] >> (j - 1) % 64 & 1);
}

bool lcs_walk_next(const struct lcs *lcs, struct lcs_walk *walk, struct lcs_match *out) {
    size_t i = walk->a_left, j = walk->b_left;
    while (i && j && lcs->a.data[i - 1] != lcs->b.data[j - 1]) {
        if (grows(lcs, i, j))
            i--;
        else
            j--;
    }
    size_t length = 0;
    while (i && j && lcs->a.data[i - 1] == lcs->b.data[j - 1])
        i--, j--, length++;
    *walk = (struct lcs_walk){i, j};
    *out = (struct lcs_match){i, j, length};
    return length > 0;
}
