/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes. */
#include "base/ensure.h"
#include "value/hash.h"
#include "value/limits.h"
#include "value/rdb_priv.h"

/* ---- writing ---- */

struct writing {
    struct buffer *out;
    enum rdb_type type;
    int64_t earliest; /* deadline of a field */
    bool failed;
};

#define NO_DEADLINE  UINT64_MAX               /* in RDB_HASH_2 */
#define REDIS_LATEST ((INT64_C(1) << 46) - 1) /* the year 4199; Redis refuses what is later */

static int64_t redis_deadline(int64_t deadline) {
    return MIN(deadline, REDIS_LATEST);
}

/* Redis writes how far a deadline is behind the earliest, plus 1; 0 = there is none. */
static bool write_metadata(const struct writing *writing, int64_t deadline) {
    if (writing->type != RDB_HASH_METADATA) return true;
    uint64_t wire =
        deadline == HASH_STAYS ? 0 : (uint64_t)(redis_deadline(deadline) - writing->earliest) + 1;
    return rdb_write_length(writing->out, wire);
}

static bool write_deadline(const struct writing *writing, int64_t deadline) {
    uint64_t wire = deadline == HASH_STAYS ? NO_DEADLINE : (uint64_t)deadline;
    return writing->type != RDB_HASH_2 || rdb_write_u64(writing->out, wire);
}

static bool write_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct writing *writing = context;
    writing->failed = !write_metadata(writing, deadline) ||
                      !rdb_write_string(writing->out, field) ||
                      !rdb_write_string(writing->out, value) || !write_deadline(writing, deadline);
    return !writing->failed;
}

static bool note_earliest(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct writing *writing = context;
    if (deadline != HASH_STAYS)
        writing->earliest = MIN(writing->earliest, redis_deadline(deadline));
    return true;
}

static bool append_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct writing *writing = context;
    writing->failed = !pack_append(writing->out, field) || !pack_append(writing->out, value);
    return !writing->failed;
}

/* What is called a "listpack" and is large. */
static bool write_as_pack(const struct value *hash, struct buffer *out) {
    struct buffer pack = {0};
    struct writing writing = {.out = &pack, .failed = !pack_init(&pack)};
    if (!writing.failed) hash_each(hash, HASH_ALL, append_field, &writing);
    bool done = !writing.failed && rdb_write_string(out, buffer_bytes(&pack));
    buffer_free(&pack);
    return done;
}

static bool write_fields(struct rdb_saving *saving, const struct value *hash, enum rdb_type type) {
    struct writing writing = {.out = saving->out, .type = type, .earliest = INT64_MAX};
    if (!rdb_write_type(saving, type)) return false;
    if (type == RDB_HASH_METADATA) {
        hash_each(hash, HASH_ALL, note_earliest, &writing);
        if (!rdb_write_u64(saving->out, (uint64_t)writing.earliest)) return false;
    }
    if (!rdb_write_length(saving->out, hash_length(hash))) return false;
    hash_each(hash, HASH_ALL, write_field, &writing);
    return !writing.failed;
}

bool rdb_write_hash(struct rdb_saving *saving, const struct value *hash) {
    unsigned version = saving->style->version;
    if (hash_has_deadlines(hash)) {
        saving->refused = version < SINCE_DEADLINES;
        if (saving->refused) return false;
        return write_fields(saving, hash, version < RDB_VERSION ? RDB_HASH_METADATA : RDB_HASH_2);
    }
    if (hash->form & HASH_TABLE || version < SINCE_LISTPACKS)
        return write_fields(saving, hash, RDB_HASH);
    if (!rdb_write_type(saving, RDB_HASH_LISTPACK)) return false;
    return hash->large ? write_as_pack(hash, saving->out)
                       : rdb_write_string(saving->out, hash->small);
}

/* ---- reading ---- */

/* A field that is not there. */
static bool set(struct rdb_loading *loading, struct hash_edit *edit, struct bytes field,
                struct bytes value, int64_t deadline) {
    enum hash_outcome outcome = hash_set(edit, field, value, deadline);
    return outcome == HASH_ADDED || (outcome == HASH_NO_MEMORY && rdb_no_memory(loading));
}

/* A small hash keeps 0 for fields without a deadline; it is long past anyway. */
static int64_t at_least_one(int64_t deadline) {
    return deadline ? deadline : 1;
}

