/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keyspace notifications: events of the change records, as messages to who has subscribed to
 * `__keyspace@<db>__:<key>` or `__keyevent@<db>__:<event>`. Owns the directive
 * notify-keyspace-events, which says what is wanted.
 */
#pragma once

struct exec;

void notify_register(void); /* the directive */

/* Subscribes to the changes of the keyspace. */
void notify_attach(struct exec *exec);
void notify_detach(void);
