/* SPDX-License-Identifier: BSD-3-Clause */
/* All names, in order, with their directives. Filled at start-up, then only read. */
#include "base/ensure.h"
#include "config/config_priv.h"
#include "sys/memory.h"

static struct {
    struct config_name *names;
    size_t count, capacity;
} registry;

const struct config_name *registry_names(size_t *count) {
    *count = registry.count;
    return registry.names;
}

/* All registered names are in lower case. */
static int compare_nocase(struct bytes asked, const char *name) {
    for (size_t i = 0;; i++) {
        if (i == asked.len) return name[i] ? -1 : 0;
        unsigned char a = (unsigned char)bytes_lower(asked.data[i]), b = (unsigned char)name[i];
        if (a != b || !b) return a < b ? -1 : 1;
    }
}

/* Where the name stands, or would stand. */
static size_t position(struct bytes name, bool *found) {
    size_t low = 0, high = registry.count;
    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_nocase(name, registry.names[middle].name);
        if (order == 0) *found = true;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct config_name *registry_find(struct bytes name) {
    bool found;
    size_t at = position(name, &found);
    return found ? &registry.names[at] : NULL;
}

/* ---- registering ---- */

static void directive_free(struct directive *d) {
    if (d->row->type == CONFIG_TEXT || d->row->type == CONFIG_BINARY) {
        struct config_value nothing = {0};
        value_exchange(d, &nothing);
        value_free(&nothing);
    }
    memory_free(d->initial);
    buffer_free(&d->lines);
    memory_free(d);
}

static bool is_named(const struct directive *d) {
    for (size_t i = 0; i < registry.count; i++)
        if (registry.names[i].directive == d) return true;
    return false;
}

static void put_name(const char *name, struct directive *d) {
    bool found;
    size_t at = position(bytes_of(name), &found);
    ensure(!found);
    if (registry.count == registry.capacity) {
        registry.capacity = registry.capacity ? registry.capacity * 2 : 256;
        registry.names = memory_realloc(registry.names, registry.capacity * sizeof *registry.names);
        ensure(registry.names);
    }
    memmove(&registry.names[at + 1], &registry.names[at],
            (registry.count - at) * sizeof *registry.names);
    registry.names[at] = (struct config_name){name, d};
    registry.count++;
}

/* "save" starts with three pairs, a text with one word that may have spaces. */
static void set_initial(struct directive *d) {
    struct buffer text = {0};
    if (d->row->initial) {
        struct words words;
        ensure(words_of(d, bytes_of(d->row->initial), &words));
        ensure(directive_set(d, words.items, words.count, NULL, &text));
        words_free(&words);
    }
    buffer_clear(&text);
    value_format(d, &text);
    ensure(buffer_append_char(&text, 0));
    d->initial = text.data;
}

static void register_row(const struct config_row *row) {
    struct directive *d = memory_need(sizeof *d);
    d->row = row;
    set_initial(d);
    put_name(row->name, d);
    if (row->alias) put_name(row->alias, d);
}

void config_register(const struct config_row *rows) {
    for (; rows->name; rows++)
        register_row(rows);
}

void config_free(void) {
    while (registry.count) {
        struct directive *d = registry.names[--registry.count].directive;
        if (!is_named(d)) directive_free(d);
    }
    memory_free(registry.names);
    registry.names = NULL;
    registry.capacity = 0;
    load_forget();
}

/* ---- the nearest name ---- */

#define LONGEST_NAME 64

/* Edits (a byte inserted, removed or replaced, two neighbours swapped) that make one of the other:
 * the dynamic programme of Wagner and Fischer with Damerau's swap, three rows of it. */
static unsigned edits(struct bytes a, struct bytes b) {
    unsigned rows[3][LONGEST_NAME + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= b.len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            bool same = bytes_lower(a.data[i - 1]) == b.data[j - 1];
            now[j] = last[j - 1] + !same;
            now[j] = MIN(now[j], last[j] + 1);
            now[j] = MIN(now[j], now[j - 1] + 1);
            if (i > 1 && j > 1 && bytes_lower(a.data[i - 1]) == b.data[j - 2] &&
                bytes_lower(a.data[i - 2]) == b.data[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

const char *registry_nearest(struct bytes name) {
    if (name.len > LONGEST_NAME) return NULL;
    const char *nearest = NULL;
    unsigned fewest = (unsigned)MAX(name.len / 3, (size_t)1) + 1;
    for (size_t i = 0; i < registry.count; i++) {
        struct bytes known = bytes_of(registry.names[i].name);
        unsigned n = known.len > LONGEST_NAME ? fewest : edits(name, known);
        if (n >= fewest) continue;
        fewest = n;
        nearest = registry.names[i].name;
    }
    return nearest;
}
