/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/library.h"
#include "base/log.h"
#include "journal/journal.h"
#include "script/functions.h"

struct writing {
    bool (*write)(void *to, struct bytes code);
    void *to;
    bool failed;
};

static void write_one(void *context, struct bytes code) {
    struct writing *writing = context;
    if (!writing->failed) writing->failed = !writing->write(writing->to, code);
}

bool library_write_all(void *context, bool (*write)(void *to, struct bytes code), void *to) {
    struct writing writing = {.write = write, .to = to};
    functions_each(write_one, &writing);
    return !writing.failed;
}

void library_clear(void) {
    functions_flush();
}

bool library_read(void *context, struct bytes code) {
    struct buffer error = {0};
    bool good = functions_restore_library(code, &error);
    if (!good) log_warning("A library of functions: %.*s", (int)error.len, error.data);
    buffer_free(&error);
    return good;
}

static void note_library(void *context, struct bytes code) {
    const struct bytes load[] = {BYTES("function"), BYTES("load"), code};
    journal_note_command(context, load, ARRAY_LEN(load));
}

static void note_libraries(void *context) {
    static const struct bytes flush[] = {BYTES("function"), BYTES("flush")};
    journal_note_command(context, flush, ARRAY_LEN(flush));
    functions_each(note_library, context);
}

void library_keep(struct journal *journal) {
    functions_on_change(note_libraries, journal);
}
