/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/snapshot_insert.h"
#include "base/ensure.h"
#include "keyspace/load.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include "value/rdb_value.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define BATCH_KEYS  1024u
#define BATCH_BYTES ((size_t)256 * 1024) /* of keys and values, above which a batch is full */
#define QUEUE       4u                   /* batches that a thread may be behind */
#define AHEAD       16u /* keys whose buckets are asked for before they are needed */

struct item {
    struct load_key load; /* the name's place is set last, when the batch is whole */
    uint64_t offset;      /* in the file */
    size_t name, body;    /* where they begin in the batch's bytes */
    size_t name_size, body_size;
    uint8_t type;
};

struct batch {
    struct batch *next; /* of the spare ones */
    struct buffer bytes;
    struct item items[BATCH_KEYS];
    unsigned count, version; /* of keys; of the file */
};

/* One share of the partitions, and its thread. */
struct lane {
    struct inserters *inserters;
    struct view view;
    struct thread thread;
    bool has_thread;
    struct buffer scratch;
    uint64_t keys, corrupt;

    struct batch *open; /* being filled, by the reader */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct batch *queue[QUEUE]; /* a ring, guarded by the mutex, as is all that follows */
    unsigned first, count;
    struct batch *spare; /* to be filled again */
    bool busy, stopping;
};

struct inserters {
    struct inserters_options options;
    atomic_bool failed;
    pthread_mutex_t mutex; /* guards the error */
    char error[256];
    unsigned lanes;
    struct lane lane[];
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

static bool read_value(struct lane *lane, const struct batch *batch, const struct item *item,
                       struct value *value) {
    struct inserters *in = lane->inserters;
    struct rdb_reader reader = {.left = bytes_make(batch->bytes.data + item->body, item->body_size),
                                .version = batch->version};
    buffer_clear(&lane->scratch);
    bool good = rdb_read_value(&reader, item->type, in->options.clock_ms, &lane->scratch, value);
    if (good && !reader.left.len) return true;
    if (good && value->large) value_ops(value->type)->free(value->object);
    if (reader.no_memory)
        fail(in, item, "there is not enough memory");
    else if (!in->options.skip_corrupt)
        fail(in, item, "its value is corrupt");
    else
        lane->corrupt++;
    return false;
}

static void insert(struct lane *lane, const struct batch *batch, const struct item *item) {
    struct value value = {0};
    if (!read_value(lane, batch, item, &value)) return;
    enum load_outcome outcome = keyspace_load(&lane->view, &item->load, &value);
    lane->keys += outcome == LOAD_DONE;
    if (LIKELY(outcome == LOAD_DONE)) return;
    if (value.large) value_ops(value.type)->free(value.object);
    fail(lane->inserters, item,
         outcome == LOAD_NO_MEMORY ? "there is not enough memory" : "it is there already");
}

static void insert_batch(struct lane *lane, struct batch *batch) {
    for (unsigned i = 0; i < batch->count; i++)
        batch->items[i].load.key.name =
            bytes_make(batch->bytes.data + batch->items[i].name, batch->items[i].name_size);
    for (unsigned i = 0; i < MIN(AHEAD, batch->count); i++)
        keyspace_load_prefetch(lane->view.keyspace, &batch->items[i].load);
    for (unsigned i = 0; i < batch->count && !atomic_load(&lane->inserters->failed); i++) {
        if (i + AHEAD < batch->count)
            keyspace_load_prefetch(lane->view.keyspace, &batch->items[i + AHEAD].load);
        insert(lane, batch, &batch->items[i]);
    }
}

static void batch_free(struct batch *batch) {
    if (!batch) return;
    buffer_free(&batch->bytes);
    memory_free(batch);
}

/* ---- threads ---- */

/* With the mutex, unless there is no thread. */
static void put_back(struct lane *lane, struct batch *batch) {
    buffer_clear(&batch->bytes);
    batch->count = 0;
    batch->next = lane->spare;
    lane->spare = batch;
}

/* Gives `done` (or NULL) back. The oldest batch in the queue; NULL: it is time to end. */
static struct batch *next_batch(struct lane *lane, struct batch *done) {
    struct batch *batch = NULL;
    pthread_mutex_lock(&lane->mutex);
    if (done) put_back(lane, done);
    lane->busy = false;
    pthread_cond_broadcast(&lane->changed);
    while (!lane->count && !lane->stopping)
        pthread_cond_wait(&lane->changed, &lane->mutex);
    if (!lane->stopping) {
        batch = lane->queue[lane->first];
        lane->first = (lane->first + 1) % QUEUE;
        lane->count--;
        lane->busy = true;
    }
    pthread_mutex_unlock(&lane->mutex);
    return batch;
}

static void live(void *context) {
    struct lane *lane = context;
    for (struct batch *batch = NULL; (batch = next_batch(lane, batch));)
        insert_batch(lane, batch);
}

/* Hands the open batch over. */
static void hand_over(struct lane *lane) {
    struct batch *batch = lane->open;
    lane->open = NULL;
    if (!lane->has_thread) {
        insert_batch(lane, batch);
        put_back(lane, batch);
        return;
    }
    pthread_mutex_lock(&lane->mutex);
    while (lane->count == QUEUE)
        pthread_cond_wait(&lane->changed, &lane->mutex);
    lane->queue[(lane->first + lane->count++) % QUEUE] = batch;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->mutex);
}

