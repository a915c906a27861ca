/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of commands that talk to a server: where it is, and who we are. */
#pragma once

#include "server/import_link.h"
#include <getopt.h>

struct link_options {
    const char *host, *socket, *user, *password;
    int64_t port;
    bool with_tls;
    struct outgoing_tls tls;
};

enum {
    LINK_HOST = 256,
    LINK_PORT,
    LINK_SOCKET,
    LINK_USER,
    LINK_PASSWORD,
    LINK_TLS,
    LINK_CA_FILE,
    LINK_CA_DIR,
    LINK_CERT_FILE,
    LINK_KEY_FILE,
    LINK_INSECURE,
};

/* For getopt_long(). */
#define LINK_OPTIONS                                                                               \
    {"host", required_argument, NULL, LINK_HOST}, {"port", required_argument, NULL, LINK_PORT},    \
        {"socket", required_argument, NULL, LINK_SOCKET},                                          \
        {"user", required_argument, NULL, LINK_USER},                                              \
        {"password", required_argument, NULL, LINK_PASSWORD},                                      \
        {"tls", no_argument, NULL, LINK_TLS}, {"cacert", required_argument, NULL, LINK_CA_FILE},   \
        {"cacertdir", required_argument, NULL, LINK_CA_DIR},                                       \
        {"cert", required_argument, NULL, LINK_CERT_FILE},                                         \
        {"key", required_argument, NULL, LINK_KEY_FILE}, {                                         \
        "insecure", no_argument, NULL, LINK_INSECURE                                               \
    }

/* What holds when nothing is given. */
struct link_options link_options_default(void);

/* Takes one of LINK_OPTIONS. False: it is none, or it makes no sense, and that has been said. */
bool link_options_take(struct link_options *options, int option, const char *value);

/* A number as an option's value; false: it is none, and that has been said. */
bool link_options_number(const char *name, const char *text, int64_t min, int64_t max,
                         int64_t *out);

/* Connects and authenticates. False: `error` says why not. */
bool link_options_connect(const struct link_options *options, struct link *link,
                          struct buffer *error);

/* Asks for something that is to be answered by OK. */
bool link_expect_ok(struct link *link, const struct bytes *words, unsigned count,
                    struct buffer *error);
