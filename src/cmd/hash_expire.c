/* SPDX-License-Identifier: BSD-3-Clause */
/* When fields expire: HEXPIRE, HTTL, HPERSIST and their variants. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/hash.h"
#include "cmd/hash_options.h"

/* What is answered for a field. */
enum answer { NO_FIELD = -2, NO_DEADLINE = -1, NOT_MET = 0, DONE = 1, REMOVED = 2 };

static void reply_no_fields(struct call *call, const struct hash_fields *fields) {
    reply_array(call->reply, fields->count);
    for (unsigned i = 0; i < fields->count; i++)
        reply_integer(call->reply, NO_FIELD);
}

/* ---- HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME ---- */

static int64_t time_shown(int64_t deadline, int64_t now_ms, uint32_t unit) {
    int64_t time = unit & (HASH_EX | HASH_PX) ? deadline - now_ms : deadline;
    if (unit & (HASH_PX | HASH_PXAT)) return time;
    return time / 1000 + (time % 1000 >= 500);
}

static void show_times(struct call *call, uint32_t unit) {
    struct hash_fields fields;
    struct hash_item item;
    struct value hash;
    bool exists;
    if (!hash_only_fields_parse(call, true, &fields) || !hash_read(call, &hash, &exists)) return;
    int64_t now_ms = call->view.now_ms;
    reply_array(call->reply, fields.count);
    for (unsigned i = 0; i < fields.count; i++) {
        if (!exists || !hash_get(&hash, call->argv[fields.first + i], now_ms, &item))
            reply_integer(call->reply, NO_FIELD);
        else if (item.deadline == HASH_STAYS)
            reply_integer(call->reply, NO_DEADLINE);
        else
            reply_integer(call->reply, time_shown(item.deadline, now_ms, unit));
    }
}

void hash_httl(struct call *call) {
    show_times(call, HASH_EX);
}

void hash_hpttl(struct call *call) {
    show_times(call, HASH_PX);
}

void hash_hexpiretime(struct call *call) {
    show_times(call, HASH_EXAT);
}

void hash_hpexpiretime(struct call *call) {
    show_times(call, HASH_PXAT);
}

/* ---- changes: what all of them do with the fields ---- */

/* A change of some of a call's fields, and the command that makes it: `head` arguments, then the
 * fields that it concerned. */
struct change_fields {
    struct spot spot;
    struct hash_edit edit;
    struct bytes *argv;
    unsigned head, count;
};

static void concern(struct change_fields *change, struct bytes field) {
    change->argv[change->head + change->count++] = field;
}

/* Stores the change if there is any, also what has been done before memory ran out; the number of
 * fields is an argument when there is a head for it. False: no memory. */
static bool store(struct call *call, struct change_fields *change, const char *event) {
    char count[NUMBER_I64_MAX];
    if (!change->count) {
        hash_edit_drop(&change->edit);
        return true;
    }
    if (change->head > 2)
        change->argv[change->head - 1] = bytes_make(count, number_format_i64(count, change->count));
    return hash_store(call, &change->spot, &change->edit, event, change->argv,
                      change->head + change->count);
}

/* ---- HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT ---- */

#define IF_NX (1u << 0)
#define IF_XX (1u << 1)
#define IF_GT (1u << 2)
#define IF_LT (1u << 3)

struct condition_word {
    const char *name;
    uint32_t bit;
};

static const struct condition_word condition_words[] = {
    {"nx", IF_NX}, {"xx", IF_XX}, {"gt", IF_GT}, {"lt", IF_LT}, {0}};

/* The conditions in argv[3] up to `end`. False: they are wrong, and that has been answered. */
static bool parse_conditions(struct call *call, unsigned end, uint32_t *conditions) {
    *conditions = 0;
    for (unsigned i = 3; i < end; i++) {
        const struct condition_word *word = condition_words;
        while (word->name && !bytes_is(call->argv[i], word->name))
            word++;
        if (!word->name) {
            struct bytes arg = call->argv[i];
            reply_errorf(call->reply, "ERR Unsupported option %.*s", (int)arg.len, arg.data);
            return false;
        }
        *conditions |= word->bit;
    }
    if (*conditions & IF_NX && *conditions & ~IF_NX)
        reply_error(call->reply,
                    "ERR NX and XX, GT or LT options at the same time are not compatible");
    else if (*conditions & IF_GT && *conditions & IF_LT)
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
    else
        return true;
    return false;
}

static bool parse_expire(struct call *call, uint32_t unit, uint32_t *conditions, int64_t *deadline,
                         struct hash_fields *fields) {
    unsigned at = 3;
    while (at + 1 < call->argc && !bytes_is(call->argv[at], "fields"))
        at++;
    if (at + 1 == call->argc) {
        reply_error(call->reply, "ERR numfields should be greater than 0 and match the provided "
                                 "number of fields");
        return false;
    }
    return parse_conditions(call, at, conditions) &&
           hash_fields_parse(call, at + 1, 1, false, fields) &&
           hash_deadline_parse(call, call->argv[2], unit, deadline);
}

