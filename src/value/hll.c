/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/hll.h"
#include "base/ensure.h"
#include "value/hll_priv.h"

enum { ENCODING_AT = 4, ENCODING_DENSE = 0, ENCODING_SPARSE = 1 };

#define HASH_SEED 0xadc83b19u

/* MurmurHash64A (Appleby, 2008, in the public domain). */
static uint64_t hash_element(struct bytes element) {
    const uint64_t m = 0xc6a4a7935bd1e995;
    uint64_t hash = HASH_SEED ^ element.len * m, word;
    for (; element.len >= sizeof word; element = bytes_skip(element, sizeof word)) {
        memcpy(&word, element.data, sizeof word);
        word *= m;
        word ^= word >> 47;
        hash = (hash ^ word * m) * m;
    }
    if (element.len) {
        word = 0;
        memcpy(&word, element.data, element.len);
        hash = (hash ^ word) * m;
    }
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

struct hll_mark hll_mark_of(struct bytes element) {
    uint64_t hash = hash_element(element);
    uint64_t rest = hash >> HLL_BITS | 1ull << (64 - HLL_BITS);
    return (struct hll_mark){.index = (uint32_t)hash & (HLL_REGISTERS - 1),
                             .value = (uint8_t)(__builtin_ctzll(rest) + 1)};
}

bool hll_is_fit(struct bytes hll) {
    if (hll.len < HLL_HEADER || memcmp(hll.data, "HYLL", 4) != 0) return false;
    if (hll.data[ENCODING_AT] == ENCODING_SPARSE) return true;
    return hll.data[ENCODING_AT] == ENCODING_DENSE && hll.len == HLL_DENSE_SIZE;
}

bool hll_is_dense(struct bytes hll) {
    return hll.data[ENCODING_AT] == ENCODING_DENSE;
}

bool hll_init(struct buffer *hll) {
    static const char empty[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";
    buffer_clear(hll);
    return buffer_append(hll, empty, sizeof empty - 1);
}

/* ---- dense ---- */

size_t hll_dense_piece(struct bytes hll, struct hll_mark mark, uint8_t piece[2], size_t *bytes) {
    size_t at = HLL_HEADER + (size_t)mark.index * 6 / 8;
    unsigned shift = mark.index * 6 % 8;
    *bytes = shift > 2 ? 2 : 1;
    unsigned pair = (uint8_t)hll.data[at];
    if (*bytes == 2) pair |= (unsigned)(uint8_t)hll.data[at + 1] << 8;
    if ((pair >> shift & 63) >= mark.value) return 0;
    pair = (pair & ~(63u << shift)) | (unsigned)mark.value << shift;
    piece[0] = (uint8_t)pair;
    piece[1] = (uint8_t)(pair >> 8);
    return at;
}

static enum hll_outcome dense_raise(struct buffer *hll, struct hll_mark mark) {
    uint8_t piece[2];
    size_t bytes, at = hll_dense_piece(buffer_bytes(hll), mark, piece, &bytes);
    if (!at) return HLL_SAME;
    memcpy(hll->data + at, piece, bytes);
    return HLL_CHANGED;
}

void hll_set_dense(struct buffer *hll, const uint8_t registers[HLL_REGISTERS]) {
    uint8_t *out = (uint8_t *)hll->data + HLL_HEADER;
    for (size_t i = 0; i < HLL_REGISTERS; i += 4, out += 3) {
        uint32_t packed = registers[i] | (uint32_t)registers[i + 1] << 6 |
                          (uint32_t)registers[i + 2] << 12 | (uint32_t)registers[i + 3] << 18;
        memcpy(out, &packed, 3);
    }
}

enum hll_outcome hll_make_dense(struct buffer *hll) {
    if (hll_is_dense(buffer_bytes(hll))) return HLL_SAME;
    uint8_t registers[HLL_REGISTERS] = {0};
    if (!hll_merge(registers, buffer_bytes(hll))) return HLL_CORRUPT;
    if (hll->len < HLL_DENSE_SIZE && !buffer_reserve(hll, HLL_DENSE_SIZE - hll->len))
        return HLL_NO_MEMORY;
    hll->len = HLL_DENSE_SIZE;
    hll->data[ENCODING_AT] = ENCODING_DENSE;
    hll_set_dense(hll, registers);
    return HLL_CHANGED;
}

/* ---- both ---- */

enum hll_outcome hll_raise(struct buffer *hll, struct hll_mark mark, uint64_t sparse_max) {
    if (hll_is_dense(buffer_bytes(hll))) return dense_raise(hll, mark);
    bool promote;
    enum hll_outcome outcome = hll_sparse_raise(hll, mark, sparse_max, &promote);
    if (!promote) return outcome;
    outcome = hll_make_dense(hll);
    if (outcome == HLL_CHANGED) dense_raise(hll, mark);
    return outcome;
}

void hll_drop_cache(struct buffer *hll) {
    hll->data[HLL_CACHE + HLL_CACHE_SIZE - 1] |= (char)0x80;
}

static void merge_dense(uint8_t registers[HLL_REGISTERS], struct bytes hll) {
    const uint8_t *packed = dense_registers(hll);
    for (size_t i = 0; i < HLL_REGISTERS; i += 4, packed += 3) {
        uint8_t four[4];
        dense_unpack(packed, four);
        for (unsigned j = 0; j < 4; j++)
            registers[i + j] = MAX(registers[i + j], four[j]);
    }
}

bool hll_merge(uint8_t registers[HLL_REGISTERS], struct bytes hll) {
    if (hll_is_dense(hll)) {
        merge_dense(registers, hll);
        return true;
    }
    struct runs runs = runs_of(hll);
    while (runs_next(&runs))
        for (uint32_t i = 0; runs.run.value && i < runs.run.length; i++)
            registers[runs.first + i] = MAX(registers[runs.first + i], runs.run.value);
    return runs.valid;
}
