/* SPDX-License-Identifier: BSD-3-Clause */
/* Typed values: text to number and back. The wording of refusals is Valkey's, clients know it. */
#include "base/ensure.h"
#include "base/number.h"
#include "config/config_priv.h"
#include "sys/memory.h"

#include <inttypes.h>

static bool is_limited(const struct config_row *row) {
    return row->min || row->max;
}

static bool out_of_range(const struct config_row *row, struct buffer *error) {
    buffer_printf(error, "argument must be between %" PRId64 " and %" PRId64 " inclusive", row->min,
                  row->max);
    return false;
}

static bool check_range(const struct config_row *row, int64_t n, struct buffer *error) {
    return !is_limited(row) || (n >= row->min && n <= row->max) || out_of_range(row, error);
}

static bool parse_bool(struct bytes text, int64_t *out, struct buffer *error) {
    *out = bytes_is(text, "yes");
    if (*out || bytes_is(text, "no")) return true;
    buffer_printf(error, "argument must be 'yes' or 'no'");
    return false;
}

static bool parse_integer(const struct config_row *row, struct bytes text, int64_t *out,
                          struct buffer *error) {
    if (number_parse_i64(text, out)) return check_range(row, *out, error);
    buffer_printf(error, "argument couldn't be parsed into an integer");
    return false;
}

static bool parse_octal(const struct config_row *row, struct bytes text, int64_t *out,
                        struct buffer *error) {
    int64_t n = 0;
    bool valid = text.len > 0 && text.len <= 20;
    for (size_t i = 0; valid && i < text.len; i++) {
        valid = text.data[i] >= '0' && text.data[i] <= '7';
        n = n * 8 + (text.data[i] - '0');
    }
    *out = n;
    if (valid) return check_range(row, n, error);
    buffer_printf(error, "argument couldn't be parsed as an octal number");
    return false;
}

static bool parse_memory(const struct config_row *row, struct bytes text, int64_t *out,
                         struct buffer *error) {
    uint64_t n;
    if (!number_parse_memory(text, &n)) {
        buffer_printf(error, "argument must be a memory value");
        return false;
    }
    if (n > INT64_MAX && is_limited(row)) return out_of_range(row, error);
    *out = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    return check_range(row, *out, error);
}

static bool parse_percent_or_memory(const struct config_row *row, struct bytes text, int64_t *out,
                                    struct buffer *error) {
    uint64_t n;
    int64_t percent;
    if (text.len && text.data[text.len - 1] == '%') {
        if (number_parse_i64(bytes_make(text.data, text.len - 1), &percent) && percent >= 0) {
            *out = -percent;
            if (!is_limited(row) || *out >= row->min) return true;
            buffer_printf(error, "percentage argument must be less or equal to %" PRId64,
                          -row->min);
            return false;
        }
    } else if (number_parse_memory(text, &n)) {
        if (n <= INT64_MAX) {
            *out = (int64_t)n;
            return check_range(row, *out, error);
        }
        /* Such a number is taken for a percentage. */
        buffer_printf(error, "percentage argument must be less or equal to %" PRId64, -row->min);
        return false;
    }
    buffer_printf(error, "argument must be a memory or percent value");
    return false;
}

/* One word of CHOICE, any number of FLAGS. */
static bool parse_choices(const struct config_row *row, const struct bytes *words, unsigned count,
                          int64_t *out, struct buffer *error) {
    int64_t all = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct config_choice *choice = row->choices;
        while (choice->name && !bytes_is(words[i], choice->name))
            choice++;
        if (!choice->name) {
            buffer_printf(error, "argument(s) must be one of the following: ");
            for (choice = row->choices; choice->name; choice++)
                buffer_printf(error, "%s%s", choice == row->choices ? "" : ", ", choice->name);
            return false;
        }
        all |= choice->value;
    }
    *out = all;
    return true;
}

static bool parse_text(const struct config_row *row, const struct bytes *words, unsigned count,
                       char **out, struct buffer *error) {
    size_t size = 1;
    for (unsigned i = 0; i < count; i++) {
        size += words[i].len + 1;
        if (words[i].len && memchr(words[i].data, 0, words[i].len)) {
            buffer_printf(error, "argument must not contain a zero byte");
            return false;
        }
    }
    *out = NULL;
    if (size <= 2 && (row->flags & CONFIG_EMPTY_IS_NULL)) return true;
    char *at = *out = memory_alloc(size);
    if (!at) {
        buffer_printf(error, "out of memory");
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (i) *at++ = ' ';
        if (words[i].len) memcpy(at, words[i].data, words[i].len);
        at += words[i].len;
    }
    *at = 0;
    return true;
}

static bool parse_binary(struct bytes word, struct bytes *out, struct buffer *error) {
    if (!word.len) return true;
    char *copy = memory_alloc(word.len);
    if (!copy) {
        buffer_printf(error, "out of memory");
        return false;
    }
    memcpy(copy, word.data, word.len);
    *out = bytes_make(copy, word.len);
    return true;
}

