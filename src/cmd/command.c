/* SPDX-License-Identifier: BSD-3-Clause */
/* COMMAND's subcommands but INFO and DOCS, and what all of them share. */
#include "cmd/command.h"
#include "base/glob.h"
#include "sys/memory.h"
#include <stdio.h>

/* ---- names ---- */

#define COMMAND_NAME_MAX 64

static struct bytes full_name(char out[COMMAND_NAME_MAX], const struct command *command,
                              const struct command *parent) {
    int len = parent ? snprintf(out, COMMAND_NAME_MAX, "%s|%s", parent->name, command->name)
                     : snprintf(out, COMMAND_NAME_MAX, "%s", command->name);
    return bytes_make(out, MIN((size_t)len, (size_t)COMMAND_NAME_MAX - 1));
}

void command_reply_name(struct reply *reply, const struct command *command,
                        const struct command *parent) {
    char name[COMMAND_NAME_MAX];
    reply_bulk(reply, full_name(name, command, parent));
}

unsigned command_subcommand_count(const struct command *command) {
    unsigned count = 0;
    while (command->subcommands && command->subcommands[count].name)
        count++;
    return count;
}

/* ---- COUNT, LIST ---- */

static void count_one(const struct command *command, const char *name, void *context) {
    ++*(int64_t *)context;
}

void command_count(struct call *call) {
    int64_t count = 0;
    exec_each_command(call->exec, count_one, &count);
    reply_integer(call->reply, count);
}

enum filter_kind { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

struct filter {
    enum filter_kind kind;
    uint32_t category;
    struct bytes pattern;
    struct reply *reply;
    size_t shown;
};

static bool passes(const struct filter *filter, const struct command *command, struct bytes name) {
    switch (filter->kind) {
    case FILTER_NONE: return true;
    case FILTER_MODULE: return false;
    case FILTER_CATEGORY: return (exec_command_categories(command) & filter->category) != 0;
    case FILTER_PATTERN: return glob_match(filter->pattern, name, true);
    }
    return false;
}

static void list_command(struct filter *filter, const struct command *command,
                         const struct command *parent) {
    char text[COMMAND_NAME_MAX];
    struct bytes name = full_name(text, command, parent);
    if (passes(filter, command, name)) {
        reply_bulk(filter->reply, name);
        filter->shown++;
    }
    unsigned count = command_subcommand_count(command);
    for (unsigned i = 0; i < count; i++)
        list_command(filter, &command->subcommands[i], command);
}

static void list_one(const struct command *command, const char *name, void *context) {
    list_command(context, command, NULL);
}

static bool parse_filter(struct call *call, struct filter *filter) {
    if (call->argc == 2) return true;
    if (call->argc != 5 || !bytes_is(call->argv[2], "filterby")) return false;
    struct bytes kind = call->argv[3], value = call->argv[4];
    if (bytes_is(kind, "module")) {
        filter->kind = FILTER_MODULE;
    } else if (bytes_is(kind, "aclcat")) {
        filter->kind = FILTER_CATEGORY;
        filter->category = exec_category_named(value);
    } else if (bytes_is(kind, "pattern")) {
        filter->kind = FILTER_PATTERN;
        filter->pattern = value;
    } else {
        return false;
    }
    return true;
}

void command_list(struct call *call) {
    struct filter filter = {.reply = call->reply};
    if (!parse_filter(call, &filter)) {
        reply_syntax_error(call->reply);
        return;
    }
    size_t mark = reply_open(call->reply);
    exec_each_command(call->exec, list_one, &filter);
    reply_close_array(call->reply, mark, filter.shown);
}

/* ---- GETKEYS, GETKEYSANDFLAGS ---- */

static bool has_keys(const struct command *command) {
    if (command->find_keys) return true;
    for (unsigned i = 0; i < ARRAY_LEN(command->keys); i++) {
        if (command->keys[i].search == KEY_SEARCH_NONE) return false;
        if (!(command->keys[i].flags & KEY_NOT_KEY)) return true;
    }
    return false;
}

static void reply_keys(struct call *call, const struct bytes *argv, const unsigned *positions,
                       const uint32_t *flags, unsigned count, bool with_flags) {
    /* What only the specification says of itself, and not of the keys found. */
    uint32_t hidden = KEY_NOT_KEY | KEY_INCOMPLETE | KEY_VARIABLE_FLAGS;
    reply_array(call->reply, count);
    for (unsigned i = 0; i < count; i++) {
        if (with_flags) reply_array(call->reply, 2);
        reply_bulk(call->reply, argv[positions[i]]);
        if (with_flags)
            command_reply_bits(call->reply, flags[i] & ~hidden, command_key_flag_names, "");
    }
}

static void get_keys(struct call *call, bool with_flags) {
    const struct bytes *argv = call->argv + 2;
    unsigned argc = call->argc - 2;
    const struct command *command = exec_find_called(call->exec, argv, argc);
    if (!command) {
        reply_error(call->reply, "ERR Invalid command specified");
        return;
    }
    if (!has_keys(command)) {
        reply_error(call->reply, "ERR The command has no key arguments");
        return;
    }
    if (!command_takes(command, argc)) {
        reply_error(call->reply, "ERR Invalid number of arguments specified for command");
        return;
    }
    unsigned *positions = memory_alloc(argc * sizeof *positions);
    uint32_t *flags = memory_alloc(argc * sizeof *flags);
    int count =
        positions && flags ? exec_find_keys(command, argv, argc, positions, flags, argc) : 0;
    if (!positions || !flags)
        reply_no_memory(call->reply);
    else if (count >= 0)
        reply_keys(call, argv, positions, flags, (unsigned)count, with_flags);
    else if (command->flags & CMD_NO_MANDATORY_KEYS)
        reply_array(call->reply, 0);
    else
        reply_error(call->reply, "ERR Invalid arguments specified for command");
    memory_free(positions);
    memory_free(flags);
}

void command_getkeys(struct call *call) {
    get_keys(call, false);
}

void command_getkeysandflags(struct call *call) {
    get_keys(call, true);
}

void command_help(struct call *call) {
    static const char *const lines[] = {
        "(no subcommand)",
        "    Describe all commands.",
        "COUNT",
        "    The number of commands.",
        "DOCS [<command-name> ...]",
        "    Syntax and history of the named commands, or of all.",
        "GETKEYS <full-command>",
        "    The keys in a command line.",
        "GETKEYSANDFLAGS <full-command>",
        "    The keys in a command line, and what the command does with each.",
        "INFO [<command-name> ...]",
        "    Arity, flags and key positions of the named commands, or of all.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    The names of all commands and subcommands, or of those that pass the filter.",
        NULL,
    };
    call_help(call, lines);
}
