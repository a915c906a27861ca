/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache of scripts, and the compiled ones of each worker. */
#include "base/ensure.h"
#include "base/hash.h"
#include "base/number.h"
#include "script/convert.h"
#include "script/functions_priv.h"
#include "script/scripts_priv.h"
#include "script/shebang.h"
#include "script/watch.h"
#include "sys/clock.h"
#include "sys/digest.h"
#include "sys/memory.h"

/* After so many more compiled scripts, those that are no longer cached are looked for. */
#define STALE_MAX 600

struct scripts *scripts;

void script_digest(struct bytes text, char out[SCRIPT_DIGEST_LENGTH]) {
    digest_sha1_hex(text, out);
}

/* Digests come in any case. False: it is none. */
static bool read_digest(struct bytes text, char out[SCRIPT_DIGEST_LENGTH]) {
    if (text.len != SCRIPT_DIGEST_LENGTH) return false;
    for (unsigned i = 0; i < SCRIPT_DIGEST_LENGTH; i++)
        out[i] = bytes_lower(text.data[i]);
    return true;
}

static uint64_t digest_hash(const char digest[SCRIPT_DIGEST_LENGTH]) {
    return hash_bytes(digest, SCRIPT_DIGEST_LENGTH);
}

/* ---- the cache: with the lock ---- */

static struct script *cache_find(const char digest[SCRIPT_DIGEST_LENGTH]) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &scripts->cache, digest_hash(digest)) {
        struct script *script = CONTAINER_OF(node, struct script, in_cache);
        if (memcmp(script->digest, digest, SCRIPT_DIGEST_LENGTH) == 0) return script;
    }
    return NULL;
}

static void release(struct script *script) {
    if (atomic_fetch_sub(&script->references, 1) == 1) memory_free(script);
}

static size_t cost_of(const struct script *script) {
    return sizeof *script + script->code.len + 1;
}

static void cache_remove(struct script *script) {
    index_remove(&scripts->cache, &script->in_cache);
    if (list_linked(&script->evictable)) scripts->evictable_count--;
    list_remove(&script->evictable);
    scripts->code_bytes -= cost_of(script);
    atomic_store(&script->cached, false);
    release(script);
}

static void evict_oldest(void) {
    struct script *script, *oldest = NULL;
    LIST_FOREACH(script, &scripts->evictable, evictable) {
        if (!oldest || atomic_load_explicit(&script->used, memory_order_relaxed) < oldest->used)
            oldest = script;
    }
    cache_remove(oldest);
    scripts->evicted++;
}

static struct script *script_create(struct bytes code, const char *digest, uint32_t flags) {
    struct script *script = memory_alloc(sizeof *script + code.len + 1);
    if (!script) return NULL;
    char *copy = (char *)(script + 1);
    *script = (struct script){

        .references = 1,
        .cached = true,
        .used = clock_wall_ms(),
        .flags = flags,
        .code = bytes_make(copy, code.len)};
    list_init(&script->evictable);
    memcpy(script->digest, digest, SCRIPT_DIGEST_LENGTH);
    if (code.len) memcpy(copy, code.data, code.len);
    copy[code.len] = 0;
    return script;
}

/* With a reference for the caller; NULL: no memory. */
static struct script *cache_add(struct bytes code, const char *digest, uint32_t flags,
                                bool evictable) {
    struct script *script = cache_find(digest);
    if (!script) {
        script = script_create(code, digest, flags);
        if (!script) return NULL;
        if (!index_add(&scripts->cache, &script->in_cache, digest_hash(digest))) {
            release(script);
            return NULL;
        }
        scripts->code_bytes += cost_of(script);
        if (evictable) {
            if (scripts->evictable_count == EVICTABLE_MAX) evict_oldest();
            list_append(&scripts->evictable, &script->evictable);
            scripts->evictable_count++;
        }
    } else if (!evictable && list_linked(&script->evictable)) {
        list_remove(&script->evictable);
        scripts->evictable_count--;
    }
    atomic_fetch_add(&script->references, 1);
    return script;
}

static struct script *cache_get(const char digest[SCRIPT_DIGEST_LENGTH]) {
    pthread_mutex_lock(&scripts->lock);
    struct script *script = cache_find(digest);
    if (script) atomic_fetch_add(&script->references, 1);
    pthread_mutex_unlock(&scripts->lock);
    return script;
}

