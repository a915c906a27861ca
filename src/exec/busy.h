/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command that runs for too long: a script. It says so, and from then on clients are answered
 * that the server is busy, by all workers; but for the commands that may run even so (SCRIPT KILL,
 * AUTH ...). All on the worker that runs the long command, inside the gate.
 */
#pragma once

#include "exec/call.h"

/* `error` is what clients are told, and lives as long as the program. */
void busy_begin(struct call *call, const char *error);
void busy_end(struct call *call);

/* Lets the worker's other connections have their answers, and other workers theirs; to be called
 * again and again, between two of the long command's own steps. False: the server is stopping. */
bool busy_serve(struct call *call);
