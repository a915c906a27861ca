/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of ACL SETUSER, of aclfile, and of `user` lines. */
#include "base/ensure.h"
#include "base/number.h"
#include "exec/acl_priv.h"
#include "sys/digest.h"
#include "sys/memory.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

const char *acl_error_text(enum acl_error error) {
    switch (error) {
    case ACL_OK: break;
    case ACL_NO_MEMORY: return "There is not enough memory";
    case ACL_UNKNOWN_COMMAND: return "Unknown command or category name in ACL";
    case ACL_SYNTAX: return "Syntax error";
    case ACL_AFTER_ALL_KEYS:
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
               "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case ACL_AFTER_ALL_CHANNELS:
        return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
               "does not have any effect. Try 'resetchannels' to start with an empty list of "
               "channels";
    case ACL_NO_SUCH_PASSWORD:
        return "The password you are trying to remove from the user does not exist";
    case ACL_BAD_HASH:
        return "The password hash must be exactly 64 characters and contain only lowercase "
               "hexadecimal characters";
    case ACL_FIRST_ARG_OF_SUBCOMMAND: return "Allowing first-arg of a subcommand is not supported";
    case ACL_BAD_DATABASE: return "The provided database ID is out of range";
    }
    return "OK";
}

static enum acl_error or_no_memory(bool good) {
    return good ? ACL_OK : ACL_NO_MEMORY;
}

/* What a line of rules could not say, and no rule may have. */
static bool has_spaces(struct bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (!text.data[i] || isspace((unsigned char)text.data[i])) return true;
    return false;
}

/* ---- the text of the rules about commands ---- */

static struct bytes lowered(struct buffer *out, struct bytes text) {
    buffer_clear(out);
    if (!buffer_reserve(out, text.len)) return bytes_make(NULL, 0);
    for (size_t i = 0; i < text.len; i++)
        out->data[out->len++] = bytes_lower(text.data[i]);
    return buffer_bytes(out);
}

/* Is the rule about this name, or about something below it ("config" and "config|get")? */
static bool is_about(struct bytes rule, struct bytes name) {
    struct bytes of = bytes_skip(rule, 1);
    return bytes_starts_with(of, name) && (of.len == name.len || of.data[name.len] == '|');
}

/* Drops the earlier rules that a new one about `name` makes void. */
static void drop_rules(struct buffer *rules, struct bytes name) {
    size_t kept = 0;
    for (size_t at = 0, end; at < rules->len; at = end) {
        const char *space = memchr(rules->data + at + 1, ' ', rules->len - at - 1);
        end = space ? (size_t)(space - rules->data) : rules->len;
        if (is_about(bytes_make(rules->data + at + 1, end - at - 1), name)) continue;
        memmove(rules->data + kept, rules->data + at, end - at);
        kept += end - at;
    }
    rules->len = kept;
}

/* `name` as given, without its sign: "get", "config|get", "select|0", "@read". */
static bool note_rule(struct selector *selector, struct bytes name, bool allow) {
    struct buffer scratch = {0};
    struct bytes low = lowered(&scratch, name);
    bool good = low.data && buffer_reserve(&selector->rules, 2 + low.len);
    if (good) {
        drop_rules(&selector->rules, low);
        buffer_append(&selector->rules, allow ? " +" : " -", 2);
        buffer_append_bytes(&selector->rules, low);
    }
    buffer_free(&scratch);
    return good;
}

/* ---- commands ---- */

static void drop_first_args(struct selector *selector, unsigned id) {
    struct buffer *texts = &selector->first_args;
    struct tagged_text item;
    size_t kept = 0;
    for (size_t at = 0, start = 0; texts_next(texts, &at, &item); start = at) {
        if (item.tag == id) continue;
        memmove(texts->data + kept, texts->data + start, at - start);
        kept += at - start;
    }
    texts->len = kept;
}

static void set_bit(struct selector *selector, unsigned id, bool allow) {
    uint64_t bit = 1ull << (id % 64);
    if (allow)
        selector->commands[id / 64] |= bit;
    else
        selector->commands[id / 64] &= ~bit;
    if (!allow) selector->flags &= ~SELECTOR_ALL_COMMANDS;
    drop_first_args(selector, id);
}

