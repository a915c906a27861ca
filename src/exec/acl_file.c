/* SPDX-License-Identifier: BSD-3-Clause */
/* Users in files: aclfile, and the `user` lines of the configuration. */
#include "base/log.h"
#include "exec/acl_priv.h"
#include "sys/file.h"
#include "sys/memory.h"
#include <errno.h>

/* ---- words of a line, cut at each single space ---- */

struct words {
    struct bytes *items;
    unsigned count;
};

static bool words_cut(struct bytes line, struct words *out) {
    unsigned count = 1;
    for (size_t i = 0; i < line.len; i++)
        count += line.data[i] == ' ';
    *out = (struct words){.items = memory_alloc(count * sizeof *out->items)};
    if (!out->items) return false;
    while (out->count + 1 < count) {
        size_t length = (size_t)((const char *)memchr(line.data, ' ', line.len) - line.data);
        out->items[out->count++] = bytes_make(line.data, length);
        line = bytes_skip(line, length + 1);
    }
    out->items[out->count++] = line;
    return true;
}

static struct bytes trimmed(struct bytes line) {
    while (line.len && strchr(" \t\r", line.data[0]))
        line = bytes_skip(line, 1);
    while (line.len && strchr(" \t\r", line.data[line.len - 1]))
        line.len--;
    return line;
}

/* ---- aclfile: as many errors as there are, and then all lines or none count ---- */

struct loading {
    const struct exec *exec;
    const char *path;
    unsigned line;
    struct user_list users;
    struct buffer *error;
    bool failed;
};

static void fail(struct loading *l, const char *what) {
    l->failed = true;
    buffer_printf(l->error, "%s:%u: %s. ", l->path, l->line, what);
}

/* Of errors that are no unknown commands, the first in a line tells enough. */
static void apply_rules(struct loading *l, struct user *user, const struct acl_rules *rules) {
    bool told = false;
    for (unsigned i = 0; i < rules->count; i++) {
        struct bytes rule = rules->items[i];
        enum acl_error code = user_apply(user, &l->exec->commands, acl_settings.all_channels, rule);
        if (code == ACL_UNKNOWN_COMMAND) {
            l->failed = true;
            buffer_printf(l->error, "%s:%u: Error in applying operation '", l->path, l->line);
            buffer_append_bytes(l->error, rule);
            buffer_printf(l->error, "': %s. ", acl_error_text(code));
        } else if (code && !told) {
            told = true;
            fail(l, acl_error_text(code));
        }
    }
}

static bool is_new_user(struct loading *l, struct bytes name) {
    if (!user_valid_name(name)) {
        l->failed = true;
        buffer_printf(l->error, "'%s:%u: username '", l->path, l->line);
        buffer_append_bytes(l->error, name);
        buffer_printf(l->error, "' contains invalid characters. ");
        return false;
    }
    if (!user_list_find(&l->users, name)) return true;
    l->failed = true;
    buffer_printf(l->error, "WARNING: Duplicate user '");
    buffer_append_bytes(l->error, name);
    buffer_printf(l->error, "' found on line %u. ", l->line);
    return false;
}

static void load_user(struct loading *l, const struct bytes *words, unsigned count) {
    struct acl_rules rules;
    if (!is_new_user(l, words[0])) return;
    enum acl_merge merged = acl_rules_merge(words + 1, count - 1, &rules);
    struct user *user = user_create(words[0], acl_settings.all_channels);
    if (merged == ACL_UNMATCHED)
        fail(l, "Unmatched parenthesis in selector definition");
    else if (merged == ACL_MERGED && user)
        apply_rules(l, user, &rules);
    acl_rules_free(&rules);
    if (merged != ACL_MERGE_NO_MEMORY && user && user_list_add_take(&l->users, user)) return;
    fail(l, "There is not enough memory");
    user_free(user);
}

static void load_line(struct loading *l, struct bytes line) {
    struct words words;
    l->line++;
    line = trimmed(line);
    if (!line.len) return;
    if (!words_cut(line, &words)) {
        fail(l, "There is not enough memory");
        return;
    }
    if (words.count >= 2 && bytes_equal(words.items[0], BYTES("user"))) {
        load_user(l, words.items + 1, words.count - 1);
    } else {
        l->failed = true;
        buffer_printf(l->error, "%s:%u should start with user keyword followed by the username. ",
                      l->path, l->line);
    }
    memory_free(words.items);
}

