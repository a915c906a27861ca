/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of streams share. */
#pragma once

#include "value/stream.h"

static inline int stream_compare_ids(const void *context, const void *probe, const void *key) {
    (void)context;
    const struct stream_id *a = probe, *b = key;
    return stream_id_compare(*a, *b);
}

/* The trees of groups: allocates nothing. */
void stream_groups_init(struct stream *stream);

/* ---- nodes ---- */

/* A tree_release. */
void stream_release_node(void *context, void *item);

/* Is the node at the cursor the last one. */
bool stream_is_tail(const struct tree_cursor *cursor);

/* The pack at the cursor, as a buffer over its memory. */
struct buffer stream_node_buffer(const struct stream *stream, struct tree_cursor *cursor);

/* Puts the memory of a buffer back that had this capacity; all but the tail keep none to spare. */
void stream_store_node(struct stream *stream, struct tree_cursor *cursor, struct buffer *buffer,
                       size_t capacity);

/* The cursor is at what followed the node, then. Lengths are for the caller to set right. */
void stream_remove_node(struct stream *stream, struct tree_cursor *cursor);

/* Marks the live entries of a node from `from` to before `until` as deleted; not all of them are.
 * False: no memory. */
bool stream_mark_run(struct stream *stream, struct tree_cursor *cursor, const struct node *old,
                     size_t from, size_t until);

/* The ID of the first or last entry; 0-0 when there is none. */
struct stream_id stream_edge(struct stream *stream, bool last);
