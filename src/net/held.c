/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. Bytes with a mark are not given to the socket before net_release() has named a mark that is
 *      not lower (output_parts).
 *   2. Who is on the list gets to write after that: either net_release() finds `holding` set, and
 *      tells the worker; or the worker, which sets it before it looks, sees what was released.
 *      Both are sequentially consistent. Who finds it set need not set it: the net_release() that
 *      takes it away tells of him, too.
 *   3. No connection on the list has been freed (held_forget_closed).
 *
 * tests/unit/net_parts.c and tests/wire/test_durability.py.
 */
#include "net/held_priv.h"
#include "net/net_priv.h"

#include "sys/memory.h"

static bool grow(struct held_list *list) {
    size_t capacity = list->capacity ? list->capacity * 2 : 64;
    struct held *items = memory_alloc(capacity * sizeof *items);
    if (!items) return false;
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[(list->first + i) & (list->capacity - 1)];
    memory_free(list->items);
    *list = (struct held_list){.items = items, .count = list->count, .capacity = capacity};
    return true;
}

static struct held *at(const struct held_list *list, size_t i) {
    return &list->items[(list->first + i) & (list->capacity - 1)];
}

/* Those that wait for no more than the mark write before the worker sleeps. */
static void release(struct held_list *list, uint64_t mark) {
    while (list->count && at(list, 0)->mark <= mark) {
        struct connection *c = at(list, 0)->connection;
        list->first = (list->first + 1) & (list->capacity - 1);
        list->count--;
        if (c && !(c->flags & CONNECTION_CLOSED)) connection_write_soon(c);
    }
}

static void held_release(void *worker) {
    struct worker *w = worker;
    release(&w->held, net_released(w->net));
    if (!w->held.count) return;
    atomic_store(&w->holding, true);
    release(&w->held, net_released(w->net));
}

bool held_add(struct connection *c, uint64_t mark) {
    struct worker *w = c->worker;
    struct held_list *list = &w->held;
    if (list->count == list->capacity && !grow(list)) return false;
    *at(list, list->count++) = (struct held){c, mark};
    if (!atomic_load_explicit(&w->holding, memory_order_relaxed)) atomic_store(&w->holding, true);
    if (net_released(w->net) >= mark) held_release(w);
    return true;
}

void held_forget_closed(struct held_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        struct held *held = at(list, i);
        if (held->connection && held->connection->flags & CONNECTION_CLOSED)
            held->connection = NULL;
    }
}

void held_free(struct held_list *list) {
    memory_free(list->items);
    *list = (struct held_list){0};
}

void net_release(struct net *net, uint64_t mark) {
    atomic_store(&net->released, mark);
    for (unsigned i = 0; i < net->worker_count; i++) {
        struct worker *w = &net->workers[i];
        /* Without memory for the post, the next release tells. */
        if (atomic_exchange(&w->holding, false) && !worker_post(w, held_release, w))
            atomic_store(&w->holding, true);
    }
}
