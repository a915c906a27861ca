/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/lanes.h"
#include "base/ensure.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <pthread.h>

#define BATCH_ITEMS 1024u
#define BATCH_BYTES ((size_t)256 * 1024) /* of items, above which a batch is full */
#define QUEUE       4u  /* batches for each thread that may wait, before the caller joins in */
#define LANES       2u  /* for each hand: while one is worked on, others find another */
#define FEW         64u /* items that are not worth waking anybody for */

struct lane {
    struct lane_batch *open;            /* being filled, by the caller alone */
    struct lane_batch *oldest, *newest; /* full ones */
    bool busy;                          /* one is being worked on */
};

struct hand {
    struct lanes *lanes;
    struct thread thread;
    bool has_thread;
};

struct lanes {
    struct lanes_options options;
    pthread_mutex_t mutex;     /* guards what follows, and lanes but for what is open */
    pthread_cond_t work, done; /* for the threads; for the caller */
    unsigned waiting, busy;    /* batches in lanes; lanes */
    struct lane_batch *spare;  /* to be filled again */
    bool stopping;
    unsigned count;
    struct lane *lane;
    struct hand hand[]; /* the last one is the caller */
};

static void batch_clear(struct lane_batch *batch) {
    buffer_clear(&batch->bytes);
    batch->count = 0;
}

static void batch_free(struct lane_batch *batch) {
    if (!batch) return;
    buffer_free(&batch->bytes);
    memory_free(batch);
}

/* ---- with the mutex ---- */

static void push(struct lanes *lanes, struct lane *lane, struct lane_batch *batch) {
    batch->next = NULL;
    if (lane->oldest)
        lane->newest->next = batch;
    else
        lane->oldest = batch;
    lane->newest = batch;
    lanes->waiting++;
}

static struct lane_batch *pop(struct lanes *lanes, struct lane *lane) {
    struct lane_batch *batch = lane->oldest;
    lane->oldest = batch->next;
    lanes->waiting--;
    return batch;
}

static void put_back(struct lanes *lanes, struct lane_batch *batch) {
    batch_clear(batch);
    batch->next = lanes->spare;
    lanes->spare = batch;
}

/* A lane with a batch that nobody else works on; NULL = there is none. */
static struct lane *find_lane(struct lanes *lanes) {
    for (unsigned i = 0; lanes->waiting && i < lanes->count; i++)
        if (lanes->lane[i].oldest && !lanes->lane[i].busy) return &lanes->lane[i];
    return NULL;
}

/* Works on a batch, without the mutex meanwhile. False: there is none to be had. */
static bool work_on_one(struct lanes *lanes, unsigned hand) {
    struct lane *lane = find_lane(lanes);
    if (!lane) return false;
    struct lane_batch *batch = pop(lanes, lane);
    lane->busy = true;
    lanes->busy++;
    pthread_mutex_unlock(&lanes->mutex);
    lanes->options.work(lanes->options.context, hand, batch);
    pthread_mutex_lock(&lanes->mutex);
    lane->busy = false;
    lanes->busy--;
    put_back(lanes, batch);
    pthread_cond_signal(&lanes->done);
    if (lanes->waiting) pthread_cond_signal(&lanes->work);
    return true;
}

/* The caller works, or waits for those who do, until fewer batches than that wait; 0: until nobody
 * is busy, either. */
static void work_down_to(struct lanes *lanes, unsigned most) {
    while (lanes->waiting > most || (!most && lanes->busy))
        if (!work_on_one(lanes, lanes->options.threads))
            pthread_cond_wait(&lanes->done, &lanes->mutex);
}

/* ---- threads ---- */

static void live(void *context) {
    const struct hand *hand = context;
    struct lanes *lanes = hand->lanes;
    pthread_mutex_lock(&lanes->mutex);
    while (!lanes->stopping)
        if (!work_on_one(lanes, (unsigned)(hand - lanes->hand)))
            pthread_cond_wait(&lanes->work, &lanes->mutex);
    pthread_mutex_unlock(&lanes->mutex);
}

/* ---- the caller ---- */

static struct lane *lane_of(struct lanes *lanes, unsigned partition) {
    return &lanes->lane[partition % lanes->count];
}

static struct lane_batch *take_spare(struct lanes *lanes) {
    pthread_mutex_lock(&lanes->mutex);
    struct lane_batch *batch = lanes->spare;
    if (batch) lanes->spare = batch->next;
    pthread_mutex_unlock(&lanes->mutex);
    if (batch) return batch;
    return memory_alloc_zero(sizeof *batch + BATCH_ITEMS * lanes->options.item_size);
}

