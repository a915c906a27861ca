/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/import_link.h"
#include "base/ensure.h"
#include "base/number.h"
#include "sys/clock.h"
#include "sys/memory.h"

#include <errno.h>
#include <poll.h>

enum {
    CONNECT_TIMEOUT_US = 10 * 1000 * 1000,
    OUT_ENOUGH = 512 * 1024, /* bytes waiting to be sent, above which no more are queued */
    READ_SIZE = 64 * 1024
};

bool link_open(struct link *link, const struct outgoing_target *target, struct buffer *error) {
    struct buffer why = {0};
    enum outgoing_result result =
        outgoing_open(&link->connection, target, clock_mono_us() + CONNECT_TIMEOUT_US, &why);
    if (result == OUTGOING_OPEN) {
        link->lines = memory_need(LINK_WINDOW * sizeof *link->lines);
        return true;
    }
    if (target->path)
        buffer_printf(error, "cannot connect to %s: ", target->path);
    else
        buffer_printf(error, "cannot connect to %s, port %d: ", target->host, target->port);
    buffer_append_bytes(error, buffer_bytes(&why));
    buffer_free(&why);
    return false;
}

void link_close(struct link *link) {
    if (link->lines) outgoing_close(&link->connection);
    memory_free(link->lines);
    buffer_free(&link->out);
    buffer_free(&link->in);
}

/* ---- sending ---- */

static bool append_word(struct buffer *out, struct bytes word) {
    char head[NUMBER_I64_MAX + 3] = "$";
    size_t length = 1 + number_format_u64(head + 1, word.len);
    head[length++] = '\r';
    head[length++] = '\n';
    return buffer_append(out, head, length) && buffer_append_bytes(out, word) &&
           buffer_append(out, "\r\n", 2);
}

bool link_has_room(const struct link *link) {
    return link->out.len - link->sent < OUT_ENOUGH && link_in_flight(link) < LINK_WINDOW;
}

bool link_set(struct link *link, struct bytes key, struct bytes value, struct bytes ttl,
              uint64_t line) {
    static const struct bytes plain = {"*3\r\n$3\r\nSET\r\n", 13},
                              expiring = {"*5\r\n$3\r\nSET\r\n", 13};
    size_t mark = link->out.len;
    bool good = buffer_append_bytes(&link->out, ttl.len ? expiring : plain) &&
                append_word(&link->out, key) && append_word(&link->out, value);
    if (good && ttl.len)
        good = append_word(&link->out, BYTES("EX")) && append_word(&link->out, ttl);
    if (!good) {
        link->out.len = mark;
        return false;
    }
    link->lines[link->asked++ % LINK_WINDOW] = line;
    return true;
}

bool link_request(struct link *link, const struct bytes *words, unsigned count, uint64_t line) {
    size_t mark = link->out.len;
    bool good = buffer_printf(&link->out, "*%u\r\n", count);
    for (unsigned i = 0; good && i < count; i++)
        good = append_word(&link->out, words[i]);
    if (!good) {
        link->out.len = mark;
        return false;
    }
    link->lines[link->asked++ % LINK_WINDOW] = line;
    return true;
}

bool link_send(struct link *link) {
    while (link_wants_to_send(link)) {
        ssize_t n = outgoing_send(&link->connection, link->out.data + link->sent,
                                  link->out.len - link->sent);
        if (n < 0) return n == -EAGAIN;
        link->sent += (size_t)n;
    }
    buffer_clear(&link->out);
    link->sent = 0;
    return true;
}

/* ---- receiving ---- */

/* 1: something came, 0: nothing now, -1: the end. */
static int receive_some(struct link *link) {
    if (!buffer_reserve(&link->in, READ_SIZE)) return -1;
    ssize_t n = outgoing_receive(&link->connection, link->in.data + link->in.len, READ_SIZE);
    if (n > 0) {
        link->in.len += (size_t)n;
        return 1;
    }
    return n == -EAGAIN ? 0 : -1;
}

/* How many bytes the reply takes up that `text` begins with; 0: it is not there as a whole,
 * SIZE_MAX: it is no reply. Aggregates are counted down instead of descended into. */
