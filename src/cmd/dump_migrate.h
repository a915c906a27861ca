/* SPDX-License-Identifier: BSD-3-Clause */
/* A MIGRATE that is under way: what its handler and the thread that sends hand to each other. */
#pragma once

#include "exec/background.h"
#include "sys/outgoing.h"

enum migrated_state {
    KEY_WRITTEN, /* its RESTORE is in the request */
    KEY_ARRIVED, /* the target has it */
    KEY_DONE     /* nothing more is to be done for it, or nothing can be */
};

struct migrated_key {
    struct key key;
    enum migrated_state state;
};

struct migration {
    struct background_task task;
    const char *host;
    int port;
    int64_t timeout_us; /* for each wait, not for the whole */
    bool copy, replace, logs_in;
    bool with_tls;
    char *tls_words[5]; /* what `tls` points to */
    struct outgoing_tls tls;
    const atomic_bool *cancel; /* NULL = nobody can */

    unsigned tries;        /* that are over */
    struct buffer request; /* the RESTOREs of this try, after the login in the first */
    struct buffer payload;
    struct key_guard *guard;

    struct outgoing connection;
    bool is_connected;
    const char *error;          /* of the connection, as a reply; NULL = none */
    struct buffer target_error; /* the first that the target has answered; empty = none */

    char *at_names; /* where the next name is copied to */
    unsigned key_count;
    struct migrated_key keys[]; /* and their names, and the host's */
};

/* What MIGRATE takes for a port: anything, as Valkey does. */
int migration_port(struct bytes text);

/* Whether `tls-cluster` asks for TLS, and what for. False: no memory. Inside the gate. */
bool migration_read_tls(struct migration *m);

/* Sends the request and reads the replies. On any thread. */
void migration_work(struct background_task *task);

/* Frees what the above have made. */
void migration_disconnect(struct migration *m);
