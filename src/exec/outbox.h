/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker has to tell the others: parcels for each, gathered while a batch runs and posted
 * with one wake-up. Parcels from one worker to another arrive in the order in which they were put.
 *
 * For use inside exec/, by the thread of the worker that sends.
 */
#pragma once

#include "base/bytes.h"
#include <stdatomic.h>
#include <stddef.h>

struct exec;
struct exec_worker;
struct parcel;

/* Runs at the worker that the parcel is for, inside the gate; `w` is NULL when the parcel can't be
 * delivered for want of memory. Either way it frees the parcel. */
typedef void parcel_opener(struct exec_worker *w, struct parcel *parcel);

/* The first member of what is sent. */
struct parcel {
    struct parcel *next;
    struct exec *exec;
    parcel_opener *open;
};

struct outbox {
    struct parcel *first, *last;
};

/* Takes the parcel over; `target` is the index of a worker, and may be the sender itself. */
void outbox_put(struct exec_worker *w, unsigned target, struct parcel *parcel, parcel_opener *open);

/* Between two batches: posts what has been gathered. */
void outbox_post(struct exec_worker *w);

/* Sends to the running session, behind the reply that it is in the middle of. */
void outbox_put_to_self(struct exec_worker *w, struct bytes text);

/* At the end of that reply. */
void outbox_send_to_self(struct exec_worker *w);

/* ---- bytes that several workers send to their clients ---- */

struct message {
    atomic_uint references;
    size_t length;
    char data[];
};

/* With room for `size` bytes and one reference. NULL: no memory. */
struct message *message_create(size_t size);
struct message *message_keep(struct message *message);
void message_release(struct message *message);

static inline struct bytes message_bytes(const struct message *message) {
    return bytes_make(message->data, message->length);
}

/* Writes `text` as a bulk string, and returns the end; it takes at most text.len + BULK_EXTRA. */
#define BULK_EXTRA (size_t)26
char *message_put_bulk(char *at, struct bytes text);
