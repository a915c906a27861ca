/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams as a whole: their vtable, what comes from outside, and figures of them. */
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/stream.h"
#include "value/stream_group.h"
#include "value/stream_priv.h"

/* ---- counting what groups have read ---- */

bool stream_has_gaps_from(const struct stream *stream, struct stream_id id) {
    if (!stream->length || stream_id_is_zero(stream->max_deleted)) return false;
    return stream_id_compare(id, stream->max_deleted) <= 0;
}

int64_t stream_added_until(const struct stream *stream, struct stream_id id) {
    int to_last = stream_id_compare(id, stream->last);
    if (!stream->added) return 0;
    if (!stream->length && to_last <= 0) return (int64_t)stream->added;
    if (!stream_id_is_zero(id) && stream_id_compare(id, stream->max_deleted) < 0)
        return STREAM_UNKNOWN;
    if (to_last == 0) return (int64_t)stream->added;
    if (to_last > 0) return STREAM_UNKNOWN;
    if (!stream_id_is_zero(stream->max_deleted) &&
        stream_id_compare(stream->max_deleted, stream->first) >= 0)
        return STREAM_UNKNOWN; /* there may be gaps behind the first entry */
    int to_first = stream_id_compare(id, stream->first);
    if (to_first > 0) return STREAM_UNKNOWN;
    return (int64_t)(stream->added - stream->length) + (to_first == 0);
}

/* ---- the radix tree that Valkey would have ---- */

#define RADIX_COUNTED 65536u /* IDs of nodes looked at; the rest is estimated */

/* How many leading bytes two IDs have in common, as big-endian bytes. */
static unsigned common_bytes(struct stream_id a, struct stream_id b) {
    if (a.ms != b.ms) return (unsigned)__builtin_clzll(a.ms ^ b.ms) / 8;
    return 8 + (unsigned)__builtin_clzll(a.seq ^ b.seq) / 8;
}

/* Each key ends in a node, each point where keys part is one, and so is each way between two of
 * these that has more than the byte by which it leaves the upper one. `open` are the points on the
 * way to the last key. */
struct radix {
    unsigned open[16];
    unsigned depth;
    uint64_t nodes;
};

static void radix_edge(struct radix *radix, unsigned from, bool root, unsigned to) {
    radix->nodes += to > (root ? 0 : from + 1);
}

/* The way down to the last key ends, back up to `common` bytes. */
static void radix_close(struct radix *radix, unsigned common) {
    unsigned below = 16;
    while (radix->depth && radix->open[radix->depth - 1] > common) {
        unsigned at = radix->open[--radix->depth];
        radix_edge(radix, at, false, below);
        radix->nodes++;
        below = at;
    }
    radix_edge(radix, common, false, below);
    bool known = radix->depth && radix->open[radix->depth - 1] == common;
    if (!known) radix->open[radix->depth++] = common;
}

uint64_t stream_radix_nodes(struct stream *stream) {
    struct radix radix = {.nodes = 0};
    struct tree_cursor cursor;
    const struct stream_place *place = tree_first(&stream->nodes, &cursor);
    if (!place) return 1;
    uint64_t counted = 1;
    struct stream_id last = place->id;
    while (counted < RADIX_COUNTED && (place = tree_next(&cursor))) {
        radix_close(&radix, common_bytes(last, place->id));
        last = place->id;
        counted++;
    }
    unsigned below = 16;
    while (radix.depth) {
        unsigned at = radix.open[--radix.depth];
        radix_edge(&radix, at, false, below);
        radix.nodes++;
        below = at;
    }
    radix_edge(&radix, 0, true, below);
    radix.nodes += counted; /* where keys end */
    if (counted == stream->nodes.count) return radix.nodes;
    return (uint64_t)((double)radix.nodes / (double)counted * (double)stream->nodes.count);
}

/* ---- from outside ---- */

bool stream_load_node(struct stream *stream, struct stream_id id, struct bytes pack, bool deep) {
    struct tree_cursor cursor;
    struct node node;
    bool follows = !stream->length || stream_id_compare(stream_last_place(stream), id) < 0;
    if (!node_validate(pack, id, deep) || !follows) return false;
    node_open(&node, pack, id);
    if (!node.live) return true; /* others keep such nodes */
    struct stream_place place = {id, memory_alloc(pack.len)};
    if (!place.pack) return false;
    memcpy(place.pack, pack.data, pack.len);
    tree_end(&stream->nodes, &cursor);
    if (!tree_insert_at(&cursor, &place)) {
        memory_free(place.pack);
        return false;
    }
    stream->length += node.live;
    stream->node_bytes += pack.len;
    stream->tail_capacity = pack.len;
    return true;
}

bool stream_load_totals(struct stream *stream, const struct stream_totals *totals) {
    if (totals->length != stream->length || totals->added < totals->length) return false;
    if (stream_id_compare(stream_last_entry(stream), totals->last) > 0) return false;
    stream->added = totals->added;
    stream->first = totals->first;
    stream->last = totals->last;
    stream->max_deleted = totals->max_deleted;
    struct stream_id place = stream_last_place(stream);
    if (stream_id_compare(stream->last, place) < 0) stream->last = place;
    return true;
}

/* ---- the vtable ---- */

static bool copy_nodes(struct stream *to, struct stream *from) {
    struct tree_cursor cursor;
    const struct stream_place *place = tree_first(&from->nodes, &cursor);
    for (; place; place = tree_next(&cursor))
        if (!stream_load_node(to, place->id, pack_at(place->pack), false)) return false;
    return true;
}

void *stream_copy(const void *object) {
    struct stream *from = (struct stream *)object, *to = stream_create();
    if (!to) return NULL;
    if (!copy_nodes(to, from) || !stream_groups_copy(to, from)) {
        stream_free(to);
        return NULL;
    }
    to->added = from->added;
    to->first = from->first;
    to->last = from->last;
    to->max_deleted = from->max_deleted;
    return to;
}

static size_t stream_memory(const void *object) {
    struct stream *stream = (struct stream *)object;
    return sizeof *stream + tree_memory(&stream->nodes) + stream->node_bytes +
           stream_groups_memory(stream);
}

static size_t stream_free_effort(const void *object) {
    struct stream *stream = (struct stream *)object;
    struct tree_cursor cursor;
    size_t effort = stream->nodes.count;
    const struct stream_group *group = stream_group_next(stream, &cursor, true);
    if (group)
        effort += stream->groups.count * (1 + group->pending.count / 16 + group->consumers.count);
    return effort;
}

static uint64_t stream_length(const struct value *value) {
    return ((const struct stream *)value->object)->length;
}

static const char *stream_encoding(const struct value *value) {
    (void)value;
    return "stream";
}

static const struct value_ops ops = {
    .name = "stream",
    .free = stream_free,
    .copy = stream_copy,
    .memory = stream_memory,
    .free_effort = stream_free_effort,
    .length = stream_length,
    .encoding = stream_encoding,
};

void stream_register(void) {
    value_register(TYPE_STREAM, &ops);
}
