/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants of a set in an edit:
 *   1. form SET_INTSET and small: sorted integers; any other form and small: a pack.
 *   2. A set of form SET_LISTPACK or SET_INTSET is within the limits that these names stand for, or
 *      was when it last grew.
 *   3. A small set has at most SMALL_BYTES, and one called "hashtable" at most COSTLY_BYTES and no
 *      more members than a "listpack" may have.
 */
#include "base/ensure.h"
#include "base/number.h"
#include "value/limits.h"
#include "value/set_priv.h"

#define SMALL_BYTES  (64u * 1024) /* beyond, looking through it costs more than the memory saved */
#define COSTLY_BYTES (8u * 1024)  /* what large sets take up at least, about */

static const char no_integers[INTEGERS_HEADER] = {sizeof(int16_t)};
static const char no_members[PACK_EMPTY_SIZE] = {PACK_EMPTY_SIZE, 0, 0, 0, 0, 0, (char)0xff};

/* ---- names ---- */

static bool fits_listpack(uint64_t length, struct bytes member) {
    return length < (uint64_t)value_limits.set_max_listpack_entries &&
           member.len <= (uint64_t)value_limits.set_max_listpack_value;
}

enum set_form set_form_with(enum set_form form, uint64_t length, size_t longest,
                            struct bytes member) {
    int64_t number;
    if (form == SET_HASHTABLE) return SET_HASHTABLE;
    if (form == SET_INTSET && number_parse_i64(member, &number))
        return length < (uint64_t)value_limits.set_max_intset_entries ? SET_INTSET : SET_HASHTABLE;
    bool fits = fits_listpack(length, member) &&
                (form == SET_LISTPACK || longest <= (uint64_t)value_limits.set_max_listpack_value);
    return fits ? SET_LISTPACK : SET_HASHTABLE;
}

/* Of the integers that the set has, as text. */
static size_t longest_integer(struct bytes integers) {
    char digits[NUMBER_I64_MAX];
    uint32_t count = integers_count(integers);
    if (!count || value_limits.set_max_listpack_value >= NUMBER_I64_MAX) return 0;
    size_t first = number_format_i64(digits, integers_at(integers, 0));
    return MAX(first, number_format_i64(digits, integers_at(integers, count - 1)));
}

enum set_form set_form_new(struct bytes first, uint64_t expected) {
    int64_t number;
    if (number_parse_i64(first, &number) &&
        expected <= (uint64_t)value_limits.set_max_intset_entries)
        return SET_INTSET;
    return expected <= (uint64_t)value_limits.set_max_listpack_entries ? SET_LISTPACK
                                                                       : SET_HASHTABLE;
}

/* ---- beginning and end ---- */

void set_edit_begin(struct set_edit *edit, const struct value *old, struct buffer *pack) {
    *edit = (struct set_edit){.value = *old, .pack = pack};
}

void set_edit_begin_new(struct set_edit *edit, enum set_form form, struct buffer *pack) {
    struct bytes empty = form == SET_INTSET ? bytes_make(no_integers, sizeof no_integers)
                                            : bytes_make(no_members, sizeof no_members);
    *edit = (struct set_edit){.value = {.type = TYPE_SET, .form = (uint8_t)form, .small = empty},
                              .pack = pack};
}

bool set_edit_begin_copy(struct set_edit *edit, const struct value *model, struct buffer *pack) {
    void *copy = value_ops(TYPE_SET)->copy(model->object);
    if (!copy) return false;
    *edit = (struct set_edit){
        .value = {.type = TYPE_SET, .form = SET_HASHTABLE, .large = true, .object = copy},
        .pack = pack,
        .owned = true,
    };
    return true;
}

void set_edit_drop(struct set_edit *edit) {
    if (edit->owned) set_members_free(edit->value.object);
    edit->owned = false;
}

/* ---- changing shape ---- */

/* Has the small set's bytes in the buffer. */
static bool make_own(struct set_edit *edit) {
    if (edit->copied) return true;
    buffer_clear(edit->pack);
    if (!buffer_append_bytes(edit->pack, edit->value.small)) return false;
    edit->value.small = buffer_bytes(edit->pack);
    return edit->copied = true;
}

static void note_bytes(struct set_edit *edit) {
    edit->value.small = buffer_bytes(edit->pack);
}

