/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of users: any text is a rule that is applied or refused, and a user that is told as rules
 * is told the same after these have made another one.
 *
 * An input is rules, a line each. */
#include "base/ensure.h"
#include "exec/acl_user.h"
#include "sys/memory.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct call *call) {}

static const struct command config_subcommands[] = {
    {.name = "get", .run = run, .arity = -3, .flags = CMD_ADMIN},
    {.name = "set", .run = run, .arity = -4, .flags = CMD_ADMIN},
    {0},
};

static const struct command table[] = {
    {.name = "get", .run = run, .arity = 2, .flags = CMD_READONLY | CMD_FAST},
    {.name = "set", .run = run, .arity = -3, .flags = CMD_WRITE},
    {.name = "select", .run = run, .arity = 2, .flags = CMD_FAST, .categories = CAT_CONNECTION},
    {.name = "config", .arity = -2, .subcommands = config_subcommands},
    {0},
};

static struct commands commands;

/* The text, cut at each separator. */
struct pieces {
    struct bytes *items;
    unsigned count;
};

static struct pieces cut(struct bytes text, char separator) {
    struct pieces pieces = {.items = memory_need((text.len + 1) * sizeof *pieces.items)};
    while (text.len) {
        const char *end = memchr(text.data, separator, text.len);
        struct bytes piece = {text.data, end ? (size_t)(end - text.data) : text.len};
        pieces.items[pieces.count++] = piece;
        text = bytes_skip(text, piece.len + (end != NULL));
    }
    return pieces;
}

/* A user of these rules; `sound`: none of them may be refused. */
static struct user *make(struct bytes text, char separator, bool sound) {
    struct pieces words = cut(text, separator);
    struct acl_rules rules;
    struct user *user = user_create(BYTES("u"), false);
    enum acl_merge merged = acl_rules_merge(words.items, words.count, &rules);
    ensure(merged == ACL_MERGED || !sound);
    for (unsigned i = 0; i < rules.count; i++) {
        enum acl_error error = user_apply(user, &commands, false, rules.items[i]);
        ensure(!error || !sound);
        ensure(*acl_error_text(error));
    }
    acl_rules_free(&rules);
    memory_free(words.items);
    return user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!commands.count) commands_add(&commands, table);
    struct user *user = make(bytes_make(data, size), '\n', false);
    struct buffer told = {0}, again = {0};
    ensure(user_describe(user, &told));
    struct bytes rules = bytes_skip(buffer_bytes(&told), strlen("user u "));
    struct user *other = make(rules, ' ', true);
    ensure(user_describe(other, &again));
    ensure(bytes_equal(buffer_bytes(&told), buffer_bytes(&again)));
    for (unsigned i = 0; i < user->selector_count; i++)
        ensure(memcmp(user->selectors[i].commands, other->selectors[i].commands,
                      sizeof user->selectors[i].commands) == 0);
    buffer_free(&told);
    buffer_free(&again);
    user_free(user);
    user_free(other);
    return 0;
}
