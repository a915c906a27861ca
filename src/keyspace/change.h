/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Change records: what the keyspace tells everybody who wants to know, after each change.
 *
 * The journal, replication, WATCH, keyspace notifications, tracking and blocked clients subscribe;
 * command handlers know nothing of them. A record is valid during the call only. Subscribers run on
 * the worker that made the change, with the partition's lock held: they copy what they need, do not
 * block, and do not call back into the keyspace.
 */
#pragma once

#include "base/bytes.h"
#include <stdint.h>

struct key;
struct entry;

/* The classes of keyspace notifications, one bit each, as `notify-keyspace-events` names them. */
#define EVENT_GENERIC  (1u << 0)  /* g */
#define EVENT_STRING   (1u << 1)  /* $ */
#define EVENT_LIST     (1u << 2)  /* l */
#define EVENT_SET      (1u << 3)  /* s */
#define EVENT_HASH     (1u << 4)  /* h */
#define EVENT_ZSET     (1u << 5)  /* z */
#define EVENT_EXPIRED  (1u << 6)  /* x */
#define EVENT_EVICTED  (1u << 7)  /* e */
#define EVENT_STREAM   (1u << 8)  /* t */
#define EVENT_KEY_MISS (1u << 9)  /* m, not in A */
#define EVENT_NEW      (1u << 10) /* n, not in A */
#define EVENT_MODULE   (1u << 11) /* d */

struct event {
    uint32_t class;   /* one EVENT_ bit; 0 = nothing to notify */
    const char *name; /* "set", "del", "expire" ... */
};

enum change_kind {
    CHANGE_STORE, /* the key now has the value and the expiry that its entry shows */
    CHANGE_RANGE, /* bytes [offset, offset + length) of a string were written, it may have grown */
    CHANGE_COMMAND, /* a collection was edited: argv is the deterministic command that does it */
    CHANGE_EXPIRY,  /* only the expiry changed */
    CHANGE_REMOVE,  /* the key is gone; cause says why */
    CHANGE_RENAME,  /* the entry moved from `other` to `key`, whatever `key` held is gone */
    CHANGE_FLUSH,   /* all keys of `db` are gone */
    CHANGE_SWAP,    /* databases `db` and `other_db` changed places */
    CHANGE_NOTICE   /* nothing changed: an event only (a key miss, a second event of one change) */
};

enum change_cause { CAUSE_COMMAND, CAUSE_EXPIRED, CAUSE_EVICTED };

struct change {
    enum change_kind kind;
    enum change_cause cause;
    struct event event;
    uint32_t db, other_db;
    const struct key *key;     /* NULL for FLUSH and SWAP */
    const struct key *other;   /* RENAME */
    const struct entry *entry; /* the entry after the change; NULL when there is none */
    size_t offset, length;     /* RANGE */
    const struct bytes *argv;  /* COMMAND */
    unsigned argc;
};

typedef void change_subscriber(void *context, const struct change *change);
