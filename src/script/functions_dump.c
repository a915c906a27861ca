/* SPDX-License-Identifier: BSD-3-Clause */
/* FUNCTION DUMP and RESTORE: payloads (value/rdb.h) with a byte and its code for each library. */
#include "base/ensure.h"
#include "script/functions_priv.h"
#include "value/rdb.h"

#define OPCODE_FUNCTION 245u

static bool write_payload(struct buffer *out) {
    const struct library *library;
    LIST_FOREACH(library, &functions.libraries, link) {
        if (!buffer_append_char(out, (char)OPCODE_FUNCTION) ||
            !rdb_write_string(out, library->code))
            return false;
    }
    return rdb_payload_end(out, RDB_VERSION);
}

void functions_dump(struct call *call) {
    struct buffer payload = {0};
    if (write_payload(&payload))
        reply_bulk(call->reply, buffer_bytes(&payload));
    else
        reply_no_memory(call->reply);
    buffer_free(&payload);
}

void functions_each(functions_visitor *fn, void *context) {
    const struct library *library;
    LIST_FOREACH(library, &functions.libraries, link)
    fn(context, library->code);
}

/* ---- RESTORE ---- */

static void free_all(struct list_node *libraries) {
    while (!list_empty(libraries)) {
        struct library *library = LIST_FIRST(libraries, struct library, link);
        list_remove(&library->link);
        library_release(library);
    }
}

/* Reads and runs the payload's libraries, which go to a list of their own. */
static bool read_libraries(unsigned worker, struct vm *vm, struct rdb_reader *reader,
                           struct list_node *out, struct buffer *error) {
    while (reader->left.len) {
        uint8_t type;
        struct rdb_text code = {0};
        if (!rdb_read_byte(reader, &type) || type != OPCODE_FUNCTION) {
            buffer_printf(error, "ERR given type is not a function");
            return false;
        }
        if (!rdb_read_text(reader, &code)) {
            buffer_printf(error, "ERR Failed loading library data");
            return false;
        }
        struct library *library = library_load(worker, vm, code.bytes, true, error);
        rdb_text_free(&code);
        if (!library) return false;
        list_append(out, &library->link);
    }
    return true;
}

/* Would the library stay in the way of one of the list? */
static struct library *namesake(const struct list_node *list, const struct library *library) {
    struct library *other;
    LIST_FOREACH(other, (struct list_node *)list, link) {
        if (other != library && bytes_equal(other->name, library->name)) return other;
    }
    return NULL;
}

/* Nothing of the list collides with what there is, or within itself. */
static bool fits(const struct list_node *libraries, enum functions_policy policy,
                 struct buffer *error) {
    const struct library *library;
    const struct function *function;
    LIST_FOREACH(library, (struct list_node *)libraries, link) {
        bool is_there = policy == FUNCTIONS_APPEND && functions_find_library(library->name);
        if (is_there || namesake(libraries, library)) {
            buffer_printf(error, "ERR Library %s already exists", library->name.data);
            return false;
        }
        LIST_FOREACH(function, &library->functions, in_library) {
            const struct function *other = functions_find(function->name);
            if (policy == FUNCTIONS_FLUSH || !other || namesake(libraries, other->library) ||
                bytes_equal(other->library->name, library->name))
                continue;
            buffer_printf(error, "ERR Function %s already exists", function->name.data);
            return false;
        }
    }
    return true;
}

static bool add_all(struct list_node *libraries, struct buffer *error) {
    while (!list_empty(libraries)) {
        struct library *library = LIST_FIRST(libraries, struct library, link);
        list_remove(&library->link);
        if (functions_add(library, true, error)) continue;
        library_release(library);
        return false;
    }
    return true;
}

static bool restore(unsigned worker, struct vm *vm, struct rdb_reader *reader,
                    enum functions_policy policy, struct buffer *error) {
    struct list_node libraries;
    list_init(&libraries);
    bool good =
        read_libraries(worker, vm, reader, &libraries, error) && fits(&libraries, policy, error);
    if (good) {
        if (policy == FUNCTIONS_FLUSH) functions_clear();
        good = add_all(&libraries, error);
        functions_notify_change();
    }
    free_all(&libraries);
    return good;
}

void functions_restore(struct call *call, struct bytes payload, enum functions_policy policy) {
    struct rdb_reader reader;
    struct buffer error = {0};
    if (!rdb_payload_open(&reader, payload, 0)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    struct vm *vm = worker_vm(call->worker, VM_FUNCTIONS);
    if (vm && restore(call->worker, vm, &reader, policy, &error))
        reply_ok(call->reply);
    else if (error.len)
        reply_error_bytes(call->reply, buffer_bytes(&error));
    else
        reply_no_memory(call->reply);
    buffer_free(&error);
}

bool functions_restore_library(struct bytes code, struct buffer *error) {
    struct vm *vm = worker_vm(0, VM_FUNCTIONS);
    struct library *library = vm ? library_load(0, vm, code, true, error) : NULL;
    if (library && functions_add(library, true, error)) return true;
    if (library) library_release(library);
    if (!error->len) buffer_printf(error, "ERR not enough memory");
    return false;
}