/* ---- what a worker has compiled ---- */

struct vm *worker_vm(unsigned worker, enum vm_kind kind) {
    struct script_worker *w = &scripts->workers[worker];
    if (UNLIKELY(!w->vms[kind])) {
        w->vms[kind] = vm_create(kind, (size_t)script_settings.memory_limit);
        watch_worker(w);
    }
    if (LIKELY(w->vms[kind])) w->vms[kind]->limit = (size_t)script_settings.memory_limit;
    return w->vms[kind];
}

/* Of the call's worker; NULL: that has been answered. */
static struct vm *need_vm(struct call *call) {
    struct vm *vm = worker_vm(call->worker, VM_EVAL);
    if (!vm) reply_no_memory(call->reply);
    return vm;
}

static void compiled_drop(struct script_worker *w, struct compiled *c) {
    index_remove(&w->by_digest, &c->by_digest);
    index_remove(&w->by_code, &c->by_code);
    if (w->vms[VM_EVAL]) luaL_unref(w->vms[VM_EVAL]->lua, LUA_REGISTRYINDEX, c->function);
    release(c->script);
    memory_free(c);
}

static struct compiled *first_stale(struct script_worker *w, bool all) {
    struct index_node *node;
    INDEX_FOREACH(node, &w->by_digest) {
        struct compiled *c = CONTAINER_OF(node, struct compiled, by_digest);
        if (all || !atomic_load(&c->script->cached)) return c;
    }
    return NULL;
}

static void drop_stale(struct script_worker *w, bool all) {
    struct compiled *c;
    while ((c = first_stale(w, all)))
        compiled_drop(w, c);
}

static struct compiled *current(struct script_worker *w, struct compiled *c) {
    if (LIKELY(atomic_load_explicit(&c->script->cached, memory_order_relaxed))) return c;
    compiled_drop(w, c);
    return NULL;
}

static struct compiled *compiled_by_digest(struct script_worker *w, const char *digest) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &w->by_digest, digest_hash(digest)) {
        struct compiled *c = CONTAINER_OF(node, struct compiled, by_digest);
        if (memcmp(c->script->digest, digest, SCRIPT_DIGEST_LENGTH) == 0) return current(w, c);
    }
    return NULL;
}

static struct compiled *compiled_by_code(struct script_worker *w, struct bytes code) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &w->by_code, hash_bytes(code.data, code.len)) {
        struct compiled *c = CONTAINER_OF(node, struct compiled, by_code);
        if (bytes_equal(c->script->code, code)) return current(w, c);
    }
    return NULL;
}

/* ---- compiling ---- */

struct compilation {
    struct bytes code; /* without the first line, if that is for us */
    int function;
};

static _Thread_local struct compilation *compilation;

