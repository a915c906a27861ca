/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of MONITOR, SLOWLOG, COMMANDLOG, LATENCY and HOTKEYS. */
#pragma once

#include "exec/exec.h"
#include "exec/observe.h"

void observe_monitor(struct call *call);
void observe_slowlog_get(struct call *call);
void observe_slowlog_help(struct call *call);
void observe_slowlog_len(struct call *call);
void observe_slowlog_reset(struct call *call);
void observe_commandlog_get(struct call *call);
void observe_commandlog_help(struct call *call);
void observe_commandlog_len(struct call *call);
void observe_commandlog_reset(struct call *call);
void observe_hotkeys_help(struct call *call);
void observe_hotkeys_list(struct call *call);
void observe_hotkeys_reset(struct call *call);

void observe_latency_doctor(struct call *call);
void observe_latency_graph(struct call *call);
void observe_latency_help(struct call *call);
void observe_latency_histogram(struct call *call);
void observe_latency_history(struct call *call);
void observe_latency_latest(struct call *call);
void observe_latency_reset(struct call *call);

/* A latency event's sample number i, 0 being the oldest. */
static inline const struct latency_sample *observe_sample(const struct latency_event *event,
                                                          unsigned i) {
    return &event->samples[(event->first + i) % LATENCY_SAMPLES];
}
