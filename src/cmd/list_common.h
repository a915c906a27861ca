/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the list family share. */
#pragma once

#include "cmd/list.h"
#include "cmd/shared_collection.h"
#include "value/list.h"

/* Looks up a list that is to be changed and begins to: *spot has no entry if the key does not
 * exist. False: it is something else, or there is no memory, and that has been answered. */
bool list_begin(struct call *call, const struct key *key, struct spot *spot,
                struct list_edit *edit);

/* Stores what was changed, or removes the key if nothing is left of the list. `argv` is the command
 * that makes this change. False: no memory, which has been answered. */
bool list_store(struct call *call, struct spot *spot, struct list_edit *edit, const char *event,
                const struct bytes *argv, unsigned argc);

/* Removes a list whole, which its own event goes before. */
void list_remove_all(struct call *call, struct spot *spot, const char *event);

/* Ends an edit that was prepared for an element that did not come in the end: no change, but the
 * encoding stays what it has become. */
void list_keep_encoding(const struct spot *spot, struct list_edit *edit);

/* Ends an edit for want of memory, and answers that. */
void list_give_up(struct call *call, struct list_edit *edit);

bool list_parse_index(struct call *call, unsigned argument, int64_t *out);

/* An integer whose negative there is. */
bool list_parse_range(struct call *call, unsigned argument, int64_t *out);
bool list_parse_end(struct call *call, unsigned argument, enum list_end *out);

/* The arguments of LMPOP from the number of keys on. False: wrong, which has been answered. */
struct list_mpop {
    enum list_end end;
    uint64_t count;
};
bool list_parse_mpop(struct call *call, unsigned argument, struct list_mpop *out);

/* Pops from the first of call->keys that has elements, and answers the key with what was popped.
 * False: there is none, and nothing has been answered. */
bool list_pop_first(struct call *call, enum list_end end);
bool list_mpop_first(struct call *call, const struct list_mpop *how);

/* Moves an element between call->keys[0] and [1]. False: there is none, and nothing has been
 * answered. */
bool list_move(struct call *call, enum list_end from, enum list_end to);
