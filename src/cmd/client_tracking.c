/* SPDX-License-Identifier: BSD-3-Clause */
/* Client-side caching: CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/client.h"
#include "exec/exec.h"
#include "exec/tracking.h"
#include "sys/memory.h"

/* ---- TRACKING ---- */

struct options {
    struct call *call;
    struct tracking_mode mode;
    struct bytes *prefixes; /* owned; as many as there are arguments */
};

static bool fail(const struct options *o, const char *error) {
    reply_error(o->call->reply, error);
    return false;
}

static bool parse_redirect(struct options *o, struct bytes text) {
    int64_t id;
    if (o->mode.redirect) return fail(o, "ERR A client can only redirect to a single other client");
    if (!number_parse_i64(text, &id)) {
        reply_not_integer(o->call->reply);
        return false;
    }
    o->mode.redirect = id > 0 ? exec_find_session(o->call->exec, (uint64_t)id) : NULL;
    return o->mode.redirect || fail(o, "ERR The client ID you want redirect to does not exist");
}

static uint32_t flag_of(struct bytes option) {
    static const struct {
        const char *name;
        uint32_t flag;
    } flags[] = {
        {"bcast", TRACKING_BROADCAST},
        {"optin", TRACKING_OPT_IN},
        {"optout", TRACKING_OPT_OUT},
        {"noloop", TRACKING_NO_LOOP},
    };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (bytes_is(option, flags[i].name)) return flags[i].flag;
    return 0;
}

