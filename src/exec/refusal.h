/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>

/* Who may refuse writes. */
enum refusal { REFUSAL_JOURNAL, REFUSAL_SNAPSHOT };

/* While what is written cannot be kept, commands that write (and PING, so that people notice) are
 * answered by this error. NULL = no more. The text lives as long as the program. Any thread. */
void exec_refuse_writes(enum refusal who, const char *error);

/* For the dispatcher. */
extern _Atomic(const char *) exec_write_refusal;
