/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/key.h"
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_entry.h"
#include "exec/stream.h"
#include "sys/memory.h"

static const struct event deleted = {EVENT_GENERIC, "del"};

void key_del(struct call *call) {
    int64_t removed = 0;
    for (unsigned i = 0; i < call->key_count; i++) {
        struct spot spot;
        if (!keyspace_seek_whole(&call->view, &call->keys[i], &spot)) continue;
        keyspace_remove(&call->view, &spot, deleted);
        removed++;
    }
    reply_integer(call->reply, removed);
}

void key_unlink(struct call *call) {
    key_del(call);
}

/* How many of the keys `look` finds; one that is named twice counts twice. */
static void count_keys(struct call *call,
                       struct entry *(*look)(struct view *, const struct key *)) {
    int64_t found = 0;
    for (unsigned i = 0; i < call->key_count; i++)
        found += look(&call->view, &call->keys[i]) != NULL;
    reply_integer(call->reply, found);
}

void key_exists(struct call *call) {
    count_keys(call, keyspace_peek);
}

/* Asked for it, it touches in spite of CLIENT NO-TOUCH. */
void key_touch(struct call *call) {
    call->view.no_touch = false;
    count_keys(call, keyspace_find);
}

void key_type(struct call *call) {
    const struct entry *e = keyspace_peek(&call->view, &call->keys[0]);
    reply_simple(call->reply, e ? entry_type_name(entry_type(e)) : "none");
}

/* ---- RENAME, RENAMENX ---- */

enum rename_result { RENAME_DONE, RENAME_TAKEN, RENAME_NO_KEY, RENAME_NO_MEMORY };

static enum rename_result rename_key(struct call *call, bool only_if_free) {
    const struct key *from = &call->keys[0], *to = &call->keys[1];
    /* The source is looked up last: finding it may remove it, and then the other spot is void, but
     * not needed either. */
    struct spot source, target;
    keyspace_seek_whole(&call->view, to, &target);
    if (!keyspace_seek_whole(&call->view, from, &source)) return RENAME_NO_KEY;
    if (only_if_free && target.entry) return RENAME_TAKEN;
    if (bytes_equal(from->name, to->name)) return RENAME_DONE;
    return keyspace_rename(&call->view, &source, &target) ? RENAME_DONE : RENAME_NO_MEMORY;
}

void key_rename(struct call *call) {
    switch (rename_key(call, false)) {
    case RENAME_NO_KEY: reply_no_such_key(call->reply); break;
    case RENAME_NO_MEMORY: reply_no_memory(call->reply); break;
    default: reply_ok(call->reply); break;
    }
}

void key_renamenx(struct call *call) {
    switch (rename_key(call, true)) {
    case RENAME_NO_KEY: reply_no_such_key(call->reply); break;
    case RENAME_NO_MEMORY: reply_no_memory(call->reply); break;
    case RENAME_TAKEN: reply_integer(call->reply, 0); break;
    case RENAME_DONE: reply_integer(call->reply, 1); break;
    }
}

/* ---- COPY, MOVE ---- */

/* A database by its number; false: the error is written. */
static bool parse_database(struct call *call, struct bytes text, uint32_t *db) {
    int64_t n;
    if (!number_parse_i64(text, &n)) {
        reply_not_integer(call->reply);
    } else if (n < INT32_MIN || n > INT32_MAX) {
        reply_errorf(call->reply, "ERR value is out of range, value must between %d and %d",
                     INT32_MIN, INT32_MAX);
    } else if (n < 0 || n >= keyspace_databases(call->view.keyspace)) {
        reply_error(call->reply, "ERR DB index is out of range");
    } else {
        *db = (uint32_t)n;
        return true;
    }
    return false;
}

static void same_object_error(struct call *call) {
    reply_error(call->reply, "ERR source and destination objects are the same");
}

struct copy_options {
    uint32_t db;
    bool replace;
};

