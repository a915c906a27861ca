/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/tls.h"
#include "base/ensure.h"
#include "base/log.h"
#include "config/config.h"
#include "exec/certificate.h"
#include "exec/exec.h"
#include "net/net.h"
#include "net/tls.h"
#include "server/listen.h"
#include "server/settings.h"
#include "sys/clock.h"

#include <limits.h>
#include <sys/stat.h>

enum { SERVER, CLIENT, AUTHORITY, CERTIFICATES };

static struct {
    char *cert_file, *key_file, *key_file_pass;
    char *client_cert_file, *client_key_file, *client_key_file_pass;
    char *ca_cert_file, *ca_cert_dir, *dh_params_file;
    char *protocols, *ciphers, *ciphersuites;
    int64_t auth_clients, auth_clients_user;
    int64_t session_cache_size, session_cache_timeout, auto_reload_interval;
    bool prefer_server_ciphers, session_caching, replication, cluster;
} settings;

/* Written in exclusive mode, and by worker 0's timer, which INFO's exclusive mode shuts out. */
static struct {
    struct net *net;
    bool loaded;
    struct tls_certificate certificates[CERTIFICATES];
    struct net_timer timer; /* worker 0's */
    struct stat seen[CERTIFICATES * 2];
} tls;

/* ---- loading ---- */

static bool is_used(void) {
    return server_settings.tls_port || settings.replication || settings.cluster;
}

static struct ssl_ctx_st *create(struct buffer *error) {
    return tls_context_create(
        &(struct tls_options){
            .cert_file = settings.cert_file,
            .key_file = settings.key_file,
            .key_file_pass = settings.key_file_pass,
            .ca_cert_file = settings.ca_cert_file,
            .ca_cert_dir = settings.ca_cert_dir,
            .dh_params_file = settings.dh_params_file,
            .protocols = settings.protocols,
            .ciphers = settings.ciphers,
            .ciphersuites = settings.ciphersuites,
            .clients = (enum tls_clients)settings.auth_clients,
            .prefer_server_ciphers = settings.prefer_server_ciphers,
            .session_caching = settings.session_caching,
            .session_cache_size = settings.session_cache_size,
            .session_cache_timeout_s = settings.session_cache_timeout,
        },
        error);
}

bool tls_probe(struct buffer *error) {
    struct ssl_ctx_st *context = is_used() ? create(error) : NULL;
    if (context) tls_context_release(context);
    return context || !is_used();
}

/* What shows that a file has changed, without reading it. A path that leads nowhere is zeros. */
static void look(struct stat out[CERTIFICATES * 2]) {
    const char *paths[CERTIFICATES * 2] = {settings.cert_file,        settings.key_file,
                                           settings.ca_cert_file,     settings.ca_cert_dir,
                                           settings.client_cert_file, settings.client_key_file};
    for (size_t i = 0; i < CERTIFICATES * 2; i++) {
        struct stat found = {0};
        if (stat(paths[i], &found) != 0) found = (struct stat){0};
        out[i] = (struct stat){.st_dev = found.st_dev,
                               .st_ino = found.st_ino,
                               .st_size = found.st_size,
                               .st_mtim = found.st_mtim};
    }
}

bool tls_load(struct buffer *error) {
    if (!tls.net || !is_used()) return true;
    look(tls.seen);
    struct ssl_ctx_st *context = create(error);
    if (!context) return false;
    net_set_tls(tls.net, context);
    tls.certificates[SERVER] = tls_certificate_read(settings.cert_file);
    tls.certificates[CLIENT] = tls_certificate_read(settings.client_cert_file);
    tls.certificates[AUTHORITY] = tls_certificate_read(settings.ca_cert_file);
    tls.loaded = true;
    return true;
}

/* Before the listeners are open, what has to be loaded is not complete. */
/* For CONFIG SET: the log says what is wrong, and the error where to look. */
static bool load_again(struct buffer *error) {
    struct buffer why = {0};
    bool good = !listen_is_open() || tls_load(&why);
    if (!good) {
        log_warning("TLS stays as it was: %.*s", (int)why.len, why.data);
        buffer_printf(error, "Unable to update TLS configuration. Check server logs.");
    }
    buffer_free(&why);
    return good;
}

/* ---- reloading what has changed ---- */

static void reload_changed(void) {
    struct stat now[CERTIFICATES * 2];
    struct buffer why = {0};
    if (!tls.loaded || !is_used()) return;
    look(now);
    if (memcmp(now, tls.seen, sizeof now) == 0) return;
    if (tls_load(&why))
        log_notice("TLS: the certificates have changed and are loaded");
    else
        log_warning("TLS stays as it was: %.*s", (int)why.len, why.data);
    buffer_free(&why);
}

static void arm_timer(void *unused) {
    (void)unused;
    struct worker *worker = net_worker(tls.net, 0);
    worker_timer_cancel(worker, &tls.timer);
    if (settings.auto_reload_interval)
        worker_timer_arm(worker, &tls.timer,
                         worker_now_us(worker) + settings.auto_reload_interval * 1000000);
}

