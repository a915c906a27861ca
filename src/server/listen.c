/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/listen.h"
#include "base/args.h"
#include "base/log.h"
#include "net/net.h"
#include "server/settings.h"
#include "server/tls.h"
#include "sys/file.h"
#include "sys/socket.h"

#include <errno.h>
#include <string.h>

static struct net *net;
static bool listening;

typedef int opener(const char *host, int port);

static int open_tcp(const char *host, int port) {
    return net_listen_tcp(net, host, (uint16_t)port, (int)server_settings.tcp_backlog);
}

static int open_tls(const char *host, int port) {
    return net_listen_tls(net, host, (uint16_t)port, (int)server_settings.tcp_backlog);
}

static int bind_and_close(const char *host, int port) {
    int fd = socket_listen_tcp(host, port, 0, SOCKET_ONLY_BIND);
    return fd < 0 ? fd : file_close(fd);
}

/* "-address" may be missing: an interface that is not up, a machine without IPv6. */
static bool is_missing(int error) {
    switch (-error) {
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case ENOPROTOOPT:
    case EPFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT: return true;
    default: return false;
    }
}

static void explain(const char *host, int port, int status, struct buffer *error) {
    buffer_printf(error, "cannot listen on %s, port %d: %s", host, port, strerror(-status));
    switch (-status) {
    case EADDRINUSE:
        buffer_printf(error, "; stop the server that is there, or choose another port (--port)");
        break;
    case EACCES: buffer_printf(error, "; ports below 1024 need privileges"); break;
    case EADDRNOTAVAIL:
        buffer_printf(error, "; bind names an address that this machine does not have");
        break;
    default: break;
    }
}

/* Calls `open` for each address of `bind`, unless the port is 0. */
static bool open_all(opener *open, int port, struct buffer *error) {
    struct args hosts = {0};
    bool good = true;
    if (port == 0) return true;
    if (args_split(&hosts, bytes_of(server_settings.bind)) != ARGS_OK) {
        buffer_printf(error, "bind cannot be read as a list of addresses");
        return false;
    }
    for (size_t i = 0; good && i < hosts.count; i++) {
        char host[256];
        struct bytes text = hosts.items[i];
        bool optional = text.len > 1 && text.data[0] == '-';
        if (optional) text = bytes_skip(text, 1);
        int status = -ENAMETOOLONG;
        if (text.len < sizeof host) {
            memcpy(host, text.data, text.len);
            host[text.len] = 0;
            status = open(host, port);
        }
        if (status >= 0) continue;
        if (optional && is_missing(status)) {
            log_verbose("Not listening on %s: %s", host, strerror(-status));
            continue;
        }
        explain(host, port, status, error);
        good = false;
    }
    args_free(&hosts);
    return good;
}

static bool give_to_group(const char *path, struct buffer *error) {
    const char *group = server_settings.unixsocketgroup;
    int status = *group ? socket_set_group(path, group) : 0;
    if (status >= 0) return true;
    buffer_printf(error, "the Unix socket %s cannot be given to the group %s: %s", path, group,
                  status == -ESRCH ? "there is no such group" : strerror(-status));
    return false;
}

static bool open_unix(struct buffer *error) {
    const char *path = server_settings.unixsocket;
    if (!*path) return true;
    int status = net_listen_unix(net, path, (unsigned)server_settings.unixsocketperm,
                                 (int)server_settings.tcp_backlog);
    if (status >= 0) return give_to_group(path, error);
    buffer_printf(error, "cannot listen on the Unix socket %s: %s%s", path, strerror(-status),
                  status == -EADDRINUSE ? "; another server listens there"
                  : status == -EEXIST   ? "; it is no socket"
                                        : "");
    return false;
}

static bool has_somewhere(struct buffer *error) {
    bool tcp = (server_settings.port || server_settings.tls_port) && *server_settings.bind;
    if (tcp || *server_settings.unixsocket) return true;
    buffer_printf(error, "there is nowhere to listen: set port or tls-port and bind, or "
                         "unixsocket");
    return false;
}

void listen_attach(struct net *owner) {
    net = owner;
    listening = false;
}

static bool open_kind(enum listener_kind kind, struct buffer *error) {
    return kind == LISTENER_TCP ? open_all(open_tcp, (int)server_settings.port, error)
                                : open_all(open_tls, (int)server_settings.tls_port, error);
}

bool listen_open(struct buffer *error) {
    listening = has_somewhere(error) && tls_load(error) && open_kind(LISTENER_TCP, error) &&
                open_kind(LISTENER_TLS, error) && open_unix(error);
    return listening;
}

bool listen_is_open(void) {
    return net && listening;
}

bool listen_probe(struct buffer *error) {
    return has_somewhere(error) && tls_probe(error) &&
           open_all(bind_and_close, (int)server_settings.port, error) &&
           open_all(bind_and_close, (int)server_settings.tls_port, error);
}

static bool open_again(enum listener_kind kind, struct buffer *error) {
    net_close_listeners(net, kind);
    if (open_kind(kind, error)) return true;
    net_close_listeners(net, kind);
    return false;
}

bool listen_again(const char *directive, struct buffer *error) {
    if (!listen_is_open()) return true;
    struct buffer why = {0};
    bool bind = strcmp(directive, "bind") == 0, tls = strcmp(directive, "tls-port") == 0;
    bool good = (tls || open_again(LISTENER_TCP, &why)) &&
                (!(tls || bind) || open_again(LISTENER_TLS, &why));
    if (!good) {
        log_warning("CONFIG SET %s: %.*s", directive, (int)why.len, why.data);
        buffer_printf(error, "%s",
                      bind ? "Failed to bind to specified addresses."
                           : "Unable to listen on this port. Check server logs.");
    }
    buffer_free(&why);
    return good;
}

void listen_set_keepalive(void) {
    if (net) net_set_keepalive(net, (int)server_settings.tcp_keepalive);
}
