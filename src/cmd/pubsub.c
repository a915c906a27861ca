/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscribing, publishing, and who listens to what. */
#include "exec/pubsub.h"
#include "base/glob.h"
#include "cmd/pubsub.h"
#include "exec/exec.h"

/* ---- subscribing ---- */

/* The count that goes with a reply: shard channels are counted apart. */
static unsigned counted(const struct session *session, enum topic_kind kind) {
    if (kind == TOPIC_SHARD) return pubsub_subscriptions(session, TOPIC_SHARD);
    return pubsub_subscriptions(session, TOPIC_CHANNEL) +
           pubsub_subscriptions(session, TOPIC_PATTERN);
}

static void confirm(struct call *call, enum topic_kind kind, const char *what,
                    const struct bytes *name) {
    reply_push(call->reply, 3);
    reply_bulk_text(call->reply, what);
    if (name)
        reply_bulk(call->reply, *name);
    else
        reply_null(call->reply);
    reply_integer(call->reply, counted(call->session, kind));
}

static void subscribe(struct call *call, enum topic_kind kind, const char *what) {
    /* CLIENT REPLY OFF silences replies, and these are messages. */
    bool muted = call->reply->muted;
    call->reply->muted = false;
    for (unsigned i = 1; i < call->argc; i++) {
        if (pubsub_subscribe(call->session, kind, call->argv[i]))
            confirm(call, kind, what, &call->argv[i]);
        else
            reply_no_memory(call->reply);
    }
    call->reply->muted = muted;
}

static void unsubscribe_all(struct call *call, enum topic_kind kind, const char *what) {
    struct bytes name;
    if (!pubsub_oldest(call->session, kind, &name)) {
        confirm(call, kind, what, NULL);
        return;
    }
    do {
        reply_push(call->reply, 3);
        reply_bulk_text(call->reply, what);
        reply_bulk(call->reply, name);
        pubsub_unsubscribe(call->session, kind, name);
        reply_integer(call->reply, counted(call->session, kind));
    } while (pubsub_oldest(call->session, kind, &name));
}

static void unsubscribe(struct call *call, enum topic_kind kind, const char *what) {
    bool muted = call->reply->muted;
    call->reply->muted = false;
    if (call->argc == 1) unsubscribe_all(call, kind, what);
    for (unsigned i = 1; i < call->argc; i++) {
        pubsub_unsubscribe(call->session, kind, call->argv[i]);
        confirm(call, kind, what, &call->argv[i]);
    }
    call->reply->muted = muted;
}

void message_subscribe(struct call *call) {
    subscribe(call, TOPIC_CHANNEL, "subscribe");
}

void message_psubscribe(struct call *call) {
    subscribe(call, TOPIC_PATTERN, "psubscribe");
}

/* Not in a transaction, unlike its kin. */
void message_ssubscribe(struct call *call) {
    if (call->no_wait)
        reply_error(call->reply, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    else
        subscribe(call, TOPIC_SHARD, "ssubscribe");
}

void message_unsubscribe(struct call *call) {
    unsubscribe(call, TOPIC_CHANNEL, "unsubscribe");
}

void message_punsubscribe(struct call *call) {
    unsubscribe(call, TOPIC_PATTERN, "punsubscribe");
}

void message_sunsubscribe(struct call *call) {
    unsubscribe(call, TOPIC_SHARD, "sunsubscribe");
}

/* ---- publishing ---- */

static void publish(struct call *call, enum topic_kind kind) {
    uint64_t listeners = pubsub_publish(call->exec, kind, call->argv[1], call->argv[2]);
    reply_integer(call->reply, (int64_t)listeners);
}

void message_publish(struct call *call) {
    publish(call, TOPIC_CHANNEL);
}

void message_spublish(struct call *call) {
    publish(call, TOPIC_SHARD);
}

/* ---- PUBSUB ---- */

struct listing {
    struct reply *reply;
    const struct bytes *pattern; /* NULL = all */
    size_t shown;
};

static void show_topic(void *context, struct bytes name) {
    struct listing *listing = context;
    if (listing->pattern && !glob_match(*listing->pattern, name, false)) return;
    reply_bulk(listing->reply, name);
    listing->shown++;
}

static void show_topics(struct call *call, enum topic_kind kind) {
    if (call->argc > 3) {
        call_subcommand_error(call);
        return;
    }
    struct listing listing = {.reply = call->reply,
                              .pattern = call->argc == 3 ? &call->argv[2] : NULL};
    size_t mark = reply_open(call->reply);
    pubsub_each_topic(call->exec, kind, show_topic, &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

static void show_listeners(struct call *call, enum topic_kind kind) {
    reply_array(call->reply, 2 * (size_t)(call->argc - 2));
    for (unsigned i = 2; i < call->argc; i++) {
        reply_bulk(call->reply, call->argv[i]);
        reply_integer(call->reply, (int64_t)pubsub_listeners(call->exec, kind, call->argv[i]));
    }
}

void message_channels(struct call *call) {
    show_topics(call, TOPIC_CHANNEL);
}

void message_shardchannels(struct call *call) {
    show_topics(call, TOPIC_SHARD);
}

void message_numsub(struct call *call) {
    show_listeners(call, TOPIC_CHANNEL);
}

void message_shardnumsub(struct call *call) {
    show_listeners(call, TOPIC_SHARD);
}

void message_numpat(struct call *call) {
    reply_integer(call->reply, (int64_t)pubsub_count(call->exec).topics[TOPIC_PATTERN]);
}

void message_help(struct call *call) {
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Name the channels that have subscribers, or those of them that match the pattern.",
        "NUMPAT",
        "    Count the different patterns that clients have subscribed to.",
        "NUMSUB [<channel> ...]",
        "    Count the subscribers of each channel; those of patterns are not among them.",
        "SHARDCHANNELS [<pattern>]",
        "    Name the shard channels that have subscribers, or those that match the pattern.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Count the subscribers of each shard channel.",
        NULL,
    };
    call_help(call, lines);
}
