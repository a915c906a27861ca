/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sorted sets: members that differ, in the order of their scores, and of their bytes where scores
 * are the same.
 *
 * Small: a pack of member, score, member, score ... in that order, as RDB files have it. Large:
 * members (value/members.h) with their scores, and a tree over them. What OBJECT ENCODING calls a
 * set follows the limits (value/limits.h) alone, and stands in the value's form; what it is made of
 * also follows what that costs: a few members stay a pack although one is too long for a
 * "listpack". Neither goes back.
 *
 * In what is called a "listpack", scores that are whole are integers, so -0 becomes 0.
 *
 * No score is NaN. Ranks count from 0, the lowest score.
 */
#pragma once

#include "base/buffer.h"
#include "ds/pack.h"
#include "ds/tree.h"
#include "value/value.h"

struct zset;

/* A bit of the form: OBJECT ENCODING says "skiplist". All large sets have it. */
#define ZSET_SKIPLIST 1u

static inline bool zset_is_skiplist(const struct value *set) {
    return (set->form & ZSET_SKIPLIST) != 0;
}

/* At start-up. */
void zset_register(void);

/* One element. `member` may point to `text`: an item is not copied. Valid until the item is used
 * again, or the set changes. */
struct zset_item {
    struct bytes member;
    double score;
    char text[PACK_TEXT_MAX];
};

/* ---- reading ---- */

/* A set without elements, to be read in place of one that is not there. */
struct value zset_empty(void);

uint64_t zset_count(const struct value *set);
bool zset_score(const struct value *set, struct bytes member, double *score);
bool zset_rank(const struct value *set, struct bytes member, uint64_t *rank, double *score);

/* Walks in order, or against it. Void when the set changes. */
struct zset_cursor {
    bool reverse;
    struct bytes pack; /* of a small set: the pack, and the place of the next member */
    size_t at;
    const struct zset *large; /* NULL: it is small */
    const void *next;
    struct tree_cursor place;
};

/* To the element of that rank; none may be there. */
void zset_seek(struct zset_cursor *cursor, const struct value *set, uint64_t rank, bool reverse);

/* The element at the cursor, which moves on. False: there is none. */
bool zset_next(struct zset_cursor *cursor, struct zset_item *item);

/* As members_scan(); a small set is shown whole, whatever the cursor. */
typedef void zset_visitor(void *context, struct bytes member, double score);
uint64_t zset_scan(const struct value *set, uint64_t cursor, uint64_t count, zset_visitor *visit,
                   void *context);

/* ---- changing ---- */

/* A set while a command changes it. A small one is edited in a buffer of the caller's, a large one
 * in place. `value` is what it is now, to be stored when all is done. */
struct zset_edit {
    struct value value;
    struct buffer *pack;
    bool owned; /* value.object is new, and nobody else's yet */
};

/* `old` is NULL for a new set. The pack's content goes. False: no memory. */
bool zset_edit_begin(struct zset_edit *edit, const struct value *old, struct buffer *pack);

/* The set will not be stored: frees what only the edit knows. */
void zset_edit_drop(struct zset_edit *edit);

/* So many elements, and one whose member is as long as that, may be added: it gets the name, and
 * the shape, that goes with them. False: no memory. */
bool zset_edit_expect(struct zset_edit *edit, uint64_t count, size_t longest);

#define ZSET_NX   (1u << 0) /* only new members */
#define ZSET_XX   (1u << 1) /* only members that are there */
#define ZSET_GT   (1u << 2) /* of these, only scores that grow */
#define ZSET_LT   (1u << 3) /* or shrink */
#define ZSET_INCR (1u << 4) /* the score is added to the present one */

enum zset_outcome {
    ZSET_ADDED,
    ZSET_UPDATED,
    ZSET_SAME,    /* it had this score already */
    ZSET_REFUSED, /* by the flags */
    ZSET_NAN,     /* the sum is no number */
    ZSET_NO_MEMORY
};

/* *score is the member's new one in the first three outcomes; in the others nothing has changed. */
enum zset_outcome zset_add(struct zset_edit *edit, struct bytes member, double *score,
                           unsigned flags);

/* False: it is not there. */
bool zset_remove(struct zset_edit *edit, struct bytes member);

/* Removes the ranks from `first` up to `end`, which there are. */
void zset_remove_ranks(struct zset_edit *edit, uint64_t first, uint64_t end);
