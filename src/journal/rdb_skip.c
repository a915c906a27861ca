/* SPDX-License-Identifier: BSD-3-Clause */
/* Where values end: their structure, followed without looking at what it means. Each element takes
 * up a byte at least, so however many are promised, the file ends before that becomes a matter. */
#include "journal/rdb_file_priv.h"

enum { HEAD_32 = 0x80, HEAD_64 = 0x81, HEAD_INTEGER_8 = 0xc0, HEAD_INTEGER_16, HEAD_INTEGER_32 };
enum { HEAD_COMPRESSED = 0xc3, SPECIAL = 0xc0 };

static bool skip_bytes(struct rdb_file *f, uint64_t count) {
    if (!rdb_file_need(f, count)) return false;
    f->window.at += count;
    return true;
}

/* A length, or one of the heads from SPECIAL on. */
static bool skip_head(struct rdb_file *f, uint64_t *length, bool *special) {
    const char *at = rdb_file_need(f, 1);
    if (!at) return false;
    uint8_t head = (uint8_t)*at;
    unsigned more = head == HEAD_64 ? 8 : head == HEAD_32 ? 4 : head >> 6 == 1 ? 1 : 0;
    *special = head >= SPECIAL;
    if (head & 0x80 && !*special && !more)
        return rdb_file_fail(f, f->window.at, "0x%02x begins no length", head);
    if (!(at = rdb_file_need(f, 1 + more))) return false;
    *length = *special ? head : head & 0x3f;
    if (more > 1) *length = 0;
    for (unsigned i = 1; i <= more; i++)
        *length = *length << 8 | (uint8_t)at[i];
    f->window.at += 1 + more;
    return true;
}

bool rdb_skip_length(struct rdb_file *f, uint64_t *length) {
    bool special;
    uint64_t start = f->window.at;
    if (!skip_head(f, length, &special)) return false;
    if (special) return rdb_file_fail(f, start, "there is a string where a number should be");
    return true;
}

static bool skip_compressed(struct rdb_file *f) {
    uint64_t packed, length;
    return rdb_skip_length(f, &packed) && rdb_skip_length(f, &length) && skip_bytes(f, packed);
}

bool rdb_skip_string(struct rdb_file *f) {
    bool special;
    uint64_t start = f->window.at, length = 0;
    if (!skip_head(f, &length, &special)) return false;
    if (!special) return skip_bytes(f, length);
    switch (length) {
    case HEAD_INTEGER_8: return skip_bytes(f, 1);
    case HEAD_INTEGER_16: return skip_bytes(f, 2);
    case HEAD_INTEGER_32: return skip_bytes(f, 4);
    case HEAD_COMPRESSED: return skip_compressed(f);
    default: return rdb_file_fail(f, start, "0x%02x begins no string", (unsigned)length);
    }
}

/* As before version 8: a length of text, or one of three values. */
static bool skip_double_text(struct rdb_file *f) {
    const char *at = rdb_file_need(f, 1);
    if (!at) return false;
    uint8_t length = (uint8_t)*at;
    return skip_bytes(f, length >= 253 ? 1 : 1 + (uint64_t)length);
}

/* ---- by type ---- */

/* What an element is made of: s a string, n a length, 8 eight bytes, d a number as text. */
static bool skip_parts(struct rdb_file *f, const char *parts) {
    uint64_t length;
    bool good = true;
    for (; good && *parts; parts++) {
        switch (*parts) {
        case 's': good = rdb_skip_string(f); break;
        case 'n': good = rdb_skip_length(f, &length); break;
        case '8': good = skip_bytes(f, 8); break;
        default: good = skip_double_text(f); break;
        }
    }
    return good;
}

static bool skip_many(struct rdb_file *f, const char *parts) {
    uint64_t count;
    if (!rdb_skip_length(f, &count)) return false;
    for (uint64_t i = 0; i < count; i++)
        if (!skip_parts(f, parts)) return false;
    return true;
}

static bool skip_group(struct rdb_file *f, uint8_t type) {
    uint64_t consumers;
    if (!skip_parts(f, type == RDB_STREAM ? "snn" : "snnn") || !skip_many(f, "888n") ||
        !rdb_skip_length(f, &consumers))
        return false;
    for (uint64_t i = 0; i < consumers; i++)
        if (!skip_parts(f, type == RDB_STREAM_3 ? "s88" : "s8") || !skip_many(f, "88"))
            return false;
    return true;
}

static bool skip_stream(struct rdb_file *f, uint8_t type) {
    uint64_t groups;
    if (!skip_many(f, "ss") || !skip_parts(f, type == RDB_STREAM ? "nnn" : "nnnnnnnn") ||
        !rdb_skip_length(f, &groups))
        return false;
    for (uint64_t i = 0; i < groups; i++)
        if (!skip_group(f, type)) return false;
    return true;
}

bool rdb_skip_value(struct rdb_file *f, uint8_t type) {
    switch (type) {
    case RDB_STRING:
    case RDB_HASH_ZIPMAP:
    case RDB_LIST_ZIPLIST:
    case RDB_SET_INTSET:
    case RDB_ZSET_ZIPLIST:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_LISTPACK:
    case RDB_ZSET_LISTPACK:
    case RDB_SET_LISTPACK: return rdb_skip_string(f);
    case RDB_LIST:
    case RDB_SET:
    case RDB_LIST_QUICKLIST: return skip_many(f, "s");
    case RDB_ZSET: return skip_many(f, "sd");
    case RDB_ZSET_2: return skip_many(f, "s8");
    case RDB_HASH: return skip_many(f, "ss");
    case RDB_LIST_QUICKLIST_2: return skip_many(f, "ns");
    case RDB_HASH_2: return skip_many(f, "ss8");
    case RDB_HASH_METADATA: return skip_bytes(f, 8) && skip_many(f, "nss");
    case RDB_HASH_LISTPACK_EX: return skip_parts(f, "8s");
    case RDB_STREAM:
    case RDB_STREAM_2:
    case RDB_STREAM_3: return skip_stream(f, type);
    default: return rdb_file_fail(f, f->window.at, "type %u is not known", type);
    }
}

/* ---- modules ---- */

enum { MODULE_END, MODULE_SIGNED, MODULE_UNSIGNED, MODULE_FLOAT, MODULE_DOUBLE, MODULE_STRING };

static bool skip_module_part(struct rdb_file *f, uint64_t opcode) {
    uint64_t number;
    switch (opcode) {
    case MODULE_SIGNED:
    case MODULE_UNSIGNED: return rdb_skip_length(f, &number);
    case MODULE_FLOAT: return skip_bytes(f, 4);
    case MODULE_DOUBLE: return skip_bytes(f, 8);
    case MODULE_STRING: return rdb_skip_string(f);
    default:
        return rdb_file_fail(f, f->window.at, "data of module %s has a part of unknown kind",
                             f->module);
    }
}

/* An id is nine characters of six bits, and ten bits of a version. */
static void name_module(struct rdb_file *f, uint64_t id) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < 9; i++)
        f->module[i] = letters[id >> (58 - 6 * i) & 63];
    f->module[9] = 0;
}

bool rdb_skip_module(struct rdb_file *f, bool aux) {
    uint64_t id, opcode, when;
    if (!rdb_skip_length(f, &id)) return false;
    name_module(f, id);
    if (aux && (!rdb_skip_length(f, &opcode) || !rdb_skip_length(f, &when))) return false;
    for (;;) {
        if (!rdb_skip_length(f, &opcode)) return false;
        if (opcode == MODULE_END) return true;
        if (!skip_module_part(f, opcode)) return false;
    }
}
