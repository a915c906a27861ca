/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/tls.h"

#include "base/args.h"
#include "base/ensure.h"
#include "sys/openssl.h"
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { READ_BUFFER = 32 * 1024 }; /* what one recv() takes at most: two records */

/* Writes why OpenSSL has refused `what`, and empties its queue of errors. */
static bool refused(const char *directive, const char *value, struct buffer *error) {
    const char *reason = openssl_error();
    ERR_clear_error();
    buffer_printf(error, "%s %s: %s", directive, value, reason ? reason : "it makes no sense");
    return false;
}

/* ---- protocols and ciphers ---- */

static const struct {
    const char *name;
    uint64_t without;
} protocols[] = {
    {"TLSv1", SSL_OP_NO_TLSv1},
    {"TLSv1.1", SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", SSL_OP_NO_TLSv1_3},
};

static bool allow_protocol(const char *name, size_t length, uint64_t *without) {
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        if (strlen(protocols[i].name) != length || strncasecmp(protocols[i].name, name, length))
            continue;
        *without &= ~protocols[i].without;
        return true;
    }
    return false;
}

static bool set_protocols(SSL_CTX *context, const char *names, struct buffer *error) {
    uint64_t without = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3;
    if (!*names) names = "TLSv1.2 TLSv1.3";
    for (const char *at = names + strspn(names, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (!allow_protocol(at, length, &without)) {
            buffer_printf(error,
                          "tls-protocols %s: it takes TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3, with "
                          "spaces between",
                          names);
            return false;
        }
        at += length;
    }
    SSL_CTX_set_options(context, without);
    return true;
}

static bool set_dh_params(SSL_CTX *context, const char *path, struct buffer *error) {
    if (!*path) return SSL_CTX_set_dh_auto(context, 1);
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *params = file ? PEM_read_bio_Parameters(file, NULL) : NULL;
    BIO_free(file);
    if (params && SSL_CTX_set0_tmp_dh_pkey(context, params)) return true;
    EVP_PKEY_free(params);
    return refused("tls-dh-params-file", path, error);
}

static bool set_ciphers(SSL_CTX *context, const struct tls_options *o, struct buffer *error) {
    if (*o->ciphers && !SSL_CTX_set_cipher_list(context, o->ciphers))
        return refused("tls-ciphers", o->ciphers, error);
    if (*o->ciphersuites && !SSL_CTX_set_ciphersuites(context, o->ciphersuites))
        return refused("tls-ciphersuites", o->ciphersuites, error);
    if (o->prefer_server_ciphers) SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    return set_dh_params(context, o->dh_params_file, error);
}

/* ---- certificates ---- */

static bool set_certificate(SSL_CTX *context, const struct tls_options *o, struct buffer *error) {
    if (!*o->cert_file || !*o->key_file) {
        buffer_printf(error, "TLS needs %s", *o->cert_file ? "tls-key-file" : "tls-cert-file");
        return false;
    }
    openssl_set_password(context, o->key_file_pass);
    bool good = true;
    if (SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1)
        good = refused("tls-cert-file", o->cert_file, error);
    else if (SSL_CTX_use_PrivateKey_file(context, o->key_file, SSL_FILETYPE_PEM) != 1)
        good = refused("tls-key-file", o->key_file, error);
    openssl_set_password(context, NULL);
    return good;
}

static bool set_clients(SSL_CTX *context, const struct tls_options *o, struct buffer *error) {
    static const int modes[] = {
        [TLS_CLIENTS_UNKNOWN] = SSL_VERIFY_NONE,
        [TLS_CLIENTS_OPTIONAL] = SSL_VERIFY_PEER,
        [TLS_CLIENTS_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    SSL_CTX_set_verify(context, modes[o->clients], NULL);
    if (*o->ca_cert_file && !SSL_CTX_load_verify_file(context, o->ca_cert_file))
        return refused("tls-ca-cert-file", o->ca_cert_file, error);
    if (*o->ca_cert_dir && !SSL_CTX_load_verify_dir(context, o->ca_cert_dir))
        return refused("tls-ca-cert-dir", o->ca_cert_dir, error);
    if (o->clients == TLS_CLIENTS_UNKNOWN || *o->ca_cert_file || *o->ca_cert_dir) return true;
    buffer_printf(error, "TLS needs tls-ca-cert-file or tls-ca-cert-dir to know clients by, or "
                         "tls-auth-clients no");
    return false;
}

/* ---- the context ---- */

static void set_sessions(SSL_CTX *context, const struct tls_options *o) {
    static const unsigned char name[] = "strata";
    if (!o->session_caching) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
        return;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(context, (long)o->session_cache_size);
    SSL_CTX_set_timeout(context, (long)o->session_cache_timeout_s);
    SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
    SSL_CTX_set_num_tickets(context, 1);
}

/* A connection that ends without TLS's own farewell ends as one without TLS does: RESP itself tells
 * a request that was cut. */
static void set_manners(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER);
}

struct ssl_ctx_st *tls_context_create(const struct tls_options *o, struct buffer *error) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) {
        refused("TLS", "", error);
        return NULL;
    }
    set_manners(context);
    set_sessions(context, o);
    bool good = set_certificate(context, o, error) && set_clients(context, o, error) &&
                set_protocols(context, o->protocols, error) && set_ciphers(context, o, error);
    ERR_clear_error();
    if (good) return context;
    SSL_CTX_free(context);
    return NULL;
}

void tls_context_share(struct ssl_ctx_st *context) {
    SSL_CTX_up_ref(context);
}

void tls_context_release(struct ssl_ctx_st *context) {
    SSL_CTX_free(context);
}

/* ---- what INFO tells of certificates ---- */

static void set_serial(struct tls_certificate *out, const X509 *certificate) {
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    if (text) strncpy(out->serial, text, sizeof out->serial - 1);
    OPENSSL_free(text);
    BN_free(number);
}

struct tls_certificate tls_certificate_read(const char *path) {
    struct tls_certificate out = {0};
    BIO *file = *path ? BIO_new_file(path, "r") : NULL;
    X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    struct tm expires;
    if (certificate) {
        set_serial(&out, certificate);
        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires))
            out.expires_s = timegm(&expires);
    }
    X509_free(certificate);
    BIO_free(file);
    ERR_clear_error();
    return out;
}
