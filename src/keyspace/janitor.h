/* SPDX-License-Identifier: BSD-3-Clause */
/* The janitor: one thread that gives back memory which nothing points to any more, so that no
 * worker has to. It never touches the keyspace. */
#pragma once

#include <stdbool.h>

struct janitor;

struct janitor *janitor_create(void);

/* Finishes all jobs first. */
void janitor_free(struct janitor *janitor);

/* Any thread. Runs job(argument) later; at once, on this thread, when there is no memory for the
 * note. */
void janitor_give(struct janitor *janitor, void (*job)(void *argument), void *argument);

/* Jobs given and not finished. */
unsigned long janitor_pending(struct janitor *janitor);
