/* SPDX-License-Identifier: BSD-3-Clause */
/* Users, and who may do what. */
#include "cmd/acl.h"
#include "base/number.h"
#include "exec/acl.h"
#include "exec/exec.h"
#include "sys/clock.h"
#include "sys/entropy.h"

#define NAME_MAX_SHOWN 128

/* ---- replies made of a text ---- */

/* The text, or that there was no memory for it; frees it. */
static void reply_text_take(struct reply *reply, bool good, struct buffer *text) {
    if (good)
        reply_bulk(reply, buffer_bytes(text));
    else
        reply_no_memory(reply);
    buffer_free(text);
}

/* The error behind the prefix; frees it. */
static void reply_error_take(struct reply *reply, const char *prefix, struct buffer *error) {
    reply_errorf(reply, "%s%.*s", prefix, (int)error->len, error->data);
    buffer_free(error);
}

/* ---- WHOAMI, USERS, LIST ---- */

void acl_whoami(struct call *call) {
    reply_bulk(call->reply, call->session->user->name);
}

struct listing {
    struct reply *reply;
    size_t shown;
};

static void show_name(const struct user *user, void *context) {
    struct listing *listing = context;
    reply_bulk(listing->reply, user->name);
    listing->shown++;
}

static void show_rules(const struct user *user, void *context) {
    struct listing *listing = context;
    struct buffer text = {0};
    bool good = user_describe(user, &text);
    reply_text_take(listing->reply, good, &text);
    listing->shown++;
}

