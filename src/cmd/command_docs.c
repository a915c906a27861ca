/* SPDX-License-Identifier: BSD-3-Clause */
/* COMMAND DOCS: syntax and history of commands. */
#include "cmd/command.h"
#include "cmd/shared_command.h"

static const char *const doc_flag_names[] = {"deprecated", "syscmd", NULL};
static const char *const arg_flag_names[] = {"optional", "multiple", "multiple_token", NULL};
static const char *const arg_type_names[] = {
    [ARG_STRING] = "string",         [ARG_INTEGER] = "integer",
    [ARG_DOUBLE] = "double",         [ARG_KEY] = "key",
    [ARG_PATTERN] = "pattern",       [ARG_UNIX_TIME] = "unix-time",
    [ARG_PURE_TOKEN] = "pure-token", [ARG_ONE_OF] = "oneof",
    [ARG_BLOCK] = "block",
};

/* A map under construction: its size is known at its end. */
struct fields {
    struct reply *reply;
    size_t mark, count;
};

static struct fields fields_open(struct reply *reply) {
    return (struct fields){.reply = reply, .mark = reply_open(reply)};
}

static void fields_close(struct fields *fields) {
    reply_close_map(fields->reply, fields->mark, fields->count);
}

static void field(struct fields *fields, const char *name) {
    reply_bulk_text(fields->reply, name);
    fields->count++;
}

/* A field that is left out when there is nothing to say. */
static void text_field(struct fields *fields, const char *name, const char *text) {
    if (!text) return;
    field(fields, name);
    reply_bulk_text(fields->reply, text);
}

static void bits_field(struct fields *fields, const char *name, uint32_t bits,
                       const char *const *names) {
    if (!bits) return;
    field(fields, name);
    command_reply_bits(fields->reply, bits, names, "");
}

/* ---- the syntax ---- */

static void reply_args(struct reply *reply, const struct command_arg *args);

static void reply_arg(struct reply *reply, const struct command_arg *arg) {
    struct fields fields = fields_open(reply);
    bool has_parts = arg->type == ARG_ONE_OF || arg->type == ARG_BLOCK;
    text_field(&fields, "name", arg->name);
    text_field(&fields, "type", arg_type_names[arg->type]);
    if (!has_parts) text_field(&fields, "display_text", arg->display ? arg->display : arg->name);
    if (arg->type == ARG_KEY ? arg->key_spec >= 0 : arg->key_spec > 0) {
        field(&fields, "key_spec_index");
        reply_integer(reply, arg->key_spec);
    }
    text_field(&fields, "token", arg->token);
    text_field(&fields, "summary", arg->summary);
    text_field(&fields, "since", arg->since);
    text_field(&fields, "deprecated_since", arg->deprecated_since);
    bits_field(&fields, "flags", arg->flags, arg_flag_names);
    if (has_parts) {
        field(&fields, "arguments");
        reply_args(reply, arg->sub);
    }
    fields_close(&fields);
}

static void reply_args(struct reply *reply, const struct command_arg *args) {
    unsigned count = 0;
    while (args && args[count].name)
        count++;
    reply_array(reply, count);
    for (unsigned i = 0; i < count; i++)
        reply_arg(reply, &args[i]);
}

/* ---- a command ---- */

static void reply_history(struct reply *reply, const struct command_history *history) {
    unsigned count = 0;
    while (history[count].since)
        count++;
    reply_set(reply, count);
    for (unsigned i = 0; i < count; i++) {
        reply_array(reply, 2);
        reply_bulk_text(reply, history[i].since);
        reply_bulk_text(reply, history[i].what);
    }
}

static void reply_doc(struct reply *reply, const struct command *command,
                      const struct command *parent) {
    command_reply_name(reply, command, parent);
    struct fields fields = fields_open(reply);
    text_field(&fields, "summary", command->summary);
    text_field(&fields, "since", command->since);
    text_field(&fields, "group", command->group);
    text_field(&fields, "complexity", command->complexity);
    bits_field(&fields, "doc_flags", command->doc_flags, doc_flag_names);
    text_field(&fields, "deprecated_since", command->deprecated_since);
    text_field(&fields, "replaced_by", command->replaced_by);
    if (command->history) {
        field(&fields, "history");
        reply_history(reply, command->history);
    }
    if (command->args) {
        field(&fields, "arguments");
        reply_args(reply, command->args);
    }
    unsigned count = command_subcommand_count(command);
    if (count) {
        field(&fields, "subcommands");
        reply_map(reply, count);
        for (unsigned i = 0; i < count; i++)
            reply_doc(reply, &command->subcommands[i], command);
    }
    fields_close(&fields);
}

static void list_doc(const struct command *command, const char *name, void *context) {
    struct fields *commands = context;
    reply_doc(commands->reply, command, NULL);
    commands->count++;
}

void command_docs(struct call *call) {
    struct fields commands = fields_open(call->reply);
    if (call->argc == 2) exec_each_command(call->exec, list_doc, &commands);
    for (unsigned i = 2; i < call->argc; i++) {
        const struct command *parent;
        const struct command *command = command_named(call->exec, call->argv[i], &parent);
        if (!command) continue;
        reply_doc(call->reply, command, parent);
        commands.count++;
    }
    fields_close(&commands);
}
