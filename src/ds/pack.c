/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/pack_priv.h"

/* ---- places ---- */

size_t pack_skip_slow(struct bytes pack, size_t at) {
    uint8_t head = pack_head(pack, at);
    if (pack_head_is_integer(head)) return at + pack_head_size(head) + 1;
    struct pack_extent extent = pack_extent(pack, at);
    size_t size = extent.head + extent.data;
    at += size;
    if (UNLIKELY(pack_back_may_be_long(size)) && pack.data[at] == 0) at++;
    return at + pack_back_size(size);
}

size_t pack_prev(struct bytes pack, size_t at) {
    if (at == PACK_HEADER) return PACK_NONE;
    size_t size = 0;
    uint8_t byte;
    unsigned shift = 0;
    do {
        byte = pack_head(pack, --at);
        size |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return at - size;
}

size_t pack_last(struct bytes pack) {
    return pack_prev(pack, pack.len - 1);
}

size_t pack_count(struct bytes pack) {
    size_t count = pack_header_count(pack);
    if (LIKELY(count != PACK_COUNT_UNKNOWN)) return count;
    count = 0;
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at))
        count++;
    return count;
}

static size_t seek_backward(struct bytes pack, uint64_t steps) {
    size_t at = pack_last(pack);
    while (at && steps-- > 0)
        at = pack_prev(pack, at);
    return at;
}

size_t pack_seek(struct bytes pack, int64_t index) {
    if (index < 0) return seek_backward(pack, -((uint64_t)index + 1));
    uint64_t count = pack_header_count(pack);
    if (count != PACK_COUNT_UNKNOWN) {
        if ((uint64_t)index >= count) return PACK_NONE;
        if ((uint64_t)index > count / 2) return seek_backward(pack, count - 1 - (uint64_t)index);
    }
    size_t at = pack_first(pack);
    while (at && index-- > 0)
        at = pack_next(pack, at);
    return at;
}

/* ---- elements ---- */

/* The lowest `bits` bits as a signed number. */
static inline int64_t extend_sign(uint64_t raw, unsigned bits) {
    return (int64_t)(raw << (64 - bits)) >> (64 - bits);
}

static int64_t get_integer(struct bytes pack, size_t at) {
    uint8_t head = pack_head(pack, at);
    const char *data = pack.data + at + 1;
    uint64_t raw = 0;
    if (head < HEAD_STRING_6) return head;
    switch (head) {
    case HEAD_INTEGER_16: memcpy(&raw, data, 2); return (int16_t)raw;
    case HEAD_INTEGER_24: memcpy(&raw, data, 3); return extend_sign(raw, 24);
    case HEAD_INTEGER_32: memcpy(&raw, data, 4); return (int32_t)raw;
    case HEAD_INTEGER_64: memcpy(&raw, data, 8); return (int64_t)raw;
    default: return extend_sign((uint64_t)head << 8 | (uint8_t)*data, 13);
    }
}

struct pack_item pack_get_slow(struct bytes pack, size_t at) {
    if (pack_head_is_integer(pack_head(pack, at)))
        return (struct pack_item){.integer = true, .number = get_integer(pack, at)};
    struct pack_extent extent = pack_extent(pack, at);
    return (struct pack_item){.text = bytes_make(pack.data + at + extent.head, extent.data)};
}

int pack_compare(struct bytes pack, size_t at, struct bytes text) {
    char scratch[PACK_TEXT_MAX];
    return bytes_compare(pack_get_text(pack, at, scratch), text);
}

/* ---- finding ---- */

/* What is looked for, taken apart once. */
struct needle {
    struct bytes text;
    bool integer;
    int64_t number;
};

static struct needle needle_make(struct bytes text) {
    struct needle needle = {.text = text};
    needle.integer = pack_is_integer(text, &needle.number);
    return needle;
}

/* Most strings of the same length differ at the end, and otherwise at the start. */
static inline bool same_text(const char *data, struct bytes text) {
    if (text.len == 0) return true;
    if (data[text.len - 1] != text.data[text.len - 1] || data[0] != text.data[0]) return false;
    return memcmp(data, text.data, text.len) == 0;
}

static inline bool matches(struct bytes pack, size_t at, const struct needle *needle) {
    uint8_t head = pack_head(pack, at);
    if (pack_head_is_integer(head))
        return needle->integer && get_integer(pack, at) == needle->number;
    struct pack_extent extent = pack_extent(pack, at);
    return extent.data == needle->text.len && same_text(pack.data + at + extent.head, needle->text);
}

bool pack_equals(struct bytes pack, size_t at, struct bytes text) {
    struct needle needle = needle_make(text);
    return matches(pack, at, &needle);
}

size_t pack_find(struct bytes pack, size_t from, struct bytes text, unsigned skip) {
    struct needle needle = needle_make(text);
    for (size_t at = from; at; at = pack_next(pack, at)) {
        if (UNLIKELY(matches(pack, at, &needle))) return at;
        for (unsigned i = 0; i < skip && at; i++)
            at = pack_next(pack, at);
        if (!at) return PACK_NONE;
    }
    return PACK_NONE;
}

/* ---- what comes from outside ---- */

/* Are the bytes from `back` to `end` the backward length of an element of this size. */
static bool backward_length_fits(struct bytes pack, size_t back, size_t end, size_t size) {
    for (size_t at = end; at-- > back; size >>= 7) {
        uint8_t more = at > back ? 0x80 : 0;
        if (pack_head(pack, at) != (more | (size & 0x7f))) return false;
    }
    return size == 0;
}

/* The place after the element at `at`, which is before the end of the pack; PACK_NONE: it is none.
 */
static size_t checked_skip(struct bytes pack, size_t at) {
    size_t end = pack.len - 1, head = pack_head_size(pack_head(pack, at));
    if (head == 0 || head >= end - at) return PACK_NONE;
    struct pack_extent extent = pack_extent(pack, at);
    if (extent.data >= end - at - head) return PACK_NONE;
    size_t size = extent.head + extent.data;
    size_t back = at + size, next = back + pack_back_size(size);
    if (pack_back_may_be_long(size) && pack.data[back] == 0) next++;
    return next <= end && backward_length_fits(pack, back, next, size) ? next : PACK_NONE;
}

static bool validate_elements(struct bytes pack, pack_visitor *visit, void *context) {
    size_t count = 0, known = pack_header_count(pack);
    for (size_t at = PACK_HEADER; at < pack.len - 1; count++) {
        size_t next = checked_skip(pack, at);
        if (next == PACK_NONE || (visit && !visit(context, pack, at))) return false;
        at = next;
    }
    return known == PACK_COUNT_UNKNOWN || known == count;
}

bool pack_validate(struct bytes bytes, bool deep, pack_visitor *visit, void *context) {
    if (bytes.len < PACK_EMPTY_SIZE || bytes.len > PACK_SIZE_MAX) return false;
    if (pack_at(bytes.data).len != bytes.len || pack_head(bytes, bytes.len - 1) != HEAD_END)
        return false;
    return !deep || validate_elements(bytes, visit, context);
}
