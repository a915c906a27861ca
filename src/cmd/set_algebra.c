/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Intersections, unions and differences. The members of a result are told one by one to where they
 * go: into the reply, or into a new set.
 *
 * Which name a stored result has (OBJECT ENCODING) depends on how Valkey comes to it, and so
 * follows that: see the functions that begin and end a result.
 */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/set.h"
#include "cmd/shared_set.h"
#include "sys/memory.h"
#include "value/limits.h"
#include <stdlib.h>

/* ---- the sets that a command names ---- */

struct operands {
    struct value *sets; /* of missing keys: `exists` is false */
    bool *exists;
    unsigned count;
    struct value few_sets[16];
    bool few_exist[16];
};

static void operands_free(struct operands *operands) {
    if (operands->sets == operands->few_sets) return;
    memory_free(operands->sets);
    memory_free(operands->exists);
}

static bool operands_alloc(struct operands *operands, unsigned count) {
    operands->count = count;
    operands->sets = operands->few_sets;
    operands->exists = operands->few_exist;
    if (count <= ARRAY_LEN(operands->few_sets)) return true;
    operands->sets = memory_alloc(count * sizeof *operands->sets);
    operands->exists = memory_alloc(count * sizeof *operands->exists);
    if (operands->sets && operands->exists) return true;
    operands_free(operands);
    return false;
}

/* Looks up the sets of the call's keys from `first` on. False: something is wrong, and that has
 * been answered. */
static bool operands_find(struct call *call, unsigned first, struct operands *operands) {
    if (!operands_alloc(operands, call->key_count - first)) {
        reply_no_memory(call->reply);
        return false;
    }
    for (unsigned i = 0; i < operands->count; i++) {
        operands->sets[i] = (struct value){0};
        if (collection_read(call, &call->keys[first + i], TYPE_SET, &operands->sets[i],
                            &operands->exists[i]))
            continue;
        operands_free(operands);
        return false;
    }
    return true;
}

static uint64_t length_of(const struct operands *operands, unsigned i) {
    return operands->exists[i] ? set_length(&operands->sets[i]) : 0;
}

/* ---- intersection ---- */

static int by_length(const void *a, const void *b) {
    uint64_t one = set_length(a), other = set_length(b);
    return (one > other) - (one < other);
}

struct intersecting {
    const struct operands *operands;
    set_visitor *visit;
    void *context;
};

static bool intersect_one(void *context, struct bytes member) {
    const struct intersecting *intersecting = context;
    const struct operands *operands = intersecting->operands;
    for (unsigned i = 1; i < operands->count; i++)
        if (!set_has(&operands->sets[i], member)) return true;
    return intersecting->visit(intersecting->context, member);
}

/* Sorts the sets by length, and tells of the members of the first that all others have. */
static void intersect(struct operands *operands, set_visitor *visit, void *context) {
    for (unsigned i = 0; i < operands->count; i++)
        if (!operands->exists[i]) return;
    qsort(operands->sets, operands->count, sizeof *operands->sets, by_length);
    set_each(&operands->sets[0], intersect_one, &(struct intersecting){operands, visit, context});
}

/* ---- union ---- */

/* Tells of a member if it has not been told of yet. */
struct uniting {
    struct set_edit seen;
    struct buffer pack;
    set_visitor *visit;
    void *context;
    bool failed;
};

static bool unite_one(void *context, struct bytes member) {
    struct uniting *uniting = context;
    enum set_outcome outcome = set_add(&uniting->seen, member);
    uniting->failed = outcome == SET_NO_MEMORY;
    if (outcome == SET_DONE) return uniting->visit(uniting->context, member);
    return outcome == SET_SAME;
}

/* False: no memory, some may have been told. */
static bool unite(const struct operands *operands, set_visitor *visit, void *context) {
    struct uniting uniting = {.visit = visit, .context = context};
    set_edit_begin_new(&uniting.seen, SET_INTSET, &uniting.pack);
    for (unsigned i = 0; i < operands->count && !uniting.failed; i++)
        if (operands->exists[i]) set_each(&operands->sets[i], unite_one, &uniting);
    set_edit_drop(&uniting.seen);
    buffer_free(&uniting.pack);
    return !uniting.failed;
}

