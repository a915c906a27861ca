/* SPDX-License-Identifier: BSD-3-Clause */
/* A manifest has a line for each file: "file NAME seq NUMBER type b|i|h", names quoted where they
 * need it. */
#include "base/args.h"
#include "base/number.h"
#include "journal/aof_file.h"

static bool read_name(struct bytes name, struct aof_part *part) {
    if (!name.len || name.len >= sizeof part->name || memchr(name.data, '/', name.len) ||
        memchr(name.data, 0, name.len))
        return false;
    memcpy(part->name, name.data, name.len);
    part->name[name.len] = 0;
    return true;
}

static bool read_type(struct bytes type, struct aof_part *part) {
    if (type.len != 1) return false;
    switch (type.data[0]) {
    case 'b': part->type = AOF_PART_BASE; return true;
    case 'i': part->type = AOF_PART_INCREMENT; return true;
    case 'h': part->type = AOF_PART_HISTORY; return true;
    default: return false;
    }
}

static bool read_part(const struct args *args, struct aof_part *part) {
    bool name = false, sequence = false, type = false;
    if (args->count % 2) return false;
    for (unsigned i = 0; i < args->count; i += 2) {
        struct bytes field = args->items[i], value = args->items[i + 1];
        if (bytes_is(field, "file")) name = read_name(value, part);
        if (bytes_is(field, "seq")) sequence = number_parse_u64(value, &part->sequence);
        if (bytes_is(field, "type")) type = read_type(value, part);
    }
    return name && sequence && type;
}

bool aof_manifest_read(struct bytes text, void (*visit)(void *context, const struct aof_part *part),
                       void *context, unsigned *line) {
    for (*line = 1; text.len; ++*line) {
        const char *end = memchr(text.data, '\n', text.len);
        struct bytes row = bytes_make(text.data, end ? (size_t)(end - text.data) : text.len);
        text = bytes_skip(text, row.len + (end ? 1 : 0));
        if (!row.len || row.data[0] == '#') continue;
        struct args args = {0};
        struct aof_part part = {0};
        bool good = args_split(&args, row) == ARGS_OK && read_part(&args, &part);
        args_free(&args);
        if (!good) return false;
        visit(context, &part);
    }
    return true;
}
