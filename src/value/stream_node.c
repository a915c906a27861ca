/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/stream_node.h"
#include "base/ensure.h"

/* ---- reading ---- */

static inline int64_t integer_at(struct bytes pack, size_t at) {
    return pack_get(pack, at).number;
}

/* The integer at *at, which moves on. */
static inline int64_t take(struct bytes pack, size_t *at) {
    int64_t number = integer_at(pack, *at);
    *at = pack_skip(pack, *at);
    return number;
}

static inline size_t skip_elements(struct bytes pack, size_t at, uint64_t count) {
    while (count-- > 0)
        at = pack_skip(pack, at);
    return at;
}

void node_open(struct node *node, struct bytes pack, struct stream_id id) {
    size_t at = PACK_HEADER;
    node->pack = pack;
    node->id = id;
    node->live = (uint64_t)take(pack, &at);
    node->deleted = (uint64_t)take(pack, &at);
    node->field_count = (uint64_t)take(pack, &at);
    node->fields = at;
    node->entries = skip_elements(pack, at, node->field_count + 1);
}

void node_entry_at(const struct node *node, size_t at, struct node_entry *entry) {
    entry->at = at;
    entry->flags = (unsigned)take(node->pack, &at);
    entry->id.ms = node->id.ms + (uint64_t)take(node->pack, &at);
    entry->id.seq = node->id.seq + (uint64_t)take(node->pack, &at);
    bool same = entry->flags & NODE_SAME_FIELDS;
    entry->field_count = same ? node->field_count : (uint64_t)take(node->pack, &at);
    entry->values = at;
}

size_t node_behind(const struct node *node, const struct node_entry *entry) {
    bool same = entry->flags & NODE_SAME_FIELDS;
    uint64_t elements = same ? entry->field_count : entry->field_count * 2;
    return skip_elements(node->pack, entry->values, elements + 1);
}

size_t node_before(const struct node *node, size_t at) {
    if (at == node->entries) return PACK_NONE;
    at = pack_prev(node->pack, at);
    for (int64_t left = integer_at(node->pack, at); left > 0; left--)
        at = pack_prev(node->pack, at);
    return at;
}

struct stream_id node_last_id(const struct node *node) {
    struct node_entry entry;
    node_entry_at(node, node_before(node, node_end(node)), &entry);
    return entry.id;
}

struct node_fields node_fields(const struct node *node, const struct node_entry *entry) {
    bool same = entry->flags & NODE_SAME_FIELDS;
    return (struct node_fields){node, same, same ? node->fields : entry->values, entry->values};
}

/* ---- writing ---- */

/* A string's head and the length behind it; integers take less than their text and this. */
static inline size_t element_room(struct bytes text) {
    return text.len + (text.len < 64 ? 2 : 10);
}

size_t node_room(struct stream_fields fields) {
    size_t room = 96; /* a node's own elements, and an entry's, as wide as can be */
    for (uint64_t i = 0; i < fields.count; i++)
        room += 2 * element_room(fields.pairs[2 * i]) + element_room(fields.pairs[2 * i + 1]);
    return room;
}

void node_create(struct buffer *buffer, struct stream_fields fields) {
    pack_init(buffer);
    pack_append_integer(buffer, 0);
    pack_append_integer(buffer, 0);
    pack_append_integer(buffer, (int64_t)fields.count);
    for (uint64_t i = 0; i < fields.count; i++)
        pack_append(buffer, fields.pairs[2 * i]);
    pack_append_integer(buffer, 0);
}

static bool has_fields(const struct node *node, struct stream_fields fields) {
    if (node->field_count != fields.count) return false;
    size_t at = node->fields;
    for (uint64_t i = 0; i < fields.count; i++, at = pack_skip(node->pack, at))
        if (!pack_equals(node->pack, at, fields.pairs[2 * i])) return false;
    return true;
}

/* Mostly both are a byte of the pack before and after. */
static void set_count(struct buffer *buffer, size_t at, uint64_t count) {
    if (LIKELY(count < 128 && (uint8_t)buffer->data[at] < 128))
        buffer->data[at] = (char)count;
    else
        pack_replace_integer(buffer, at, (int64_t)count);
}

