/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/buffer.h"

/* One line split into arguments, by the quoting rules that inline commands, the configuration file
 * and aliases share: arguments are separated by white space; "..." knows \n \r \t \b \a \xHH, and a
 * backslash before any other byte is that byte; '...' knows only \'. Quotes may stand anywhere in
 * an argument: a"b c"d is one. A backslash that is the last byte but one escapes nothing, so that a
 * quote after it closes. */

struct args {
    struct bytes *items; /* `count` arguments; they point into `text` */
    size_t count;
    size_t cap;
    struct buffer text;
};

enum args_result { ARGS_OK, ARGS_UNBALANCED, ARGS_NO_MEMORY };

/* Replaces what `args` held (a zeroed struct holds nothing, and memory is kept from call to call).
 * Items are valid until the next split or args_free. After an error, there are none. */
enum args_result args_split(struct args *args, struct bytes line);

void args_free(struct args *args);

/* Appends text as one "..." argument that args_split reads back to the same bytes. False: no
 * memory. */
bool args_quote(struct buffer *out, struct bytes text);

/* Must it be quoted to be read back as itself? (It is empty, or has space, quotes, backslash or
 * unprintable bytes.) */
bool args_need_quotes(struct bytes text);
