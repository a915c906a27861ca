/* SPDX-License-Identifier: BSD-3-Clause */
/* May a user run a command line? */
#include "base/glob.h"
#include "base/number.h"
#include "exec/acl_priv.h"
#include "exec/call.h"
#include "exec/keys.h"
#include "sys/memory.h"

/* ---- keys ---- */

#define FEW_KEYS 32

/* The keys of a line, found once for all selectors. */
struct line_keys {
    int count; /* -1: not looked for yet */
    unsigned *positions;
    uint32_t *flags;
    unsigned few_positions[FEW_KEYS];
    uint32_t few_flags[FEW_KEYS];
    unsigned *many; /* room for more; owned */
};

/* A line that makes no sense has no keys: the command says so itself, and touches none. */
static bool find_keys(const struct acl_line *line, struct line_keys *keys) {
    const struct command *command = line->found->command;
    if (keys->count >= 0) return true;
    keys->positions = keys->few_positions;
    keys->flags = keys->few_flags;
    if (line->found->key_mode == KEYS_ONE && !command->key_flags) {
        keys->positions[0] = line->found->one_key;
        keys->flags[0] = command->keys[0].flags;
        keys->count = line->found->one_key < line->argc;
        return true;
    }
    int count =
        exec_find_keys(command, line->argv, line->argc, keys->positions, keys->flags, FEW_KEYS);
    if (count > FEW_KEYS) {
        keys->many = memory_alloc((size_t)count * (sizeof *keys->positions + sizeof *keys->flags));
        if (!keys->many) return false;
        keys->positions = keys->many;
        keys->flags = keys->many + count;
        exec_find_keys(command, line->argv, line->argc, keys->positions, keys->flags,
                       (unsigned)count);
    }
    keys->count = count < 0 ? 0 : count;
    return true;
}

static uint32_t needed_for(uint32_t key_flags) {
    uint32_t needed = key_flags & KEY_ACCESS ? KEY_MAY_READ : 0;
    return key_flags & (KEY_INSERT | KEY_UPDATE | KEY_DELETE) ? needed | KEY_MAY_WRITE : needed;
}

static bool allows_key(const struct selector *selector, struct bytes key, uint32_t needed) {
    struct tagged_text pattern;
    for (size_t at = 0; texts_next(&selector->keys, &at, &pattern);)
        if ((pattern.tag & needed) == needed && glob_match(pattern.text, key, false)) return true;
    return false;
}

/* 0, or the position of the first key that is denied. Without the memory to look at them all, the
 * first argument is. */
static unsigned denied_key(const struct selector *selector, const struct acl_line *line,
                           struct line_keys *keys) {
    if (line->found->key_mode == KEYS_NONE || selector->flags & SELECTOR_ALL_KEYS) return 0;
    if (!find_keys(line, keys)) return 1;
    for (int i = 0; i < keys->count; i++) {
        unsigned at = keys->positions[i];
        if (!allows_key(selector, line->argv[at], needed_for(keys->flags[i]))) return at;
    }
    return 0;
}

static bool allows_reading_all(const struct selector *selector) {
    struct tagged_text pattern;
    if (selector->flags & SELECTOR_ALL_KEYS) return true;
    for (size_t at = 0; texts_next(&selector->keys, &at, &pattern);)
        if (pattern.tag & KEY_MAY_READ && bytes_equal(pattern.text, BYTES("*"))) return true;
    return false;
}

/* ---- channels ---- */

/* A pattern is allowed as it stands: what else would match it is not asked. */
static bool allows_channel(const struct selector *selector, struct bytes channel, bool literally) {
    struct tagged_text pattern;
    for (size_t at = 0; texts_next(&selector->channels, &at, &pattern);)
        if (literally ? bytes_equal(pattern.text, channel)
                      : glob_match(pattern.text, channel, false))
            return true;
    return false;
}

static unsigned denied_channel(const struct selector *selector, const struct acl_line *line) {
    uint64_t flags = line->found->flags;
    if (!(flags & (CMD_CHANNEL | CMD_CHANNELS)) || selector->flags & SELECTOR_ALL_CHANNELS)
        return 0;
    unsigned end = flags & CMD_CHANNEL ? 2 : line->argc;
    for (unsigned at = 1; at < end; at++)
        if (!allows_channel(selector, line->argv[at], flags & CMD_CHANNEL_PATTERNS)) return at;
    return 0;
}

