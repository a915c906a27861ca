/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields read and changed at once, or set with a deadline: HGETDEL, HGETEX, HSETEX. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/hash.h"
#include "cmd/hash_options.h"

static void reply_nulls(struct call *call, unsigned count) {
    reply_array(call->reply, count);
    while (count--)
        reply_null(call->reply);
}

/* Answers the field's value; false: there is none. */
static bool reply_value(struct call *call, const struct hash_edit *edit, struct bytes field,
                        struct hash_item *item) {
    if (hash_length(&edit->value) && hash_get(&edit->value, field, edit->now_ms, item)) {
        reply_bulk(call->reply, item->value);
        return true;
    }
    reply_null(call->reply);
    return false;
}

/* Answers the fields and removes them, which happens because they expire, or not. False: no
 * memory. */
static bool take_fields(struct call *call, struct spot *spot, struct hash_edit *edit,
                        const struct hash_fields *fields, bool expire) {
    unsigned removed = 0;
    bool done = true;
    reply_array(call->reply, fields->count);
    for (unsigned i = 0; i < fields->count && done; i++) {
        struct hash_item item;
        struct bytes field = call->argv[fields->first + i];
        if (!reply_value(call, edit, field, &item)) continue;
        done = hash_remove(edit, field) == HASH_CHANGED;
        removed += done;
    }
    if (expire) call->view.counters->expired_elements += removed;
    const char *event = expire ? "hexpired" : "hdel";
    return (!removed || hash_store_fields(call, spot, edit, event, "HDEL", fields)) && done;
}

void hash_hgetdel(struct call *call) {
    struct hash_fields fields;
    struct hash_edit edit;
    struct spot spot;
    if (!hash_only_fields_parse(call, false, &fields) || !hash_seek(call, &spot, &edit)) return;
    size_t before = call->reply->out->len;
    if (!spot.entry)
        reply_nulls(call, fields.count);
    else if (!take_fields(call, &spot, &edit, &fields, false))
        collection_reply_no_memory(call, before);
}

/* ---- commands with times ---- */

/* A command in front of the call's fields or pairs: at most six arguments, count included. */
struct record {
    struct bytes head[6];
    unsigned count;
    char when[NUMBER_I64_MAX], fields[NUMBER_I64_MAX];
};

static void record_word(struct record *record, struct bytes word) {
    record->head[record->count++] = word;
}

static void record_number(struct record *record, char text[NUMBER_I64_MAX], int64_t number) {
    record_word(record, bytes_make(text, number_format_i64(text, number)));
}

/* ... FIELDS count field ...; each field has `stride` arguments. */
static bool store_record(struct call *call, struct spot *spot, struct hash_edit *edit,
                         const char *event, struct record *record, const struct hash_fields *fields,
                         unsigned stride) {
    unsigned rest = fields->count * stride;
    record_word(record, BYTES("FIELDS"));
    record_number(record, record->fields, fields->count);
    struct bytes *argv = collection_argv(record->count + rest);
    if (!argv) {
        hash_edit_drop(edit);
        return false;
    }
    memcpy(argv, record->head, record->count * sizeof *argv);
    memcpy(argv + record->count, call->argv + fields->first, rest * sizeof *argv);
    return hash_store(call, spot, edit, event, argv, record->count + rest);
}

/* ---- HGETEX ---- */

/* Answers the fields and gives them this deadline. False: no memory. */
static bool get_and_change(struct call *call, struct spot *spot, struct hash_edit *edit,
                           const struct hash_fields *fields, int64_t deadline) {
    unsigned changed = 0;
    bool done = true, persist = deadline == HASH_STAYS;
    reply_array(call->reply, fields->count);
    for (unsigned i = 0; i < fields->count && done; i++) {
        struct hash_item item;
        struct bytes field = call->argv[fields->first + i];
        if (!reply_value(call, edit, field, &item)) continue;
        if (deadline == HASH_KEEPS || (persist && item.deadline == HASH_STAYS)) continue;
        done = hash_set_deadline(edit, field, deadline) == HASH_CHANGED;
        changed += done;
    }
    if (!changed) return done;
    struct record record = {.count = 0};
    record_word(&record, persist ? BYTES("HPERSIST") : BYTES("HPEXPIREAT"));
    record_word(&record, spot->key->name);
    if (!persist) record_number(&record, record.when, deadline);
    const char *event = persist ? "hpersist" : "hexpire";
    return store_record(call, spot, edit, event, &record, fields, 1) && done;
}

