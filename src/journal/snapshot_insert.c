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
#define QUEUE       4u  /* batches for each thread that may wait, before the reader joins in */
#define LANES       2u  /* for each that inserts: while one is inserted, others find another */
#define AHEAD       16u /* keys whose buckets are asked for before they are needed */

struct item {
    struct load_key load; /* the name's place is set last, when the batch is whole */
    uint64_t offset;      /* in the file */
    size_t name, body;    /* where they begin in the batch's bytes */
    size_t name_size, body_size;
    uint8_t type;
};

struct batch {
    struct batch *next;
    struct buffer bytes;
    struct item items[BATCH_KEYS];
    unsigned count, version; /* of keys; of the file */
};

/* A share of the partitions, whose batches are inserted one after the other. */
struct lane {
    struct batch *open;            /* being filled, by the reader alone */
    struct batch *oldest, *newest; /* full ones */
    bool busy;                     /* one is being inserted */
};

/* Who inserts: a thread, or the reader when it is ahead of them. */
struct hand {
    struct inserters *inserters;
    struct view view;
    struct thread thread;
    bool has_thread;
    struct buffer scratch;
    uint64_t keys, corrupt;
};

struct inserters {
    struct inserters_options options;
    atomic_bool failed;
    pthread_mutex_t mutex; /* guards the error, and lanes but for what is open */
    char error[256];
    pthread_cond_t work, done; /* for the threads; for the reader */
    unsigned waiting, busy;    /* batches in lanes; lanes */
    struct batch *spare;       /* to be filled again */
    bool stopping;
    unsigned lanes;
    struct lane *lane;
    struct hand hand[]; /* the last one is the reader */
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

static bool read_value(struct hand *hand, const struct batch *batch, const struct item *item,
                       struct value *value) {
    struct inserters *in = hand->inserters;
    struct rdb_reader reader = {.left = bytes_make(batch->bytes.data + item->body, item->body_size),
                                .version = batch->version};
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

static void insert(struct hand *hand, const struct batch *batch, const struct item *item) {
    struct value value = {0};
    if (!read_value(hand, batch, item, &value)) return;
    enum load_outcome outcome = keyspace_load(&hand->view, &item->load, &value);
    hand->keys += outcome == LOAD_DONE;
    if (LIKELY(outcome == LOAD_DONE)) return;
    if (value.large) value_ops(value.type)->free(value.object);
    fail(hand->inserters, item,
         outcome == LOAD_NO_MEMORY ? "there is not enough memory" : "it is there already");
}

static void insert_batch(struct hand *hand, struct batch *batch) {
    for (unsigned i = 0; i < batch->count; i++)
        batch->items[i].load.key.name =
            bytes_make(batch->bytes.data + batch->items[i].name, batch->items[i].name_size);
    for (unsigned i = 0; i < MIN(AHEAD, batch->count); i++)
        keyspace_load_prefetch(hand->view.keyspace, &batch->items[i].load);
    for (unsigned i = 0; i < batch->count && !atomic_load(&hand->inserters->failed); i++) {
        if (i + AHEAD < batch->count)
            keyspace_load_prefetch(hand->view.keyspace, &batch->items[i + AHEAD].load);
        insert(hand, batch, &batch->items[i]);
    }
}

static void batch_free(struct batch *batch) {
    if (!batch) return;
    buffer_free(&batch->bytes);
    memory_free(batch);
}

/* ---- lanes; the mutex is held ---- */

static void push(struct inserters *in, struct lane *lane, struct batch *batch) {
    batch->next = NULL;
    if (lane->oldest)
        lane->newest->next = batch;
    else
        lane->oldest = batch;
    lane->newest = batch;
    in->waiting++;
}

static struct batch *pop(struct inserters *in, struct lane *lane) {
    struct batch *batch = lane->oldest;
    lane->oldest = batch->next;
    in->waiting--;
    return batch;
}

static void put_back(struct inserters *in, struct batch *batch) {
    buffer_clear(&batch->bytes);
    batch->count = 0;
    batch->next = in->spare;
    in->spare = batch;
}

/* A lane with a batch that nobody else inserts from; NULL = there is none. */
static struct lane *find_lane(struct inserters *in) {
    for (unsigned i = 0; in->waiting && i < in->lanes; i++)
        if (in->lane[i].oldest && !in->lane[i].busy) return &in->lane[i];
    return NULL;
}

/* Inserts a batch, without the mutex meanwhile. False: there is none to be had. */
static bool insert_one(struct hand *hand) {
    struct inserters *in = hand->inserters;
    struct lane *lane = find_lane(in);
    if (!lane) return false;
    struct batch *batch = pop(in, lane);
    lane->busy = true;
    in->busy++;
    pthread_mutex_unlock(&in->mutex);
    insert_batch(hand, batch);
    pthread_mutex_lock(&in->mutex);
    lane->busy = false;
    in->busy--;
    put_back(in, batch);
    pthread_cond_signal(&in->done);
    if (in->waiting) pthread_cond_signal(&in->work);
    return true;
}

/* ---- threads ---- */

static void live(void *context) {
    struct hand *hand = context;
    struct inserters *in = hand->inserters;
    pthread_mutex_lock(&in->mutex);
    while (!in->stopping)
        if (!insert_one(hand)) pthread_cond_wait(&in->work, &in->mutex);
    pthread_mutex_unlock(&in->mutex);
}

/* The reader inserts, or waits for those who do, until fewer batches than that wait; 0: until
 * nobody is busy, either. With the mutex. */
static void insert_down_to(struct inserters *in, unsigned most) {
    struct hand *reader = &in->hand[in->options.threads];
    while (in->waiting > most || (!most && in->busy))
        if (!insert_one(reader)) pthread_cond_wait(&in->done, &in->mutex);
}

/* Hands the open batch over. */
static void hand_over(struct inserters *in, struct lane *lane) {
    pthread_mutex_lock(&in->mutex);
    push(in, lane, lane->open);
    lane->open = NULL;
    pthread_cond_signal(&in->work);
    insert_down_to(in, in->options.threads * QUEUE);
    pthread_mutex_unlock(&in->mutex);
}

bool inserters_drain(struct inserters *in) {
    for (unsigned i = 0; i < in->lanes; i++)
        if (in->lane[i].open) hand_over(in, &in->lane[i]);
    pthread_mutex_lock(&in->mutex);
    insert_down_to(in, 0);
    pthread_mutex_unlock(&in->mutex);
    return !atomic_load(&in->failed);
}

bool inserters_expect(struct inserters *in, uint32_t db, uint64_t keys) {
    if (!inserters_drain(in)) return false;
    keyspace_load_expect(in->options.keyspace, db, keys);
    return true;
}

/* ---- adding ---- */

/* NULL = no memory. */
static struct batch *take_spare(struct inserters *in) {
    pthread_mutex_lock(&in->mutex);
    struct batch *batch = in->spare;
    if (batch) in->spare = batch->next;
    pthread_mutex_unlock(&in->mutex);
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
    if (!lane->open) lane->open = take_spare(in);
    if (!lane->open || !add(lane->open, r, &load)) {
        fail(in, &(struct item){.load = load, .offset = r->offset}, "there is not enough memory");
        return false;
    }
    lane->open->version = version;
    if (lane->open->count == BATCH_KEYS || lane->open->bytes.len >= BATCH_BYTES)
        hand_over(in, lane);
    return !atomic_load_explicit(&in->failed, memory_order_relaxed);
}

/* ---- life ---- */

static void hand_init(struct inserters *in, unsigned number) {
    struct hand *hand = &in->hand[number];
    hand->inserters = in;
    hand->view = (struct view){.keyspace = in->options.keyspace,
                               .counters = keyspace_counters_of(in->options.keyspace, number),
                               .now_ms = in->options.clock_ms,
                               .worker = number};
}

struct inserters *inserters_create(const struct inserters_options *options) {
    unsigned hands = options->threads + 1;
    struct inserters *in = memory_alloc_zero(sizeof *in + hands * sizeof(struct hand));
    if (!in) return NULL;
    in->options = *options;
    in->lanes = hands * LANES;
    in->lane = memory_alloc_zero(in->lanes * sizeof *in->lane);
    if (!in->lane) {
        memory_free(in);
        return NULL;
    }
    pthread_mutex_init(&in->mutex, NULL);
    pthread_cond_init(&in->work, NULL);
    pthread_cond_init(&in->done, NULL);
    for (unsigned i = 0; i < hands; i++)
        hand_init(in, i);
    for (unsigned i = 0; i < options->threads; i++)
        in->hand[i].has_thread =
            thread_start("loader", live, &in->hand[i], &in->hand[i].thread) == 0;
    return in;
}

static void end_threads(struct inserters *in) {
    pthread_mutex_lock(&in->mutex);
    in->stopping = true;
    pthread_cond_broadcast(&in->work);
    pthread_mutex_unlock(&in->mutex);
    for (unsigned i = 0; i <= in->options.threads; i++) {
        if (in->hand[i].has_thread) thread_join(&in->hand[i].thread);
        buffer_free(&in->hand[i].scratch);
    }
}

static void free_list(struct batch *batch) {
    for (struct batch *next; batch; batch = next) {
        next = batch->next;
        batch_free(batch);
    }
}

void inserters_free(struct inserters *in) {
    if (!in) return;
    end_threads(in);
    for (unsigned i = 0; i < in->lanes; i++) {
        batch_free(in->lane[i].open);
        free_list(in->lane[i].oldest);
    }
    free_list(in->spare);
    pthread_mutex_destroy(&in->mutex);
    pthread_cond_destroy(&in->work);
    pthread_cond_destroy(&in->done);
    memory_free(in->lane);
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
