/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node: one pack with a run of a stream's entries, laid out as in RDB files.
 *
 *     master   entries that live, entries deleted, number of fields, the fields, 0
 *     entry    flags, ms and seq less those of the node's ID, then with NODE_SAME_FIELDS the values
 *              of the master's fields, else the number of fields and each with its value; last the
 *              number of the entry's elements before this one, to walk back
 *
 * The fields are those of the first entry that the node ever had. Deleting marks an entry and
 * leaves its place; a node whose entries are all deleted does not exist.
 *
 * Nodes are trusted except by node_validate().
 */
#pragma once

#include "ds/pack.h"
#include "value/stream_id.h"

#define NODE_DELETED     1u
#define NODE_SAME_FIELDS 2u

struct node {
    struct bytes pack;
    struct stream_id id;
    uint64_t live, deleted;
    uint64_t field_count;
    size_t fields;  /* the place of the first field */
    size_t entries; /* the place of the first entry */
};

struct node_entry {
    struct stream_id id;
    size_t at;     /* its place in the pack, that of its flags */
    size_t values; /* the first value, or with fields of its own the first field */
    unsigned flags;
    uint64_t field_count;
};

static inline size_t node_end(const struct node *node) {
    return node->pack.len - 1;
}

void node_open(struct node *node, struct bytes pack, struct stream_id id);

/* The entry at a place, which is not the end. */
void node_entry_at(const struct node *node, size_t at, struct node_entry *entry);

/* The place behind the entry, perhaps the end. */
size_t node_behind(const struct node *node, const struct node_entry *entry);

/* The place of the entry before `at`, PACK_NONE if that is the first one's. */
size_t node_before(const struct node *node, size_t at);

/* The ID of the last entry, deleted or not. */
struct stream_id node_last_id(const struct node *node);

/* One field and its value of an entry after the other. */
struct node_fields {
    const struct node *node;
    bool same;
    size_t field, value;
};
struct node_fields node_fields(const struct node *node, const struct node_entry *entry);

static inline void node_field_next(struct node_fields *at, size_t *field, size_t *value) {
    struct bytes pack = at->node->pack;
    *field = at->field;
    *value = at->same ? at->value : pack_skip(pack, at->field);
    at->value = pack_skip(pack, *value);
    at->field = at->same ? pack_skip(pack, at->field) : at->value;
}

/* ---- writing: into a buffer that holds the node's pack ---- */

/* Pairs of field and value, one behind the other. */
struct stream_fields {
    const struct bytes *pairs;
    uint64_t count;
};

/* More bytes than an entry of these takes up, with or without a node around it. */
size_t node_room(struct stream_fields fields);

/* Makes the buffer a node without entries. Then and for each entry the buffer has room for
 * node_room(), so that nothing fails. */
void node_create(struct buffer *buffer, struct stream_fields fields);

/* Adds an entry; `id` is behind all others. */
void node_append(struct buffer *buffer, struct stream_id node_id, struct stream_id id,
                 struct stream_fields fields);

/* Marks the entry at this place as deleted, and leaves the counts to node_count(). */
void node_mark_deleted(struct buffer *buffer, size_t at);

/* Sets the numbers of live and deleted entries. The buffer has room for NODE_COUNT_ROOM; places may
 * move. */
#define NODE_COUNT_ROOM 20u
void node_count(struct buffer *buffer, uint64_t live, uint64_t deleted);

/* Are these bytes a node. */
bool node_validate(struct bytes bytes, struct stream_id id, bool deep);
