/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot keys: which keys are used most, lately.
 *
 * Each worker looks at one in about HOTKEYS_SAMPLE of the keys that its commands name, at random
 * distances so that no rhythm of the load escapes it, and counts them in a sketch of its own
 * (base/heavy_keeper.h). Counts halve every half a minute. The sketches are put together when
 * somebody asks, so that counting costs a subtraction for each batch of commands and some
 * nanoseconds for each hundredth key.
 */
#pragma once

#include "base/bytes.h"
#include <stddef.h>
#include <stdint.h>

#define HOTKEYS_SAMPLE    128
#define HOTKEYS_NAME_MAX  (size_t)256 /* bytes of a key that are kept */
#define HOTKEYS_COUNT_MAX 128

struct exec;

struct hotkey {
    struct bytes name; /* valid until the caller leaves exclusive mode */
    uint32_t db;
    double per_second; /* accesses, estimated */
    double share;      /* of all accesses, 0 to 1 */
};

/* The hottest first. Returns how many there are, at most `count` and HOTKEYS_COUNT_MAX. Exclusive
 * mode. */
unsigned hotkeys_list(struct exec *exec, struct hotkey *out, unsigned count);

/* Forgets all that was counted. Exclusive mode. */
void hotkeys_reset(struct exec *exec);
