/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the keys of a command line by the key specifications of its command. */
#pragma once

#include "exec/command.h"
#include "exec/commands.h"

/* The positions that one spec finds: `count` of them, `step` apart. */
struct key_range {
    unsigned first, count, step;
};

enum key_mode keys_mode_of(const struct command *command);

/* What a spec that search and find say more of than "unknown" finds. false: the arguments make no
 * sense for the command. */
bool keys_range(const struct key_spec *spec, const struct bytes *argv, unsigned argc,
                struct key_range *out);
