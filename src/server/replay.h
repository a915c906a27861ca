/* SPDX-License-Identifier: BSD-3-Clause */
/* Running the commands that the journal's records are, for nobody. */
#pragma once

#include "exec/exec.h"

struct command_runner;

struct command_runner *command_runner_create(struct exec *exec);
void command_runner_free(struct command_runner *runner);

/* For journal/replay.h; `context` is the runner. */
bool command_runner_run(void *context, const struct view *view, const struct bytes *argv,
                        unsigned argc);
