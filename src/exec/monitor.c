/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/monitor.h"
#include "base/number.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <stdio.h>

#define NAME_MAX_SHOWN 128

struct monitor {
    struct list_node in_worker;
    struct session *session;
};

/* ---- who looks ---- */

bool monitor_start(struct session *session) {
    if (session->monitor) return true;
    struct monitor *monitor = memory_alloc(sizeof *monitor);
    if (!monitor) return false;
    struct exec_worker *w = session_worker(session);
    monitor->session = session;
    list_append(&w->monitors, &monitor->in_worker);
    session->monitor = monitor;
    atomic_fetch_add(&w->monitor_count, 1);
    atomic_fetch_add(&w->exec->monitors, 1);
    return true;
}

void monitor_stop(struct session *session) {
    if (!session->monitor) return;
    struct exec_worker *w = session_worker(session);
    atomic_fetch_sub(&w->exec->monitors, 1);
    atomic_fetch_sub(&w->monitor_count, 1);
    list_remove(&session->monitor->in_worker);
    memory_free(session->monitor);
    session->monitor = NULL;
}

/* ---- the line ---- */

/* In double quotes, with what is not printable as in C. */
static bool append_quoted(struct buffer *out, struct bytes text) {
    static const char escaped[] = "\"\\\n\r\t\a\b", escapes[] = "\"\\nrtab";
    bool ok = buffer_append_char(out, '"');
    for (size_t i = 0; ok && i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        const char *found = c ? strchr(escaped, c) : NULL;
        if (found)
            ok = buffer_append_char(out, '\\') && buffer_append_char(out, escapes[found - escaped]);
        else if (c >= ' ' && c <= '~')
            ok = buffer_append_char(out, (char)c);
        else
            ok = buffer_printf(out, "\\x%02x", c);
    }
    return ok && buffer_append_char(out, '"');
}

static void source_name(const struct call *call, char out[NAME_MAX_SHOWN]) {
    char peer[NAME_MAX_SHOWN - 8];
    connection_peer_name(call->session->connection, peer, sizeof peer);
    if (call->from_script) {
        snprintf(out, NAME_MAX_SHOWN, "lua");
    } else if (connection_is_unix(call->session->connection)) {
        size_t path = strlen(peer) - strlen(":0");
        snprintf(out, NAME_MAX_SHOWN, "unix:%.*s", (int)path, peer);
    } else {
        snprintf(out, NAME_MAX_SHOWN, "%s", peer);
    }
}

static bool append_line(struct buffer *out, const struct call *call) {
    char source[NAME_MAX_SHOWN];
    int64_t now = clock_wall_us();
    source_name(call, source);
    bool ok = buffer_printf(out, "+%lld.%06lld [%u %s]", (long long)(now / 1000000),
                            (long long)(now % 1000000), call->session->db, source);
    for (unsigned i = 0; ok && i < call->argc; i++) {
        bool redacted = i < 64 && call->redacted >> i & 1;
        ok = buffer_append_char(out, ' ') &&
             append_quoted(out, redacted ? BYTES("(redacted)") : call->argv[i]);
    }
    return ok && buffer_append_bytes(out, BYTES("\r\n"));
}

/* ---- showing it ---- */

static void show_here(struct exec_worker *w, struct bytes line) {
    struct monitor *monitor;
    LIST_FOREACH(monitor, &w->monitors, in_worker) {
        struct session *session = monitor->session;
        if (session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_CLOSING)) continue;
        if (session == w->running)
            outbox_put_to_self(w, line);
        else
            connection_send(session->connection, line);
    }
}

struct shown {
    struct parcel parcel;
    struct message *line;
};

static void arrive(struct exec_worker *w, struct parcel *parcel) {
    struct shown *shown = CONTAINER_OF(parcel, struct shown, parcel);
    if (w) show_here(w, message_bytes(shown->line));
    message_release(shown->line);
    memory_free(shown);
}

/* Its own worker's monitors are shown it by mail, too: what other workers show may be there. */
static void show_everywhere(struct exec_worker *w, struct bytes text) {
    struct message *line = message_create(text.len);
    if (!line) return;
    memcpy(line->data, text.data, text.len);
    line->length = text.len;
    for (unsigned i = 0; i < w->exec->worker_count; i++) {
        if (!w->exec->workers[i].monitor_count) continue;
        struct shown *shown = memory_alloc(sizeof *shown);
        if (!shown) continue;
        shown->line = message_keep(line);
        outbox_put(w, i, &shown->parcel, arrive);
    }
    message_release(line);
    outbox_post(w);
}

void monitor_show(const struct call *call) {
    struct exec_worker *w = &call->exec->workers[call->worker];
    struct buffer line = {0};
    if (append_line(&line, call)) {
        if (w->exec->worker_count == 1)
            show_here(w, buffer_bytes(&line));
        else
            show_everywhere(w, buffer_bytes(&line));
    }
    buffer_free(&line);
}
