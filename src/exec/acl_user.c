/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/acl_user.h"
#include "base/ensure.h"
#include "exec/acl_priv.h"
#include "sys/digest.h"
#include "sys/memory.h"
#include <ctype.h>

/* ---- texts: tag, length, bytes ---- */

bool texts_add(struct buffer *texts, uint32_t tag, struct bytes text) {
    uint32_t head[2] = {tag, (uint32_t)text.len};
    if (text.len > UINT32_MAX || !buffer_reserve(texts, sizeof head + text.len)) return false;
    buffer_append(texts, head, sizeof head);
    return buffer_append_bytes(texts, text);
}

bool texts_next(const struct buffer *texts, size_t *at, struct tagged_text *out) {
    uint32_t head[2];
    if (*at == texts->len) return false;
    memcpy(head, texts->data + *at, sizeof head);
    out->tag = head[0];
    out->text = bytes_make(texts->data + *at + sizeof head, head[1]);
    *at += sizeof head + head[1];
    return true;
}

/* ---- selectors ---- */

static void selector_free(struct selector *selector) {
    buffer_free(&selector->rules);
    buffer_free(&selector->first_args);
    buffer_free(&selector->keys);
    buffer_free(&selector->channels);
    buffer_free(&selector->databases);
}

static bool copy_buffer(struct buffer *to, const struct buffer *from) {
    return buffer_append_bytes(to, buffer_bytes(from));
}

static bool selector_copy(struct selector *to, const struct selector *from) {
    *to = (struct selector){.flags = from->flags, .from_all = from->from_all};
    memcpy(to->commands, from->commands, sizeof to->commands);
    return copy_buffer(&to->rules, &from->rules) &&
           copy_buffer(&to->first_args, &from->first_args) && copy_buffer(&to->keys, &from->keys) &&
           copy_buffer(&to->channels, &from->channels) &&
           copy_buffer(&to->databases, &from->databases);
}

struct selector *user_add_selector(struct user *user, bool all_channels) {
    unsigned count = user->selector_count;
    struct selector *grown = memory_realloc(user->selectors, (count + 1) * sizeof *grown);
    if (!grown) return NULL;
    user->selectors = grown;
    user->selector_count++;
    grown[count] = (struct selector){.flags = SELECTOR_ALL_DATABASES |
                                              (all_channels ? SELECTOR_ALL_CHANNELS : 0)};
    return &grown[count];
}

void user_drop_selectors(struct user *user, unsigned keep) {
    while (user->selector_count > keep)
        selector_free(&user->selectors[--user->selector_count]);
}

/* ---- users ---- */

static struct user *user_alloc(struct bytes name) {
    struct user *user = memory_alloc_zero(sizeof *user + name.len + 1);
    if (!user) return NULL;
    char *text = (char *)(user + 1);
    if (name.len) memcpy(text, name.data, name.len);
    user->name = bytes_make(text, name.len);
    return user;
}

struct user *user_create(struct bytes name, bool all_channels) {
    struct user *user = user_alloc(name);
    if (user && user_add_selector(user, all_channels)) return user;
    user_free(user);
    return NULL;
}

struct user *user_copy(const struct user *from) {
    struct user *user = user_alloc(from->name);
    if (!user) return NULL;
    user->enabled = from->enabled;
    user->no_password = from->no_password;
    user->unrestricted = from->unrestricted;
    bool good = copy_buffer(&user->hashes, &from->hashes);
    for (unsigned i = 0; good && i < from->selector_count; i++) {
        struct selector *selector = user_add_selector(user, false);
        good = selector && selector_copy(selector, &from->selectors[i]);
    }
    if (good) return user;
    user_free(user);
    return NULL;
}

void user_free(struct user *user) {
    if (!user) return;
    user_drop_selectors(user, 0);
    memory_free(user->selectors);
    buffer_free(&user->hashes);
    memory_free(user);
}

void user_exchange(struct user *a, struct user *b) {
    struct user old = *a;
    struct bytes b_name = b->name;
    *a = *b;
    *b = old;
    a->name = old.name;
    b->name = b_name;
}

bool user_valid_name(struct bytes name) {
    for (size_t i = 0; i < name.len; i++)
        if (!name.data[i] || isspace((unsigned char)name.data[i])) return false;
    return true;
}

bool user_has_password(const struct user *user, struct bytes password) {
    char hash[DIGEST_SHA256_HEX];
    bool found = user->no_password;
    digest_sha256_hex(password, hash);
    for (size_t at = 0; at < user->hashes.len; at += PASSWORD_HASH_LENGTH)
        found |= digest_equal(user->hashes.data + at, hash, PASSWORD_HASH_LENGTH);
    return found;
}
