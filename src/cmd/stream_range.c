/* SPDX-License-Identifier: BSD-3-Clause */
/* XRANGE and XREVRANGE. */
#include "cmd/stream.h"
#include "cmd/stream_common.h"

/* COUNT, of which the last counts; -1: not given. */
static bool parse_count(struct call *call, int64_t *count) {
    *count = -1;
    for (unsigned i = 4; i < call->argc; i += 2) {
        if (i + 1 == call->argc || !bytes_is(call->argv[i], "count")) {
            reply_syntax_error(call->reply);
            return false;
        }
        if (!stream_parse_integer(call, call->argv[i + 1], count)) return false;
        if (*count < 0) *count = 0;
    }
    return true;
}

static void range(struct call *call, bool reverse) {
    struct stream_id first, last;
    struct stream *stream;
    int64_t count;
    if (!stream_parse_start(call, call->argv[reverse ? 3 : 2], &first)) return;
    if (!stream_parse_end(call, call->argv[reverse ? 2 : 3], &last)) return;
    if (!parse_count(call, &count) || !stream_read(call, &call->keys[0], &stream)) return;
    if (!stream) {
        reply_array(call->reply, 0);
    } else if (count == 0) {
        reply_null_array(call->reply);
    } else {
        uint64_t most = count < 0 ? 0 : (uint64_t)count;
        stream_show(call, stream, &(struct stream_interval){first, last, most, reverse});
    }
}

void stream_xrange(struct call *call) {
    range(call, false);
}

void stream_xrevrange(struct call *call) {
    range(call, true);
}
