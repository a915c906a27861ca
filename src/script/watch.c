/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. A worker's state leaves RUN_CLEAN once per run: to RUN_UNDOABLE by the script, before it
 *      changes anything, or to RUN_KILL by who kills it. It leaves RUN_UNDOABLE once: to RUN_WROTE
 *      by the script, before the undo is given up, or to RUN_KILL. So what has been changed and
 *      cannot be taken back is never killed.
 *   2. A run that is busy is looked at by other threads with `lock` held, under which it ceases to
 *      be busy before it ends.
 */
#include "script/watch.h"
#include "base/ensure.h"
#include "base/log.h"
#include "exec/busy.h"
#include "keyspace/undo.h"
#include "script/functions_priv.h"
#include "sys/clock.h"
#include "sys/thread.h"

enum {
    LOOK_MS = 50,
    REST_MS = 250,    /* while no script runs */
    LOADING_MS = 500, /* what the code of a library may take */
    SERVE_MS = 5,     /* between two turns for the others */
    HOOK_COUNT = 1000 /* instructions between two hooks */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ending = PTHREAD_COND_INITIALIZER;
static struct thread watcher;
static bool is_watching, must_end; /* with the lock */

static _Thread_local struct script_worker *own;
static _Thread_local int64_t served_ms;

const char *watch_busy_error(bool is_function) {
    return is_function ? "BUSY Valkey is busy running a script. You can only call FUNCTION KILL or "
                         "SHUTDOWN NOSAVE."
                       : "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or "
                         "SHUTDOWN NOSAVE.";
}

static int64_t elapsed_ms(const struct script_worker *w) {
    uint64_t ticks = clock_ticks() - atomic_load(&w->started);
    return (int64_t)((double)ticks / clock_ticks_per_us() / 1000);
}

int64_t watch_limit_ms(const struct program *program) {
    return program->loads ? LOADING_MS : script_settings.busy_threshold_ms;
}

/* Without a threshold nothing takes too long. */
static bool is_over(const struct script_worker *w) {
    int64_t limit = atomic_load(&w->limit_ms);
    return atomic_load(&w->state) != RUN_IDLE && limit > 0 && elapsed_ms(w) >= limit;
}

/* ---- the script's thread ---- */

static void become_busy(struct run *run) {
    bool is_function = run->program->name != NULL;
    atomic_store(&run->worker->busy, true);
    log_warning("Slow script detected: still in execution after %lld milliseconds.",
                (long long)elapsed_ms(run->worker));
    busy_begin(run->nested.outer, watch_busy_error(is_function));
}

static void serve(lua_State *lua, struct run *run) {
    int64_t now = clock_mono_us() / 1000;
    if (now - served_ms < SERVE_MS) return;
    served_ms = now;
    if (!busy_serve(run->nested.outer)) run_stop_now(lua, RUN_KILLED);
}

bool watch_is_killed(struct run *run) {
    if (atomic_load(&run->worker->state) != RUN_KILL) return false;
    if (!run->wrote || keyspace_undo_is_possible(&run->nested.outer->view)) return true;
    atomic_store(&run->worker->state, RUN_WROTE);
    return false;
}

static void on_hook(lua_State *lua, lua_Debug *unused) {
    struct run *run = vm_of(lua)->run;
    (void)unused;
    if (!is_over(run->worker)) {
        lua_sethook(lua, NULL, 0, 0);
        return;
    }
    if (run->program->loads) run_stop_now(lua, RUN_TIMEOUT);
    if (!atomic_load(&run->worker->busy)) {
        become_busy(run);
        lua_sethook(lua, on_hook, LUA_MASKCOUNT, HOOK_COUNT);
    }
    serve(lua, run);
    if (watch_is_killed(run)) run_stop_now(lua, RUN_KILLED);
}

void watch_poll(lua_State *lua) {
    const struct run *run = vm_of(lua)->run;
    if (run && is_over(run->worker)) on_hook(lua, NULL);
}

/* In a signal handler. The machine lives as long as the run is known. */
static void interrupted(void) {
    struct run *run = own ? atomic_load(&own->run) : NULL;
    if (run && run->stop == RUN_ON) lua_sethook(run->vm->lua, on_hook, LUA_MASKCOUNT, 1);
}

void watch_over(struct run *run) {
    pthread_mutex_lock(&lock);
    atomic_store(&run->worker->busy, false);
    pthread_mutex_unlock(&lock);
    lua_sethook(run->vm->lua, NULL, 0, 0);
    busy_end(run->nested.outer);
}

/* ---- the watcher ---- */

/* Whether any script runs. */
static bool look(void) {
    bool any = false;
    for (unsigned i = 0; i < scripts->worker_count; i++) {
        struct script_worker *w = &scripts->workers[i];
        any |= atomic_load(&w->state) != RUN_IDLE;
        if (atomic_load(&w->watched) && is_over(w) && !atomic_load(&w->busy))
            thread_interrupt(w->thread);
    }
    return any;
}

static void watch(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    bool any = true;
    while (!must_end) {
        thread_wait_until(&ending, &lock, clock_mono_us() + (any ? LOOK_MS : REST_MS) * 1000);
        any = look();
    }
    pthread_mutex_unlock(&lock);
}

void watch_worker(struct script_worker *w) {
    if (atomic_load(&w->watched)) return;
    own = w;
    w->thread = pthread_self();
    thread_on_interrupt(interrupted);
    pthread_mutex_lock(&lock);
    if (!is_watching) is_watching = thread_start("scripts", watch, NULL, &watcher) == 0;
    pthread_mutex_unlock(&lock);
    atomic_store(&w->watched, true);
}

void watch_end(void) {
    pthread_mutex_lock(&lock);
    must_end = true;
    pthread_cond_broadcast(&ending);
    pthread_mutex_unlock(&lock);
    if (is_watching) thread_join(&watcher);
    is_watching = must_end = false;
}

/* ---- SCRIPT KILL, FUNCTION KILL, FUNCTION STATS: with the lock ---- */

static struct script_worker *find_busy(void) {
    for (unsigned i = 0; i < scripts->worker_count; i++)
        if (atomic_load(&scripts->workers[i].busy)) return &scripts->workers[i];
    return NULL;
}

static bool kill_in(struct script_worker *w, enum run_state state) {
    return atomic_compare_exchange_strong(&w->state, &state, RUN_KILL) || state == RUN_KILL;
}

static const char *kill_one(bool function) {
    struct script_worker *w = find_busy();
    if (!w) return "NOTBUSY No scripts in execution right now.";
    bool is_function = w->run->program->name != NULL;
    if (is_function != function) return watch_busy_error(is_function);
    if (kill_in(w, RUN_CLEAN) || kill_in(w, RUN_UNDOABLE)) return NULL;
    return "UNKILLABLE Sorry the script already executed write commands against the dataset. You "
           "can either wait the script termination or kill the server in a hard way using the "
           "SHUTDOWN NOSAVE command.";
}

void scripts_kill(struct call *call, bool function) {
    pthread_mutex_lock(&lock);
    const char *error = kill_one(function);
    pthread_mutex_unlock(&lock);
    if (error)
        reply_error(call->reply, error);
    else
        reply_ok(call->reply);
}

static void reply_running(struct reply *reply, const struct script_worker *w) {
    const struct run *run = w->run;
    const struct call *outer = run->nested.outer;
    reply_map(reply, 3);
    reply_bulk_text(reply, "name");
    reply_bulk_text(reply, run->program->name);
    reply_bulk_text(reply, "command");
    reply_array(reply, outer->argc);
    for (unsigned i = 0; i < outer->argc; i++)
        reply_bulk(reply, outer->argv[i]);
    reply_bulk_text(reply, "duration_ms");
    reply_integer(reply, elapsed_ms(w));
}

static void reply_engines(struct reply *reply) {
    struct functions_figures figures = functions_figures();
    reply_bulk_text(reply, "engines");
    reply_map(reply, 1);
    reply_bulk_text(reply, "LUA");
    reply_map(reply, 2);
    reply_bulk_text(reply, "libraries_count");
    reply_integer(reply, (int64_t)figures.libraries);
    reply_bulk_text(reply, "functions_count");
    reply_integer(reply, (int64_t)figures.functions);
}

void functions_stats(struct call *call) {
    pthread_mutex_lock(&lock);
    const struct script_worker *w = find_busy();
    bool is_script = w && !w->run->program->name;
    if (is_script) {
        reply_error(call->reply, watch_busy_error(false));
    } else {
        reply_map(call->reply, 2);
        reply_bulk_text(call->reply, "running_script");
        if (w)
            reply_running(call->reply, w);
        else
            reply_null(call->reply);
        reply_engines(call->reply);
    }
    pthread_mutex_unlock(&lock);
}
