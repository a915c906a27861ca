/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS connections of net/ as OpenSSL's own client sees them, and as whoever speaks something else
 * does. */
#include "net/tls.h"
#include "net_service.h"

#include "base/ensure.h"
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct net *net;
static char cert_file[] = "/tmp/strata-test-cert-XXXXXX",
            key_file[] = "/tmp/strata-test-key-XXXXXX";
static struct tls_options options = {
    .cert_file = cert_file,
    .key_file = key_file,
    .key_file_pass = "",
    .ca_cert_file = cert_file,
    .ca_cert_dir = "",
    .dh_params_file = "",
    .protocols = "",
    .ciphers = "",
    .ciphersuites = "",
    .clients = TLS_CLIENTS_OPTIONAL,
    .session_caching = true,
    .session_cache_size = 1024,
    .session_cache_timeout_s = 60,
};

/* ---- a certificate, which is its own authority ---- */

static void add_extension(X509 *certificate, int id, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x1234);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"alice", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, "DNS:alice,URI:urn:a,URI:urn:b");
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static int make_files(void **state) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    FILE *out = fdopen(mkstemp(cert_file), "w");
    PEM_write_X509(out, certificate);
    fclose(out);
    out = fdopen(mkstemp(key_file), "w");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_files(void **state) {
    unlink(cert_file);
    unlink(key_file);
    return 0;
}

/* ---- the server ---- */

static void load(void) {
    struct buffer error = {0};
    struct ssl_ctx_st *context = tls_context_create(&options, &error);
    if (!context) fail_msg("%.*s", (int)error.len, error.data);
    net_set_tls(net, context);
}

static int set_up(void **state) {
    net = serve_create(WORKERS);
    load();
    assert_int_equal(net_listen_tls(net, "127.0.0.1", 0, 511), 0);
    port = net_port(net, LISTENER_TLS);
    assert_int_equal(net_port(net, LISTENER_TCP), 0);
    serve_start(net);
    return 0;
}

static int tear_down(void **state) {
    serve_stop(net);
    return 0;
}

/* ---- the client ---- */

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static struct peer peer_make(int version, bool with_certificate) {
    struct peer peer = {.context = SSL_CTX_new(TLS_client_method()), .fd = client_open()};
    SSL_CTX_set_max_proto_version(peer.context, version);
    if (with_certificate) {
        assert_int_equal(SSL_CTX_use_certificate_file(peer.context, cert_file, SSL_FILETYPE_PEM),
                         1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(peer.context, key_file, SSL_FILETYPE_PEM), 1);
    }
    peer.ssl = SSL_new(peer.context);
    SSL_set_fd(peer.ssl, peer.fd);
    return peer;
}

static struct peer peer_open_version(int version) {
    struct peer peer = peer_make(version, false);
    assert_int_equal(SSL_connect(peer.ssl), 1);
    return peer;
}

static struct peer peer_open(void) {
    return peer_open_version(TLS1_3_VERSION);
}

static void peer_close(struct peer *peer) {
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    close(peer->fd);
    ERR_clear_error();
}

static void peer_send(struct peer *peer, const char *data, size_t size) {
    assert_int_equal(SSL_write(peer->ssl, data, (int)size), (int)size);
}

static void peer_command(struct peer *peer, const char *words) {
    char line[256];
    peer_send(peer, line, (size_t)snprintf(line, sizeof line, "%s\r\n", words));
}

static void peer_expect_bytes(struct peer *peer, struct bytes text) {
    char *got = malloc(text.len + 1);
    for (size_t have = 0; have < text.len;) {
        int n = SSL_read(peer->ssl, got + have, (int)(text.len - have));
        if (n <= 0) fail_msg("after %zu bytes: %d", have, SSL_get_error(peer->ssl, n));
        have += (size_t)n;
    }
    assert_memory_equal(got, text.data, text.len);
    free(got);
}

static void peer_expect(struct peer *peer, const char *text) {
    peer_expect_bytes(peer, bytes_of(text));
}

static void peer_expect_eof(struct peer *peer) {
    char byte;
    assert_true(SSL_read(peer->ssl, &byte, 1) <= 0);
    peer_close(peer);
}

/* ---- bytes ---- */

