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

bool keyspace_copy(struct view *view, struct spot *from, struct view *target, struct spot *to,
                   struct event event) {
    struct value value = entry_value(from->entry);
    int64_t expiry = entry_expiry(from->entry);
    if (value.large && !(value.object = value_ops(value.type)->copy(value.object))) return false;
    if (!put_value(target, to, &value, expiry)) {
        if (value.large) value_ops(value.type)->free(value.object);
        return false;
    }
    keyspace_seek_whole(view, from->key, from);
    keyspace_count_changes(view->counters, 1);
    keyspace_notify(target, to->key, (struct event){EVENT_NEW, "new"});
    if (changes_are_heard(view->keyspace))
        emit(target, &(struct change){.kind = CHANGE_STORE,
                                      .event = event,
                                      .db = target->db,
                                      .key = to->key,
                                      .entry = to->entry});
    return true;
}