void node_append(struct buffer *buffer, struct stream_id node_id, struct stream_id id,
                 struct stream_fields fields) {
    struct node node;
    node_open(&node, buffer_bytes(buffer), node_id);
    bool same = has_fields(&node, fields);
    uint64_t elements = same ? fields.count + 3 : fields.count * 2 + 4;
    pack_append_integer(buffer, same ? NODE_SAME_FIELDS : 0);
    pack_append_integer(buffer, (int64_t)(id.ms - node_id.ms));
    pack_append_integer(buffer, (int64_t)(id.seq - node_id.seq));
    if (!same) pack_append_integer(buffer, (int64_t)fields.count);
    for (uint64_t i = 0; i < fields.count; i++) {
        if (!same) pack_append(buffer, fields.pairs[2 * i]);
        pack_append(buffer, fields.pairs[2 * i + 1]);
    }
    pack_append_integer(buffer, (int64_t)elements);
    set_count(buffer, PACK_HEADER, node.live + 1);
}

void node_mark_deleted(struct buffer *buffer, size_t at) {
    buffer->data[at] |= NODE_DELETED; /* flags are an integer of one byte */
}

void node_count(struct buffer *buffer, uint64_t live, uint64_t deleted) {
    set_count(buffer, PACK_HEADER, live);
    set_count(buffer, pack_skip(buffer_bytes(buffer), PACK_HEADER), deleted);
}

/* ---- what comes from outside ---- */

/* A number from `low` to `high` at *at, which moves on. */
static bool check_integer(struct bytes pack, size_t *at, int64_t low, int64_t high, int64_t *out) {
    if (*at + 1 >= pack.len) return false;
    struct pack_item item = pack_get(pack, *at);
    if (!item.integer || item.number < low || item.number > high) return false;
    *at = pack_skip(pack, *at);
    *out = item.number;
    return true;
}

static bool check_skip(struct bytes pack, size_t *at, int64_t count) {
    for (; count > 0; count--) {
        if (*at + 1 >= pack.len) return false;
        *at = pack_skip(pack, *at);
    }
    return true;
}

static bool check_entry(struct bytes pack, size_t *at, int64_t master_fields, bool *deleted,
                        struct stream_id *id) {
    int64_t flags, fields = master_fields, ms, seq, elements, most = (int64_t)pack.len;
    size_t start = *at;
    if (!check_integer(pack, at, 0, 3, &flags) || pack.data[start] != flags || /* one byte */
        !check_integer(pack, at, INT64_MIN, INT64_MAX, &ms) ||
        !check_integer(pack, at, INT64_MIN, INT64_MAX, &seq))
        return false;
    bool same = flags & NODE_SAME_FIELDS;
    if (!same && !check_integer(pack, at, 0, most, &fields)) return false;
    if (!check_skip(pack, at, same ? fields : fields * 2)) return false;
    int64_t wanted = same ? fields + 3 : fields * 2 + 4;
    *deleted = flags & NODE_DELETED;
    *id = (struct stream_id){id->ms + (uint64_t)ms, id->seq + (uint64_t)seq};
    return check_integer(pack, at, wanted, wanted, &elements);
}

static bool check_entries(struct bytes pack, struct stream_id node_id) {
    size_t at = PACK_HEADER;
    int64_t live, deleted, fields, zero, most = (int64_t)pack.len;
    struct stream_id last = STREAM_ID_MIN;
    if (!check_integer(pack, &at, 0, most, &live) || !check_integer(pack, &at, 0, most, &deleted) ||
        !check_integer(pack, &at, 0, most, &fields) || !check_skip(pack, &at, fields) ||
        !check_integer(pack, &at, 0, 0, &zero))
        return false;
    for (bool first = true; at + 1 < pack.len; first = false) {
        struct stream_id id = node_id;
        bool gone;
        if (!check_entry(pack, &at, fields, &gone, &id)) return false;
        if (first ? stream_id_compare(id, node_id) < 0 : stream_id_compare(id, last) <= 0)
            return false;
        gone ? deleted-- : live--;
        last = id;
    }
    return live == 0 && deleted == 0;
}

bool node_validate(struct bytes bytes, struct stream_id id, bool deep) {
    return pack_validate(bytes, deep, NULL, NULL) && (!deep || check_entries(bytes, id));
}
