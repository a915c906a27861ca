/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/socket.h"

#include "base/ensure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };

static int set_int(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Closes the descriptor and returns the error that made it useless. */
static int give_up(int fd, int error) {
    close(fd);
    return error;
}

static int error_of_resolver(int code) {
    switch (code) {
    case EAI_SYSTEM: return -errno;
    case EAI_MEMORY: return -ENOMEM;
    case EAI_AGAIN: return -EAGAIN;
    default: return -EADDRNOTAVAIL;
    }
}

static int resolve(const char *host, int port, int family, int flags, struct addrinfo **out) {
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    int code = getaddrinfo(host, service, &hints, out);
    return code ? error_of_resolver(code) : 0;
}

static int listen_at(const struct addrinfo *address, int backlog, unsigned flags) {
    int fd = socket(address->ai_family, SOCKET_TYPE, 0);
    if (fd < 0) return -errno;
    int error = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!error && address->ai_family == AF_INET6) error = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (!error && (flags & SOCKET_REUSE_PORT)) error = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error) return give_up(fd, error);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0) return give_up(fd, -errno);
    if (!(flags & SOCKET_ONLY_BIND) && listen(fd, backlog) != 0) return give_up(fd, -errno);
    return fd;
}

int socket_listen_tcp(const char *host, int port, int backlog, unsigned flags) {
    struct addrinfo *found;
    int family = AF_UNSPEC;
    if (strcmp(host, "*") == 0 || strcmp(host, "::*") == 0) {
        family = host[0] == '*' ? AF_INET : AF_INET6;
        host = NULL;
    }
    int result = resolve(host, port, family, AI_PASSIVE, &found);
    if (result < 0) return result;
    for (struct addrinfo *a = found; a; a = a->ai_next) {
        result = listen_at(a, backlog, flags);
        if (result >= 0) break;
    }
    freeaddrinfo(found);
    return result;
}

static int unix_address(const char *path, struct sockaddr_un *out) {
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof out->sun_path) return -ENAMETOOLONG;
    memcpy(out->sun_path, path, len);
    return 0;
}

/* Removes the socket file that a dead process left. One that answers stays. */
static int remove_stale(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(info.st_mode)) return -EEXIST;
    int fd = socket_connect_unix(path);
    if (fd >= 0) return give_up(fd, -EADDRINUSE);
    if (fd != -ECONNREFUSED) return fd == -EAGAIN ? -EADDRINUSE : fd;
    return unlink(path) == 0 ? 0 : -errno;
}

int socket_listen_unix(const char *path, unsigned mode, int backlog) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (!error) error = remove_stale(path);
    if (error) return error;
    int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    if (fd < 0) return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return give_up(fd, -errno);
    if (mode && chmod(path, mode) != 0) return give_up(fd, -errno);
    if (listen(fd, backlog) != 0) return give_up(fd, -errno);
    return fd;
}

int socket_set_group(const char *path, const char *group) {
    errno = 0;
    struct group *found = getgrnam(group);
    if (!found) return errno ? -errno : -ESRCH;
    return chown(path, (uid_t)-1, found->gr_gid) == 0 ? 0 : -errno;
}

int socket_accept(int listener) {
    int fd;
    do {
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd < 0 ? -errno : fd;
}

static int bind_source(int fd, int family, const char *source) {
    struct addrinfo *found;
    int error = resolve(source, 0, family, 0, &found);
    if (error) return error;
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) error = -errno;
    freeaddrinfo(found);
    return error;
}

static int connect_to(const struct addrinfo *address, const char *source) {
    int fd = socket(address->ai_family, SOCKET_TYPE, 0);
    if (fd < 0) return -errno;
    int error = source ? bind_source(fd, address->ai_family, source) : 0;
    if (error) return give_up(fd, error);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        return give_up(fd, -errno);
    return fd;
}

int socket_connect_tcp(const char *host, int port, const char *source) {
    struct addrinfo *found;
    int result = resolve(host, port, AF_UNSPEC, 0, &found);
    if (result < 0) return result;
    for (struct addrinfo *a = found; a; a = a->ai_next) {
        result = connect_to(a, source);
        if (result >= 0) break;
    }
    freeaddrinfo(found);
    return result;
}

int socket_connect_unix(const char *path) {
    struct sockaddr_un address;
    int error = unix_address(path, &address);
    if (error) return error;
    int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return give_up(fd, -errno);
    return fd;
}

int socket_error(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) return -errno;
    return -error;
}

int socket_set_nodelay(int fd, bool enabled) {
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, enabled);
}

int socket_set_keepalive(int fd, int seconds) {
    enum { PROBES = 3 };
    int error = set_int(fd, SOL_SOCKET, SO_KEEPALIVE, seconds > 0);
    if (error || seconds <= 0) return error;
    error = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    if (!error) error = set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, MAX(seconds / PROBES, 1));
    if (!error) error = set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
    return error;
}

/* An end of a connection; family AF_UNSPEC when it is unknown. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
    struct sockaddr_storage storage;
};

static union address address_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *)) {
    union address address;
    socklen_t len = sizeof address - 1; /* keeps a zero after the longest path */
    memset(&address, 0, sizeof address);
    if (get(fd, &address.any, &len) != 0) address.any.sa_family = AF_UNSPEC;
    return address;
}

static void format_name(const union address *address, char *out, size_t cap) {
    char text[INET6_ADDRSTRLEN];
    switch (address->any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
        snprintf(out, cap, "%s:%d", text, ntohs(address->v4.sin_port));
        return;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
        snprintf(out, cap, "[%s]:%d", text, ntohs(address->v6.sin6_port));
        return;
    case AF_UNIX: snprintf(out, cap, "%s:0", address->local.sun_path); return;
    default: snprintf(out, cap, "?:0"); return;
    }
}

static bool is_unnamed(const union address *address) {
    return address->any.sa_family == AF_UNIX && address->local.sun_path[0] == 0;
}

static void name_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
                    int (*get_other)(int, struct sockaddr *, socklen_t *), char *out, size_t cap) {
    union address address = address_of(fd, get);
    if (is_unnamed(&address)) address = address_of(fd, get_other);
    format_name(&address, out, cap);
}

void socket_peer_name(int fd, char *out, size_t cap) {
    name_of(fd, getpeername, getsockname, out, cap);
}

void socket_local_name(int fd, char *out, size_t cap) {
    name_of(fd, getsockname, getpeername, out, cap);
}

int socket_local_port(int fd) {
    union address address = address_of(fd, getsockname);
    switch (address.any.sa_family) {
    case AF_INET: return ntohs(address.v4.sin_port);
    case AF_INET6: return ntohs(address.v6.sin6_port);
    default: return 0;
    }
}

bool socket_is_unix(int fd) {
    return address_of(fd, getsockname).any.sa_family == AF_UNIX;
}

bool socket_peer_is_loopback(int fd) {
    union address peer = address_of(fd, getpeername);
    switch (peer.any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(peer.v4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&peer.v6.sin6_addr);
    default: return false;
    }
}
