/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of streams share. */
#pragma once

#include "value/stream.h"

static inline int stream_compare_ids(const void *context, const void *probe, const void *key) {
    (void)context;
    const struct stream_id *a = probe, *b = key;
    return stream_id_compare(*a, *b);
}

/* The trees of groups: allocates nothing. */
void stream_groups_init(struct stream *stream);
