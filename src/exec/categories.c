/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/exec.h"

const char *const exec_category_names[] = {
    "keyspace", "read",        "write",      "set",         "sortedset", "list",  "hash", "string",
    "bitmap",   "hyperloglog", "geo",        "stream",      "pubsub",    "admin", "fast", "slow",
    "blocking", "dangerous",   "connection", "transaction", "scripting", NULL,
};

uint32_t exec_category_named(struct bytes name) {
    for (unsigned i = 0; exec_category_names[i]; i++)
        if (bytes_is(name, exec_category_names[i])) return 1u << i;
    return 0;
}

/* Tables need not repeat what the flags say already. */
uint32_t exec_command_categories(const struct command *command) {
    uint64_t flags = command->flags;
    uint32_t categories = command->categories;
    if (flags & CMD_WRITE) categories |= CAT_WRITE;
    if (flags & CMD_READONLY && !(categories & CAT_SCRIPTING)) categories |= CAT_READ;
    if (flags & CMD_ADMIN) categories |= CAT_ADMIN | CAT_DANGEROUS;
    if (flags & CMD_PUBSUB) categories |= CAT_PUBSUB;
    if (flags & CMD_BLOCKING) categories |= CAT_BLOCKING;
    return categories | (flags & CMD_FAST ? CAT_FAST : CAT_SLOW);
}
