/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/bitmap.h"
#include "base/number.h"
#include "cmd/shared_string.h"
#include "sys/memory.h"
#include "value/bits.h"
#include "value/string.h"

bool bitmap_parse_offset(struct call *call, struct bytes text, unsigned width, uint64_t *out) {
    int64_t unit = 1, offset;
    if (width && text.len && text.data[0] == '#') {
        unit = width;
        text = bytes_skip(text, 1);
    }
    if (number_parse_i64(text, &offset) && !__builtin_mul_overflow(offset, unit, &offset) &&
        offset >= 0 && (uint64_t)offset / 8 < string_size_max()) {
        *out = (uint64_t)offset;
        return true;
    }
    reply_error(call->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

/* ---- one bit ---- */

void bitmap_setbit(struct call *call) {
    uint64_t offset;
    int64_t bit;
    if (!bitmap_parse_offset(call, call->argv[2], 0, &offset)) return;
    if (!number_parse_i64(call->argv[3], &bit) || (bit != 0 && bit != 1)) {
        reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    struct bytes value = string_at(&spot);
    size_t at = offset / 8;
    unsigned shift = 7 - offset % 8;
    uint8_t byte = at < value.len ? (uint8_t)value.data[at] : 0;
    int64_t old = byte >> shift & 1;
    if (old != bit || at >= value.len) {
        const struct event event = {EVENT_STRING, "setbit"};
        byte = (uint8_t)((byte & ~(1u << shift)) | (unsigned)bit << shift);
        if (!keyspace_write_range(&call->view, &spot, at, bytes_make(&byte, 1), event)) {
            reply_no_memory(call->reply);
            return;
        }
    }
    bitmap_mark_edited(spot.entry);
    reply_integer(call->reply, old);
}

void bitmap_getbit(struct call *call) {
    uint64_t offset;
    struct bytes value;
    if (!bitmap_parse_offset(call, call->argv[2], 0, &offset)) return;
    if (!string_read(call, &call->keys[0], &value)) return;
    size_t at = offset / 8;
    unsigned byte = at < value.len ? (uint8_t)value.data[at] : 0;
    reply_integer(call->reply, byte >> (7 - offset % 8) & 1);
}

/* ---- BITCOUNT, BITPOS ---- */

/* A range in bytes or bits, from the arguments `first` and `first` + 1 and the unit after them;
 * what is absent reaches to the end. */
struct range {
    int64_t first, last;
    bool in_bits;
};

static bool parse_range(struct call *call, unsigned first, struct range *out) {
    *out = (struct range){.last = -1};
    if (call->argc > first + 3) {
        reply_syntax_error(call->reply);
        return false;
    }
    if (call->argc > first && !string_parse_integer(call, first, &out->first)) return false;
    if (call->argc > first + 2) {
        out->in_bits = bytes_is(call->argv[first + 2], "bit");
        if (call->argc > first + 3 || (!out->in_bits && !bytes_is(call->argv[first + 2], "byte"))) {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    return call->argc <= first + 1 || string_parse_integer(call, first + 1, &out->last);
}

/* Makes it a range of bits within the value. False: it is empty. */
static bool clip_to_bits(struct range *range, struct bytes value) {
    uint64_t size = range->in_bits ? (uint64_t)value.len * 8 : value.len;
    if (!string_clip_range(&range->first, &range->last, size)) return false;
    if (!range->in_bits) {
        range->first *= 8;
        range->last = range->last * 8 + 7;
    }
    return true;
}

void bitmap_bitcount(struct call *call) {
    struct range range;
    struct bytes value;
    if (!parse_range(call, 2, &range)) return;
    if (!string_read(call, &call->keys[0], &value)) return;
    uint64_t count = 0;
    if (!string_range_is_reversed(range.first, range.last) && clip_to_bits(&range, value))
        count = bits_count_range(value, (uint64_t)range.first, (uint64_t)range.last);
    reply_integer(call->reply, (int64_t)count);
}

/* Without an explicit end, a string of ones is followed by zeros. */
static int64_t find_bit(struct bytes value, bool bit, struct range range, bool open_end) {
    if (!value.data) return bit ? -1 : 0;
    if (!clip_to_bits(&range, value)) return -1;
    uint64_t found = bits_find(value, bit, (uint64_t)range.first, (uint64_t)range.last);
    if (found != BITS_NOT_FOUND) return (int64_t)found;
    return !bit && open_end ? (int64_t)value.len * 8 : -1;
}

void bitmap_bitpos(struct call *call) {
    int64_t bit;
    struct range range;
    struct bytes value;
    if (!string_parse_integer(call, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (!parse_range(call, 3, &range)) return;
    if (!string_read(call, &call->keys[0], &value)) return;
    reply_integer(call->reply, find_bit(value, bit, range, call->argc < 5));
}

/* ---- BITOP ---- */

static bool parse_operation(struct bytes word, enum bits_operation *out) {
    static const char *const names[] = {
        [BITS_AND] = "and", [BITS_OR] = "or", [BITS_XOR] = "xor", [BITS_NOT] = "not"};
    for (unsigned i = 0; i <= BITS_NOT; i++) {
        if (!bytes_is(word, names[i])) continue;
        *out = (enum bits_operation)i;
        return true;
    }
    return false;
}

/* All are looked up before any is looked at. Returns the size of the longest. */
static bool find_sources(struct call *call, struct bytes *sources, unsigned count,
                         size_t *longest) {
    struct bytes value;
    for (unsigned i = 0; i < count; i++)
        if (!string_read(call, &call->keys[1 + i], &value)) return false;
    *longest = 0;
    for (unsigned i = 0; i < count; i++) {
        sources[i] = string_again(call, &call->keys[1 + i]);
        if (sources[i].len > *longest) *longest = sources[i].len;
    }
    return true;
}

struct combination {
    enum bits_operation operation;
    const struct bytes *sources;
    unsigned count;
    size_t size; /* of the result */
};

static void fill_in(void *context, char *out) {
    const struct combination *c = context;
    bits_combine(c->operation, out, c->size, c->sources, c->count);
}

static bool target_is_source(const struct call *call) {
    for (unsigned i = 1; i < call->key_count; i++)
        if (bytes_equal(call->keys[i].name, call->keys[0].name)) return true;
    return false;
}

/* Puts the result into the destination; an empty result removes it. False: no memory. */
static bool store_result(struct call *call, struct combination *c) {
    struct string_store what = {.value = bytes_make(NULL, c->size),
                                .fill = fill_in,
                                .context = c,
                                .expiry = EXPIRY_NONE,
                                .raw = true,
                                .event = {EVENT_STRING, "set"}};
    char *beside = NULL;
    if (c->size && target_is_source(call)) {
        if (!(beside = memory_alloc(c->size))) return false;
        fill_in(c, beside);
        what.value = bytes_make(beside, c->size);
        what.fill = NULL;
    }
    struct spot spot;
    bool done = true;
    keyspace_seek(&call->view, &call->keys[0], &spot);
    if (c->size)
        done = keyspace_store_string(&call->view, &spot, &what);
    else if (spot.entry)
        keyspace_remove(&call->view, &spot, (struct event){EVENT_GENERIC, "del"});
    memory_free(beside);
    return done;
}

void bitmap_bitop(struct call *call) {
    enum bits_operation operation;
    if (!parse_operation(call->argv[1], &operation)) {
        reply_syntax_error(call->reply);
        return;
    }
    unsigned count = call->key_count - 1;
    if (operation == BITS_NOT && count != 1) {
        reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    struct bytes *sources = memory_alloc(count * sizeof *sources);
    if (!sources) {
        reply_no_memory(call->reply);
        return;
    }
    struct combination combination = {operation, sources, count, 0};
    if (find_sources(call, sources, count, &combination.size)) {
        if (store_result(call, &combination))
            reply_integer(call->reply, (int64_t)combination.size);
        else
            reply_no_memory(call->reply);
    }
    memory_free(sources);
}
