/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG SET: all changes or none. First every name is looked at, then all values are stored, then
 * they are put into effect; what fails takes everything back. */
#include "base/log.h"
#include "config/config_priv.h"
#include "sys/memory.h"

enum { ALLOWED_NO, ALLOWED_YES, ALLOWED_LOCAL };

struct change {
    const struct config_name *name;
    struct bytes value;
    struct config_value before;
};

static void refuse(struct bytes name, const char *why, struct buffer *error) {
    buffer_printf(error, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s",
                  (int)name.len, name.data, why);
}

static void refuse_change(const struct change *change, struct buffer *why, struct buffer *error) {
    refuse(bytes_of(change->name->name), buffer_append_char(why, 0) ? why->data : "out of memory",
           error);
}

static const char *why_fixed(const struct config_row *row, bool local) {
    if (row->flags & CONFIG_IMMUTABLE) return "can't set immutable config";
    int64_t allowed =
        row->flags & CONFIG_PROTECTED ? config_number("enable-protected-configs") : ALLOWED_YES;
    bool may = allowed == ALLOWED_YES || (allowed == ALLOWED_LOCAL && local);
    return may ? NULL : "can't set protected config";
}

/* Finds the directives, and refuses the first name that may not be set. */
static bool look_up(const struct bytes *words, unsigned count, bool local, struct change *changes,
                    struct buffer *error) {
    for (unsigned i = 0; i < count; i++) {
        struct bytes name = words[2 * i];
        const struct config_name *found = registry_find(name);
        if (!found || (found->directive->row->flags & CONFIG_START_ONLY)) {
            buffer_printf(error,
                          "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                          (int)name.len, name.data);
            return false;
        }
        const char *why = why_fixed(found->directive->row, local);
        for (unsigned j = 0; !why && j < i; j++)
            if (changes[j].name == found) why = "duplicate parameter";
        if (why) {
            refuse(name, why, error);
            return false;
        }
        changes[i] = (struct change){.name = found, .value = words[2 * i + 1]};
    }
    return true;
}

static bool store(struct change *change, struct buffer *why) {
    struct words words;
    if (!words_of(change->name->directive, change->value, &words)) {
        buffer_printf(why, "out of memory");
        return false;
    }
    bool good =
        directive_set(change->name->directive, words.items, words.count, &change->before, why);
    words_free(&words);
    return good;
}

static bool apply(const struct change *change, struct buffer *why) {
    const struct config_row *row = change->name->directive->row;
    return !row->apply || row->apply(row, why);
}

/* Takes back the first `stored` changes, of which `applied` were tried. */
static void take_back(struct change *changes, unsigned stored, unsigned applied) {
    struct buffer why = {0};
    for (unsigned i = stored; i-- > 0;)
        directive_restore(changes[i].name->directive, &changes[i].before);
    for (unsigned i = 0; i < applied; i++)
        if (!apply(&changes[i], &why))
            log_warning("%s could not be set back: %.*s", changes[i].name->name, (int)why.len,
                        why.data);
    buffer_free(&why);
}

static bool change_all(struct change *changes, unsigned count, struct buffer *error) {
    struct buffer why = {0};
    unsigned stored = 0, applied = 0;
    while (stored < count && store(&changes[stored], &why))
        stored++;
    if (stored < count) {
        refuse_change(&changes[stored], &why, error);
        take_back(changes, stored, 0);
        buffer_free(&why);
        return false;
    }
    while (applied < count && apply(&changes[applied], &why))
        applied++;
    if (applied < count) {
        refuse_change(&changes[applied], &why, error);
        take_back(changes, count, applied + 1);
        buffer_free(&why);
        return false;
    }
    buffer_free(&why);
    return true;
}

bool config_set(const struct bytes *words, unsigned count, bool local, struct buffer *error) {
    unsigned pairs = count / 2;
    struct change *changes = memory_alloc_zero((pairs + 1) * sizeof *changes);
    if (!changes) {
        buffer_printf(error, "ERR out of memory");
        return false;
    }
    bool good = look_up(words, pairs, local, changes, error) && change_all(changes, pairs, error);
    for (unsigned i = 0; good && i < pairs; i++) {
        value_free(&changes[i].before);
        changes[i].name->directive->given = true;
        directive_note(changes[i].name->directive);
    }
    memory_free(changes);
    return good;
}
