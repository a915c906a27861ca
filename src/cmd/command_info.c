/* SPDX-License-Identifier: BSD-3-Clause */
/* COMMAND INFO, and COMMAND alone: what clients route and cache commands by. */
#include "cmd/command.h"
#include "cmd/shared_command.h"
#include <stdio.h>

static const char *const flag_names[] = {
    "write",
    "readonly",
    "denyoom",
    "module",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_commandlog",
    "asking",
    "fast",
    "no_auth",
    "no_mandatory_keys",
    "no_async_loading",
    "no_multi",
    "movablekeys",
    "allow_busy",
    NULL,
};

const char *const command_key_flag_names[] = {
    "RO",     "RW",     "OW",      "RM",         "access",         "update",
    "insert", "delete", "not_key", "incomplete", "variable_flags", NULL,
};

void command_reply_bits(struct reply *reply, uint64_t bits, const char *const *names,
                        const char *prefix) {
    unsigned count = 0;
    for (unsigned i = 0; names[i]; i++)
        count += bits >> i & 1;
    reply_set(reply, count);
    for (unsigned i = 0; names[i]; i++) {
        if (!(bits >> i & 1)) continue;
        char text[40];
        snprintf(text, sizeof text, "%s%s", prefix, names[i]);
        reply_simple(reply, text);
    }
}

static unsigned key_spec_count(const struct command *command) {
    unsigned count = 0;
    while (count < ARRAY_LEN(command->keys) && command->keys[count].search != KEY_SEARCH_NONE)
        count++;
    return count;
}

/* ---- first key, last key, step: what there was before key specifications ---- */

struct key_range {
    int first, last, step;
};

static bool is_plain_range(const struct key_spec *spec) {
    return spec->search == KEY_SEARCH_INDEX && spec->find == KEY_FIND_RANGE;
}

/* The last key's position; one counted from the end (-1 is the last) comes after all others. */
static int last_position(const struct key_spec *spec) {
    return spec->last < 0 ? spec->last : spec->index + spec->last;
}

/* Neighbours become one range; whatever does not fit behind it is left out. */
static struct key_range plain_range(const struct command *command) {
    unsigned count = key_spec_count(command);
    const struct key_spec *specs = command->keys;
    if (count == 1 && is_plain_range(&specs[0]))
        return (struct key_range){specs[0].index, last_position(&specs[0]), specs[0].step};
    struct key_range range = {0};
    for (unsigned i = 0; count > 1 && i < count; i++) {
        const struct key_spec *spec = &specs[i];
        if (!is_plain_range(spec) || spec->step != 1) continue;
        if (range.step && (range.last < 0 || range.last != spec->index - 1)) continue;
        if (!range.step) range.first = spec->index;
        range.last = last_position(spec);
        range.step = 1;
    }
    return range;
}

/* ---- key specifications ---- */

static void reply_field(struct reply *reply, const char *name, int value) {
    reply_bulk_text(reply, name);
    reply_integer(reply, value);
}

static void reply_spec_head(struct reply *reply, const char *step, const char *type,
                            size_t fields) {
    reply_bulk_text(reply, step);
    reply_map(reply, 2);
    reply_bulk_text(reply, "type");
    reply_bulk_text(reply, type);
    reply_bulk_text(reply, "spec");
    reply_map(reply, fields);
}

static void reply_begin_search(struct reply *reply, const struct key_spec *spec) {
    static const char step[] = "begin_search";
    switch (spec->search) {
    case KEY_SEARCH_INDEX:
        reply_spec_head(reply, step, "index", 1);
        reply_field(reply, "index", spec->index);
        break;
    case KEY_SEARCH_KEYWORD:
        reply_spec_head(reply, step, "keyword", 2);
        reply_bulk_text(reply, "keyword");
        reply_bulk_text(reply, spec->keyword);
        reply_field(reply, "startfrom", spec->index);
        break;
    default: reply_spec_head(reply, step, "unknown", 0); break;
    }
}

static void reply_find_keys(struct reply *reply, const struct key_spec *spec) {
    static const char step[] = "find_keys";
    switch (spec->find) {
    case KEY_FIND_RANGE:
        reply_spec_head(reply, step, "range", 3);
        reply_field(reply, "lastkey", spec->last);
        reply_field(reply, "keystep", spec->step);
        reply_field(reply, "limit", spec->limit);
        break;
    case KEY_FIND_COUNT:
        reply_spec_head(reply, step, "keynum", 3);
        reply_field(reply, "keynumidx", spec->count_index);
        reply_field(reply, "firstkey", spec->first_index);
        reply_field(reply, "keystep", spec->step);
        break;
    default: reply_spec_head(reply, step, "unknown", 0); break;
    }
}

static void reply_key_specs(struct reply *reply, const struct command *command) {
    unsigned count = key_spec_count(command);
    reply_set(reply, count);
    for (unsigned i = 0; i < count; i++) {
        const struct key_spec *spec = &command->keys[i];
        reply_map(reply, spec->notes ? 4 : 3);
        if (spec->notes) {
            reply_bulk_text(reply, "notes");
            reply_bulk_text(reply, spec->notes);
        }
        reply_bulk_text(reply, "flags");
        command_reply_bits(reply, spec->flags, command_key_flag_names, "");
        reply_begin_search(reply, spec);
        reply_find_keys(reply, spec);
    }
}

/* ---- a command ---- */

static void reply_tips(struct reply *reply, const char *const *tips) {
    unsigned count = 0;
    while (tips && tips[count])
        count++;
    reply_set(reply, count);
    for (unsigned i = 0; i < count; i++)
        reply_bulk_text(reply, tips[i]);
}

static void reply_info(struct reply *reply, const struct command *command,
                       const struct command *parent) {
    struct key_range range = plain_range(command);
    reply_array(reply, 10);
    command_reply_name(reply, command, parent);
    reply_integer(reply, command->arity);
    command_reply_bits(reply, command->flags, flag_names, "");
    reply_integer(reply, range.first);
    reply_integer(reply, range.last);
    reply_integer(reply, range.step);
    command_reply_bits(reply, exec_command_categories(command), exec_category_names, "@");
    reply_tips(reply, command->tips);
    reply_key_specs(reply, command);
    unsigned count = command_subcommand_count(command);
    reply_array(reply, count);
    for (unsigned i = 0; i < count; i++)
        reply_info(reply, &command->subcommands[i], command);
}

struct listing {
    struct reply *reply;
    size_t count;
};

static void list_info(const struct command *command, const char *name, void *context) {
    struct listing *listing = context;
    reply_info(listing->reply, command, NULL);
    listing->count++;
}

void command_all(struct call *call) {
    struct listing listing = {.reply = call->reply};
    size_t mark = reply_open(call->reply);
    exec_each_command(call->exec, list_info, &listing);
    reply_close_array(call->reply, mark, listing.count);
}

void command_info(struct call *call) {
    if (call->argc == 2) {
        command_all(call);
        return;
    }
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++) {
        const struct command *parent;
        const struct command *command = command_named(call->exec, call->argv[i], &parent);
        if (command)
            reply_info(call->reply, command, parent);
        else
            reply_null(call->reply);
    }
}
