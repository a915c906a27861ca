/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the server listens: what `bind`, `port` and `unixsocket` ask for, opened and opened anew.
 */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>

struct net;

/* Whose listeners these are; before anything below has an effect. NULL when it goes away. */
void listen_attach(struct net *net);

/* Opens all of them. false: `error` says, for people, which one failed and what to do. */
bool listen_open(struct buffer *error);

/* Whether it could: without opening the database first, and before going to the background. */
bool listen_probe(struct buffer *error);

bool listen_is_open(void);

/* Closes the listeners that `directive` (bind, port, tls-port) is about and opens those that are
 * asked for now. Exclusive mode. On failure there may be none: the old values have to be put back.
 */
bool listen_again(const char *directive, struct buffer *error);

void listen_set_keepalive(void);
