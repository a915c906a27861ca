/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/client_filter.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/acl.h"
#include "exec/exec.h"
#include "exec/pubsub.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <stdlib.h>

#define NEGATION       "NOT-"
#define NAME_MAX_SHOWN 128

/* ---- options ---- */

enum option_kind { IDS, TYPE, DATABASE, USER, TEXT, LETTERS, AGE, IDLE, SKIP_ME };

static const struct option {
    const char *name; /* as errors write it; NOT- goes before */
    enum option_kind kind;
    enum client_filter_text text; /* USER, TEXT and LETTERS */
    const char *letters;          /* those that exist, here or on servers that know more kinds */
    bool never_negated;
} options[] = {
    {"ID", IDS},
    {"TYPE", TYPE},
    {"DB", DATABASE},
    {"USER", USER, FILTER_USER},
    {"ADDR", TEXT, FILTER_ADDR},
    {"LADDR", TEXT, FILTER_LADDR},
    {"IP", TEXT, FILTER_IP},
    {"NAME", TEXT, FILTER_NAME},
    {"LIB-NAME", TEXT, FILTER_LIB_NAME},
    {"LIB-VER", TEXT, FILTER_LIB_VER},
    {"flags", LETTERS, FILTER_FLAGS, .letters = "ABEIMNOPRSTUbcdeirtux"},
    {"capa", LETTERS, FILTER_CAPA, .letters = "r"},
    {"maxage", AGE, .never_negated = true},
    {"idle", IDLE, .never_negated = true},
    {"skipme", SKIP_ME, .never_negated = true},
};

static const struct option *find_option(struct bytes name, bool *negated) {
    size_t prefix = strlen(NEGATION);
    *negated = name.len > prefix && bytes_is(bytes_make(name.data, prefix), NEGATION);
    if (*negated) name = bytes_skip(name, prefix);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (bytes_is(name, options[i].name) && !(*negated && options[i].never_negated))
            return &options[i];
    return NULL;
}

/* ---- parsing ---- */

struct parser {
    struct call *call;
    struct client_filter *filter;
    struct client_traits *traits; /* what the option at hand speaks of */
    const struct option *option;
    bool negated;
    unsigned next; /* the first word after the option's name that is not parsed yet */
};

/* Takes numbers as long as there are any. */
static bool parse_ids(struct parser *p) {
    struct client_traits *traits = p->traits;
    unsigned first = p->next;
    for (int64_t id; p->next < p->call->argc && number_parse_i64(p->call->argv[p->next], &id);) {
        if (id < 1) {
            reply_error(p->call->reply, "ERR client-id should be greater than 0");
            return false;
        }
        if (!traits->ids) traits->ids = memory_alloc(p->call->argc * sizeof *traits->ids);
        if (!traits->ids) {
            reply_no_memory(p->call->reply);
            return false;
        }
        traits->ids[traits->id_count++] = (uint64_t)id;
        p->next++;
    }
    if (p->next == first) reply_syntax_error(p->call->reply);
    return p->next > first;
}

static bool parse_type(struct parser *p, struct bytes value) {
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {
        {"normal", CLIENT_NORMAL}, {"replica", CLIENT_REPLICA}, {"slave", CLIENT_REPLICA},
        {"pubsub", CLIENT_PUBSUB}, {"primary", CLIENT_PRIMARY}, {"master", CLIENT_PRIMARY},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (!bytes_is(value, types[i].name)) continue;
        p->traits->has_type = true;
        p->traits->type = types[i].type;
        return true;
    }
    reply_errorf(p->call->reply, "ERR Unknown client type '%.*s'", (int)value.len, value.data);
    return false;
}

static bool parse_db(struct parser *p, struct bytes value) {
    const char *name = p->negated ? NEGATION "DB" : "DB";
    int64_t db, last = (int64_t)keyspace_databases(exec_keyspace(p->call->exec)) - 1;
    if (!number_parse_i64(value, &db) || db < INT32_MIN || db > INT32_MAX) {
        reply_errorf(p->call->reply, "ERR %s is not an integer or out of range", name);
        return false;
    }
    if (db < 0 || db > last) {
        reply_errorf(p->call->reply, "ERR %s number should be between 0 and %lld", name,
                     (long long)last);
        return false;
    }
    p->traits->has_db = true;
    p->traits->db = db;
    return true;
}

static bool parse_text(struct parser *p, struct bytes value) {
    p->traits->has_text[p->option->text] = true;
    p->traits->texts[p->option->text] = value;
    return true;
}

static bool parse_user(struct parser *p, struct bytes value) {
    if (acl_find(p->call->exec, value)) return parse_text(p, value);
    reply_errorf(p->call->reply, "ERR No such user '%.*s'", (int)value.len, value.data);
    return false;
}

static bool parse_letters(struct parser *p, struct bytes value) {
    static const char *const negated_names[FILTER_TEXTS] = {
        [FILTER_FLAGS] = NEGATION "FLAGS",
        [FILTER_CAPA] = NEGATION "CAPA",
    };
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] && strchr(p->option->letters, value.data[i])) continue;
        reply_errorf(p->call->reply, "ERR Unknown %s found in the %s filter: %.*s", p->option->name,
                     p->negated ? negated_names[p->option->text] : "provided", (int)value.len,
                     value.data);
        return false;
    }
    return parse_text(p, value);
}

