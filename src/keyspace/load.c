/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/load.h"
#include "keyspace/clock.h"
#include "keyspace/epoch_priv.h"
#include "keyspace/policy.h"

static void set_clock(const struct view *view, struct entry *e, const struct load_key *load) {
    if (policy_is_lfu() && load->frequency >= 0)
        entry_set_clock(e, clock_frequent((uint8_t)load->frequency, view->now_ms));
    else if (!policy_is_lfu() && load->idle >= 0)
        entry_set_clock(e, clock_idle_for((uint64_t)load->idle, view->now_ms));
}

enum load_outcome keyspace_load(struct view *view, const struct load_key *load,
                                const struct value *value) {
    struct spot spot;
    view->db = load->db;
    spot_find(view, &load->key, &spot);
    if (spot.entry && !load->replace) return LOAD_IS_THERE;
    if (spot.entry) epoch_keep(view, &spot);
    if (!put_value(view, &spot, value, load->expiry)) return LOAD_NO_MEMORY;
    set_clock(view, spot.entry, load);
    return LOAD_DONE;
}

void keyspace_load_expect(struct keyspace *ks, uint32_t number, uint64_t keys) {
    const struct view view = {.keyspace = ks, .db = number};
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        struct slice *slice = &ks->database[number]->slices[p];
        slice_prepare(&view, slice);
        table_reserve(&slice->table, keys / PARTITION_COUNT);
    }
}

void keyspace_load_much(bool much) {
    table_grow_widely(much);
}

void keyspace_load_prefetch(const struct keyspace *ks, const struct load_key *load) {
    const struct slice *slice = &ks->database[load->db]->slices[key_partition(&load->key)];
    table_prefetch_insert(&slice->table, load->key.hash);
}
