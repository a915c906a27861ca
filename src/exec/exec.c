/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/exec.h"
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "exec/notify.h"
#include "exec/stream_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define CLOCK_STALE_US 250 /* the wall clock of commands is at most this late */

static void worker_init(struct exec *exec, unsigned index) {
    struct exec_worker *w = &exec->workers[index];
    w->exec = exec;
    w->index = index;
    w->keyspace_counters = keyspace_counters_of(exec->keyspace, index);
    w->outboxes = memory_need(exec->worker_count * sizeof *w->outboxes);
    memset(w->outboxes, 0, exec->worker_count * sizeof *w->outboxes);
    w->hotkeys = hotkeys_create();
    list_init(&w->sessions);
    list_init(&w->streams);
    list_init(&w->monitors);
    list_init(&w->paused);
    w->pause_timer.fire = pause_timer_fire;
    list_init(&w->awaiting);
    w->await_timer.fire = await_timer_fire;
    w->now_ms = clock_wall_ms();
    w->now_ms_ticks = clock_ticks();
}

void exec_register_directives(void) {
    exec_settings_register();
    acl_register_directives();
    notify_register();
}

struct exec *exec_create(const struct exec_options *options) {
    ensure(options->workers >= 1 && options->workers <= GATE_MAX_PARTICIPANTS);
    size_t size = sizeof(struct exec) + options->workers * sizeof(struct exec_worker);
    struct exec *exec = memory_alloc_aligned(_Alignof(struct exec), size);
    ensure(exec);
    memset(exec, 0, size);
    exec->keyspace = options->keyspace;
    exec->gate = options->gate;
    exec->worker_count = options->workers;
    exec->ns_per_tick = 1000.0 / clock_ticks_per_us();
    exec->ns_per_tick_q20 = (uint64_t)(exec->ns_per_tick * (1 << 20));
    exec->stale_ticks = (uint64_t)(clock_ticks_per_us() * CLOCK_STALE_US);
    exec->next_session = 1;
    exec->observations = observations_create();
    exec->pubsub = pubsub_create(options->workers);
    exec->info = info_frame_create();
    exec->acl = acl_create();
    exec->blocking = blocking_create(exec);
    exec->watching = watching_create(exec);
    exec->background = background_create();
    exec->key_guards = key_guards_create();
    exec->tracking = tracking_create(exec);
    for (unsigned i = 0; i < options->workers; i++)
        worker_init(exec, i);
    settings_attach(exec);
    acl_settings_attach(exec);
    notify_attach(exec);
    info_register_own_sections(exec);
    return exec;
}

static void worker_free(struct exec_worker *w) {
    memory_free(w->outboxes);
    index_free(&w->sessions_by_id);
    hotkeys_free(w->hotkeys);
    key_list_free(&w->keys);
    transaction_free(w->spare_transaction);
    for (unsigned i = 0; i < COMMANDS_MAX; i++)
        memory_free(w->counters[i].histogram);
}

void exec_free(struct exec *exec) {
    notify_detach();
    settings_detach();
    acl_settings_attach(NULL);
    for (unsigned i = 0; i < exec->worker_count; i++)
        worker_free(&exec->workers[i]);
    background_free(exec->background);
    key_guards_free(exec->key_guards);
    info_frame_free(exec->info);
    watching_free(exec->watching);
    blocking_free(exec->blocking);
    observations_free(exec->observations);
    tracking_free(exec->tracking);
    pubsub_free(exec->pubsub);
    acl_free(exec->acl);
    commands_free(&exec->commands);
    memory_free(exec);
}

/* ---- the service ---- */

static void enter(void *context, unsigned worker) {
    struct exec *exec = context;
    gate_enter(exec->gate, worker);
    exec->workers[worker].turn_start = clock_ticks();
}

static bool leave(void *context, unsigned worker) {
    struct exec *exec = context;
    struct exec_worker *w = &exec->workers[worker];
    tracking_broadcast(w);
    outbox_post(w);
    bool again = durability_wake(exec);
    w->totals.turns++;
    w->totals.turn_ticks += clock_ticks() - w->turn_start;
    gate_leave(exec->gate, worker);
    return again;
}

