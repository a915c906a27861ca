/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values in one string: packs, and what they were before Redis 7.
 *
 *     ziplist  u32 size, u32 place of the last entry, u16 entries, entries, 0xff
 *     entry    size of the one before (a byte, or 0xfe and 4), head, data
 *     head     00nnnnnn            string             01nnnnnn +1, 0x80 +4   string, big-endian
 *              0xc0 d0 e0          integer of 2 4 8   0xf0 fe                integer of 3 1 bytes
 *              0xf1 to 0xfd        integer 0 to 12
 *
 *     zipmap   u8 pairs, pairs, 0xff
 *     pair     size, field, size, u8 unused bytes, value, unused bytes
 *     size     a byte, or 0xfe and 4
 */
#include "base/ensure.h"
#include "value/rdb_priv.h"

enum { ENTRY_END = 0xff, SIZE_WIDE = 0xfe };

/* ---- ziplists ---- */

/* 1 byte, or a mark and 4. */
static bool read_size(struct rdb_reader *from, uint32_t *size) {
    uint8_t byte;
    struct bytes wide;
    if (!rdb_read_byte(from, &byte) || byte == ENTRY_END) return false;
    *size = byte;
    if (byte != SIZE_WIDE) return true;
    if (!rdb_read_bytes(from, sizeof *size, &wide)) return false;
    memcpy(size, wide.data, sizeof *size);
    return true;
}

struct entry_data {
    bool integer;
    int64_t number;
    struct bytes text;
};

static bool read_string(struct rdb_reader *from, uint8_t head, struct entry_data *data) {
    size_t size = head & 0x3f;
    uint8_t low;
    struct bytes wide;
    if (head >> 6 == 1) {
        if (!rdb_read_byte(from, &low)) return false;
        size = size << 8 | low;
    } else if (head == 0x80) {
        uint32_t wire;
        if (!rdb_read_bytes(from, sizeof wire, &wide)) return false;
        memcpy(&wire, wide.data, sizeof wire);
        size = __builtin_bswap32(wire);
    } else if (head & 0x80) {
        return false;
    }
    data->integer = false;
    return rdb_read_bytes(from, size, &data->text);
}

static bool read_data(struct rdb_reader *from, struct entry_data *data) {
    uint8_t head;
    if (!rdb_read_byte(from, &head)) return false;
    if (head < 0xc0) return read_string(from, head, data);
    data->integer = true;
    data->number = head - 0xf1;
    if (head >= 0xf1 && head <= 0xfd) return true;
    size_t size;
    switch (head) {
    case 0xc0: size = 2; break;
    case 0xd0: size = 4; break;
    case 0xe0: size = 8; break;
    case 0xf0: size = 3; break;
    case 0xfe: size = 1; break;
    default: return false;
    }
    struct bytes bytes;
    uint64_t raw = 0;
    if (!rdb_read_bytes(from, size, &bytes)) return false;
    memcpy(&raw, bytes.data, size);
    unsigned unused = 64 - 8 * (unsigned)size;
    data->number = (int64_t)(raw << unused) >> unused;
    return true;
}

static bool append(struct rdb_reader *reader, struct buffer *pack, const struct entry_data *data) {
    bool done =
        data->integer ? pack_append_integer(pack, data->number) : pack_append(pack, data->text);
    reader->no_memory |= !done;
    return done;
}

struct ziplist_head {
    uint32_t size, tail;
    uint16_t count;
} __attribute__((packed));

