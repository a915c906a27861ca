/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/module.h"

void module_help(struct call *call) {
    static const char *const lines[] = {
        "LIST",
        "    Return the modules that are loaded: always none.",
        NULL,
    };
    call_help(call, lines);
}

void module_list(struct call *call) {
    reply_array(call->reply, 0);
}

void module_refuse(struct call *call) {
    reply_error(call->reply, "ERR Strata has no modules");
}
