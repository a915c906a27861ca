/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/nested.h"
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"

#define FEW_KEYS 16

static bool is_covered(const struct nested *nested, const struct nested_command *command) {
    const struct call *outer = nested->outer;
    if (gate_is_exclusive(outer->exec->gate, outer->worker)) return true;
    if (command->found->flags & (CMD_EXCLUSIVE | CMD_UNLOCKED)) return false;
    for (unsigned i = 0; i < command->key_count; i++)
        if (!outer->hold || !gate_covers(outer->hold, &command->keys[i])) return false;
    return true;
}

static struct call call_of(const struct nested *nested, const struct nested_command *command,
                           struct reply *reply) {
    const struct call *outer = nested->outer;
    struct call call = {
        .argv = command->argv,
        .argc = command->argc,
        .keys = command->keys,
        .key_count = command->key_count,
        .view = outer->view,
        .reply = reply,
        .command = command->found->command,
        .session = outer->session,
        .exec = outer->exec,
        .hold = outer->hold,
        .worker = outer->worker,
        .no_wait = true,
        .from_script = nested->script,
    };
    call.view.db = outer->session->db;
    call.view.no_touch = (outer->session->flags & SESSION_NO_TOUCH) != 0;
    return call;
}

static size_t request_bytes(const struct nested_command *command) {
    size_t bytes = 0;
    for (unsigned i = 0; i < command->argc; i++)
        bytes += command->argv[i].len;
    return bytes;
}

enum nested_result exec_nested_run(struct nested *nested, const struct nested_command *command,
                                   struct reply *reply) {
    const struct registered *found = command->found;
    struct exec_worker *w = &nested->outer->exec->workers[nested->outer->worker];
    if (UNLIKELY(!is_covered(nested, command))) return NESTED_BEYOND;
    if (found->flags & (CMD_WRITE | CMD_MAY_REPLICATE) && nested->before_write &&
        !nested->before_write(nested, found->flags))
        return NESTED_STOPPED;
    if (found->flags & CMD_WRITE) nested->wrote = true;
    struct call call = call_of(nested, command, reply);
    size_t reply_start = reply->out->len;
    uint64_t begun = clock_ticks();
    command_run(&call, found);
    struct command_cost cost = {.ticks = clock_ticks() - begun,
                                .request_bytes = request_bytes(command),
                                .reply_bytes = reply->out->len - reply_start};
    worker_count_command(w, &call, found, &cost);
    nested->outer->session->commands++;
    if (worker_count_errors(w, reply)) w->counters[found->id].failed++;
    return NESTED_DONE;
}

static enum nested_result refuse(struct exec_worker *w, const struct registered *found,
                                 struct reply *reply) {
    worker_count_errors(w, reply);
    if (found) w->counters[found->id].rejected++;
    return NESTED_DONE;
}

enum nested_result exec_nested(struct nested *nested, const struct bytes *argv, unsigned argc,
                               struct reply *reply) {
    struct exec *exec = nested->outer->exec;
    struct exec_worker *w = &exec->workers[nested->outer->worker];
    const struct registered *found = commands_find(&exec->commands, argv[0]), *container = NULL;
    if (found && found->sub_count && argc > 1) {
        container = found;
        found = commands_find_sub(&exec->commands, container, argv[1]);
    }
    struct nested_command command = {.found = found, .argv = argv, .argc = argc};
    if (!check_nested(nested, &command, container, reply)) return refuse(w, found, reply);

    struct key few[FEW_KEYS];
    struct key_list keys = {.items = few, .capacity = ARRAY_LEN(few), .borrowed = true};
    if (!keys_collect(&keys, found, argv, argc)) {
        reply_no_memory(reply);
        key_list_free(&keys);
        return refuse(w, found, reply);
    }
    command.keys = keys.items;
    command.key_count = (unsigned)keys.count;
    enum nested_result result = exec_nested_run(nested, &command, reply);
    key_list_free(&keys);
    return result;
}

bool nested_lacks_room(const struct call *outer) {
    return session_worker(outer->session)->full;
}
