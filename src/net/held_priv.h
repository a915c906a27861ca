/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connections of a worker whose output waits for a mark, in the order in which they began to
 * wait. A connection stands there once for each time that it did.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct worker;

struct held {
    struct connection *connection; /* NULL: it is gone */
    uint64_t mark;
};

/* A ring. */
struct held_list {
    struct held *items;
    size_t first, count, capacity; /* a power of two */
};

/* The connection's output has got bytes that wait for the mark. False = no memory. */
bool held_add(struct connection *c, uint64_t mark);

/* Closed connections are about to be freed: one look through the list for all of them. */
void held_forget_closed(struct held_list *list);

void held_free(struct held_list *list);
