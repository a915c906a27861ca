/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the commands on hashes have in common. */
#pragma once

#include "cmd/shared_collection.h"
#include "value/hash.h"

static inline bool hash_read(struct call *call, struct value *hash, bool *exists) {
    return collection_read(call, &call->keys[0], TYPE_HASH, hash, exists);
}

/* Begins to change the hash at the call's key, or a new one; spot->entry tells which. False: it is
 * of another type, and that has been answered. */
bool hash_seek(struct call *call, struct spot *spot, struct hash_edit *edit);

/* Ends an edit: stores what has become of the hash, or removes the key if nothing has. `argv` is a
 * command that makes this change. False: no memory, nothing has been answered. */
bool hash_store(struct call *call, struct spot *spot, struct hash_edit *edit, const char *event,
                const struct bytes *argv, unsigned argc);

/* The call's fields as a command with this head: head[0] ... field ...; false: no memory. */
struct hash_fields {
    unsigned first, count; /* positions in argv */
};
bool hash_store_fields(struct call *call, struct spot *spot, struct hash_edit *edit,
                       const char *event, const char *command, const struct hash_fields *fields);

/* A notification of the hash's class, without a change of its own. */
static inline void hash_notify(struct call *call, const char *event) {
    keyspace_notify(&call->view, &call->keys[0], (struct event){EVENT_HASH, event});
}
