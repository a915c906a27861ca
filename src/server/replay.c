/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/replay.h"
#include "base/ensure.h"
#include "base/log.h"
#include "exec/session.h"
#include "sys/memory.h"

#include <stdlib.h>

/* What a thread runs commands with. */
struct hand {
    struct session session; /* of nobody */
    struct buffer replies;
    struct key *keys;
    unsigned *positions;
    unsigned keys_capacity;
};

struct command_runner {
    struct exec *exec;
    const struct command **commands; /* by the names of their tables: whatever clients call them */
    size_t count, capacity;
    unsigned hands;
    struct hand hand[];
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

struct command_runner *command_runner_create(struct exec *exec, unsigned hands) {
    struct command_runner *runner = memory_need(sizeof *runner + hands * sizeof(struct hand));
    runner->exec = exec;
    runner->hands = hands;
    for (unsigned i = 0; i < hands; i++)
        runner->hand[i].session = (struct session){
            .exec = exec, .flags = SESSION_AUTHENTICATED | SESSION_NO_TOUCH, .resp = 2};
    exec_each_command(exec, note_command, runner);
    qsort(runner->commands, runner->count, sizeof(struct command *), by_name);
    return runner;
}

void command_runner_free(struct command_runner *runner) {
    for (unsigned i = 0; i < runner->hands; i++) {
        struct hand *hand = &runner->hand[i];
        buffer_free(&hand->replies);
        memory_free(hand->keys);
        memory_free(hand->positions);
    }
    memory_free(runner->commands);
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

/* The keys of a command line, made in hand->keys. Negative: it has none that make sense. */
static int find_keys(struct hand *hand, const struct command *command, const struct bytes *argv,
                     unsigned argc) {
    int count = exec_find_keys(command, argv, argc, NULL, NULL, 0);
    if (count <= 0) return count;
    if ((unsigned)count > hand->keys_capacity) {
        memory_free(hand->keys);
        memory_free(hand->positions);
        hand->keys_capacity = (unsigned)count * 2;
        hand->keys = memory_need(hand->keys_capacity * sizeof *hand->keys);
        hand->positions = memory_need(hand->keys_capacity * sizeof *hand->positions);
    }
    count = exec_find_keys(command, argv, argc, hand->positions, NULL, hand->keys_capacity);
    for (int i = 0; i < count; i++)
        hand->keys[i] = key_make(argv[hand->positions[i]]);
    return count;
}

bool command_runner_has_one_key(void *context, const struct bytes *argv, unsigned argc) {
    const struct command *command = find(context, argv, argc);
    return command && exec_find_keys(command, argv, argc, NULL, NULL, 0) == 1;
}

bool command_runner_run(void *context, unsigned number, const struct view *view,
                        const struct bytes *argv, unsigned argc) {
    struct command_runner *runner = context;
    struct hand *hand = &runner->hand[number];
    const struct command *command = find(runner, argv, argc);
    int keys = command ? find_keys(hand, command, argv, argc) : -1;
    if (keys < 0) return false;
    struct reply reply = {.out = &hand->replies, .resp = 2};
    hand->session.db = view->db;
    struct call call = {
        .argv = argv,
        .argc = argc,
        .keys = hand->keys,
        .key_count = (unsigned)keys,
        .view = *view,
        .reply = &reply,
        .command = command,
        .session = &hand->session,
        .exec = runner->exec,
        .no_wait = true,
    };
    buffer_clear(&hand->replies);
    command->run(&call);
    if (!reply.errors) return true;
    log_warning("%.*s: %.*s", (int)MIN(argv[0].len, (size_t)64), argv[0].data,
                (int)MIN(hand->replies.len, (size_t)128), hand->replies.data);
    return false;
}