/* With all of its subcommands. */
static void set_command(struct selector *selector, const struct registered *item, bool allow) {
    set_bit(selector, item->id, allow);
    for (unsigned i = 0; i < item->sub_count; i++)
        set_bit(selector, item->subs + i, allow);
}

static void set_all_commands(struct selector *selector, bool allow) {
    memset(selector->commands, allow ? 0xff : 0, sizeof selector->commands);
    selector->from_all = allow;
    selector->flags =
        allow ? selector->flags | SELECTOR_ALL_COMMANDS : selector->flags & ~SELECTOR_ALL_COMMANDS;
    buffer_clear(&selector->rules);
    buffer_clear(&selector->first_args);
}

static enum acl_error set_category(struct selector *selector, const struct commands *commands,
                                   struct bytes name, bool allow) {
    uint32_t category = exec_category_named(bytes_skip(name, 1));
    if (!category) return ACL_UNKNOWN_COMMAND;
    for (unsigned i = 0; i < commands->count; i++) {
        const struct registered *item = &commands->items[i];
        if (exec_command_categories(item->command) & category) set_command(selector, item, allow);
    }
    return or_no_memory(note_rule(selector, name, allow));
}

/* Rules name commands as the tables do, renamed or not. */
static const struct registered *find_command(const struct commands *commands,
                                             const struct registered *parent, struct bytes name) {
    for (unsigned i = 0; i < commands->count; i++) {
        const struct registered *item = &commands->items[i];
        if (item->parent == parent && bytes_is(name, item->command->name)) return item;
    }
    return NULL;
}

/* "config|get". NULL: there is no such command. */
static const struct registered *find_full(const struct commands *commands, struct bytes name) {
    const char *bar = name.len ? memchr(name.data, '|', name.len) : NULL;
    if (!bar) return find_command(commands, NULL, name);
    size_t head = (size_t)(bar - name.data);
    const struct registered *parent = find_command(commands, NULL, bytes_make(name.data, head));
    return parent ? find_command(commands, parent, bytes_skip(name, head + 1)) : NULL;
}

static bool has_first_arg(const struct selector *selector, unsigned id, struct bytes first_arg) {
    struct tagged_text item;
    for (size_t at = 0; texts_next(&selector->first_args, &at, &item);)
        if (item.tag == id && bytes_equal_nocase(item.text, first_arg)) return true;
    return false;
}

/* "select|0": SELECT, if its first argument is 0. */
static enum acl_error allow_first_arg(struct selector *selector, const struct commands *commands,
                                      struct bytes name) {
    const char *bar = memrchr(name.data, '|', name.len);
    size_t head = (size_t)(bar - name.data);
    struct bytes first_arg = bytes_skip(name, head + 1);
    const struct registered *item = find_full(commands, bytes_make(name.data, head));
    if (!item) return ACL_UNKNOWN_COMMAND;
    if (item->parent) return ACL_FIRST_ARG_OF_SUBCOMMAND;
    if (!first_arg.len || has_spaces(first_arg)) return ACL_SYNTAX;
    if (item->sub_count) return ACL_UNKNOWN_COMMAND;
    bool known = has_first_arg(selector, item->id, first_arg);
    return or_no_memory((known || texts_add(&selector->first_args, item->id, first_arg)) &&
                        note_rule(selector, name, true));
}

static enum acl_error apply_command(struct selector *selector, const struct commands *commands,
                                    struct bytes name, bool allow) {
    if (name.len && name.data[0] == '@') {
        if (!bytes_is(name, "@all")) return set_category(selector, commands, name, allow);
        set_all_commands(selector, allow);
        return ACL_OK;
    }
    const struct registered *item = find_full(commands, name);
    if (!item && allow && name.len && memchr(name.data, '|', name.len))
        return allow_first_arg(selector, commands, name);
    if (!item) return ACL_UNKNOWN_COMMAND;
    set_command(selector, item, allow);
    return or_no_memory(note_rule(selector, name, allow));
}

