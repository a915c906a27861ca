/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running a script, so that it is atomic whatever keys it reaches. The dispatcher has locked the
 * keys that it declares. Invariants:
 *   1. A command of a script runs only if the partitions of its keys are held, or in exclusive
 *      mode.
 *   2. A script that is not exclusive changes nothing before it has the writer's token, which it
 *      keeps until it ends. So at any time at most one script that has begun to write might still
 *      ask for exclusive mode.
 *   3. A script that needs more than it holds and has changed nothing is stopped, and runs from its
 *      start in exclusive mode; so it does from then on, by its digest.
 *   4. One that has changed something has the token, and goes on in exclusive mode. Nobody else can
 *      be in the middle of changes then: who writes without being a script asks for exclusive mode
 *      before it begins, and other scripts have no token. So it finds what it has read as it was.
 *   5. Waiting for the token is done outside the gate, since its owner may need the gate for
 *      itself. If anybody was exclusive meanwhile, what the script has read may have changed: it
 *      runs from its start, with the token.
 *   6. From its first change on the keyspace keeps what was there before (keyspace/undo.h), unless
 *      that costs too much. Since only a script with the token, or in exclusive mode, does so,
 *      there is one undo at a time; and all that it puts back is held until it has.
 *   7. While it waits, it keeps its partitions. Its owner waits for partitions never, others wait
 *      for them outside the gate: nobody waits in a circle. With one worker, and within a command
 *      that is exclusive already, none of this is needed.
 */
#include "script/run.h"
#include "base/ensure.h"
#include "exec/acl.h"
#include "exec/durability.h"
#include "keyspace/undo.h"
#include "script/scripts_priv.h"
#include "script/watch.h"
#include "sys/clock.h"
#include "sys/thread.h"

#define TOKEN_SPINS 200

/* ---- the writer's token ---- */

static bool try_token(void) {
    for (unsigned i = 0; i < TOKEN_SPINS; i++) {
        if (pthread_mutex_trylock(&scripts->writer) == 0) return true;
        thread_relax();
    }
    return false;
}

/* False: the gate is busy. */
static bool wait_for_token(void) {
    while (!gate_is_busy(scripts->gate))
        if (thread_lock_until(&scripts->writer, clock_mono_us() + 1000000)) return true;
    return false;
}

/* If the world may have changed while it was waited for, the script has to stop. */
static void take_token(struct run *run) {
    unsigned me = run->nested.outer->worker;
    run->has_token = try_token();
    if (run->has_token) return;
    uint64_t before = gate_generation(scripts->gate);
    gate_leave(scripts->gate, me);
    run->has_token = wait_for_token();
    gate_enter(scripts->gate, me);
    if (!run->has_token)
        run->stop = RUN_BUSY;
    else if (gate_generation(scripts->gate) != before)
        run->stop = RUN_AGAIN;
}

static bool is_alone(const struct run *run) {
    return gate_is_exclusive(scripts->gate, run->nested.outer->worker);
}

/* False: it has been killed before. */
static bool change_state(struct run *run, enum run_state from, enum run_state to) {
    return atomic_compare_exchange_strong(&run->worker->state, &from, to) || from == to;
}

/* Who kills it relies on the undo. */
static bool may_give_up(void *context) {
    return change_state(context, RUN_UNDOABLE, RUN_WROTE);
}

static bool begin_writing(struct run *run) {
    if (!run->has_token && !is_alone(run)) take_token(run);
    if (run->stop != RUN_ON) return false;
    if (!change_state(run, RUN_CLEAN, RUN_UNDOABLE)) {
        run->stop = RUN_KILLED;
        return false;
    }
    run->wrote = true;
    keyspace_undo_begin(&run->nested.outer->view, may_give_up, run);
    return true;
}

/* Before a command that changes something. */
static bool before_write(struct nested *nested, uint64_t flags) {
    struct run *run = CONTAINER_OF(nested, struct run, nested);
    if (UNLIKELY(!run->wrote) && !begin_writing(run)) return false;
    if (LIKELY(!(flags & CMD_NO_UNDO))) return true;
    if (!may_give_up(run) && watch_is_killed(run)) {
        run->stop = RUN_KILLED;
        return false;
    }
    keyspace_undo_give_up(&nested->outer->view);
    return true;
}

