/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/replay.h"
#include "base/ensure.h"
#include "base/log.h"
#include "exec/session.h"
#include "sys/memory.h"

#include <stdlib.h>

struct command_runner {
    struct exec *exec;
    struct session session;          /* of nobody */
    const struct command **commands; /* by the names of their tables: whatever clients call them */
    size_t count, capacity;
    struct buffer replies;
    struct key *keys;
    unsigned *positions;
    unsigned keys_capacity;
};

static void note_command(const struct command *command, const char *name, void *argument) {
    struct command_runner *runner = argument;
    if (runner->count == runner->capacity) {
        runner->capacity = MAX(runner->capacity * 2, (size_t)256);
        runner->commands =
            memory_realloc(runner->commands, runner->capacity * sizeof *runner->commands);
        ensure(runner->commands);
    }
    runner->commands[runner->count++] = command;
}

static int by_name(const void *a, const void *b) {
    const struct command *const *one = a, *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

struct command_runner *command_runner_create(struct exec *exec) {
    struct command_runner *runner = memory_need(sizeof *runner);
    runner->exec = exec;
    runner->session = (struct session){
        .exec = exec, .flags = SESSION_AUTHENTICATED | SESSION_NO_TOUCH, .resp = 2};
    exec_each_command(exec, note_command, runner);
    qsort(runner->commands, runner->count, sizeof(struct command *), by_name);
    return runner;
}

void command_runner_free(struct command_runner *runner) {
    buffer_free(&runner->replies);
    memory_free(runner->commands);
    memory_free(runner->keys);
    memory_free(runner->positions);
    memory_free(runner);
}

static int compare_name(const void *name, const void *item) {
    const struct command *const *command = item;
    const struct bytes *wanted = name;
    struct bytes own = bytes_of((*command)->name);
    for (size_t i = 0; i < MIN(own.len, wanted->len); i++) {
        int difference = (uint8_t)bytes_lower(wanted->data[i]) - (uint8_t)own.data[i];
        if (difference) return difference;
    }
    return (wanted->len > own.len) - (wanted->len < own.len);
}

static const struct command *find(const struct command_runner *runner, const struct bytes *argv,
                                  unsigned argc) {
    const struct command **found =
        bsearch(&argv[0], runner->commands, runner->count, sizeof(struct command *), compare_name);
    if (!found) return NULL;
    const struct command *command = *found;
    if (command->subcommands && argc > 1) command = exec_find_subcommand(command, argv[1]);
    if (!command || !command->run) return NULL;
    return command_takes(command, argc) ? command : NULL;
}

/* The keys of a command line, made in runner->keys. Negative: it has none that make sense. */
static int find_keys(struct command_runner *runner, const struct command *command,
                     const struct bytes *argv, unsigned argc) {
    int count = exec_find_keys(command, argv, argc, NULL, NULL, 0);
    if (count <= 0) return count;
    if ((unsigned)count > runner->keys_capacity) {
        memory_free(runner->keys);
        memory_free(runner->positions);
        runner->keys_capacity = (unsigned)count * 2;
        runner->keys = memory_need(runner->keys_capacity * sizeof *runner->keys);
        runner->positions = memory_need(runner->keys_capacity * sizeof *runner->positions);
    }
    count = exec_find_keys(command, argv, argc, runner->positions, NULL, runner->keys_capacity);
    for (int i = 0; i < count; i++)
        runner->keys[i] = key_make(argv[runner->positions[i]]);
    return count;
}

bool command_runner_run(void *context, const struct view *view, const struct bytes *argv,
                        unsigned argc) {
    struct command_runner *runner = context;
    const struct command *command = find(runner, argv, argc);
    int keys = command ? find_keys(runner, command, argv, argc) : -1;
    if (keys < 0) return false;
    struct reply reply = {.out = &runner->replies, .resp = 2};
    runner->session.db = view->db;
    struct call call = {
        .argv = argv,
        .argc = argc,
        .keys = runner->keys,
        .key_count = (unsigned)keys,
        .view = *view,
        .reply = &reply,
        .command = command,
        .session = &runner->session,
        .exec = runner->exec,
        .no_wait = true,
    };
    buffer_clear(&runner->replies);
    command->run(&call);
    if (!reply.errors) return true;
    log_warning("%.*s: %.*s", (int)MIN(argv[0].len, (size_t)64), argv[0].data,
                (int)MIN(runner->replies.len, (size_t)128), runner->replies.data);
    return false;
}
