/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small set of integers: sorted, all of one width, found by bisection.
 *
 *     u32 width     bytes of each: 2, 4 or 8, enough for the widest that has been there
 *     u32 count
 *     ...           the integers, ascending
 *
 * This is the "intset" of RDB files, which thus load and save by copying. Reading works on a view
 * of exactly these bytes, writing on a buffer that holds them.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

#define INTEGERS_HEADER 8u

uint32_t integers_count(struct bytes set);
int64_t integers_at(struct bytes set, uint32_t index);

/* *index is where the number is, or would be. */
bool integers_find(struct bytes set, int64_t number, uint32_t *index);

/* ---- writing; false: no memory, nothing has changed ---- */

/* Makes the buffer an empty set, whatever it held. */
bool integers_init(struct buffer *set);

/* The number is not there, and `index` is what integers_find said. */
bool integers_insert(struct buffer *set, uint32_t index, int64_t number);
void integers_remove(struct buffer *set, uint32_t index);

/* Are these bytes such a set? Reads nothing outside them. */
bool integers_validate(struct bytes bytes);
