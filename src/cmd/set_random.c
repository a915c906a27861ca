/* SPDX-License-Identifier: BSD-3-Clause */
/* Members at random: SRANDMEMBER answers them, SPOP removes them too. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/set.h"
#include "cmd/shared_set.h"
#include "sys/thread.h"
#include "value/choose.h"

static bool reply_member(void *context, struct bytes member) {
    reply_bulk(context, member);
    return true;
}

/* ---- SRANDMEMBER ---- */

static void reply_random(struct call *call, const struct value *set) {
    char text[PACK_TEXT_MAX];
    reply_bulk(call->reply, set_random(set, collection_random(), text));
}

struct choosing {
    struct choice choice;
    struct reply *reply;
};

static bool choose_member(void *context, struct bytes member) {
    struct choosing *choosing = context;
    if (choose_next(&choosing->choice)) reply_bulk(choosing->reply, member);
    return true;
}

static uint64_t choose_some(const struct stream_source *source, struct choice *choice) {
    struct choosing *choosing = CONTAINER_OF(choice, struct choosing, choice);
    return set_scan(&source->value, source->next, 1, choose_member, choosing);
}

static bool reply_chosen(struct stream_source *source, struct reply *reply) {
    struct choosing choosing = {.reply = reply};
    return collection_choose(source, reply, &choosing.choice, choose_some);
}

static bool reply_repeated(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    char text[PACK_TEXT_MAX];
    for (; source->left && !stream_has_piece(reply, start); source->left--)
        reply_bulk(reply, set_random(&source->value, collection_random(), text));
    return source->left > 0;
}

static void reply_different(struct call *call, const struct value *set, uint64_t count) {
    size_t before = call->reply->out->len;
    uint64_t length = set_length(set);
    count = MIN(count, length);
    reply_array(call->reply, count);
    struct stream_source source = {
        .produce = reply_chosen, .value = *set, .next_low = length, .left = count};
    if (count && collection_stream(call, &source)) return;
    if (count && !set_sample(set, count, collection_random(), reply_member, call->reply))
        collection_reply_no_memory(call, before);
}

static void reply_several(struct call *call, const struct value *set, int64_t count) {
    if (count >= 0) {
        reply_different(call, set, (uint64_t)count);
        return;
    }
    reply_array(call->reply, (uint64_t)-count);
    struct stream_source source = {
        .produce = reply_repeated, .value = *set, .left = (uint64_t)-count};
    if (collection_stream(call, &source)) return;
    while (reply_repeated(&source, call->reply) && !call->reply->failed)
        ;
}

void set_srandmember(struct call *call) {
    int64_t count = 0;
    struct value set;
    bool exists;
    if (call->argc > 3) {
        reply_syntax_error(call->reply);
        return;
    }
    if (call->argc == 3 && !collection_parse_count(call, 2, &count)) return;
    if (!collection_read(call, &call->keys[0], TYPE_SET, &set, &exists)) return;
    if (call->argc == 2) {
        if (exists)
            reply_random(call, &set);
        else
            reply_null(call->reply);
    } else if (exists) {
        reply_several(call, &set, count);
    } else {
        reply_array(call->reply, 0);
    }
}

/* ---- SPOP: a few, one by one ---- */

/* Members that have been answered and go, kept for the record of that: SREM key member ... */
#define BATCH 256
struct going {
    struct reply *reply;
    struct buffer names;
    size_t ends[BATCH]; /* of each name in `names` */
    unsigned count;
};

static bool note_going(void *context, struct bytes member) {
    struct going *going = context;
    if (!buffer_append_bytes(&going->names, member)) return false;
    going->ends[going->count++] = going->names.len;
    reply_bulk(going->reply, member);
    return true;
}

/* Stores the set without those that have gone so far. Only the last batch has an event. */
static bool store_rest(struct call *call, struct spot *spot, struct set_edit *edit,
                       struct going *going, bool last) {
    struct bytes argv[BATCH + 2] = {BYTES("SREM"), spot->key->name};
    unsigned argc = 2;
    for (size_t start = 0; argc < going->count + 2; argc++) {
        size_t end = going->ends[argc - 2];
        argv[argc] = bytes_make(going->names.data + start, end - start);
        start = end;
    }
    going->count = 0;
    going->names.len = 0;
    if (last) return set_store(call, spot, edit, "spop", argv, argc);
    return keyspace_put(&call->view, spot, &edit->value, &(struct edit){{0}, argv, argc});
}