static void answers(void **state) {
    const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct peer peer = peer_open_version(versions[i]);
        peer_command(&peer, "ECHO hello");
        peer_expect(&peer, "$5\r\nhello\r\n");
        peer_command(&peer, "PUSH a");
        peer_expect(&peer, "+a\r\n");
        peer_close(&peer);
    }
    wait_until(seen.closed == 2);
    assert_int_equal(net_stats(net).connections_accepted, 2);
}

static void requests_may_come_in_tiny_records(void **state) {
    struct peer peer = peer_open();
    struct buffer replies = {0};
    for (int i = 0; i < 500; i++) {
        const char *request = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n";
        for (const char *at = request; *at; at++)
            peer_send(&peer, at, 1);
        buffer_printf(&replies, "$5\r\nhello\r\n");
    }
    peer_expect_bytes(&peer, buffer_bytes(&replies));
    buffer_free(&replies);
    peer_close(&peer);
}

static void pipelines_keep_their_order(void **state) {
    enum { COUNT = 50000 };
    struct peer peer = peer_open();
    struct buffer requests = {0}, replies = {0};
    for (int i = 0; i < COUNT; i++) {
        buffer_printf(&requests, "*2\r\n$4\r\nECHO\r\n$5\r\n%05d\r\n", i);
        buffer_printf(&replies, "$5\r\n%05d\r\n", i);
    }
    peer_send(&peer, requests.data, requests.len);
    peer_expect_bytes(&peer, buffer_bytes(&replies));
    buffer_free(&requests);
    buffer_free(&replies);
    peer_close(&peer);
}

static void large_requests_and_replies(void **state) {
    const size_t sizes[] = {16383, 16384, 16385, 65536, 1 << 20, 8 << 20};
    struct peer peer = peer_open();
    struct buffer text = {0};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        buffer_clear(&text);
        buffer_printf(&text, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", sizes[i]);
        size_t head = strlen("*2\r\n$4\r\nECHO\r\n");
        for (size_t j = 0; j < sizes[i]; j++)
            buffer_append_char(&text, (char)('a' + j % 23));
        buffer_printf(&text, "\r\n");
        peer_send(&peer, text.data, text.len);
        peer_expect_bytes(&peer, bytes_skip(buffer_bytes(&text), head));
    }
    buffer_free(&text);
    peer_close(&peer);
}

static void slow_readers_get_everything(void **state) {
    struct peer peer = peer_open();
    enum { COUNT = 200, SIZE = 100000 };
    struct buffer expected = {0};
    for (int i = 0; i < COUNT; i++) {
        peer_command(&peer, "REP 100000");
        buffer_printf(&expected, "$%d\r\n", SIZE);
        assert_true(buffer_reserve(&expected, SIZE));
        memset(expected.data + expected.len, 'x', SIZE);
        expected.len += SIZE;
        buffer_printf(&expected, "\r\n");
    }
    wait_until(seen.most_pending > 1000000);
    peer_expect_bytes(&peer, buffer_bytes(&expected));
    wait_until(seen.drained > 0);
    buffer_free(&expected);
    peer_close(&peer);
}

static void slow_readers_can_be_closed(void **state) {
    pending_limit = 20000000;
    struct peer peer = peer_open();
    for (int i = 0; i < 10; i++)
        peer_command(&peer, "REP 9000000");
    wait_until(seen.closed == 1);
    peer_close(&peer);
}

/* ---- ends ---- */

