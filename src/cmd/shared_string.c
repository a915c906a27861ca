/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_string.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/settings.h"

static bool is_string(struct call *call, const struct entry *e) {
    if (LIKELY(!e || entry_type(e) == TYPE_STRING)) return true;
    reply_wrong_type(call->reply);
    return false;
}

bool string_read(struct call *call, const struct key *key, struct bytes *out) {
    const struct entry *e = keyspace_find(&call->view, key);
    if (!is_string(call, e)) return false;
    *out = e ? entry_string(e) : bytes_make(NULL, 0);
    return true;
}

bool string_seek(struct call *call, const struct key *key, struct spot *spot) {
    return is_string(call, keyspace_seek(&call->view, key, spot));
}

struct bytes string_again(struct call *call, const struct key *key) {
    struct spot spot;
    keyspace_seek(&call->view, key, &spot);
    return string_at(&spot);
}

size_t string_size_max(void) {
    return (size_t)exec_settings.proto_max_bulk_len;
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
