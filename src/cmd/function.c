/* SPDX-License-Identifier: BSD-3-Clause */
/* FCALL and FUNCTION: the arguments. The work is done in script/. */
#include "cmd/function.h"
#include "base/ensure.h"
#include "script/functions.h"
#include "script/script.h"

void function_fcall(struct call *call) {
    functions_call(call, false);
}

void function_fcall_ro(struct call *call) {
    functions_call(call, true);
}

void function_delete(struct call *call) {
    if (functions_delete(call->argv[2]))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Library not found");
}

void function_dump(struct call *call) {
    functions_dump(call);
}

void function_flush(struct call *call) {
    if (call->argc > 3) {
        struct bytes sub = call->argv[1];
        reply_errorf(call->reply,
                     "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try FUNCTION "
                     "HELP.",
                     (int)sub.len, sub.data);
        return;
    }
    if (call->argc == 3 && !bytes_is(call->argv[2], "sync") && !bytes_is(call->argv[2], "async")) {
        reply_error(call->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    functions_flush();
    reply_ok(call->reply);
}

void function_kill(struct call *call) {
    scripts_kill(call, true);
}

void function_list(struct call *call) {
    struct bytes pattern = {0};
    bool with_code = false;
    for (unsigned i = 2; i < call->argc; i++) {
        struct bytes word = call->argv[i];
        if (!with_code && bytes_is(word, "withcode")) {
            with_code = true;
        } else if (!pattern.data && bytes_is(word, "libraryname")) {
            if (++i == call->argc) {
                reply_error(call->reply, "ERR library name argument was not given");
                return;
            }
            pattern = call->argv[i];
        } else {
            reply_errorf(call->reply, "ERR Unknown argument %.*s", (int)word.len, word.data);
            return;
        }
    }
    functions_list(call, pattern.data ? pattern : BYTES("*"), with_code);
}

void function_load(struct call *call) {
    bool replace = false;
    for (unsigned i = 2; i + 1 < call->argc; i++) {
        struct bytes word = call->argv[i];
        if (bytes_is(word, "replace")) {
            replace = true;
            continue;
        }
        reply_errorf(call->reply, "ERR Unknown option given: %.*s", (int)word.len, word.data);
        return;
    }
    functions_load(call, call->argv[call->argc - 1], replace);
}

static bool read_policy(struct bytes word, enum functions_policy *policy) {
    static const char *const names[] = {[FUNCTIONS_APPEND] = "append",
                                        [FUNCTIONS_REPLACE] = "replace",
                                        [FUNCTIONS_FLUSH] = "flush"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!bytes_is(word, names[i])) continue;
        *policy = (enum functions_policy)i;
        return true;
    }
    return false;
}

void function_restore(struct call *call) {
    enum functions_policy policy = FUNCTIONS_APPEND;
    if (call->argc > 4) {
        call_subcommand_error(call);
        return;
    }
    if (call->argc == 4 && !read_policy(call->argv[3], &policy)) {
        reply_error(call->reply, "ERR Wrong restore policy given, value should be either FLUSH, "
                                 "APPEND or REPLACE.");
        return;
    }
    functions_restore(call, call->argv[2], policy);
}

void function_stats(struct call *call) {
    functions_stats(call);
}

void function_help(struct call *call) {
    static const char *const lines[] = {
        "DELETE <library>",
        "    Remove a library and its functions.",
        "DUMP",
        "    All libraries in one payload, for RESTORE.",
        "FLUSH [ASYNC|SYNC]",
        "    Remove all libraries, at once in either case.",
        "KILL",
        "    End the function that runs for too long, unless it has written something.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    The libraries, their functions, and their code if asked for.",
        "LOAD [REPLACE] <code>",
        "    Make a library. REPLACE: instead of one of the same name.",
        "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
        "    Load the libraries of a payload: instead of all, beside all (default; fails if one is",
        "    there already), or instead of those of the same names.",
        "STATS",
        "    The function that runs, if any, and how many there are.",
        NULL,
    };
    call_help(call, lines);
}
