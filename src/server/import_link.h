/* SPDX-License-Identifier: BSD-3-Clause */
/* The import's connection: requests go out in a pipeline, their replies are matched with the lines
 * of the file, or the offsets in it, that they came from. One thread. */
#pragma once

#include "base/buffer.h"
#include "sys/outgoing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_WINDOW 32768 /* requests without a reply; a power of two */

struct link {
    struct outgoing connection;
    struct buffer out; /* not sent yet, from `sent` on */
    size_t sent;
    struct buffer in; /* replies not read yet */
    uint64_t *lines;  /* a ring: the line of each request that has no reply yet */
    uint64_t asked, answered;
    bool any_reply; /* will do; otherwise OK or an error */

    /* An error reply, without "-" and line break. */
    void (*refused)(void *context, uint64_t line, struct bytes error);
    void *context;
};

/* Connects within ten seconds, or returns false with the reason in `error`. */
bool link_open(struct link *link, const struct outgoing_target *target, struct buffer *error);
void link_close(struct link *link);

/* Sends one request and waits for the first line of its reply, valid until the next call. An empty
 * view: the connection is lost. */
struct bytes link_ask(struct link *link, const struct bytes *words, unsigned count);

/* One more line of the same reply. */
struct bytes link_read_line(struct link *link);

/* So many bytes of the same reply, appended to `out`. False = the connection is lost. */
bool link_read_bytes(struct link *link, size_t count, struct buffer *out);

/* Sends all that is queued; the replies are left to link_read_line(). False = the connection is
 * lost. */
bool link_flush(struct link *link);

/* Is there room for one more request? */
bool link_has_room(const struct link *link);

/* Queues SET key value, with EX when `ttl` is not empty, for the line of that number. false = no
 * memory. */
bool link_set(struct link *link, struct bytes key, struct bytes value, struct bytes ttl,
              uint64_t line);

/* Queues any request. */
bool link_request(struct link *link, const struct bytes *words, unsigned count, uint64_t line);

/* Sends and receives until there is room for one more request or, with `all`, until every reply has
 * come. false = the connection is lost. */
bool link_wait(struct link *link, bool all);

/* Sends what the socket takes. false = the connection is lost. */
bool link_send(struct link *link);

/* Reads what has come and counts replies. false = the connection is lost, or what came is no reply.
 */
bool link_receive(struct link *link);

static inline bool link_wants_to_send(const struct link *link) {
    return link->sent < link->out.len;
}

static inline uint64_t link_in_flight(const struct link *link) {
    return link->asked - link->answered;
}

/* The line of the oldest request without a reply. */
uint64_t link_oldest_line(const struct link *link);
