/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/link_options.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

struct link_options link_options_default(void) {
    return (struct link_options){.host = "127.0.0.1",
                                 .port = 6379,
                                 .password = getenv("STRATA_PASSWORD"),
                                 .tls = {"", "", "", "", "", false, false}};
}

bool link_options_number(const char *name, const char *text, int64_t min, int64_t max,
                         int64_t *out) {
    if (number_parse_i64(bytes_of(text), out) && *out >= min && *out <= max) return true;
    fprintf(stderr, "strata: --%s takes a number from %lld to %lld, not '%s'\n", name,
            (long long)min, (long long)max, text);
    return false;
}

/* Any of them asks for TLS. */
static bool take_tls(struct link_options *o, int option, const char *value) {
    o->with_tls = true;
    switch (option) {
    case LINK_TLS: return true;
    case LINK_CA_FILE: o->tls.ca_file = value; return true;
    case LINK_CA_DIR: o->tls.ca_dir = value; return true;
    case LINK_CERT_FILE: o->tls.cert_file = value; return true;
    case LINK_KEY_FILE: o->tls.key_file = value; return true;
    case LINK_INSECURE: o->tls.any_certificate = o->tls.any_name = true; return true;
    default: return false;
    }
}

bool link_options_take(struct link_options *o, int option, const char *value) {
    switch (option) {
    case LINK_HOST: o->host = value; return true;
    case LINK_PORT: return link_options_number("port", value, 1, 65535, &o->port);
    case LINK_SOCKET: o->socket = value; return true;
    case LINK_USER: o->user = value; return true;
    case LINK_PASSWORD: o->password = value; return true;
    default: return take_tls(o, option, value);
    }
}

bool link_expect_ok(struct link *link, const struct bytes *words, unsigned count,
                    struct buffer *error) {
    struct bytes reply = link_ask(link, words, count);
    if (bytes_equal(reply, BYTES("+OK"))) return true;
    if (!reply.len)
        buffer_printf(error, "the server closed the connection");
    else
        buffer_printf(error, "%.*s: %.*s", (int)words[0].len, words[0].data, (int)reply.len - 1,
                      reply.data + 1);
    return false;
}

static bool authenticate(struct link *link, const struct link_options *o, struct buffer *error) {
    struct bytes words[3] = {BYTES("AUTH")};
    unsigned count = 1;
    if (!o->password) return true;
    if (o->user) words[count++] = bytes_of(o->user);
    words[count++] = bytes_of(o->password);
    return link_expect_ok(link, words, count, error);
}

bool link_options_connect(const struct link_options *o, struct link *link, struct buffer *error) {
    struct outgoing_target target = {.host = o->host,
                                     .port = (int)o->port,
                                     .path = o->socket,
                                     .tls = o->with_tls ? &o->tls : NULL};
    return link_open(link, &target, error) && authenticate(link, o, error);
}
