/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/aof_folder.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_manifest(const char *name) {
    static const char ending[] = ".manifest";
    size_t length = strlen(name);
    return length >= sizeof ending && strcmp(name + length - sizeof ending + 1, ending) == 0;
}

/* How many manifests there are in the folder, and the path of one; or a negative errno. */
static int find_manifest(const char *folder, char path[PATH_MAX]) {
    int found = 0;
    DIR *directory = opendir(folder);
    if (!directory) return -errno;
    for (const struct dirent *e; (e = readdir(directory));)
        if (is_manifest(e->d_name) &&
            snprintf(path, PATH_MAX, "%s/%s", folder, e->d_name) < PATH_MAX)
            found++;
    closedir(directory);
    return found;
}

static void note_part(void *context, const struct aof_part *part) {
    struct aof_folder *folder = context;
    if (part->type == AOF_PART_HISTORY) return;
    if (folder->count == folder->room) {
        unsigned room = folder->room ? folder->room * 2 : 8;
        struct aof_part *grown = memory_realloc(folder->parts, room * sizeof *grown);
        if (!grown) return;
        folder->parts = grown;
        folder->room = room;
    }
    folder->parts[folder->count++] = *part;
}

/* The base first, and what came after it in its order. */
static int compare_parts(const void *one, const void *other) {
    const struct aof_part *a = one, *b = other;
    if (a->type != b->type) return a->type == AOF_PART_BASE ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

bool aof_folder_read(struct aof_folder *folder, const char *path, struct buffer *error) {
    char manifest[PATH_MAX];
    struct buffer text = {0};
    unsigned line;
    int status = find_manifest(path, manifest);
    if (status == 1) status = file_read_all(manifest, &text);
    if (status < 0)
        buffer_printf(error, "%s", strerror(-status));
    else if (status > 0)
        buffer_printf(error, "the folder has more than one manifest");
    else if (!text.data)
        buffer_printf(error, "the folder has no manifest of an AOF (*.manifest)");
    else if (!aof_manifest_read(buffer_bytes(&text), note_part, folder, &line))
        buffer_printf(error, "line %u of the manifest makes no sense", line);
    buffer_free(&text);
    if (error->len) return false;
    if (folder->count) qsort(folder->parts, folder->count, sizeof *folder->parts, compare_parts);
    return true;
}

void aof_folder_free(struct aof_folder *folder) {
    memory_free(folder->parts);
    *folder = (struct aof_folder){0};
}
