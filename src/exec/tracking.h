/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client-side caching: sessions that keep what they read, and are told when it has changed.
 *
 * Who tracks by key is remembered as a reader of the keys that its commands read, until the first
 * change of the key, which all readers are told of. The readers of a key belong to its partition's
 * lock: who has read a value before it changed is told of the change, whichever worker made it. Who
 * broadcasts is told of every key that starts with one of its prefixes, once for all that a worker
 * changes in a turn of its loop.
 *
 * Keys are tracked by their names: databases are not told apart. Without memory for it an
 * invalidation is lost.
 */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

struct exec;
struct session;

#define TRACKING_ON        (1u << 0)
#define TRACKING_BROADCAST (1u << 1)
#define TRACKING_OPT_IN    (1u << 2)
#define TRACKING_OPT_OUT   (1u << 3)
#define TRACKING_NO_LOOP   (1u << 4) /* not told of its own changes */
#define TRACKING_CACHING   (1u << 5) /* OPT_IN: the next command tracks; OPT_OUT: it does not */
#define TRACKING_BROKEN    (1u << 6) /* it redirects to a session that is gone */

struct tracking_mode {
    uint32_t flags;                 /* BROADCAST, OPT_IN, OPT_OUT, NO_LOOP */
    const struct session *redirect; /* who is told instead; NULL: the session itself */
    const struct bytes *prefixes;   /* BROADCAST: to the ones it has already; none = all keys */
    unsigned prefix_count;
};

/* The session's own worker; when broadcasting or redirecting in exclusive mode. A session that
 * tracks already changes all but BROADCAST. False: no memory, and it does not track. */
bool tracking_start(struct session *session, const struct tracking_mode *mode);

/* The session's own worker. Nothing if it does not track. */
void tracking_stop(struct session *session);

/* CLIENT CACHING, of a session that tracks. */
void tracking_set_caching(struct session *session);

/* 0: it does not track. Own worker or exclusive mode, as the rest. */
uint32_t tracking_flags(const struct session *session);

/* The id of the session that it redirects to; 0: none. */
uint64_t tracking_redirect(const struct session *session);

/* The prefixes of a session that broadcasts, ascending; `fn` returns false to end. */
typedef bool prefix_visitor(void *context, struct bytes prefix);
void tracking_each_prefix(const struct session *session, prefix_visitor *fn, void *context);

struct tracking_counts {
    uint64_t clients;
    uint64_t keys, items; /* keys that somebody has read, and their readers */
    uint64_t prefixes;
};
struct tracking_counts tracking_count(const struct exec *exec);
