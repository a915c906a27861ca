/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/hll.h"
#include "cmd/shared_collection.h"
#include "cmd/shared_string.h"
#include "value/hll.h"
#include "value/limits.h"

static const struct event pfadd_event = {EVENT_STRING, "pfadd"};
static const struct event no_event = {0, NULL};

static void reply_corrupt(struct call *call) {
    reply_error(call->reply, "INVALIDOBJ Corrupted HLL object detected");
}

/* Is the entry a HyperLogLog, or NULL? If not, that has been answered. */
static bool check(struct call *call, const struct entry *e) {
    if (!string_check(call, e)) return false;
    if (!e || hll_is_fit(entry_string(e))) return true;
    reply_error(call->reply, "WRONGTYPE Key is not a valid HyperLogLog string value.");
    return false;
}

/* Commands on one HyperLogLog leave it a string that has been edited, whatever they did to it. */
static bool mark_edited(struct call *call, struct spot *spot) {
    return LIKELY(spot->entry->head & ENTRY_RAW) ||
           keyspace_write_range(&call->view, spot, 0, BYTES(""), no_event);
}

/* A copy of the spot's HyperLogLog, or an empty one, in this thread's buffer; NULL: no memory. */
static struct buffer *copy_out(const struct spot *spot) {
    struct buffer *hll = collection_scratch();
    if (!spot->entry) return hll_init(hll) ? hll : NULL;
    buffer_clear(hll);
    return buffer_append_bytes(hll, entry_string(spot->entry)) ? hll : NULL;
}

static bool copy_in(struct call *call, struct spot *spot, const struct buffer *hll,
                    struct event event) {
    struct string_store what = {
        .value = buffer_bytes(hll), .expiry = EXPIRY_KEEP, .raw = true, .event = event};
    return keyspace_store_string(&call->view, spot, &what);
}

static void reply_failure(struct call *call, enum hll_outcome outcome) {
    if (outcome == HLL_CORRUPT)
        reply_corrupt(call);
    else
        reply_no_memory(call->reply);
}

/* ---- PFADD ---- */

/* Raises registers where they are, without a copy of all of them. */
static enum hll_outcome add_to_dense(struct call *call, struct spot *spot) {
    bool changed = false;
    for (unsigned i = 2; i < call->argc; i++) {
        uint8_t piece[2];
        size_t size;
        size_t at = hll_dense_piece(string_at(spot), hll_mark_of(call->argv[i]), piece, &size);
        if (!at) continue;
        changed = true;
        if (!keyspace_write_range(&call->view, spot, at, bytes_make(piece, size), no_event))
            return HLL_NO_MEMORY;
    }
    if (!changed) return mark_edited(call, spot) ? HLL_SAME : HLL_NO_MEMORY;
    size_t flag_at = HLL_CACHE + HLL_CACHE_SIZE - 1;
    uint8_t flag = (uint8_t)string_at(spot).data[flag_at] | 0x80;
    bool stored =
        keyspace_write_range(&call->view, spot, flag_at, bytes_make(&flag, 1), pfadd_event);
    return stored ? HLL_CHANGED : HLL_NO_MEMORY;
}

/* What was added before a corrupt part was met stays. */
static enum hll_outcome add_to_copy(struct call *call, struct spot *spot) {
    struct buffer *hll = copy_out(spot);
    if (!hll) return HLL_NO_MEMORY;
    uint64_t sparse_max = (uint64_t)value_limits.hll_sparse_max_bytes;
    enum hll_outcome outcome = HLL_SAME;
    bool changed = !spot->entry;
    for (unsigned i = 2; i < call->argc && outcome <= HLL_CHANGED; i++) {
        outcome = hll_raise(hll, hll_mark_of(call->argv[i]), sparse_max);
        changed |= outcome == HLL_CHANGED;
    }
    if (outcome == HLL_NO_MEMORY) return outcome;
    bool corrupt = outcome == HLL_CORRUPT;
    if (!changed) {
        if (!mark_edited(call, spot)) return HLL_NO_MEMORY;
    } else {
        hll_drop_cache(hll);
        if (!copy_in(call, spot, hll, corrupt ? no_event : pfadd_event)) return HLL_NO_MEMORY;
    }
    return corrupt ? HLL_CORRUPT : changed ? HLL_CHANGED : HLL_SAME;
}