/* ---- keys, channels, databases ---- */

/* A pattern that is there already gets the new tag added to its own. */
static bool add_pattern(struct buffer *texts, uint32_t tag, struct bytes pattern) {
    struct tagged_text item;
    for (size_t at = 0, start = 0; texts_next(texts, &at, &item); start = at) {
        if (!bytes_equal(item.text, pattern)) continue;
        item.tag |= tag;
        memcpy(texts->data + start, &item.tag, sizeof item.tag);
        return true;
    }
    return texts_add(texts, tag, pattern);
}

/* "~a", "%R~a", "%RW~a". */
static enum acl_error apply_key_pattern(struct selector *selector, struct bytes rule) {
    uint32_t allowed = KEY_MAY_READ | KEY_MAY_WRITE;
    size_t at = 0;
    if (selector->flags & SELECTOR_ALL_KEYS) return ACL_AFTER_ALL_KEYS;
    if (rule.data[0] == '%') {
        allowed = 0;
        for (at = 1; at < rule.len && rule.data[at] != '~'; at++) {
            char letter = bytes_upper(rule.data[at]);
            uint32_t one = letter == 'R' ? KEY_MAY_READ : letter == 'W' ? KEY_MAY_WRITE : 0;
            if (!one || allowed & one) return ACL_SYNTAX;
            allowed |= one;
        }
        if (!allowed) return ACL_SYNTAX;
    }
    struct bytes pattern = bytes_skip(rule, MIN(at + 1, rule.len));
    if (has_spaces(pattern)) return ACL_SYNTAX;
    return or_no_memory(add_pattern(&selector->keys, allowed, pattern));
}

static enum acl_error apply_channel(struct selector *selector, struct bytes pattern) {
    if (selector->flags & SELECTOR_ALL_CHANNELS) return ACL_AFTER_ALL_CHANNELS;
    if (has_spaces(pattern)) return ACL_SYNTAX;
    return or_no_memory(add_pattern(&selector->channels, 0, pattern));
}

