/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pins: large values that somebody goes on reading although the command that found them has ended,
 * and nobody holds their partitions.
 *
 * A pinned object stays as it is. Who is about to change it has those who read it finish first, and
 * waits for that. Who removes it from the keyspace leaves it to a pin: the last one frees it.
 */
#pragma once

#include "base/index.h"
#include "keyspace/keyspace.h"
#include <pthread.h>

struct pin {
    struct value value; /* large */

    /* Reads all that is left to read, on the thread of whoever is about to change the object; the
     * object's partition is locked, or it is exclusive mode. Must not call into the keyspace, and
     * wait at most for somebody who reads the object and waits for nobody. */
    void (*finish)(struct pin *pin);

    /* The keyspace's own. */
    struct index_node by_object;
    struct keyspace *keyspace;
    pthread_mutex_t mutex;
    bool pinned; /* the object may be read */
    bool owner;  /* nobody but pins refers to the object */
};

/* Pins pin->value, of which the partition is locked. False: no memory. The object may be
 * read on any thread until finish() returns or pin_end() is called. */
bool pin_begin(struct pin *pin, struct keyspace *keyspace);

/* Waits for a finish() that is under way. Inside the gate, or when the server has stopped. */
void pin_end(struct pin *pin);
