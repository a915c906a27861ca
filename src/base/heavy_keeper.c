/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/heavy_keeper.h"
#include "base/ensure.h"
#include "base/random.h"

#define DECAY 1.08 /* the base of the paper's chance: 1 in DECAY to the power of the count */

/* Does an item lose one to another that shares its cell? */
static bool loses_one(uint32_t count, struct random *random) {
    double chance = random_double(random);
    for (double factor = DECAY; count; count >>= 1, factor *= factor) {
        if (count & 1) chance *= factor;
        if (chance >= 1) return false;
    }
    return true;
}

/* The item's count as far as its cells know it. */
static uint32_t count_in_cells(struct heavy_keeper *keeper, uint64_t hash, struct random *random) {
    uint32_t fingerprint = (uint32_t)(hash >> 32), most = 0;
    for (unsigned row = 0; row < HEAVY_KEEPER_ROWS; row++, hash >>= 10) {
        unsigned index = hash & (HEAVY_KEEPER_CELLS - 1);
        uint32_t *owner = &keeper->cells[row][index].fingerprint;
        uint32_t *count = &keeper->cells[row][index].count;
        if (*count && *owner != fingerprint && loses_one(*count, random)) --*count;
        if (*count == 0) *owner = fingerprint;
        if (*owner != fingerprint) continue;
        if (*count < UINT32_MAX) ++*count;
        most = MAX(most, *count);
    }
    return most;
}

static int place_of(const struct heavy_keeper *keeper, uint64_t hash) {
    for (int i = 0; i < HEAVY_KEEPER_PLACES; i++)
        if (keeper->hashes[i] == hash && keeper->counts[i]) return i;
    return -1;
}

static int least_place(const struct heavy_keeper *keeper) {
    int least = 0;
    for (int i = 1; i < HEAVY_KEEPER_PLACES; i++)
        if (keeper->counts[i] < keeper->counts[least]) least = i;
    return least;
}

static void set_count(struct heavy_keeper *keeper, int place, uint32_t count) {
    bool was_least = keeper->counts[place] == keeper->least;
    keeper->counts[place] = count;
    if (was_least) keeper->least = keeper->counts[least_place(keeper)];
}

int heavy_keeper_add(struct heavy_keeper *keeper, uint64_t hash, struct random *random,
                     bool *fresh) {
    uint32_t count = count_in_cells(keeper, hash, random);
    *fresh = false;
    if (count < keeper->least) return -1;
    int place = place_of(keeper, hash);
    if (place >= 0) {
        if (count > keeper->counts[place]) set_count(keeper, place, count);
        return place;
    }
    if (count == keeper->least) return -1;
    *fresh = true;
    place = least_place(keeper);
    keeper->hashes[place] = hash;
    set_count(keeper, place, count);
    return place;
}

void heavy_keeper_halve(struct heavy_keeper *keeper) {
    for (unsigned row = 0; row < HEAVY_KEEPER_ROWS; row++)
        for (unsigned i = 0; i < HEAVY_KEEPER_CELLS; i++)
            keeper->cells[row][i].count /= 2;
    for (unsigned i = 0; i < HEAVY_KEEPER_PLACES; i++)
        keeper->counts[i] /= 2;
    keeper->least /= 2;
}
