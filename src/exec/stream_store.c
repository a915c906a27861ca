/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Storing what has been worked out in the background. The command happens at the moment when its
 * result is stored, with all of its keys locked: the values that the result comes from are still
 * the same then, or else it is thrown away, and the command runs as any other does.
 */
#include "base/ensure.h"
#include "exec/blocking_priv.h"
#include "exec/key_guard.h"
#include "exec/stream_priv.h"
#include "keyspace/epoch.h"
#include "sys/memory.h"

bool stream_copy_keys(struct stream *stream, const struct call *call) {
    struct key *keys = memory_alloc(call->key_count * sizeof *keys);
    if (!keys) return false;
    stream->keys = keys;
    for (unsigned i = 0; i < call->key_count; i++) {
        unsigned position = 0;
        while (call->argv[position].data != call->keys[i].name.data ||
               call->argv[position].len != call->keys[i].name.len)
            position++;
        keys[i] = (struct key){stream->argv[position], call->keys[i].hash};
    }
    return true;
}

/* Would the command have to wait, if it came now? */
static bool has_to_wait(const struct stream *stream, struct call *call) {
    struct exec *exec = call->exec;
    if (pause_applies(exec, stream->found->flags, call->view.now_ms)) return true;
    if (exec->guarded_keys && key_guards_have(exec, call->view.db, stream->keys, call->key_count))
        return true;
    return keyspace_epoch_under_way &&
           keyspace_epoch_delays(&call->view, &stream->keys[stream->work->target]);
}

static bool is_same(const struct entry *e, const struct value *value) {
    if (!e) return !value->large && !value->small.data;
    struct value now = entry_value(e);
    if (now.type != value->type || now.form != value->form || now.large != value->large)
        return false;
    return now.large ? now.object == value->object : bytes_equal(now.small, value->small);
}

static bool is_valid(const struct stream *stream, struct call *call) {
    const struct stream_work *work = stream->work;
    const struct value *value = work->values;
    if (atomic_load(&work->is_void) || stream->no_memory || stream->incomplete) return false;
    for (unsigned i = 0; i < call->key_count; i++) {
        if (i == work->target) continue;
        if (!is_same(keyspace_look(&call->view, &call->keys[i]), value++)) return false;
    }
    return true;
}

bool stream_store(struct stream *stream, struct call *call) {
    struct exec_worker *w = stream->worker;
    struct gate_hold hold;
    call->argv = stream->argv;
    call->argc = stream->call.argc;
    call->keys = stream->keys;
    call->key_count = stream->call.key_count;
    stream->postponed = has_to_wait(stream, call);
    if (stream->postponed) return false;
    gate_lock(call->exec->gate, call->worker, &hold, call->keys, call->key_count);
    call->hold = &hold;
    call->no_wait = true;
    if (is_valid(stream, call))
        stream->work->store(stream->work, call);
    else
        call->command->run(call);
    uint64_t unit = keyspace_end_unit(&call->view);
    if (unit) stream->task.waiter->unit = unit;
    if (w->has_marked) blocking_serve(w, &hold);
    gate_unlock(call->exec->gate, &hold);
    return true;
}
