/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/cluster.h"
#include "exec/session.h"
#include <string.h>

#define SLOTS 16384u

void cluster_readonly(struct call *call) {
    call->session->flags |= SESSION_READONLY;
    reply_ok(call->reply);
}

void cluster_readwrite(struct call *call) {
    call->session->flags &= ~SESSION_READONLY;
    reply_ok(call->reply);
}

void cluster_disabled(struct call *call) {
    reply_error(call->reply, "ERR This instance has cluster support disabled");
}

/* CRC-16/XMODEM: polynomial 0x1021, highest bit first, starting with 0. */
static uint16_t crc16(struct bytes text) {
    uint16_t crc = 0;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (uint16_t)((unsigned char)text.data[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* What is between the first { and the } after it, if anything, so that keys can share a slot. */
static struct bytes hashed_part(struct bytes key) {
    const char *open = memchr(key.data, '{', key.len);
    if (!open) return key;
    struct bytes rest = bytes_skip(key, (size_t)(open + 1 - key.data));
    const char *close = memchr(rest.data, '}', rest.len);
    if (!close || close == rest.data) return key;
    return bytes_make(rest.data, (size_t)(close - rest.data));
}

void cluster_keyslot(struct call *call) {
    reply_integer(call->reply, crc16(hashed_part(call->argv[2])) % SLOTS);
}