static void list_users(struct call *call, acl_user_visitor *show) {
    struct listing listing = {.reply = call->reply};
    size_t mark = reply_open(call->reply);
    acl_each(call->exec, show, &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

void acl_users(struct call *call) {
    list_users(call, show_name);
}

void acl_list(struct call *call) {
    list_users(call, show_rules);
}

/* ---- GETUSER ---- */

static void reply_selector(struct reply *reply, const struct selector *selector) {
    static const struct {
        const char *name;
        bool (*describe)(const struct selector *selector, struct buffer *out);
    } fields[] = {
        {"commands", selector_describe_commands},
        {"keys", selector_describe_keys},
        {"channels", selector_describe_channels},
        {"databases", selector_describe_databases},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct buffer text = {0};
        reply_bulk_text(reply, fields[i].name);
        bool good = fields[i].describe(selector, &text);
        reply_text_take(reply, good, &text);
    }
}

static void reply_passwords(struct reply *reply, const struct user *user) {
    reply_bulk_text(reply, "passwords");
    reply_array(reply, user->hashes.len / PASSWORD_HASH_LENGTH);
    for (size_t at = 0; at < user->hashes.len; at += PASSWORD_HASH_LENGTH)
        reply_bulk(reply, bytes_make(user->hashes.data + at, PASSWORD_HASH_LENGTH));
}

void acl_getuser(struct call *call) {
    struct reply *reply = call->reply;
    const struct user *user = acl_find(call->exec, call->argv[2]);
    if (!user) {
        reply_null(reply);
        return;
    }
    reply_map(reply, 7);
    reply_bulk_text(reply, "flags");
    reply_set(reply, user->no_password ? 2 : 1);
    reply_bulk_text(reply, user->enabled ? "on" : "off");
    if (user->no_password) reply_bulk_text(reply, "nopass");
    reply_passwords(reply, user);
    reply_selector(reply, &user->selectors[0]);
    reply_bulk_text(reply, "selectors");
    reply_array(reply, user->selector_count - 1);
    for (unsigned i = 1; i < user->selector_count; i++) {
        reply_map(reply, 4);
        reply_selector(reply, &user->selectors[i]);
    }
}

/* ---- SETUSER, DELUSER ---- */

void acl_setuser(struct call *call) {
    struct buffer error = {0};
    for (unsigned i = 2; i < call->argc; i++)
        call_redact(call, i);
    if (!user_valid_name(call->argv[2]))
        reply_error(call->reply, "ERR Usernames can't contain spaces or null characters");
    else if (acl_set_user(call->exec, call->argv[2], call->argv + 3, call->argc - 3, &error))
        reply_ok(call->reply);
    else
        reply_error_take(call->reply, "", &error);
}

void acl_deluser(struct call *call) {
    int64_t deleted = 0;
    for (unsigned i = 2; i < call->argc; i++) {
        if (!bytes_equal(call->argv[i], acl_default_user(call->exec)->name)) continue;
        reply_error(call->reply, "ERR The 'default' user cannot be removed");
        return;
    }
    for (unsigned i = 2; i < call->argc; i++)
        deleted += acl_delete_user(call->exec, call->argv[i]);
    reply_integer(call->reply, deleted);
}

/* ---- CAT ---- */

struct category {
    const struct exec *exec;
    struct listing listing;
    uint32_t bit;
};

static void show_command(struct category *category, const struct command *command) {
    char name[NAME_MAX_SHOWN];
    if (exec_command_categories(command) & category->bit) {
        exec_command_name(category->exec, command, name, sizeof name);
        reply_bulk_text(category->listing.reply, name);
        category->listing.shown++;
    }
    for (const struct command *sub = command->subcommands; sub && sub->name; sub++)
        show_command(category, sub);
}

static void show_if_in_category(const struct command *command, const char *name, void *context) {
    show_command(context, command);
}

static void list_commands(struct call *call, struct bytes name) {
    struct category category = {
        .exec = call->exec, .listing = {.reply = call->reply}, .bit = exec_category_named(name)};
    if (!category.bit) {
        reply_errorf(call->reply, "ERR Unknown category '%.*s'", (int)name.len, name.data);
        return;
    }
    size_t mark = reply_open(call->reply);
    exec_each_command(call->exec, show_if_in_category, &category);
    reply_close_array(call->reply, mark, category.listing.shown);
}

void acl_cat(struct call *call) {
    if (call->argc > 3) {
        call_subcommand_error(call);
    } else if (call->argc == 3) {
        list_commands(call, call->argv[2]);
    } else {
        size_t mark = reply_open(call->reply), count = 0;
        for (; exec_category_names[count]; count++)
            reply_bulk_text(call->reply, exec_category_names[count]);
        reply_close_array(call->reply, mark, count);
    }
}

/* ---- GENPASS ---- */

#define PASSWORD_BITS_MAX 4096

void acl_genpass(struct call *call) {
    int64_t bits = 256;
    char digits[PASSWORD_BITS_MAX / 4 + 1];
    if (call->argc > 3) {
        call_subcommand_error(call);
    } else if (call->argc == 3 && !number_parse_i64(call->argv[2], &bits)) {
        reply_not_integer(call->reply);
    } else if (bits <= 0 || bits > PASSWORD_BITS_MAX) {
        reply_error(call->reply,
                    "ERR ACL GENPASS argument must be the number of bits for the output password, "
                    "a positive number up to 4096");
    } else {
        size_t length = ((size_t)bits + 3) / 4;
        entropy_hex(digits, (length + 1) / 2);
        reply_bulk(call->reply, bytes_make(digits, length));
    }
}

/* ---- LOG ---- */

static void reply_field(struct reply *reply, const char *name, struct bytes value) {
    reply_bulk_text(reply, name);
    reply_bulk(reply, value);
}

static void show_denial(const struct acl_log_entry *entry, void *context) {
    static const char *const reasons[ACL_REASONS] = {
        [ACL_DATABASE] = "database", [ACL_COMMAND] = "command", [ACL_KEY] = "key",
        [ACL_CHANNEL] = "channel",   [ACL_AUTH] = "auth",       [ACL_CERTIFICATE] = "tls-cert"};
    static const char *const contexts[] = {
        [ACL_TOPLEVEL] = "toplevel", [ACL_MULTI] = "multi", [ACL_SCRIPT] = "lua"};
    struct listing *listing = context;
    struct reply *reply = listing->reply;
    listing->shown++;
    reply_map(reply, 10);
    reply_bulk_text(reply, "count");
    reply_integer(reply, (int64_t)entry->count);
    reply_field(reply, "reason", bytes_of(reasons[entry->reason]));
    reply_field(reply, "context", bytes_of(contexts[entry->context]));
    reply_field(reply, "object", entry->object);
    reply_field(reply, "username", entry->user);
    reply_bulk_text(reply, "age-seconds");
    reply_double(reply, (double)(clock_wall_ms() - entry->last_ms) / 1000);
    reply_field(reply, "client-info", entry->client);
    reply_bulk_text(reply, "entry-id");
    reply_integer(reply, (int64_t)entry->id);
    reply_bulk_text(reply, "timestamp-created");
    reply_integer(reply, entry->created_ms);
    reply_bulk_text(reply, "timestamp-last-updated");
    reply_integer(reply, entry->last_ms);
}

void acl_log(struct call *call) {
    int64_t count = 10;
    if (call->argc > 3) {
        call_subcommand_error(call);
    } else if (call->argc == 3 && bytes_is(call->argv[2], "reset")) {
        acl_log_reset(call->exec);
        reply_ok(call->reply);
    } else if (call->argc == 3 && !number_parse_i64(call->argv[2], &count)) {
        reply_not_integer(call->reply);
    } else {
        struct listing listing = {.reply = call->reply};
        size_t mark = reply_open(call->reply);
        acl_log_each(call->exec, (uint64_t)MAX(count, (int64_t)0), show_denial, &listing);
        reply_close_array(call->reply, mark, listing.shown);
    }
}

/* ---- DRYRUN ---- */

void acl_dryrun(struct call *call) {
    const struct bytes *argv = call->argv + 3;
    unsigned argc = call->argc - 3;
    const struct user *user = acl_find(call->exec, call->argv[2]);
    const struct command *command = exec_find_called(call->exec, argv, argc);
    char name[NAME_MAX_SHOWN];
    struct buffer why = {0};
    if (!user) {
        reply_errorf(call->reply, "ERR User '%.*s' not found", (int)call->argv[2].len,
                     call->argv[2].data);
    } else if (!command) {
        reply_errorf(call->reply, "ERR Command '%.*s' not found", (int)argv[0].len, argv[0].data);
    } else if (!command_takes(command, argc)) {
        exec_command_name(call->exec, command, name, sizeof name);
        reply_errorf(call->reply, "ERR wrong number of arguments for '%s' command", name);
    } else if (acl_would_allow(call->exec, user, command, argv, argc, call->session->db, &why)) {
        reply_ok(call->reply);
    } else {
        reply_text_take(call->reply, why.len > 0, &why);
    }
}

/* ---- LOAD, SAVE ---- */

static void with_file(struct call *call, bool done, struct buffer *error) {
    if (done)
        reply_ok(call->reply);
    else
        reply_error_take(call->reply, "ERR ", error);
}

static bool has_file(struct call *call) {
    if (!acl_has_file())
        reply_error(call->reply,
                    "ERR This instance is not configured to use an ACL file. You may want to "
                    "specify users via the ACL SETUSER command and then issue a CONFIG REWRITE "
                    "(assuming you have a configuration file set) in order to store users in the "
                    "configuration.");
    return acl_has_file();
}

void acl_load(struct call *call) {
    struct buffer error = {0};
    if (!has_file(call)) return;
    bool done = acl_load_file(call->exec, &error);
    with_file(call, done, &error);
}

void acl_save(struct call *call) {
    struct buffer error = {0};
    if (!has_file(call)) return;
    bool done = acl_save_file(call->exec, &error);
    with_file(call, done, &error);
}

void acl_help(struct call *call) {
    static const char *const lines[] = {
        "CAT [<category>]",
        "    The categories of commands, or the commands of one category.",
        "DELUSER <username> [<username> ...]",
        "    Remove users, and close their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Would this user be allowed to run this command?",
        "GENPASS [<bits>]",
        "    Make up a password of 256 bits, or as many as given.",
        "GETUSER <username>",
        "    Show the passwords' hashes and the rules of a user.",
        "LIST",
        "    Show all users, as the ACL file has them.",
        "LOAD",
        "    Read the ACL file again.",
        "LOG [<count> | RESET]",
        "    Show what was denied lately, or forget it.",
        "SAVE",
        "    Write all users to the ACL file.",
        "SETUSER <username> [<rule> ...]",
        "    Make a user, or change one by these rules.",
        "USERS",
        "    The names of all users.",
        "WHOAMI",
        "    The user that this connection is authenticated as.",
        NULL,
    };
    call_help(call, lines);
}
