/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO's frame: which sections there are, which were asked for, and in what order they show. */
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "sys/memory.h"

#define WRITERS_MAX 64

struct info_entry {
    const char *section;
    uint32_t flags;
    unsigned rank;
    info_writer *writer;
    void *context;
};

struct info_frame {
    struct info_entry entries[WRITERS_MAX]; /* in the order in which they show */
    unsigned count;
};

/* The order that tools and people are used to. */
static const char *const known_order[] = {
    "Server",      "TLS",          "Clients",           "Memory",
    "Persistence", "Stats",        "Replication",       "CPU",
    "Modules",     "Commandstats", "Errorstats",        "Latencystats",
    "Cluster",     "Cluster Info", "Scripting Engines", "Keyspace",
};

static unsigned rank_of(const char *section) {
    for (unsigned i = 0; i < ARRAY_LEN(known_order); i++)
        if (bytes_is(bytes_of(section), known_order[i])) return i;
    return ARRAY_LEN(known_order);
}

struct info_frame *info_frame_create(void) {
    return memory_need(sizeof(struct info_frame));
}

void info_frame_free(struct info_frame *frame) {
    memory_free(frame);
}

/* After its equals, so that writers of one section stay together and in order; a section that is
 * not known goes after the known ones. */
void info_register(struct exec *exec, const char *section, uint32_t flags, info_writer *writer,
                   void *context) {
    struct info_frame *frame = exec->info;
    ensure(frame->count < WRITERS_MAX);
    unsigned rank = rank_of(section), at = frame->count;
    while (at > 0 && frame->entries[at - 1].rank > rank)
        at--;
    memmove(&frame->entries[at + 1], &frame->entries[at],
            (frame->count - at) * sizeof frame->entries[0]);
    frame->entries[at] = (struct info_entry){section, flags, rank, writer, context};
    frame->count++;
}

static bool is_wanted(const struct info_entry *entry, const struct bytes *sections,
                      unsigned count) {
    if (count == 0) return entry->flags & INFO_DEFAULT;
    for (unsigned i = 0; i < count; i++) {
        struct bytes name = sections[i];
        if (bytes_is(name, "all") || bytes_is(name, "everything")) return true;
        if (bytes_is(name, "default") && entry->flags & INFO_DEFAULT) return true;
        if (bytes_is(name, entry->section)) return true;
    }
    return false;
}

void info_write(struct exec *exec, struct buffer *out, const struct bytes *sections,
                unsigned count) {
    const struct info_frame *frame = exec->info;
    const char *open = NULL;
    for (unsigned i = 0; i < frame->count; i++) {
        const struct info_entry *entry = &frame->entries[i];
        if (!is_wanted(entry, sections, count)) continue;
        if (!open || strcmp(open, entry->section) != 0)
            buffer_printf(out, "%s# %s\r\n", open ? "\r\n" : "", entry->section);
        open = entry->section;
        entry->writer(exec, out, entry->context);
    }
}
