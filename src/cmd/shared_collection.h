/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands on collections have in common. */
#pragma once

#include "base/random.h"
#include "exec/call.h"
#include "exec/stream.h"
#include "value/choose.h"

/* Looks a collection up for reading, and counts a hit or a miss. *exists: the key does, and *value
 * is valid until the keyspace changes. False: it is of another type, and that has been answered. */
bool collection_read(struct call *call, const struct key *key, enum value_type type,
                     struct value *value, bool *exists);

/* Looks one up for changing it; spot->entry is NULL when the key does not exist. False as above. */
bool collection_seek(struct call *call, const struct key *key, enum value_type type,
                     struct spot *spot);

/* This thread's buffer for small collections that are being edited: for one edit at a time. */
struct buffer *collection_scratch(void);

/* This thread's random numbers. */
struct random *collection_random(void);

/* So many of the collection's elements will be answered: makes room for them, about. */
void collection_expect(struct call *call, const struct value *value, uint64_t elements);

/* The same for a reply that may come in pieces: true, and the elements will be shown; false: the
 * caller shows them. */
bool collection_stream(struct call *call, const struct stream_source *source);

/* A piece of a reply with elements that a walk over a collection chooses: `step` walks on from the
 * source's `next`, a cursor, chooses and shows, and returns where it is then. The source's
 * `next_low` is how many elements are still to come, `left` how many of them are to be chosen. As
 * a source's `produce`: false when that was the last piece. */
bool collection_choose(struct stream_source *source, struct reply *reply, struct choice *choice,
                       uint64_t (*step)(const struct stream_source *source, struct choice *choice));

/* Takes back what has been answered since the output had `length` bytes, and says that there is no
 * memory instead. */
void collection_reply_no_memory(struct call *call, size_t length);

/* A count argument of a command that answers elements at random: negative ones repeat. False: it is
 * out of range, and that has been answered. */
bool collection_parse_count(struct call *call, unsigned argument, int64_t *count);

/* Nobody has use for more repeated elements than this, and each costs time; an error is answered
 * for what is beyond. */
#define COLLECTION_REPEATS_MAX (1 << 24)

/* This thread's room for so many arguments of a change record. NULL: no memory. */
struct bytes *collection_argv(unsigned count);