/* ---- stopping ---- */

static const char *stop_text(const struct run *run) {
    switch (run->stop) {
    case RUN_KILLED:
        return run->program->name ? "Script killed by user with FUNCTION KILL."
                                  : "Script killed by user with SCRIPT KILL.";
    case RUN_TIMEOUT: return "FUNCTION LOAD timeout";
    default: return "The script has to stop";
    }
}

static void raise_again(lua_State *lua, lua_Debug *unused) {
    (void)unused;
    luaL_error(lua, "%s", stop_text(vm_of(lua)->run));
}

void run_stop_now(lua_State *lua, enum run_stop why) {
    struct run *run = vm_of(lua)->run;
    struct place place = {0};
    run->stop = why;
    vm_find_place(lua, 0, &place);
    run->line = place.line;
    lua_sethook(lua, raise_again, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    luaL_error(lua, "%s", stop_text(run));
    unreachable_code();
}

/* ---- commands ---- */

static void go_exclusive(struct run *run) {
    gate_exclusive_begin_first(scripts->gate, run->nested.outer->worker);
    run->exclusive = true;
}

void run_command(lua_State *lua, const struct bytes *argv, unsigned argc) {
    struct vm *vm = vm_of(lua);
    struct run *run = vm->run;
    struct reply reply = {.out = &vm->reply, .resp = vm->resp, .error_at = SIZE_MAX};
    buffer_clear(&vm->reply);
    for (;;) {
        switch (exec_nested(&run->nested, argv, argc, &reply)) {
        case NESTED_DONE:
            if (reply.failed) luaL_error(lua, "not enough memory");
            return;
        case NESTED_STOPPED: run_stop_now(lua, run->stop);
        case NESTED_BEYOND: break;
        }
        atomic_store_explicit(run->program->beyond, true, memory_order_relaxed);
        if (!run->wrote) run_stop_now(lua, RUN_ALONE);
        go_exclusive(run);
    }
}

enum run_permission run_may_call(lua_State *lua, const struct bytes *argv, unsigned argc) {
    const struct call *call = vm_of(lua)->run->nested.outer;
    const struct command *command = exec_find_called(call->exec, argv, argc);
    if (!command) return RUN_UNKNOWN;
    const struct session *session = call->session;
    bool allowed =
        acl_would_allow(call->exec, session->user, command, argv, argc, session->db, NULL);
    return allowed ? RUN_ALLOWED : RUN_FORBIDDEN;
}

/* ---- the outcome ---- */

/* An error that a command has given has been counted with it. */
static void reply_failure(struct run *run) {
    struct reply *reply = run->nested.outer->reply;
    if (run->stop == RUN_KILLED) {
        reply_errorf(reply, "ERR %s script: on %s:%d.", stop_text(run),
                     run->program->name ? "@user_function" : "@user_script", run->line);
        return;
    }
    unsigned errors = reply->errors;
    reply_error_bytes(reply, vm_failure(run->vm));
    if (run->vm->counted) reply->errors = errors;
}

/* ---- running ---- */

/* Before it has changed anything. */
static void be_alone(struct run *run) {
    run->exclusive = gate_exclusive_begin_unless_busy(scripts->gate, run->nested.outer->worker);
    if (!run->exclusive) run->stop = RUN_BUSY;
}

static void publish(struct run *run) {
    struct script_worker *w = run->worker;
    run->vm->run = run;
    run->vm->code = run->program->code;
    atomic_store_explicit(&w->started, clock_ticks(), memory_order_relaxed);
    atomic_store_explicit(&w->limit_ms, watch_limit_ms(run->program), memory_order_relaxed);
    atomic_store_explicit(&w->run, run, memory_order_relaxed);
    atomic_store_explicit(&w->state, RUN_CLEAN, memory_order_release);
}

static void unpublish(struct run *run) {
    struct script_worker *w = run->worker;
    if (UNLIKELY(atomic_load_explicit(&w->busy, memory_order_relaxed))) watch_over(run);
    atomic_store_explicit(&w->state, RUN_IDLE, memory_order_release);
    atomic_store_explicit(&w->run, NULL, memory_order_relaxed);
    run->vm->run = NULL;
    run->vm->code = (struct bytes){0};
}

/* One that has written is stopped by who has killed it and relies on the undo, or by the end of the
 * server. */
static void end_writing(struct run *run) {
    struct view *view = &run->nested.outer->view;
    if (UNLIKELY(run->stop == RUN_KILLED) && !(watch_is_killed(run) && keyspace_undo(view)))
        exec_abandon(scripts->exec);
    keyspace_undo_end(view);
}

static void end(struct run *run) {
    if (run->wrote) end_writing(run);
    unpublish(run);
    lua_settop(run->vm->lua, 0);
    if (run->has_token) pthread_mutex_unlock(&scripts->writer);
    if (UNLIKELY(run->worker->flush)) worker_close_machine(run->worker);
    if (run->exclusive) gate_exclusive_end(scripts->gate, run->nested.outer->worker);
}

/* It has come to its end. Who has killed it before can rely on that, and from now on it is too
 * late.
 */
static bool was_killed_before(struct run *run) {
    if (LIKELY(!atomic_load_explicit(&run->worker->busy, memory_order_relaxed))) return false;
    return run->wrote && !may_give_up(run) && watch_is_killed(run);
}

/* One attempt. False: it has to run again. */
static bool attempt(struct run *run) {
    struct reply *reply = run->nested.outer->reply;
    struct session *session = run->nested.outer->session;
    struct vm *vm = run->vm;
    session->db = run->db;
    vm->resp = 2;
    run->stop = RUN_ON;
    bool failed = !vm_protected(vm, run->program->body);
    session->db = run->db;
    if (UNLIKELY(run->stop != RUN_ON)) lua_sethook(vm->lua, NULL, 0, 0);
    if (run->stop == RUN_ON && was_killed_before(run)) run->stop = RUN_KILLED;
    if (run->stop == RUN_KILLED) failed = true;
    if (failed && reply->out->len > run->reply_start) reply->out->len = run->reply_start;
    if (UNLIKELY(run->stop == RUN_ALONE)) be_alone(run);
    if (UNLIKELY(run->stop == RUN_AGAIN || run->stop == RUN_ALONE)) return false;
    if (run->stop == RUN_BUSY)
        reply_error(reply, watch_busy_error(false));
    else if (failed)
        reply_failure(run);
    return true;
}

/* What the flags forbid before anything runs. False: it has been answered. */
static bool may_run(struct call *call, const struct program *program) {
    if (program->flags & SCRIPT_COMPATIBLE) return true;
    if (program->read_only && !(program->flags & SCRIPT_NO_WRITES)) {
        reply_error(call->reply,
                    "ERR Can not execute a script with write flag using *_ro command.");
        return false;
    }
    if (program->flags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES) || !nested_lacks_room(call))
        return true;
    reply_error(call->reply, "OOM command not allowed when used memory > 'maxmemory'.");
    return false;
}

