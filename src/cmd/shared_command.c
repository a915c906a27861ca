/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_command.h"

const struct command *command_named(const struct exec *exec, struct bytes name,
                                    const struct command **parent) {
    if (parent) *parent = NULL;
    const char *bar = name.len ? memchr(name.data, '|', name.len) : NULL;
    if (!bar) return exec_find_command(exec, name);
    size_t head = (size_t)(bar - name.data);
    const struct command *container = exec_find_command(exec, bytes_make(name.data, head));
    if (!container) return NULL;
    if (parent) *parent = container;
    return exec_find_subcommand(container, bytes_skip(name, head + 1));
}
