/* SPDX-License-Identifier: BSD-3-Clause */
/* The first line of a script or a library: "#!lua flags=no-writes", "#!lua name=mylib". */
#pragma once

#include "base/buffer.h"
#include "proto/reply.h"
#include <stdint.h>

struct shebang {
    struct bytes code; /* from the end of that line on; all of it where there is none */
    uint32_t flags;    /* SCRIPT_ */
};

/* Of a script. False: what is wrong has been answered. */
bool shebang_read(struct bytes script, struct shebang *out, struct reply *reply);

/* Of a library, where it must be there and give a name. */
struct library_head {
    struct bytes code;
    struct buffer name; /* the caller frees it */
};
/* False: `error` says what is wrong; empty: no memory. */
bool shebang_read_library(struct bytes library, struct library_head *out, struct buffer *error);

/* Letters, digits and underscores: what libraries and functions may be called. */
bool shebang_is_name(struct bytes name);
