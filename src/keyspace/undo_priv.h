/* SPDX-License-Identifier: BSD-3-Clause */
/* Undo, for those who change entries (keyspace/undo.h). */
#pragma once

#include "keyspace/epoch_priv.h"
#include "keyspace/undo.h"

/* NULL: no memory. */
struct undo *undo_create(void);
void undo_free(struct undo *undo);

/* Before the spot's key changes, or comes to be; `elements`: its object may be edited in place. */
void undo_keep(const struct view *view, const struct spot *spot, bool elements);

/* Instead of freeing the object: true if an image has it now. */
bool undo_takes(const struct view *view, const void *object);

static inline bool object_left_to_undo(const struct view *view, const void *object) {
    return UNLIKELY(view->undoes) && undo_takes(view, object);
}

/* The same as spot_keep(), of an entry that is not saved, or of a view that undoes. */
void spot_keep_now(const struct view *view, const struct spot *spot, bool elements);

/* Before the spot's entry changes or goes: epochs and the undo see it as it is. */
static inline void spot_keep(const struct view *view, const struct spot *spot, bool elements) {
    uint32_t unsaved = (spot->entry->head ^ view->keyspace->epoch_bit) & ENTRY_EPOCH;
    if (UNLIKELY(unsaved | view->undoes)) spot_keep_now(view, spot, elements);
}