static size_t reply_size(struct bytes text) {
    size_t at = 0;
    for (uint64_t left = 1; left > 0; left--) {
        int64_t number = 0;
        const char *end = at < text.len ? memchr(text.data + at, '\n', text.len - at) : NULL;
        if (!end) return 0;
        struct bytes line = bytes_make(text.data + at, (size_t)(end - text.data) - at);
        if (line.len < 2) return SIZE_MAX;
        at += line.len + 1;
        if (line.data[0] != '$' && line.data[0] != '*') continue;
        struct bytes digits = bytes_make(line.data + 1, line.len - 2);
        if (!number_parse_i64(digits, &number) || number < -1) return SIZE_MAX;
        if (number < 0) continue;
        if (line.data[0] == '*')
            left += (uint64_t)number;
        else if (text.len - at < (uint64_t)number + 2)
            return 0;
        else
            at += (size_t)number + 2;
    }
    return at;
}

/* Counts the replies in `text` and returns how many bytes they took; SIZE_MAX when something is no
 * reply. */
static size_t count_replies(struct link *link, struct bytes text) {
    static const char ok[] = "+OK\r\n";
    size_t at = 0;
    while (link_in_flight(link)) {
        while (link_in_flight(link) && text.len - at >= 5 && memcmp(text.data + at, ok, 5) == 0) {
            at += 5;
            link->answered++;
        }
        size_t size = link_in_flight(link) ? reply_size(bytes_skip(text, at)) : 0;
        if (size == SIZE_MAX) return SIZE_MAX;
        if (!size) break;
        if (text.data[at] != '-' && !link->any_reply) return SIZE_MAX;
        if (text.data[at] == '-' && size > 3)
            link->refused(link->context, link_oldest_line(link),
                          bytes_make(text.data + at + 1, size - 3));
        link->answered++;
        at += size;
    }
    return at;
}

bool link_receive(struct link *link) {
    int more;
    do {
        more = receive_some(link);
        size_t taken = count_replies(link, buffer_bytes(&link->in));
        if (taken == SIZE_MAX) return false;
        buffer_consume(&link->in, taken);
    } while (more > 0 && link_in_flight(link));
    return more >= 0;
}

uint64_t link_oldest_line(const struct link *link) {
    return link->lines[link->answered % LINK_WINDOW];
}

bool link_wait(struct link *link, bool all) {
    while (!link_has_room(link) || (all && (link_in_flight(link) || link_wants_to_send(link)))) {
        if (!link_send(link)) {
            link_receive(link); /* what it said before it went */
            return false;
        }
        short wants = (short)(POLLIN | (link_wants_to_send(link) ? POLLOUT : 0));
        if (link_in_flight(link)) outgoing_wait(&link->connection, wants, INT64_MAX);
        if (link_in_flight(link) && !link_receive(link)) return false;
    }
    return true;
}

/* ---- one request at a time ---- */

struct bytes link_read_line(struct link *link) {
    const char *end;
    while (!(end = link->in.len ? memchr(link->in.data, '\n', link->in.len) : NULL)) {
        int more = receive_some(link);
        if (more < 0) return (struct bytes){NULL, 0};
        if (more == 0) outgoing_wait(&link->connection, POLLIN, INT64_MAX);
    }
    /* The line moves to `out`, which is empty meanwhile. */
    size_t length = (size_t)(end - link->in.data);
    buffer_clear(&link->out);
    link->sent = 0;
    if (!buffer_append(&link->out, link->in.data, length + 1)) return (struct bytes){NULL, 0};
    buffer_consume(&link->in, length + 1);
    struct bytes line = {link->out.data, length};
    if (length && line.data[length - 1] == '\r') line.len--;
    buffer_clear(&link->out);
    return line;
}

bool link_read_bytes(struct link *link, size_t count, struct buffer *out) {
    while (count) {
        size_t n = MIN(count, link->in.len);
        if (!buffer_append(out, link->in.data, n)) return false;
        buffer_consume(&link->in, n);
        count -= n;
        int more = count ? receive_some(link) : 1;
        if (more < 0) return false;
        if (more == 0) outgoing_wait(&link->connection, POLLIN, INT64_MAX);
    }
    return true;
}

bool link_flush(struct link *link) {
    while (link_wants_to_send(link)) {
        outgoing_wait(&link->connection, POLLOUT, INT64_MAX);
        if (!link_send(link)) return false;
    }
    return true;
}

struct bytes link_ask(struct link *link, const struct bytes *words, unsigned count) {
    bool good = buffer_printf(&link->out, "*%u\r\n", count);
    for (unsigned i = 0; good && i < count; i++)
        good = append_word(&link->out, words[i]);
    return good && link_flush(link) ? link_read_line(link) : (struct bytes){NULL, 0};
}
