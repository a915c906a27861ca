/* SPDX-License-Identifier: BSD-3-Clause */
/* The janitor: one thread that gives back memory which nothing points to any more, so that no
 * worker has to. It never touches the keyspace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct janitor;

struct janitor *janitor_create(void);

/* Finishes all jobs first. */
void janitor_free(struct janitor *janitor);

/* Any thread. Runs job(argument) later; at once, on this thread, when there is no memory for the
 * note. */
void janitor_give(struct janitor *janitor, void (*job)(void *argument), void *argument);

/* The same for a job that gives back about so many bytes. */
void janitor_give_sized(struct janitor *janitor, void (*job)(void *argument), void *argument,
                        size_t bytes);

/* Bytes that jobs have still to give back. */
size_t janitor_bytes(struct janitor *janitor);

/* Jobs given and not finished; jobs finished. */
unsigned long janitor_pending(struct janitor *janitor);
unsigned long janitor_finished(struct janitor *janitor);