static void load_lines(struct loading *l, struct bytes text) {
    while (text.len) {
        const char *end = memchr(text.data, '\n', text.len);
        struct bytes line = {text.data, end ? (size_t)(end - text.data) : text.len};
        text = bytes_skip(text, line.len + (end != NULL));
        load_line(l, line);
    }
}

/* A file that does not speak of the default user leaves it free to do everything. */
static void need_default(struct loading *l) {
    if (user_list_find(&l->users, BYTES("default"))) return;
    struct user *user = acl_make_default();
    if (user && user_list_add_take(&l->users, user)) return;
    user_free(user);
    fail(l, "There is not enough memory");
}

bool acl_has_file(void) {
    return acl_settings.file && *acl_settings.file;
}

bool acl_load_file(struct exec *exec, struct buffer *error) {
    struct loading l = {.exec = exec, .path = acl_settings.file, .error = error};
    struct buffer text = {0};
    int status = file_read_all(l.path, &text);
    if (status < 0) {
        buffer_printf(error, "Error loading ACLs, opening file '%s': %s", l.path,
                      strerror(-status));
    } else {
        load_lines(&l, buffer_bytes(&text));
        need_default(&l);
        if (l.failed)
            buffer_printf(error, "WARNING: ACL errors detected, no change to the previously "
                                 "active ACL rules was performed");
        else
            acl_replace_users(exec, &l.users);
    }
    user_list_free(&l.users);
    buffer_free(&text);
    return status >= 0 && !l.failed;
}

/* ---- saving ---- */

static bool write_users(const struct user_list *users, struct buffer *out) {
    bool good = true;
    for (unsigned i = 0; good && i < users->count; i++)
        good = user_describe(users->items[i], out) && buffer_append_char(out, '\n');
    return good;
}

bool acl_save_file(const struct exec *exec, struct buffer *error) {
    struct buffer text = {0};
    int status = write_users(&exec->acl->users, &text)
                     ? file_write_atomic(acl_settings.file, buffer_bytes(&text))
                     : -ENOMEM;
    buffer_free(&text);
    if (status >= 0) return true;
    log_warning("The ACL file %s cannot be written: %s", acl_settings.file, strerror(-status));
    buffer_printf(error, "There was an error trying to save the ACLs. Please check the server logs "
                         "for more information");
    return false;
}

/* ---- start-up ---- */

/* The user as the line says it, whatever it has been. */
static struct user *make_configured(const struct exec *exec, const struct bytes *words,
                                    const struct acl_rules *rules, struct buffer *error) {
    struct user *user = user_create(words[0], acl_settings.all_channels);
    if (!user) buffer_printf(error, "there is not enough memory");
    for (unsigned i = 0; user && i < rules->count; i++) {
        struct bytes rule = rules->items[i];
        enum acl_error code = user_apply(user, &exec->commands, acl_settings.all_channels, rule);
        if (code == ACL_OK) continue;
        buffer_printf(error, "%.*s: rule '%.*s': %s", (int)words[0].len, words[0].data,
                      (int)rule.len, rule.data, acl_error_text(code));
        user_free(user);
        return NULL;
    }
    return user;
}

static bool load_configured_user(struct exec *exec, const struct acl_user_line *line,
                                 struct buffer *error) {
    struct acl_rules rules;
    enum acl_merge merged = acl_rules_merge(line->words + 1, line->count - 1, &rules);
    if (merged != ACL_MERGED)
        buffer_printf(error, "%.*s: a selector's parenthesis is not closed",
                      (int)line->words[0].len, line->words[0].data);
    struct user *user =
        merged == ACL_MERGED ? make_configured(exec, line->words, &rules, error) : NULL;
    acl_rules_free(&rules);
    return user && acl_put_take(exec, user, error);
}

bool acl_load_configured(struct exec *exec, struct buffer *error) {
    unsigned count;
    const struct acl_user_line *lines = acl_user_lines(&count);
    if (acl_has_file() && count) {
        buffer_printf(error, "there are users in the configuration and an aclfile; only one of "
                             "these may say who the users are");
        return false;
    }
    if (acl_has_file()) return acl_load_file(exec, error);
    for (unsigned i = 0; i < count; i++)
        if (!load_configured_user(exec, &lines[i], error)) return false;
    return true;
}
