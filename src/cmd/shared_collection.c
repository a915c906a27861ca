/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_collection.h"
#include "base/ensure.h"
#include "base/number.h"
#include "sys/entropy.h"
#include "sys/thread.h"

static bool is_type(struct call *call, const struct entry *e, enum value_type type) {
    if (LIKELY(entry_type(e) == type)) return true;
    reply_wrong_type(call->reply);
    return false;
}

bool collection_read(struct call *call, const struct key *key, enum value_type type,
                     struct value *value, bool *exists) {
    const struct entry *e = keyspace_find(&call->view, key);
    *exists = e != NULL;
    if (!e) return true;
    if (!is_type(call, e, type)) return false;
    *value = entry_value(e);
    return true;
}

bool collection_seek(struct call *call, const struct key *key, enum value_type type,
                     struct spot *spot) {
    const struct entry *e = keyspace_seek(&call->view, key, spot);
    return !e || is_type(call, e, type);
}

#define SCRATCH_KEPT (256u * 1024)

struct buffer *collection_scratch(void) {
    static _Thread_local struct buffer scratch;
    if (UNLIKELY(!scratch.data)) thread_owns_buffer(&scratch);
    if (UNLIKELY(scratch.cap > SCRATCH_KEPT)) buffer_free(&scratch);
    return &scratch;
}

struct bytes *collection_argv(unsigned count) {
    static _Thread_local struct buffer items;
    if (UNLIKELY(!items.data)) thread_owns_buffer(&items);
    buffer_clear(&items);
    if (UNLIKELY(items.cap > SCRATCH_KEPT)) buffer_free(&items);
    return buffer_reserve(&items, count * sizeof(struct bytes)) ? (void *)items.data : NULL;
}

struct random *collection_random(void) {
    static _Thread_local struct random random;
    static _Thread_local bool seeded;
    if (UNLIKELY(!seeded)) {
        uint64_t seed;
        entropy_fill(&seed, sizeof seed);
        random_seed(&random, seed);
        seeded = true;
    }
    return &random;
}

#define EXPECTED_MIN   1000
#define EXPECTED_FRAME 12 /* around an element: "$20\r\n", "\r\n", a score's fraction */

/* About what so many of the elements take in a reply. */
static size_t size_of(const struct value *value, uint64_t elements) {
    const struct value_ops *ops = value_ops(value->type);
    double share = (double)elements / (double)MAX(ops->length(value), 1u);
    return (size_t)((double)ops->memory(value->object) * share) + elements * EXPECTED_FRAME;
}

void collection_expect(struct call *call, const struct value *value, uint64_t elements) {
    if (value->large && elements >= EXPECTED_MIN)
        reply_expect(call->reply, size_of(value, elements));
}

bool collection_stream(struct call *call, const struct stream_source *source) {
    if (!source->value.large) return false;
    size_t size = size_of(&source->value, source->left);
    if (stream_begin(call, source, size)) return true;
    reply_expect(call->reply, size);
    return false;
}

bool collection_choose(struct stream_source *source, struct reply *reply, struct choice *choice,
                       uint64_t (*step)(const struct stream_source *source,
                                        struct choice *choice)) {
    size_t start = reply->out->len;
    *choice = (struct choice){collection_random(), source->left, source->next_low};
    do
        source->next = step(source, choice);
    while (choice->wanted && !stream_has_piece(reply, start));
    source->left = choice->wanted;
    source->next_low = choice->rest;
    return source->left > 0;
}

void collection_reply_no_memory(struct call *call, size_t length) {
    call->reply->out->len = length;
    reply_no_memory(call->reply);
}

bool collection_parse_count(struct call *call, unsigned argument, int64_t *count) {
    if (!number_parse_i64(call->argv[argument], count)) {
        reply_not_integer(call->reply);
    } else if (*count == INT64_MIN) {
        reply_errorf(call->reply, "ERR value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
    } else if (*count < -COLLECTION_REPEATS_MAX) {
        reply_error(call->reply, "ERR value is out of range");
    } else {
        return true;
    }
    return false;
}
