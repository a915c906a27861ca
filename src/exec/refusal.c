/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/refusal.h"

_Atomic(const char *) exec_write_refusal;

static _Atomic(const char *) errors[2];

void exec_refuse_writes(enum refusal who, const char *error) {
    errors[who] = error;
    const char *first = errors[REFUSAL_JOURNAL];
    exec_write_refusal = first ? first : errors[REFUSAL_SNAPSHOT];
}
