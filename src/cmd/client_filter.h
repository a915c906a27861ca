/* SPDX-License-Identifier: BSD-3-Clause */
/* Which clients CLIENT LIST shows and CLIENT KILL closes. */
#pragma once

#include "exec/call.h"

enum client_filter_text {
    FILTER_USER,
    FILTER_ADDR,
    FILTER_LADDR,
    FILTER_NAME,
    FILTER_FLAGS,
    FILTER_LIB_NAME,
    FILTER_LIB_VER,
    FILTER_CAPA,
    FILTER_IP,
};
#define FILTER_TEXTS 9

enum client_type { CLIENT_NORMAL, CLIENT_REPLICA, CLIENT_PUBSUB, CLIENT_PRIMARY };

/* What clients must have, or (NOT-...) must not have. */
struct client_traits {
    struct bytes texts[FILTER_TEXTS]; /* slices of argv */
    bool has_text[FILTER_TEXTS];
    bool has_type, has_db;
    enum client_type type;
    int64_t db;
    uint64_t *ids; /* ascending once parsed; owned; NULL = any */
    size_t id_count;
};

struct client_filter {
    struct client_traits wanted, unwanted;
    int64_t min_age, min_idle; /* seconds; 0 = any */
    bool skip_me;
    const struct session *me;
    int64_t now_ms;
};

/* Parses the options from argv[2] on. `skip_me` is the default. False: the error is written. Either
 * way the filter is to be freed. */
bool client_filter_parse(struct call *call, bool skip_me, struct client_filter *out);
void client_filter_free(struct client_filter *filter);

bool client_filter_matches(const struct client_filter *filter, const struct session *session);
