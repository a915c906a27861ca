/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/durability.h"
#include "exec/exec_priv.h"

void exec_set_durability(struct exec *exec, const struct durability_service *service) {
    exec->durability = service;
}

void exec_set_default_durability(struct exec *exec, enum durability durability) {
    exec->default_durability = durability;
}

void exec_set_loading(struct exec *exec, bool loading) {
    atomic_store(&exec->loading, loading);
}

bool exec_is_loading(const struct exec *exec) {
    return atomic_load_explicit(&exec->loading, memory_order_relaxed);
}
