/* SPDX-License-Identifier: BSD-3-Clause */
/* LATENCY but its texts for people: the samples of events, and the histograms of commands. */
#include "cmd/observe.h"
#include "cmd/shared_command.h"

/* ---- LATEST, HISTORY, RESET ---- */

struct listing {
    struct call *call;
    size_t shown;
};

static void show_latest(void *context, const struct latency_event *event) {
    struct listing *listing = context;
    struct reply *reply = listing->call->reply;
    const struct latency_sample *last = observe_sample(event, event->count - 1);
    reply_array(reply, 6);
    reply_bulk_text(reply, event->name);
    reply_integer(reply, last->time_s);
    reply_integer(reply, last->ms);
    reply_integer(reply, event->max_ms);
    reply_integer(reply, (int64_t)event->sum_ms);
    reply_integer(reply, (int64_t)event->total);
    listing->shown++;
}

void observe_latency_latest(struct call *call) {
    struct listing listing = {.call = call};
    size_t mark = reply_open(call->reply);
    latency_each(call->exec, show_latest, &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

static void show_history(void *context, const struct latency_event *event) {
    struct reply *reply = context;
    reply_array(reply, event->count);
    for (unsigned i = 0; i < event->count; i++) {
        const struct latency_sample *sample = observe_sample(event, i);
        reply_array(reply, 2);
        reply_integer(reply, sample->time_s);
        reply_integer(reply, sample->ms);
    }
}

void observe_latency_history(struct call *call) {
    if (!latency_find(call->exec, call->argv[2], show_history, call->reply))
        reply_array(call->reply, 0);
}

void observe_latency_reset(struct call *call) {
    unsigned count = call->argc == 2 ? latency_reset_all(call->exec) : 0;
    for (unsigned i = 2; i < call->argc; i++)
        count += latency_reset(call->exec, call->argv[i]);
    reply_integer(call->reply, count);
}

/* ---- HISTOGRAM ---- */

/* Clients know bounds that double from 1024 ns on, in microseconds. They are rounded as
 * HdrHistogram's, which tells values of this size to one part in 128. */
static int64_t shown_bound_us(uint64_t bound_ns) {
    return (int64_t)((bound_ns + bound_ns / 128 - 1) / 1000);
}

/* Under each bound, how many durations are below it: those bounds alone where the number grows. */
static void reply_cumulative(struct reply *reply, const struct histogram *histogram) {
    size_t mark = reply_open(reply), pairs = 0;
    uint64_t sum = 0, shown = 0;
    unsigned bucket = 0;
    for (uint64_t bound = 1024; bucket < HISTOGRAM_BUCKETS; bound *= 2) {
        unsigned end = histogram_bucket(bound);
        if (bound >> HISTOGRAM_MAX_BITS) end = HISTOGRAM_BUCKETS;
        while (bucket < end)
            sum += histogram->counts[bucket++];
        if (sum == shown) continue;
        shown = sum;
        reply_integer(reply, shown_bound_us(bound));
        reply_integer(reply, (int64_t)sum);
        pairs++;
    }
    reply_close_map(reply, mark, pairs);
}

/* A container stands for all its subcommands. */
static void show_histograms(struct listing *listing, const struct command *command) {
    struct reply *reply = listing->call->reply;
    struct histogram histogram;
    if (exec_histogram(listing->call->exec, command, &histogram)) {
        char name[64];
        exec_command_name(listing->call->exec, command, name, sizeof name);
        reply_bulk_text(reply, name);
        reply_map(reply, 2);
        reply_bulk_text(reply, "calls");
        reply_integer(reply, (int64_t)histogram.total);
        reply_bulk_text(reply, "histogram_usec");
        reply_cumulative(reply, &histogram);
        listing->shown++;
    }
    for (const struct command *sub = command->subcommands; sub && sub->name; sub++)
        show_histograms(listing, sub);
}

static void show_all_histograms(const struct command *command, const char *name, void *context) {
    show_histograms(context, command);
}

void observe_latency_histogram(struct call *call) {
    struct listing listing = {.call = call};
    size_t mark = reply_open(call->reply);
    if (call->argc == 2) exec_each_command(call->exec, show_all_histograms, &listing);
    for (unsigned i = 2; i < call->argc; i++) {
        const struct command *command = command_named(call->exec, call->argv[i], NULL);
        if (command) show_histograms(&listing, command);
    }
    reply_close_map(call->reply, mark, listing.shown);
}

void observe_latency_help(struct call *call) {
    static const char *const lines[] = {
        "DOCTOR",
        "    What made the server wait, and what can be done about it, in words.",
        "GRAPH <event>",
        "    The samples of an event as a drawing.",
        "HISTOGRAM [<command> ...]",
        "    How long the named commands took, or all: for each bound in microseconds, how many",
        "    calls took less.",
        "HISTORY <event>",
        "    The samples of an event: Unix time and milliseconds.",
        "LATEST",
        "    The latest sample of each event.",
        "RESET [<event> ...]",
        "    Forget the samples of the named events, or of all.",
        NULL,
    };
    call_help(call, lines);
}
