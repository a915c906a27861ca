/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of many items come most often, and about how often, in little memory: HeavyKeeper (Gong et
 * al., "HeavyKeeper: An Accurate Algorithm for Finding Top-k Elephant Flows", USENIX ATC 2018).
 *
 * An item has a cell in each of two rows. A cell belongs to one item, the one that comes most often
 * of those that share it: another takes from its count with a chance that falls exponentially with
 * the count, and has the cell when nothing is left. So counts are never too large by more than
 * collisions of fingerprints, and rare items hardly disturb frequent ones. The most frequent items
 * are kept by name, in places that the caller may attach something to.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HEAVY_KEEPER_PLACES 128
#define HEAVY_KEEPER_ROWS   2
#define HEAVY_KEEPER_CELLS  1024 /* in a row; a power of two */

struct random;

/* Starts zeroed. */
struct heavy_keeper {
    struct {
        uint32_t fingerprint, count;
    } cells[HEAVY_KEEPER_ROWS][HEAVY_KEEPER_CELLS];
    uint64_t hashes[HEAVY_KEEPER_PLACES];
    uint32_t counts[HEAVY_KEEPER_PLACES]; /* 0: the place is free */
    uint32_t least;                       /* of `counts` */
};

/* Counts one item by its hash. Returns its place, or -1 when it is not among the most frequent;
 * `fresh` says that the place was another's, or free, before. */
int heavy_keeper_add(struct heavy_keeper *keeper, uint64_t hash, struct random *random,
                     bool *fresh);

/* Halves all counts, so that what came lately counts for more. */
void heavy_keeper_halve(struct heavy_keeper *keeper);
