/* SPDX-License-Identifier: BSD-3-Clause */
/* Users told as the rules that make them. */
#include "base/ensure.h"
#include "exec/acl_user.h"

/* As a rule, "~*" is all keys, and no other pattern may stand beside it. */
static bool is_beside_others(const struct selector *selector, struct tagged_text pattern) {
    struct tagged_text first;
    size_t at = 0;
    bool alone = texts_next(&selector->keys, &at, &first) && at == selector->keys.len;
    return !alone && bytes_equal(pattern.text, BYTES("*"));
}

/* "~a %R~b". */
static bool write_keys(const struct selector *selector, bool as_rules, struct buffer *out) {
    struct tagged_text pattern;
    bool good = true;
    if (selector->flags & SELECTOR_ALL_KEYS) return buffer_printf(out, "~*");
    for (size_t at = 0, first = out->len; good && texts_next(&selector->keys, &at, &pattern);) {
        const char *prefix = pattern.tag == KEY_MAY_READ    ? "%R~"
                             : pattern.tag == KEY_MAY_WRITE ? "%W~"
                                                            : "~";
        if (as_rules && *prefix == '~' && is_beside_others(selector, pattern)) prefix = "%RW~";
        good = buffer_printf(out, "%s%s", out->len > first ? " " : "", prefix) &&
               buffer_append_bytes(out, pattern.text);
    }
    return good;
}

bool selector_describe_keys(const struct selector *selector, struct buffer *out) {
    return write_keys(selector, false, out);
}

bool selector_describe_channels(const struct selector *selector, struct buffer *out) {
    struct tagged_text pattern;
    bool good = true;
    if (selector->flags & SELECTOR_ALL_CHANNELS) return buffer_printf(out, "&*");
    for (size_t at = 0, first = out->len; good && texts_next(&selector->channels, &at, &pattern);)
        good = buffer_printf(out, "%s&", out->len > first ? " " : "") &&
               buffer_append_bytes(out, pattern.text);
    return good;
}

bool selector_describe_databases(const struct selector *selector, struct buffer *out) {
    if (selector->flags & SELECTOR_ALL_DATABASES) return buffer_printf(out, "alldbs");
    bool good = true;
    for (size_t at = 0; good && at < selector->databases.len; at += sizeof(int32_t)) {
        int32_t db;
        memcpy(&db, selector->databases.data + at, sizeof db);
        good = buffer_printf(out, "%s%d", at ? "," : "db=", db);
    }
    return good;
}

bool selector_describe_commands(const struct selector *selector, struct buffer *out) {
    return buffer_printf(out, "%s", selector->from_all ? "+@all" : "-@all") &&
           buffer_append_bytes(out, buffer_bytes(&selector->rules));
}

static bool describe_selector(const struct selector *selector, struct buffer *out) {
    size_t before = out->len;
    bool good = write_keys(selector, true, out);
    if (out->len > before) good = good && buffer_append_char(out, ' ');
    if (!(selector->flags & SELECTOR_ALL_CHANNELS))
        good = good && buffer_printf(out, "resetchannels ");
    before = out->len;
    good = good && selector_describe_channels(selector, out);
    if (out->len > before) good = good && buffer_append_char(out, ' ');
    if (!(selector->flags & SELECTOR_ALL_DATABASES)) {
        before = out->len;
        good = good && selector_describe_databases(selector, out) &&
               buffer_printf(out, "%s", out->len > before ? " " : "resetdbs ");
    }
    return good && selector_describe_commands(selector, out);
}

bool user_describe(const struct user *user, struct buffer *out) {
    bool good = buffer_printf(out, "user ") && buffer_append_bytes(out, user->name) &&
                buffer_printf(out, " %s %s", user->enabled ? "on" : "off",
                              user->no_password ? "nopass " : "");
    for (size_t at = 0; good && at < user->hashes.len; at += PASSWORD_HASH_LENGTH)
        good = buffer_printf(out, "#%.*s ", PASSWORD_HASH_LENGTH, user->hashes.data + at);
    good = good && describe_selector(&user->selectors[0], out);
    for (unsigned i = 1; good && i < user->selector_count; i++)
        good = buffer_printf(out, " (") && describe_selector(&user->selectors[i], out) &&
               buffer_append_char(out, ')');
    return good;
}