static int compare_databases(const void *a, const void *b) {
    int32_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static void sort_databases(struct buffer *list) {
    size_t count = list->len / sizeof(int32_t), kept = 0;
    if (count) qsort(list->data, count, sizeof(int32_t), compare_databases);
    for (size_t i = 0; i < count; i++) {
        const char *item = list->data + i * sizeof(int32_t);
        if (i && !compare_databases(item - sizeof(int32_t), item)) continue;
        memmove(list->data + kept, item, sizeof(int32_t));
        kept += sizeof(int32_t);
    }
    list->len = kept;
}

/* One number, as strtoll() reads it: after spaces, with a sign. */
static enum acl_error add_database(struct buffer *list, struct bytes text) {
    char digits[32], *end;
    size_t length = MIN(text.len, sizeof digits - 1);
    if (!text.len) return ACL_SYNTAX;
    memcpy(digits, text.data, length);
    digits[length] = 0;
    errno = 0;
    long long db = strtoll(digits, &end, 10);
    if (end == digits || (*end && end < digits + sizeof digits - 1)) return ACL_SYNTAX;
    if (errno || text.len > length || db < 0 || db > INT32_MAX) return ACL_BAD_DATABASE;
    int32_t number = (int32_t)db;
    return or_no_memory(buffer_append(list, &number, sizeof number));
}

/* "0,2" instead of what was allowed so far. */
static enum acl_error apply_databases(struct selector *selector, struct bytes numbers) {
    struct buffer list = {0};
    enum acl_error error;
    bool more;
    do {
        const char *comma = numbers.len ? memchr(numbers.data, ',', numbers.len) : NULL;
        size_t length = comma ? (size_t)(comma - numbers.data) : numbers.len;
        error = add_database(&list, bytes_make(numbers.data, length));
        more = comma != NULL;
        numbers = bytes_skip(numbers, length + more);
    } while (!error && more);
    if (error) {
        buffer_free(&list);
        return error;
    }
    sort_databases(&list);
    buffer_free(&selector->databases);
    selector->databases = list;
    selector->flags &= ~SELECTOR_ALL_DATABASES;
    return ACL_OK;
}

/* ---- selectors ---- */

/* The rules that are single words. False: it is none of them. */
static bool apply_word(struct selector *selector, struct bytes rule) {
    static const struct {
        const char *word;
        uint32_t flag;
        bool all;
    } words[] = {
        {"allkeys", SELECTOR_ALL_KEYS, true},
        {"~*", SELECTOR_ALL_KEYS, true},
        {"resetkeys", SELECTOR_ALL_KEYS, false},
        {"allchannels", SELECTOR_ALL_CHANNELS, true},
        {"&*", SELECTOR_ALL_CHANNELS, true},
        {"resetchannels", SELECTOR_ALL_CHANNELS, false},
        {"alldbs", SELECTOR_ALL_DATABASES, true},
        {"resetdbs", SELECTOR_ALL_DATABASES, false},
        {"allcommands", SELECTOR_ALL_COMMANDS, true},
        {"nocommands", SELECTOR_ALL_COMMANDS, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!bytes_is(rule, words[i].word)) continue;
        uint32_t flag = words[i].flag;
        if (flag == SELECTOR_ALL_COMMANDS) {
            set_all_commands(selector, words[i].all);
            return true;
        }
        selector->flags = words[i].all ? selector->flags | flag : selector->flags & ~flag;
        buffer_clear(flag == SELECTOR_ALL_KEYS       ? &selector->keys
                     : flag == SELECTOR_ALL_CHANNELS ? &selector->channels
                                                     : &selector->databases);
        return true;
    }
    return false;
}

static enum acl_error selector_apply(struct selector *selector, const struct commands *commands,
                                     struct bytes rule) {
    if (apply_word(selector, rule)) return ACL_OK;
    struct bytes rest = bytes_skip(rule, 1);
    switch (rule.data[0]) {
    case '~':
    case '%': return apply_key_pattern(selector, rule);
    case '&': return apply_channel(selector, rest);
    case '+':
    case '-': return apply_command(selector, commands, rest, rule.data[0] == '+');
    default: break;
    }
    struct bytes head = bytes_make(rule.data, MIN(rule.len, (size_t)3));
    if (bytes_is(head, "db=")) return apply_databases(selector, bytes_skip(rule, 3));
    return ACL_SYNTAX;
}

/* "(~a +get)". */
static enum acl_error add_selector(struct user *user, const struct commands *commands,
                                   bool all_channels, struct bytes rule) {
    struct selector *selector = user_add_selector(user, all_channels);
    enum acl_error error = or_no_memory(selector != NULL);
    const char *at = rule.data + 1, *end = rule.data + rule.len - 1;
    while (!error) {
        while (at < end && isspace((unsigned char)*at))
            at++;
        if (at == end) break;
        const char *start = at;
        while (at < end && !isspace((unsigned char)*at))
            at++;
        /* Written down, it would seem to close the selector. */
        if (at[-1] == ')')
            error = ACL_SYNTAX;
        else
            error = selector_apply(selector, commands, bytes_make(start, (size_t)(at - start)));
    }
    if (error && selector) user_drop_selectors(user, user->selector_count - 1);
    return error;
}

/* ---- passwords ---- */

static bool is_hash(struct bytes text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return text.len == PASSWORD_HASH_LENGTH;
}

static char *find_hash(const struct user *user, const char *hash) {
    for (size_t at = 0; at < user->hashes.len; at += PASSWORD_HASH_LENGTH)
        if (memcmp(user->hashes.data + at, hash, PASSWORD_HASH_LENGTH) == 0)
            return user->hashes.data + at;
    return NULL;
}

static enum acl_error apply_password(struct user *user, struct bytes rule) {
    char sign = rule.data[0], hash[DIGEST_SHA256_HEX];
    struct bytes given = bytes_skip(rule, 1);
    if (sign == '>' || sign == '<') {
        digest_sha256_hex(given, hash);
    } else {
        if (!is_hash(given)) return ACL_BAD_HASH;
        memcpy(hash, given.data, sizeof hash);
    }
    char *found = find_hash(user, hash);
    if (sign == '>' || sign == '#') {
        user->no_password = false;
        return or_no_memory(found || buffer_append(&user->hashes, hash, sizeof hash));
    }
    if (!found) return ACL_NO_SUCH_PASSWORD;
    size_t behind = (size_t)(user->hashes.data + user->hashes.len - found) - sizeof hash;
    memmove(found, found + sizeof hash, behind);
    user->hashes.len -= sizeof hash;
    return ACL_OK;
}

static void reset_passwords(struct user *user, bool no_password) {
    user->no_password = no_password;
    buffer_clear(&user->hashes);
}

/* ---- users ---- */

static enum acl_error reset(struct user *user, bool all_channels) {
    reset_passwords(user, false);
    user->enabled = false;
    user_drop_selectors(user, 0);
    return or_no_memory(user_add_selector(user, all_channels) != NULL);
}

static bool is_unrestricted(const struct user *user) {
    for (unsigned i = 0; i < user->selector_count; i++)
        if ((user->selectors[i].flags & SELECTOR_EVERYTHING) == SELECTOR_EVERYTHING) return true;
    return false;
}

static enum acl_error apply(struct user *user, const struct commands *commands, bool all_channels,
                            struct bytes rule) {
    /* Payloads are always looked at before they are used. */
    bool known = bytes_is(rule, "sanitize-payload") || bytes_is(rule, "skip-sanitize-payload");
    if (!rule.len || known) return ACL_OK;
    if (bytes_is(rule, "reset")) return reset(user, all_channels);
    if (bytes_is(rule, "on") || bytes_is(rule, "off")) {
        user->enabled = bytes_is(rule, "on");
    } else if (bytes_is(rule, "nopass") || bytes_is(rule, "resetpass")) {
        reset_passwords(user, bytes_is(rule, "nopass"));
    } else if (bytes_is(rule, "clearselectors")) {
        user_drop_selectors(user, 1);
    } else if (rule.data[0] && strchr("><#!", rule.data[0])) {
        return apply_password(user, rule);
    } else if (rule.data[0] == '(' && rule.data[rule.len - 1] == ')') {
        return add_selector(user, commands, all_channels, rule);
    } else {
        return selector_apply(&user->selectors[0], commands, rule);
    }
    return ACL_OK;
}

enum acl_error user_apply(struct user *user, const struct commands *commands, bool all_channels,
                          struct bytes rule) {
    enum acl_error error = apply(user, commands, all_channels, rule);
    user->unrestricted = is_unrestricted(user);
    return error;
}

/* ---- putting selectors together ---- */

void acl_rules_free(struct acl_rules *rules) {
    memory_free(rules->items);
    buffer_free(&rules->text);
}

static bool opens(struct bytes word) {
    return word.len && word.data[0] == '(';
}

static bool closes(struct bytes word) {
    return word.len && word.data[word.len - 1] == ')';
}

/* Room for all words, so that views into the text stay good. */
static bool prepare(const struct bytes *words, unsigned count, struct acl_rules *out) {
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += words[i].len + 1;
    *out = (struct acl_rules){.items = memory_alloc((count + 1) * sizeof *out->items)};
    return out->items && buffer_reserve(&out->text, size);
}

enum acl_merge acl_rules_merge(const struct bytes *words, unsigned count, struct acl_rules *out) {
    if (!prepare(words, count, out)) return ACL_MERGE_NO_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        if (!opens(words[i]) || closes(words[i])) {
            out->items[out->count++] = words[i];
            continue;
        }
        size_t start = out->text.len;
        out->unmatched = words[i];
        buffer_append_bytes(&out->text, words[i]);
        do {
            if (++i == count) return ACL_UNMATCHED;
            buffer_append_char(&out->text, ' ');
            buffer_append_bytes(&out->text, words[i]);
        } while (!closes(words[i]));
        out->items[out->count++] = bytes_make(out->text.data + start, out->text.len - start);
    }
    return ACL_MERGED;
}
