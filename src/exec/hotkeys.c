/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/hotkeys.h"
#include "base/heavy_keeper.h"
#include "base/random.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/memory.h"
#include <stdlib.h>

#define HALF_LIFE_US (30 * 1000000)

struct kept {
    char *name;
    uint32_t length, db;
};

/* A worker's own. */
struct hotkeys {
    struct heavy_keeper keeper;
    struct kept kept[HEAVY_KEEPER_PLACES]; /* what is in the keeper's places */
    struct random random;
    double samples;      /* halved as the counts are */
    double window_us;    /* the time that they were counted in, halved just so */
    int64_t measured_us; /* clock_mono_us: how far window_us has come */
};

/* ---- counting ---- */

static void remember(struct kept *kept, const struct key *key, uint32_t db) {
    size_t length = MIN(key->name.len, HOTKEYS_NAME_MAX);
    char *name = memory_realloc(kept->name, MAX(length, (size_t)1));
    if (!name) {
        memory_free(kept->name);
        *kept = (struct kept){0};
        return;
    }
    if (length) memcpy(name, key->name.data, length);
    *kept = (struct kept){.name = name, .length = (uint32_t)length, .db = db};
}

static void count(struct hotkeys *hotkeys, const struct key *key, uint32_t db) {
    bool fresh;
    uint64_t hash = key->hash ^ db * 0x9e3779b97f4a7c15u;
    int place = heavy_keeper_add(&hotkeys->keeper, hash, &hotkeys->random, &fresh);
    if (fresh) remember(&hotkeys->kept[place], key, db);
    hotkeys->samples++;
}

void hotkeys_sample(struct exec_worker *w, uint32_t db) {
    struct hotkeys *hotkeys = w->hotkeys;
    for (; w->unsampled_keys < 0;
         w->unsampled_keys += 1 + (int64_t)random_below(&hotkeys->random, 2 * HOTKEYS_SAMPLE - 1)) {
        size_t behind = (size_t)-w->unsampled_keys;
        count(hotkeys, &w->keys.items[w->keys.count - behind], db);
    }
}

/* ---- time ---- */

static void measure(struct hotkeys *hotkeys) {
    int64_t now = clock_mono_us();
    hotkeys->window_us += (double)(now - hotkeys->measured_us);
    hotkeys->measured_us = now;
}

void hotkeys_tick(struct exec_worker *w) {
    struct hotkeys *hotkeys = w->hotkeys;
    measure(hotkeys);
    if (hotkeys->window_us < 2 * HALF_LIFE_US) return;
    heavy_keeper_halve(&hotkeys->keeper);
    hotkeys->samples /= 2;
    hotkeys->window_us /= 2;
}

/* ---- asking ---- */

static double per_second(const struct hotkeys *hotkeys, double samples) {
    return samples * HOTKEYS_SAMPLE * 1e6 / MAX(hotkeys->window_us, 1.0);
}

/* Adds a worker's keys to `out`, and returns how many accesses a second it has in all. */
static double collect(struct hotkeys *hotkeys, struct hotkey *out, unsigned *n) {
    measure(hotkeys);
    for (unsigned i = 0; i < HEAVY_KEEPER_PLACES; i++) {
        const struct kept *kept = &hotkeys->kept[i];
        uint32_t samples = hotkeys->keeper.counts[i];
        if (!samples || !kept->name) continue;
        out[(*n)++] = (struct hotkey){.name = bytes_make(kept->name, kept->length),
                                      .db = kept->db,
                                      .per_second = per_second(hotkeys, samples)};
    }
    return per_second(hotkeys, hotkeys->samples);
}

static int by_name(const void *a, const void *b) {
    const struct hotkey *left = a, *right = b;
    if (left->db != right->db) return left->db < right->db ? -1 : 1;
    return bytes_compare(left->name, right->name);
}

static int hottest_first(const void *a, const void *b) {
    const struct hotkey *left = a, *right = b;
    if (left->per_second != right->per_second) return left->per_second > right->per_second ? -1 : 1;
    return by_name(a, b);
}

/* What several workers have of the same key becomes one. */
static unsigned merge(struct hotkey *keys, unsigned n) {
    unsigned merged = 0;
    qsort(keys, n, sizeof *keys, by_name);
    for (unsigned i = 0; i < n; i++) {
        if (merged && by_name(&keys[merged - 1], &keys[i]) == 0)
            keys[merged - 1].per_second += keys[i].per_second;
        else
            keys[merged++] = keys[i];
    }
    return merged;
}

unsigned hotkeys_list(struct exec *exec, struct hotkey *out, unsigned count) {
    struct hotkey *all = memory_alloc(exec->worker_count * HEAVY_KEEPER_PLACES * sizeof *all);
    unsigned n = 0;
    double total = 0;
    if (!all) return 0;
    for (unsigned i = 0; i < exec->worker_count; i++)
        total += collect(exec->workers[i].hotkeys, all, &n);
    n = merge(all, n);
    qsort(all, n, sizeof *all, hottest_first);
    count = MIN(count, (unsigned)HOTKEYS_COUNT_MAX);
    n = MIN(n, count);
    for (unsigned i = 0; i < n; i++) {
        out[i] = all[i];
        out[i].share = total > 0 ? all[i].per_second / total : 0;
    }
    memory_free(all);
    return n;
}

void hotkeys_reset(struct exec *exec) {
    for (unsigned i = 0; i < exec->worker_count; i++) {
        struct hotkeys *hotkeys = exec->workers[i].hotkeys;
        hotkeys->keeper = (struct heavy_keeper){0};
        hotkeys->samples = hotkeys->window_us = 0;
        hotkeys->measured_us = clock_mono_us();
    }
}

/* ---- life ---- */

struct hotkeys *hotkeys_create(void) {
    struct hotkeys *hotkeys = memory_need(sizeof *hotkeys);
    uint64_t seed;
    memset(hotkeys, 0, sizeof *hotkeys);
    entropy_fill(&seed, sizeof seed);
    random_seed(&hotkeys->random, seed);
    hotkeys->measured_us = clock_mono_us();
    return hotkeys;
}

void hotkeys_free(struct hotkeys *hotkeys) {
    for (unsigned i = 0; i < HEAVY_KEEPER_PLACES; i++)
        memory_free(hotkeys->kept[i].name);
    memory_free(hotkeys);
}
