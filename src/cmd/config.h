/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of CONFIG. */
#pragma once

#include "exec/exec.h"

void config_command_get(struct call *call);
void config_command_help(struct call *call);
void config_command_resetstat(struct call *call);
void config_command_rewrite(struct call *call);
void config_command_set(struct call *call);
