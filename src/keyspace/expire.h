/* SPDX-License-Identifier: BSD-3-Clause */
/* Active expiry, a bucket at a time. The partition is locked. */
#pragma once

#include "keyspace/keyspace.h"

/* Whether an entry of this bucket may have expired. */
bool expire_is_due(const struct table_bucket *bucket, int64_t now_ms);

/* Removes the expired entries of the bucket and notes when the next one is due. Returns how many.
 */
unsigned expire_bucket(struct view *view, struct slice *slice, struct table_segment *segment,
                       struct table_bucket *bucket);
