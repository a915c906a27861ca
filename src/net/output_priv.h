/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a socket has not taken yet: a queue of blocks. An empty queue (a zeroed struct) owns
 * nothing.
 *
 * Bytes may wait for a mark, a number that only grows (net_release): neither they nor what is
 * behind them may be sent before. 0 waits for nothing.
 */
#pragma once

#include "base/buffer.h"
#include <stdint.h>
#include <sys/uio.h>

struct output_block;

struct output_queue {
    struct output_block *first, *last;
    size_t pending; /* bytes in the queue */
};

/* Copies the bytes. False = no memory, and nothing was added. */
bool output_append(struct output_queue *queue, struct bytes bytes, uint64_t mark);

/* Adds the buffer's bytes from `skip` on by taking its memory; the buffer is empty afterwards.
 * False = no memory, and nothing has changed. */
bool output_take(struct output_queue *queue, struct buffer *buffer, size_t skip, uint64_t mark);

/* The front of the queue, as far as it waits for nothing beyond `released`, as what sendmsg wants.
 * Returns how many parts were set. */
int output_parts(const struct output_queue *queue, uint64_t released, struct iovec *parts,
                 int capacity);

/* Is there something at the front that waits for nothing beyond `released`? */
bool output_is_ready(const struct output_queue *queue, uint64_t released);

/* Drops n bytes at the front, n <= pending. */
void output_consume(struct output_queue *queue, size_t n);

void output_free(struct output_queue *queue);

/* Walks the queue. */
size_t output_blocks(const struct output_queue *queue);
size_t output_memory(const struct output_queue *queue);
