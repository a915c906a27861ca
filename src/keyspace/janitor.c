/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/janitor.h"
#include "base/ensure.h"
#include "base/list.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <pthread.h>

struct job {
    struct list_node node;
    void (*run)(void *argument);
    void *argument;
    size_t bytes;
};

struct janitor {
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct list_node jobs;
    unsigned long pending, finished;
    size_t bytes; /* of pending jobs */
    bool started, stopping;
    struct thread thread;
};

struct janitor *janitor_create(void) {
    struct janitor *janitor = memory_alloc_zero(sizeof *janitor);
    if (!janitor) return NULL;
    pthread_mutex_init(&janitor->mutex, NULL);
    pthread_cond_init(&janitor->changed, NULL);
    list_init(&janitor->jobs);
    return janitor;
}

static struct job *next_job(struct janitor *janitor) {
    pthread_mutex_lock(&janitor->mutex);
    while (list_empty(&janitor->jobs) && !janitor->stopping)
        pthread_cond_wait(&janitor->changed, &janitor->mutex);
    struct job *job = NULL;
    if (!list_empty(&janitor->jobs)) {
        job = CONTAINER_OF(janitor->jobs.next, struct job, node);
        list_remove(&job->node);
    }
    pthread_mutex_unlock(&janitor->mutex);
    return job;
}

static void work(void *argument) {
    struct janitor *janitor = argument;
    for (struct job *job; (job = next_job(janitor));) {
        job->run(job->argument);
        pthread_mutex_lock(&janitor->mutex);
        janitor->pending--;
        janitor->finished++;
        janitor->bytes -= job->bytes;
        pthread_mutex_unlock(&janitor->mutex);
        memory_free(job);
    }
}

void janitor_free(struct janitor *janitor) {
    if (!janitor) return;
    pthread_mutex_lock(&janitor->mutex);
    janitor->stopping = true;
    bool started = janitor->started;
    pthread_cond_signal(&janitor->changed);
    pthread_mutex_unlock(&janitor->mutex);
    if (started) thread_join(&janitor->thread);
    pthread_mutex_destroy(&janitor->mutex);
    pthread_cond_destroy(&janitor->changed);
    memory_free(janitor);
}

void janitor_give(struct janitor *janitor, void (*run)(void *argument), void *argument) {
    janitor_give_sized(janitor, run, argument, 0);
}

void janitor_give_sized(struct janitor *janitor, void (*run)(void *argument), void *argument,
                        size_t bytes) {
    struct job *job = memory_alloc(sizeof *job);
    if (!job) {
        run(argument);
        return;
    }
    *job = (struct job){.run = run, .argument = argument, .bytes = bytes};
    pthread_mutex_lock(&janitor->mutex);
    if (!janitor->started)
        janitor->started = thread_start("janitor", work, janitor, &janitor->thread) == 0;
    bool started = janitor->started;
    if (started) {
        janitor->pending++;
        janitor->bytes += bytes;
        list_append(&janitor->jobs, &job->node);
    }
    pthread_cond_signal(&janitor->changed);
    pthread_mutex_unlock(&janitor->mutex);
    if (started) return;
    run(argument);
    memory_free(job);
}

unsigned long janitor_pending(struct janitor *janitor) {
    pthread_mutex_lock(&janitor->mutex);
    unsigned long pending = janitor->pending;
    pthread_mutex_unlock(&janitor->mutex);
    return pending;
}

unsigned long janitor_finished(struct janitor *janitor) {
    pthread_mutex_lock(&janitor->mutex);
    unsigned long finished = janitor->finished;
    pthread_mutex_unlock(&janitor->mutex);
    return finished;
}

size_t janitor_bytes(struct janitor *janitor) {
    pthread_mutex_lock(&janitor->mutex);
    size_t bytes = janitor->bytes;
    pthread_mutex_unlock(&janitor->mutex);
    return bytes;
}