bool user_may_listen(const struct user *user, struct bytes channel, bool is_pattern) {
    for (unsigned i = 0; i < user->selector_count; i++) {
        const struct selector *selector = &user->selectors[i];
        if (selector->flags & SELECTOR_ALL_CHANNELS ||
            allows_channel(selector, channel, is_pattern))
            return true;
    }
    return false;
}

/* ---- databases ---- */

static bool allows_database(const struct selector *selector, int64_t db) {
    for (size_t at = 0; at < selector->databases.len; at += sizeof(int32_t)) {
        int32_t allowed;
        memcpy(&allowed, selector->databases.data + at, sizeof allowed);
        if (allowed == db) return true;
    }
    return false;
}

/* Does it work on the data of the selected database? Not if it has no keys and names databases. */
static bool uses_database(const struct command *command) {
    const uint32_t data = CAT_KEYSPACE | CAT_READ | CAT_WRITE;
    const struct key_spec *spec = command->keys;
    if (command->databases.first && !spec->search) return false;
    if (command->find_keys || exec_command_categories(command) & data) return true;
    for (unsigned i = 0; i < ARRAY_LEN(command->keys) && spec[i].search; i++)
        if (!(spec[i].flags & KEY_NOT_KEY)) return true;
    return false;
}

enum named_database { DATABASE_NAMED, DATABASES_END, DATABASES_FLAWED };

/* Moves *at, which begins as 0, to the next argument that names a database. */
static enum named_database next_database(const struct acl_line *line, unsigned *at) {
    const struct database_args *args = &line->found->command->databases;
    unsigned next = *at ? *at + 1 : args->first;
    if (!args->first) return DATABASES_END;
    if (!args->keyword) {
        *at = next;
        return next < args->first + args->count ? DATABASE_NAMED : DATABASES_END;
    }
    while (next < line->argc && bytes_is(line->argv[next], args->other))
        next++;
    if (next == line->argc) return DATABASES_END;
    *at = next + 1;
    bool named = next + 1 < line->argc && bytes_is(line->argv[next], args->keyword);
    return named ? DATABASE_NAMED : DATABASES_FLAWED;
}

static bool is_database(const struct exec *exec, struct bytes text, int64_t *db) {
    return number_parse_i64(text, db) && *db >= 0 && *db < keyspace_databases(exec->keyspace);
}

/* A line in which something is wrong about databases is refused by its command. */
static struct acl_denial denied_named_database(const struct exec *exec,
                                               const struct selector *selector,
                                               const struct acl_line *line) {
    const struct acl_denial allowed = {ACL_ALLOWED, 0};
    struct acl_denial denial = allowed;
    enum named_database next;
    for (unsigned at = 0; (next = next_database(line, &at)) == DATABASE_NAMED;) {
        int64_t db;
        if (!is_database(exec, line->argv[at], &db)) return allowed;
        if (!denial.reason && !allows_database(selector, db))
            denial = (struct acl_denial){ACL_DATABASE, at};
    }
    return next == DATABASES_FLAWED ? allowed : denial;
}

static struct acl_denial denied_database(const struct exec *exec, const struct selector *selector,
                                         const struct acl_line *line) {
    const struct command *command = line->found->command;
    if (selector->flags & SELECTOR_ALL_DATABASES) return (struct acl_denial){ACL_ALLOWED, 0};
    if (command->flags & CMD_ALL_DATABASES) return (struct acl_denial){ACL_DATABASE, 0};
    struct acl_denial denial = denied_named_database(exec, selector, line);
    if (!denial.reason && uses_database(command) && !allows_database(selector, line->db))
        denial = (struct acl_denial){ACL_DATABASE, 0};
    return denial;
}

/* ---- commands ---- */

static bool allows_first_arg(const struct selector *selector, const struct acl_line *line) {
    struct tagged_text item;
    for (size_t at = 0; texts_next(&selector->first_args, &at, &item);)
        if (item.tag == line->found->id && line->argc > 1 &&
            bytes_equal_nocase(item.text, line->argv[1]))
            return true;
    return false;
}

static bool allows_command(const struct selector *selector, const struct acl_line *line) {
    return selector->flags & SELECTOR_ALL_COMMANDS || line->found->flags & CMD_NO_AUTH ||
           selector_has_command(selector, line->found->id) || allows_first_arg(selector, line);
}

/* ---- all of it ---- */

static struct acl_denial check(const struct exec *exec, const struct selector *selector,
                               const struct acl_line *line, struct line_keys *keys) {
    struct acl_denial denial = denied_database(exec, selector, line);
    if (denial.reason) return denial;
    if (!allows_command(selector, line)) return (struct acl_denial){ACL_COMMAND, 0};
    unsigned at = denied_key(selector, line, keys);
    if (at) return (struct acl_denial){ACL_KEY, at};
    at = denied_channel(selector, line);
    return (struct acl_denial){at ? ACL_CHANNEL : ACL_ALLOWED, at};
}