/* ---- difference ---- */

struct subtracting {
    const struct operands *operands;
    set_visitor *visit;
    void *context;
    struct set_edit excluded; /* what members of the first set are in others too */
    struct buffer pack;
    bool failed;
};

static bool subtract_one(void *context, struct bytes member) {
    const struct subtracting *subtracting = context;
    const struct operands *operands = subtracting->operands;
    for (unsigned i = 1; i < operands->count; i++)
        if (operands->exists[i] && set_has(&operands->sets[i], member)) return true;
    return subtracting->visit(subtracting->context, member);
}

static bool exclude_one(void *context, struct bytes member) {
    struct subtracting *subtracting = context;
    if (set_has(&subtracting->operands->sets[0], member))
        subtracting->failed = set_add(&subtracting->excluded, member) == SET_NO_MEMORY;
    return !subtracting->failed;
}

static bool subtract_excluded(void *context, struct bytes member) {
    const struct subtracting *subtracting = context;
    return set_has(&subtracting->excluded.value, member) ||
           subtracting->visit(subtracting->context, member);
}

/* Is the first set so much larger than the others together that it is worth going through them
 * instead of looking up each of its members in each of them. */
static bool first_is_large(const struct operands *operands) {
    uint64_t all = 0, first = length_of(operands, 0);
    for (unsigned i = 0; i < operands->count; i++)
        all += length_of(operands, i);
    return first * operands->count / 2 > all;
}

/* False: no memory, nothing has been told. */
static bool subtract(const struct operands *operands, set_visitor *visit, void *context) {
    struct subtracting subtracting = {operands, visit, context};
    if (!operands->exists[0]) return true;
    if (!first_is_large(operands)) {
        set_each(&operands->sets[0], subtract_one, &subtracting);
        return true;
    }
    set_edit_begin_new(&subtracting.excluded, SET_INTSET, &subtracting.pack);
    for (unsigned i = 1; i < operands->count && !subtracting.failed; i++)
        if (operands->exists[i]) set_each(&operands->sets[i], exclude_one, &subtracting);
    if (!subtracting.failed) set_each(&operands->sets[0], subtract_excluded, &subtracting);
    set_edit_drop(&subtracting.excluded);
    buffer_free(&subtracting.pack);
    return !subtracting.failed;
}

/* ---- answering a result ---- */

struct answer {
    struct reply *reply;
    uint64_t count;
};

static bool answer_one(void *context, struct bytes member) {
    struct answer *answer = context;
    reply_bulk(answer->reply, member);
    answer->count++;
    return true;
}

static bool perform(enum set_operation operation, struct operands *operands, set_visitor *visit,
                    void *context) {
    switch (operation) {
    case SET_UNITE: return unite(operands, visit, context);
    case SET_SUBTRACT: return subtract(operands, visit, context);
    default: intersect(operands, visit, context); return true;
    }
}

static void answer_result(struct call *call, enum set_operation operation) {
    struct operands operands;
    struct answer answer = {call->reply, 0};
    if (!operands_find(call, 0, &operands)) return;
    if (!set_show_many(call, operation, operands.sets, operands.exists, operands.count)) {
        size_t before = call->reply->out->len, mark = reply_open(call->reply);
        if (perform(operation, &operands, answer_one, &answer))
            reply_close_set(call->reply, mark, answer.count);
        else
            collection_reply_no_memory(call, before);
    }
    operands_free(&operands);
}

void set_sinter(struct call *call) {
    answer_result(call, SET_INTERSECT);
}

void set_sunion(struct call *call) {
    answer_result(call, SET_UNITE);
}

void set_sdiff(struct call *call) {
    answer_result(call, SET_SUBTRACT);
}

/* ---- storing a result ---- */

struct result {
    struct set_edit edit;
    bool only_integers;
    bool failed;
    const atomic_bool *is_void; /* NULL: it is needed for sure */
};

static bool store_one(void *context, struct bytes member) {
    struct result *result = context;
    int64_t number;
    result->only_integers = result->only_integers && number_parse_i64(member, &number);
    result->failed = set_add(&result->edit, member) == SET_NO_MEMORY;
    if (result->is_void && atomic_load_explicit(result->is_void, memory_order_relaxed))
        result->failed = true;
    return !result->failed;
}