static void reload_and_wait(struct net_timer *timer) {
    (void)timer;
    reload_changed();
    arm_timer(NULL);
}

static bool apply_interval(const struct config_row *row, struct buffer *error) {
    tls.timer.fire = reload_and_wait;
    return !tls.net || worker_post(net_worker(tls.net, 0), arm_timer, NULL);
}

void tls_attach(struct net *net) {
    tls.net = net;
}

/* ---- INFO ---- */

static void write_certificate(struct buffer *out, const char *name, unsigned which) {
    const struct tls_certificate *c = &tls.certificates[which];
    bool known = tls.loaded && c->serial[0];
    int64_t left_s = known ? c->expires_s - clock_wall_ms() / 1000 : 0;
    buffer_printf(out, "tls_%s_cert_serial:%s\r\ntls_%s_cert_expires_in_seconds:%lld\r\n", name,
                  known ? c->serial : "none", name, (long long)left_s);
}

static void write_info(struct exec *exec, struct buffer *out, void *context) {
    write_certificate(out, "server", SERVER);
    write_certificate(out, "client", CLIENT);
    write_certificate(out, "ca", AUTHORITY);
}

void tls_report(struct exec *exec) {
    info_register(exec, "TLS", INFO_ALL, write_info, NULL);
}

/* ---- the rows ---- */

static bool apply_files(const struct config_row *row, struct buffer *error) {
    return load_again(error);
}

static bool apply_port(const struct config_row *row, struct buffer *error) {
    return load_again(error) && listen_again(row->name, error);
}

static const struct config_choice client_auths[] = {{"no", TLS_CLIENTS_UNKNOWN},
                                                    {"yes", TLS_CLIENTS_REQUIRED},
                                                    {"optional", TLS_CLIENTS_OPTIONAL},
                                                    {NULL, 0}};
static const struct config_choice client_users[] = {{"CN", CERTIFICATE_USER_CN},
                                                    {"URI", CERTIFICATE_USER_URI},
                                                    {"off", CERTIFICATE_USER_OFF},
                                                    {NULL, 0}};

#define TEXT(name_, value_, flags_)                                                                \
    {                                                                                              \
        .name = (name_), .type = CONFIG_TEXT, .flags = (flags_), .value = &settings.value_,        \
        .initial = "", .apply = apply_files                                                        \
    }
#define NUMBER(name_, value_, initial_, apply_)                                                    \
    {                                                                                              \
        .name = (name_), .type = CONFIG_INTEGER, .value = &settings.value_, .initial = (initial_), \
        .max = INT_MAX, .apply = (apply_)                                                          \
    }
#define YES_NO(name_, value_, initial_)                                                            \
    {                                                                                              \
        .name = (name_), .type = CONFIG_BOOL, .value = &settings.value_, .initial = (initial_),    \
        .apply = apply_files                                                                       \
    }

static const struct config_row rows[] = {
    {.name = "tls-port",
     .type = CONFIG_INTEGER,
     .value = &server_settings.tls_port,
     .initial = "0",
     .max = 65535,
     .apply = apply_port},
    TEXT("tls-cert-file", cert_file, 0),
    TEXT("tls-key-file", key_file, 0),
    TEXT("tls-key-file-pass", key_file_pass, CONFIG_SENSITIVE),
    TEXT("tls-client-cert-file", client_cert_file, 0),
    TEXT("tls-client-key-file", client_key_file, 0),
    TEXT("tls-client-key-file-pass", client_key_file_pass, CONFIG_SENSITIVE),
    TEXT("tls-ca-cert-file", ca_cert_file, 0),
    TEXT("tls-ca-cert-dir", ca_cert_dir, 0),
    TEXT("tls-dh-params-file", dh_params_file, 0),
    TEXT("tls-protocols", protocols, 0),
    TEXT("tls-ciphers", ciphers, 0),
    TEXT("tls-ciphersuites", ciphersuites, 0),
    {.name = "tls-auth-clients",
     .type = CONFIG_CHOICE,
     .value = &settings.auth_clients,
     .initial = "yes",
     .choices = client_auths,
     .apply = apply_files},
    {.name = "tls-auth-clients-user",
     .type = CONFIG_CHOICE,
     .value = &settings.auth_clients_user,
     .initial = "off",
     .choices = client_users},
    YES_NO("tls-prefer-server-ciphers", prefer_server_ciphers, "no"),
    YES_NO("tls-session-caching", session_caching, "yes"),
    YES_NO("tls-replication", replication, "no"),
    YES_NO("tls-cluster", cluster, "no"),
    NUMBER("tls-session-cache-size", session_cache_size, "20480", apply_files),
    NUMBER("tls-session-cache-timeout", session_cache_timeout, "300", apply_files),
    NUMBER("tls-auto-reload-interval", auto_reload_interval, "0", apply_interval),
    {NULL},
};

void tls_register(void) {
    config_register(rows);
}