/* A command that does not change the hash counts hits and misses. */
static bool seek_to_get(struct call *call, struct spot *spot, struct hash_edit *edit) {
    struct entry *e = keyspace_seek_read(&call->view, &call->keys[0], spot);
    if (!e) return true;
    struct value hash = entry_value(e);
    if (hash.type != TYPE_HASH) {
        reply_wrong_type(call->reply);
        return false;
    }
    hash_edit_begin(edit, &hash, collection_scratch(), call->view.now_ms);
    return true;
}

void hash_hgetex(struct call *call) {
    struct hash_options options;
    struct hash_edit edit;
    struct spot spot;
    int64_t deadline = HASH_KEEPS;
    if (!hash_options_parse(call, HASH_EXPIRE | HASH_PERSIST, 1, &options)) return;
    if (!seek_to_get(call, &spot, &edit)) return;
    if (options.given & HASH_EXPIRE &&
        !hash_deadline_parse(call, options.when, options.given & HASH_EXPIRE, &deadline))
        return;
    if (options.given & HASH_PERSIST) deadline = HASH_STAYS;
    size_t before = call->reply->out->len;
    bool passed = options.given & HASH_EXPIRE && deadline <= call->view.now_ms, done = true;
    if (!spot.entry)
        reply_nulls(call, options.fields.count);
    else if (passed)
        done = take_fields(call, &spot, &edit, &options.fields, true);
    else
        done = get_and_change(call, &spot, &edit, &options.fields, deadline);
    if (!done) collection_reply_no_memory(call, before);
}

/* ---- HSETEX ---- */

static bool conditions_hold(const struct call *call, const struct hash_options *options,
                            const struct hash_edit *edit) {
    if (!(options->given & (HASH_FNX | HASH_FXX))) return true;
    bool wanted = options->given & HASH_FXX;
    for (unsigned i = 0; i < options->fields.count; i++) {
        struct hash_item item;
        struct bytes field = call->argv[options->fields.first + 2 * i];
        if (hash_get(&edit->value, field, edit->now_ms, &item) != wanted) return false;
    }
    return true;
}

/* What is set with a deadline that has passed is gone at once, and what it would have replaced. */
static bool set_in_the_past(struct call *call, struct spot *spot, struct hash_edit *edit,
                            struct hash_fields fields) {
    unsigned removed = 0;
    for (unsigned i = 0; i < fields.count; i++) {
        struct bytes field = call->argv[fields.first + 2 * i];
        enum hash_outcome outcome = hash_remove(edit, field);
        if (outcome == HASH_ABSENT) outcome = hash_remove_expired(edit, field);
        if (outcome == HASH_NO_MEMORY) return false;
        removed += outcome == HASH_CHANGED;
    }
    call->view.counters->expired_elements += removed;
    if (!spot->entry) keyspace_notify(&call->view, spot->key, (struct event){EVENT_NEW, "new"});
    hash_notify(call, "hset");
    hash_notify(call, "hexpire");
    if (removed) {
        struct bytes *argv = collection_argv(fields.count + 2);
        if (!argv) return false;
        argv[0] = BYTES("HDEL");
        argv[1] = spot->key->name;
        for (unsigned i = 0; i < fields.count; i++)
            argv[i + 2] = call->argv[fields.first + 2 * i];
        return hash_store(call, spot, edit, "hexpired", argv, fields.count + 2);
    }
    hash_notify(call, "hexpired");
    if (!spot->entry) keyspace_notify(&call->view, spot->key, (struct event){EVENT_GENERIC, "del"});
    return true;
}

