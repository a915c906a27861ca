/* SPDX-License-Identifier: BSD-3-Clause */
/* DEBUG: what tests need to look behind the scenes, and to break things. */
#include "cmd/debug.h"
#include "base/log.h"
#include "base/number.h"
#include "cmd/shared_entry.h"
#include "cmd/shared_persistence.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "keyspace/clock.h"
#include "keyspace/policy.h"
#include "sys/entropy.h"
#include "sys/memory.h"
#include "value/string.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- keys ---- */

/* The key's entry; NULL: the error is written. */
static const struct entry *find(struct call *call, struct bytes name) {
    struct key key = key_make(name);
    const struct entry *e = keyspace_look(&call->view, &key);
    if (!e) reply_no_such_key(call->reply);
    return e;
}

/* Bytes of the value in a snapshot, not compressed. */
static size_t serialized_length(const struct entry *e) {
    struct bytes value = entry_string(e);
    int64_t n;
    if (value.len <= 11 && number_parse_i64(value, &n) && n >= INT32_MIN && n <= INT32_MAX)
        return n >= INT8_MIN && n <= INT8_MAX ? 2 : n >= INT16_MIN && n <= INT16_MAX ? 3 : 5;
    return value.len + (value.len < 64 ? 1 : value.len < 16384 ? 2 : 5);
}

static void debug_object(struct call *call) {
    const struct entry *e = find(call, call->argv[2]);
    if (!e) return;
    char serialized[48] = "";
    if (call->argc == 3)
        snprintf(serialized, sizeof serialized, "serializedlength:%zu ", serialized_length(e));
    char text[256];
    snprintf(text, sizeof text, "Value at:%p refcount:1 encoding:%s %slru:%u lru_seconds_idle:%u",
             (const void *)e, entry_encoding(e), serialized, entry_clock(e),
             clock_idle_seconds(entry_clock(e), call->view.now_ms));
    reply_simple(call->reply, text);
}

static void debug_sdslen(struct call *call) {
    const struct entry *e = find(call, call->argv[2]);
    if (!e) return;
    struct entry_view parts = entry_decode(e);
    if (entry_is_object(e)) {
        reply_error(call->reply, "ERR Not an sds encoded string.");
        return;
    }
    char text[256];
    snprintf(text, sizeof text,
             "key_sds_len:%zu, key_sds_avail:0, obj_alloc:%zu, val_sds_len:%zu, val_sds_avail:0, "
             "val_alloc:%zu",
             parts.key.len, keyspace_entry_cost(e), parts.value.len, keyspace_entry_cost(e));
    reply_simple(call->reply, text);
}

static void debug_listpack(struct call *call) {
    const struct entry *e = find(call, call->argv[2]);
    if (!e) return;
    if (bytes_is(bytes_of(entry_encoding(e)), "listpack"))
        reply_simple(call->reply, "Listpack structure printed on stdout");
    else
        reply_error(call->reply, "ERR Not a listpack encoded object.");
}

static void debug_quicklist(struct call *call) {
    if (find(call, call->argv[2])) reply_error(call->reply, "ERR Not a quicklist encoded object.");
}

static void debug_htstats_key(struct call *call) {
    if (find(call, call->argv[2]))
        reply_error(call->reply, "ERR The value stored at the specified key is not represented "
                                 "using an hash table");
}

static void describe_table(struct buffer *out, const char *title, uint64_t entries) {
    buffer_printf(out, "%s\n", title);
    if (entries) buffer_printf(out, " number of entries: %llu\n", (unsigned long long)entries);
}

static void debug_htstats(struct call *call) {
    int64_t db;
    if (!number_parse_i64(call->argv[2], &db)) {
        reply_not_integer(call->reply);
        return;
    }
    if (db < 0 || db >= keyspace_databases(call->view.keyspace)) {
        reply_error(call->reply, "ERR Out of range database");
        return;
    }
    struct keyspace_size size = keyspace_size(call->view.keyspace, (unsigned)db);
    struct buffer out = {0};
    describe_table(&out, "[Dictionary HT]", size.keys);
    describe_table(&out, "[Expires HT]", size.volatile_keys);
    reply_verbatim(call->reply, "txt", buffer_bytes(&out));
    buffer_free(&out);
}

/* ---- POPULATE ---- */

struct population {
    int64_t count, size; /* size 0: as long as the text is */
    struct bytes prefix;
    struct buffer name, value;
};

static bool parse_population(struct call *call, struct population *p) {
    *p = (struct population){.prefix = BYTES("key")};
    bool good = number_parse_i64(call->argv[2], &p->count) && p->count >= 0;
    if (call->argc > 3) p->prefix = call->argv[3];
    if (call->argc > 4) good = good && number_parse_i64(call->argv[4], &p->size);
    good = good && p->size >= 0 && (size_t)p->size <= STRING_MAX;
    if (!good) reply_error(call->reply, "ERR value is out of range, must be positive");
    return good;
}

