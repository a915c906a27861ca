/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "exec/exec_priv.h"

/* Counts under a name that is there already; false when it is not. */
static bool add_known(struct error_codes *codes, struct bytes name, uint64_t count) {
    for (unsigned i = 0; i < codes->count; i++) {
        if (!bytes_equal(bytes_of(codes->codes[i].name), name)) continue;
        codes->codes[i].count += count;
        return true;
    }
    return false;
}

static void add_new(struct error_codes *codes, struct bytes name, uint64_t count) {
    struct error_code *code = &codes->codes[codes->count++];
    memcpy(code->name, name.data, name.len);
    code->name[name.len] = 0;
    code->count = count;
}

void error_codes_add(struct error_codes *codes, struct bytes name, uint64_t count) {
    codes->total += count;
    if (add_known(codes, name, count)) return;
    if (codes->count >= ERROR_CODES_MAX) {
        name = BYTES("ERRORSTATS_OVERFLOW");
        if (add_known(codes, name, count)) return;
    }
    add_new(codes, name, count);
}

struct bytes error_code_of(struct bytes reply) {
    size_t most = MIN(reply.len, ERROR_CODE_NAME_MAX);
    const char *space = most ? memchr(reply.data, ' ', most) : NULL;
    if (!space || space == reply.data) return BYTES("ERR");
    return bytes_make(reply.data + 1, (size_t)(space - reply.data) - 1);
}