void run_program(struct call *call, struct vm *vm, const struct program *program) {
    if (!may_run(call, program)) return;
    struct run run = {
        .nested = {.outer = call,
                   .script = true,
                   .read_only = program->read_only || program->flags & SCRIPT_NO_WRITES,
                   .allow_oom = program->flags & SCRIPT_ALLOW_OOM,
                   .before_write = before_write},
        .vm = vm,
        .worker = &scripts->workers[call->worker],
        .program = program,
        .db = call->session->db,
        .reply_start = call->reply->out->len,
    };
    if (atomic_load_explicit(program->beyond, memory_order_relaxed) && !is_alone(&run))
        be_alone(&run);
    if (run.stop == RUN_BUSY) {
        reply_error(call->reply, watch_busy_error(false));
        return;
    }
    publish(&run);
    while (!attempt(&run)) {
    }
    end(&run);
}

bool run_library(unsigned worker, struct vm *vm, lua_CFunction body, bool *timed_out) {
    struct program program = {.name = "", .loads = true};
    struct run run = {.vm = vm, .worker = &scripts->workers[worker], .program = &program};
    publish(&run);
    bool good = vm_protected(vm, body);
    if (UNLIKELY(run.stop != RUN_ON)) lua_sethook(vm->lua, NULL, 0, 0);
    *timed_out = run.stop == RUN_TIMEOUT;
    unpublish(&run);
    return good && !*timed_out;
}
