/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets. */
#include "value/limits.h"
#include "value/rdb_priv.h"
#include "value/set_priv.h"

/* ---- writing ---- */

struct writing {
    struct buffer *out;
    bool failed;
};

static bool write_member(void *context, struct bytes member) {
    struct writing *writing = context;
    writing->failed = !rdb_write_string(writing->out, member);
    return !writing->failed;
}

static bool append_member(void *context, struct bytes member) {
    struct writing *writing = context;
    writing->failed = !pack_append(writing->out, member);
    return !writing->failed;
}

/* What is called a "listpack" and is large. */
static bool write_as_pack(const struct value *set, struct buffer *out) {
    struct buffer pack = {0};
    struct writing writing = {.out = &pack, .failed = !pack_init(&pack)};
    if (!writing.failed) set_each(set, append_member, &writing);
    bool done = !writing.failed && rdb_write_string(out, buffer_bytes(&pack));
    buffer_free(&pack);
    return done;
}

bool rdb_write_set(struct rdb_saving *saving, const struct value *set) {
    struct buffer *out = saving->out;
    if (set_is_integers(set))
        return rdb_write_type(saving, RDB_SET_INTSET) && rdb_write_string(out, set->small);
    if (set->form == SET_LISTPACK && saving->style->version >= SINCE_SET_LISTPACKS) {
        if (!rdb_write_type(saving, RDB_SET_LISTPACK)) return false;
        return set->large ? write_as_pack(set, out) : rdb_write_string(out, set->small);
    }
    struct writing writing = {.out = out};
    if (!rdb_write_type(saving, RDB_SET) || !rdb_write_length(out, set_length(set))) return false;
    set_each(set, write_member, &writing);
    return !writing.failed;
}

/* ---- reading ---- */

static bool add(struct rdb_loading *loading, struct set_edit *edit, struct bytes member) {
    enum set_outcome outcome = set_add(edit, member);
    return outcome == SET_DONE || (outcome == SET_NO_MEMORY && rdb_no_memory(loading));
}

static bool add_strings(struct rdb_loading *loading, struct set_edit *edit, uint64_t count) {
    struct rdb_text text = {0};
    bool done = true;
    for (uint64_t i = 0; done && i < count; i++)
        done = rdb_read_text(loading->reader, &text) && add(loading, edit, text.bytes);
    rdb_text_free(&text);
    return done;
}

static bool add_pack(struct rdb_loading *loading, struct set_edit *edit, struct bytes pack) {
    char scratch[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at))
        if (!add(loading, edit, pack_get_text(pack, at, scratch))) return false;
    return true;
}

static bool add_integers(struct rdb_loading *loading, struct set_edit *edit, struct bytes set) {
    char text[NUMBER_I64_MAX];
    for (uint32_t i = 0, count = integers_count(set); i < count; i++)
        if (!add(loading, edit, bytes_make(text, number_format_i64(text, integers_at(set, i)))))
            return false;
    return true;
}

static bool end(struct rdb_loading *loading, struct set_edit *edit, bool done) {
    if (done)
        *loading->value = edit->value;
    else
        set_edit_drop(edit);
    return done;
}

static bool read_strings(struct rdb_loading *loading) {
    uint64_t count;
    struct set_edit edit;
    if (!rdb_read_count(loading, 1, &count)) return false;
    bool many = count > (uint64_t)value_limits.set_max_intset_entries;
    set_edit_begin_new(&edit, many ? SET_HASHTABLE : SET_INTSET, loading->scratch);
    return end(loading, &edit, add_strings(loading, &edit, count));
}

static bool read_integers(struct rdb_loading *loading, struct bytes set) {
    struct set_edit edit;
    if (!integers_validate(set) || !integers_count(set)) return false;
    if (integers_count(set) <= (uint64_t)value_limits.set_max_intset_entries &&
        set.len <= RDB_PACK_MAX)
        return rdb_take_pack(loading, set, TYPE_SET, SET_INTSET);
    set_edit_begin_new(&edit, SET_HASHTABLE, loading->scratch);
    return end(loading, &edit, add_integers(loading, &edit, set));
}

static bool read_pack(struct rdb_loading *loading, struct bytes pack) {
    struct set_edit edit;
    bool many = pack_count(pack) > (uint64_t)value_limits.set_max_listpack_entries;
    if (!many && pack.len <= RDB_PACK_MAX)
        return rdb_names_differ(loading, pack, 1) &&
               rdb_take_pack(loading, pack, TYPE_SET, SET_LISTPACK);
    set_edit_begin_new(&edit, SET_HASHTABLE, loading->scratch);
    bool done = end(loading, &edit, add_pack(loading, &edit, pack));
    if (done && !many && loading->value->large) loading->value->form = SET_LISTPACK;
    return done;
}

bool rdb_read_set(struct rdb_loading *loading, enum rdb_type type) {
    struct rdb_text text = {0};
    bool done;
    if (type == RDB_SET) return read_strings(loading);
    if (type == RDB_SET_INTSET)
        done = rdb_read_text(loading->reader, &text) && read_integers(loading, text.bytes);
    else
        done = rdb_read_pack(loading, FLAT_PACK, 1, &text) && read_pack(loading, text.bytes);
    rdb_text_free(&text);
    return done;
}
