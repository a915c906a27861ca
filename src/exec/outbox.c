/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/outbox.h"
#include "base/number.h"
#include "exec/exec_priv.h"
#include "sys/memory.h"

/* ---- parcels ---- */

static void open_all(void *argument) {
    for (struct parcel *p = argument, *next; p; p = next) {
        next = p->next;
        p->open(&p->exec->workers[worker_index(worker_current())], p);
    }
}

static void drop_all(struct parcel *first) {
    for (struct parcel *p = first, *next; p; p = next) {
        next = p->next;
        p->open(NULL, p);
    }
}

void outbox_put(struct exec_worker *w, unsigned target, struct parcel *parcel,
                parcel_opener *open) {
    struct outbox *outbox = &w->outboxes[target];
    *parcel = (struct parcel){.exec = w->exec, .open = open};
    if (outbox->last)
        outbox->last->next = parcel;
    else
        outbox->first = parcel;
    outbox->last = parcel;
    w->has_parcels = true;
}

void outbox_post(struct exec_worker *w) {
    if (LIKELY(!w->has_parcels)) return;
    w->has_parcels = false;
    for (unsigned i = 0; i < w->exec->worker_count; i++) {
        struct parcel *first = w->outboxes[i].first;
        if (!first) continue;
        w->outboxes[i] = (struct outbox){0};
        if (!worker_post(net_worker(w->exec->net, i), open_all, first)) drop_all(first);
    }
}

/* ---- to the running session ---- */

void outbox_put_to_self(struct exec_worker *w, struct bytes text) {
    if (!buffer_append_bytes(&w->to_self, text)) connection_close(w->running->connection);
    w->has_more_for_self = true;
}

/* What others publish is written already, and stands before what its own command made invalid. */
void outbox_send_to_self(struct exec_worker *w) {
    tracking_send_to_self(w);
    if (w->to_self.len) connection_send(w->running->connection, buffer_bytes(&w->to_self));
    buffer_free(&w->to_self);
    w->has_more_for_self = false;
}

/* ---- messages ---- */

struct message *message_create(size_t size) {
    struct message *message = memory_alloc(sizeof *message + size);
    if (!message) return NULL;
    message->references = 1;
    message->length = 0;
    return message;
}

struct message *message_keep(struct message *message) {
    atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
    return message;
}

void message_release(struct message *message) {
    if (atomic_fetch_sub(&message->references, 1) == 1) memory_free(message);
}

char *message_put_bulk(char *at, struct bytes text) {
    *at++ = '$';
    at += number_format_u64(at, text.len);
    *at++ = '\r';
    *at++ = '\n';
    if (text.len) memcpy(at, text.data, text.len);
    at += text.len;
    *at++ = '\r';
    *at++ = '\n';
    return at;
}