static void quit_and_farewell(void **state) {
    struct peer peer = peer_open();
    peer_command(&peer, "QUIT");
    peer_expect(&peer, "+OK\r\n");
    char byte;
    assert_int_equal(SSL_read(peer.ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_error(peer.ssl, 0), SSL_ERROR_ZERO_RETURN);
    peer_close(&peer);
}

static void half_closed_peers_get_their_replies(void **state) {
    struct peer peer = peer_open();
    peer_command(&peer, "REP 100000");
    peer_command(&peer, "ECHO last");
    SSL_shutdown(peer.ssl);
    char buffer[16384];
    size_t have = 0;
    for (int n; (n = SSL_read(peer.ssl, buffer, sizeof buffer)) > 0;)
        have += (size_t)n;
    assert_int_equal(have, 9 + 100000 + 2 + 10);
    peer_close(&peer);
}

static void ends_without_farewell(void **state) {
    struct peer waits = peer_open(), idles = peer_open();
    peer_command(&waits, "WAIT a");
    wait_until(seen.waits == 1);
    shutdown(waits.fd, SHUT_WR);
    shutdown(idles.fd, SHUT_RDWR);
    wait_until(seen.closed == 2);
    peer_close(&waits);
    peer_close(&idles);
}

static void what_is_not_tls_is_closed(void **state) {
    const char *const junk[] = {"PING\r\n", "GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff\x01",
                                "\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", "\x80\x80\x80\x80"};
    for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
        char byte;
        int fd = client_open();
        client_send(fd, junk[i], strlen(junk[i]));
        shutdown(fd, SHUT_WR);
        while (recv(fd, &byte, 1, 0) > 0) {
        }
        close(fd);
    }
    wait_until(net_stats(net).connections == 0);
    assert_int_equal(seen.opened, 0);
}

static void junk_within_breaks_the_connection(void **state) {
    struct peer peer = peer_open();
    peer_command(&peer, "ECHO a");
    peer_expect(&peer, "$1\r\na\r\n");
    client_send(peer.fd, "\x17\x03\x03\x00\x20 this was never encrypted by anybody", 37);
    wait_until(seen.closed == 1);
    peer_close(&peer);
}

static void half_a_handshake_can_be_left(void **state) {
    int fds[20];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = client_open();
        client_send(fds[i], "\x16\x03\x01\x02\x00\x01", 6);
    }
    struct peer peer = peer_open();
    peer_command(&peer, "ECHO a");
    peer_expect(&peer, "$1\r\na\r\n");
    for (size_t i = 0; i < ARRAY_LEN(fds); i += 2)
        close(fds[i]);
    wait_until(net_stats(net).connections == 11);
    assert_int_equal(seen.opened, 1);
    peer_close(&peer);
    for (size_t i = 1; i < ARRAY_LEN(fds); i += 2)
        close(fds[i]);
}

static void refused_connections_are_told(void **state) {
    open_limit = 0;
    struct peer peer = peer_open();
    peer_expect(&peer, "-ERR too many\r\n");
    peer_expect_eof(&peer);
    wait_until(net_stats(net).connections == 0);
}

static void stop_closes_everything(void **state) {
    struct peer peer = peer_open();
    int half = client_open();
    peer_command(&peer, "ECHO a");
    peer_expect(&peer, "$1\r\na\r\n");
    wait_until(net_stats(net).connections == 2);
    serve_stop(net);
    peer_expect_eof(&peer);
    client_expect_eof(half);
    set_up(state);
}

/* ---- TLS's own ---- */

static void key_updates_are_answered(void **state) {
    struct peer peer = peer_open();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        peer_command(&peer, "ECHO a");
        peer_expect(&peer, "$1\r\na\r\n");
    }
    peer_close(&peer);
}

static void renegotiation_is_refused(void **state) {
    struct peer peer = peer_open_version(TLS1_2_VERSION);
    peer_command(&peer, "ECHO a");
    peer_expect(&peer, "$1\r\na\r\n");
    SSL_renegotiate(peer.ssl);
    assert_true(SSL_do_handshake(peer.ssl) <= 0);
    peer_close(&peer);
    wait_until(seen.closed == 1);
}

static void sessions_resume(void **state) {
    struct peer first = peer_open_version(TLS1_2_VERSION);
    peer_command(&first, "ECHO a");
    peer_expect(&first, "$1\r\na\r\n");
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    struct peer second = peer_make(TLS1_2_VERSION, false);
    SSL_set_session(second.ssl, session);
    assert_int_equal(SSL_connect(second.ssl), 1);
    assert_true(SSL_session_reused(second.ssl));
    SSL_SESSION_free(session);
    peer_close(&first);
    peer_close(&second);
}

static void certificates_are_swapped(void **state) {
    struct peer before = peer_open();
    options.protocols = "TLSv1.2";
    load();
    options.protocols = "";
    struct peer after = peer_open();
    peer_command(&before, "ECHO a");
    peer_expect(&before, "$1\r\na\r\n");
    assert_int_equal(SSL_version(before.ssl), TLS1_3_VERSION);
    assert_int_equal(SSL_version(after.ssl), TLS1_2_VERSION);
    peer_close(&before);
    peer_close(&after);
}

