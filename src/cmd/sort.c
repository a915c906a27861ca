/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SORT and SORT_RO. The keys that BY and GET look at follow from the elements, so nobody can lock
 * them beforehand: with these, both run in exclusive mode.
 */
#include "cmd/sort.h"
#include "cmd/shared_collection.h"
#include "exec/acl.h"
#include "value/list.h"

int sort_find_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                   unsigned capacity) {
    unsigned store = 0;
    for (unsigned i = 2; i < argc; i++) {
        if (bytes_is(argv[i], "limit"))
            i += 2;
        else if (bytes_is(argv[i], "by") || bytes_is(argv[i], "get"))
            i++;
        else if (bytes_is(argv[i], "store") && i + 1 < argc)
            store = ++i;
    }
    if (capacity > 0) positions[0] = 1;
    if (store && capacity > 1) positions[1] = store;
    return store ? 2 : 1;
}

static bool looks_up(struct bytes pattern) {
    return pattern.len && memchr(pattern.data, '*', pattern.len);
}

bool sort_needs_exclusive(const struct bytes *argv, unsigned argc) {
    for (unsigned i = 2; i + 1 < argc; i++)
        if ((bytes_is(argv[i], "by") || bytes_is(argv[i], "get")) && looks_up(argv[i + 1]))
            return true;
    return false;
}

/* ---- options ---- */

static bool parse_integer(struct call *call, unsigned argument, int64_t *out) {
    if (number_parse_i64(call->argv[argument], out)) return true;
    reply_not_integer(call->reply);
    return false;
}

/* BY and GET show keys that no argument names. False: it has been answered. */
static bool may_look_up(struct call *call, const char *option) {
    if (acl_permits_any_key(call)) return true;
    reply_errorf(call->reply, "ERR %s option of SORT denied due to insufficient ACL permissions.",
                 option);
    return false;
}

/* The option at *i, which is moved to its last word. False: it has been answered. */
static bool parse_option(struct call *call, bool may_store, unsigned *i,
                         struct sort_options *options) {
    struct bytes word = call->argv[*i];
    unsigned left = call->argc - *i - 1;
    if (bytes_is(word, "asc")) {
        options->descending = false;
    } else if (bytes_is(word, "desc")) {
        options->descending = true;
    } else if (bytes_is(word, "alpha")) {
        options->alpha = true;
    } else if (bytes_is(word, "limit") && left >= 2) {
        *i += 2;
        return parse_integer(call, *i - 1, &options->offset) &&
               parse_integer(call, *i, &options->count);
    } else if (bytes_is(word, "store") && left && may_store) {
        ++*i;
        options->store = &call->keys[1];
    } else if (bytes_is(word, "by") && left) {
        options->by = call->argv[++*i];
        if (looks_up(options->by)) return may_look_up(call, "BY");
        options->unsorted = true;
    } else if (bytes_is(word, "get") && left) {
        options->get[options->get_count++] = call->argv[++*i];
        return may_look_up(call, "GET");
    } else {
        reply_syntax_error(call->reply);
        return false;
    }
    return true;
}

static bool parse_options(struct call *call, bool may_store, struct sort_options *options) {
    *options = (struct sort_options){.count = -1, .get = collection_argv(call->argc)};
    if (!options->get) {
        reply_no_memory(call->reply);
        return false;
    }
    for (unsigned i = 2; i < call->argc; i++)
        if (!parse_option(call, may_store, &i, options)) return false;
    return true;
}

/* ---- answering ---- */

static size_t result_count(const struct sorting *sorting) {
    return sort_count(sorting) * (sorting->options.get_count ? sorting->options.get_count : 1);
}

static void reply_result(struct sorting *sorting) {
    struct reply *reply = sorting->call->reply;
    const struct sort_options *options = &sorting->options;
    reply_array(reply, result_count(sorting));
    for (size_t i = 0; i < sort_count(sorting); i++) {
        struct bytes element = sort_text(sorting, &sort_items(sorting)[i]), text;
        if (!options->get_count) reply_bulk(reply, element);
        for (unsigned j = 0; j < options->get_count; j++) {
            struct sort_scratch scratch;
            if (sort_look_up(sorting, options->get[j], element, &scratch, &text))
                reply_bulk(reply, text);
            else
                reply_null(reply);
        }
    }
}

