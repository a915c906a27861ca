/* SPDX-License-Identifier: BSD-3-Clause */
/* The tls-* directives: what TLS listeners offer, loaded at start-up, by CONFIG SET, and when the
 * files change (tls-auto-reload-interval). */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>

struct exec;
struct net;

/* Whose connections these are for; before anything below has an effect. NULL when it goes away. */
void tls_attach(struct net *net);

/* INFO's section. */
void tls_report(struct exec *exec);

void tls_register(void);

/* Are the files good? For people, before going to the background. */
bool tls_probe(struct buffer *error);

/* Loads the files, if there is a use for them. false: `error` says, for people, what is wrong, and
 * what was loaded before is still in use. Exclusive mode. */
bool tls_load(struct buffer *error);
