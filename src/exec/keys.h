/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the keys of a command line by the key specifications of its command. */
#pragma once

#include "base/ensure.h"
#include "exec/command.h"
#include "exec/commands.h"
#include "keyspace/keyspace.h"

enum key_mode keys_mode_of(const struct command *command);

/* Keys, hashed, of one or more commands. A zeroed struct is an empty list that owns nothing; one
 * may also begin with borrowed room. What points into it is good until the next keys are collected.
 */
struct key_list {
    struct key *items;
    size_t count, capacity;
    bool borrowed; /* `items` is not its own */
};

bool key_list_reserve_slow(struct key_list *list, size_t more);
void key_list_free(struct key_list *list);

static inline bool key_list_reserve(struct key_list *list, size_t more) {
    return LIKELY(list->count + more <= list->capacity) || key_list_reserve_slow(list, more);
}

bool keys_collect_many(struct key_list *list, const struct registered *found,
                       const struct bytes *argv, unsigned argc);

/* Adds the keys of a command line of the right arity, as far as it makes sense: the handler finds
 * the same fault, and says so. False: no memory. */
static inline bool keys_collect(struct key_list *list, const struct registered *found,
                                const struct bytes *argv, unsigned argc) {
    if (found->key_mode == KEYS_NONE) return true;
    if (found->key_mode != KEYS_ONE) return keys_collect_many(list, found, argv, argc);
    if (UNLIKELY(found->one_key >= argc)) return true;
    if (UNLIKELY(!key_list_reserve(list, 1))) return false;
    list->items[list->count++] = key_make(argv[found->one_key]);
    return true;
}
