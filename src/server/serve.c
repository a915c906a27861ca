/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a server: configuration, log, background, the parts from the keyspace up to the
 * listeners, running, and the way down in the opposite order. */
#include "server/serve.h"
#include "base/hash.h"
#include "base/identity.h"
#include "base/log.h"
#include "cmd/families.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "exec/background.h"
#include "exec/durability.h"
#include "exec/exec.h"
#include "keyspace/gate.h"
#include "keyspace/keyspace.h"
#include "keyspace/policy.h"
#include "net/net.h"
#include "script/script.h"
#include "server/adopt.h"
#include "server/keep.h"
#include "server/listen.h"
#include "server/load.h"
#include "server/oom_score.h"
#include "server/persist.h"
#include "server/settings.h"
#include "server/system.h"
#include "server/title.h"
#include "server/tls.h"
#include "server/version.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/file.h"
#include "sys/logfile.h"
#include "sys/memory.h"
#include "sys/process.h"
#include "sys/thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 10, IDLE_TICK_MS = 100, OTHER_THREADS = 12 };

struct server {
    struct gate *gate;
    struct keyspace *keyspace;
    struct exec *exec;
    struct net *net;
    struct net_service service;
    struct persist *persist;
    bool is_ready; /* all has been loaded */
    struct thread stopper;
    int stop_event;
};

/* ---- configuration ---- */

