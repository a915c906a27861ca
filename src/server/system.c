/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/system.h"
#include "base/log.h"
#include "base/number.h"
#include "config/config.h"
#include "exec/settings.h"
#include "server/settings.h"
#include "sys/file.h"
#include "sys/process.h"

#include <string.h>

/* ---- open files ---- */

enum {
    FILES_OF_ITS_OWN = 32, /* listeners, log, pipes, libraries */
    FILES_OF_A_WORKER = 4  /* epoll, eventfd and some room */
};

bool system_make_room_for_clients(struct buffer *error) {
    int64_t clients = config_number("maxclients");
    int64_t own = FILES_OF_ITS_OWN + FILES_OF_A_WORKER * server_settings.workers;
    exec_settings.own_files = own;
    int64_t limit = (int64_t)process_raise_open_files((size_t)(clients + own));
    if (limit >= clients + own) return true;
    if (limit <= own) {
        buffer_printf(error,
                      "the limit of open files is %lld, which leaves no room for clients; raise it "
                      "(ulimit -n)",
                      (long long)limit);
        return false;
    }
    config_set_number("maxclients", limit - own);
    log_warning("maxclients is %lld instead of %lld: the limit of open files is %lld (ulimit -n)",
                (long long)(limit - own), (long long)clients, (long long)limit);
    return true;
}

/* ---- warnings ---- */

/* The file without its final line break; "" when it cannot be read. */
static const char *read_setting(const char *path) {
    static char text[128];
    int fd = file_open(path, 0, 0);
    ssize_t length = fd < 0 ? 0 : file_read_full(fd, text, sizeof text - 1);
    if (fd >= 0) file_close(fd);
    text[length > 0 ? length : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    return text;
}

/* Without overcommitting, memory that is only reserved counts too. */
static void warn_of_overcommit(void) {
    if (strcmp(read_setting("/proc/sys/vm/overcommit_memory"), "2") == 0)
        log_warning("The kernel does not overcommit memory (vm.overcommit_memory = 2): writes may "
                    "be refused while memory is free");
}

static void warn_of_backlog(void) {
    int64_t most;
    const char *text = read_setting("/proc/sys/net/core/somaxconn");
    if (server_settings.port && number_parse_i64(bytes_of(text), &most) &&
        most < server_settings.tcp_backlog)
        log_warning("tcp-backlog is %lld, but the kernel allows %lld (net.core.somaxconn)",
                    (long long)server_settings.tcp_backlog, (long long)most);
}

static void warn_of_supervision(void) {
    if (server_settings.supervised == SUPERVISED_UPSTART)
        log_warning("supervised upstart is not supported; systemd is");
    if (server_settings.supervised == SUPERVISED_SYSTEMD && !process_is_supervised())
        log_warning("supervised systemd is set, but NOTIFY_SOCKET is not: systemd is not told");
}

void system_warn(void) {
    warn_of_overcommit();
    warn_of_backlog();
    warn_of_supervision();
}