static bool is_met(uint32_t conditions, int64_t old, int64_t deadline) {
    bool has = old != HASH_STAYS;
    if (conditions & IF_NX && has) return false;
    if (conditions & (IF_XX | IF_GT) && !has) return false;
    if (conditions & IF_GT && deadline <= old) return false;
    return !(conditions & IF_LT && has && deadline >= old);
}

/* Gives one field the deadline if the conditions are met; one that has passed removes it. */
static bool expire_field(struct change_fields *change, struct bytes field, uint32_t conditions,
                         int64_t deadline, enum answer *answer) {
    struct hash_edit *edit = &change->edit;
    struct hash_item item;
    *answer = NO_FIELD;
    if (!hash_length(&edit->value) || !hash_get(&edit->value, field, edit->now_ms, &item))
        return true;
    *answer = NOT_MET;
    if (!is_met(conditions, item.deadline, deadline)) return true;
    bool passed = deadline <= edit->now_ms;
    *answer = passed ? REMOVED : DONE;
    concern(change, field);
    return (passed ? hash_remove(edit, field) : hash_set_deadline(edit, field, deadline)) !=
           HASH_NO_MEMORY;
}

static bool expire_fields(struct call *call, const struct hash_fields *fields, uint32_t conditions,
                          int64_t deadline, struct change_fields *change) {
    char when[NUMBER_I64_MAX];
    bool passed = deadline <= call->view.now_ms;
    change->argv = collection_argv(fields->count + 5);
    if (!change->argv) return false;
    change->head = passed ? 2 : 5;
    change->argv[0] = passed ? BYTES("HDEL") : BYTES("HPEXPIREAT");
    change->argv[1] = call->keys[0].name;
    if (!passed) {
        change->argv[2] = bytes_make(when, number_format_i64(when, deadline));
        change->argv[3] = BYTES("FIELDS");
    }
    reply_array(call->reply, fields->count);
    bool done = true;
    for (unsigned i = 0; i < fields->count && done; i++) {
        enum answer answer;
        struct bytes field = call->argv[fields->first + i];
        done = expire_field(change, field, conditions, deadline, &answer);
        call->view.counters->expired_elements += answer == REMOVED;
        reply_integer(call->reply, answer);
    }
    return store(call, change, passed ? "hexpired" : "hexpire") && done;
}

static void expire(struct call *call, uint32_t unit) {
    uint32_t conditions;
    int64_t deadline;
    struct hash_fields fields;
    struct change_fields change = {0};
    if (!parse_expire(call, unit, &conditions, &deadline, &fields)) return;
    if (!hash_seek(call, &change.spot, &change.edit)) return;
    size_t before = call->reply->out->len;
    if (!change.spot.entry)
        reply_no_fields(call, &fields);
    else if (!expire_fields(call, &fields, conditions, deadline, &change))
        collection_reply_no_memory(call, before);
}

void hash_hexpire(struct call *call) {
    expire(call, HASH_EX);
}

void hash_hpexpire(struct call *call) {
    expire(call, HASH_PX);
}

void hash_hexpireat(struct call *call) {
    expire(call, HASH_EXAT);
}

void hash_hpexpireat(struct call *call) {
    expire(call, HASH_PXAT);
}

/* ---- HPERSIST ---- */

static bool persist_field(struct change_fields *change, struct bytes field, enum answer *answer) {
    struct hash_item item;
    *answer = NO_FIELD;
    if (!hash_get(&change->edit.value, field, change->edit.now_ms, &item)) return true;
    *answer = NO_DEADLINE;
    if (item.deadline == HASH_STAYS) return true;
    *answer = DONE;
    concern(change, field);
    return hash_set_deadline(&change->edit, field, HASH_STAYS) != HASH_NO_MEMORY;
}

static bool persist_fields(struct call *call, const struct hash_fields *fields,
                           struct change_fields *change) {
    change->argv = collection_argv(fields->count + 4);
    if (!change->argv) return false;
    change->head = 4;
    change->argv[0] = BYTES("HPERSIST");
    change->argv[1] = call->keys[0].name;
    change->argv[2] = BYTES("FIELDS");
    reply_array(call->reply, fields->count);
    bool done = true;
    for (unsigned i = 0; i < fields->count && done; i++) {
        enum answer answer;
        done = persist_field(change, call->argv[fields->first + i], &answer);
        reply_integer(call->reply, answer);
    }
    return store(call, change, "hpersist") && done;
}

void hash_hpersist(struct call *call) {
    struct hash_fields fields;
    struct change_fields change = {0};
    if (!hash_only_fields_parse(call, false, &fields)) return;
    if (!hash_seek(call, &change.spot, &change.edit)) return;
    size_t before = call->reply->out->len;
    if (!change.spot.entry)
        reply_no_fields(call, &fields);
    else if (!persist_fields(call, &fields, &change))
        collection_reply_no_memory(call, before);
}
