/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MIGRATE. While its partitions are locked, each key is written down as a RESTORE for the target; a
 * thread of the background sends that and reads the replies; then, with each key locked again, what
 * has arrived is deleted here.
 *
 * Nothing that is written to a key meanwhile is lost: commands that name it wait
 * (exec/key_guard.h), and a key that has been changed in spite of that is not deleted but sent once
 * more. In MULTI and in scripts nobody can come between, so all of it is done in place there.
 */
#include "cmd/dump_migrate.h"
#include "base/number.h"
#include "cmd/dump.h"
#include "exec/key_guard.h"
#include "sys/memory.h"

enum { TRIES = 5, TIMEOUT_MS = 1000, OPTIONS_AT = 6 };

#define STILL_CHANGING "IOERR error or timeout writing to target instance"

/* ---- arguments ---- */

struct arguments {
    bool copy, replace;
    struct bytes user, password; /* no data = none */
    unsigned first_key, key_count;
    int64_t db, timeout_ms;
};

/* The words that an option takes beyond its name; -1 = there is no such option. */
static int words_of_option(struct bytes name) {
    if (bytes_is(name, "copy") || bytes_is(name, "replace")) return 0;
    if (bytes_is(name, "auth")) return 1;
    return bytes_is(name, "auth2") ? 2 : -1;
}

int dump_migrate_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                      unsigned capacity) {
    unsigned first = 3, count = 1;
    for (unsigned i = OPTIONS_AT; i + 1 < argc; i++) {
        if (bytes_is(argv[i], "keys")) {
            if (argv[3].len) return -1;
            first = i + 1;
            count = argc - first;
            break;
        }
        i += (unsigned)MAX(words_of_option(argv[i]), 0);
    }
    for (unsigned i = 0; positions && i < MIN(count, capacity); i++)
        positions[i] = first + i;
    return (int)count;
}

static bool parse_auth(struct call *call, unsigned at, struct arguments *out) {
    bool with_user = bytes_is(call->argv[at], "auth2");
    if (at + 1 + with_user >= call->argc) {
        reply_syntax_error(call->reply);
        return false;
    }
    if (with_user) {
        out->user = call->argv[++at];
        call_redact(call, at);
    }
    out->password = call->argv[++at];
    call_redact(call, at);
    return true;
}

