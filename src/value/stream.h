/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams: entries of fields and values in the order of their IDs, and the groups that read them.
 *
 * A tree of nodes by ID; a node is a pack of up to stream_node_max_entries entries or
 * stream_node_max_bytes (value/stream_node.h). The last node's memory grows in steps, all others
 * have just what they need. Streams have no small form, and one without entries is still one.
 *
 * Fields of the structures here are for everybody to read, and for nobody else to write.
 */
#pragma once

#include "ds/tree.h"
#include "value/stream_node.h"
#include "value/value.h"

struct stream_place {
    struct stream_id id;
    char *pack;
};

struct stream {
    struct tree nodes;      /* of struct stream_place */
    struct tree groups;     /* of struct stream_group *, value/stream_group.h */
    uint64_t length;        /* entries */
    uint64_t added;         /* entries, ever */
    struct stream_id first; /* of the first entry; 0-0 when there is none */
    struct stream_id last;  /* the highest ID ever */
    struct stream_id max_deleted;
    size_t node_bytes;    /* memory of all packs */
    size_t tail_capacity; /* of the last node's pack */
};

/* NULL: no memory. */
struct stream *stream_create(void);
void stream_free(void *stream);
void *stream_copy(const void *stream);

void stream_register(void);

/* ---- changing ---- */

enum stream_outcome { STREAM_DONE, STREAM_ABSENT, STREAM_TOO_LARGE, STREAM_NO_MEMORY };

/* Adds an entry; `id` is behind stream->last. */
enum stream_outcome stream_append(struct stream *stream, struct stream_id id,
                                  struct stream_fields fields);

/* DONE, ABSENT or NO_MEMORY. Keeps first and max_deleted right. */
enum stream_outcome stream_delete(struct stream *stream, struct stream_id id);

enum stream_trim_by { STREAM_KEEP_ALL, STREAM_BY_LENGTH, STREAM_BY_ID };

struct stream_trim {
    enum stream_trim_by by;
    bool whole_nodes;    /* remove no part of a node */
    uint64_t limit;      /* not more entries than this, in whole nodes; 0 = any number */
    uint64_t length;     /* BY_LENGTH: entries to keep */
    struct stream_id id; /* BY_ID: the first to keep */
};

/* Removes entries from the front and returns how many; fewer than it should when memory fails. */
uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim);

/* The same, but what stream_is_referenced() stays, and BY_LENGTH others behind it go. When
 * something was removed, *end is an ID behind all that was looked at: the same BY_ID would remove
 * the same. */
uint64_t stream_trim_unreferenced(struct stream *stream, const struct stream_trim *trim,
                                  struct stream_id *end);

/* XSETID: what is given is used as it is. `last` is not before stream_last_place(). */
void stream_set(struct stream *stream, struct stream_id last, struct stream_id max_deleted,
                uint64_t added);

/* ---- reading ---- */

struct stream_cursor {
    struct tree_cursor place;
    struct node node;
    struct node_entry entry; /* after stream_next() said true */
    struct stream_id first, last;
    size_t next; /* forward: the entry that is next; backward: the one it is before */
    bool reverse;
    bool open; /* `node` is one */
};

/* From `first` to `last`, both included; `reverse`: from `last` down. Void when the stream changes.
 */
void stream_seek(struct stream_cursor *cursor, struct stream *stream, struct stream_id first,
                 struct stream_id last, bool reverse);
bool stream_next(struct stream_cursor *cursor);

bool stream_has(struct stream *stream, struct stream_id id);

/* How many entries there are from `first` to `last`, both included, but at most `most`: whole nodes
 * are not looked into. */
uint64_t stream_count(struct stream *stream, struct stream_id first, struct stream_id last,
                      uint64_t most);

/* The ID of the last entry that there is; 0-0 when there is none. */
struct stream_id stream_last_entry(struct stream *stream);

/* The same of all that have a place in a node, be they deleted: new ones come behind it. */
struct stream_id stream_last_place(struct stream *stream);

/* How many nodes a radix tree over the IDs of the nodes has, as XINFO tells; of large streams
 * an estimate. */
uint64_t stream_radix_nodes(struct stream *stream);

/* ---- counting what groups have read ---- */

#define STREAM_UNKNOWN (-1)

/* Was an entry at or behind this ID deleted, other than by trimming? */
bool stream_has_gaps_from(const struct stream *stream, struct stream_id id);

/* How many entries were ever added up to this ID; STREAM_UNKNOWN. */
int64_t stream_added_until(const struct stream *stream, struct stream_id id);

/* ---- from outside ---- */

/* Adds a node behind the others, a copy of `pack`; `deep`: it is not known to be one. False: it is
 * none, or there is no memory. */
bool stream_load_node(struct stream *stream, struct stream_id id, struct bytes pack, bool deep);

/* Sets what is beside the nodes when all are there. False: that cannot be. */
struct stream_totals {
    uint64_t length, added;
    struct stream_id first, last, max_deleted;
};
bool stream_load_totals(struct stream *stream, const struct stream_totals *totals);