/* False: the error is written. */
static bool parse_options(struct options *o) {
    const struct call *call = o->call;
    for (unsigned i = 3; i < call->argc; i++) {
        bool more = i + 1 < call->argc;
        uint32_t flag = flag_of(call->argv[i]);
        if (flag) {
            o->mode.flags |= flag;
        } else if (bytes_is(call->argv[i], "redirect") && more) {
            if (!parse_redirect(o, call->argv[++i])) return false;
        } else if (bytes_is(call->argv[i], "prefix") && more) {
            o->prefixes[o->mode.prefix_count++] = call->argv[++i];
        } else {
            reply_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

/* Do the options agree with each other, and with how the session tracks already? */
static bool check_mode(const struct options *o) {
    uint32_t now = tracking_flags(o->call->session), flags = o->mode.flags;
    bool opt_in = flags & TRACKING_OPT_IN, opt_out = flags & TRACKING_OPT_OUT;
    if (o->mode.prefix_count && !(flags & TRACKING_BROADCAST))
        return fail(o, "ERR PREFIX option requires BCAST mode to be enabled");
    if (now && (now ^ flags) & TRACKING_BROADCAST)
        return fail(o, "ERR You can't switch BCAST mode on/off before disabling tracking for this "
                       "client, and then re-enabling it with a different mode.");
    if (flags & TRACKING_BROADCAST && (opt_in || opt_out))
        return fail(o, "ERR OPTIN and OPTOUT are not compatible with BCAST");
    if (opt_in && opt_out) return fail(o, "ERR You can't specify both OPTIN mode and OPTOUT mode");
    if ((opt_in && now & TRACKING_OPT_OUT) || (opt_out && now & TRACKING_OPT_IN))
        return fail(o, "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this "
                       "client, and then re-enabling it with a different mode.");
    return true;
}

static bool overlap(struct bytes a, struct bytes b) {
    return bytes_starts_with(a, b) || bytes_starts_with(b, a);
}

static void overlap_error(const struct options *o, struct bytes prefix, const char *which,
                          struct bytes other) {
    reply_errorf(o->call->reply,
                 "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client "
                 "must not overlap.",
                 (int)prefix.len, prefix.data, which, (int)other.len, other.data);
}

struct comparison {
    const struct options *options;
    struct bytes prefix;
    bool overlaps;
};

static bool compare_existing(void *context, struct bytes existing) {
    struct comparison *c = context;
    c->overlaps = overlap(c->prefix, existing);
    if (c->overlaps) overlap_error(c->options, c->prefix, "an existing", existing);
    return !c->overlaps;
}

/* False: the error is written. */
static bool check_prefixes(const struct options *o) {
    for (unsigned i = 0; i < o->mode.prefix_count; i++) {
        struct comparison c = {.options = o, .prefix = o->prefixes[i]};
        tracking_each_prefix(o->call->session, compare_existing, &c);
        if (c.overlaps) return false;
        for (unsigned j = i + 1; j < o->mode.prefix_count; j++) {
            if (!overlap(o->prefixes[i], o->prefixes[j])) continue;
            overlap_error(o, o->prefixes[i], "another provided", o->prefixes[j]);
            return false;
        }
    }
    return true;
}

static void track(struct options *o) {
    struct call *call = o->call;
    bool on = bytes_is(call->argv[2], "on");
    if (!parse_options(o)) return;
    if (!on && !bytes_is(call->argv[2], "off")) {
        reply_syntax_error(call->reply);
    } else if (!on) {
        tracking_stop(call->session);
        reply_ok(call->reply);
    } else if (check_mode(o) && check_prefixes(o)) {
        o->mode.prefixes = o->prefixes;
        if (tracking_start(call->session, &o->mode))
            reply_ok(call->reply);
        else
            reply_no_memory(call->reply);
    }
}

/* Looking for the session to redirect to, and broadcasting, need exclusive mode; both have more
 * arguments. */
void client_tracking(struct call *call) {
    struct options o = {.call = call, .prefixes = memory_alloc(call->argc * sizeof *o.prefixes)};
    struct gate *gate = exec_gate(call->exec);
    bool exclusive = call->argc > 3;
    if (!o.prefixes) {
        reply_no_memory(call->reply);
        return;
    }
    if (exclusive) gate_exclusive_begin(gate, call->worker);
    track(&o);
    if (exclusive) gate_exclusive_end(gate, call->worker);
    memory_free(o.prefixes);
}

/* ---- CACHING ---- */

void client_caching(struct call *call) {
    uint32_t flags = tracking_flags(call->session);
    bool yes = bytes_is(call->argv[2], "yes"), no = bytes_is(call->argv[2], "no");
    if (!flags) {
        reply_error(call->reply, "ERR CLIENT CACHING can be called only when the client is in "
                                 "tracking mode with OPTIN or OPTOUT mode enabled");
    } else if (!yes && !no) {
        reply_syntax_error(call->reply);
    } else if (yes && !(flags & TRACKING_OPT_IN)) {
        reply_error(call->reply,
                    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    } else if (no && !(flags & TRACKING_OPT_OUT)) {
        reply_error(call->reply,
                    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    } else {
        tracking_set_caching(call->session);
        reply_ok(call->reply);
    }
}

/* ---- TRACKINGINFO, GETREDIR ---- */

/* The id that it redirects to; 0: to none, -1: it does not track. */
static int64_t shown_redirect(const struct call *call) {
    if (!tracking_flags(call->session)) return -1;
    return (int64_t)tracking_redirect(call->session);
}

void client_getredir(struct call *call) {
    reply_integer(call->reply, shown_redirect(call));
}

static void show_flags(struct call *call) {
    static const struct {
        uint32_t flags; /* all of them */
        const char *name;
    } names[] = {
        {TRACKING_ON, "on"},          {TRACKING_BROADCAST, "bcast"},
        {TRACKING_OPT_IN, "optin"},   {TRACKING_OPT_IN | TRACKING_CACHING, "caching-yes"},
        {TRACKING_OPT_OUT, "optout"}, {TRACKING_OPT_OUT | TRACKING_CACHING, "caching-no"},
        {TRACKING_NO_LOOP, "noloop"}, {TRACKING_BROKEN, "broken_redirect"},
    };
    uint32_t flags = tracking_flags(call->session);
    size_t mark = reply_open(call->reply), count = 0;
    if (!flags) {
        reply_bulk_text(call->reply, "off");
        count++;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((flags & names[i].flags) != names[i].flags) continue;
        reply_bulk_text(call->reply, names[i].name);
        count++;
    }
    reply_close_set(call->reply, mark, count);
}

struct prefixes {
    struct reply *reply;
    size_t count;
};

static bool show_prefix(void *context, struct bytes prefix) {
    struct prefixes *prefixes = context;
    reply_bulk(prefixes->reply, prefix);
    prefixes->count++;
    return true;
}

void client_trackinginfo(struct call *call) {
    struct prefixes prefixes = {.reply = call->reply};
    reply_map(call->reply, 3);
    reply_bulk_text(call->reply, "flags");
    show_flags(call);
    reply_bulk_text(call->reply, "redirect");
    reply_integer(call->reply, shown_redirect(call));
    reply_bulk_text(call->reply, "prefixes");
    size_t mark = reply_open(call->reply);
    tracking_each_prefix(call->session, show_prefix, &prefixes);
    reply_close_array(call->reply, mark, prefixes.count);
}
