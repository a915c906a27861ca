/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG GET. */
#include "base/ensure.h"
#include "base/glob.h"
#include "config/config_priv.h"
#include "sys/memory.h"

#include <stdlib.h>

/* Marks the names that a pattern matches with the spelling to show; the first one stays. */
static void match(struct bytes pattern, const struct config_name *names, size_t count,
                  struct bytes *spelling) {
    bool literal = true;
    for (size_t i = 0; i < pattern.len; i++)
        literal &= !strchr("*?[", pattern.data[i]);
    if (literal) {
        const struct config_name *name = registry_find(pattern);
        if (!name || (name->directive->row->flags & CONFIG_START_ONLY)) return;
        if (!spelling[name - names].data) spelling[name - names] = pattern;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (names[i].directive->row->flags & (CONFIG_START_ONLY | CONFIG_HIDDEN)) continue;
        struct bytes known = bytes_of(names[i].name);
        if (!spelling[i].data && glob_match(pattern, known, true)) spelling[i] = known;
    }
}

static int compare_pairs(const void *a, const void *b) {
    return bytes_compare(((const struct config_pair *)a)->name,
                         ((const struct config_pair *)b)->name);
}

/* Values first stand in the text one after the other, with a zero each to see failures by. */
static bool collect(const struct config_name *names, size_t count, const struct bytes *spelling,
                    struct config_listing *out) {
    for (size_t i = 0; i < count; i++) {
        if (!spelling[i].data) continue;
        size_t start = out->text.len;
        value_format(names[i].directive, &out->text);
        size_t length = out->text.len - start;
        if (!buffer_append_char(&out->text, 0)) return false;
        out->pairs[out->count++] = (struct config_pair){spelling[i], {NULL, length}};
    }
    const char *at = out->text.data;
    for (size_t i = 0; i < out->count; i++) {
        out->pairs[i].value.data = at;
        at += out->pairs[i].value.len + 1;
    }
    qsort(out->pairs, out->count, sizeof *out->pairs, compare_pairs);
    return true;
}

bool config_get(const struct bytes *patterns, unsigned count, struct config_listing *out) {
    size_t known;
    const struct config_name *names = registry_names(&known);
    *out = (struct config_listing){.pairs = memory_alloc((known + 1) * sizeof *out->pairs)};
    struct bytes *spelling = memory_alloc_zero((known + 1) * sizeof *spelling);
    bool good = out->pairs && spelling;
    for (unsigned i = 0; good && i < count; i++)
        match(patterns[i], names, known, spelling);
    good = good && collect(names, known, spelling, out);
    memory_free(spelling);
    if (!good) config_listing_free(out);
    return good;
}

void config_listing_free(struct config_listing *listing) {
    memory_free(listing->pairs);
    buffer_free(&listing->text);
    *listing = (struct config_listing){0};
}

void config_show(const char *name, struct buffer *out) {
    const struct config_name *known = registry_find(bytes_of(name));
    ensure(known);
    value_format(known->directive, out);
}
