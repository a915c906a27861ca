/* SPDX-License-Identifier: BSD-3-Clause */
/* HRANDFIELD. */
#include "base/ensure.h"
#include "cmd/hash.h"
#include "cmd/shared_hash.h"

struct telling {
    struct reply *reply;
    bool with_values;
    uint64_t count;
};

/* RESP3 shows a field and its value as a pair. */
static bool tell(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)deadline;
    struct telling *telling = context;
    if (telling->with_values && telling->reply->resp > 2) reply_array(telling->reply, 2);
    reply_bulk(telling->reply, field);
    if (telling->with_values) reply_bulk(telling->reply, value);
    telling->count++;
    return !telling->reply->failed;
}

/* ---- many, in pieces: the source's options say whether with values ---- */

struct choosing {
    struct choice choice;
    struct telling telling;
};

static bool choose_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct choosing *choosing = context;
    return !choose_next(&choosing->choice) || tell(&choosing->telling, field, value, deadline);
}

static uint64_t choose_some(const struct stream_source *source, struct choice *choice) {
    struct choosing *choosing = CONTAINER_OF(choice, struct choosing, choice);
    return hash_scan(&source->value, source->next, 1, source->now_ms, choose_field, choosing);
}

static bool reply_chosen(struct stream_source *source, struct reply *reply) {
    struct choosing choosing = {.telling = {.reply = reply, .with_values = source->options}};
    return collection_choose(source, reply, &choosing.choice, choose_some);
}

static bool reply_repeated(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    struct telling telling = {.reply = reply, .with_values = source->options};
    while (source->left && !stream_has_piece(reply, start)) {
        uint64_t some = MIN(source->left, (uint64_t)64);
        source->left -= some;
        if (!hash_repeat(&source->value, some, source->now_ms, collection_random(), tell, &telling))
            reply->failed = true;
    }
    return source->left > 0;
}

static bool stream_several(struct call *call, const struct value *hash, int64_t count,
                           bool with_values) {
    struct reply *reply = call->reply;
    size_t before = reply->out->len;
    if (!hash->large) return false;
    uint64_t alive = hash_count_alive(hash, call->view.now_ms);
    struct stream_source source = {.produce = count < 0 ? reply_repeated : reply_chosen,
                                   .value = *hash,
                                   .next_low = alive,
                                   .left =
                                       count < 0 ? (uint64_t)-count : MIN((uint64_t)count, alive),
                                   .now_ms = call->view.now_ms,
                                   .options = with_values};
    if (!alive) return false;
    reply_array(reply, source.left * (with_values && reply->resp == 2 ? 2 : 1));
    if (collection_stream(call, &source)) return true;
    reply->out->len = before;
    return false;
}

/* ---- HRANDFIELD ---- */

static void reply_several(struct call *call, const struct value *hash, int64_t count,
                          bool with_values) {
    if (stream_several(call, hash, count, with_values)) return;
    struct telling telling = {.reply = call->reply, .with_values = with_values};
    int64_t now_ms = call->view.now_ms;
    size_t before = call->reply->out->len, mark = reply_open(call->reply);
    bool done =
        count >= 0
            ? hash_sample(hash, (uint64_t)count, now_ms, collection_random(), tell, &telling)
            : hash_repeat(hash, (uint64_t)-count, now_ms, collection_random(), tell, &telling);
    bool flat = with_values && call->reply->resp == 2;
    if (done)
        reply_close_array(call->reply, mark, telling.count * (flat ? 2 : 1));
    else
        collection_reply_no_memory(call, before);
}

/* count [WITHVALUES] */
static bool parse(struct call *call, int64_t *count, bool *with_values) {
    *with_values = call->argc > 3;
    if (!collection_parse_count(call, 2, count)) return false;
    if (call->argc > 4 || (*with_values && !bytes_is(call->argv[3], "withvalues")))
        reply_syntax_error(call->reply);
    else if (*with_values && *count > INT64_MAX / 2)
        reply_error(call->reply, "ERR value is out of range");
    else
        return true;
    return false;
}

void hash_hrandfield(struct call *call) {
    struct value hash;
    bool exists, with_values = false, single = call->argc == 2;
    int64_t count = 0;
    if (!single && !parse(call, &count, &with_values)) return;
    if (!hash_read(call, &hash, &exists)) return;
    if (single) {
        struct telling telling = {.reply = call->reply};
        if (!exists || !hash_random(&hash, call->view.now_ms, collection_random(), tell, &telling))
            reply_null(call->reply);
    } else if (exists && count) {
        reply_several(call, &hash, count, with_values);
    } else {
        reply_array(call->reply, 0);
    }
}
