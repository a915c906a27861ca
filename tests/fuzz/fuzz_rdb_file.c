/* SPDX-License-Identifier: BSD-3-Clause */
/* RDB files: whatever the bytes, reading ends, stays within them, and either notes an error or
 * comes to the end. Values that are read can be written; keys that are read are read again as the
 * same. */
#include "base/ensure.h"
#include "journal/rdb_file.h"
#include "pieces.h"
#include "value/types.h"

#include <stdint.h>
#include <stdlib.h>

static int write_output(void *context, struct bytes piece) {
    return buffer_append_bytes(context, piece) ? 0 : -1;
}

static void take_key(struct rdb_file *file, const struct rdb_record *r, struct rdb_writer *writer) {
    struct buffer scratch = {0};
    struct value value = {0};
    bool no_memory;
    if (rdb_file_value(file, r, 1700000000000, &scratch, &value, &no_memory)) {
        ensure(rdb_writer_key(writer, &r->key, &value));
        if (value.large) value_ops(value.type)->free(value.object);
    }
    ensure(!no_memory);
    buffer_free(&scratch);
}

/* Reads all; keys go to the writer, if there is one. Returns how many values were good. */
static bool read_all(struct bytes bytes, size_t most, struct rdb_writer *writer) {
    struct pieces input = {bytes, most};
    struct rdb_file *file = rdb_file_open(pieces_read(&input));
    struct rdb_record r;
    ensure(file);
    do {
        rdb_file_next(file, &r);
        if (r.item == RDB_ITEM_KEY && writer) take_key(file, &r, writer);
    } while (r.item != RDB_ITEM_END && r.item != RDB_ITEM_ERROR);
    ensure(r.item == RDB_ITEM_END || *rdb_file_error(file));
    ensure(rdb_file_offset(file) <= bytes.len);
    rdb_file_close(file);
    return r.item == RDB_ITEM_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer out = {0};
    struct rdb_writer writer;
    value_types_register();
    char *exact = malloc(size + !size); /* so that reading beyond is seen */
    memcpy(exact, data, size);
    rdb_writer_begin(&writer, (struct rdb_output){write_output, &out},
                     (struct rdb_format){RDB_VERSION, true});
    bool good = read_all(bytes_make(exact, size), SIZE_MAX, &writer);
    ensure(read_all(bytes_make(exact, size), 1, NULL) == good);
    free(exact);
    ensure(rdb_writer_end(&writer) == 0);
    ensure(read_all(buffer_bytes(&out), SIZE_MAX, NULL));
    rdb_writer_free(&writer);
    buffer_free(&out);
    return 0;
}
