/* SPDX-License-Identifier: BSD-3-Clause */
/* EVAL and SCRIPT: the arguments. The work is done in script/. */
#include "cmd/script.h"
#include "base/ensure.h"
#include "cmd/families.h"
#include "script/script.h"

void script_eval(struct call *call) {
    scripts_eval(call, false, false);
}

void script_eval_ro(struct call *call) {
    scripts_eval(call, false, true);
}

void script_evalsha(struct call *call) {
    scripts_eval(call, true, false);
}

void script_evalsha_ro(struct call *call) {
    scripts_eval(call, true, true);
}

/* A client that asks for NO gets what it wants. */
void script_debug(struct call *call) {
    struct bytes mode = call->argv[2];
    if (call->argc > 4) {
        call_subcommand_error(call);
    } else if (bytes_is(mode, "no")) {
        reply_ok(call->reply);
    } else if (bytes_is(mode, "yes") || bytes_is(mode, "sync")) {
        reply_error(call->reply, "ERR Strata has no debugger of scripts");
    } else {
        reply_error(call->reply, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
    }
}

void script_exists(struct call *call) {
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++)
        reply_integer(call->reply, scripts_exists(call->argv[i]));
}

void script_flush(struct call *call) {
    bool knows_mode =
        call->argc == 2 ||
        (call->argc == 3 && (bytes_is(call->argv[2], "sync") || bytes_is(call->argv[2], "async")));
    if (!knows_mode) {
        reply_error(call->reply, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    scripts_flush();
    reply_ok(call->reply);
}

void script_kill(struct call *call) {
    scripts_kill(call, false);
}

void script_load(struct call *call) {
    scripts_load(call, call->argv[2]);
}

void script_show(struct call *call) {
    scripts_show(call, call->argv[2]);
}

void script_help(struct call *call) {
    static const char *const lines[] = {
        "DEBUG (YES|SYNC|NO) [<engine>]",
        "    There is no debugger: anything but NO is refused.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Which of the scripts are in the cache: 1 or 0 for each.",
        "FLUSH [ASYNC|SYNC]",
        "    Forget all scripts, at once in either case.",
        "KILL",
        "    End the script that runs for too long, unless it has written something.",
        "LOAD <script>",
        "    Put a script into the cache without running it.",
        "SHOW <sha1>",
        "    The code of a script in the cache.",
        NULL,
    };
    call_help(call, lines);
}

/* ---- INFO ---- */

static void write_stats(struct exec *exec, struct buffer *out, void *context) {
    buffer_printf(out, "evicted_scripts:%llu\r\n", (unsigned long long)scripts_figures().evicted);
}

static void write_engines(struct exec *exec, struct buffer *out, void *context) {
    struct scripts_figures figures = scripts_figures();
    size_t machines = figures.eval_bytes + figures.function_bytes;
    buffer_printf(
        out,
        "engines_count:1\r\n"
        "engines_total_used_memory:%zu\r\n"
        "engines_total_memory_overhead:0\r\n"
        "engine_0:name=LUA,module=lua,abi_version=4,used_memory=%zu,memory_overhead=0\r\n",
        machines, machines);
}

void script_register_info(struct exec *exec) {
    info_register(exec, "Stats", INFO_DEFAULT, write_stats, NULL);
    info_register(exec, "Scripting Engines", INFO_ALL, write_engines, NULL);
}