bool value_parse(const struct config_row *row, const struct bytes *words, unsigned count,
                 struct config_value *out, struct buffer *error) {
    *out = (struct config_value){0};
    switch (row->type) {
    case CONFIG_BOOL: return parse_bool(words[0], &out->number, error);
    case CONFIG_INTEGER: return parse_integer(row, words[0], &out->number, error);
    case CONFIG_MEMORY: return parse_memory(row, words[0], &out->number, error);
    case CONFIG_PERCENT_OR_MEMORY:
        return parse_percent_or_memory(row, words[0], &out->number, error);
    case CONFIG_OCTAL: return parse_octal(row, words[0], &out->number, error);
    case CONFIG_CHOICE:
    case CONFIG_FLAGS: return parse_choices(row, words, count, &out->number, error);
    case CONFIG_TEXT: return parse_text(row, words, count, &out->text, error);
    case CONFIG_BINARY: return parse_binary(words[0], &out->binary, error);
    case CONFIG_SPECIAL: break;
    }
    unreachable_code();
}

/* ---- variables ---- */

static int64_t number_of(const struct directive *d) {
    if (d->row->flags & CONFIG_INERT) return d->own.number;
    return d->row->type == CONFIG_BOOL ? *(const bool *)d->row->value
                                       : *(const int64_t *)d->row->value;
}

static char **text_of(const struct directive *d) {
    if (d->row->flags & CONFIG_INERT) return (char **)&d->own.text;
    return d->row->value;
}

static struct bytes *binary_of(const struct directive *d) {
    if (d->row->flags & CONFIG_INERT) return (struct bytes *)&d->own.binary;
    return d->row->value;
}

/* Threads that exclusive mode does not stop, such as that of snapshots, may be reading. */
static void store_number(struct directive *d, int64_t n) {
    if (d->row->flags & CONFIG_INERT)
        d->own.number = n;
    else if (d->row->type == CONFIG_BOOL)
        __atomic_store_n((bool *)d->row->value, n != 0, __ATOMIC_RELAXED);
    else
        __atomic_store_n((int64_t *)d->row->value, n, __ATOMIC_RELAXED);
}

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

bool value_equal(const struct directive *d, const struct config_value *value) {
    if (d->row->type == CONFIG_BINARY) return bytes_equal(*binary_of(d), value->binary);
    if (d->row->type != CONFIG_TEXT) return number_of(d) == value->number;
    return strcmp(text_or_empty(*text_of(d)), text_or_empty(value->text)) == 0;
}

void value_exchange(struct directive *d, struct config_value *value) {
    struct config_value old = {0};
    if (d->row->type == CONFIG_TEXT) {
        old.text = *text_of(d);
        *text_of(d) = value->text;
    } else if (d->row->type == CONFIG_BINARY) {
        old.binary = *binary_of(d);
        *binary_of(d) = value->binary;
    } else {
        old.number = number_of(d);
        store_number(d, value->number);
    }
    *value = old;
}

void value_free(struct config_value *value) {
    memory_free(value->text);
    memory_free((char *)value->binary.data);
    value->text = NULL;
    value->binary = (struct bytes){0};
}

static struct directive *number_named(const char *name) {
    const struct config_name *found = registry_find(bytes_of(name));
    ensure(found && found->directive->row->type != CONFIG_TEXT &&
           found->directive->row->type != CONFIG_BINARY &&
           found->directive->row->type != CONFIG_SPECIAL);
    return found->directive;
}

int64_t config_number(const char *name) {
    return number_of(number_named(name));
}

void config_set_number(const char *name, int64_t number) {
    store_number(number_named(name), number);
}

/* A CHOICE has one value, which may have several names: the first is shown. */
static void format_choices(const struct config_row *row, int64_t n, struct buffer *out) {
    bool first = true;
    for (const struct config_choice *choice = row->choices; choice->name; choice++) {
        bool shown = row->type == CONFIG_CHOICE || !n || !choice->value
                         ? n == choice->value
                         : (n & choice->value) == choice->value;
        if (!shown) continue;
        buffer_printf(out, "%s%s", first ? "" : " ", choice->name);
        if (row->type == CONFIG_CHOICE) return;
        first = false;
    }
}

void value_format(const struct directive *d, struct buffer *out) {
    const struct config_row *row = d->row;
    switch (row->type) {
    case CONFIG_BOOL: buffer_printf(out, "%s", number_of(d) ? "yes" : "no"); return;
    case CONFIG_INTEGER:
    case CONFIG_MEMORY: buffer_printf(out, "%" PRId64, number_of(d)); return;
    case CONFIG_PERCENT_OR_MEMORY:
        if (number_of(d) < 0)
            buffer_printf(out, "%" PRId64 "%%", -number_of(d));
        else
            buffer_printf(out, "%" PRId64, number_of(d));
        return;
    case CONFIG_OCTAL: buffer_printf(out, "%" PRIo64, (uint64_t)number_of(d)); return;
    case CONFIG_CHOICE:
    case CONFIG_FLAGS: format_choices(row, number_of(d), out); return;
    case CONFIG_TEXT: buffer_append_bytes(out, bytes_of(text_or_empty(*text_of(d)))); return;
    case CONFIG_BINARY: buffer_append_bytes(out, *binary_of(d)); return;
    case CONFIG_SPECIAL: row->get(row, out); return;
    }
    unreachable_code();
}
