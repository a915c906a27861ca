/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to large lists, told step by step, and taken back. */
#include "value/list_priv.h"

_Thread_local struct list_keeper *list_keeper;

static void tell(const struct list *list, const struct list_step *step) {
    list_keeper->keep(list_keeper, list, step);
}

void list_tell_came(const struct list *list, uint64_t index) {
    tell(list, &(struct list_step){LIST_CAME, index, 1, {0}});
}

/* Each element goes from the same place, once those before it have gone. */
void list_tell_going(const struct list *list, uint64_t index, uint64_t count) {
    const struct value value = {.type = TYPE_LIST, .large = true, .object = (void *)list};
    struct list_cursor cursor;
    char text[PACK_TEXT_MAX];
    if (!list_keeper->expects(list_keeper, list, count)) return;
    list_seek(&value, index, &cursor);
    for (bool more = true; more && count && list_keeper; count--, more = list_next(&cursor))
        tell(list,
             &(struct list_step){LIST_WENT, index, 1, pack_get_text(cursor.pack, cursor.at, text)});
}

void list_tell_going_at(const struct list *list, const struct list_cursor *cursor) {
    uint64_t index = tree_rank(&cursor->node);
    for (size_t at = cursor->at; (at = pack_prev(cursor->pack, at)) != PACK_NONE;)
        index++;
    list_tell_going(list, index, 1);
}

void list_tell_changing(const struct list *list, uint64_t index) {
    struct tree_cursor cursor;
    uint64_t offset;
    char text[PACK_TEXT_MAX];
    const struct list_node *node = list_node_at((struct list *)list, index, &cursor, &offset);
    size_t at = pack_seek(node_pack(node), (int64_t)offset);
    tell(list, &(struct list_step){LIST_WAS, index, 1, pack_get_text(node_pack(node), at, text)});
}

/* ---- taking back ---- */

static bool put(struct list *list, uint64_t index, struct bytes text) {
    if (index == list->tree.weight) return list_large_push(list, LIST_RIGHT, text);
    if (index == 0) return list_large_push(list, LIST_LEFT, text);
    return list_large_insert(list, index, false, text);
}

bool list_step_back(struct list *list, const struct list_step *step) {
    list->quicklist = true; /* all that tell their steps were */
    switch (step->kind) {
    case LIST_CAME: list_large_remove(list, step->index, step->count); return true;
    case LIST_WENT: return put(list, step->index, step->text);
    default: return list_large_replace(list, step->index, step->text);
    }
}

bool list_tells_steps(const void *object) {
    const struct list *list = object;
    return list->quicklist;
}
