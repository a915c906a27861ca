/* SPDX-License-Identifier: BSD-3-Clause */
/* Users told as the rules that make them. */
#include "base/ensure.h"
#include "exec/acl_user.h"

/* "~a %R~b": each text behind a prefix that its tag picks. */
static bool write_texts(const struct buffer *texts, const char *const *prefixes,
                        struct buffer *out) {
    struct tagged_text item;
    bool good = true;
    for (size_t at = 0, first = out->len; good && texts_next(texts, &at, &item);)
        good = buffer_printf(out, "%s%s", out->len > first ? " " : "", prefixes[item.tag]) &&
               buffer_append_bytes(out, item.text);
    return good;
}

bool selector_describe_keys(const struct selector *selector, struct buffer *out) {
    static const char *const prefixes[] = {
        [KEY_MAY_READ] = "%R~", [KEY_MAY_WRITE] = "%W~", [KEY_MAY_READ | KEY_MAY_WRITE] = "~"};
    if (selector->flags & SELECTOR_ALL_KEYS) return buffer_printf(out, "~*");
    return write_texts(&selector->keys, prefixes, out);
}

bool selector_describe_channels(const struct selector *selector, struct buffer *out) {
    static const char *const prefixes[] = {"&"};
    if (selector->flags & SELECTOR_ALL_CHANNELS) return buffer_printf(out, "&*");
    return write_texts(&selector->channels, prefixes, out);
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
    bool good = selector_describe_keys(selector, out);
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
