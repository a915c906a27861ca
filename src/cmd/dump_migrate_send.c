/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of MIGRATE that faces the network. It knows no keyspace and no gate. */
#include "base/number.h"
#include "cmd/dump_migrate.h"
#include "config/config.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <errno.h>
#include <poll.h>

#define NOT_CONNECTED "IOERR error or timeout connecting to the client"
#define NOT_WRITTEN   "IOERR error or timeout writing to target instance"
#define NOT_READ      "IOERR error or timeout reading to target instance"

enum { READ_SIZE = 16 * 1024, LONGEST_LINE = 64 * 1024 };

/* ---- where to ---- */

int migration_port(struct bytes text) {
    int64_t port;
    return number_parse_i64(text, &port) ? (int)(port & 0xffff) : 0;
}

static char *directive(const char *name) {
    struct buffer text = {0};
    config_show(name, &text);
    if (buffer_append_char(&text, 0)) return text.data;
    buffer_free(&text);
    return NULL;
}

/* Other nodes are known by who vouches for them: their names are addresses. */
bool migration_read_tls(struct migration *m) {
    static const char *const own[] = {"tls-ca-cert-file", "tls-ca-cert-dir", "tls-cert-file",
                                      "tls-key-file", "tls-key-file-pass"};
    static const char *const clients[] = {"tls-ca-cert-file", "tls-ca-cert-dir",
                                          "tls-client-cert-file", "tls-client-key-file",
                                          "tls-client-key-file-pass"};
    if (!config_number("tls-cluster")) return true;
    char *special = directive("tls-client-cert-file");
    const char *const *names = special && *special ? clients : own;
    memory_free(special);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (!(m->tls_words[i] = directive(names[i]))) return false;
    m->with_tls = true;
    m->tls = (struct outgoing_tls){m->tls_words[0], m->tls_words[1], m->tls_words[2],
                                   m->tls_words[3], m->tls_words[4], .any_name = true};
    return true;
}

void migration_disconnect(struct migration *m) {
    if (m->is_connected) outgoing_close(&m->connection);
    m->is_connected = false;
    for (size_t i = 0; i < ARRAY_LEN(m->tls_words); i++)
        memory_free(m->tls_words[i]);
}

/* ---- sending ---- */

static int64_t deadline(const struct migration *m) {
    return clock_mono_us() + m->timeout_us;
}

/* A refused connection shows when it is written to. */
static bool open_connection(struct migration *m) {
    struct outgoing_target target = {
        .host = m->host, .port = m->port, .tls = m->with_tls ? &m->tls : NULL, .cancel = m->cancel};
    struct buffer why = {0};
    enum outgoing_result result = outgoing_open(&m->connection, &target, deadline(m), &why);
    buffer_free(&why);
    m->is_connected = result == OUTGOING_OPEN;
    if (!m->is_connected) m->error = result == OUTGOING_REFUSED ? NOT_WRITTEN : NOT_CONNECTED;
    return m->is_connected;
}

static bool send_request(struct migration *m) {
    const struct buffer *request = &m->request;
    size_t sent = 0;
    while (sent < request->len) {
        ssize_t n = outgoing_send(&m->connection, request->data + sent, request->len - sent);
        if (n == -EAGAIN) n = outgoing_wait(&m->connection, POLLOUT, deadline(m));
        if (n < 0) {
            m->error = NOT_WRITTEN;
            return false;
        }
        sent += (size_t)n;
    }
    return true;
}

/* ---- replies ---- */

struct input {
    struct buffer bytes;
    size_t at; /* what has been read of it */
};

/* The next line, without its end, valid until the next call. False: it does not come. */
static bool read_line(struct migration *m, struct input *input, struct bytes *line) {
    struct buffer *bytes = &input->bytes;
    const char *end;
    buffer_consume(bytes, input->at);
    input->at = 0;
    while (!(end = bytes->len ? memchr(bytes->data, '\n', bytes->len) : NULL)) {
        if (bytes->len > LONGEST_LINE || !buffer_reserve(bytes, READ_SIZE)) return false;
        ssize_t n = outgoing_receive(&m->connection, bytes->data + bytes->len, READ_SIZE);
        if (n == -EAGAIN) {
            if (outgoing_wait(&m->connection, POLLIN, deadline(m)) < 0) return false;
        } else if (n <= 0) {
            return false;
        } else {
            bytes->len += (size_t)n;
        }
    }
    *line = bytes_make(bytes->data, (size_t)(end - bytes->data));
    input->at = line->len + 1;
    if (line->len && line->data[line->len - 1] == '\r') line->len--;
    return true;
}

/* False: the connection is at an end. *refused: it is an error. */
static bool read_reply(struct migration *m, struct input *input, bool *refused) {
    struct bytes line;
    if (!read_line(m, input, &line)) {
        m->error = NOT_READ;
        return false;
    }
    *refused = line.len && line.data[0] == '-';
    if (*refused && !m->target_error.len)
        buffer_append_bytes(&m->target_error, bytes_skip(line, 1));
    return true;
}

/* What comes after a refused login is not worth more than it. */
static bool read_replies(struct migration *m, struct input *input) {
    unsigned logins = m->tries ? 0 : 1 + m->logs_in;
    bool refused, stranger = false;
    for (unsigned i = 0; i < logins; i++) {
        if (!read_reply(m, input, &refused)) return false;
        stranger |= refused;
    }
    for (unsigned i = 0; i < m->key_count; i++) {
        if (m->keys[i].state != KEY_WRITTEN) continue;
        if (!read_reply(m, input, &refused)) return false;
        m->keys[i].state = refused || stranger ? KEY_DONE : KEY_ARRIVED;
    }
    return true;
}

void migration_work(struct background_task *task) {
    struct migration *m = CONTAINER_OF(task, struct migration, task);
    struct input input = {0};
    if (!m->is_connected && !open_connection(m)) return;
    if (send_request(m)) read_replies(m, &input);
    buffer_free(&input.bytes);
}