static bool read_metadata(struct rdb_reader *reader, uint64_t earliest, int64_t *deadline) {
    uint64_t behind;
    if (!rdb_read_length(reader, &behind)) return false;
    *deadline = HASH_STAYS;
    if (!behind) return true;
    if (earliest > INT64_MAX || behind - 1 > INT64_MAX - earliest) return false;
    *deadline = at_least_one((int64_t)(earliest + behind - 1));
    return true;
}

static bool read_deadline(struct rdb_reader *reader, int64_t *deadline) {
    uint64_t wire;
    if (!rdb_read_u64(reader, &wire) || (wire > INT64_MAX && wire != NO_DEADLINE)) return false;
    *deadline = wire == NO_DEADLINE ? HASH_STAYS : at_least_one((int64_t)wire);
    return true;
}

static bool read_fields(struct rdb_loading *loading, enum rdb_type type, struct hash_edit *edit) {
    struct rdb_reader *reader = loading->reader;
    struct rdb_text field = {0}, value = {0};
    uint64_t count, earliest = 0;
    bool done = (type != RDB_HASH_METADATA || rdb_read_u64(reader, &earliest)) &&
                rdb_read_count(loading, 2, &count);
    if (done) hash_edit_expect(edit, count, 0);
    if (type == RDB_HASH_2) edit->value.form |= HASH_TABLE;
    for (uint64_t i = 0; done && i < count; i++) {
        int64_t deadline = HASH_STAYS;
        done = (type != RDB_HASH_METADATA || read_metadata(reader, earliest, &deadline)) &&
               rdb_read_text(reader, &field) && rdb_read_text(reader, &value) &&
               (type != RDB_HASH_2 || read_deadline(reader, &deadline)) &&
               set(loading, edit, field.bytes, value.bytes, deadline);
    }
    rdb_text_free(&field);
    rdb_text_free(&value);
    return done;
}

static bool set_pack(struct rdb_loading *loading, struct hash_edit *edit, struct bytes pack,
                     bool deadlines) {
    char field_text[PACK_TEXT_MAX], value_text[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at)) {
        struct bytes field = pack_get_text(pack, at, field_text);
        at = pack_next(pack, at);
        struct bytes value = pack_get_text(pack, at, value_text);
        int64_t deadline = HASH_STAYS;
        if (deadlines) {
            at = pack_next(pack, at);
            struct pack_item item = pack_get(pack, at);
            if (!item.integer || item.number < 0) return false;
            if (item.number) deadline = item.number;
        }
        if (!set(loading, edit, field, value, deadline)) return false;
    }
    return true;
}

/* A pack becomes the value as it is where it can; *taken says so. */
static bool read_pack(struct rdb_loading *loading, enum rdb_type type, struct hash_edit *edit,
                      bool *taken) {
    bool deadlines = type == RDB_HASH_LISTPACK_EX;
    enum rdb_flat flat = type == RDB_HASH_ZIPMAP    ? FLAT_ZIPMAP
                         : type == RDB_HASH_ZIPLIST ? FLAT_ZIPLIST
                                                    : FLAT_PACK;
    struct rdb_text text = {0};
    uint64_t earliest;
    bool done = (!deadlines || rdb_read_u64(loading->reader, &earliest)) &&
                rdb_read_pack(loading, flat, deadlines ? 3 : 2, &text);
    bool many =
        done && pack_count(text.bytes) / 2 > (uint64_t)value_limits.hash_max_listpack_entries;
    *taken = done && (type == RDB_HASH_ZIPLIST || type == RDB_HASH_LISTPACK) && !many &&
             text.bytes.len <= RDB_PACK_MAX;
    if (*taken) {
        done = rdb_names_differ(loading, text.bytes, 2) &&
               rdb_take_pack(loading, text.bytes, TYPE_HASH, 0);
    } else if (done) {
        done = set_pack(loading, edit, text.bytes, deadlines);
        if (!many && type != RDB_HASH_ZIPMAP && !deadlines && edit->value.large)
            edit->value.form &= (uint8_t)~HASH_TABLE;
    }
    rdb_text_free(&text);
    return done;
}

bool rdb_read_hash(struct rdb_loading *loading, enum rdb_type type) {
    struct hash_edit edit;
    bool done, taken = false;
    hash_edit_begin(&edit, NULL, loading->scratch, loading->now_ms);
    if (type == RDB_HASH || type == RDB_HASH_2 || type == RDB_HASH_METADATA)
        done = read_fields(loading, type, &edit);
    else
        done = read_pack(loading, type, &edit, &taken);
    if (taken) return done;
    if (done && !hash_edit_end(&edit)) done = rdb_no_memory(loading);
    if (done)
        *loading->value = edit.value;
    else
        hash_edit_drop(&edit);
    return done;
}
