/* SPDX-License-Identifier: BSD-3-Clause */
/* SORT and SORT_RO. */
#pragma once

#include "base/number.h"
#include "exec/call.h"
#include "value/list.h"

void sort_sort(struct call *call);
void sort_sort_ro(struct call *call);
command_keys sort_find_keys;
command_needs sort_needs_exclusive;

/* ---- shared by the family's files ---- */

struct sort_options {
    bool descending, alpha;
    bool unsorted;         /* BY a pattern without a star */
    struct bytes by;       /* data NULL: by the elements themselves */
    int64_t offset, count; /* LIMIT; count negative = all */
    struct bytes *get;     /* patterns */
    unsigned get_count;
    const struct key *store; /* NULL: none */
};

/* An element; its text is in the sorting's `texts`. */
struct sort_item {
    size_t text, length;
    bool weighed; /* of ALPHA and BY: the weight's key exists */
    union {
        double score;
        struct {
            size_t at, length; /* in `texts` */
        } weight;
    };
};

struct sorting {
    struct call *call; /* NULL: no key is looked up */
    struct sort_options options;
    struct buffer texts;
    struct buffer items; /* of struct sort_item */
    struct buffer name;  /* of the key that is looked up */
    bool no_memory, no_number;
    uint64_t first, end; /* the items that are to be left */
    bool is_cut;         /* no others have been taken */
};

static inline struct sort_item *sort_items(const struct sorting *sorting) {
    return (struct sort_item *)(void *)sorting->items.data;
}

static inline size_t sort_count(const struct sorting *sorting) {
    return sorting->items.len / sizeof(struct sort_item);
}

static inline struct bytes sort_text(const struct sorting *sorting, const struct sort_item *item) {
    return bytes_make(sorting->texts.data + item->text, item->length);
}

void sorting_free(struct sorting *sorting);

/* Sorts in the background, and answers, if that takes long and needs no other keys. False: the
 * caller does it. */
bool sort_later(struct call *call, const struct sort_options *options, const struct value *value);

#define SORT_NO_NUMBER "ERR One or more scores can't be converted into double"

/* What a pattern stands for: the element itself ("#"), or a string, or a field of a hash, whose
 * key's name has the element in place of the star. *text is valid until the next lookup, and may be
 * written to `scratch`. False: there is no such thing. */
struct sort_scratch {
    char text[NUMBER_I64_MAX];
};
bool sort_look_up(struct sorting *sorting, struct bytes pattern, struct bytes element,
                  struct sort_scratch *scratch, struct bytes *text);

/* Takes the elements out of the value (NULL: there is none). False: no_memory. */
bool sort_take(struct sorting *sorting, const struct value *value);

/* Leaves those that are to be shown, in order. False: no_memory or no_number. */
bool sort_taken(struct sorting *sorting);

/* Makes a list of the result, of which the edit uses `scratch`. False: no memory, nothing is to be
 * dropped. */
bool sort_make_list(struct sorting *sorting, struct list_edit *edit, struct buffer *scratch);

/* Stores such a list of so many elements, in any case an end of it, and answers. */
void sort_put_list(struct call *call, const struct key *key, struct list_edit *edit, size_t count);

/* Puts the items, which have been weighed, in order, and leaves those from `first` to before `end`.
 */
void sort_put_in_order(struct sorting *sorting, size_t first, size_t end);
