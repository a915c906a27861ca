/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/snapshot_insert.h"
#include "journal/lanes.h"
#include "keyspace/load.h"
#include "sys/memory.h"
#include "value/rdb_value.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define AHEAD 16u /* keys whose buckets are asked for before they are needed */

struct item {
    struct load_key load; /* the name's place is set last, when the batch is whole */
    uint64_t offset;      /* in the file */
    size_t name, body;    /* where they begin in the batch's bytes */
    size_t name_size, body_size;
    unsigned version; /* of the file */
    uint8_t type;
};

/* What a thread inserts with. */
struct hand {
    struct view view;
    struct buffer scratch;
    uint64_t keys, corrupt;
};

struct inserters {
    struct inserters_options options;
    struct lanes *lanes;
    atomic_bool failed;
    pthread_mutex_t mutex; /* guards the error */
    char error[256];
    struct hand hand[];
};

/* ---- inserting ---- */

static void fail(struct inserters *in, const struct item *item, const char *why) {
    struct bytes name = item->load.key.name;
    pthread_mutex_lock(&in->mutex);
    if (!*in->error)
        snprintf(in->error, sizeof in->error, "key '%.*s': %s, at offset %llu",
                 (int)MIN(name.len, 64u), name.data, why, (unsigned long long)item->offset);
    pthread_mutex_unlock(&in->mutex);
    atomic_store(&in->failed, true);
}

static bool read_value(struct inserters *in, struct hand *hand, const struct lane_batch *batch,
                       const struct item *item, struct value *value) {
    struct rdb_reader reader = {.left = bytes_make(batch->bytes.data + item->body, item->body_size),
                                .version = item->version};
    buffer_clear(&hand->scratch);
    bool good = rdb_read_value(&reader, item->type, in->options.clock_ms, &hand->scratch, value);
    if (good && !reader.left.len) return true;
    if (good && value->large) value_ops(value->type)->free(value->object);
    if (reader.no_memory)
        fail(in, item, "there is not enough memory");
    else if (!in->options.skip_corrupt)
        fail(in, item, "its value is corrupt");
    else
        hand->corrupt++;
    return false;
}

static void insert(struct inserters *in, struct hand *hand, const struct lane_batch *batch,
                   const struct item *item) {
    struct value value = {0};
    if (!read_value(in, hand, batch, item, &value)) return;
    enum load_outcome outcome = keyspace_load(&hand->view, &item->load, &value);
    hand->keys += outcome == LOAD_DONE;
    if (LIKELY(outcome == LOAD_DONE)) return;
    if (value.large) value_ops(value.type)->free(value.object);
    fail(in, item,
         outcome == LOAD_NO_MEMORY ? "there is not enough memory" : "it is there already");
}

static void insert_batch(void *context, unsigned number, struct lane_batch *batch) {
    struct inserters *in = context;
    struct hand *hand = &in->hand[number];
    struct item *items = (struct item *)batch->items;
    for (unsigned i = 0; i < batch->count; i++)
        items[i].load.key.name = bytes_make(batch->bytes.data + items[i].name, items[i].name_size);
    for (unsigned i = 0; i < MIN(AHEAD, batch->count); i++)
        keyspace_load_prefetch(hand->view.keyspace, &items[i].load);
    for (unsigned i = 0; i < batch->count && !atomic_load(&in->failed); i++) {
        if (i + AHEAD < batch->count)
            keyspace_load_prefetch(hand->view.keyspace, &items[i + AHEAD].load);
        insert(in, hand, batch, &items[i]);
    }
}

bool inserters_drain(struct inserters *in) {
    lanes_drain(in->lanes);
    return !atomic_load(&in->failed);
}

bool inserters_expect(struct inserters *in, uint32_t db, uint64_t keys) {
    if (!inserters_drain(in)) return false;
    keyspace_load_expect(in->options.keyspace, db, keys);
    return true;
}

/* ---- adding ---- */

static bool add(struct lane_batch *batch, const struct rdb_record *r, const struct load_key *load,
                unsigned version) {
    struct item *item = (struct item *)batch->items + batch->count;
    *item = (struct item){.load = *load,
                          .offset = r->offset,
                          .name = batch->bytes.len,
                          .name_size = r->key.name.len,
                          .body = batch->bytes.len + r->key.name.len,
                          .body_size = r->body.len,
                          .type = r->type,
                          .version = version};
    return buffer_append_bytes(&batch->bytes, r->key.name) &&
           buffer_append_bytes(&batch->bytes, r->body);
}

bool inserters_add(struct inserters *in, const struct rdb_record *r, unsigned version) {
    struct load_key load = {key_make(r->key.name), r->key.db,        r->key.expiry,
                            r->key.idle,           r->key.frequency, in->options.replace};
    unsigned partition = key_partition(&load.key);
    struct lane_batch *batch = lanes_open(in->lanes, partition);
    if (!batch || !add(batch, r, &load, version)) {
        fail(in, &(struct item){.load = load, .offset = r->offset}, "there is not enough memory");
        return false;
    }
    lanes_added(in->lanes, partition);
    return !atomic_load_explicit(&in->failed, memory_order_relaxed);
}

/* ---- life ---- */

static void hand_init(struct inserters *in, unsigned number) {
    in->hand[number].view =
        (struct view){.keyspace = in->options.keyspace,
                      .counters = keyspace_counters_of(in->options.keyspace, number),
                      .now_ms = in->options.clock_ms,
                      .worker = number};
}

struct inserters *inserters_create(const struct inserters_options *options) {
    unsigned hands = options->threads + 1;
    struct inserters *in = memory_alloc_zero(sizeof *in + hands * sizeof(struct hand));
    if (!in) return NULL;
    in->options = *options;
    in->lanes = lanes_create(&(struct lanes_options){.threads = options->threads,
                                                     .item_size = sizeof(struct item),
                                                     .work = insert_batch,
                                                     .context = in});
    if (!in->lanes) {
        memory_free(in);
        return NULL;
    }
    pthread_mutex_init(&in->mutex, NULL);
    for (unsigned i = 0; i < hands; i++)
        hand_init(in, i);
    return in;
}

void inserters_free(struct inserters *in) {
    if (!in) return;
    lanes_free(in->lanes);
    for (unsigned i = 0; i <= in->options.threads; i++)
        buffer_free(&in->hand[i].scratch);
    pthread_mutex_destroy(&in->mutex);
    memory_free(in);
}

struct inserters_result inserters_result(const struct inserters *in) {
    struct inserters_result result = {.error = in->error};
    for (unsigned i = 0; i <= in->options.threads; i++) {
        result.keys += in->hand[i].keys;
        result.corrupt += in->hand[i].corrupt;
    }
    return result;
}
