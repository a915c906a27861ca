/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/server.h"
#include "base/log.h"
#include "base/number.h"
#include "cmd/shared_persistence.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "exec/durability.h"
#include "keyspace/policy.h"
#include "sys/clock.h"

/* ---- what the server is ---- */

void server_info(struct call *call) {
    struct buffer out = {0};
    info_write(call->exec, &out, call->argv + 1, call->argc - 1);
    reply_verbatim(call->reply, "txt", buffer_bytes(&out));
    buffer_free(&out);
}

void server_time(struct call *call) {
    int64_t now_us = clock_wall_us();
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, now_us / 1000000);
    reply_bulk_integer(call->reply, now_us % 1000000);
}

void server_role(struct call *call) {
    reply_array(call->reply, 3);
    reply_bulk_text(call->reply, "master");
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
}

/* ---- whole databases ---- */

void server_dbsize(struct call *call) {
    reply_integer(call->reply, (int64_t)keyspace_size(call->view.keyspace, call->view.db).keys);
}

/* [SYNC|ASYNC]; false: the error is written. */
static bool parse_flush_mode(struct call *call, bool *async) {
    *async = policy.lazyfree_lazy_user_flush;
    if (call->argc == 1) return true;
    if (call->argc == 2 && bytes_is(call->argv[1], "sync")) {
        *async = false;
    } else if (call->argc == 2 && bytes_is(call->argv[1], "async")) {
        *async = true;
    } else {
        reply_syntax_error(call->reply);
        return false;
    }
    return true;
}

void server_flushdb(struct call *call) {
    bool async;
    if (!parse_flush_mode(call, &async)) return;
    keyspace_flush(&call->view, async);
    reply_ok(call->reply);
}

void server_flushall(struct call *call) {
    bool async;
    if (!parse_flush_mode(call, &async)) return;
    struct view view = call->view;
    for (view.db = 0; view.db < keyspace_databases(view.keyspace); view.db++)
        keyspace_flush(&view, async);
    reply_ok(call->reply);
}

static bool parse_database(struct call *call, unsigned argument, const char *error, int64_t *db) {
    if (number_parse_i64(call->argv[argument], db) && *db >= INT32_MIN && *db <= INT32_MAX)
        return true;
    reply_error(call->reply, error);
    return false;
}

void server_swapdb(struct call *call) {
    int64_t one, other, count = keyspace_databases(call->view.keyspace);
    if (!parse_database(call, 1, "ERR invalid first DB index", &one) ||
        !parse_database(call, 2, "ERR invalid second DB index", &other))
        return;
    if (one < 0 || one >= count || other < 0 || other >= count) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    keyspace_swap(&call->view, (unsigned)one, (unsigned)other);
    reply_ok(call->reply);
}

/* ---- replication ---- */

/* There are no replicas, so nobody is waited for: no acknowledgement could come before the
 * timeout. */
static bool parse_timeout(struct call *call, struct bytes text, int64_t *timeout_ms) {
    if (!number_parse_i64(text, timeout_ms))
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
    else if (*timeout_ms < 0)
        reply_error(call->reply, "ERR timeout is negative");
    else if (*timeout_ms > INT64_MAX - call->view.now_ms)
        reply_error(call->reply, "ERR timeout is out of range");
    else
        return true;
    return false;
}

void server_wait(struct call *call) {
    int64_t replicas, timeout_ms;
    if (!number_parse_i64(call->argv[1], &replicas))
        reply_not_integer(call->reply);
    else if (parse_timeout(call, call->argv[2], &timeout_ms))
        reply_integer(call->reply, 0);
}

static bool parse_waitaof(struct call *call, int64_t *local, int64_t *timeout_ms) {
    int64_t replicas;
    if (!number_parse_i64(call->argv[1], local)) {
        reply_not_integer(call->reply);
    } else if (*local < 0 || *local > 1) {
        reply_error(call->reply, "ERR value is out of range, value must between 0 and 1");
    } else if (!number_parse_i64(call->argv[2], &replicas) || replicas < 0) {
        reply_error(call->reply, "ERR value is out of range, must be positive");
    } else {
        return parse_timeout(call, call->argv[3], timeout_ms);
    }
    return false;
}

void server_waitaof(struct call *call) {
    int64_t local, timeout_ms, deadline_ms;
    if (!parse_waitaof(call, &local, &timeout_ms)) return;
    if (!durability_waited(call, &deadline_ms))
        deadline_ms = timeout_ms ? call->view.now_ms + timeout_ms : 0;
    bool is_kept = durability_is_kept(call->exec);
    if (local && !is_kept) {
        reply_error(call->reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly "
                                 "is disabled.");
        return;
    }
    bool reached = is_kept && durability_is_reached(call->session);
    if (local && !reached && !call->no_wait && (!deadline_ms || call->view.now_ms < deadline_ms)) {
        durability_wait(call, deadline_ms);
        return;
    }
    reply_array(call->reply, 2);
    reply_integer(call->reply, reached);
    reply_integer(call->reply, 0);
}

/* ---- SHUTDOWN ---- */

struct shutdown_options {
    bool save, nosave, abort, force;
};

static bool parse_shutdown(struct call *call, struct shutdown_options *options) {
    bool modifiers = false;
    *options = (struct shutdown_options){0};
    for (unsigned i = 1; i < call->argc; i++) {
        struct bytes word = call->argv[i];
        if (bytes_is(word, "nosave"))
            options->nosave = true;
        else if (bytes_is(word, "save"))
            options->save = true;
        else if (bytes_is(word, "abort"))
            options->abort = true;
        else if (bytes_is(word, "force"))
            options->force = modifiers = true;
        else if (bytes_is(word, "now") || bytes_is(word, "safe") || bytes_is(word, "failover"))
            modifiers = true;
        else
            return false;
    }
    if (options->abort) return !options->save && !options->nosave && !modifiers;
    return !(options->save && options->nosave);
}

void server_shutdown(struct call *call) {
    struct shutdown_options options;
    if (!parse_shutdown(call, &options)) {
        reply_syntax_error(call->reply);
        return;
    }
    /* A shutdown waits for nothing, so there is never one to be aborted. */
    if (options.abort) {
        reply_error(call->reply, "ERR No shutdown in progress.");
        return;
    }
    log_warning("User requested shutdown...");
    if ((options.save || (!options.nosave && persistence_wanted_at_exit())) &&
        persistence_save_now(call->worker) == PERSISTENCE_FAILED && !options.force) {
        reply_error(call->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
        return;
    }
    server_facts.exit_save = options.save     ? SAVE_AT_EXIT
                             : options.nosave ? NO_SAVE_AT_EXIT
                                              : SAVE_AT_EXIT_IF_WANTED;
    call->session->flags |= SESSION_CLOSING;
    net_stop(exec_net(call->exec));
}
