/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Active expiry, a bucket at a time, by what the bucket knows of its entries (ds/due.h): of keys,
 * and of elements that expire inside values. The partition is locked.
 */
#pragma once

#include "keyspace/keyspace.h"

/* Removes what has expired of the bucket's entries, of a large value a part at a time, and notes
 * when the next is due. Returns how many keys and elements. */
unsigned expire_bucket(struct view *view, struct slice *slice, struct table_segment *segment,
                       struct table_bucket *bucket);
