/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/keyspace_priv.h"

bool keyspace_rename(struct view *view, struct spot *from, struct spot *to) {
    const struct key *source = from->key;
    if (!put_like(view, to, from->entry)) return false;
    keyspace_seek_whole(view, source, from); /* putting may have moved it, in the same slice */
    spot_forget(view, from);                 /* its object, if it has one, belongs to `to` now */
    keyspace_count_changes(view->counters, 1);
    keyspace_notify(view, to->key, (struct event){EVENT_NEW, "new"});
    keyspace_notify(view, source, (struct event){EVENT_GENERIC, "rename_from"});
    if (changes_are_heard(view->keyspace))
        emit(view, &(struct change){.kind = CHANGE_RENAME,
                                    .event = {EVENT_GENERIC, "rename_to"},
                                    .db = view->db,
                                    .key = to->key,
                                    .other = source,
                                    .entry = to->entry});
    return true;
}

bool keyspace_move(struct view *view, struct spot *from, struct view *target, struct spot *to) {
    const struct key *key = from->key;
    if (!put_like(target, to, from->entry)) return false;
    spot_forget(view, from); /* its object, if it has one, belongs to `to` now */
    keyspace_count_changes(view->counters, 1);
    keyspace_notify(target, key, (struct event){EVENT_NEW, "new"});
    if (!changes_are_heard(view->keyspace)) return true;
    emit(target,
         &(struct change){.kind = CHANGE_STORE, .db = target->db, .key = key, .entry = to->entry});
    emit(view, &(struct change){.kind = CHANGE_REMOVE,
                                .event = {EVENT_GENERIC, "move_from"},
                                .db = view->db,
                                .key = key});
    keyspace_notify(target, key, (struct event){EVENT_GENERIC, "move_to"});
    return true;
}

bool keyspace_copy(struct view *view, const struct entry *from, void *made, struct spot *to,
                   const struct edit *edit) {
    struct value value = entry_value(from);
    int64_t expiry = entry_expiry(from);
    if (value.large) value.object = made ? made : value_ops(value.type)->copy(value.object);
    if (value.large && !value.object) return false;
    if (!put_value(view, to, &value, expiry)) {
        if (value.large && !made) value_ops(value.type)->free(value.object);
        return false;
    }
    keyspace_count_changes(view->counters, 1);
    keyspace_notify(view, to->key, (struct event){EVENT_NEW, "new"});
    if (changes_are_heard(view->keyspace))
        emit(view, &(struct change){.kind = edit->argc ? CHANGE_COMMAND : CHANGE_STORE,
                                    .event = edit->event,
                                    .db = view->db,
                                    .key = to->key,
                                    .entry = to->entry,
                                    .argv = edit->argv,
                                    .argc = edit->argc});
    return true;
}