/* KEEPTTL keeps no deadline that has passed; whoever plays the record may not know that it has, so
 * such fields go first. False: no memory. */
static bool drop_expired(struct call *call, struct spot *spot, struct hash_edit *edit,
                         struct hash_fields fields) {
    unsigned dropped = 0;
    struct bytes *argv = collection_argv(fields.count + 2);
    if (!argv) return false;
    for (unsigned i = 0; i < fields.count; i++) {
        struct bytes field = call->argv[fields.first + 2 * i];
        enum hash_outcome outcome = hash_remove_expired(edit, field);
        if (outcome == HASH_NO_MEMORY) return false;
        if (outcome == HASH_CHANGED) argv[2 + dropped++] = field;
    }
    if (!dropped) return true;
    argv[0] = BYTES("HDEL");
    argv[1] = spot->key->name;
    const struct edit what = {{EVENT_HASH, "hexpired"}, argv, dropped + 2};
    return keyspace_put(&call->view, spot, &edit->value, &what);
}

static bool set_fields(struct call *call, struct spot *spot, struct hash_edit *edit,
                       const struct hash_options *options, int64_t deadline) {
    struct hash_fields fields = options->fields;
    size_t longest = 0;
    for (unsigned i = 0; i < fields.count * 2; i++)
        longest = MAX(longest, call->argv[fields.first + i].len);
    hash_edit_expect(edit, fields.count, longest);
    if (deadline == HASH_KEEPS && spot->entry && hash_has_deadlines(&edit->value) &&
        !drop_expired(call, spot, edit, fields))
        return false;
    unsigned done = 0;
    for (; done < fields.count; done++) {
        const struct bytes *pair = &call->argv[fields.first + 2 * done];
        if (hash_set(edit, pair[0], pair[1], deadline) == HASH_NO_MEMORY) break;
    }
    bool all = done == fields.count;
    fields.count = done;
    struct record record = {.count = 0};
    record_word(&record, BYTES("HSETEX"));
    record_word(&record, spot->key->name);
    if (deadline == HASH_KEEPS) record_word(&record, BYTES("KEEPTTL"));
    if (deadline != HASH_KEEPS && deadline != HASH_STAYS) {
        record_word(&record, BYTES("PXAT"));
        record_number(&record, record.when, deadline);
    }
    return done && store_record(call, spot, edit, "hset", &record, &fields, 2) && all;
}

static bool set_until(struct call *call, struct spot *spot, struct hash_edit *edit,
                      const struct hash_options *options, int64_t deadline) {
    bool timed = options->given & HASH_EXPIRE;
    if (timed && deadline <= call->view.now_ms)
        return set_in_the_past(call, spot, edit, options->fields);
    if (!set_fields(call, spot, edit, options, deadline)) return false;
    if (timed) hash_notify(call, "hexpire");
    return true;
}

void hash_hsetex(struct call *call) {
    const uint32_t allowed = HASH_NX | HASH_XX | HASH_FNX | HASH_FXX | HASH_KEEPTTL | HASH_EXPIRE;
    struct hash_options options;
    struct hash_edit edit;
    struct spot spot;
    int64_t deadline = HASH_STAYS;
    if (!hash_options_parse(call, allowed, 2, &options)) return;
    if (!hash_seek(call, &spot, &edit)) return;
    if (options.given & (spot.entry ? HASH_NX : HASH_XX)) {
        reply_integer(call->reply, 0);
        return;
    }
    if (options.given & HASH_KEEPTTL) deadline = HASH_KEEPS;
    if (options.given & HASH_EXPIRE &&
        !hash_deadline_parse(call, options.when, options.given & HASH_EXPIRE, &deadline))
        return;
    bool holds = conditions_hold(call, &options, &edit);
    if (!holds || set_until(call, &spot, &edit, &options, deadline)) {
        reply_integer(call->reply, holds);
    } else {
        hash_edit_drop(&edit);
        reply_no_memory(call->reply);
    }
}
