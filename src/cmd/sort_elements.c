/* SPDX-License-Identifier: BSD-3-Clause */
/* SORT: the elements, and what they weigh. */
#include "base/ensure.h"
#include "cmd/sort.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/zset.h"

/* ---- patterns ---- */

/* The name of the hash field in a pattern behind its star, and the pattern without it. */
static bool split_field(struct bytes *pattern, size_t star, struct bytes *field) {
    struct bytes rest = bytes_skip(*pattern, star + 1);
    const char *arrow = memmem(rest.data, rest.len, "->", 2);
    if (!arrow || arrow + 2 == rest.data + rest.len) return false;
    *field = bytes_make(arrow + 2, (size_t)(rest.data + rest.len - (arrow + 2)));
    pattern->len = (size_t)(arrow - pattern->data);
    return true;
}

bool sort_look_up(struct sorting *sorting, struct bytes pattern, struct bytes element,
                  struct sort_scratch *scratch, struct bytes *text) {
    struct call *call = sorting->call;
    *text = element;
    if (bytes_equal(pattern, BYTES("#"))) return true;
    const char *found = pattern.len ? memchr(pattern.data, '*', pattern.len) : NULL;
    if (!found) return false;
    size_t star = (size_t)(found - pattern.data);
    struct bytes field;
    bool of_hash = split_field(&pattern, star, &field);
    struct buffer *name = &sorting->name;
    buffer_clear(name);
    if (!buffer_append(name, pattern.data, star) || !buffer_append_bytes(name, element) ||
        !buffer_append_bytes(name, bytes_skip(pattern, star + 1))) {
        sorting->no_memory = true;
        return false;
    }
    struct key key = key_make(buffer_bytes(name));
    const struct entry *e = keyspace_find(&call->view, &key);
    if (!e || entry_type(e) != (of_hash ? TYPE_HASH : TYPE_STRING)) return false;
    if (!of_hash) {
        *text = entry_string(e);
        return true;
    }
    struct value hash = entry_value(e);
    struct hash_item item;
    if (!hash_get(&hash, field, call->view.now_ms, &item)) return false;
    *text = item.value;
    if (item.value.data == item.text) {
        memcpy(scratch->text, item.text, item.value.len);
        text->data = scratch->text;
    }
    return true;
}

/* ---- taking elements out ---- */

static bool keep(struct sorting *sorting, struct bytes text, size_t *at) {
    *at = sorting->texts.len;
    if (buffer_append_bytes(&sorting->texts, text)) return true;
    sorting->no_memory = true;
    return false;
}

static bool take(void *context, struct bytes text) {
    struct sorting *sorting = context;
    struct sort_item item = {.length = text.len};
    if (!keep(sorting, text, &item.text)) return false;
    if (buffer_append(&sorting->items, &item, sizeof item)) return true;
    sorting->no_memory = true;
    return false;
}

/* Elements from `first` to before `end` in the order that they have, or against it. */
static void take_list(struct sorting *sorting, const struct value *list, uint64_t first,
                      uint64_t end, bool backwards) {
    struct list_cursor cursor;
    char scratch[PACK_TEXT_MAX];
    if (first == end) return;
    list_seek(list, backwards ? list_length(list) - 1 - first : first, &cursor);
    for (bool more = true; more && first < end; first++) {
        if (!take(sorting, pack_text(list_item(&cursor), scratch))) return;
        more = backwards ? list_prev(&cursor) : list_next(&cursor);
    }
}

static void take_zset(struct sorting *sorting, const struct value *set, uint64_t first,
                      uint64_t end, bool backwards) {
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, set, backwards ? zset_count(set) - 1 - first : first, backwards);
    while (first++ < end && zset_next(&cursor, &item))
        if (!take(sorting, item.member)) return;
}

/* ---- weights ---- */

/* A zero byte ends a number, as it does in Valkey. */
static bool parse_score(struct bytes text, double *score) {
    return number_parse_double(bytes_make(text.data, strnlen(text.data, text.len)), score);
}

static bool weigh(struct sorting *sorting, size_t index) {
    const struct sort_options *options = &sorting->options;
    struct sort_item *item = &sort_items(sorting)[index];
    struct bytes text = sort_text(sorting, item);
    struct sort_scratch scratch;
    if (options->by.data) {
        item->weighed = sort_look_up(sorting, options->by, text, &scratch, &text);
        if (!item->weighed) return !sorting->no_memory;
    }
    if (!options->alpha) {
        sorting->no_number |= !parse_score(text, &item->score);
        return true;
    }
    item->weight.length = text.len;
    item->weight.at = item->text;
    return !options->by.data || keep(sorting, text, &item->weight.at);
}

static bool weigh_all(struct sorting *sorting) {
    for (size_t i = 0; i < sort_count(sorting); i++)
        if (!weigh(sorting, i)) return false;
    return !sorting->no_number;
}

/* ---- all of it ---- */

/* Where LIMIT begins and ends among so many. */
static void clip(const struct sort_options *options, uint64_t length, uint64_t *first,
                 uint64_t *end) {
    *first = options->offset < 0 ? 0 : MIN((uint64_t)options->offset, length);
    uint64_t most = length - *first;
    *end = *first + (options->count < 0 ? most : MIN((uint64_t)options->count, most));
}

/* Drops all items but those from `first` to before `end`. */
static void cut(struct sorting *sorting, uint64_t first, uint64_t end) {
    sorting->items.len = end * sizeof(struct sort_item);
    buffer_consume(&sorting->items, first * sizeof(struct sort_item));
}

bool sort_take(struct sorting *sorting, const struct value *value) {
    const struct sort_options *options = &sorting->options;
    if (!value) return true;
    uint64_t length = value_ops(value->type)->length(value);
    bool ordered = options->unsorted && value->type != TYPE_SET;
    bool backwards = ordered && options->descending;
    clip(options, length, &sorting->first, &sorting->end);
    uint64_t from = ordered ? sorting->first : 0, to = ordered ? sorting->end : length;
    switch (value->type) {
    case TYPE_LIST: take_list(sorting, value, from, to, backwards); break;
    case TYPE_ZSET: take_zset(sorting, value, from, to, backwards); break;
    default: set_each(value, take, sorting); break;
    }
    sorting->is_cut = ordered;
    return !sorting->no_memory;
}

bool sort_taken(struct sorting *sorting) {
    if (!sorting->options.unsorted) {
        if (!weigh_all(sorting)) return false;
        sort_put_in_order(sorting, sorting->first, sorting->end);
    } else if (!sorting->is_cut) {
        cut(sorting, sorting->first, sorting->end);
    }
    return true;
}
