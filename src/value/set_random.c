/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/choose.h"
#include "value/set_priv.h"

static struct bytes random_of_pack(struct bytes pack, struct random *random,
                                   char text[PACK_TEXT_MAX]) {
    int64_t index = (int64_t)random_below(random, pack_count(pack));
    return pack_get_text(pack, pack_seek(pack, index), text);
}

static struct bytes random_integer(struct bytes integers, struct random *random,
                                   char text[PACK_TEXT_MAX]) {
    uint32_t index = (uint32_t)random_below(random, integers_count(integers));
    return bytes_make(text, number_format_i64(text, integers_at(integers, index)));
}

struct bytes set_random(const struct value *set, struct random *random, char text[PACK_TEXT_MAX]) {
    if (set_is_integers(set)) return random_integer(set->small, random, text);
    if (!set->large) return random_of_pack(set->small, random, text);
    struct table_slot slot;
    return members_name(members_random(set_members(set), random, &slot));
}

struct sampling {
    struct choice choice;
    set_visitor *visit;
    void *context;
};

static bool sample_member(void *context, struct bytes member) {
    struct sampling *sampling = context;
    if (choose_next(&sampling->choice) && !sampling->visit(sampling->context, member)) return false;
    return sampling->choice.wanted > 0;
}

static bool sample_block(void *context, const void *block) {
    struct sampling *sampling = context;
    return sampling->visit(sampling->context, members_name(block));
}

bool set_sample(const struct value *set, uint64_t count, struct random *random, set_visitor *visit,
                void *context) {
    uint64_t length = set_length(set);
    if (count >= length) {
        set_each(set, visit, context);
        return true;
    }
    struct sampling sampling = {{random, count, length}, visit, context};
    if (set->large) return members_sample(set_members(set), count, random, sample_block, &sampling);
    set_each(set, sample_member, &sampling);
    return true;
}
