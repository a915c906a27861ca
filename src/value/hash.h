/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hashes: fields that differ, each with a value, and perhaps a deadline after which it is as good
 * as gone, though it stays until somebody removes it.
 *
 * Small: a pack of field, value, field, value ..., or of field, value, deadline ... when any field
 * has a deadline (form VALUE_DEADLINES), 0 meaning none. Large: members (value/members.h). What
 * OBJECT ENCODING calls a hash follows the limits (value/limits.h) alone; what it is made of also
 * follows what it costs: a few fields stay a pack although one is too long for a "listpack".
 *
 * Times are Unix time in ms.
 */
#pragma once

#include "base/buffer.h"
#include "base/random.h"
#include "ds/pack.h"
#include "value/value.h"

/* A bit of the form, next to VALUE_DEADLINES: OBJECT ENCODING says "hashtable". */
#define HASH_TABLE 1u

#define HASH_STAYS INT64_MIN       /* a field without a deadline */
#define HASH_KEEPS (INT64_MIN + 1) /* the deadline that the field has, if any */
#define HASH_ALL   INT64_MIN       /* as the time: no field has expired */

/* At start-up. */
void hash_register(void);

/* ---- reading ---- */

static inline bool hash_has_deadlines(const struct value *hash) {
    return (hash->form & VALUE_DEADLINES) != 0;
}

/* All fields, also those that have expired and have not been removed. */
uint64_t hash_length(const struct value *hash);

/* The fields that have not expired; takes time for all of them if any has a deadline. */
uint64_t hash_count_alive(const struct value *hash, int64_t now_ms);

/* What a field has. `value` may point to `text`: an item is not copied. Valid until the hash
 * changes. */
struct hash_item {
    struct bytes value;
    int64_t deadline; /* or HASH_STAYS */
    char text[PACK_TEXT_MAX];
};

/* False: there is no such field, or it has expired. */
bool hash_get(const struct value *hash, struct bytes field, int64_t now_ms, struct hash_item *item);

/* Tells of each field that has not expired; false ends the walk. The texts are valid during the
 * call only. */
typedef bool hash_visitor(void *context, struct bytes field, struct bytes value, int64_t deadline);
void hash_each(const struct value *hash, int64_t now_ms, hash_visitor *visit, void *context);

/* As members_scan(); a small hash is shown whole, and the cursor after it is 0. */
uint64_t hash_scan(const struct value *hash, uint64_t cursor, uint64_t count, int64_t now_ms,
                   hash_visitor *visit, void *context);

/* ---- fields at random, none of them expired, every choice as likely as any other ---- */

/* Tells of one. False: there is none. */
bool hash_random(const struct value *hash, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context);

/* Tells of `count` different ones; of all, if there are not more. False: no memory, it may have
 * told of some. */
bool hash_sample(const struct value *hash, uint64_t count, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context);

/* Tells `count` times of one, the same ones again or not; never, if there are none. False as above.
 */
bool hash_repeat(const struct value *hash, uint64_t count, int64_t now_ms, struct random *random,
                 hash_visitor *visit, void *context);

/* ---- changing ---- */

/* A hash while a command changes it. A small one is edited in a buffer of the caller's, whose
 * content goes, or where it lies if its size stays the same; a large one in place. `value` is what
 * it is now, to be stored when all is done. */
struct hash_edit {
    struct value value;
    struct buffer *pack;
    int64_t now_ms;
    bool copied;  /* value.small lies in `pack` */
    bool owned;   /* value.object is new, and nobody else's yet */
    bool revived; /* a field has been set that had expired */
};

/* `old` is NULL for a new hash, as which it is not to be stored while it is empty. */
void hash_edit_begin(struct hash_edit *edit, const struct value *old, struct buffer *pack,
                     int64_t now_ms);

/* So many fields are about to be set at once, and no field or value is longer than that. */
void hash_edit_expect(struct hash_edit *edit, uint64_t fields, size_t longest);

/* All is done and will be stored. False: no memory, nothing has changed. */
bool hash_edit_end(struct hash_edit *edit);

/* The hash will not be stored: frees what only the edit knows. */
void hash_edit_drop(struct hash_edit *edit);

enum hash_outcome {
    HASH_ADDED,
    HASH_CHANGED,
    HASH_ABSENT, /* no such field, or it has expired; nothing has changed */
    HASH_NO_MEMORY
};

/* Gives the field this value and deadline. HASH_ADDED or HASH_CHANGED. */
enum hash_outcome hash_set(struct hash_edit *edit, struct bytes field, struct bytes value,
                           int64_t deadline);

/* Gives the field this deadline, or HASH_STAYS. HASH_CHANGED or HASH_ABSENT. */
enum hash_outcome hash_set_deadline(struct hash_edit *edit, struct bytes field, int64_t deadline);

/* HASH_CHANGED or HASH_ABSENT. */
enum hash_outcome hash_remove(struct hash_edit *edit, struct bytes field);

/* Removes the field if it has expired, otherwise HASH_ABSENT. */
enum hash_outcome hash_remove_expired(struct hash_edit *edit, struct bytes field);
