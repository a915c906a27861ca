/* SPDX-License-Identifier: BSD-3-Clause */
/* DUMP and RESTORE: payloads (value/rdb.h) of one value. */
#include "cmd/dump.h"
#include "base/number.h"
#include "cmd/shared_collection.h"
#include "cmd/shared_server.h"
#include "config/config.h"
#include "keyspace/clock.h"
#include "keyspace/policy.h"
#include "value/rdb_value.h"

/* ---- DUMP ---- */

static bool write_payload(const struct entry *e, struct buffer *out) {
    struct value value = entry_value(e);
    return rdb_write_value(&value, out) && rdb_payload_end(out, RDB_VERSION);
}

bool dump_write_shared_payload(const struct entry *e, struct buffer *out) {
    static const struct rdb_style style = {.version = RDB_VERSION_SHARED};
    struct value value = entry_value(e);
    bool refused = false;
    if (rdb_write_value_as(&value, &style, out, &refused))
        return rdb_payload_end(out, RDB_VERSION_SHARED);
    buffer_clear(out);
    return refused && write_payload(e, out);
}

void dump_dump(struct call *call) {
    const struct entry *e = keyspace_find(&call->view, &call->keys[0]);
    if (!e) {
        reply_null(call->reply);
        return;
    }
    struct buffer *payload = collection_scratch();
    buffer_clear(payload);
    if (write_payload(e, payload))
        reply_bulk(call->reply, buffer_bytes(payload));
    else
        reply_no_memory(call->reply);
}

/* ---- RESTORE ---- */

struct restore {
    bool replace, absolute;
    int64_t ttl;       /* 0 = none */
    int64_t idle;      /* seconds; -1 = not given */
    int64_t frequency; /* -1 = not given */
};

static bool parse_integer(struct call *call, unsigned argument, int64_t *out) {
    if (number_parse_i64(call->argv[argument], out)) return true;
    reply_not_integer(call->reply);
    return false;
}

static bool parse_usage(struct call *call, unsigned argument, int64_t most, const char *error,
                        int64_t *out) {
    int64_t number;
    if (!parse_integer(call, argument, &number)) return false;
    if (number < 0 || number > most) {
        reply_error(call->reply, error);
        return false;
    }
    *out = number;
    return true;
}

static bool parse_option(struct call *call, unsigned *i, struct restore *restore) {
    struct bytes word = call->argv[*i];
    bool more = *i + 1 < call->argc;
    if (bytes_is(word, "replace")) {
        restore->replace = true;
    } else if (bytes_is(word, "absttl")) {
        restore->absolute = true;
    } else if (bytes_is(word, "idletime") && more && restore->frequency < 0) {
        return parse_usage(call, ++*i, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0",
                           &restore->idle);
    } else if (bytes_is(word, "freq") && more && restore->idle < 0) {
        return parse_usage(call, ++*i, UINT8_MAX, "ERR Invalid FREQ value, must be >= 0 and <= 255",
                           &restore->frequency);
    } else {
        reply_syntax_error(call->reply);
        return false;
    }
    return true;
}

static bool parse_options(struct call *call, struct restore *restore) {
    *restore = (struct restore){.idle = -1, .frequency = -1};
    for (unsigned i = 4; i < call->argc; i++)
        if (!parse_option(call, &i, restore)) return false;
    return true;
}

static bool parse_ttl(struct call *call, struct restore *restore) {
    if (!parse_integer(call, 2, &restore->ttl)) return false;
    if (restore->ttl >= 0) return true;
    reply_error(call->reply, "ERR Invalid TTL value, must be >= 0");
    return false;
}

/* Payloads of Redis newer than what Valkey has taken over are read too; what is in them that Redis
 * alone has is refused. False: it has been answered. */
static bool read_payload(struct call *call, struct value *value) {
    struct rdb_reader reader;
    uint8_t type;
    unsigned trust = config_number("rdb-version-check") ? RDB_ANY_VERSION : 0;
    if (server_facts.any_checksum) trust |= RDB_ANY_CHECKSUM;
    if (!rdb_payload_open(&reader, call->argv[3], trust)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    if (rdb_read_byte(&reader, &type) &&
        rdb_read_value(&reader, type, call->view.now_ms, collection_scratch(), value))
        return true;
    if (reader.no_memory)
        reply_no_memory(call->reply);
    else
        reply_error(call->reply, "ERR Bad data format");
    return false;
}

static void set_clock(const struct call *call, struct entry *e, const struct restore *restore) {
    if (policy_is_lfu() && restore->frequency >= 0)
        entry_set_clock(e, clock_frequent((uint8_t)restore->frequency, call->view.now_ms));
    else if (!policy_is_lfu() && restore->idle >= 0)
        entry_set_clock(e, clock_idle_for((uint64_t)restore->idle, call->view.now_ms));
}

static void drop(struct value *value) {
    if (value->large) value_ops(value->type)->free(value->object);
}

static int64_t expiry_of(const struct call *call, const struct restore *restore) {
    if (!restore->ttl) return EXPIRY_NONE;
    if (restore->absolute) return restore->ttl;
    int64_t expiry;
    /* Beyond the end of time is before its beginning, as in Valkey. */
    if (__builtin_add_overflow(restore->ttl, call->view.now_ms, &expiry)) return 0;
    return expiry;
}

static void store(struct call *call, struct spot *spot, struct value *value,
                  const struct restore *restore) {
    int64_t expiry = expiry_of(call, restore);
    if (expiry != EXPIRY_NONE && expiry <= call->view.now_ms) {
        if (spot->entry) keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
        drop(value);
        reply_ok(call->reply);
        return;
    }
    struct edit edit = {{EVENT_GENERIC, "restore"}, call->argv, call->argc, .anew = true};
    if (!keyspace_replace(&call->view, spot, value, expiry, &edit)) {
        drop(value);
        reply_no_memory(call->reply);
        return;
    }
    set_clock(call, spot->entry, restore);
    reply_ok(call->reply);
}

void dump_restore(struct call *call) {
    struct restore restore;
    struct spot spot;
    struct value value = {0};
    if (!parse_options(call, &restore)) return;
    if (keyspace_seek(&call->view, &call->keys[0], &spot) && !restore.replace) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (parse_ttl(call, &restore) && read_payload(call, &value))
        store(call, &spot, &value, &restore);
}