static int compile_body(lua_State *lua) {
    if (!vm_compile(lua, compilation->code, "@user_script")) return lua_error(lua);
    compilation->function = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

static void reply_compile_error(struct vm *vm, struct reply *reply) {
    struct bytes text = vm_failure(vm);
    if (bytes_starts_with(text, BYTES("ERR "))) text = bytes_skip(text, 4);
    reply_errorf(reply, "ERR Error compiling script (new function): %.*s", (int)text.len,
                 text.data);
}

/* A function of the machine; LUA_NOREF: what is wrong has been answered. */
static int compile(struct call *call, struct vm *vm, struct bytes code, uint32_t *flags) {
    struct compilation c = {.function = LUA_NOREF};
    struct shebang shebang;
    if (!shebang_read(code, &shebang, call->reply)) return LUA_NOREF;
    *flags = shebang.flags;
    c.code = shebang.code;
    compilation = &c;
    if (!vm_protected(vm, compile_body)) reply_compile_error(vm, call->reply);
    lua_settop(vm->lua, 0);
    return c.function;
}

/* Takes over the reference to the script. */
static struct compiled *compiled_add(struct call *call, struct vm *vm, struct script *script,
                                     int function) {
    struct script_worker *w = &scripts->workers[call->worker];
    if (w->by_digest.count >= w->look_at) {
        drop_stale(w, false);
        w->look_at = w->by_digest.count + STALE_MAX;
    }
    struct compiled *c = memory_alloc_zero(sizeof *c);
    bool added = c && index_add(&w->by_digest, &c->by_digest, digest_hash(script->digest));
    if (added &&
        !index_add(&w->by_code, &c->by_code, hash_bytes(script->code.data, script->code.len))) {
        index_remove(&w->by_digest, &c->by_digest);
        added = false;
    }
    if (!added) {
        luaL_unref(vm->lua, LUA_REGISTRYINDEX, function);
        release(script);
        memory_free(c);
        reply_no_memory(call->reply);
        return NULL;
    }
    c->script = script;
    c->function = function;
    return c;
}

/* Compiles the code and puts it into the cache, too. */
static struct compiled *compile_new(struct call *call, struct vm *vm, struct bytes code,
                                    const char *digest, bool evictable) {
    uint32_t flags;
    int function = compile(call, vm, code, &flags);
    if (function == LUA_NOREF) return NULL;
    pthread_mutex_lock(&scripts->lock);
    struct script *script = cache_add(code, digest, flags, evictable);
    pthread_mutex_unlock(&scripts->lock);
    if (script) return compiled_add(call, vm, script, function);
    luaL_unref(vm->lua, LUA_REGISTRYINDEX, function);
    reply_no_memory(call->reply);
    return NULL;
}

static struct compiled *find_by_code(struct call *call, struct vm *vm, struct bytes code) {
    struct script_worker *w = &scripts->workers[call->worker];
    struct compiled *c = compiled_by_code(w, code);
    if (LIKELY(c)) return c;
    char digest[SCRIPT_DIGEST_LENGTH];
    script_digest(code, digest);
    return compile_new(call, vm, code, digest, true);
}

static struct compiled *find_by_digest(struct call *call, struct vm *vm, struct bytes text) {
    struct script_worker *w = &scripts->workers[call->worker];
    char digest[SCRIPT_DIGEST_LENGTH];
    struct compiled *c = NULL;
    struct script *script = NULL;
    if (read_digest(text, digest)) {
        c = compiled_by_digest(w, digest);
        if (LIKELY(c)) return c;
        script = cache_get(digest);
    }
    if (!script) {
        reply_error(call->reply, "NOSCRIPT No matching script.");
        return NULL;
    }
    uint32_t flags;
    int function = compile(call, vm, script->code, &flags);
    if (function != LUA_NOREF) return compiled_add(call, vm, script, function);
    release(script);
    return NULL;
}

/* ---- EVAL ---- */

bool script_key_count(struct call *call, const char *no_number, int64_t *count) {
    if (!number_parse_i64(call->argv[2], count)) {
        reply_error(call->reply, no_number);
    } else if (*count > (int64_t)call->argc - 3) {
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
    } else if (*count < 0) {
        reply_error(call->reply, "ERR Number of keys can't be negative");
    } else {
        return true;
    }
    return false;
}

static void set_global_list(lua_State *lua, const char *name, const struct bytes *items,
                            unsigned count) {
    vm_push_list(lua, items, count);
    lua_setfield(lua, -2, name);
}

static int eval_body(lua_State *lua) {
    struct vm *vm = vm_of(lua);
    const struct program *program = vm->run->program;
    const struct compiled *c = program->function;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, vm->globals);
    set_global_list(lua, "KEYS", program->keys, program->key_count);
    set_global_list(lua, "ARGV", program->keys + program->key_count, program->argument_count);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, c->function);
    lua_call(lua, 0, 1);
    convert_to_reply(lua, vm->run->nested.outer->reply, vm->resp);
    return 0;
}

void scripts_eval(struct call *call, bool by_digest, bool read_only) {
    int64_t keys;
    if (!script_key_count(call, "ERR value is not an integer or out of range", &keys)) return;
    struct vm *vm = need_vm(call);
    if (!vm) return;
    struct compiled *c =
        by_digest ? find_by_digest(call, vm, call->argv[1]) : find_by_code(call, vm, call->argv[1]);
    if (!c) return;
    struct script *script = c->script;
    if (atomic_load_explicit(&script->used, memory_order_relaxed) != call->view.now_ms)
        atomic_store_explicit(&script->used, call->view.now_ms, memory_order_relaxed);
    struct program program = {
        .body = eval_body,
        .function = c,
        .code = script->code,
        .keys = call->argv + 3,
        .key_count = (unsigned)keys,
        .argument_count = call->argc - 3 - (unsigned)keys,
        .flags = script->flags,
        .read_only = read_only,
        .beyond = &script->beyond,
    };
    run_program(call, vm, &program);
}

