/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/output_priv.h"

#include "base/ensure.h"
#include "sys/memory.h"

enum { SMALLEST_BLOCK = 512, USUAL_BLOCK = 16 * 1024 };

/* Bytes are data[start, end). The data stands behind the block itself, or is memory taken over from
 * a buffer. Marks grow along the queue. */
struct output_block {
    struct output_block *next;
    uint64_t mark;
    char *data;
    size_t start, end, capacity;
};

static bool has_own_data(const struct output_block *block) {
    return block->data == (const char *)(block + 1);
}

static void block_free(struct output_block *block) {
    if (!has_own_data(block)) memory_free(block->data);
    memory_free(block);
}

static void push(struct output_queue *queue, struct output_block *block, uint64_t mark) {
    block->mark = queue->last ? MAX(queue->last->mark, mark) : mark;
    if (queue->last)
        queue->last->next = block;
    else
        queue->first = block;
    queue->last = block;
}

/* Blocks grow with the queue, so that a single message to many subscribers costs little each, and
 * many messages take few blocks. */
static struct output_block *block_create(const struct output_queue *queue, size_t n) {
    size_t usual = MIN((size_t)USUAL_BLOCK, MAX((size_t)SMALLEST_BLOCK, 4 * queue->pending));
    size_t size = MAX(usual, sizeof(struct output_block) + n);
    struct output_block *block = memory_alloc(size);
    if (!block) return NULL;
    *block = (struct output_block){.data = (char *)(block + 1), .capacity = size - sizeof(*block)};
    return block;
}

static void block_fill(struct output_block *block, struct bytes bytes) {
    if (bytes.len) memcpy(block->data + block->end, bytes.data, bytes.len);
    block->end += bytes.len;
}

bool output_append(struct output_queue *queue, struct bytes bytes, uint64_t mark) {
    struct output_block *last = queue->last;
    bool may_join = last && last->mark >= mark;
    size_t fits = may_join ? MIN(last->capacity - last->end, bytes.len) : 0;
    if (fits < bytes.len) {
        struct output_block *block = block_create(queue, bytes.len - fits);
        if (!block) return false;
        block_fill(block, bytes_skip(bytes, fits));
        push(queue, block, mark);
    }
    if (fits) block_fill(last, bytes_make(bytes.data, fits));
    queue->pending += bytes.len;
    return true;
}

bool output_take(struct output_queue *queue, struct buffer *buffer, size_t skip, uint64_t mark) {
    struct output_block *block = memory_alloc(sizeof *block);
    if (!block) return false;
    *block = (struct output_block){
        .data = buffer->data, .start = skip, .end = buffer->len, .capacity = buffer->cap};
    push(queue, block, mark);
    queue->pending += buffer->len - skip;
    *buffer = (struct buffer){0};
    return true;
}

int output_parts(const struct output_queue *queue, uint64_t released, struct iovec *parts,
                 int capacity) {
    int count = 0;
    for (struct output_block *block = queue->first; block && count < capacity;
         block = block->next) {
        if (block->mark > released) break;
        parts[count++] = (struct iovec){block->data + block->start, block->end - block->start};
    }
    return count;
}

bool output_is_ready(const struct output_queue *queue, uint64_t released) {
    return queue->first && queue->first->mark <= released;
}

void output_consume(struct output_queue *queue, size_t n) {
    ensure(n <= queue->pending);
    queue->pending -= n;
    while (n) {
        struct output_block *block = queue->first;
        size_t step = MIN(n, block->end - block->start);
        block->start += step;
        n -= step;
        if (block->start < block->end) return;
        queue->first = block->next;
        if (!queue->first) queue->last = NULL;
        block_free(block);
    }
}

void output_free(struct output_queue *queue) {
    for (struct output_block *block = queue->first, *next; block; block = next) {
        next = block->next;
        block_free(block);
    }
    *queue = (struct output_queue){0};
}

size_t output_blocks(const struct output_queue *queue) {
    size_t count = 0;
    for (struct output_block *block = queue->first; block; block = block->next)
        count++;
    return count;
}

size_t output_memory(const struct output_queue *queue) {
    size_t sum = 0;
    for (struct output_block *block = queue->first; block; block = block->next)
        sum += memory_usable(block) + (has_own_data(block) ? 0 : memory_usable(block->data));
    return sum;
}
