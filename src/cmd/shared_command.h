/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands by the full names that several families take as arguments. */
#pragma once

#include "exec/exec.h"

/* The command of a name that may be "parent|sub", in any case; NULL = unknown. `parent`, when it is
 * not NULL, gets the parent of a subcommand, or NULL. */
const struct command *command_named(const struct exec *exec, struct bytes name,
                                    const struct command **parent);