static bool put_block(struct members *members, struct bytes member, uint64_t hash) {
    struct table_slot slot;
    members_keep(members, member, hash, NULL);
    void *block = members_add(members, hash, members_name_size(member.len), &slot);
    if (block) members_write_name(block, member);
    return block != NULL;
}

struct enlarging {
    struct members *members;
    bool failed;
};

static bool enlarge_by(void *context, struct bytes member) {
    struct enlarging *enlarging = context;
    enlarging->failed = !put_block(enlarging->members, member, members_hash(member));
    return !enlarging->failed;
}

static bool make_large(struct set_edit *edit) {
    struct enlarging enlarging = {set_members_create(), false};
    if (!enlarging.members) return false;
    set_each(&edit->value, enlarge_by, &enlarging);
    if (enlarging.failed) {
        set_members_free(enlarging.members);
        return false;
    }
    edit->value.large = edit->owned = true;
    edit->value.object = enlarging.members;
    edit->value.small = bytes_make(NULL, 0);
    return true;
}

static bool append_to_pack(void *context, struct bytes member) {
    struct buffer *pack = context;
    if (pack_append(pack, member)) return true;
    buffer_clear(pack);
    return false;
}

/* Turns integers into a pack. */
static bool make_pack(struct set_edit *edit) {
    struct buffer pack = {0};
    if (!pack_init(&pack)) return false;
    set_each(&edit->value, append_to_pack, &pack);
    bool made = pack.len && buffer_reserve(edit->pack, pack.len);
    if (made) {
        buffer_clear(edit->pack);
        buffer_append_bytes(edit->pack, buffer_bytes(&pack));
        edit->copied = true;
        note_bytes(edit);
    }
    buffer_free(&pack);
    return made;
}

static bool must_be_large(const struct value *set, enum set_form form, uint64_t length,
                          size_t bytes) {
    if (set->small.len + bytes > SMALL_BYTES) return true;
    return form == SET_HASHTABLE && (length > (uint64_t)value_limits.set_max_listpack_entries ||
                                     set->small.len + bytes > COSTLY_BYTES);
}

/* Gives the set this form, and the shape that goes with it once it has `length` members in `bytes`
 * more. */
static bool take_form(struct set_edit *edit, enum set_form form, uint64_t length, size_t bytes) {
    bool done = true;
    if (!edit->value.large) {
        if (must_be_large(&edit->value, form, length, bytes))
            done = make_large(edit);
        else if (edit->value.form == SET_INTSET && form != SET_INTSET)
            done = make_pack(edit);
    }
    if (done) edit->value.form = (uint8_t)form;
    return done;
}

bool set_edit_expect(struct set_edit *edit, uint64_t expected) {
    uint64_t most = edit->value.form == SET_INTSET
                        ? (uint64_t)value_limits.set_max_intset_entries
                        : (uint64_t)value_limits.set_max_listpack_entries;
    if (edit->value.form == SET_HASHTABLE || expected <= most) return true;
    return take_form(edit, SET_HASHTABLE, expected, 0);
}

static bool insert_integer(void *context, struct bytes member) {
    struct buffer *integers = context;
    int64_t number;
    uint32_t index;
    if (number_parse_i64(member, &number)) {
        integers_find(buffer_bytes(integers), number, &index);
        if (integers_insert(integers, index, number)) return true;
    }
    integers->len = 0;
    return false;
}

/* Turns a pack, or a large set, into integers, unless they take up too much. */
static bool make_integers(struct set_edit *edit) {
    struct buffer integers = {0};
    if (integers_init(&integers)) set_each(&edit->value, insert_integer, &integers);
    bool made = integers.len && buffer_reserve(edit->pack, integers.len);
    if (made) {
        set_edit_drop(edit);
        buffer_clear(edit->pack);
        buffer_append_bytes(edit->pack, buffer_bytes(&integers));
        edit->copied = true;
        edit->value = (struct value){.type = TYPE_SET, .form = SET_INTSET};
        note_bytes(edit);
    }
    buffer_free(&integers);
    return made;
}

bool set_edit_rename(struct set_edit *edit, enum set_form form) {
    uint64_t length = set_length(&edit->value);
    if (form != SET_INTSET) return take_form(edit, form, length, 0);
    if (length > (uint64_t)value_limits.set_max_intset_entries) return true;
    if (INTEGERS_HEADER + length * sizeof(int64_t) <= SMALL_BYTES) return make_integers(edit);
    if (!edit->value.large && !make_large(edit)) return false;
    edit->value.form = SET_INTSET;
    return true;
}