static bool parse_seconds(struct parser *p, struct bytes value, int64_t *out) {
    const char *name = p->option->name;
    if (!number_parse_i64(value, out)) {
        reply_errorf(p->call->reply, "ERR %s is not an integer or out of range", name);
        return false;
    }
    if (*out > 0) return true;
    reply_errorf(p->call->reply, "ERR %s should be greater than 0", name);
    return false;
}

static bool parse_skip_me(struct parser *p, struct bytes value) {
    p->filter->skip_me = bytes_is(value, "yes");
    if (p->filter->skip_me || bytes_is(value, "no")) return true;
    reply_syntax_error(p->call->reply);
    return false;
}

static bool parse_values(struct parser *p) {
    if (p->option->kind == IDS) return parse_ids(p);
    struct bytes value = p->call->argv[p->next++];
    switch (p->option->kind) {
    case TYPE: return parse_type(p, value);
    case DATABASE: return parse_db(p, value);
    case USER: return parse_user(p, value);
    case TEXT: return parse_text(p, value);
    case LETTERS: return parse_letters(p, value);
    case AGE: return parse_seconds(p, value, &p->filter->min_age);
    case IDLE: return parse_seconds(p, value, &p->filter->min_idle);
    case SKIP_ME: return parse_skip_me(p, value);
    case IDS: break;
    }
    unreachable_code();
}

static int compare_ids(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

bool client_filter_parse(struct call *call, bool skip_me, struct client_filter *out) {
    *out =
        (struct client_filter){.skip_me = skip_me, .me = call->session, .now_ms = clock_wall_ms()};
    struct parser p = {.call = call, .filter = out, .next = 2};
    while (p.next < call->argc) {
        p.option = find_option(call->argv[p.next++], &p.negated);
        if (!p.option || p.next == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        }
        p.traits = p.negated ? &out->unwanted : &out->wanted;
        if (!parse_values(&p)) return false;
    }
    struct client_traits *all[] = {&out->wanted, &out->unwanted};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i]->ids) qsort(all[i]->ids, all[i]->id_count, sizeof *all[i]->ids, compare_ids);
    return true;
}

void client_filter_free(struct client_filter *filter) {
    memory_free(filter->wanted.ids);
    memory_free(filter->unwanted.ids);
}

/* ---- matching ---- */

/* A text that the client does not have equals no text, not even the empty one. */
static bool equals(struct bytes wanted, const char *text) {
    return text && bytes_equal(wanted, bytes_of(text));
}

static bool has_letters(struct bytes wanted, const char *letters) {
    for (size_t i = 0; i < wanted.len; i++)
        if (!strchr(letters, wanted.data[i])) return false;
    return true;
}

/* The peer's address without port, and an IPv6 one without brackets. */
static bool has_ip(struct bytes wanted, const char *peer) {
    const char *colon = strrchr(peer, ':');
    size_t len = colon ? (size_t)(colon - peer) : strlen(peer);
    bool bracketed = len > 1 && peer[0] == '[' && peer[len - 1] == ']';
    return bytes_equal(wanted, bracketed ? bytes_make(peer + 1, len - 2) : bytes_make(peer, len));
}

static bool has_text(enum client_filter_text text, struct bytes wanted, const struct session *s) {
    char shown[NAME_MAX_SHOWN], letters[SESSION_LETTERS_MAX];
    switch (text) {
    case FILTER_USER: return bytes_equal(wanted, s->user->name);
    case FILTER_NAME: return equals(wanted, s->name);
    case FILTER_LIB_NAME: return equals(wanted, s->library_name);
    case FILTER_LIB_VER: return equals(wanted, s->library_version);
    case FILTER_CAPA: return has_letters(wanted, s->flags & SESSION_CAPA_REDIRECT ? "r" : "");
    case FILTER_FLAGS: session_letters(s, letters); return has_letters(wanted, letters);
    case FILTER_LADDR:
        connection_local_name(s->connection, shown, sizeof shown);
        return equals(wanted, shown);
    case FILTER_ADDR:
        connection_peer_name(s->connection, shown, sizeof shown);
        return equals(wanted, shown);
    case FILTER_IP:
        connection_peer_name(s->connection, shown, sizeof shown);
        return has_ip(wanted, shown);
    }
    unreachable_code();
}

static enum client_type type_of(const struct session *s) {
    return pubsub_is_subscribed(s) ? CLIENT_PUBSUB : CLIENT_NORMAL;
}

/* Has the client each (or, for what is not wanted, any) of the traits that are given? */
static bool agrees(const struct client_traits *traits, const struct session *s, bool wanted) {
    if (traits->ids &&
        !bsearch(&s->id, traits->ids, traits->id_count, sizeof s->id, compare_ids) == wanted)
        return false;
    if (traits->has_type && (traits->type == type_of(s)) != wanted) return false;
    if (traits->has_db && (traits->db == s->db) != wanted) return false;
    for (unsigned i = 0; i < FILTER_TEXTS; i++)
        if (traits->has_text[i] && has_text(i, traits->texts[i], s) != wanted) return false;
    return true;
}

bool client_filter_matches(const struct client_filter *filter, const struct session *s) {
    if (filter->skip_me && s == filter->me) return false;
    if (filter->min_age && (filter->now_ms - s->created_ms) / 1000 < filter->min_age) return false;
    if (filter->min_idle && (filter->now_ms - s->active_ms) / 1000 < filter->min_idle) return false;
    return agrees(&filter->wanted, s, true) && agrees(&filter->unwanted, s, false);
}
