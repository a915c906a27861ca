/* SPDX-License-Identifier: BSD-3-Clause */
/* One directive: setting it, taking it back, comparing it, writing it down. */
#include "base/log.h"
#include "config/config_priv.h"
#include "sys/memory.h"

#include <stdlib.h>

static bool takes_several(const struct config_row *row) {
    return row->type == CONFIG_FLAGS || (row->flags & CONFIG_WORDS);
}

bool words_of(const struct directive *d, struct bytes value, struct words *out) {
    unsigned count = 1;
    if (takes_several(d->row))
        for (size_t i = 0; i < value.len; i++)
            count += value.data[i] == ' ';
    *out = (struct words){.items = memory_alloc(count * sizeof *out->items)};
    if (!out->items) return false;
    while (out->count + 1 < count) {
        const char *space = memchr(value.data, ' ', value.len);
        size_t len = (size_t)(space - value.data);
        out->items[out->count++] = bytes_make(value.data, len);
        value = bytes_skip(value, len + 1);
    }
    out->items[out->count++] = value;
    return true;
}

void words_free(struct words *words) {
    memory_free(words->items);
}

static bool join(const struct bytes *words, unsigned count, struct buffer *out) {
    bool good = true;
    for (unsigned i = 0; good && i < count; i++)
        good = (!i || buffer_append_char(out, ' ')) && buffer_append_bytes(out, words[i]);
    return good;
}

/* The row's own check sees the words as one text. */
static bool check(const struct config_row *row, const struct bytes *words, unsigned count,
                  struct buffer *error) {
    if (!row->check) return true;
    struct buffer joined = {0};
    bool good = join(words, count, &joined);
    if (!good) buffer_printf(error, "out of memory");
    good = good && row->check(row, buffer_bytes(&joined), error);
    buffer_free(&joined);
    return good;
}

/* What `get` writes, as a C string; NULL = no memory. */
static char *snapshot(const struct directive *d) {
    struct buffer out = {0};
    value_format(d, &out);
    if (buffer_append_char(&out, 0)) return out.data;
    buffer_free(&out);
    return NULL;
}

static bool set_special(struct directive *d, const struct bytes *words, unsigned count,
                        struct config_value *before, struct buffer *error) {
    struct config_value old = {.text = before ? snapshot(d) : NULL};
    if (before && !old.text) {
        buffer_printf(error, "out of memory");
        return false;
    }
    if (!d->row->set(d->row, words, count, error)) {
        value_free(&old);
        return false;
    }
    if (before) *before = old;
    return true;
}

bool directive_set(struct directive *d, const struct bytes *words, unsigned count,
                   struct config_value *before, struct buffer *error) {
    const struct config_row *row = d->row;
    if (count == 0 || (count > 1 && !takes_several(row))) {
        buffer_printf(error, "wrong number of arguments");
        return false;
    }
    if (!check(row, words, count, error)) return false;
    if (row->type == CONFIG_SPECIAL) return set_special(d, words, count, before, error);

    struct config_value value;
    if (!value_parse(row, words, count, &value, error)) return false;
    value_exchange(d, &value);
    if (before)
        *before = value;
    else
        value_free(&value);
    return true;
}

void directive_restore(struct directive *d, struct config_value *before) {
    if (d->row->type == CONFIG_SPECIAL) {
        struct buffer error = {0};
        struct words words;
        bool good = words_of(d, bytes_of(before->text), &words);
        if (good) {
            good = d->row->set(d->row, words.items, words.count, &error);
            words_free(&words);
        }
        if (!good) log_warning("The old value of %s could not be put back", d->row->name);
        buffer_free(&error);
    } else {
        value_exchange(d, before);
    }
    value_free(before);
}

/* A SPECIAL is compared as text, which errs on the side of "no". */
static bool special_has(const struct directive *d, const struct bytes *words, unsigned count) {
    struct buffer now = {0}, wanted = {0};
    value_format(d, &now);
    bool same =
        join(words, count, &wanted) && bytes_equal(buffer_bytes(&now), buffer_bytes(&wanted));
    buffer_free(&now);
    buffer_free(&wanted);
    return same;
}

bool directive_has(const struct directive *d, const struct bytes *words, unsigned count) {
    if (count == 0 || (count > 1 && !takes_several(d->row))) return false;
    if (d->row->type == CONFIG_SPECIAL) return special_has(d, words, count);
    struct buffer error = {0};
    struct config_value value;
    bool same = value_parse(d->row, words, count, &value, &error);
    buffer_free(&error);
    if (!same) return false;
    same = value_equal(d, &value);
    value_free(&value);
    return same;
}

bool directive_differs(const struct directive *d) {
    if (!d->given) return false;
    struct buffer now = {0};
    value_format(d, &now);
    bool differs = !bytes_equal(buffer_bytes(&now), bytes_of(d->initial));
    buffer_free(&now);
    return differs;
}

static bool write_word(struct bytes word, struct buffer *out) {
    return args_need_quotes(word) ? args_quote(out, word) : buffer_append_bytes(out, word);
}

/* "104857600" reads better as "100mb". */
static bool write_memory(struct bytes digits, struct buffer *out) {
    static const char *const units[] = {"", "kb", "mb", "gb"};
    uint64_t n = strtoull(digits.data, NULL, 10);
    unsigned unit = 0;
    for (; n && n % 1024 == 0 && unit < 3; unit++)
        n /= 1024;
    return buffer_printf(out, "%llu%s", (unsigned long long)n, units[unit]);
}

bool directive_write(const struct directive *d, struct buffer *out) {
    struct buffer text = {0};
    value_format(d, &text);
    struct words words = {0};
    bool good =
        buffer_append_char(&text, 0) && words_of(d, bytes_make(text.data, text.len - 1), &words);
    if (good && d->row->type == CONFIG_MEMORY)
        good = write_memory(words.items[0], out);
    else
        for (unsigned i = 0; good && i < words.count; i++)
            good = (!i || buffer_append_char(out, ' ')) && write_word(words.items[i], out);
    words_free(&words);
    buffer_free(&text);
    return good;
}

/* Who sets "" asks for nothing. */
void directive_note(const struct directive *d) {
    if ((d->row->flags & (CONFIG_INERT | CONFIG_QUIET)) != CONFIG_INERT || !directive_differs(d))
        return;
    char *text = snapshot(d);
    if (text && *text)
        log_warning("%s is accepted, but has no effect in this version of Strata", d->row->name);
    memory_free(text);
}