bool inserters_drain(struct inserters *in) {
    for (unsigned i = 0; i < in->lanes; i++)
        if (in->lane[i].open) hand_over(&in->lane[i]);
    for (unsigned i = 0; i < in->lanes; i++) {
        struct lane *lane = &in->lane[i];
        pthread_mutex_lock(&lane->mutex);
        while (lane->count || lane->busy)
            pthread_cond_wait(&lane->changed, &lane->mutex);
        pthread_mutex_unlock(&lane->mutex);
    }
    return !atomic_load(&in->failed);
}

bool inserters_expect(struct inserters *in, uint32_t db, uint64_t keys) {
    if (!inserters_drain(in)) return false;
    keyspace_load_expect(in->options.keyspace, db, keys);
    return true;
}

/* ---- adding ---- */

/* NULL = no memory. */
static struct batch *take_spare(struct lane *lane) {
    pthread_mutex_lock(&lane->mutex);
    struct batch *batch = lane->spare;
    if (batch) lane->spare = batch->next;
    pthread_mutex_unlock(&lane->mutex);
    return batch ? batch : memory_alloc_zero(sizeof *batch);
}

static bool add(struct batch *batch, const struct rdb_record *r, const struct load_key *load) {
    struct item *item = &batch->items[batch->count];
    *item = (struct item){.load = *load,
                          .offset = r->offset,
                          .name = batch->bytes.len,
                          .name_size = r->key.name.len,
                          .body = batch->bytes.len + r->key.name.len,
                          .body_size = r->body.len,
                          .type = r->type};
    if (!buffer_append_bytes(&batch->bytes, r->key.name) ||
        !buffer_append_bytes(&batch->bytes, r->body))
        return false;
    batch->count++;
    return true;
}

bool inserters_add(struct inserters *in, const struct rdb_record *r, unsigned version) {
    struct load_key load = {key_make(r->key.name), r->key.db,        r->key.expiry,
                            r->key.idle,           r->key.frequency, in->options.replace};
    struct lane *lane = &in->lane[key_partition(&load.key) % in->lanes];
    if (!lane->open) lane->open = take_spare(lane);
    if (!lane->open || !add(lane->open, r, &load)) {
        fail(in, &(struct item){.load = load, .offset = r->offset}, "there is not enough memory");
        return false;
    }
    lane->open->version = version;
    if (lane->open->count == BATCH_KEYS || lane->open->bytes.len >= BATCH_BYTES) hand_over(lane);
    return !atomic_load_explicit(&in->failed, memory_order_relaxed);
}

/* ---- life ---- */

static void lane_init(struct inserters *in, unsigned number) {
    struct lane *lane = &in->lane[number];
    lane->inserters = in;
    lane->view = (struct view){.keyspace = in->options.keyspace,
                               .counters = keyspace_counters_of(in->options.keyspace, number),
                               .now_ms = in->options.clock_ms,
                               .worker = number};
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->changed, NULL);
}

struct inserters *inserters_create(const struct inserters_options *options) {
    unsigned lanes = MAX(options->threads, 1u);
    struct inserters *in = memory_alloc_zero(sizeof *in + lanes * sizeof(struct lane));
    if (!in) return NULL;
    in->options = *options;
    in->lanes = lanes;
    pthread_mutex_init(&in->mutex, NULL);
    for (unsigned i = 0; i < lanes; i++)
        lane_init(in, i);
    for (unsigned i = 0; i < options->threads; i++) {
        struct lane *lane = &in->lane[i];
        lane->has_thread = thread_start("loader", live, lane, &lane->thread) == 0;
    }
    return in;
}

static void lane_free(struct lane *lane) {
    pthread_mutex_lock(&lane->mutex);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->mutex);
    if (lane->has_thread) thread_join(&lane->thread);
    for (; lane->count; lane->count--, lane->first = (lane->first + 1) % QUEUE)
        batch_free(lane->queue[lane->first]);
    batch_free(lane->open);
    while (lane->spare) {
        struct batch *spare = lane->spare;
        lane->spare = spare->next;
        batch_free(spare);
    }
    buffer_free(&lane->scratch);
    pthread_mutex_destroy(&lane->mutex);
    pthread_cond_destroy(&lane->changed);
}

void inserters_free(struct inserters *in) {
    if (!in) return;
    for (unsigned i = 0; i < in->lanes; i++)
        lane_free(&in->lane[i]);
    pthread_mutex_destroy(&in->mutex);
    memory_free(in);
}

struct inserters_result inserters_result(const struct inserters *in) {
    struct inserters_result result = {.error = in->error};
    for (unsigned i = 0; i < in->lanes; i++) {
        result.keys += in->lane[i].keys;
        result.corrupt += in->lane[i].corrupt;
    }
    return result;
}
