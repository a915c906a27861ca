/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. A pin is in the index from pin_begin() until its object is about to change or pin_end();
 *      `pinned` says so, and is written under the index's mutex by the pin's own thread, or by one
 *      that holds the pin's mutex as well.
 *   2. An object changes only when no pin of it is in the index: keyspace_seek() and the expiry of
 *      elements, which are the ways to a change, see to that.
 *   3. An object that pins have been left to is in nobody else's hands, so it never changes again.
 *      One of them is its owner, and frees it unless it finds another that becomes the owner.
 *
 * The index's mutex comes before a pin's. tests/unit/keyspace_pin.c.
 */
#include "keyspace/pin.h"
#include "base/hash.h"
#include "keyspace/janitor.h"
#include "keyspace/keyspace_priv.h"
#include "keyspace/pin_priv.h"

atomic_uint pins_count;

static struct {
    pthread_mutex_t mutex;
    struct index index;
} pins = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static uint64_t hash_of(const void *object) {
    return hash_bytes(&object, sizeof object);
}

/* One of the object's pins; NULL: it has none. The mutex is held. */
static struct pin *find(const void *object) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &pins.index, hash_of(object)) {
        struct pin *pin = CONTAINER_OF(node, struct pin, by_object);
        if (pin->value.object == object) return pin;
    }
    return NULL;
}

static void forget(struct pin *pin) {
    index_remove(&pins.index, &pin->by_object);
    atomic_fetch_sub_explicit(&pins_count, 1, memory_order_relaxed);
    pin->pinned = false;
}

bool pin_begin(struct pin *pin, struct keyspace *keyspace) {
    pthread_mutex_lock(&pins.mutex);
    pin->pinned = index_add(&pins.index, &pin->by_object, hash_of(pin->value.object));
    if (pin->pinned) atomic_fetch_add_explicit(&pins_count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&pins.mutex);
    if (!pin->pinned) return false;
    pin->keyspace = keyspace;
    pin->owner = false;
    pthread_mutex_init(&pin->mutex, NULL);
    return true;
}

/* True: there was another. */
static bool pass_on(const struct pin *pin) {
    struct pin *other = find(pin->value.object);
    if (other) other->owner = true;
    return other != NULL;
}

void pin_end(struct pin *pin) {
    pthread_mutex_lock(&pins.mutex);
    if (pin->pinned) forget(pin);
    bool frees = pin->owner && !pass_on(pin);
    pthread_mutex_unlock(&pins.mutex);
    /* Whoever has found it before, to finish it, holds this until that is done. */
    pthread_mutex_lock(&pin->mutex);
    pthread_mutex_unlock(&pin->mutex);
    pthread_mutex_destroy(&pin->mutex);
    if (!frees) return;
    const struct value_ops *ops = value_ops(pin->value.type);
    janitor_give_sized(pin->keyspace->janitor, ops->free, pin->value.object,
                       ops->memory(pin->value.object));
}

void pins_finish(const void *object) {
    struct pin *pin;
    pthread_mutex_lock(&pins.mutex);
    while ((pin = find(object))) {
        pthread_mutex_lock(&pin->mutex);
        forget(pin);
        pthread_mutex_unlock(&pins.mutex);
        pin->finish(pin);
        pthread_mutex_unlock(&pin->mutex);
        pthread_mutex_lock(&pins.mutex);
    }
    pthread_mutex_unlock(&pins.mutex);
}

bool pins_take(const void *object) {
    pthread_mutex_lock(&pins.mutex);
    struct pin *pin = find(object);
    if (pin) pin->owner = true;
    pthread_mutex_unlock(&pins.mutex);
    return pin != NULL;
}