void hll_pfadd(struct call *call) {
    struct spot spot;
    if (!check(call, keyspace_seek(&call->view, &call->keys[0], &spot))) return;
    enum hll_outcome outcome = spot.entry && hll_is_dense(string_at(&spot))
                                   ? add_to_dense(call, &spot)
                                   : add_to_copy(call, &spot);
    if (outcome > HLL_CHANGED)
        reply_failure(call, outcome);
    else
        reply_integer(call->reply, outcome == HLL_CHANGED);
}

/* ---- PFCOUNT ---- */

static void count_one(struct call *call) {
    struct spot spot;
    uint64_t count = 0;
    struct entry *e = keyspace_seek_read(&call->view, &call->keys[0], &spot);
    if (!check(call, e)) return;
    if (e && !mark_edited(call, &spot)) {
        reply_no_memory(call->reply);
        return;
    }
    if (e && !hll_cached(string_at(&spot), &count)) {
        uint8_t cache[HLL_CACHE_SIZE];
        if (!hll_count(string_at(&spot), &count)) {
            reply_corrupt(call);
            return;
        }
        hll_write_cache(cache, count);
        keyspace_write_range(&call->view, &spot, HLL_CACHE, bytes_make(cache, sizeof cache),
                             no_event);
    }
    reply_integer(call->reply, (int64_t)count);
}

/* Raises registers to those of a key, if it exists. *dense is set if it is. False: it has been
 * answered. */
static bool merge_key(struct call *call, const struct key *key, uint8_t *registers, bool *dense) {
    const struct entry *e = keyspace_find(&call->view, key);
    if (!check(call, e)) return false;
    if (!e) return true;
    *dense |= hll_is_dense(entry_string(e));
    if (hll_merge(registers, entry_string(e))) return true;
    reply_corrupt(call);
    return false;
}

void hll_pfcount(struct call *call) {
    if (call->key_count == 1) {
        count_one(call);
        return;
    }
    uint8_t registers[HLL_REGISTERS] = {0};
    bool dense = false;
    for (unsigned i = 0; i < call->key_count; i++)
        if (!merge_key(call, &call->keys[i], registers, &dense)) return;
    reply_integer(call->reply, (int64_t)hll_count_registers(registers));
}

/* ---- PFMERGE ---- */

/* Raises all registers of the copy; it becomes dense first if any of the others is. */
static enum hll_outcome merge_into(struct buffer *hll, const uint8_t *registers, bool dense) {
    enum hll_outcome outcome = dense ? hll_make_dense(hll) : HLL_SAME;
    if (outcome > HLL_CHANGED) return outcome;
    if (hll_is_dense(buffer_bytes(hll))) {
        hll_set_dense(hll, registers);
        return HLL_CHANGED;
    }
    for (uint32_t i = 0; i < HLL_REGISTERS; i++) {
        if (!registers[i]) continue;
        struct hll_mark mark = {i, registers[i]};
        outcome = hll_raise(hll, mark, (uint64_t)value_limits.hll_sparse_max_bytes);
        if (outcome > HLL_CHANGED) return outcome;
    }
    return HLL_CHANGED;
}

void hll_pfmerge(struct call *call) {
    uint8_t registers[HLL_REGISTERS] = {0};
    bool dense = false;
    for (unsigned i = 0; i < call->key_count; i++)
        if (!merge_key(call, &call->keys[i], registers, &dense)) return;

    struct spot spot;
    keyspace_seek(&call->view, &call->keys[0], &spot);
    struct buffer *hll = copy_out(&spot);
    enum hll_outcome outcome = hll ? merge_into(hll, registers, dense) : HLL_NO_MEMORY;
    if (outcome == HLL_CHANGED) {
        hll_drop_cache(hll);
        if (!copy_in(call, &spot, hll, pfadd_event)) outcome = HLL_NO_MEMORY;
    }
    if (outcome > HLL_CHANGED)
        reply_failure(call, outcome);
    else
        reply_ok(call->reply);
}

/* ---- PFDEBUG ---- */