/* False: it is corrupt, or there is no memory. */
static bool ziplist_to_pack(struct rdb_reader *reader, struct bytes ziplist, struct buffer *pack) {
    struct rdb_reader from = {.left = ziplist};
    struct ziplist_head head;
    struct bytes bytes;
    if (!rdb_read_bytes(&from, sizeof head, &bytes)) return false;
    memcpy(&head, bytes.data, sizeof head);
    if (head.size != ziplist.len) return false;
    if (!pack_init(pack)) return !(reader->no_memory = true);
    uint32_t count = 0;
    size_t before = 0;
    while (from.left.len > 1) {
        size_t at = from.left.len;
        uint32_t said;
        struct entry_data data;
        if (!read_size(&from, &said) || said != before || !read_data(&from, &data)) return false;
        if (!append(reader, pack, &data)) return false;
        before = at - from.left.len;
        count++;
    }
    bool counted = head.count == UINT16_MAX || head.count == count;
    return counted && from.left.len == 1 && (uint8_t)from.left.data[0] == ENTRY_END &&
           head.tail == ziplist.len - 1 - before;
}

/* ---- zipmaps ---- */

static bool zipmap_to_pack(struct rdb_reader *reader, struct bytes zipmap, struct buffer *pack) {
    struct rdb_reader from = {.left = zipmap};
    uint8_t pairs, unused;
    if (!rdb_read_byte(&from, &pairs)) return false;
    if (!pack_init(pack)) return !(reader->no_memory = true);
    uint32_t count = 0, size;
    while (from.left.len > 1) {
        struct entry_data field = {0}, value = {0};
        struct bytes rest;
        if (!read_size(&from, &size) || !rdb_read_bytes(&from, size, &field.text)) return false;
        if (!read_size(&from, &size) || !rdb_read_byte(&from, &unused) ||
            !rdb_read_bytes(&from, size, &value.text) || !rdb_read_bytes(&from, unused, &rest))
            return false;
        if (!append(reader, pack, &field) || !append(reader, pack, &value)) return false;
        count++;
    }
    return from.left.len == 1 && (uint8_t)from.left.data[0] == ENTRY_END &&
           (pairs == SIZE_WIDE || pairs == count);
}

/* ---- packs ---- */

static bool convert(struct rdb_loading *loading, enum rdb_flat flat, struct rdb_text *text) {
    struct buffer pack = {0};
    bool done = flat == FLAT_ZIPLIST ? ziplist_to_pack(loading->reader, text->bytes, &pack)
                                     : zipmap_to_pack(loading->reader, text->bytes, &pack);
    buffer_free(&text->own);
    text->own = pack;
    text->bytes = buffer_bytes(&pack);
    return done;
}

bool rdb_read_pack(struct rdb_loading *loading, enum rdb_flat flat, unsigned stride,
                   struct rdb_text *pack) {
    if (!rdb_read_text(loading->reader, pack)) return false;
    if (flat == FLAT_PACK ? !pack_validate(pack->bytes, true, NULL, NULL)
                          : !convert(loading, flat, pack))
        return false;
    size_t count = pack_count(pack->bytes);
    return count > 0 && count % stride == 0;
}

bool rdb_take_pack(struct rdb_loading *loading, struct bytes pack, enum value_type type,
                   unsigned form) {
    buffer_clear(loading->scratch);
    if (!buffer_append_bytes(loading->scratch, pack)) return rdb_no_memory(loading);
    *loading->value = (struct value){
        .type = type, .form = (uint8_t)form, .small = buffer_bytes(loading->scratch)};
    return true;
}

bool rdb_names_differ(struct rdb_loading *loading, struct bytes pack, unsigned stride) {
    struct buffer buffer = {0};
    struct set_edit names;
    char scratch[PACK_TEXT_MAX];
    enum set_outcome outcome = SET_DONE;
    set_edit_begin_new(&names, SET_HASHTABLE, &buffer);
    for (size_t at = pack_first(pack); at && outcome == SET_DONE;) {
        outcome = set_add(&names, pack_get_text(pack, at, scratch));
        for (unsigned i = 0; i < stride && at; i++)
            at = pack_next(pack, at);
    }
    set_edit_drop(&names);
    buffer_free(&buffer);
    if (outcome == SET_NO_MEMORY) return rdb_no_memory(loading);
    return outcome == SET_DONE;
}
