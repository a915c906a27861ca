/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/timers_priv.h"

#include "sys/memory.h"

enum { FIRST_CAPACITY = 16 };

static void place(struct timers *timers, size_t at, struct net_timer *timer) {
    timers->heap[at] = timer;
    timer->heap_index = at + 1;
}

/* Moves the timer from the hole at `at` up or down to where it belongs. */
static void sift_up(struct timers *timers, size_t at, struct net_timer *timer) {
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (timers->heap[parent]->due_us <= timer->due_us) break;
        place(timers, at, timers->heap[parent]);
        at = parent;
    }
    place(timers, at, timer);
}

static void sift_down(struct timers *timers, size_t at, struct net_timer *timer) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count) break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->due_us < timers->heap[child]->due_us)
            child++;
        if (timers->heap[child]->due_us >= timer->due_us) break;
        place(timers, at, timers->heap[child]);
        at = child;
    }
    place(timers, at, timer);
}

static void sift(struct timers *timers, size_t at, struct net_timer *timer) {
    if (at > 0 && timers->heap[(at - 1) / 2]->due_us > timer->due_us)
        sift_up(timers, at, timer);
    else
        sift_down(timers, at, timer);
}

static bool grow(struct timers *timers) {
    size_t capacity = timers->capacity ? 2 * timers->capacity : FIRST_CAPACITY;
    struct net_timer **heap = memory_realloc(timers->heap, capacity * sizeof *heap);
    if (!heap) return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

bool timers_arm(struct timers *timers, struct net_timer *timer, int64_t due_us) {
    timer->due_us = due_us;
    if (timer->heap_index) {
        sift(timers, timer->heap_index - 1, timer);
        return true;
    }
    if (timers->count == timers->capacity && !grow(timers)) return false;
    sift_up(timers, timers->count++, timer);
    return true;
}

void timers_cancel(struct timers *timers, struct net_timer *timer) {
    if (!timer->heap_index) return;
    size_t hole = timer->heap_index - 1;
    timer->heap_index = 0;
    struct net_timer *last = timers->heap[--timers->count];
    if (last != timer) sift(timers, hole, last);
}

void timers_fire(struct timers *timers, int64_t now_us) {
    for (size_t most = timers->count; most > 0 && timers_next(timers) <= now_us; most--) {
        struct net_timer *timer = timers->heap[0];
        timers_cancel(timers, timer);
        timer->fire(timer);
    }
}

void timers_free(struct timers *timers) {
    for (size_t i = 0; i < timers->count; i++)
        timers->heap[i]->heap_index = 0;
    memory_free(timers->heap);
    *timers = (struct timers){0};
}
