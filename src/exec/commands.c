/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/commands.h"
#include "base/ensure.h"
#include "exec/keys.h"
#include "sys/memory.h"
#include <stdio.h>

#define EACH_BYTE(b) (0x0101010101010101ull * (b))

/* Eight bytes at once: adding to the low seven bits carries into the eighth exactly when the byte
 * is past a bound, so that bit tells 'A' to 'Z' from all others. */
static uint64_t fold_word(uint64_t word) {
    uint64_t low = word & EACH_BYTE(0x7f);
    uint64_t from_a = low + EACH_BYTE(0x80 - 'A');
    uint64_t past_z = low + EACH_BYTE(0x7f - 'Z');
    uint64_t upper = (from_a ^ past_z) & ~word & EACH_BYTE(0x80);
    return word | upper >> 2;
}

static struct folded_name fold(struct bytes name) {
    uint64_t first = 0, last = 0;
    size_t n = name.len;
    if (LIKELY(n >= 8)) {
        memcpy(&first, name.data, 8);
        memcpy(&last, name.data + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&first, name.data, 4);
        memcpy(&last, name.data + n - 4, 4);
    } else if (n > 0) {
        first = (uint8_t)name.data[0] | (uint64_t)(uint8_t)name.data[n / 2] << 8 |
                (uint64_t)(uint8_t)name.data[n - 1] << 16;
    }
    return (struct folded_name){.first = fold_word(first), .last = fold_word(last), .len = n};
}

static bool same_name(const struct registered *item, const struct folded_name *folded,
                      struct bytes name) {
    if (item->folded.first != folded->first || item->folded.last != folded->last ||
        item->folded.len != folded->len)
        return false;
    return LIKELY(folded->len <= 16) || bytes_equal_nocase(bytes_of(item->name), name);
}

static unsigned name_slot(const struct folded_name *folded) {
    uint64_t mixed = (folded->first ^ folded->len) * 0x9e3779b97f4a7c15ull +
                     folded->last * 0xc2b2ae3d27d4eb4full;
    return (unsigned)(mixed >> 40) % COMMANDS_SLOTS;
}

static unsigned command_slot(const struct command *command) {
    return (unsigned)((uintptr_t)command * 0x9e3779b97f4a7c15ull >> 40) % COMMANDS_SLOTS;
}

static void put(uint16_t *slots, unsigned slot, unsigned index) {
    while (slots[slot])
        slot = (slot + 1) % COMMANDS_SLOTS;
    slots[slot] = (uint16_t)(index + 1);
}

static void index_names(struct commands *commands) {
    memset(commands->by_name, 0, sizeof commands->by_name);
    for (unsigned i = 0; i < commands->count; i++) {
        const struct registered *item = &commands->items[i];
        if (!item->parent && item->name) put(commands->by_name, name_slot(&item->folded), i);
    }
}

static struct registered *append(struct commands *commands, const struct command *command,
                                 const struct registered *parent) {
    ensure(commands->count < COMMANDS_MAX);
    struct registered *item = &commands->items[commands->count];
    *item = (struct registered){
        .folded = fold(bytes_of(command->name)),
        .run = command->run,
        .flags = command->flags,
        .arity = command->arity,
        .key_mode = keys_mode_of(command),
        .one_key = (unsigned)command->keys[0].index,
        .id = commands->count,
        .command = command,
        .parent = parent,
        .name = memory_strdup_need(command->name),
    };
    put(commands->by_command, command_slot(command), commands->count);
    commands->count++;
    return item;
}

void commands_add(struct commands *commands, const struct command *table) {
    for (const struct command *command = table; command->name; command++) {
        ensure(!commands_find(commands, bytes_of(command->name)));
        struct registered *item = append(commands, command, NULL);
        item->subs = commands->count;
        for (const struct command *sub = command->subcommands; sub && sub->name; sub++)
            append(commands, sub, item);
        item->sub_count = commands->count - item->subs;
    }
    index_names(commands);
}

void commands_free(struct commands *commands) {
    for (unsigned i = 0; i < commands->count; i++)
        memory_free(commands->items[i].name);
    memset(commands, 0, sizeof *commands);
}

bool commands_rename(struct commands *commands, struct bytes name, struct bytes new_name) {
    const struct registered *found = commands_find(commands, name);
    if (!found || (new_name.len && commands_find(commands, new_name))) return false;
    struct registered *item = &commands->items[found->id];
    memory_free(item->name);
    item->name = NULL;
    if (new_name.len) {
        item->name = memory_need(new_name.len + 1);
        memcpy(item->name, new_name.data, new_name.len);
        item->folded = fold(new_name);
    }
    index_names(commands);
    return true;
}

const struct registered *commands_find(const struct commands *commands, struct bytes name) {
    struct folded_name folded = fold(name);
    for (unsigned slot = name_slot(&folded);; slot = (slot + 1) % COMMANDS_SLOTS) {
        unsigned index = commands->by_name[slot];
        if (index == 0) return NULL;
        const struct registered *item = &commands->items[index - 1];
        if (same_name(item, &folded, name)) return item;
    }
}

const struct registered *commands_find_sub(const struct commands *commands,
                                           const struct registered *parent, struct bytes name) {
    struct folded_name folded = fold(name);
    for (unsigned i = 0; i < parent->sub_count; i++) {
        const struct registered *item = &commands->items[parent->subs + i];
        if (same_name(item, &folded, name)) return item;
    }
    return NULL;
}

const struct registered *commands_of(const struct commands *commands,
                                     const struct command *command) {
    for (unsigned slot = command_slot(command);; slot = (slot + 1) % COMMANDS_SLOTS) {
        unsigned index = commands->by_command[slot];
        if (index == 0) return NULL;
        if (commands->items[index - 1].command == command) return &commands->items[index - 1];
    }
}

void commands_full_name(const struct registered *item, char *out, size_t size) {
    if (item->parent)
        snprintf(out, size, "%s|%s", item->parent->command->name, item->command->name);
    else
        snprintf(out, size, "%s", item->command->name);
}