/* Not all of it is worth clearing. */
static void begin_keys(struct line_keys *keys) {
    keys->count = -1;
    keys->many = NULL;
}

static void end_keys(struct line_keys *keys) {
    if (UNLIKELY(keys->many != NULL)) memory_free(keys->many);
}

/* Of two reasons the one that the selector gives which came further. */
static bool allows(const struct exec *exec, const struct user *user, const struct acl_line *line,
                   struct acl_denial *denial) {
    struct line_keys keys;
    begin_keys(&keys);
    *denial = (struct acl_denial){ACL_ALLOWED, 0};
    bool allowed = user->unrestricted;
    for (unsigned i = 0; !allowed && i < user->selector_count; i++) {
        struct acl_denial one = check(exec, &user->selectors[i], line, &keys);
        allowed = !one.reason;
        if (one.reason > denial->reason || (one.reason == denial->reason && one.at > denial->at))
            *denial = one;
    }
    end_keys(&keys);
    return allowed;
}

bool acl_permits_any_key(const struct call *call) {
    const struct exec *exec = call->exec;
    const struct user *user = call->session->user;
    const struct acl_line line = {commands_of(&exec->commands, call->command), call->argv,
                                  call->argc, call->view.db};
    struct line_keys keys;
    begin_keys(&keys);
    bool allowed = user->unrestricted;
    for (unsigned i = 0; !allowed && i < user->selector_count; i++) {
        const struct selector *selector = &user->selectors[i];
        allowed = allows_reading_all(selector) &&
                  check(exec, selector, &line, &keys).reason == ACL_ALLOWED;
    }
    end_keys(&keys);
    return allowed;
}

/* ---- what is said of a denial ---- */

#define NAME_MAX_SHOWN 128

bool acl_denial_text(const struct user *user, const struct acl_line *line,
                     const struct acl_denial *denial, bool in_detail, struct buffer *out) {
    static const char *const things[ACL_REASONS] = {
        [ACL_DATABASE] = "database", [ACL_KEY] = "a key", [ACL_CHANNEL] = "a channel"};
    char name[NAME_MAX_SHOWN];
    if (denial->reason != ACL_COMMAND && !in_detail)
        return buffer_printf(out, "No permissions to access %s", things[denial->reason]);
    bool good = buffer_printf(out, "User ") && buffer_append_bytes(out, user->name) &&
                buffer_printf(out, " has no permissions to ");
    if (denial->reason == ACL_COMMAND) {
        commands_full_name(line->found, name, sizeof name);
        return good && buffer_printf(out, "run the '%s' command", name);
    }
    bool is_database = denial->reason == ACL_DATABASE;
    const char *kind = denial->reason == ACL_KEY ? "key" : "channel";
    good = good && buffer_printf(out, "access %s", is_database ? "database " : "the '") &&
           buffer_append_bytes(out, line->argv[denial->at]);
    return good && (is_database || buffer_printf(out, "' %s", kind));
}

static bool has_command(const struct user *user, const struct acl_line *line) {
    for (unsigned i = 0; i < user->selector_count; i++)
        if (allows_command(&user->selectors[i], line)) return true;
    return false;
}

bool acl_would_allow(const struct exec *exec, const struct user *user,
                     const struct command *command, const struct bytes *argv, unsigned argc,
                     uint32_t db, struct buffer *why) {
    struct acl_line line = {commands_of(&exec->commands, command), argv, argc, db};
    struct acl_denial denial;
    /* Of another arity it has no keys to speak of. */
    if (!registered_accepts(line.found, argc)) return has_command(user, &line);
    if (allows(exec, user, &line, &denial)) return true;
    if (why && !acl_denial_text(user, &line, &denial, true, why)) buffer_free(why);
    return false;
}

bool acl_permit_slow(struct session *session, const struct acl_line *line, enum acl_context context,
                     struct acl_denial *denial) {
    const struct user *user = session->user;
    if (allows(session->exec, user, line, denial)) return true;
    char name[NAME_MAX_SHOWN];
    struct bytes object = line->argv[denial->at];
    if (!denial->at) {
        commands_full_name(line->found, name, sizeof name);
        object = bytes_of(name);
    }
    acl_log_add(session, denial->reason, context, object, user->name);
    return false;
}