static enum hll_outcome make_dense(struct call *call, struct spot *spot) {
    struct buffer *hll = copy_out(spot);
    enum hll_outcome outcome = hll ? hll_make_dense(hll) : HLL_NO_MEMORY;
    if (outcome == HLL_CHANGED && !copy_in(call, spot, hll, no_event)) return HLL_NO_MEMORY;
    return outcome;
}

static void debug_registers(struct call *call, struct spot *spot) {
    uint8_t registers[HLL_REGISTERS] = {0};
    enum hll_outcome outcome = make_dense(call, spot);
    if (outcome > HLL_CHANGED) {
        reply_failure(call, outcome);
        return;
    }
    hll_merge(registers, string_at(spot));
    reply_array(call->reply, HLL_REGISTERS);
    for (uint32_t i = 0; i < HLL_REGISTERS; i++)
        reply_integer(call->reply, registers[i]);
}

static void debug_decode(struct call *call, struct spot *spot) {
    if (hll_is_dense(string_at(spot))) {
        reply_error(call->reply, "ERR HLL encoding is not sparse");
        return;
    }
    struct buffer *text = collection_scratch();
    buffer_clear(text);
    if (hll_describe(string_at(spot), text))
        reply_bulk(call->reply, buffer_bytes(text));
    else
        reply_no_memory(call->reply);
}

static void debug_make_dense(struct call *call, struct spot *spot) {
    enum hll_outcome outcome = make_dense(call, spot);
    if (outcome > HLL_CHANGED)
        reply_failure(call, outcome);
    else
        reply_integer(call->reply, outcome == HLL_CHANGED);
}

/* Valkey turns vector instructions on and off with it; here the compiler chooses them. */
static void debug_simd(struct call *call) {
    if (bytes_is(call->argv[2], "on"))
        reply_simple(call->reply, "enabled");
    else if (bytes_is(call->argv[2], "off"))
        reply_simple(call->reply, "disabled");
    else
        reply_error(call->reply, "ERR Argument must be ON or OFF");
}

void hll_pfdebug(struct call *call) {
    struct bytes what = call->argv[1];
    if (bytes_is(what, "simd")) {
        debug_simd(call);
        return;
    }
    struct spot spot;
    if (!keyspace_seek(&call->view, &call->keys[0], &spot)) {
        reply_error(call->reply, "ERR The specified key does not exist");
        return;
    }
    if (!check(call, spot.entry)) return;
    if (!mark_edited(call, &spot)) {
        reply_no_memory(call->reply);
        return;
    }
    if (bytes_is(what, "getreg"))
        debug_registers(call, &spot);
    else if (bytes_is(what, "decode"))
        debug_decode(call, &spot);
    else if (bytes_is(what, "encoding"))
        reply_simple(call->reply, hll_is_dense(string_at(&spot)) ? "dense" : "sparse");
    else if (bytes_is(what, "todense"))
        debug_make_dense(call, &spot);
    else
        reply_errorf(call->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", (int)what.len,
                     what.data);
}

/* ---- PFSELFTEST ---- */

/* Shows the same elements to a sparse one that becomes dense and to registers of its own; the
 * estimate may be off by four standard errors (1.04 / sqrt(registers) each). */
static bool test_passes(struct buffer *hll) {
    uint8_t registers[HLL_REGISTERS] = {0};
    if (!hll_init(hll)) return false;
    for (uint64_t i = 1; i <= 100000; i++) {
        struct hll_mark mark = hll_mark_of(bytes_make(&i, sizeof i));
        registers[mark.index] = MAX(registers[mark.index], mark.value);
        if (hll_raise(hll, mark, 3000) > HLL_CHANGED) return false;
        if (i != 100 && i != 1000 && i != 10000 && i != 100000) continue;
        uint64_t count;
        if (!hll_count(buffer_bytes(hll), &count)) return false;
        if (count != hll_count_registers(registers)) return false;
        uint64_t error = count > i ? count - i : i - count;
        if (error > i * 4 * 104 / 100 / 128 + 1) return false;
    }
    return true;
}

void hll_pfselftest(struct call *call) {
    if (test_passes(collection_scratch()))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR TESTFAILED estimates are off");
}
