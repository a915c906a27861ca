/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/refusal.h"

_Atomic(const char *) exec_write_refusal;

void exec_refuse_writes(const char *error) {
    atomic_store_explicit(&exec_write_refusal, error, memory_order_relaxed);
}
