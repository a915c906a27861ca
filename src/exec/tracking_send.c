/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How invalidations get to those who track: from the worker that made a change to the sessions of
 * each worker, from there to whom a session redirects, and back when that one is gone.
 */
#include "base/number.h"
#include "exec/tracking_priv.h"
#include "sys/memory.h"
#include <stdio.h>

#define PUSH_HEAD    ">2\r\n$10\r\ninvalidate\r\n"
#define MESSAGE_HEAD "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"

/* ---- what is sent ---- */

struct message *invalidation_encode(const struct bytes *names, size_t count) {
    size_t size = 1 + NUMBER_U64_MAX + 2;
    for (size_t i = 0; i < count; i++)
        size += names[i].len + BULK_EXTRA;
    struct message *message = message_create(size);
    if (!message) return NULL;
    char *at = message->data;
    *at++ = '*';
    at += number_format_u64(at, count);
    *at++ = '\r';
    *at++ = '\n';
    for (size_t i = 0; i < count; i++)
        at = message_put_bulk(at, names[i]);
    message->length = (size_t)(at - message->data);
    return message;
}

/* NULL says that all keys are gone, in the protocol of the session that tracks. */
static struct bytes names_text(const struct message *names, unsigned resp) {
    if (names) return message_bytes(names);
    return resp == 3 ? BYTES("_\r\n") : BYTES("$-1\r\n");
}

/* Keeps the names, if there are any, for a parcel. */
static struct message *keep_names(struct message *names) {
    return names ? message_keep(names) : NULL;
}

static void release_names(struct message *names) {
    if (names) message_release(names);
}

/* ---- to one session of this worker ---- */

static void write_out(struct exec_worker *w, struct session *session, struct bytes text) {
    if (session == w->running)
        outbox_put_to_self(w, text);
    else
        connection_send(session->connection, text);
}

/* In RESP2 only who subscribes to something can be told anything. */
static void write_invalidation(struct exec_worker *w, struct session *session, struct bytes names) {
    if (session->resp == 3)
        write_out(w, session, BYTES(PUSH_HEAD));
    else if (pubsub_is_subscribed(session))
        write_out(w, session, BYTES(MESSAGE_HEAD));
    else
        return;
    write_out(w, session, names);
}

static void write_broken(struct exec_worker *w, struct session *session) {
    session->tracking->flags |= TRACKING_BROKEN;
    if (session->resp != 3) return;
    char text[80];
    int n = snprintf(text, sizeof text, ">2\r\n$21\r\ntracking-redir-broken\r\n:%llu\r\n",
                     (unsigned long long)address_id(session->tracking->redirect));
    write_out(w, session, bytes_make(text, (size_t)n));
}

/* ---- redirected ---- */

struct redirected {
    struct parcel parcel;
    uint64_t from, to;     /* addresses */
    struct message *names; /* NULL: all keys */
    unsigned resp;         /* of who redirects */
};

/* At the worker of who redirects: whom it redirects to is gone. */
static void come_back(struct exec_worker *w, struct parcel *parcel) {
    struct redirected *r = CONTAINER_OF(parcel, struct redirected, parcel);
    struct session *session = w ? address_session(w, r->from) : NULL;
    if (session && session->tracking && session->tracking->redirect == r->to)
        write_broken(w, session);
    memory_free(r);
}

static void arrive_redirected(struct exec_worker *w, struct parcel *parcel) {
    struct redirected *r = CONTAINER_OF(parcel, struct redirected, parcel);
    struct session *session = w ? address_session(w, r->to) : NULL;
    if (session) write_invalidation(w, session, names_text(r->names, r->resp));
    release_names(r->names);
    if (w && !session)
        outbox_put(w, address_worker(r->from), &r->parcel, come_back);
    else
        memory_free(r);
}

static void redirect(struct exec_worker *w, struct session *session, struct message *names) {
    uint64_t to = session->tracking->redirect;
    if (address_worker(to) == w->index) {
        struct session *other = address_session(w, to);
        if (other)
            write_invalidation(w, other, names_text(names, session->resp));
        else
            write_broken(w, session);
        return;
    }
    struct redirected *r = memory_alloc(sizeof *r);
    if (!r) return;
    *r = (struct redirected){.from = session_address(session),
                             .to = to,
                             .names = keep_names(names),
                             .resp = session->resp};
    outbox_put(w, address_worker(to), &r->parcel, arrive_redirected);
}

/* ---- to sessions of this worker ---- */

static void send_now(struct exec_worker *w, struct session *session, struct message *names) {
    if (!session->tracking) return;
    if (session->tracking->redirect)
        redirect(w, session, names);
    else if (session->resp == 3)
        write_invalidation(w, session, names_text(names, session->resp));
}

