/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands on sorted sets have in common with those on places, and with those that wait
 * for elements. */
#pragma once

#include "cmd/shared_collection.h"
#include "value/zset.h"
#include "value/zset_build.h"
#include "value/zset_range.h"

/* ---- reading ---- */

/* Looks up a sorted set for reading, and counts a hit or a miss; valid until the keyspace changes.
 * A key that does not exist is an empty set. False: it is something else, and that has been
 * answered. */
bool zset_read(struct call *call, const struct key *key, struct value *set);

/* The head of an array of so many elements, and one of them: in RESP3 a pair when it is with its
 * score, in RESP2 two replies. */
void zset_reply_head(struct reply *reply, uint64_t count, bool with_scores);
void zset_reply_item(struct reply *reply, struct bytes member, double score, bool with_score);

/* ---- changing ---- */

/* Begins to change what is at the spot, or a new set. False: no memory, which has been answered. */
bool zset_edit_spot(struct call *call, const struct spot *spot, struct zset_edit *edit);

/* Ends it: stores what has become of the set, or removes the key if nothing has. No event: its
 * elements are the same. `argv` is a command that makes this change. False: no memory, which has
 * been answered. */
bool zset_edit_store(struct call *call, struct spot *spot, struct zset_edit *edit,
                     const char *event, const struct bytes *argv, unsigned argc);

/* Removes elements of the set at the spot, and the key with the last one. False: no memory, nothing
 * has been answered. */
bool zset_remove_at(struct call *call, struct spot *spot, struct zset_ranks ranks,
                    const char *event, const struct bytes *argv, unsigned argc);

/* Stores a set, whose object is taken over, whatever the key held, and answers how many elements it
 * has; with none, the key goes. */
void zset_store_new(struct call *call, const struct key *key, const struct value *set,
                    const char *event);

/* Takes `count` elements, of which there are as many, from the low or the high end, and answers
 * them one after the other, as pairs or not: the caller has written the head. False: no memory,
 * nothing has been answered. */
bool zset_pop(struct call *call, struct spot *spot, bool highest, uint64_t count, bool pairs);

/* ---- adding ---- */

/* The end of ZADD and its like: pairs of score and member from argv[first] on, with the ZSET_
 * flags; `count_changed`: the answer counts changed scores too. */
struct zset_adding {
    const struct bytes *argv;
    unsigned argc, first;
    unsigned flags;
    bool count_changed;
};
void zset_add_pairs(struct call *call, const struct zset_adding *adding);
