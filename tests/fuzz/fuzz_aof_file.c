/* SPDX-License-Identifier: BSD-3-Clause */
/* Append-only files and their manifests: whatever the bytes, reading ends and stays within them;
 * what is whole before an error is the same however the bytes come. */
#include "base/ensure.h"
#include "base/hash.h"
#include "journal/aof_file.h"
#include "pieces.h"

#include <stdint.h>
#include <stdlib.h>

/* Something of all arguments of all commands. */
static uint64_t read_all(struct bytes bytes, size_t most) {
    struct pieces input = {bytes, most};
    struct aof_file *file = aof_file_open(pieces_read(&input), 0);
    struct aof_record r;
    uint64_t sum = 0;
    ensure(file);
    while (aof_file_next(file, &r) == AOF_ITEM_COMMAND) {
        ensure(r.argc > 0);
        for (unsigned i = 0; i < r.argc; i++)
            sum = sum * 31 + hash_bytes(r.argv[i].data, r.argv[i].len);
    }
    ensure(r.item == AOF_ITEM_END || *aof_file_error(file));
    ensure(r.offset <= bytes.len && aof_file_offset(file) <= bytes.len);
    aof_file_close(file);
    return sum + r.item;
}

static void check_part(void *context, const struct aof_part *part) {
    ensure(*part->name && !memchr(part->name, '/', strlen(part->name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned line;
    char *exact = malloc(size + !size); /* so that reading beyond is seen */
    memcpy(exact, data, size);
    struct bytes bytes = bytes_make(exact, size);
    ensure(read_all(bytes, SIZE_MAX) == read_all(bytes, 1));
    aof_manifest_read(bytes, check_part, NULL, &line);
    aof_file_is_one(bytes);
    free(exact);
    return 0;
}