/* Key and value number i; false = no memory. */
static bool compose(struct population *p, int64_t i) {
    buffer_clear(&p->name);
    buffer_clear(&p->value);
    if (!buffer_append_bytes(&p->name, p->prefix) ||
        !buffer_printf(&p->name, ":%lld", (long long)i) ||
        !buffer_printf(&p->value, "value:%lld", (long long)i))
        return false;
    size_t size = (size_t)p->size, written = p->value.len;
    if (size == 0) return true;
    if (size > written) {
        if (!buffer_reserve(&p->value, size - written)) return false;
        memset(p->value.data + written, 0, size - written);
    }
    p->value.len = size;
    return true;
}

static bool populate(struct call *call, struct population *p) {
    for (int64_t i = 0; i < p->count; i++) {
        if (!compose(p, i)) return false;
        struct key key = key_make(buffer_bytes(&p->name));
        struct spot spot;
        if (keyspace_seek(&call->view, &key, &spot)) continue;
        struct string_store store = {.value = buffer_bytes(&p->value), .expiry = EXPIRY_NONE};
        if (!keyspace_store_string(&call->view, &spot, &store)) return false;
    }
    return true;
}

static void debug_populate(struct call *call) {
    struct population p;
    if (!parse_population(call, &p)) return;
    if (populate(call, &p))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
    buffer_free(&p.name);
    buffer_free(&p.value);
}

/* ---- the server ---- */