/* The name that the first set's members alone would have, one after the other. */
struct naming {
    enum set_form form;
    uint64_t length;
    size_t longest;
};

static bool name_one(void *context, struct bytes member) {
    struct naming *naming = context;
    naming->form = set_form_with(naming->form, naming->length++, naming->longest, member);
    naming->longest = MAX(naming->longest, member.len);
    return naming->form != SET_HASHTABLE;
}

static enum set_form first_form(const struct operands *operands, enum set_operation operation) {
    if (operation != SET_INTERSECT) return SET_INTSET;
    const struct value *shortest = &operands->sets[0];
    for (unsigned i = 0; i < operands->count; i++) {
        if (!operands->exists[i]) return SET_LISTPACK;
        if (set_length(&operands->sets[i]) < set_length(shortest)) shortest = &operands->sets[i];
    }
    return shortest->form == SET_INTSET ? SET_INTSET : SET_LISTPACK;
}

/* The largest of the sets, if it is so large that a union with it is called "hashtable" whatever
 * else is in it; otherwise there is none such, and `count` is returned. */
static unsigned find_base(const struct operands *operands) {
    unsigned base = 0;
    for (unsigned i = 1; i < operands->count; i++)
        if (length_of(operands, i) > length_of(operands, base)) base = i;
    uint64_t length = length_of(operands, base);
    bool sure = length > (uint64_t)value_limits.set_max_intset_entries &&
                length > (uint64_t)value_limits.set_max_listpack_entries;
    return sure && operands->sets[base].large ? base : operands->count;
}

/* A union that is stored needs no set besides of what it has seen, and copying a set is much faster
 * than adding its members. */
static bool store_union(const struct operands *operands, struct result *result) {
    unsigned base = find_base(operands);
    if (base < operands->count &&
        !set_edit_begin_copy(&result->edit, &operands->sets[base], result->edit.pack))
        return false;
    for (unsigned i = 0; i < operands->count && !result->failed; i++)
        if (operands->exists[i] && i != base) set_each(&operands->sets[i], store_one, result);
    return !result->failed;
}

/* Gives the result the name that it goes by. */
static void name_result(struct result *result, const struct operands *operands,
                        enum set_operation operation) {
    struct value *set = &result->edit.value;
    if (operation == SET_SUBTRACT && first_is_large(operands)) {
        struct naming naming = {.form = SET_INTSET};
        set_each(&operands->sets[0], name_one, &naming);
        result->failed = !set_edit_rename(&result->edit, naming.form);
    } else if (operation == SET_INTERSECT && result->only_integers && set->form != SET_INTSET) {
        result->failed = !set_edit_rename(&result->edit, SET_INTSET);
    }
}

static void put_result(struct call *call, struct result *result, const char *event) {
    struct spot spot;
    const struct value *set = &result->edit.value;
    const struct edit edit = {{EVENT_SET, event}, call->argv, call->argc};
    int64_t length = (int64_t)set_length(set);
    keyspace_seek_whole(&call->view, &call->keys[0], &spot);
    if (!length) {
        if (spot.entry) keyspace_remove(&call->view, &spot, (struct event){EVENT_GENERIC, "del"});
        set_edit_drop(&result->edit);
    } else if (!keyspace_replace(&call->view, &spot, set, EXPIRY_NONE, &edit)) {
        set_edit_drop(&result->edit);
        reply_no_memory(call->reply);
        return;
    }
    reply_integer(call->reply, length);
}

/* False: no memory; the result is to be dropped in any case. */
static bool make_result(enum set_operation operation, struct operands *operands,
                        struct result *result, struct buffer *pack) {
    result->only_integers = true;
    set_edit_begin_new(&result->edit, first_form(operands, operation), pack);
    bool done = operation == SET_UNITE ? store_union(operands, result)
                                       : perform(operation, operands, store_one, result);
    if (done && !result->failed) name_result(result, operands, operation);
    return done && !result->failed;
}

/* The same in the background. */
struct storing {
    struct stream_work work;
    enum set_operation operation;
    const char *event;
    struct result result;
    struct buffer pack;
    bool begun, stored;
    struct value values[];
};

