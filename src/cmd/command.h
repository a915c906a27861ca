/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of COMMAND. */
#pragma once

#include "exec/exec.h"

void command_all(struct call *call); /* without a subcommand */
void command_count(struct call *call);
void command_docs(struct call *call);
void command_getkeys(struct call *call);
void command_getkeysandflags(struct call *call);
void command_help(struct call *call);
void command_info(struct call *call);
void command_list(struct call *call);

/* Names by bit, ending with NULL: a flag without a name is not shown. */
extern const char *const command_key_flag_names[];

/* The names of the bits that are set, as a set of simple strings. */
void command_reply_bits(struct reply *reply, uint64_t bits, const char *const *names,
                        const char *prefix);

/* The name as COMMAND shows it: "parent|sub". */
void command_reply_name(struct reply *reply, const struct command *command,
                        const struct command *parent);
unsigned command_subcommand_count(const struct command *command);
