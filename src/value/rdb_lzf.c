/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/rdb_lzf.h"
#include "base/ensure.h"

#define LITERALS_MAX 32u
#define OFFSET_MAX   8192u
#define MATCH_MIN    3u
#define MATCH_MAX    264u
#define SLOT_BITS    13u

bool lzf_expand(struct bytes packed, char *out, size_t size) {
    const uint8_t *at = (const uint8_t *)packed.data, *end = at + packed.len;
    size_t done = 0;
    while (at < end) {
        unsigned head = *at++;
        if (head < LITERALS_MAX) {
            size_t count = head + 1;
            if (count > (size_t)(end - at) || count > size - done) return false;
            memcpy(out + done, at, count);
            at += count;
            done += count;
            continue;
        }
        size_t count = head >> 5;
        if (count == 7) {
            if (at == end) return false;
            count += *at++;
        }
        count += 2;
        if (at == end) return false;
        size_t offset = ((head & 31u) << 8 | *at++) + 1u;
        if (offset > done || count > size - done) return false;
        for (; count; count--, done++) /* what is copied may still be in the making */
            out[done] = out[done - offset];
    }
    return done == size;
}

/* ---- compressing: greedy, against the last place where the next three bytes had their hash ----
 */

struct packer {
    struct bytes text;
    uint8_t *out;
    size_t room, used;
    size_t literals; /* where those not yet written begin */
};

static unsigned slot_of(const uint8_t *at, unsigned bits) {
    uint32_t three = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
    return three * 2654435761u >> (32 - bits);
}

static bool put(struct packer *packer, uint8_t byte) {
    if (packer->used == packer->room) return false;
    packer->out[packer->used++] = byte;
    return true;
}

static bool put_literals(struct packer *packer, size_t end) {
    while (packer->literals < end) {
        size_t count = MIN(end - packer->literals, (size_t)LITERALS_MAX);
        if (packer->room - packer->used < count + 1) return false;
        packer->out[packer->used++] = (uint8_t)(count - 1);
        memcpy(packer->out + packer->used, packer->text.data + packer->literals, count);
        packer->used += count;
        packer->literals += count;
    }
    return true;
}

static bool put_match(struct packer *packer, size_t offset, size_t length) {
    size_t count = length - 2;
    uint8_t high = (uint8_t)((offset - 1) >> 8);
    bool done = count < 7 ? put(packer, (uint8_t)(count << 5 | high))
                          : put(packer, 7 << 5 | high) && put(packer, (uint8_t)(count - 7));
    return done && put(packer, (uint8_t)(offset - 1));
}

static size_t match_length(const uint8_t *one, const uint8_t *other, size_t most) {
    size_t length = 0;
    while (length < most && one[length] == other[length])
        length++;
    return length;
}

size_t lzf_compress(struct bytes text, char *out, size_t size) {
    const uint8_t *bytes = (const uint8_t *)text.data;
    struct packer packer = {.text = text, .out = (uint8_t *)out, .room = size};
    uint32_t last[1u << SLOT_BITS]; /* plus 1 */
    if (!text.len || text.len > UINT32_MAX) return 0;
    unsigned bits = MIN(64 - (unsigned)__builtin_clzll(text.len), SLOT_BITS);
    memset(last, 0, sizeof *last << bits);
    for (size_t at = 0; at + MATCH_MIN <= text.len;) {
        uint32_t *slot = &last[slot_of(bytes + at, bits)];
        size_t from = *slot, length = 0;
        *slot = (uint32_t)at + 1;
        if (from && at - (from - 1) <= OFFSET_MAX)
            length =
                match_length(bytes + from - 1, bytes + at, MIN(text.len - at, (size_t)MATCH_MAX));
        if (length < MATCH_MIN) {
            at++;
            continue;
        }
        if (!put_literals(&packer, at) || !put_match(&packer, at - (from - 1), length)) return 0;
        at += length;
        packer.literals = at;
        for (size_t back = at - 2; back < at && back + MATCH_MIN <= text.len; back++)
            last[slot_of(bytes + back, bits)] = (uint32_t)back + 1;
    }
    return put_literals(&packer, text.len) && packer.used < size ? packer.used : 0;
}