/* Everybody waits: that is what it is for. */
static void debug_sleep(struct call *call) {
    char text[64] = "";
    memcpy(text, call->argv[2].data, MIN(call->argv[2].len, sizeof text - 1));
    double seconds = strtod(text, NULL);
    if (seconds > 0 && seconds < 1e9) {
        struct timespec left = {.tv_sec = (time_t)seconds,
                                .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
        while (nanosleep(&left, &left) != 0)
            continue;
    }
    reply_ok(call->reply);
}

static bool is_on(const struct call *call) {
    int64_t on = 0;
    number_parse_i64(call->argv[2], &on);
    return on != 0;
}

static void debug_set_active_expire(struct call *call) {
    policy.active_expire = is_on(call);
    reply_ok(call->reply);
}

static void debug_set_skip_checksum_validation(struct call *call) {
    server_facts.any_checksum = is_on(call);
    reply_ok(call->reply);
}

static void debug_set_disable_deny_scripts(struct call *call) {
    exec_let_scripts_debug(call->exec, is_on(call));
    reply_ok(call->reply);
}

static void debug_change_repl_id(struct call *call) {
    entropy_hex(server_facts.replication_id, sizeof server_facts.replication_id / 2);
    reply_ok(call->reply);
}

static void debug_error(struct call *call) {
    reply_error_bytes(call->reply, call->argv[2]);
}

static void debug_log(struct call *call) {
    log_warning("DEBUG LOG: %.*s", (int)call->argv[2].len, call->argv[2].data);
    reply_ok(call->reply);
}

/* Tunes or simulates a part that Strata does not have. */
static void debug_accept(struct call *call) {
    reply_ok(call->reply);
}

static void debug_leak(struct call *call) {
    void *lost = memory_alloc(call->argv[2].len + 1);
    if (lost) memcpy(lost, call->argv[2].data, call->argv[2].len);
    reply_ok(call->reply);
}

static void debug_segfault(struct call *call) {
    volatile char *volatile nowhere = NULL;
    *nowhere = 0;
}

static void debug_panic(struct call *call) {
    log_warning("DEBUG PANIC: called at Unix time %lld", (long long)call->view.now_ms / 1000);
    abort();
}

static void debug_assert(struct call *call) {
    ensure(!"DEBUG ASSERT");
}

static void debug_oom(struct call *call) {
    memory_free(memory_need(SIZE_MAX / 4));
}

/* ---- the subcommands ---- */

static void debug_help(struct call *call);

static const struct {
    const char *name;
    unsigned min, max; /* of argc */
    command_handler *run;
    const char *syntax, *what; /* NULL: not in HELP */
} subcommands[] = {
    {"aof-flush-sleep", 3, 3, debug_accept, NULL, NULL},
    {"assert", 2, 2, debug_assert, "ASSERT", "Crash on a failed assertion."},
    {"change-repl-id", 2, 2, debug_change_repl_id, "CHANGE-REPL-ID",
     "Take another replication id."},
    {"client-enforce-reply-list", 3, 3, debug_accept, NULL, NULL},
    {"close-cluster-link-on-packet-drop", 3, 3, debug_accept, NULL, NULL},
    {"delay-rdb-client-free-second", 3, 3, debug_accept, NULL, NULL},
    {"dict-resizing", 3, 3, debug_accept, NULL, NULL},
    {"digest", 2, 2, debug_digest, "DIGEST", "A digest of all keys of all databases."},
    {"digest-value", 2, UINT32_MAX, debug_digest_value, "DIGEST-VALUE <key> [<key> ...]",
     "A digest of each value."},
    {"disable-cluster-random-ping", 3, 3, debug_accept, NULL, NULL},
    {"disable-cluster-reconnection", 3, 3, debug_accept, NULL, NULL},
    {"drop-cluster-packet-filter", 3, 3, debug_accept, NULL, NULL},
    {"error", 3, 3, debug_error, "ERROR <text>", "Reply with an error of this text."},
    {"hashtable-can-abort-shrink", 3, 3, debug_accept, NULL, NULL},
    {"help", 2, 2, debug_help, NULL, NULL},
    {"htstats", 3, 4, debug_htstats, "HTSTATS <db> [full]", "The sizes of a database's tables."},
    {"htstats-key", 3, 4, debug_htstats_key, "HTSTATS-KEY <key> [full]",
     "The same of a value that is a table."},
    {"leak", 3, 3, debug_leak, "LEAK <text>", "Allocate a copy of the text and forget it."},
    {"listpack", 3, 3, debug_listpack, "LISTPACK <key>", "The value as a flat pack."},
    {"loadaof", 2, 2, persistence_debug_loadaof, "LOADAOF", "Flush and load from the journal."},
    {"log", 3, 3, debug_log, "LOG <text>", "Write the text to the log."},
    {"object", 3, 4, debug_object, "OBJECT <key> [fast]", "How the value is kept."},
    {"oom", 2, 2, debug_oom, "OOM", "Crash for want of memory."},
    {"panic", 2, 2, debug_panic, "PANIC", "Crash by abort()."},
    {"pause-after-fork", 3, 3, debug_accept, NULL, NULL},
    {"pause-cron", 3, 3, debug_accept, NULL, NULL},
    {"populate", 3, 5, debug_populate, "POPULATE <count> [<prefix>] [<size>]",
     "Make so many strings where there is no such key yet."},
    {"protocol", 3, 3, debug_protocol, "PROTOCOL <type>", "Reply with a value of this RESP type."},
    {"quicklist", 3, 4, debug_quicklist, "QUICKLIST <key> [<0|1>]",
     "The value as a list of packs."},
    {"quicklist-packed-threshold", 3, 3, debug_accept, NULL, NULL},
    {"replicate", 3, UINT32_MAX, debug_accept, NULL, NULL},
    {"replybuffer", 4, 4, debug_accept, NULL, NULL},
    {"reload", 2, UINT32_MAX, persistence_debug_reload, "RELOAD [MERGE|NOFLUSH|NOSAVE ...]",
     "Save, flush and load."},
    {"sdslen", 3, 3, debug_sdslen, "SDSLEN <key>", "The lengths of key and value."},
    {"segfault", 2, 2, debug_segfault, "SEGFAULT", "Crash on a bad address."},
    {"set-active-expire", 3, 3, debug_set_active_expire, "SET-ACTIVE-EXPIRE <0|1>",
     "Whether keys expire before anybody looks at them."},
    {"set-disable-deny-scripts", 3, 3, debug_set_disable_deny_scripts,
     "SET-DISABLE-DENY-SCRIPTS <0|1>", "Whether scripts may call DEBUG PROTOCOL and SLEEP."},
    {"set-skip-checksum-validation", 3, 3, debug_set_skip_checksum_validation,
     "SET-SKIP-CHECKSUM-VALIDATION <0|1>", "Whether RESTORE takes a wrong checksum."},
    {"sleep", 3, 3, debug_sleep, "SLEEP <seconds>", "Stop serving for so long."},
};

static void debug_help(struct call *call) {
    const char *lines[2 * ARRAY_LEN(subcommands) + 1];
    char indented[ARRAY_LEN(subcommands)][80];
    unsigned count = 0;
    for (unsigned i = 0; i < ARRAY_LEN(subcommands); i++) {
        if (!subcommands[i].syntax) continue;
        snprintf(indented[i], sizeof indented[i], "    %s", subcommands[i].what);
        lines[count++] = subcommands[i].syntax;
        lines[count++] = indented[i];
    }
    lines[count] = NULL;
    call_help(call, lines);
}

enum { DEBUG_NO, DEBUG_YES, DEBUG_LOCAL }; /* enable-debug-command */

static bool is_allowed(const struct call *call) {
    int64_t allowed = config_number("enable-debug-command");
    return allowed == DEBUG_YES ||
           (allowed == DEBUG_LOCAL && connection_peer_is_local(call->session->connection));
}

/* What is about the server as a whole cannot be done in the middle of a script. */
static bool is_for_scripts(void (*run)(struct call *call)) {
    return run == debug_protocol || run == debug_sleep;
}

void debug_run(struct call *call) {
    if (!is_allowed(call)) {
        reply_error(call->reply,
                    "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                    "\"local\", you can run it from a local connection, otherwise you need to set "
                    "this option in the configuration file, and then restart the server.");
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(subcommands); i++) {
        if (!bytes_is(call->argv[1], subcommands[i].name)) continue;
        if (call->argc < subcommands[i].min || call->argc > subcommands[i].max) break;
        if (call->from_script && !is_for_scripts(subcommands[i].run))
            reply_error(call->reply, "ERR This Valkey command is not allowed from script");
        else
            subcommands[i].run(call);
        return;
    }
    call_subcommand_error(call);
}