/* ---- SCRIPT ---- */

void scripts_load(struct call *call, struct bytes code) {
    char digest[SCRIPT_DIGEST_LENGTH];
    struct vm *vm = need_vm(call);
    if (!vm) return;
    script_digest(code, digest);
    struct compiled *c = compiled_by_digest(&scripts->workers[call->worker], digest);
    if (!c && !(c = compile_new(call, vm, code, digest, false))) return;
    pthread_mutex_lock(&scripts->lock);
    struct script *script = cache_add(code, digest, c->script->flags, false);
    pthread_mutex_unlock(&scripts->lock);
    if (script) release(script);
    reply_bulk(call->reply, bytes_make(digest, sizeof digest));
}

bool scripts_exists(struct bytes text) {
    char digest[SCRIPT_DIGEST_LENGTH];
    if (!read_digest(text, digest)) return false;
    pthread_mutex_lock(&scripts->lock);
    bool exists = cache_find(digest) != NULL;
    pthread_mutex_unlock(&scripts->lock);
    return exists;
}

void scripts_show(struct call *call, struct bytes text) {
    char digest[SCRIPT_DIGEST_LENGTH];
    struct script *script = read_digest(text, digest) ? cache_get(digest) : NULL;
    if (!script) {
        reply_error(call->reply, "NOSCRIPT No matching script.");
        return;
    }
    reply_bulk(call->reply, script->code);
    release(script);
}

void worker_close_machine(struct script_worker *w) {
    drop_stale(w, true);
    vm_free(w->vms[VM_EVAL]);
    w->vms[VM_EVAL] = NULL;
    w->flush = false;
}

static struct script *first_cached(void) {
    struct index_node *node;
    INDEX_FOREACH(node, &scripts->cache) {
        return CONTAINER_OF(node, struct script, in_cache);
    }
    return NULL;
}

void scripts_flush(void) {
    struct script *script;
    pthread_mutex_lock(&scripts->lock);
    while ((script = first_cached()))
        cache_remove(script);
    pthread_mutex_unlock(&scripts->lock);
    for (unsigned i = 0; i < scripts->worker_count; i++) {
        struct script_worker *w = &scripts->workers[i];
        if (w->run)
            w->flush = true;
        else
            worker_close_machine(w);
    }
}

/* ---- start, end, figures ---- */

void scripts_start(struct exec *exec) {
    unsigned workers = gate_participants(exec_gate(exec));
    size_t size = sizeof *scripts + workers * sizeof scripts->workers[0];
    scripts = memory_alloc_aligned(_Alignof(struct scripts), size);
    ensure(scripts);
    memset(scripts, 0, size);
    scripts->exec = exec;
    scripts->gate = exec_gate(exec);
    scripts->worker_count = workers;
    pthread_mutex_init(&scripts->lock, NULL);
    pthread_mutex_init(&scripts->writer, NULL);
    list_init(&scripts->evictable);
    functions_start();
}

void scripts_end(void) {
    if (!scripts) return;
    watch_end();
    functions_end();
    scripts_flush();
    for (unsigned i = 0; i < scripts->worker_count; i++)
        vm_free(scripts->workers[i].vms[VM_FUNCTIONS]);
    pthread_mutex_destroy(&scripts->lock);
    pthread_mutex_destroy(&scripts->writer);
    memory_free(scripts);
    scripts = NULL;
}

struct scripts_figures scripts_figures(void) {
    struct scripts_figures figures = {
        .cached = scripts->cache.count,
        .evicted = scripts->evicted,
        .code_bytes = scripts->code_bytes,
    };
    for (unsigned i = 0; i < scripts->worker_count; i++) {
        const struct script_worker *w = &scripts->workers[i];
        if (w->vms[VM_EVAL]) figures.eval_bytes += w->vms[VM_EVAL]->used;
        if (w->vms[VM_FUNCTIONS]) figures.function_bytes += w->vms[VM_FUNCTIONS]->used;
    }
    return figures;
}
