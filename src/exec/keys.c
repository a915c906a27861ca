/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/keys.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/exec.h"
#include "sys/memory.h"

/* The positions that one spec finds: `count` of them, `step` apart. */
struct key_range {
    unsigned first, count, step;
};

#define EACH_SPEC(spec, command)                                                                   \
    for (const struct key_spec *spec = (command)->keys;                                            \
         spec < (command)->keys + ARRAY_LEN((command)->keys) && spec->search != KEY_SEARCH_NONE;   \
         spec++)

enum key_mode keys_mode_of(const struct command *command) {
    const struct key_spec *spec = command->keys;
    if (command->find_keys) return KEYS_CUSTOM;
    if (spec->search == KEY_SEARCH_NONE) return KEYS_NONE;
    bool alone = spec[1].search == KEY_SEARCH_NONE && !(spec->flags & KEY_NOT_KEY);
    bool single = spec->search == KEY_SEARCH_INDEX && spec->find == KEY_FIND_RANGE && !spec->last;
    return alone && single ? KEYS_ONE : KEYS_SPECS;
}

/* Where a spec's keys begin; 0 when its keyword is not there. */
static unsigned begin(const struct key_spec *spec, const struct bytes *argv, unsigned argc) {
    if (spec->search == KEY_SEARCH_INDEX) return (unsigned)spec->index;
    int at = spec->index > 0 ? spec->index : (int)argc + spec->index;
    int end = spec->index > 0 ? (int)argc - 1 : 1; /* the keyword is never the last word */
    int step = spec->index > 0 ? 1 : -1;
    for (; at > 0 && (end - at) * step > 0; at += step)
        if (bytes_is(argv[at], spec->keyword)) return (unsigned)at + 1;
    return 0;
}

static bool range_of_last(const struct key_spec *spec, unsigned first, unsigned argc,
                          struct key_range *out) {
    int64_t last = first + spec->last;
    if (spec->last < 0 && spec->limit > 1)
        last = first + (int64_t)(argc - first) / spec->limit + spec->last;
    else if (spec->last < 0)
        last = (int64_t)argc + spec->last;
    if (first >= argc || last >= argc || last < first) return false;
    unsigned step = (unsigned)spec->step;
    *out = (struct key_range){first, (unsigned)(last - first) / step + 1, step};
    return true;
}

static bool range_of_count(const struct key_spec *spec, unsigned first, unsigned least,
                           const struct bytes *argv, unsigned argc, struct key_range *out) {
    int64_t count;
    unsigned at = first + (unsigned)spec->count_index;
    if (at >= argc || !number_parse_i64(argv[at], &count) || count < (int64_t)least || count > argc)
        return false;
    first += (unsigned)spec->first_index;
    if (count > 0 && first + (uint64_t)(count - 1) * (unsigned)spec->step >= argc) return false;
    *out = (struct key_range){first, (unsigned)count, (unsigned)spec->step};
    return true;
}

/* What a spec that search and find say more of than "unknown" finds. false: the arguments make no
 * sense for the command. */
static bool find_range(const struct command *command, const struct key_spec *spec,
                       const struct bytes *argv, unsigned argc, struct key_range *out) {
    *out = (struct key_range){0};
    if (spec->search == KEY_SEARCH_UNKNOWN || spec->find == KEY_FIND_UNKNOWN) return true;
    if (spec->flags & KEY_NOT_KEY) return true;
    unsigned first = begin(spec, argv, argc);
    if (first == 0) return true;
    unsigned least = command->flags & CMD_SCRIPT ? 0 : 1; /* scripts alone need no key */
    if (spec->find == KEY_FIND_COUNT) return range_of_count(spec, first, least, argv, argc, out);
    return range_of_last(spec, first, argc, out);
}

static int find_custom(const struct command *command, const struct bytes *argv, unsigned argc,
                       unsigned *positions, uint32_t *flags, unsigned capacity) {
    int count = command->find_keys(argv, argc, positions, capacity);
    uint32_t later = command->keys[0].flags;
    EACH_SPEC(spec, command) later = spec->flags;
    for (int i = 0; flags && i < count && (unsigned)i < capacity; i++)
        flags[i] = i ? later : command->keys[0].flags;
    return count;
}

static bool is_incomplete(const struct command *command) {
    uint32_t flags = 0;
    EACH_SPEC(spec, command) flags |= spec->flags;
    return flags & KEY_INCOMPLETE;
}

/* Of a line that makes no sense, the specs may still tell which words would be keys. */
int exec_find_keys(const struct command *command, const struct bytes *argv, unsigned argc,
                   unsigned *positions, uint32_t *flags, unsigned capacity) {
    if (command->find_keys) {
        int found = find_custom(command, argv, argc, positions, flags, capacity);
        if (found >= 0 || is_incomplete(command)) return found;
    }
    unsigned count = 0;
    EACH_SPEC(spec, command) {
        struct key_range range;
        if (!find_range(command, spec, argv, argc, &range)) return -1;
        bool vary = spec->flags & KEY_VARIABLE_FLAGS && command->key_flags;
        uint32_t does = vary ? command->key_flags(argv, argc) : spec->flags;
        for (unsigned i = 0; i < range.count; i++, count++) {
            if (count >= capacity) continue;
            if (positions) positions[count] = range.first + i * range.step;
            if (flags) flags[count] = does;
        }
    }
    return (int)count;
}

/* ---- lists ---- */

bool key_list_reserve_slow(struct key_list *list, size_t more) {
    size_t capacity = MAX(list->count + more, list->capacity * 2);
    struct key *grown =
        memory_realloc(list->borrowed ? NULL : list->items, capacity * sizeof *grown);
    if (!grown) return false;
    if (list->borrowed) memcpy(grown, list->items, list->count * sizeof *grown);
    list->items = grown;
    list->capacity = capacity;
    list->borrowed = false;
    return true;
}

void key_list_free(struct key_list *list) {
    if (!list->borrowed) memory_free(list->items);
    *list = (struct key_list){0};
}

static bool collect_specs(struct key_list *list, const struct command *command,
                          const struct bytes *argv, unsigned argc) {
    EACH_SPEC(spec, command) {
        struct key_range range;
        if (!find_range(command, spec, argv, argc, &range)) break;
        if (!key_list_reserve(list, range.count)) return false;
        for (unsigned i = 0; i < range.count; i++)
            list->items[list->count++] = key_make(argv[range.first + i * range.step]);
    }
    return true;
}

static bool collect_custom(struct key_list *list, const struct command *command,
                           const struct bytes *argv, unsigned argc) {
    unsigned few[16], *positions = few;
    int count = command->find_keys(argv, argc, few, ARRAY_LEN(few));
    if (count <= 0) return true;
    if ((size_t)count > ARRAY_LEN(few)) {
        positions = memory_alloc((size_t)count * sizeof *positions);
        if (!positions) return false;
        command->find_keys(argv, argc, positions, (unsigned)count);
    }
    bool room = key_list_reserve(list, (size_t)count);
    for (int i = 0; room && i < count; i++)
        list->items[list->count++] = key_make(argv[positions[i]]);
    if (positions != few) memory_free(positions);
    return room;
}

bool keys_collect_many(struct key_list *list, const struct registered *found,
                       const struct bytes *argv, unsigned argc) {
    if (found->key_mode == KEYS_CUSTOM) return collect_custom(list, found->command, argv, argc);
    return collect_specs(list, found->command, argv, argc);
}