static bool parse_options(struct call *call, struct arguments *out) {
    for (unsigned i = OPTIONS_AT; i < call->argc; i++) {
        struct bytes name = call->argv[i];
        int words = words_of_option(name);
        if (words > 0) {
            if (!parse_auth(call, i, out)) return false;
            i += (unsigned)words;
        } else if (words == 0) {
            *(bytes_is(name, "copy") ? &out->copy : &out->replace) = true;
        } else if (bytes_is(name, "keys")) {
            if (!call->argv[3].len) return true;
            reply_error(call->reply, "ERR When using MIGRATE KEYS option, the key argument must be "
                                     "set to the empty string");
            return false;
        } else {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

static bool parse(struct call *call, struct arguments *out) {
    *out = (struct arguments){0};
    if (!parse_options(call, out)) return false;
    if (!number_parse_i64(call->argv[5], &out->timeout_ms) ||
        !number_parse_i64(call->argv[4], &out->db)) {
        reply_not_integer(call->reply);
        return false;
    }
    if (out->timeout_ms <= 0) out->timeout_ms = TIMEOUT_MS;
    out->timeout_ms = MIN(out->timeout_ms, INT64_MAX / 4000);
    return true;
}

/* ---- what goes out ---- */

static bool append_word(struct buffer *out, struct bytes word) {
    return buffer_printf(out, "$%zu\r\n", word.len) && buffer_append_bytes(out, word) &&
           buffer_append_bytes(out, BYTES("\r\n"));
}

static bool append_login(struct buffer *out, const struct arguments *arguments) {
    char db[NUMBER_I64_MAX];
    struct bytes user = arguments->user, password = arguments->password;
    if (password.data) {
        if (!buffer_printf(out, "*%d\r\n$4\r\nAUTH\r\n", user.data ? 3 : 2)) return false;
        if (user.data && !append_word(out, user)) return false;
        if (!append_word(out, password)) return false;
    }
    return buffer_append_bytes(out, BYTES("*2\r\n$6\r\nSELECT\r\n")) &&
           append_word(out, bytes_make(db, number_format_i64(db, arguments->db)));
}

static bool append_restore(struct migration *m, const struct key *key, const struct entry *e,
                           int64_t now_ms) {
    char ttl[NUMBER_I64_MAX];
    int64_t expiry = entry_expiry(e);
    int64_t left_ms = expiry == EXPIRY_NONE ? 0 : MAX(expiry - now_ms, (int64_t)1);
    bool replace = m->replace || m->tries > 0;
    buffer_clear(&m->payload);
    return dump_write_shared_payload(e, &m->payload) &&
           buffer_printf(&m->request, "*%d\r\n$7\r\nRESTORE\r\n", replace ? 5 : 4) &&
           append_word(&m->request, key->name) &&
           append_word(&m->request, bytes_make(ttl, number_format_i64(ttl, left_ms))) &&
           append_word(&m->request, buffer_bytes(&m->payload)) &&
           (!replace || append_word(&m->request, BYTES("REPLACE")));
}

/* ---- the migration ---- */

static void migration_free(struct background_task *task) {
    struct migration *m = CONTAINER_OF(task, struct migration, task);
    migration_disconnect(m);
    if (m->guard) key_guard_end(m->guard);
    buffer_free(&m->request);
    buffer_free(&m->payload);
    buffer_free(&m->target_error);
    memory_free(m);
}

/* One block for it and what it copies. */
static struct migration *migration_create(const struct call *call,
                                          const struct arguments *arguments) {
    size_t size = sizeof(struct migration) + call->key_count * sizeof(struct migrated_key);
    size_t text = call->argv[1].len + 1;
    for (unsigned i = 0; i < call->key_count; i++)
        text += call->keys[i].name.len;
    struct migration *m = memory_alloc_zero(size + text);
    if (!m) return NULL;
    char *at = (char *)m + size;
    m->host = at;
    memcpy(at, call->argv[1].data, call->argv[1].len);
    m->at_names = at + call->argv[1].len + 1;
    m->port = migration_port(call->argv[2]);
    m->timeout_us = arguments->timeout_ms * 1000;
    m->copy = arguments->copy;
    m->replace = arguments->replace;
    m->logs_in = arguments->password.data != NULL;
    m->cancel = call->no_wait ? NULL : background_stop_flag(call->exec);
    return m;
}

/* Writes the RESTOREs of all keys that exist. False: no memory. */
static bool write_keys(struct call *call, struct migration *m) {
    for (unsigned i = 0; i < call->key_count; i++) {
        const struct entry *e = keyspace_find(&call->view, &call->keys[i]);
        if (!e) continue;
        struct bytes name = call->keys[i].name;
        struct migrated_key *k = &m->keys[m->key_count++];
        if (name.len) memcpy(m->at_names, name.data, name.len);
        k->key = (struct key){bytes_make(m->at_names, name.len), call->keys[i].hash};
        k->state = KEY_WRITTEN;
        m->at_names += name.len;
        if (!append_restore(m, &k->key, e, call->view.now_ms)) return false;
    }
    return true;
}

static bool guard_keys(struct call *call, struct migration *m) {
    if (m->copy || call->no_wait) return true;
    struct key *keys = memory_alloc(m->key_count * sizeof *keys);
    if (!keys) return false;
    for (unsigned i = 0; i < m->key_count; i++)
        keys[i] = m->keys[i].key;
    m->guard = key_guard_begin(call, keys, m->key_count);
    memory_free(keys);
    return m->guard != NULL;
}

/* ---- the end ---- */

static void remove_key(struct call *call, const struct key *key) {
    struct spot spot;
    if (keyspace_seek_whole(&call->view, key, &spot))
        keyspace_remove(&call->view, &spot, (struct event){EVENT_GENERIC, "del"});
}

/* The key has arrived: deletes it, or writes it down again when it has changed. False: no memory.
 */
static bool settle_key(struct call *call, struct migration *m, unsigned i) {
    struct migrated_key *k = &m->keys[i];
    const struct entry *e = NULL;
    k->state = KEY_DONE;
    if (m->guard && key_guard_was_broken(m->guard, i)) e = keyspace_peek(&call->view, &k->key);
    if (!e) {
        if (!m->copy) remove_key(call, &k->key);
        return true;
    }
    if (!append_restore(m, &k->key, e, call->view.now_ms)) return false;
    k->state = KEY_WRITTEN;
    return true;
}

/* Returns how many keys have to be sent again. */
static unsigned settle(struct call *call, struct migration *m) {
    unsigned again = 0;
    buffer_clear(&m->request);
    m->tries++;
    for (unsigned i = 0; i < m->key_count; i++) {
        struct gate_hold hold;
        if (m->keys[i].state != KEY_ARRIVED) continue;
        if (!call->no_wait) background_lock(call, &m->keys[i].key, &hold);
        if (!settle_key(call, m, i)) m->error = "OOM not enough memory to send the key again";
        if (!call->no_wait) background_unlock(&m->task, call, &hold);
        again += m->keys[i].state == KEY_WRITTEN;
    }
    return again;
}

static bool migration_finish(struct background_task *task, struct call *call) {
    struct migration *m = CONTAINER_OF(task, struct migration, task);
    unsigned again = settle(call, m);
    if (again && !m->error && !m->target_error.len) {
        if (m->tries < TRIES) return false;
        m->error = STILL_CHANGING;
    }
    if (m->target_error.len)
        reply_errorf(call->reply, "ERR Target instance replied with error: %.*s",
                     (int)m->target_error.len, m->target_error.data);
    else if (m->error)
        reply_error(call->reply, m->error);
    else
        reply_ok(call->reply);
    return true;
}

/* ---- the handler ---- */

static void start(struct call *call, struct migration *m) {
    if (!call->no_wait) {
        background_start(call, &m->task);
        return;
    }
    migration_work(&m->task);
    migration_finish(&m->task, call);
    migration_free(&m->task);
}

void dump_migrate(struct call *call) {
    struct arguments arguments;
    if (!parse(call, &arguments)) return;
    struct migration *m = migration_create(call, &arguments);
    bool good = m != NULL;
    if (good) {
        m->task = (struct background_task){migration_work, migration_finish, migration_free};
        good = append_login(&m->request, &arguments) && write_keys(call, m) &&
               migration_read_tls(m) && (!m->key_count || guard_keys(call, m));
    }
    if (good && m->key_count) {
        start(call, m);
        return;
    }
    if (good)
        reply_simple(call->reply, "NOKEY");
    else
        reply_no_memory(call->reply);
    if (m) migration_free(&m->task);
}