/* There are more than `count`. False: no memory, which may show only after some have gone. */
static bool pop_some(struct call *call, struct spot *spot, uint64_t count) {
    static _Thread_local struct going going;
    if (UNLIKELY(!going.names.data)) thread_owns_buffer(&going.names);
    struct set_edit edit;
    struct value old = entry_value(spot->entry);
    set_edit_begin(&edit, &old, collection_scratch());
    going.reply = call->reply;
    bool done = true;
    while (count-- && done) {
        done = set_pop(&edit, collection_random(), note_going, &going) == SET_DONE;
        if (done && count && going.count == BATCH)
            done = store_rest(call, spot, &edit, &going, false);
    }
    return (!going.count || store_rest(call, spot, &edit, &going, true)) && done;
}

/* ---- SPOP: all, or nearly ---- */

static void pop_all(struct call *call, struct spot *spot) {
    struct value set = entry_value(spot->entry);
    set_each(&set, reply_member, call->reply);
    keyspace_notify(&call->view, spot->key, (struct event){EVENT_SET, "spop"});
    keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
}

/* Those that stay make a new set. */
struct parting {
    struct choice stays;
    struct set_edit *rest;
    struct reply *reply;
    bool failed;
};

static bool part(void *context, struct bytes member) {
    struct parting *parting = context;
    if (choose_next(&parting->stays))
        parting->failed = set_add(parting->rest, member) == SET_NO_MEMORY;
    else
        reply_bulk(parting->reply, member);
    return !parting->failed;
}

static bool pop_most(struct call *call, struct spot *spot, uint64_t length, uint64_t count) {
    struct set_edit rest;
    struct value set = entry_value(spot->entry);
    struct parting parting = {
        {collection_random(), length - count, length}, &rest, call->reply, false};
    set_edit_begin_new(&rest, set.form == SET_INTSET ? SET_INTSET : SET_LISTPACK,
                       collection_scratch());
    set_each(&set, part, &parting);
    const struct edit edit = {.event = {EVENT_SET, "spop"}};
    if (!parting.failed &&
        keyspace_replace(&call->view, spot, &rest.value, entry_expiry(spot->entry), &edit))
        return true;
    set_edit_drop(&rest);
    return false;
}

/* When so many times fewer stay than go, these make a new set. */
#define FEW_STAY 5

static void pop_count(struct call *call, struct spot *spot, uint64_t count) {
    struct value set = entry_value(spot->entry);
    size_t before = call->reply->out->len;
    uint64_t length = set_length(&set);
    bool done = true;
    reply_set(call->reply, MIN(count, length));
    if (count >= length)
        pop_all(call, spot);
    else if ((length - count) * FEW_STAY <= count)
        done = pop_most(call, spot, length, count);
    else
        done = pop_some(call, spot, count);
    if (!done) collection_reply_no_memory(call, before);
}

static void pop_one(struct call *call, struct spot *spot) {
    size_t before = call->reply->out->len;
    if (!pop_some(call, spot, 1)) collection_reply_no_memory(call, before);
}

void set_spop(struct call *call) {
    struct spot spot;
    int64_t count = 1;
    if (call->argc > 3) {
        reply_syntax_error(call->reply);
        return;
    }
    if (call->argc == 3 && (!number_parse_i64(call->argv[2], &count) || count < 0)) {
        reply_error(call->reply, "ERR value is out of range, must be positive");
        return;
    }
    if (!collection_seek(call, &call->keys[0], TYPE_SET, &spot)) return;
    if (call->argc == 2) {
        if (spot.entry)
            pop_one(call, &spot);
        else
            reply_null(call->reply);
    } else if (spot.entry && count) {
        pop_count(call, &spot, (uint64_t)count);
    } else {
        reply_set(call->reply, 0);
    }
}
