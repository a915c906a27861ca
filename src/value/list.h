/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists: strings in the order in which they were put, changed at both ends mostly.
 *
 * Small: a pack in the entry. Large: a counted tree of nodes, each of which has a pack of up to
 * 8 KB, or one element that is longer than that. So an index is found in O(log n) and a few hundred
 * steps within a pack.
 *
 * What OBJECT ENCODING answers follows from `list-max-listpack-size`: a list is a "listpack" until
 * it would outgrow that, and one again when a single node is left of it that is at most half full.
 * When that is depends on how the elements are cut into nodes, so nodes are cut, filled and merged
 * by the rules that clients know from Valkey's. The encoding is apart from the form: a listpack of
 * more than LIST_SMALL_MAX bytes is large, with a single node; a small one may be called a
 * quicklist
 * (`form` 1) when an insertion was about to make it one and then did not happen.
 *
 * Functions that return bool and may need memory: false = there is none; nothing has changed unless
 * they say otherwise.
 */
#pragma once

#include "ds/pack.h"
#include "ds/tree.h"
#include "value/value.h"

/* A pack in an entry is copied by every edit: up to this size that costs less than a node does. */
#define LIST_SMALL_MAX 512u

enum list_end { LIST_LEFT, LIST_RIGHT };

/* At start-up. */
void list_register(void);

uint64_t list_length(const struct value *value);

/* ---- reading ---- */

/* A place in a list. Void after any change that is not made through it. */
struct list_cursor {
    struct bytes pack;       /* of the node */
    size_t at;               /* in the pack */
    struct tree_cursor node; /* tree == NULL: the list is small */
};

/* To the element at `index`, which is there. */
void list_seek(const struct value *value, uint64_t index, struct list_cursor *cursor);

/* To the node's neighbour; false = there is none. */
bool list_next_node(struct list_cursor *cursor);
bool list_prev_node(struct list_cursor *cursor);

/* False: it was the last, or the first; the cursor is void then. */
static inline bool list_next(struct list_cursor *cursor) {
    cursor->at = pack_next(cursor->pack, cursor->at);
    return cursor->at != PACK_NONE || list_next_node(cursor);
}

static inline bool list_prev(struct list_cursor *cursor) {
    cursor->at = pack_prev(cursor->pack, cursor->at);
    return cursor->at != PACK_NONE || list_prev_node(cursor);
}

static inline struct pack_item list_item(const struct list_cursor *cursor) {
    return pack_get(cursor->pack, cursor->at);
}

static inline bool list_item_is(const struct list_cursor *cursor, struct bytes text) {
    return pack_equals(cursor->pack, cursor->at, text);
}

/* ---- changing ---- */

struct list;

/* A list being changed: begin, prepare before anything is added, change, finish, and either the
 * keyspace takes the result or the edit is dropped. */
struct list_edit {
    struct list *list;   /* the large form; NULL: the small one is in `pack` */
    struct buffer *pack; /* the caller's */
    bool quicklist;      /* the small form's encoding */
    bool made;           /* `list` was made by this edit: dropping it frees it */
};

/* `value` NULL: a new list. Its small form is copied to `scratch`. */
bool list_edit_begin(struct list_edit *edit, const struct value *value, struct buffer *scratch);

/* Turns the list into what it has to be to take `count` more elements of `bytes` together; those
 * that are stored as integers may count for nothing, `longest` is the longest of all. */
bool list_edit_prepare(struct list_edit *edit, uint64_t count, size_t bytes, size_t longest);

/* After elements were removed or replaced: turns the list back into less where it fits. */
void list_edit_shrink(struct list_edit *edit);

uint64_t list_edit_length(const struct list_edit *edit);
bool list_edit_is_quicklist(const struct list_edit *edit); /* by its encoding */

/* What the keyspace is to take: valid until the next change. */
struct value list_edit_value(const struct list_edit *edit);

/* Frees what the keyspace did not take. What was changed in a large list stays changed. */
void list_edit_drop(struct list_edit *edit);

/* `text` must not point into the list. */
bool list_edit_push(struct list_edit *edit, enum list_end end, struct bytes text);

/* Removes elements from an end; there are so many. */
void list_edit_drop_end(struct list_edit *edit, enum list_end end, uint64_t count);

/* Removes `count` elements from `start` on; there are so many. */
void list_edit_remove(struct list_edit *edit, uint64_t start, uint64_t count);

/* Removes the element at the cursor, which is at the next (`backwards`: the previous) one then.
 * False: there is none. */
bool list_edit_remove_at(struct list_edit *edit, struct list_cursor *cursor, bool backwards);

/* Puts an element before or after the one at `index`. */
bool list_edit_insert(struct list_edit *edit, uint64_t index, bool after, struct bytes text);

/* Gives the element at `index` another text. */
bool list_edit_replace(struct list_edit *edit, uint64_t index, struct bytes text);

/* ---- taking back ---- */

/* What happens to a large list that is a quicklist, one step after the other: elements that are
 * new, one that has gone from this index, or what the one at this index was before it changed. */
enum list_step_kind { LIST_CAME, LIST_WENT, LIST_WAS };
struct list_step {
    enum list_step_kind kind;
    uint64_t index, count; /* count: of LIST_CAME */
    struct bytes text;
};

/* Who wants to know; the thread's own, NULL: nobody does. `expects` is asked before so many go; if
 * it answers false, they are not told. */
struct list_keeper {
    bool (*expects)(struct list_keeper *self, const struct list *list, uint64_t going);
    void (*keep)(struct list_keeper *self, const struct list *list, const struct list_step *step);
};
extern _Thread_local struct list_keeper *list_keeper;

/* Are all changes of this list told? */
bool list_tells_steps(const void *object);

/* Takes a step back when all later ones have been. False: no memory. */
bool list_step_back(struct list *list, const struct list_step *step);