static void clients_must_have_certificates(void **state) {
    options.clients = TLS_CLIENTS_REQUIRED;
    load();
    options.clients = TLS_CLIENTS_OPTIONAL;
    struct peer without = peer_make(TLS1_2_VERSION, false);
    assert_true(SSL_connect(without.ssl) <= 0);
    peer_close(&without);
    struct peer with = peer_make(TLS1_2_VERSION, true);
    assert_int_equal(SSL_connect(with.ssl), 1);
    peer_command(&with, "NAMES");
    peer_expect(&with, "$19\r\n alice urn:a urn:b \r\n");
    peer_close(&with);
}

static void without_a_certificate_there_are_no_names(void **state) {
    struct peer peer = peer_open();
    peer_command(&peer, "NAMES");
    peer_expect(&peer, "$1\r\n \r\n");
    peer_close(&peer);
}

static void wrong_options_are_explained(void **state) {
    const struct {
        struct tls_options options;
        const char *error;
    } cases[] = {
        {{.cert_file = ""}, "TLS needs tls-cert-file"},
        {{.key_file = ""}, "TLS needs tls-key-file"},
        {{.cert_file = "/none"}, "tls-cert-file /none: No such file or directory"},
        {{.key_file = cert_file}, "tls-key-file "},
        {{.ca_cert_file = "/none"}, "tls-ca-cert-file /none: No such file or directory"},
        {{.ca_cert_file = ""}, "TLS needs tls-ca-cert-file or tls-ca-cert-dir"},
        {{.protocols = "TLSv1.2 SSLv3"}, "tls-protocols TLSv1.2 SSLv3: it takes"},
        {{.ciphers = "none"}, "tls-ciphers none: no cipher match"},
        {{.ciphersuites = "none"}, "tls-ciphersuites none: "},
        {{.dh_params_file = "/none"}, "tls-dh-params-file /none: No such file or directory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_options o = options;
        const struct tls_options *change = &cases[i].options;
        if (change->cert_file) o.cert_file = change->cert_file;
        if (change->key_file) o.key_file = change->key_file;
        if (change->ca_cert_file) o.ca_cert_file = change->ca_cert_file;
        if (change->protocols) o.protocols = change->protocols;
        if (change->ciphers) o.ciphers = change->ciphers;
        if (change->ciphersuites) o.ciphersuites = change->ciphersuites;
        if (change->dh_params_file) o.dh_params_file = change->dh_params_file;
        struct buffer error = {0};
        assert_null(tls_context_create(&o, &error));
        buffer_append_char(&error, 0);
        if (strncmp(error.data, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("\"%s\", not \"%s\"", error.data, cases[i].error);
        buffer_free(&error);
    }
}

static void certificates_are_read(void **state) {
    struct tls_certificate found = tls_certificate_read(cert_file);
    assert_string_equal(found.serial, "1234");
    assert_in_range(found.expires_s - time(NULL), 3500, 3600);
    assert_string_equal(tls_certificate_read("/none").serial, "");
    assert_string_equal(tls_certificate_read("").serial, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(answers),
        TEST(requests_may_come_in_tiny_records),
        TEST(pipelines_keep_their_order),
        TEST(large_requests_and_replies),
        TEST(slow_readers_get_everything),
        TEST(slow_readers_can_be_closed),
        TEST(quit_and_farewell),
        TEST(half_closed_peers_get_their_replies),
        TEST(ends_without_farewell),
        TEST(what_is_not_tls_is_closed),
        TEST(junk_within_breaks_the_connection),
        TEST(half_a_handshake_can_be_left),
        TEST(refused_connections_are_told),
        TEST(stop_closes_everything),
        TEST(key_updates_are_answered),
        TEST(renegotiation_is_refused),
        TEST(sessions_resume),
        TEST(certificates_are_swapped),
        TEST(clients_must_have_certificates),
        TEST(without_a_certificate_there_are_no_names),
        cmocka_unit_test(wrong_options_are_explained),
        cmocka_unit_test(certificates_are_read),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
