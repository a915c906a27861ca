/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What TLS listeners offer: certificates, protocols, ciphers. A context is OpenSSL's, counted by
 * reference and never changed once made: whoever wants another one makes it and swaps.
 */
#pragma once

#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

struct ssl_ctx_st;

enum tls_clients { TLS_CLIENTS_UNKNOWN, TLS_CLIENTS_OPTIONAL, TLS_CLIENTS_REQUIRED };

/* No member is NULL; "" stands for OpenSSL's default, or for none. */
struct tls_options {
    const char *cert_file, *key_file, *key_file_pass; /* PEM; the first may hold a chain */
    const char *ca_cert_file, *ca_cert_dir;           /* who vouches for clients */
    const char *dh_params_file;
    const char *protocols; /* of "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"; by default the last two */
    const char *ciphers, *ciphersuites;
    enum tls_clients clients; /* whether they must show a certificate */
    bool prefer_server_ciphers, session_caching;
    int64_t session_cache_size, session_cache_timeout_s;
};

/* Reads files, so it is slow. NULL: `error` says, for people, what is wrong. Any thread. */
struct ssl_ctx_st *tls_context_create(const struct tls_options *options, struct buffer *error);
void tls_context_share(struct ssl_ctx_st *context); /* one more reference */
void tls_context_release(struct ssl_ctx_st *context);

struct tls_certificate {
    char serial[64];   /* hexadecimal; "" = there is none */
    int64_t expires_s; /* Unix time */
};

/* The first certificate of a PEM file. */
struct tls_certificate tls_certificate_read(const char *path);