static void send_when_done(struct exec_worker *w, struct message *names) {
    struct buffer *to_self = &tracking_worker(w)->to_self;
    if (buffer_append(to_self, &names, sizeof(struct message *)))
        keep_names(names);
    else
        connection_close(w->running->connection);
    w->has_more_for_self = true;
}

void invalidation_send(struct exec_worker *w, struct session *session, struct message *names) {
    if (session == w->running)
        send_when_done(w, names);
    else
        send_now(w, session, names);
}

void tracking_send_to_self(struct exec_worker *w) {
    struct buffer pending = tracking_worker(w)->to_self;
    tracking_worker(w)->to_self = (struct buffer){0};
    struct message **names = (struct message **)(void *)pending.data;
    for (size_t i = 0; i < pending.len / sizeof *names; i++) {
        send_now(w, w->running, names[i]);
        release_names(names[i]);
    }
    buffer_free(&pending);
}

/* ---- to readers ---- */

struct to_readers {
    struct parcel parcel;
    struct message *names;
    unsigned count;
    uint64_t readers[];
};

static void send_to_reader(struct exec_worker *w, uint64_t reader, struct message *names) {
    struct session *session = address_session(w, reader);
    if (session && session->tracking && !(session->tracking->flags & TRACKING_BROADCAST))
        invalidation_send(w, session, names);
}

static void arrive_at_readers(struct exec_worker *w, struct parcel *parcel) {
    struct to_readers *p = CONTAINER_OF(parcel, struct to_readers, parcel);
    for (unsigned i = 0; w && i < p->count; i++)
        send_to_reader(w, p->readers[i], p->names);
    message_release(p->names);
    memory_free(p);
}

static void post_to_readers(struct exec_worker *w, const uint64_t *readers, unsigned count,
                            struct message *names) {
    struct to_readers *p = memory_alloc(sizeof *p + count * sizeof *readers);
    if (!p) return;
    p->names = message_keep(names);
    p->count = count;
    memcpy(p->readers, readers, count * sizeof *readers);
    outbox_put(w, address_worker(readers[0]), &p->parcel, arrive_at_readers);
}

/* Who is being served gets the reply first: that is on its way by mail. */
static bool sent_directly(struct exec_worker *w, uint64_t reader) {
    const struct session *served = tracking_worker(w)->served;
    return address_worker(reader) == w->index && !(served && session_address(served) == reader);
}

/* Readers of one worker that are told by mail, from the first on. */
static unsigned count_together(struct exec_worker *w, const uint64_t *readers, unsigned count) {
    unsigned n = 1;
    while (n < count && address_worker(readers[n]) == address_worker(readers[0]) &&
           !sent_directly(w, readers[n]))
        n++;
    return n;
}

static uint64_t skipped_reader(const struct session *author) {
    if (!author || !author->tracking || !(author->tracking->flags & TRACKING_NO_LOOP)) return 0;
    return session_address(author);
}

void invalidation_send_all(struct exec_worker *w, const struct tracked_key *key,
                           const struct session *author) {
    struct bytes name = bytes_make(key->name, key->length);
    struct message *names = invalidation_encode(&name, 1);
    if (!names) return;
    const uint64_t *readers = tracked_readers(key);
    uint64_t skipped = skipped_reader(author);
    for (unsigned i = 0, n; i < key->count; i += n) {
        n = 1;
        if (readers[i] == skipped) continue;
        if (sent_directly(w, readers[i])) {
            send_to_reader(w, readers[i], names);
        } else {
            n = count_together(w, readers + i, key->count - i);
            post_to_readers(w, readers + i, n, names);
        }
    }
    message_release(names);
}

/* ---- to all ---- */

static void flush_here(struct exec_worker *w) {
    struct tracking *tracking;
    LIST_FOREACH(tracking, &tracking_worker(w)->sessions, in_worker) {
        invalidation_send(w, tracking->session, NULL);
    }
}

static void arrive_flush(struct exec_worker *w, struct parcel *parcel) {
    if (w) flush_here(w);
    memory_free(parcel);
}

void invalidation_send_flush(struct exec_worker *w) {
    struct tracking_worker *own = tracking_worker(w);
    uint64_t command = w->totals.commands + 1;
    if (own->flush == command) return; /* the next database of FLUSHALL */
    own->flush = command;
    flush_here(w);
    for (unsigned i = 0; i < w->exec->worker_count; i++) {
        if (i == w->index || list_empty(&w->exec->tracking->workers[i].sessions)) continue;
        struct parcel *parcel = memory_alloc(sizeof *parcel);
        if (parcel) outbox_put(w, i, parcel, arrive_flush);
    }
}
