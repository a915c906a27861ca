/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/pack_priv.h"

/* An element to be written. */
struct element {
    uint8_t head[9];
    size_t head_size;
    struct bytes data;
    size_t size; /* with the backward length */
};

static void element_close(struct element *element) {
    size_t size = element->head_size + element->data.len;
    element->size = size + pack_back_size(size);
}

static struct element element_of_integer(int64_t number) {
    struct element element = {.head_size = 1};
    unsigned bytes;
    if (number >= 0 && number <= 127) {
        element.head[0] = (uint8_t)number;
    } else if (number >= -4096 && number <= 4095) {
        element.head[0] = (uint8_t)(HEAD_INTEGER_13 | (number >> 8 & 0x1f));
        element.head[1] = (uint8_t)number;
        element.head_size = 2;
    } else {
        if (number >= INT16_MIN && number <= INT16_MAX)
            element.head[0] = HEAD_INTEGER_16, bytes = 2;
        else if (number >= -(1 << 23) && number < 1 << 23)
            element.head[0] = HEAD_INTEGER_24, bytes = 3;
        else if (number >= INT32_MIN && number <= INT32_MAX)
            element.head[0] = HEAD_INTEGER_32, bytes = 4;
        else
            element.head[0] = HEAD_INTEGER_64, bytes = 8;
        memcpy(element.head + 1, &number, bytes);
        element.head_size += bytes;
    }
    element_close(&element);
    return element;
}

static struct element element_of_text(struct bytes text) {
    int64_t number;
    if (pack_is_integer(text, &number)) return element_of_integer(number);
    struct element element = {.head_size = 1, .data = text};
    if (text.len <= 63) {
        element.head[0] = (uint8_t)(HEAD_STRING_6 | text.len);
    } else if (text.len <= 4095) {
        element.head[0] = (uint8_t)(HEAD_STRING_12 | text.len >> 8);
        element.head[1] = (uint8_t)text.len;
        element.head_size = 2;
    } else {
        element.head[0] = HEAD_STRING_32;
        memcpy(element.head + 1, &text.len, sizeof(uint32_t)); /* too long: make_room refuses */
        element.head_size = 5;
    }
    element_close(&element);
    return element;
}

static void element_write(const struct element *element, char *to) {
    memcpy(to, element->head, element->head_size);
    if (element->data.len) memcpy(to + element->head_size, element->data.data, element->data.len);
    size_t rest = element->head_size + element->data.len, back = rest;
    for (size_t at = element->size; at-- > back; rest >>= 7)
        to[at] = (char)((rest & 0x7f) | (at > back ? 0x80 : 0));
}

size_t pack_element_size(struct bytes text) {
    return element_of_text(text).size;
}

size_t pack_integer_size(int64_t number) {
    return element_of_integer(number).size;
}

/* ---- the bytes of a pack ---- */

static size_t end_of(const struct buffer *buffer) {
    return buffer->len - 1;
}

/* A count that is unknown stays so, except in an empty pack. */
static void set_header(struct buffer *buffer, size_t count) {
    uint32_t size = (uint32_t)buffer->len;
    if (buffer->len == PACK_EMPTY_SIZE) count = 0;
    uint16_t known = count < PACK_COUNT_UNKNOWN ? (uint16_t)count : PACK_COUNT_UNKNOWN;
    memcpy(buffer->data, &size, sizeof size);
    memcpy(buffer->data + sizeof size, &known, sizeof known);
}

static size_t count_after(const struct buffer *buffer, size_t removed, size_t added) {
    size_t count = pack_header_count(buffer_bytes(buffer));
    return count == PACK_COUNT_UNKNOWN ? count : count - removed + added;
}

/* Makes the `old` bytes at `at` `new` bytes, whose content is left to be written. `new` <= `old`
 * cannot fail. */
static bool make_room(struct buffer *buffer, size_t at, size_t old, size_t new) {
    size_t rest = buffer->len - at - old;
    if (new > old) {
        if (new > PACK_SIZE_MAX || buffer->len - old + new > PACK_SIZE_MAX) return false;
        if (!buffer_reserve(buffer, new - old)) return false;
    }
    memmove(buffer->data + at + new, buffer->data + at + old, rest);
    buffer->len = at + new + rest;
    return true;
}

bool pack_init(struct buffer *buffer) {
    if (buffer->cap < PACK_EMPTY_SIZE && !buffer_reserve(buffer, PACK_EMPTY_SIZE - buffer->len))
        return false;
    buffer->len = PACK_EMPTY_SIZE;
    buffer->data[PACK_HEADER] = (char)HEAD_END;
    set_header(buffer, 0);
    return true;
}

/* ---- one element ---- */

static bool insert(struct buffer *buffer, size_t at, const struct element *element) {
    size_t count = count_after(buffer, 0, 1);
    if (!make_room(buffer, at, 0, element->size)) return false;
    element_write(element, buffer->data + at);
    set_header(buffer, count);
    return true;
}

static bool replace(struct buffer *buffer, size_t at, const struct element *element) {
    size_t count = count_after(buffer, 0, 0);
    if (!make_room(buffer, at, pack_size_at(buffer_bytes(buffer), at), element->size)) return false;
    element_write(element, buffer->data + at);
    set_header(buffer, count);
    return true;
}

bool pack_insert(struct buffer *buffer, size_t at, struct bytes text) {
    struct element element = element_of_text(text);
    return insert(buffer, at ? at : end_of(buffer), &element);
}

bool pack_insert_integer(struct buffer *buffer, size_t at, int64_t number) {
    struct element element = element_of_integer(number);
    return insert(buffer, at ? at : end_of(buffer), &element);
}

bool pack_append(struct buffer *buffer, struct bytes text) {
    return pack_insert(buffer, PACK_NONE, text);
}

bool pack_append_integer(struct buffer *buffer, int64_t number) {
    return pack_insert_integer(buffer, PACK_NONE, number);
}

bool pack_prepend(struct buffer *buffer, struct bytes text) {
    return pack_insert(buffer, PACK_HEADER, text);
}

bool pack_replace(struct buffer *buffer, size_t at, struct bytes text) {
    struct element element = element_of_text(text);
    return replace(buffer, at, &element);
}

bool pack_replace_integer(struct buffer *buffer, size_t at, int64_t number) {
    struct element element = element_of_integer(number);
    return replace(buffer, at, &element);
}

/* ---- many ---- */

size_t pack_delete(struct buffer *buffer, size_t at, size_t count) {
    struct bytes pack = buffer_bytes(buffer);
    if (at == PACK_NONE) return PACK_NONE;
    size_t to = at, removed = 0;
    for (; removed < count && to < end_of(buffer); removed++)
        to = pack_skip(pack, to);
    size_t left = count_after(buffer, removed, 0);
    make_room(buffer, at, to - at, 0);
    set_header(buffer, left);
    return at < end_of(buffer) ? at : PACK_NONE;
}

bool pack_append_pack(struct buffer *buffer, struct bytes other) {
    size_t at = end_of(buffer), added = pack_header_count(other),
           size = other.len - PACK_EMPTY_SIZE;
    size_t count = added == PACK_COUNT_UNKNOWN ? PACK_COUNT_UNKNOWN : count_after(buffer, 0, added);
    if (!make_room(buffer, at, 0, size)) return false;
    memcpy(buffer->data + at, other.data + PACK_HEADER, size);
    set_header(buffer, count);
    return true;
}