static struct storing *storing_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct storing, work);
}

static bool prepare(struct stream_work *work) {
    struct storing *storing = storing_of(work);
    struct operands operands;
    if (!operands_alloc(&operands, work->value_count)) return false;
    for (unsigned i = 0; i < operands.count; i++) {
        operands.sets[i] = storing->values[i];
        operands.exists[i] = storing->values[i].large || storing->values[i].small.data;
    }
    storing->result.is_void = &work->is_void;
    storing->begun = true;
    bool done = make_result(storing->operation, &operands, &storing->result, &storing->pack);
    operands_free(&operands);
    return done;
}

static void put_prepared(struct stream_work *work, struct call *call) {
    struct storing *storing = storing_of(work);
    put_result(call, &storing->result, storing->event);
    storing->stored = true;
}

static void free_storing(struct stream_work *work) {
    struct storing *storing = storing_of(work);
    if (storing->begun && !storing->stored) set_edit_drop(&storing->result.edit);
    buffer_free(&storing->pack);
    memory_free(storing);
}

/* False: it is better done at once. */
static bool store_later(struct call *call, enum set_operation operation,
                        const struct operands *operands, const char *event) {
    uint64_t members = set_effort(operation, operands->sets, operands->exists, operands->count);
    if (LIKELY(!stream_work_may_wait(call, members))) return false;
    size_t size = operands->count * sizeof *operands->sets;
    struct storing *storing = memory_alloc(sizeof *storing + size);
    if (!storing) return false;
    *storing = (struct storing){.work = {.values = storing->values,
                                         .value_count = operands->count,
                                         .prepare = prepare,
                                         .store = put_prepared,
                                         .free = free_storing},
                                .operation = operation,
                                .event = event};
    memcpy(storing->values, operands->sets, size);
    stream_work_run(call, &storing->work, members);
    return true;
}

static void store_result(struct call *call, enum set_operation operation, const char *event) {
    struct operands operands;
    struct result result = {0};
    if (!operands_find(call, 1, &operands)) return;
    if (store_later(call, operation, &operands, event)) {
        operands_free(&operands);
        return;
    }
    bool done = make_result(operation, &operands, &result, collection_scratch());
    operands_free(&operands);
    if (done) {
        put_result(call, &result, event);
    } else {
        set_edit_drop(&result.edit);
        reply_no_memory(call->reply);
    }
}

void set_sinterstore(struct call *call) {
    store_result(call, SET_INTERSECT, "sinterstore");
}

void set_sunionstore(struct call *call) {
    store_result(call, SET_UNITE, "sunionstore");
}

void set_sdiffstore(struct call *call) {
    store_result(call, SET_SUBTRACT, "sdiffstore");
}

/* ---- SINTERCARD ---- */

struct counting {
    uint64_t count, limit; /* 0 = no limit */
};

static bool count_one(void *context, struct bytes member) {
    (void)member;
    struct counting *counting = context;
    return ++counting->count != counting->limit;
}

/* numkeys key ... [LIMIT limit] */
static bool parse_limit(struct call *call, uint64_t *limit) {
    int64_t keys, n;
    *limit = 0;
    if (!number_parse_i64(call->argv[1], &keys) || keys < 1 || keys > INT64_MAX) {
        reply_error(call->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    if (keys > (int64_t)call->argc - 2) {
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    for (unsigned i = (unsigned)keys + 2; i < call->argc; i += 2) {
        if (!bytes_is(call->argv[i], "limit") || i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        }
        if (!number_parse_i64(call->argv[i + 1], &n) || n < 0) {
            reply_error(call->reply, "ERR LIMIT can't be negative");
            return false;
        }
        *limit = (uint64_t)n;
    }
    return true;
}

void set_sintercard(struct call *call) {
    struct operands operands;
    struct counting counting = {0};
    if (!parse_limit(call, &counting.limit) || !operands_find(call, 0, &operands)) return;
    if (!set_count_many(call, operands.sets, operands.exists, operands.count, counting.limit)) {
        intersect(&operands, count_one, &counting);
        reply_integer(call->reply, (int64_t)counting.count);
    }
    operands_free(&operands);
}