static bool parse_copy_options(struct call *call, struct copy_options *options) {
    *options = (struct copy_options){.db = call->view.db};
    for (unsigned i = 3; i < call->argc; i++) {
        if (bytes_is(call->argv[i], "replace")) {
            options->replace = true;
        } else if (bytes_is(call->argv[i], "db") && i + 1 < call->argc) {
            if (!parse_database(call, call->argv[++i], &options->db)) return false;
        } else {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

/* What COPY needs: the source, which is there, and where it goes. */
struct copy_ends {
    struct view target_view;
    struct spot target;
    const struct entry *source;
};

/* `look` is for the source. False: it does not happen, and that has been answered. */
static bool find_ends(struct call *call, const struct copy_options *options,
                      struct entry *(*look)(struct view *, const struct key *),
                      struct copy_ends *ends) {
    ends->target_view = call->view;
    ends->target_view.db = options->db;
    keyspace_seek_whole(&ends->target_view, &call->keys[1], &ends->target);
    ends->source = look(&call->view, &call->keys[0]);
    if (ends->source && (!ends->target.entry || options->replace)) return true;
    reply_integer(call->reply, 0);
    return false;
}

/* `made`: a copy of the source's object, if there is one. False: that is still the caller's. */
static bool copy(struct call *call, struct copy_ends *ends, void *made) {
    const struct bytes again[] = {BYTES("COPY"), call->argv[1], call->argv[2], BYTES("REPLACE")};
    struct edit edit = {.event = {EVENT_GENERIC, "copy_to"}};
    /* Who would hear of a large value could not but go through all of it. */
    if (entry_is_object(ends->source) && ends->target_view.db == call->view.db) {
        edit.argv = again;
        edit.argc = ARRAY_LEN(again);
    }
    bool done = keyspace_copy(&ends->target_view, ends->source, made, &ends->target, &edit);
    if (done)
        reply_integer(call->reply, 1);
    else
        reply_no_memory(call->reply);
    return done;
}

/* The copying of a large value in the background. */
struct copying {
    struct stream_work work;
    struct copy_options options;
    struct value value;
    void *made; /* nobody else knows it yet */
};

static struct copying *copying_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct copying, work);
}

static bool prepare(struct stream_work *work) {
    struct copying *copying = copying_of(work);
    copying->made = value_ops(copying->value.type)->copy(copying->value.object);
    return copying->made != NULL;
}

static void put_prepared(struct stream_work *work, struct call *call) {
    struct copying *copying = copying_of(work);
    struct copy_ends ends;
    if (!find_ends(call, &copying->options, keyspace_look, &ends)) return;
    if (copy(call, &ends, copying->made)) copying->made = NULL;
}

static void free_copying(struct stream_work *work) {
    struct copying *copying = copying_of(work);
    if (copying->made) value_ops(copying->value.type)->free(copying->made);
    memory_free(copying);
}

/* What is copied while a work goes through an element. */
#define BYTES_PER_ELEMENT 64

/* False: it is better done at once. */
static bool copy_later(struct call *call, const struct copy_options *options,
                       const struct entry *source) {
    if (LIKELY(!entry_is_object(source))) return false;
    struct value value = entry_value(source);
    uint64_t elements = value_ops(value.type)->memory(value.object) / BYTES_PER_ELEMENT;
    if (LIKELY(!stream_work_may_wait(call, elements))) return false;
    struct copying *copying = memory_alloc(sizeof *copying);
    if (!copying) return false;
    *copying = (struct copying){.work = {.value_count = 1,
                                         .prepare = prepare,
                                         .store = put_prepared,
                                         .target = 1,
                                         .free = free_copying},
                                .options = *options,
                                .value = value};
    copying->work.values = &copying->value;
    stream_work_run(call, &copying->work, elements);
    return true;
}

void key_copy(struct call *call) {
    struct copy_options options;
    struct copy_ends ends;
    if (!parse_copy_options(call, &options)) return;
    if (options.db == call->view.db && bytes_equal(call->keys[0].name, call->keys[1].name))
        same_object_error(call);
    else if (find_ends(call, &options, keyspace_find, &ends) &&
             !copy_later(call, &options, ends.source))
        copy(call, &ends, NULL);
}

void key_move(struct call *call) {
    struct view target_view = call->view;
    if (!parse_database(call, call->argv[2], &target_view.db)) return;
    if (target_view.db == call->view.db) {
        same_object_error(call);
        return;
    }
    struct spot source, target;
    keyspace_seek_whole(&target_view, &call->keys[0], &target);
    if (!keyspace_seek_whole(&call->view, &call->keys[0], &source) || target.entry) {
        reply_integer(call->reply, 0);
    } else if (!keyspace_move(&call->view, &source, &target_view, &target)) {
        reply_no_memory(call->reply);
    } else {
        reply_integer(call->reply, 1);
    }
}