/* ---- members ---- */

static enum set_outcome add_integer(struct set_edit *edit, int64_t number, uint32_t index) {
    if (!make_own(edit) || !integers_insert(edit->pack, index, number)) return SET_NO_MEMORY;
    note_bytes(edit);
    return SET_DONE;
}

static enum set_outcome add_to_members(struct members *members, struct bytes member) {
    struct table_slot slot;
    uint64_t hash = members_hash(member);
    if (members_find(members, member, hash, &slot)) return SET_SAME;
    return put_block(members, member, hash) ? SET_DONE : SET_NO_MEMORY;
}

static enum set_outcome add_to_large(struct set_edit *edit, struct bytes member) {
    struct members *members = edit->value.object;
    enum set_outcome outcome = add_to_members(members, member);
    if (UNLIKELY(edit->value.form != SET_HASHTABLE) && outcome == SET_DONE)
        edit->value.form =
            (uint8_t)set_form_with(edit->value.form, members_count(members) - 1, 0, member);
    return outcome;
}

/* The member is not there. */
static enum set_outcome add_to_pack(struct set_edit *edit, struct bytes member) {
    if (!make_own(edit) || !pack_append(edit->pack, member)) return SET_NO_MEMORY;
    note_bytes(edit);
    return SET_DONE;
}

enum set_outcome set_add(struct set_edit *edit, struct bytes member) {
    if (edit->value.large) return add_to_large(edit, member);
    int64_t number;
    uint32_t index;
    bool integers = set_is_integers(&edit->value), integer = false;
    if (integers) {
        integer = number_parse_i64(member, &number);
        if (integer && integers_find(edit->value.small, number, &index)) return SET_SAME;
    } else if (set_has(&edit->value, member)) {
        return SET_SAME;
    }
    uint64_t length = set_length(&edit->value);
    size_t longest = integers ? longest_integer(edit->value.small) : 0;
    enum set_form form = set_form_with(edit->value.form, length, longest, member);
    size_t bytes = integers ? sizeof number : pack_element_size(member);
    if (!take_form(edit, form, length + 1, bytes)) return SET_NO_MEMORY;
    if (edit->value.large) return add_to_members(edit->value.object, member);
    return form == SET_INTSET ? add_integer(edit, number, index) : add_to_pack(edit, member);
}

static enum set_outcome remove_from_large(struct members *members, struct bytes member) {
    struct table_slot slot;
    if (!members_find(members, member, members_hash(member), &slot)) return SET_SAME;
    members_remove(members, &slot);
    members_tidy(members);
    return SET_DONE;
}

bool set_members_restore(void *object, struct bytes member, const void *block, int64_t now_ms) {
    (void)now_ms;
    if (block) return add_to_members(object, member) != SET_NO_MEMORY;
    remove_from_large(object, member);
    return true;
}

static enum set_outcome remove_integer(struct set_edit *edit, struct bytes member) {
    int64_t number;
    uint32_t index;
    if (!number_parse_i64(member, &number) || !integers_find(edit->value.small, number, &index))
        return SET_SAME;
    if (!make_own(edit)) return SET_NO_MEMORY;
    integers_remove(edit->pack, index);
    note_bytes(edit);
    return SET_DONE;
}

enum set_outcome set_remove(struct set_edit *edit, struct bytes member) {
    if (edit->value.large) return remove_from_large(edit->value.object, member);
    if (set_is_integers(&edit->value)) return remove_integer(edit, member);
    size_t at = pack_find(edit->value.small, pack_first(edit->value.small), member, 0);
    if (at == PACK_NONE) return SET_SAME;
    if (!make_own(edit)) return SET_NO_MEMORY;
    pack_delete(edit->pack, at, 1);
    note_bytes(edit);
    return SET_DONE;
}

enum set_outcome set_pop(struct set_edit *edit, struct random *random, set_visitor *visit,
                         void *context) {
    if (!edit->value.large) {
        char text[PACK_TEXT_MAX];
        if (!make_own(edit)) return SET_NO_MEMORY;
        struct bytes member = set_random(&edit->value, random, text);
        return visit(context, member) ? set_remove(edit, member) : SET_NO_MEMORY;
    }
    struct members *members = edit->value.object;
    struct table_slot slot;
    if (!visit(context, members_name(members_random(members, random, &slot)))) return SET_NO_MEMORY;
    members_remove(members, &slot);
    members_tidy(members);
    return SET_DONE;
}
