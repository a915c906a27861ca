/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands on strings and on bitmaps have in common. */
#pragma once

#include "base/ensure.h"
#include "exec/call.h"

/* Is the entry a string, or NULL? If not, that has been answered. */
static inline bool string_check(struct call *call, const struct entry *e) {
    if (LIKELY(!e || entry_type(e) == TYPE_STRING)) return true;
    reply_wrong_type(call->reply);
    return false;
}

/* Looks up a string for reading, and counts a hit or a miss. *out is its value, valid until the
 * next lookup, or has NULL as its data when the key does not exist. False: the key is no string,
 * and that has been answered. */
static inline bool string_read(struct call *call, const struct key *key, struct bytes *out) {
    const struct entry *e = keyspace_find(&call->view, key);
    if (!string_check(call, e)) return false;
    *out = e ? entry_string(e) : bytes_make(NULL, 0);
    return true;
}

/* Looks up a string for changing it; spot->entry is NULL when the key does not exist. False as
 * above. */
static inline bool string_seek(struct call *call, const struct key *key, struct spot *spot) {
    return string_check(call, keyspace_seek(&call->view, key, spot));
}

/* The value of a key that this command has looked up before: so it is a string, or absent (NULL as
 * data), and since nothing expires now, the values of several keys stay where they are. */
struct bytes string_again(struct call *call, const struct key *key);

/* The value at a spot; empty, with NULL as its data, when there is none. */
static inline struct bytes string_at(const struct spot *spot) {
    return spot->entry ? entry_string(spot->entry) : bytes_make(NULL, 0);
}

/* The most bytes that a command may make a string hold: proto-max-bulk-len, within STRING_MAX. */
size_t string_size_max(void);

/* May a string grow to `size` and `extra` bytes? If not, that has been answered. */
bool string_may_grow(struct call *call, size_t size, size_t extra);

/* Parses an argument; false: it is no integer, and that has been answered. */
bool string_parse_integer(struct call *call, unsigned argument, int64_t *out);
