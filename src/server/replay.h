/* SPDX-License-Identifier: BSD-3-Clause */
/* Running the commands that the journal's records are, for nobody. */
#pragma once

#include "exec/exec.h"

struct command_runner;

/* For so many threads at once. */
struct command_runner *command_runner_create(struct exec *exec, unsigned hands);
void command_runner_free(struct command_runner *runner);

/* For journal/replay.h; `context` is the runner, `hand` which thread calls, below `hands`. */
bool command_runner_run(void *context, unsigned hand, const struct view *view,
                        const struct bytes *argv, unsigned argc);
bool command_runner_has_one_key(void *context, const struct bytes *argv, unsigned argc);
