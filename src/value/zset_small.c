/* SPDX-License-Identifier: BSD-3-Clause */
/* Small sorted sets: a pack of member, score, member, score ... in order. */
#include "base/ensure.h"
#include "value/zset_priv.h"
#include <math.h>

double zset_pack_score(struct bytes pack, size_t at) {
    struct pack_item item = pack_get(pack, at);
    double score = 0;
    if (item.integer) return (double)item.number;
    ensure(number_parse_double(item.text, &score));
    return score;
}

uint64_t zset_pack_rank(struct bytes pack, size_t at) {
    uint64_t before = 0;
    for (size_t i = PACK_HEADER; i < at; i = pack_skip(pack, pack_skip(pack, i)))
        before++;
    return before;
}

/* A score as the pack has it: an integer where it is a whole number that 62 bits hold. */
struct score_text {
    bool integer;
    int64_t number;
    size_t length;
    char text[NUMBER_DOUBLE_MAX];
};

static void score_text(double score, bool whole, struct score_text *out) {
    const double most = 0x1p62;
    out->integer = score >= -most && score <= most && score == (double)(int64_t)score &&
                   (whole || score != 0 || !signbit(score));
    out->number = out->integer ? (int64_t)score : 0;
    out->length = out->integer ? 0 : number_format_double(out->text, score);
}

/* A member and its score in front of the place, PACK_NONE = at the end. */
static bool insert_at(struct buffer *pack, size_t at, struct bytes member, double score,
                      bool whole) {
    struct score_text text;
    score_text(score, whole, &text);
    struct bytes digits = bytes_make(text.text, text.length);
    size_t more = pack_element_size(member) +
                  (text.integer ? pack_integer_size(text.number) : pack_element_size(digits));
    if (pack->len + more > PACK_SIZE_MAX || !buffer_reserve(pack, more)) return false;
    size_t place = at ? at : pack->len - 1;
    ensure(text.integer ? pack_insert_integer(pack, at, text.number)
                        : pack_insert(pack, at, digits));
    ensure(pack_insert(pack, place, member));
    return true;
}

bool zset_pack_insert(struct buffer *buffer, struct bytes member, double score, bool whole) {
    struct bytes pack = buffer_bytes(buffer);
    size_t at = pack_first(pack);
    while (at) {
        size_t score_at = pack_next(pack, at);
        double other = zset_pack_score(pack, score_at);
        if (other > score || (other == score && pack_compare(pack, at, member) > 0)) break;
        at = pack_next(pack, score_at);
    }
    return insert_at(buffer, at, member, score, whole);
}

bool zset_pack_append(struct buffer *pack, struct bytes member, double score, bool whole) {
    return insert_at(pack, PACK_NONE, member, score, whole);
}