struct lane_batch *lanes_open(struct lanes *lanes, unsigned partition) {
    struct lane *lane = lane_of(lanes, partition);
    if (UNLIKELY(!lane->open)) lane->open = take_spare(lanes);
    return lane->open;
}

/* Hands the open batch over. */
static void hand_over(struct lanes *lanes, struct lane *lane) {
    pthread_mutex_lock(&lanes->mutex);
    push(lanes, lane, lane->open);
    lane->open = NULL;
    pthread_cond_signal(&lanes->work);
    work_down_to(lanes, lanes->options.threads * QUEUE);
    pthread_mutex_unlock(&lanes->mutex);
}

void lanes_added(struct lanes *lanes, unsigned partition) {
    struct lane *lane = lane_of(lanes, partition);
    struct lane_batch *batch = lane->open;
    batch->count++;
    if (UNLIKELY(batch->count == BATCH_ITEMS || batch->bytes.len >= BATCH_BYTES))
        hand_over(lanes, lane);
}

static unsigned count_open(const struct lanes *lanes) {
    unsigned count = 0;
    for (unsigned i = 0; i < lanes->count; i++)
        if (lanes->lane[i].open) count += lanes->lane[i].open->count;
    return count;
}

static void work_on_open(struct lanes *lanes) {
    for (unsigned i = 0; i < lanes->count; i++) {
        struct lane_batch *batch = lanes->lane[i].open;
        if (!batch || !batch->count) continue;
        lanes->options.work(lanes->options.context, lanes->options.threads, batch);
        batch_clear(batch);
    }
}

static void wait_for_all(struct lanes *lanes) {
    pthread_mutex_lock(&lanes->mutex);
    work_down_to(lanes, 0);
    pthread_mutex_unlock(&lanes->mutex);
}

void lanes_drain(struct lanes *lanes) {
    bool few = count_open(lanes) <= FEW;
    for (unsigned i = 0; !few && i < lanes->count; i++)
        if (lanes->lane[i].open) hand_over(lanes, &lanes->lane[i]);
    wait_for_all(lanes);
    if (few) work_on_open(lanes);
}

/* ---- life ---- */

struct lanes *lanes_create(const struct lanes_options *options) {
    unsigned hands = options->threads + 1;
    struct lanes *lanes = memory_alloc_zero(sizeof *lanes + hands * sizeof(struct hand));
    if (!lanes) return NULL;
    ensure(options->item_size % 8 == 0);
    lanes->options = *options;
    lanes->count = hands * LANES;
    lanes->lane = memory_alloc_zero(lanes->count * sizeof *lanes->lane);
    if (!lanes->lane) {
        memory_free(lanes);
        return NULL;
    }
    pthread_mutex_init(&lanes->mutex, NULL);
    pthread_cond_init(&lanes->work, NULL);
    pthread_cond_init(&lanes->done, NULL);
    for (unsigned i = 0; i < options->threads; i++) {
        struct hand *hand = &lanes->hand[i];
        hand->lanes = lanes;
        hand->has_thread = thread_start("loader", live, hand, &hand->thread) == 0;
    }
    return lanes;
}

static void end_threads(struct lanes *lanes) {
    pthread_mutex_lock(&lanes->mutex);
    lanes->stopping = true;
    pthread_cond_broadcast(&lanes->work);
    pthread_mutex_unlock(&lanes->mutex);
    for (unsigned i = 0; i < lanes->options.threads; i++)
        if (lanes->hand[i].has_thread) thread_join(&lanes->hand[i].thread);
}

static void free_list(struct lane_batch *batch) {
    for (struct lane_batch *next; batch; batch = next) {
        next = batch->next;
        batch_free(batch);
    }
}

void lanes_free(struct lanes *lanes) {
    if (!lanes) return;
    end_threads(lanes);
    for (unsigned i = 0; i < lanes->count; i++) {
        batch_free(lanes->lane[i].open);
        free_list(lanes->lane[i].oldest);
    }
    free_list(lanes->spare);
    pthread_mutex_destroy(&lanes->mutex);
    pthread_cond_destroy(&lanes->work);
    pthread_cond_destroy(&lanes->done);
    memory_free(lanes->lane);
    memory_free(lanes);
}
