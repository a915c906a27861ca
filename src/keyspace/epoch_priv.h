/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs, for those who change entries (keyspace/epoch.h). */
#pragma once

#include "keyspace/keyspace_priv.h"

static inline bool entry_is_saved(const struct keyspace *ks, const struct entry *e) {
    return LIKELY((e->head & ENTRY_EPOCH) == ks->epoch_bit);
}

/* Shows the entry, which is not saved, and marks it. */
void epoch_save(const struct keyspace *ks, unsigned participant, const struct database *db,
                struct slice *slice, struct entry *e);

/* Before the spot's entry changes or goes. */
static inline void epoch_keep(const struct view *view, const struct spot *spot) {
    const struct keyspace *ks = view->keyspace;
    if (UNLIKELY(!entry_is_saved(ks, spot->entry)))
        epoch_save(ks, view->worker, ks->database[view->db], spot->slice, spot->entry);
}

/* Exclusive mode. Has the epoch under way free the database, which nobody refers to any more, at
 * its end. False: it does not need it. */
bool epoch_put_aside(struct database *db);

/* Exclusive mode. Shows all that is not saved in the database. */
void epoch_save_all(const struct keyspace *ks, unsigned participant, struct database *db);
