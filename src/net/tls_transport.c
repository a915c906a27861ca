/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS on a connection's socket.
 *
 * 1. OpenSSL's queue of errors is empty between two calls: SSL_get_error() looks into it.
 * 2. Once something has failed, OpenSSL is not called again for this connection (`error`).
 * 3. What OpenSSL could not write it must be offered again: the rest of the input of a refused
 *    SSL_write stays at the front of the connection's queue, in one piece.
 * 4. One call takes a bounded number of bytes from the socket, so a peer that sends what makes no
 *    data (key updates, empty records) has its turns like others, and no more.
 */
#include "net/tls_priv.h"
#include "net/transport_priv.h"

#include "base/log.h"
#include "sys/memory.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

enum {
    READ_BUDGET = 64 * 1024,
    RECORDS_PER_RECEIVE = 128 /* they may be small, and each has its price */
};

static struct tls_connection *tls_of(const struct connection *c) {
    return CONTAINER_OF(c, struct tls_connection, base);
}

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *data, int size) {
    struct tls_connection *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->drained || t->budget == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    ssize_t n = recv(t->base.fd, data, (size_t)size, 0);
    if (n > 0) {
        if (n < size && !(t->base.flags & CONNECTION_HANGUP)) t->drained = true;
        t->budget -= MIN(t->budget, (size_t)n);
        return (int)n;
    }
    if (n == 0) {
        t->at_end = true;
    } else if (errno == EAGAIN || errno == EINTR) {
        t->drained = errno == EAGAIN;
        BIO_set_retry_read(bio);
    } else {
        t->error = errno;
    }
    return (int)n;
}

static int bio_write(BIO *bio, const char *data, int size) {
    struct tls_connection *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do {
        n = send(t->base.fd, data, (size_t)size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return (int)n;
    if (errno == EAGAIN)
        BIO_set_retry_write(bio);
    else
        t->error = errno;
    return -1;
}

static long bio_control(BIO *bio, int command, long number, void *argument) {
    (void)number, (void)argument;
    const struct tls_connection *t = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return t->at_end;
    default: return 0;
    }
}

static BIO_METHOD *bio_method;

static void make_bio_method(void) {
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!bio_method) return;
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_control);
}

static BIO *bio_create(struct tls_connection *t) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_bio_method);
    BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- birth and death ---- */

bool tls_begin(struct connection *c, struct ssl_ctx_st *context) {
    struct tls_connection *t = tls_of(c);
    BIO *bio = bio_create(t);
    t->ssl = bio ? SSL_new(context) : NULL;
    if (!t->ssl) {
        BIO_free(bio);
        ERR_clear_error();
        return false;
    }
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    return true;
}

void tls_end(struct connection *c) {
    struct tls_connection *t = tls_of(c);
    if (!t->ssl) return;
    if (!t->error && SSL_is_init_finished(t->ssl)) SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    ERR_clear_error();
}

/* ---- the transport ---- */

/* After a call of OpenSSL that gave nothing: 0 at the end of the stream, or a negative errno. */
static ssize_t why_nothing(struct tls_connection *t, int result) {
    int kind = SSL_get_error(t->ssl, result);
    if (kind == SSL_ERROR_ZERO_RETURN) return 0;
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return -EAGAIN;
    if (!t->error) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        log_verbose("TLS: %s", reason ? reason : "the connection is broken");
        t->error = EPROTO;
    }
    ERR_clear_error();
    return -t->error;
}

ssize_t tls_receive(struct connection *c, void *data, size_t size) {
    struct tls_connection *t = tls_of(c);
    size_t filled = 0;
    if (t->error) return -t->error;
    t->drained = false;
    for (int records = 0; filled < size && records < RECORDS_PER_RECEIVE; records++) {
        size_t n;
        t->budget = READ_BUDGET;
        int result = SSL_read_ex(t->ssl, (char *)data + filled, size - filled, &n);
        if (result > 0) {
            filled += n;
            continue;
        }
        ssize_t why = why_nothing(t, result);
        if (why == -EAGAIN && t->budget == 0 && !t->drained) why = -EINTR;
        if (why == -EAGAIN && filled) c->flags &= ~CONNECTION_READABLE;
        return filled ? (ssize_t)filled : why;
    }
    return (ssize_t)filled;
}

/* Offers one part, a record at a time. Returns how much was taken; less: `*why` has the reason. */
static size_t send_part(struct tls_connection *t, const struct iovec *part, ssize_t *why) {
    size_t taken = 0;
    while (taken < part->iov_len) {
        size_t n;
        int result =
            SSL_write_ex(t->ssl, (const char *)part->iov_base + taken, part->iov_len - taken, &n);
        if (result <= 0) {
            *why = why_nothing(t, result);
            break;
        }
        taken += n;
    }
    return taken;
}

ssize_t tls_send(struct connection *c, struct iovec *parts, int count) {
    struct tls_connection *t = tls_of(c);
    size_t sent = 0;
    ssize_t why = -EAGAIN;
    if (t->error) return -t->error;
    for (int i = 0; i < count; i++) {
        size_t taken = send_part(t, &parts[i], &why);
        sent += taken;
        if (taken < parts[i].iov_len) break;
    }
    if (sent) return (ssize_t)sent;
    return why == 0 ? -EPIPE : why;
}

enum tls_progress tls_handshake(struct connection *c, const char **why) {
    struct tls_connection *t = tls_of(c);
    t->drained = false;
    t->budget = READ_BUDGET;
    int result = SSL_do_handshake(t->ssl);
    if (result == 1) return TLS_DONE;
    int kind = SSL_get_error(t->ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return TLS_WAITS;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    *why = reason ? reason : t->error ? strerror(t->error) : "the peer has hung up";
    if (!t->error) t->error = EPROTO;
    ERR_clear_error();
    return TLS_FAILED;
}

/* ---- who the peer is ---- */

static bool text_of(const ASN1_STRING *string, struct bytes *out) {
    int length = ASN1_STRING_length(string);
    *out = bytes_make((const char *)ASN1_STRING_get0_data(string), (size_t)MAX(length, 0));
    return length > 0 && !memchr(out->data, 0, out->len);
}

static bool visit_common_name(X509 *certificate, tls_name_visitor *visit, void *context) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;
    struct bytes name;
    if (at < 0) return false;
    const ASN1_STRING *string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    return text_of(string, &name) && visit(context, name);
}

static bool visit_uris(X509 *certificate, tls_name_visitor *visit, void *context) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *item = sk_GENERAL_NAME_value(names, i);
        struct bytes name;
        found = item->type == GEN_URI && text_of(item->d.uniformResourceIdentifier, &name) &&
                visit(context, name);
    }
    GENERAL_NAMES_free(names);
    return found;
}

bool connection_certificate_names(const struct connection *c, enum tls_name kind,
                                  tls_name_visitor *visit, void *context) {
    if (!(c->flags & CONNECTION_TLS)) return false;
    const SSL *ssl = tls_of(c)->ssl;
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return false;
    bool found = kind == TLS_COMMON_NAME ? visit_common_name(certificate, visit, context)
                                         : visit_uris(certificate, visit, context);
    ERR_clear_error();
    return found;
}
