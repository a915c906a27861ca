/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_string.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/settings.h"

struct bytes string_again(struct call *call, const struct key *key) {
    struct spot spot;
    keyspace_seek(&call->view, key, &spot);
    return string_at(&spot);
}

size_t string_size_max(void) {
    return exec_settings.authenticated.bulk_max;
}

bool string_may_grow(struct call *call, size_t size, size_t extra) {
    size_t total, most = string_size_max();
    if (!__builtin_add_overflow(size, extra, &total) && total <= most) return true;
    reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

bool string_parse_integer(struct call *call, unsigned argument, int64_t *out) {
    if (LIKELY(number_parse_i64(call->argv[argument], out))) return true;
    reply_not_integer(call->reply);
    return false;
}
