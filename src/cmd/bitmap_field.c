/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BITFIELD. The arguments are parsed twice, so that no list of operations has to be kept: once to
 * see whether they are right and how far they write, once to run them.
 *
 * The string is grown to all that will be written before the first operation runs. So memory can
 * fail only before anything has changed or has been answered.
 */
#include "base/ensure.h"
#include "cmd/bitmap.h"
#include "cmd/shared_string.h"
#include "value/bits_field.h"

enum field_command { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct operation {
    enum field_command command;
    struct bits_type type;
    enum bits_overflow overflow;
    uint64_t offset;
    int64_t number; /* of SET and INCRBY */
};

/* Where the parsing is, and the OVERFLOW that holds from there on. */
struct cursor {
    unsigned at;
    enum bits_overflow overflow;
};

enum step { STEP_OPERATION, STEP_END, STEP_ERROR };

static enum step wrong(struct call *call, const char *error) {
    reply_error(call->reply, error);
    return STEP_ERROR;
}

/* Takes OVERFLOW arguments as long as there are some. */
static enum step parse_overflow(struct call *call, struct cursor *cursor) {
    while (cursor->at + 1 < call->argc && bytes_is(call->argv[cursor->at], "overflow")) {
        struct bytes word = call->argv[cursor->at + 1];
        if (bytes_is(word, "wrap"))
            cursor->overflow = BITS_WRAP;
        else if (bytes_is(word, "sat"))
            cursor->overflow = BITS_SATURATE;
        else if (bytes_is(word, "fail"))
            cursor->overflow = BITS_FAIL;
        else
            return wrong(call, "ERR Invalid OVERFLOW type specified");
        cursor->at += 2;
    }
    return cursor->at < call->argc ? STEP_OPERATION : STEP_END;
}

static bool parse_command(struct bytes word, enum field_command *out) {
    static const char *const names[] = {"get", "set", "incrby"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!bytes_is(word, names[i])) continue;
        *out = (enum field_command)i;
        return true;
    }
    return false;
}

/* The next operation; what is wrong with it is answered. */
static enum step parse_operation(struct call *call, struct cursor *cursor, struct operation *out) {
    enum step step = parse_overflow(call, cursor);
    if (step != STEP_OPERATION) return step;
    const struct bytes *argv = call->argv + cursor->at;
    unsigned left = call->argc - cursor->at;
    if (!parse_command(argv[0], &out->command) || left < (out->command == FIELD_GET ? 3 : 4)) {
        reply_syntax_error(call->reply);
        return STEP_ERROR;
    }
    out->overflow = cursor->overflow;
    if (!bits_type_parse(argv[1], &out->type))
        return wrong(call, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is "
                           "not supported but i64 is.");
    if (!bitmap_parse_offset(call, argv[2], out->type.width, &out->offset)) return STEP_ERROR;
    if (out->command == FIELD_GET) {
        cursor->at += 3;
        return STEP_OPERATION;
    }
    if (!string_parse_integer(call, cursor->at + 3, &out->number)) return STEP_ERROR;
    cursor->at += 4;
    return STEP_OPERATION;
}

uint32_t bitmap_bitfield_key_flags(const struct bytes *argv, unsigned argc) {
    unsigned at = 2;
    while (at < argc) {
        if (bytes_is(argv[at], "get") && argc - at > 2)
            at += 3;
        else if (bytes_is(argv[at], "overflow") && argc - at > 1)
            at += 2;
        else
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

/* What the first parsing finds out. */
struct plan {
    size_t count;
    size_t written; /* bytes that the string has to have for all that is written; 0 = nothing is */
};

static bool make_plan(struct call *call, bool readonly, struct plan *out) {
    struct cursor cursor = {.at = 2};
    struct operation operation;
    enum step step;
    *out = (struct plan){0};
    while ((step = parse_operation(call, &cursor, &operation)) == STEP_OPERATION) {
        out->count++;
        if (operation.command == FIELD_GET) continue;
        size_t end = (operation.offset + operation.type.width - 1) / 8 + 1;
        out->written = MAX(out->written, end);
    }
    if (step == STEP_ERROR) return false;
    if (!readonly || !out->written) return true;
    reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
    return false;
}

static void run_reads(struct call *call, size_t count) {
    struct bytes value;
    if (!string_read(call, &call->keys[0], &value)) return;
    reply_array(call->reply, count);
    struct cursor cursor = {.at = 2};
    struct operation operation;
    while (parse_operation(call, &cursor, &operation) == STEP_OPERATION)
        reply_integer(call->reply, bits_get(value, operation.offset, operation.type));
}

/* Runs one on a string that is large enough. Returns whether it has been carried out, and not been
 * refused for an overflow. */
static bool run_operation(struct call *call, struct spot *spot, const struct operation *o,
                          bool *changed) {
    struct bytes string = string_at(spot);
    int64_t old = bits_get(string, o->offset, o->type), new = old;
    bool done = true;
    if (o->command == FIELD_SET) done = bits_fit(o->type, o->overflow, o->number, &new);
    if (o->command == FIELD_INCRBY) done = bits_add(o->type, o->overflow, old, o->number, &new);
    if (!done) {
        reply_null(call->reply);
        return false;
    }
    if (new != old) {
        char window[BITS_WINDOW];
        size_t size = bits_put(string, o->offset, o->type, new, window);
        struct bytes piece = bytes_make(window, size);
        ensure(keyspace_write_range(&call->view, spot, o->offset / 8, piece, (struct event){0}));
        *changed = true;
    }
    reply_integer(call->reply, o->command == FIELD_SET ? old : new);
    return o->command != FIELD_GET;
}

static void run_writes(struct call *call, const struct plan *plan) {
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    bool grown = string_at(&spot).len < plan->written, written = false, changed = false;
    if (grown &&
        !keyspace_write_range(&call->view, &spot, plan->written, BYTES(""), (struct event){0})) {
        reply_no_memory(call->reply);
        return;
    }
    bitmap_mark_edited(spot.entry);
    reply_array(call->reply, plan->count);
    struct cursor cursor = {.at = 2};
    struct operation operation;
    while (parse_operation(call, &cursor, &operation) == STEP_OPERATION)
        written |= run_operation(call, &spot, &operation, &changed);
    if (changed || (grown && written))
        keyspace_notify(&call->view, &call->keys[0], (struct event){EVENT_STRING, "setbit"});
}

static void run(struct call *call, bool readonly) {
    struct plan plan;
    if (!make_plan(call, readonly, &plan)) return;
    if (plan.written)
        run_writes(call, &plan);
    else
        run_reads(call, plan.count);
}

void bitmap_bitfield(struct call *call) {
    run(call, false);
}

void bitmap_bitfield_ro(struct call *call) {
    run(call, true);
}
