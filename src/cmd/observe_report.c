/* SPDX-License-Identifier: BSD-3-Clause */
/* LATENCY GRAPH and LATENCY DOCTOR: latency events drawn and told for people. */
#include "base/buffer.h"
#include "cmd/observe.h"
#include "sys/clock.h"
#include <stdio.h>

/* ---- GRAPH ---- */

#define GRAPH_ROWS    4
#define GRAPH_COLUMNS 80
#define MARKS         "_o#" /* how far a value reaches into its row */
#define MARK_COUNT    3
#define AGE_MAX       8

/* "12s", "3m", "5h", "2d": how long ago a sample was taken. */
static int format_age(char out[AGE_MAX], int64_t seconds) {
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    unsigned unit = 0;
    while (unit < ARRAY_LEN(units) - 1 && seconds < units[unit].seconds)
        unit++;
    return snprintf(out, AGE_MAX, "%lld%c", (long long)(seconds / units[unit].seconds) % 100000,
                    units[unit].letter);
}

struct graph {
    const struct latency_event *event;
    unsigned first, columns; /* which samples */
    uint32_t low, high;
};

static char mark_at(const struct graph *graph, unsigned column, unsigned row) {
    uint64_t value = observe_sample(graph->event, graph->first + column)->ms - graph->low;
    uint64_t range = MAX(graph->high - graph->low, 1u);
    uint64_t step =
        MIN(value * GRAPH_ROWS * MARK_COUNT / range, (uint64_t)GRAPH_ROWS * MARK_COUNT - 1);
    if (step / MARK_COUNT == row) return MARKS[step % MARK_COUNT];
    return step / MARK_COUNT > row ? '|' : ' ';
}

static void draw_bars(struct buffer *out, const struct graph *graph) {
    for (unsigned row = GRAPH_ROWS; row-- > 0;) {
        for (unsigned i = 0; i < graph->columns; i++)
            buffer_append_char(out, mark_at(graph, i, row));
        buffer_append_char(out, '\n');
    }
}

/* The ages stand upright below their columns. */
static void draw_ages(struct buffer *out, const struct graph *graph) {
    int64_t now_s = clock_wall_ms() / 1000;
    char ages[GRAPH_COLUMNS][AGE_MAX] = {0};
    int longest = 0;
    for (unsigned i = 0; i < graph->columns; i++) {
        int64_t age = now_s - observe_sample(graph->event, graph->first + i)->time_s;
        int length = format_age(ages[i], age);
        longest = MAX(longest, length);
    }
    buffer_printf(out, "%*s\n", (int)graph->columns, "");
    for (int row = 0; row < longest; row++) {
        for (unsigned i = 0; i < graph->columns; i++)
            buffer_append_char(out, ages[i][row] ? ages[i][row] : ' ');
        buffer_append_char(out, '\n');
    }
}

static void draw(void *context, const struct latency_event *event) {
    struct buffer *out = context;
    struct graph graph = {.event = event, .low = UINT32_MAX};
    for (unsigned i = 0; i < event->count; i++) {
        graph.low = MIN(graph.low, observe_sample(event, i)->ms);
        graph.high = MAX(graph.high, observe_sample(event, i)->ms);
    }
    buffer_printf(out, "%s - high %u ms, low %u ms (all time high %u ms)\n", event->name,
                  graph.high, graph.low, event->max_ms);
    for (unsigned i = 0; i < GRAPH_COLUMNS; i++)
        buffer_append_char(out, '-');
    buffer_append_char(out, '\n');
    for (; graph.first < event->count; graph.first += GRAPH_COLUMNS) {
        graph.columns = MIN(event->count - graph.first, (unsigned)GRAPH_COLUMNS);
        draw_bars(out, &graph);
        draw_ages(out, &graph);
    }
}

void observe_latency_graph(struct call *call) {
    struct buffer out = {0};
    struct bytes name = call->argv[2];
    if (latency_find(call->exec, name, draw, &out))
        reply_verbatim(call->reply, "txt", buffer_bytes(&out));
    else
        reply_errorf(call->reply, "ERR No samples available for event '%.*s'", (int)name.len,
                     name.data);
    buffer_free(&out);
}

/* ---- DOCTOR ---- */

struct diagnosis {
    struct buffer report;
    unsigned events;
    bool commands_are_slow, expiry_is_slow, eviction_is_slow;
};

/* Mean distance of the samples from their average. */
static uint64_t mean_deviation(const struct latency_event *event, uint64_t average) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < event->count; i++) {
        uint64_t ms = observe_sample(event, i)->ms;
        sum += ms > average ? ms - average : average - ms;
    }
    return sum / event->count;
}

static void examine(void *context, const struct latency_event *event) {
    struct diagnosis *d = context;
    uint64_t sum = 0;
    for (unsigned i = 0; i < event->count; i++)
        sum += observe_sample(event, i)->ms;
    uint64_t average = sum / event->count;
    int64_t span = clock_wall_ms() / 1000 - observe_sample(event, 0)->time_s;
    buffer_printf(&d->report,
                  "%u. %s: %u spikes, on average %llu ms (mean deviation %llu ms), one in %.2f "
                  "seconds; the worst took %u ms.\n",
                  ++d->events, event->name, event->count, (unsigned long long)average,
                  (unsigned long long)mean_deviation(event, average),
                  (double)MAX(span, (int64_t)0) / event->count, event->max_ms);
    struct bytes name = bytes_of(event->name);
    d->commands_are_slow |= bytes_is(name, "command") || bytes_is(name, "fast-command");
    d->expiry_is_slow |= bytes_starts_with(name, BYTES("expire"));
    d->eviction_is_slow |= bytes_starts_with(name, BYTES("eviction"));
}

static void advise(struct diagnosis *d) {
    buffer_append_bytes(&d->report, BYTES("\nWhat can be done:\n\n"));
    if (d->commands_are_slow)
        buffer_append_bytes(&d->report,
                            BYTES("- SLOWLOG GET shows which commands take long. Replace those "
                                  "that look at many elements at once, KEYS or SORT for example, "
                                  "by several that look at a few.\n"));
    if (d->expiry_is_slow)
        buffer_append_bytes(&d->report, BYTES("- Many keys expire at the same moment. Spread "
                                              "their expiry over some seconds.\n"));
    if (d->eviction_is_slow)
        buffer_append_bytes(&d->report, BYTES("- Memory fills faster than keys are evicted. Raise "
                                              "maxmemory, or write less at once.\n"));
    buffer_append_bytes(&d->report, BYTES("- Compare with what other programs on this machine do "
                                          "at these times: use of the processors, of the disks, "
                                          "and whether memory is swapped out.\n"));
}

void observe_latency_doctor(struct call *call) {
    struct diagnosis d = {0};
    latency_each(call->exec, examine, &d);
    if (d.events)
        advise(&d);
    else if (latency_threshold_ms() == 0)
        buffer_append_bytes(&d.report,
                            BYTES("Nothing is measured: latency-monitor-threshold is 0. Set it to "
                                  "the milliseconds from which on a wait matters to you.\n"));
    else
        buffer_append_bytes(&d.report, BYTES("No wait has reached latency-monitor-threshold so "
                                             "far.\n"));
    reply_verbatim(call->reply, "txt", buffer_bytes(&d.report));
    buffer_free(&d.report);
}