/* ---- STORE ---- */

static bool append_result(struct sorting *sorting, struct buffer *pack) {
    const struct sort_options *options = &sorting->options;
    for (size_t i = 0; i < sort_count(sorting); i++) {
        struct bytes element = sort_text(sorting, &sort_items(sorting)[i]), text;
        if (!options->get_count && !pack_append(pack, element)) return false;
        for (unsigned j = 0; j < options->get_count; j++) {
            struct sort_scratch scratch;
            if (!sort_look_up(sorting, options->get[j], element, &scratch, &text)) text = BYTES("");
            if (!pack_append(pack, text)) return false;
        }
    }
    return !sorting->no_memory;
}

static bool fill_list(struct bytes pack, struct list_edit *edit) {
    char scratch[PACK_TEXT_MAX];
    if (!list_edit_prepare(edit, pack_count(pack), pack.len - PACK_EMPTY_SIZE, 0)) return false;
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at))
        if (!list_edit_push(edit, LIST_RIGHT, pack_get_text(pack, at, scratch))) return false;
    return true;
}

bool sort_make_list(struct sorting *sorting, struct list_edit *edit, struct buffer *scratch) {
    struct buffer pack = {0};
    *edit = (struct list_edit){0};
    bool done = pack_init(&pack) && append_result(sorting, &pack);
    if (done && pack_count(buffer_bytes(&pack)))
        done = list_edit_begin(edit, NULL, scratch) && fill_list(buffer_bytes(&pack), edit);
    buffer_free(&pack);
    if (!done) list_edit_drop(edit);
    return done;
}

void sort_put_list(struct call *call, const struct key *key, struct list_edit *edit, size_t count) {
    struct spot spot;
    struct edit what = {{EVENT_LIST, "sortstore"}, call->argv, call->argc};
    bool there = keyspace_seek_whole(&call->view, key, &spot) != NULL, done = true;
    if (count) {
        struct value list = list_edit_value(edit);
        done = keyspace_replace(&call->view, &spot, &list, EXPIRY_NONE, &what);
        if (!done) list_edit_drop(edit);
    } else if (there) {
        keyspace_remove(&call->view, &spot, (struct event){EVENT_GENERIC, "del"});
    }
    if (done)
        reply_integer(call->reply, (int64_t)count);
    else
        reply_no_memory(call->reply);
}

static void store_result(struct sorting *sorting) {
    struct call *call = sorting->call;
    struct list_edit edit;
    if (sort_make_list(sorting, &edit, collection_scratch()))
        sort_put_list(call, sorting->options.store, &edit, result_count(sorting));
    else
        reply_no_memory(call->reply);
}

/* ---- the commands ---- */

void sorting_free(struct sorting *sorting) {
    buffer_free(&sorting->texts);
    buffer_free(&sorting->items);
    buffer_free(&sorting->name);
}

static void answer(struct sorting *sorting, const struct value *value) {
    if (sort_take(sorting, value) && sort_taken(sorting)) {
        if (sorting->options.store)
            store_result(sorting);
        else
            reply_result(sorting);
    } else if (sorting->no_number) {
        reply_error(sorting->call->reply, SORT_NO_NUMBER);
    } else {
        reply_no_memory(sorting->call->reply);
    }
}

static void run(struct call *call, bool may_store) {
    struct sorting sorting = {.call = call};
    struct sort_options *options = &sorting.options;
    if (!parse_options(call, may_store, options)) return;
    const struct entry *e = keyspace_find(&call->view, &call->keys[0]);
    if (e && entry_type(e) != TYPE_LIST && entry_type(e) != TYPE_SET &&
        entry_type(e) != TYPE_ZSET) {
        reply_wrong_type(call->reply);
        return;
    }
    struct value value;
    if (e) value = entry_value(e);
    if (e && options->unsorted && options->store && value.type == TYPE_SET) {
        /* What is stored should not depend on the order in which a set happens to be kept. */
        options->unsorted = false;
        options->alpha = true;
        options->by = bytes_make(NULL, 0);
    }
    if (e && sort_later(call, options, &value)) return;
    answer(&sorting, e ? &value : NULL);
    sorting_free(&sorting);
}

void sort_sort(struct call *call) {
    run(call, true);
}

void sort_sort_ro(struct call *call) {
    run(call, false);
}
