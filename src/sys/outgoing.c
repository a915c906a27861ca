/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/outgoing.h"
#include "base/ensure.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/openssl.h"
#include "sys/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

/* ---- waiting ---- */

static int64_t left_ms(int64_t deadline_us) {
    int64_t now_us = clock_mono_us();
    return deadline_us <= now_us ? 0 : MIN((deadline_us - now_us + 999) / 1000, (int64_t)INT_MAX);
}

/* Who may be cancelled looks up ten times a second. */
int outgoing_wait(const struct outgoing *o, short events, int64_t deadline_us) {
    struct pollfd event = {.fd = o->fd, .events = events};
    for (;;) {
        int64_t ms = left_ms(deadline_us);
        if (o->cancel && *o->cancel) return -ECANCELED;
        int ready = poll(&event, 1, (int)(o->cancel ? MIN(ms, (int64_t)100) : ms));
        if (ready > 0) return 0;
        if (ready < 0 && errno != EINTR) return -errno;
        if (ready == 0 && left_ms(deadline_us) == 0) return -ETIMEDOUT;
    }
}

/* ---- TLS ---- */

static const char *reason_of_failure(const struct outgoing *o) {
    if (o->ssl && SSL_get_verify_result(o->ssl) != X509_V_OK)
        return X509_verify_cert_error_string(SSL_get_verify_result(o->ssl));
    const char *reason = openssl_error();
    return reason ? reason : "the connection was closed";
}

static bool trust(SSL_CTX *context, const struct outgoing_tls *tls) {
    SSL_CTX_set_verify(context, tls->any_certificate ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (tls->any_certificate) return true;
    if (!*tls->ca_file && !*tls->ca_dir) return SSL_CTX_set_default_verify_paths(context);
    return (!*tls->ca_file || SSL_CTX_load_verify_file(context, tls->ca_file)) &&
           (!*tls->ca_dir || SSL_CTX_load_verify_dir(context, tls->ca_dir));
}

static bool show(SSL_CTX *context, const struct outgoing_tls *tls) {
    if (!*tls->cert_file) return true;
    openssl_set_password(context, tls->key_password);
    return SSL_CTX_use_certificate_chain_file(context, tls->cert_file) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM) == 1;
}

static bool is_address(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool expect_host(SSL *ssl, const char *host, bool any_name) {
    bool address = is_address(host);
    if (!address && !SSL_set_tlsext_host_name(ssl, host)) return false;
    if (any_name) return true;
    return address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
                   : SSL_set1_host(ssl, host);
}

static bool make_ssl(struct outgoing *o, const struct outgoing_target *target) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context && trust(context, target->tls) && show(context, target->tls)) {
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
        o->ssl = SSL_new(context);
    }
    SSL_CTX_free(context);
    return o->ssl && SSL_set_fd(o->ssl, o->fd) &&
           (target->path || expect_host(o->ssl, target->host, target->tls->any_name));
}

static enum outgoing_result shake_hands(struct outgoing *o, int64_t deadline_us,
                                        struct buffer *error) {
    int result;
    while ((result = SSL_connect(o->ssl)) != 1) {
        int kind = SSL_get_error(o->ssl, result);
        if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
            buffer_printf(error, "TLS: %s", reason_of_failure(o));
            return OUTGOING_REFUSED;
        }
        int status = outgoing_wait(o, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_us);
        if (status == 0) continue;
        buffer_printf(error, "TLS: %s", strerror(-status));
        return OUTGOING_UNREACHABLE;
    }
    return OUTGOING_OPEN;
}

static enum outgoing_result begin_tls(struct outgoing *o, const struct outgoing_target *target,
                                      int64_t deadline_us, struct buffer *error) {
    enum outgoing_result result = OUTGOING_REFUSED;
    ERR_clear_error();
    if (make_ssl(o, target))
        result = shake_hands(o, deadline_us, error);
    else
        buffer_printf(error, "TLS: %s", reason_of_failure(&(struct outgoing){0}));
    ERR_clear_error();
    return result;
}

/* ---- opening and closing ---- */

static enum outgoing_result connect_to(struct outgoing *o, const struct outgoing_target *target,
                                       int64_t deadline_us, struct buffer *error) {
    enum outgoing_result result = OUTGOING_UNREACHABLE;
    int status = target->path ? socket_connect_unix(target->path)
                              : socket_connect_tcp(target->host, target->port, NULL);
    o->fd = status;
    if (status >= 0) {
        status = outgoing_wait(o, POLLOUT, deadline_us);
        if (status == 0) {
            status = socket_error(o->fd);
            result = status ? OUTGOING_REFUSED : OUTGOING_OPEN;
        }
    } else if (status == -ECONNREFUSED) {
        result = OUTGOING_REFUSED;
    }
    if (status < 0) buffer_printf(error, "%s", strerror(-status));
    return result;
}

enum outgoing_result outgoing_open(struct outgoing *o, const struct outgoing_target *target,
                                   int64_t deadline_us, struct buffer *error) {
    *o = (struct outgoing){.fd = -1, .cancel = target->cancel};
    enum outgoing_result result = connect_to(o, target, deadline_us, error);
    if (result == OUTGOING_OPEN && !target->path) socket_set_nodelay(o->fd, true);
    if (result == OUTGOING_OPEN && target->tls) result = begin_tls(o, target, deadline_us, error);
    if (result != OUTGOING_OPEN) outgoing_close(o);
    return result;
}

void outgoing_close(struct outgoing *o) {
    SSL_free(o->ssl);
    if (o->fd >= 0) file_close(o->fd);
    *o = (struct outgoing){.fd = -1};
}

/* ---- bytes ---- */

static ssize_t why_nothing(struct outgoing *o, int result) {
    int before = errno;
    int kind = SSL_get_error(o->ssl, result);
    ERR_clear_error();
    switch (kind) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return -EAGAIN;
    case SSL_ERROR_SYSCALL: return before ? -before : -EPROTO;
    default: return -EPROTO;
    }
}

ssize_t outgoing_receive(struct outgoing *o, void *data, size_t size) {
    ssize_t n;
    if (o->ssl) {
        size_t got;
        int result = SSL_read_ex(o->ssl, data, size, &got);
        return result > 0 ? (ssize_t)got : why_nothing(o, result);
    }
    do {
        n = recv(o->fd, data, size, 0);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : -errno;
}

ssize_t outgoing_send(struct outgoing *o, const void *data, size_t size) {
    ssize_t n;
    if (o->ssl) {
        size_t put;
        int result = SSL_write_ex(o->ssl, data, size, &put);
        if (result > 0) return (ssize_t)put;
        n = why_nothing(o, result);
        return n ? n : -EPIPE;
    }
    do {
        n = send(o->fd, data, size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : -errno;
}