static bool read_standard_input(struct buffer *error) {
    struct buffer text = {0};
    ssize_t n;
    do {
        if (!buffer_reserve(&text, 4096)) break;
        n = read(STDIN_FILENO, text.data + text.len, text.cap - text.len);
        if (n > 0) text.len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    bool good = config_load_text(buffer_bytes(&text), "standard input", error);
    buffer_free(&text);
    return good;
}

/* [FILE] [--directive value ...] [-]: the file first, then what standard input has, then the
 * arguments. */
static bool configure(int argc, char **argv, struct buffer *error) {
    config_register_inert();
    policy_register();
    exec_register_directives();
    limits_register();
    scripts_register_settings();
    settings_register();
    keep_register();
    persist_register();
    title_register();
    tls_register();
    oom_score_register();
    adopt_register();
    if (argc > 0 && argv[0][0] != '-') {
        if (!config_load_file(argv[0], error)) return false;
        argc--;
        argv++;
    }
    if (argc > 0 && strcmp(argv[argc - 1], "-") == 0) {
        if (!read_standard_input(error)) return false;
        argc--;
    }
    return config_load_arguments(argc, argv, error);
}

static bool log_is_open;

static bool open_log(struct buffer *error) {
    log_set_level((enum log_level)server_settings.loglevel);
    if (!logfile_open(server_settings.logfile)) {
        buffer_printf(error, "cannot open the log file %s: %s", server_settings.logfile,
                      strerror(errno));
        return false;
    }
    log_is_open = true;
    logfile_syslog(server_settings.syslog_enabled, server_settings.syslog_ident,
                   settings_syslog_facility());
    if (server_settings.crash_log_enabled) process_catch_crashes(STRATA_VERSION);
    return true;
}

/* Under a supervisor it stays where the supervisor watches it. */
static bool go_to_background(struct buffer *error) {
    if (server_settings.daemonize && !process_is_supervised()) {
        int status = process_daemonize();
        if (status < 0) {
            buffer_printf(error, "cannot go to the background: %s", strerror(-status));
            return false;
        }
    }
    if (!*server_settings.pidfile) return true;
    int status = process_pidfile_write(server_settings.pidfile);
    if (status < 0)
        log_warning("The pid file %s cannot be written: %s", server_settings.pidfile,
                    strerror(-status));
    return true;
}

/* ---- building ---- */

static void seed_hash(void) {
    unsigned char secret[64];
    entropy_fill(secret, sizeof secret);
    hash_seed(secret, sizeof secret);
}

static bool build(struct server *server, struct buffer *error) {
    unsigned workers = (unsigned)server_settings.workers;
    memory_prepare_threads(workers + OTHER_THREADS);
    seed_hash();
    server->gate = gate_create(workers, 1); /* the guest loads, and takes snapshots */
    if (server->gate)
        server->keyspace = keyspace_create(&(struct keyspace_options){
            .databases = (unsigned)server_settings.databases,
            .workers = workers,
            .gate = server->gate,
        });
    if (server->keyspace)
        server->exec = exec_create(&(struct exec_options){
            .keyspace = server->keyspace,
            .gate = server->gate,
            .workers = workers,
        });
    if (!server->exec) {
        buffer_printf(error, "there is not enough memory to start with %lld databases",
                      (long long)server_settings.databases);
        return false;
    }
    families_register(server->exec);
    if (!settings_rename_commands(server->exec, error) || !system_make_room_for_clients(error))
        return false;

    server->persist =
        persist_create(&(struct persist_options){.exec = server->exec, .participant = workers});
    if (!server->persist) return false;
    if (!keep_is_wanted() && !persist_load(server->persist, error)) return false;

    exec_service(server->exec, &server->service);
    server->net = net_create(&(struct net_options){
        .workers = workers,
        .tick_ms = TICK_MS,
        .idle_tick_ms = IDLE_TICK_MS,
        .service = &server->service,
    });
    if (!server->net) {
        buffer_printf(error, "the workers cannot be created: %s", strerror(errno));
        return false;
    }
    exec_attach_net(server->exec, server->net);
    listen_attach(server->net);
    tls_attach(server->net);
    tls_report(server->exec);
    return keep_open(server->exec, error) && config_apply_all(error) && listen_open(error);
}

static void tear_down(struct server *server) {
    listen_attach(NULL);
    tls_attach(NULL);
    keep_close();
    if (server->exec) background_stop(server->exec);
    if (server->net) net_free(server->net);
    persist_free(server->persist);
    scripts_end();
    if (server->exec) exec_free(server->exec);
    if (server->keyspace) keyspace_free(server->keyspace);
    if (server->gate) gate_free(server->gate);
}

/* ---- running ---- */

/* Does the signal decide whether data is saved? */
static void choose_saving(void) {
    int64_t how = process_stop_signal() == SIGINT ? server_settings.shutdown_on_sigint
                                                  : server_settings.shutdown_on_sigterm;
    if (how & SHUTDOWN_SAVE) server_facts.exit_save = SAVE_AT_EXIT;
    if (how & SHUTDOWN_NO_SAVE) server_facts.exit_save = NO_SAVE_AT_EXIT;
}

/* A thread of its own, which sleeps until a signal, or the end of run(), writes to the event. */
static void wait_for_stop(void *argument) {
    struct server *server = argument;
    struct pollfd event = {.fd = server->stop_event, .events = POLLIN};
    while (poll(&event, 1, -1) < 0 && errno == EINTR) {
    }
    if (!process_stop_requests()) return;
    log_notice("Received SIG%s, stopping", sigabbrev_np(process_stop_signal()));
    choose_saving();
    net_stop(server->net);
}

static void log_start(int64_t began_us) {
    log_notice("%s, %lld workers, started in %.1f ms", version_line(),
               (long long)server_settings.workers, (double)(clock_mono_us() - began_us) / 1000);
    if (keep_is_wanted()) log_notice("Home: %s", keep_url());
    if (*config_file()) log_notice("Configuration: %s", config_file());
    if (server_settings.port)
        log_notice("Port %lld on %s", (long long)server_settings.port, server_settings.bind);
    if (server_settings.tls_port)
        log_notice("TLS port %lld on %s", (long long)server_settings.tls_port,
                   server_settings.bind);
    if (*server_settings.unixsocket) log_notice("Unix socket %s", server_settings.unixsocket);
    system_warn();
    config_log_inert();
}

static void be_ready(void *context) {
    struct server *server = context;
    int status = persist_start(server->persist);
    if (status < 0) log_warning("Snapshots are not taken in the background: %s", strerror(-status));
    server->is_ready = true;
    log_notice("Ready to accept connections");
    process_notify("READY=1\nSTATUS=Ready to accept connections");
}

/* Listens from the beginning, so that clients learn what they wait for. */
static bool begin_loading(struct server *server, struct buffer *error) {
    if (keep_is_wanted()) return load_begin(server->exec, be_ready, server, error);
    be_ready(server);
    return true;
}

static bool run(struct server *server, struct buffer *error) {
    uint64_t one = 1;
    int status = thread_start("stopper", wait_for_stop, server, &server->stopper);
    if (status < 0) {
        buffer_printf(error, "a thread cannot be started: %s", strerror(-status));
        return false;
    }
    bool good = begin_loading(server, error);
    if (good && !net_run(server->net)) {
        buffer_printf(error, "a worker's thread cannot be started");
        good = false;
    }
    good = load_end(error) && good;
    process_notify("STOPPING=1");
    file_write_full(server->stop_event, bytes_make(&one, sizeof one));
    thread_join(&server->stopper);
    if (exec_is_abandoned(server->exec)) server_facts.exit_save = NO_SAVE_AT_EXIT;
    /* Otherwise not all is there yet, and what is must not be taken for it. */
    if (server->is_ready && !persist_stop(server->persist) && good) {
        buffer_printf(error, "the data could not be saved");
        return false;
    }
    return good;
}

static bool live(struct server *server, struct buffer *error) {
    int64_t began_us = clock_mono_us();
    server->stop_event = process_catch_stop();
    if (server->stop_event < 0) {
        buffer_printf(error, "signals cannot be caught: %s", strerror(-server->stop_event));
        return false;
    }
    bool good = build(server, error);
    if (good) {
        log_start(began_us);
        oom_score_begin();
        good = run(server, error);
    }
    tear_down(server);
    file_close(server->stop_event);
    if (*server_settings.pidfile) process_pidfile_remove(server_settings.pidfile);
    return good;
}

/* What goes wrong is said where somebody will look: on standard error, and in a log that is not
 * the terminal. */
static int fail(const struct buffer *error) {
    fprintf(stderr, "strata: %.*s\n", (int)error->len, error->data);
    if (log_is_open && *server_settings.logfile) log_warning("%.*s", (int)error->len, error->data);
    return 1;
}

int serve(int argc, char **argv) {
    struct server server = {0};
    struct buffer error = {0};
    bool good = configure(argc, argv, &error) && open_log(&error) && listen_probe(&error) &&
                go_to_background(&error) && live(&server, &error);
    int status = good ? 0 : fail(&error);
    if (good) log_notice("Stopped");
    buffer_free(&error);
    settings_free();
    config_free();
    return status;
}
