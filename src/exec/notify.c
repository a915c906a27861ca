/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/notify.h"
#include "config/config.h"
#include "exec/exec_priv.h"
#include "sys/thread.h"

#define NOTIFY_KEYSPACE (1u << 30) /* K */
#define NOTIFY_KEYEVENT (1u << 29) /* E */
#define EVENTS_ALL                                                                                 \
    (EVENT_GENERIC | EVENT_STRING | EVENT_LIST | EVENT_SET | EVENT_HASH | EVENT_ZSET |             \
     EVENT_EXPIRED | EVENT_EVICTED | EVENT_STREAM | EVENT_MODULE)

static struct exec *attached;
static uint32_t wanted; /* EVENT_ bits, and how to deliver them; changed in exclusive mode */
static _Atomic uint64_t delivered; /* the same, as far as there is a way to deliver anything */

/* ---- the directive ---- */

struct event_letter {
    char letter;
    uint32_t bits;
};

/* In the order that CONFIG GET shows them. */
static const struct event_letter letters[] = {
    {'A', EVENTS_ALL},      {'g', EVENT_GENERIC},   {'$', EVENT_STRING},   {'l', EVENT_LIST},
    {'s', EVENT_SET},       {'h', EVENT_HASH},      {'z', EVENT_ZSET},     {'x', EVENT_EXPIRED},
    {'e', EVENT_EVICTED},   {'t', EVENT_STREAM},    {'d', EVENT_MODULE},   {'n', EVENT_NEW},
    {'K', NOTIFY_KEYSPACE}, {'E', NOTIFY_KEYEVENT}, {'m', EVENT_KEY_MISS}, {0},
};

static bool parse(struct bytes text, uint32_t *bits) {
    *bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        const struct event_letter *at = letters;
        while (at->letter && at->letter != text.data[i])
            at++;
        if (!at->letter) return false;
        *bits |= at->bits;
    }
    return true;
}

/* What is not delivered need not be made. */
static void tell_keyspace(void) {
    delivered = wanted & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT) ? wanted : 0;
    if (attached) keyspace_want_events(attached->keyspace, (uint32_t)delivered);
}

static bool set_events(const struct config_row *row, const struct bytes *words, unsigned count,
                       struct buffer *error) {
    (void)row;
    uint32_t bits;
    if (!parse(count ? words[0] : BYTES(""), &bits)) {
        buffer_append_bytes(error, BYTES("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
        return false;
    }
    wanted = bits;
    tell_keyspace();
    return true;
}

static void get_events(const struct config_row *row, struct buffer *out) {
    (void)row;
    uint32_t left = wanted;
    bool all = (left & EVENTS_ALL) == EVENTS_ALL;
    for (const struct event_letter *at = letters; at->letter; at++) {
        if ((left & at->bits) != at->bits) continue;
        if (at->bits == EVENT_NEW && all) continue; /* the field does not show it beside A */
        buffer_append(out, &at->letter, 1);
        left &= ~at->bits;
    }
}

static const struct config_row rows[] = {
    {"notify-keyspace-events", .type = CONFIG_SPECIAL, .initial = "", .set = set_events,
     .get = get_events},
    {0},
};

/* ---- delivery ---- */

static void publish(struct exec *exec, const char *kind, uint32_t db, struct bytes topic,
                    struct bytes message) {
    static _Thread_local struct buffer channel;
    if (UNLIKELY(!channel.data)) thread_owns_buffer(&channel);
    buffer_clear(&channel);
    if (!buffer_printf(&channel, "__%s@%u__:", kind, db) || !buffer_append_bytes(&channel, topic))
        return;
    pubsub_publish(exec, TOPIC_CHANNEL, buffer_bytes(&channel), message);
}

static void deliver(struct exec *exec, const struct change *change) {
    struct bytes key = change->key->name, event = bytes_of(change->event.name);
    if (!pubsub_has_listeners(exec)) return;
    if (wanted & NOTIFY_KEYSPACE) publish(exec, "keyspace", change->db, key, event);
    if (wanted & NOTIFY_KEYEVENT) publish(exec, "keyevent", change->db, event, key);
}

/* The subscriber of change records. */
static void changed(void *context, const struct change *change) {
    if (LIKELY(!(wanted & change->event.class))) return;
    deliver(context, change);
}

void notify_register(void) {
    config_register(rows);
}

void notify_attach(struct exec *exec) {
    attached = exec;
    keyspace_subscribe(exec->keyspace, changed, exec, &delivered);
    tell_keyspace();
}

void notify_detach(void) {
    attached = NULL;
}
