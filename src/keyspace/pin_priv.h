/* SPDX-License-Identifier: BSD-3-Clause */
/* Pins, for those who change and free objects (keyspace/pin.h). */
#pragma once

#include "base/ensure.h"
#include "keyspace/entry.h"
#include <stdatomic.h>

extern atomic_uint pins_count;

/* The object's partition is locked, or nobody can find it any more: whoever has pinned it did so
 * before. */
static inline bool pins_exist(void) {
    return UNLIKELY(atomic_load_explicit(&pins_count, memory_order_relaxed) != 0);
}

void pins_finish(const void *object);
bool pins_take(const void *object);

/* Before a change within the entry's object. */
static inline void entry_finish_pins(const struct entry *e) {
    if (pins_exist() && entry_is_object(e)) pins_finish(entry_object(e));
}

/* Instead of freeing the object: true if it is pinned, and pins will free it. */
static inline bool object_left_to_pins(const void *object) {
    return pins_exist() && pins_take(object);
}
