/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "script/functions_priv.h"
#include "script/scripts_priv.h"

void scripts_kill(struct call *call, bool function) {
    (void)function;
    reply_error(call->reply, "NOTBUSY No scripts in execution right now.");
}

static void reply_engines(struct reply *reply) {
    struct functions_figures figures = functions_figures();
    reply_bulk_text(reply, "engines");
    reply_map(reply, 1);
    reply_bulk_text(reply, "LUA");
    reply_map(reply, 2);
    reply_bulk_text(reply, "libraries_count");
    reply_integer(reply, (int64_t)figures.libraries);
    reply_bulk_text(reply, "functions_count");
    reply_integer(reply, (int64_t)figures.functions);
}

void functions_stats(struct call *call) {
    reply_map(call->reply, 2);
    reply_bulk_text(call->reply, "running_script");
    reply_null(call->reply);
    reply_engines(call->reply);
}
