/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields at random. While none has a deadline, all are as good, and a large hash draws from its
 * members. Otherwise it draws until it meets one that has not expired, and when that takes long,
 * because most have, looks for those that have not.
 */
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/choose.h"
#include "value/hash_priv.h"

#define DRAWS 32 /* before it is taken that most have expired */

struct telling {
    hash_visitor *visit;
    void *context;
};

static bool tell(const struct telling *telling, const void *block) {
    struct hash_field field = hash_large_field(block);
    return telling->visit(telling->context, members_name(block), field.value, field.deadline);
}

static bool tell_block(void *context, const void *block) {
    return tell(context, block);
}

/* ---- choosing while walking ---- */

struct choosing {
    struct choice choice;
    struct telling telling;
};

static bool choose_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct choosing *choosing = context;
    if (choose_next(&choosing->choice) &&
        !choosing->telling.visit(choosing->telling.context, field, value, deadline))
        return false;
    return choosing->choice.wanted > 0;
}

bool hash_sample(const struct value *hash, uint64_t count, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context) {
    struct telling telling = {visit, context};
    if (hash->large && !hash_has_deadlines(hash) && count < hash_length(hash))
        return members_sample(&hash_large_of(hash)->members, count, random, tell_block, &telling);
    uint64_t alive = hash_count_alive(hash, now_ms);
    if (count >= alive)
        hash_each(hash, now_ms, visit, context);
    else if (count)
        hash_each(hash, now_ms, choose_field, &(struct choosing){{random, count, alive}, telling});
    return true;
}

/* ---- one ---- */

/* A block that has not expired; NULL: none was met. */
static const void *draw(const struct hash_large *hash, int64_t now_ms, struct random *random) {
    for (unsigned i = 0; i < DRAWS; i++) {
        struct table_slot slot;
        const void *block = members_random(&hash->members, random, &slot);
        if (!hash_has_expired(hash_large_field(block).deadline, now_ms)) return block;
    }
    return NULL;
}

bool hash_random(const struct value *hash, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context) {
    const void *block = hash->large ? draw(hash->object, now_ms, random) : NULL;
    if (block) {
        tell(&(struct telling){visit, context}, block);
        return true;
    }
    if (!hash_count_alive(hash, now_ms)) return false;
    return hash_sample(hash, 1, now_ms, random, visit, context);
}

/* ---- one, again and again ---- */

/* What there is to draw from: blocks of a large hash, or texts in a small one. */
struct urn {
    const void **blocks;
    struct bytes pack;
    uint32_t *places; /* of fields; their values follow */
    uint64_t count;
    int64_t now_ms;
};

static bool gather_block(void *context, const void *block) {
    struct urn *urn = context;
    if (!hash_has_expired(hash_large_field(block).deadline, urn->now_ms))
        urn->blocks[urn->count++] = block;
    return true;
}

static bool fill_from_large(struct urn *urn, const struct hash_large *hash) {
    urn->blocks = memory_alloc(members_count(&hash->members) * sizeof *urn->blocks);
    if (urn->blocks) members_each(&hash->members, gather_block, urn);
    return urn->blocks != NULL;
}

static bool fill_from_small(struct urn *urn, const struct value *hash) {
    urn->pack = hash->small;
    urn->places = memory_alloc(hash_length(hash) * sizeof *urn->places);
    if (!urn->places) return false;
    for (size_t at = pack_first(hash->small), value_at; at; at = hash_pack_next(hash, value_at)) {
        value_at = pack_next(hash->small, at);
        if (!hash_has_expired(hash_pack_deadline(hash, value_at), urn->now_ms))
            urn->places[urn->count++] = (uint32_t)at;
    }
    return true;
}

static bool tell_place(const struct telling *telling, struct bytes pack, size_t at) {
    char field[PACK_TEXT_MAX], value[PACK_TEXT_MAX];
    return telling->visit(telling->context, pack_get_text(pack, at, field),
                          pack_get_text(pack, pack_next(pack, at), value), HASH_STAYS);
}

static bool repeat_from_urn(const struct value *hash, uint64_t count, int64_t now_ms,
                            struct random *random, const struct telling *telling) {
    struct urn urn = {.now_ms = now_ms};
    bool filled = hash->large ? fill_from_large(&urn, hash->object) : fill_from_small(&urn, hash);
    bool more = filled && urn.count;
    while (more && count--) {
        uint64_t i = random_below(random, urn.count);
        more = hash->large ? tell(telling, urn.blocks[i])
                           : tell_place(telling, urn.pack, urn.places[i]);
    }
    memory_free(urn.blocks);
    memory_free(urn.places);
    return filled;
}

bool hash_repeat(const struct value *hash, uint64_t count, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context) {
    struct telling telling = {visit, context};
    for (const void *block; hash->large && count; count--) {
        block = draw(hash->object, now_ms, random);
        if (!block) break;
        if (!tell(&telling, block)) return true;
    }
    return !count || repeat_from_urn(hash, count, now_ms, random, &telling);
}
