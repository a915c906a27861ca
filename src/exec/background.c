/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few threads take tasks from one queue. A task that has been worked on is mailed to the worker
 * of its client. All tasks are on a list as well, so that those that are on their way when the
 * server stops can be freed.
 */
#include "exec/background.h"
#include "exec/blocking_priv.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <unistd.h>

enum { THREADS = 8, POST_AGAIN_US = 10 * 1000 };

struct background {
    pthread_mutex_t mutex; /* guards all but `stopping` */
    pthread_cond_t wake;
    struct list_node all, queue;
    unsigned queued, idle, thread_count;
    struct thread threads[THREADS];
    atomic_bool stopping;
};

struct background *background_create(void) {
    struct background *b = memory_need(sizeof *b);
    *b = (struct background){0};
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->wake, NULL);
    list_init(&b->all);
    list_init(&b->queue);
    return b;
}

void background_free(struct background *b) {
    struct background_task *task, *next;
    LIST_FOREACH_SAFE(task, next, &b->all, all) {
        waiter_abandon(task->waiter);
        task->free(task);
    }
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->mutex);
    memory_free(b);
}

/* ---- on the client's worker ---- */

static void enqueue(struct background *b, struct background_task *task) {
    pthread_mutex_lock(&b->mutex);
    list_append(&b->queue, &task->queued);
    b->queued++;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->mutex);
}

static void end(struct background *b, struct background_task *task) {
    pthread_mutex_lock(&b->mutex);
    list_remove(&task->all);
    pthread_mutex_unlock(&b->mutex);
    task->free(task);
}

void background_lock(struct call *call, const struct key *key, struct gate_hold *hold) {
    gate_lock(call->exec->gate, call->worker, hold, key, 1);
}

void background_unlock(struct background_task *task, struct call *call, struct gate_hold *hold) {
    uint64_t unit = keyspace_end_unit(&call->view);
    if (unit) task->waiter->unit = unit;
    gate_unlock(call->exec->gate, hold);
}

static void complete(struct exec_worker *w, struct background_task *task, struct reply *reply) {
    worker_count_errors(w, reply);
    task->waiter->reply_failed = reply->failed;
    waiter_complete(task->waiter);
    end(w->exec->background, task);
}

static void deliver(void *argument);

/* In the next turn of the loop. False = no memory. */
static bool step_later(struct background_task *task) {
    return worker_post(net_worker(task->exec->net, task->waiter->worker), deliver, task);
}

static void deliver(void *argument) {
    struct background_task *task = argument;
    struct waiter *waiter = task->waiter;
    struct exec *exec = task->exec;
    struct exec_worker *w = &exec->workers[waiter->worker];
    struct reply reply = {.out = &waiter->reply,
                          .resp = waiter->session ? waiter->session->resp : 2,
                          .muted = waiter->muted || !waiter->session};
    struct call call = {
        .view = {.keyspace = exec->keyspace,
                 .counters = w->keyspace_counters,
                 .now_ms = clock_wall_ms(),
                 .db = waiter->db,
                 .worker = w->index},
        .reply = &reply,
        .command = waiter->found->command,
        .session = waiter->session,
        .exec = exec,
        .worker = w->index,
    };
    bool done = task->finish(task, &call);
    if (w->has_marked) blocking_serve(w, NULL);
    if (done) {
        complete(w, task, &reply);
    } else if (task->work) {
        enqueue(exec->background, task);
    } else if (!step_later(task)) {
        buffer_clear(&waiter->reply);
        reply_no_memory(&reply);
        complete(w, task, &reply);
    }
}

/* ---- on a thread of its own ---- */

static void post(struct background *b, struct background_task *task) {
    struct worker *worker = net_worker(task->exec->net, task->waiter->worker);
    while (!worker_post(worker, deliver, task) && !b->stopping)
        usleep(POST_AGAIN_US);
}

/* NULL: the server stops. The mutex is held. */
static struct background_task *next_task(struct background *b) {
    b->idle++;
    while (list_empty(&b->queue) && !b->stopping)
        pthread_cond_wait(&b->wake, &b->mutex);
    b->idle--;
    if (b->stopping) return NULL;
    struct background_task *task = LIST_FIRST(&b->queue, struct background_task, queued);
    list_remove(&task->queued);
    b->queued--;
    return task;
}

static void run(void *background) {
    struct background *b = background;
    struct background_task *task;
    pthread_mutex_lock(&b->mutex);
    while ((task = next_task(b))) {
        pthread_mutex_unlock(&b->mutex);
        task->work(task);
        post(b, task);
        pthread_mutex_lock(&b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
}

/* ---- beginning and stopping ---- */

/* Is there anybody to take the task? The mutex is held. */
static bool has_thread(struct background *b) {
    bool needs_more = b->queued >= b->idle && b->thread_count < THREADS;
    if (needs_more && thread_start("background", run, b, &b->threads[b->thread_count]) == 0)
        b->thread_count++;
    return b->thread_count > 0;
}

void background_start(struct call *call, struct background_task *task) {
    struct background *b = call->exec->background;
    task->exec = call->exec;
    task->waiter = blocking_wait_for_task(call);
    list_init(&task->queued);
    pthread_mutex_lock(&b->mutex);
    bool good = task->waiter && (task->work ? has_thread(b) : step_later(task));
    if (good) list_append(&b->all, &task->all);
    pthread_mutex_unlock(&b->mutex);
    if (good) {
        if (task->work) enqueue(b, task);
        return;
    }
    if (task->waiter) waiter_abandon(task->waiter);
    reply_no_memory(call->reply);
    task->free(task);
}

const atomic_bool *background_stop_flag(const struct exec *exec) {
    return &exec->background->stopping;
}

void background_stop(struct exec *exec) {
    struct background *b = exec->background;
    pthread_mutex_lock(&b->mutex);
    atomic_store_explicit(&b->stopping, true, memory_order_relaxed);
    pthread_cond_broadcast(&b->wake);
    pthread_mutex_unlock(&b->mutex);
    for (unsigned i = 0; i < b->thread_count; i++)
        thread_join(&b->threads[i]);
    b->thread_count = 0;
}
