/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands by name. Filled at start-up, then only read, by all workers.
 *
 * A name is looked up without copying it: folded to lower case in registers, up to 16 bytes of it
 * in two words, it is hashed and compared in a few instructions. Only longer names are compared by
 * their bytes.
 */
#pragma once

#include "base/bytes.h"
#include "exec/command.h"
#include <stdbool.h>
#include <stdint.h>

/* Commands and subcommands together. */
#define COMMANDS_MAX 640

struct folded_name {
    uint64_t first, last; /* the first and the last eight bytes; they overlap in shorter names */
    size_t len;
};

/* How the keys of a command are found. */
enum key_mode {
    KEYS_NONE,
    KEYS_ONE,   /* one key, always at the same position */
    KEYS_SPECS, /* by the specs of its table */
    KEYS_CUSTOM /* by its own function */
};

/* What dispatch needs of a command, next to each other. */
struct registered {
    struct folded_name folded;
    command_handler *run;
    uint64_t flags;
    int arity;
    enum key_mode key_mode;
    unsigned one_key; /* KEYS_ONE: its position in argv */
    unsigned id;      /* its index among all items, and in each worker's statistics */
    unsigned subs;    /* index of the first subcommand */
    unsigned sub_count;
    const struct command *command;
    const struct registered *parent;
    char *name; /* as clients use it now; NULL = renamed away */
};

static inline bool registered_accepts(const struct registered *item, unsigned argc) {
    return item->arity > 0 ? argc == (unsigned)item->arity : argc >= (unsigned)-item->arity;
}

#define COMMANDS_SLOTS 2048

struct commands {
    struct registered items[COMMANDS_MAX];
    unsigned count;
    uint16_t by_name[COMMANDS_SLOTS];    /* index of an item plus 1; 0 = free */
    uint16_t by_command[COMMANDS_SLOTS]; /* the same, by the table's address */
};

void commands_add(struct commands *commands, const struct command *table);
void commands_free(struct commands *commands);
bool commands_rename(struct commands *commands, struct bytes name, struct bytes new_name);

const struct registered *commands_find(const struct commands *commands, struct bytes name);
const struct registered *commands_find_sub(const struct commands *commands,
                                           const struct registered *parent, struct bytes name);

/* NULL: not a registered command. */
const struct registered *commands_of(const struct commands *commands,
                                     const struct command *command);

/* "client|setname", into at most `size` bytes with a final zero; by the names of the tables. */
void commands_full_name(const struct registered *item, char *out, size_t size);