void exec_service(struct exec *exec, struct net_service *service) {
    *service = (struct net_service){
        .context = exec,
        .open = session_open,
        .run = dispatch_batch,
        .invalid = session_invalid,
        .input_overflow = limits_input_overflow,
        .more = stream_more,
        .backlog = limits_backlog,
        .close = session_close,
        .enter = enter,
        .leave = leave,
        .tick = chores_tick,
    };
}

void exec_attach_net(struct exec *exec, struct net *net) {
    exec->net = net;
    settings_apply_to_net(exec);
}

struct net *exec_net(const struct exec *exec) {
    return exec->net;
}

struct keyspace *exec_keyspace(const struct exec *exec) {
    return exec->keyspace;
}

struct gate *exec_gate(const struct exec *exec) {
    return exec->gate;
}

/* ---- commands ---- */

void exec_register(struct exec *exec, const struct command *table) {
    commands_add(&exec->commands, table);
}

bool exec_rename(struct exec *exec, struct bytes name, struct bytes new_name) {
    return commands_rename(&exec->commands, name, new_name);
}

const struct command *exec_find_command(const struct exec *exec, struct bytes name) {
    const struct registered *found = commands_find(&exec->commands, name);
    return found ? found->command : NULL;
}

const struct command *exec_find_subcommand(const struct command *parent, struct bytes name) {
    for (const struct command *sub = parent->subcommands; sub && sub->name; sub++)
        if (bytes_is(name, sub->name)) return sub;
    return NULL;
}

const struct command *exec_find_called(const struct exec *exec, const struct bytes *argv,
                                       unsigned argc) {
    const struct command *command = exec_find_command(exec, argv[0]);
    if (!command || !command->subcommands || argc == 1) return command;
    return exec_find_subcommand(command, argv[1]);
}

void exec_each_command(const struct exec *exec,
                       void (*fn)(const struct command *, const char *name, void *),
                       void *argument) {
    for (unsigned i = 0; i < exec->commands.count; i++) {
        const struct registered *item = &exec->commands.items[i];
        if (!item->parent && item->name) fn(item->command, item->name, argument);
    }
}

void exec_command_name(const struct exec *exec, const struct command *command, char *out,
                       size_t size) {
    const struct registered *item = commands_of(&exec->commands, command);
    ensure(item);
    commands_full_name(item, out, size);
}

/* ---- statistics ---- */

struct command_stats exec_command_stats(const struct exec *exec, const struct command *command) {
    const struct registered *item = commands_of(&exec->commands, command);
    struct command_stats sum = {0};
    uint64_t ticks = 0;
    ensure(item);
    for (unsigned i = 0; i < exec->worker_count; i++) {
        const struct command_counters *counters = &exec->workers[i].counters[item->id];
        sum.calls += counters->calls;
        sum.rejected += counters->rejected;
        sum.failed += counters->failed;
        ticks += counters->ticks;
    }
    sum.microseconds = (uint64_t)((double)ticks * exec->ns_per_tick / 1000);
    return sum;
}

static void reset_worker(struct exec_worker *w) {
    w->totals = (struct worker_totals){0};
    w->errors.count = 0;
    w->errors.total = 0;
    for (unsigned i = 0; i < COMMANDS_MAX; i++) {
        memory_free(w->counters[i].histogram);
        w->counters[i] = (struct command_counters){0};
    }
}

void exec_reset_stats(struct exec *exec) {
    for (unsigned i = 0; i < exec->worker_count; i++)
        reset_worker(&exec->workers[i]);
    keyspace_counters_reset(exec->keyspace);
    net_stats_reset(exec->net);
}

bool exec_histogram(struct exec *exec, const struct command *command, struct histogram *out) {
    const struct registered *item = commands_of(&exec->commands, command);
    *out = (struct histogram){0};
    for (unsigned i = 0; item && i < exec->worker_count; i++) {
        const struct histogram *one = exec->workers[i].counters[item->id].histogram;
        if (!one) continue;
        out->total += one->total;
        for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
            out->counts[b] += one->counts[b];
    }
    return out->total > 0;
}
