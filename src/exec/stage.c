/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage of a batch: all requests are looked up, their keys hashed, and the buckets and
 * entries of these asked for, many together. So the cache misses of a pipeline overlap with each
 * other instead of adding up. What comes behind those many, and elements of collections, is asked
 * for while the commands before it run.
 */
#include "base/ensure.h"
#include "exec/exec_priv.h"

/* So many keys are asked for together, when fewer than KEYS_AHEAD of those before are left: enough
 * for the memory to answer meanwhile, few enough for the answer to be still in the cache. */
#define KEYS_AT_ONCE (size_t)64
#define KEYS_AHEAD   (size_t)16
#define KEYS_MAX     (size_t)512 /* of a single request: more would push each other out */

/* The same for elements of large collections, which are found through their entries: first their
 * buckets, then themselves. */
#define ELEMENT_BUCKETS_AHEAD 12u
#define ELEMENTS_AHEAD        6u
#define ELEMENTS_AT_ONCE      8u /* at most, of the same key */

/* A worker keeps room for this many keys from batch to batch. */
#define KEYS_KEPT 4096

/* `found` is what the request's first argument names, if anything. */
static void stage_request(struct exec_worker *w, const struct request *r,
                          const struct registered *found, struct staged *staged) {
    *staged = (struct staged){.found = found, .first_key = (unsigned)w->keys.count};
    if (UNLIKELY(!found)) return;
    if (UNLIKELY(found->sub_count) && r->argc > 1) {
        staged->container = found;
        staged->found = found = commands_find_sub(&w->exec->commands, found, r->argv[1]);
        if (!found) return;
    }
    if (UNLIKELY(!registered_accepts(found, r->argc))) return;
    staged->sound = keys_collect(&w->keys, found, r->argv, r->argc);
    staged->no_memory = !staged->sound;
    staged->key_count = (unsigned)w->keys.count - staged->first_key;
    if (found->flags & CMD_ELEMENT) w->has_elements = true;
}

/* Is it the same key as the one before? */
static inline bool is_repeated(const struct exec_worker *w, size_t key) {
    const struct key *items = w->keys.items;
    return key && items[key].hash == items[key - 1].hash;
}

/* The keys of this request, and some of those behind it, are asked for unless they have been. */
static inline void ask_for_keys(struct exec_worker *w, const struct view *view,
                                const struct staged *staged) {
    size_t wanted = staged->first_key + staged->key_count + KEYS_AHEAD;
    if (LIKELY(w->asked.keys >= MIN(wanted, w->keys.count))) return;
    size_t from = MAX(w->asked.keys, staged->first_key);
    size_t most = MAX(KEYS_AT_ONCE, MIN(staged->key_count, KEYS_MAX));
    size_t count = MIN(w->keys.count - from, most);
    keyspace_prefetch(view, w->keys.items + from, count);
    w->asked.keys = from + count;
}

void stage_batch(struct exec_worker *w, const struct request_batch *batch,
                 const struct view *view) {
    const struct registered *found = NULL;
    struct bytes name = BYTES("");
    w->keys.count = 0;
    w->has_elements = false;
    w->asked = (struct asked){0};
    for (unsigned i = 0; i < batch->count; i++) {
        const struct request *r = &batch->items[i];
        if (!bytes_equal_short(r->argv[0], name)) { /* pipelines repeat themselves */
            name = r->argv[0];
            found = commands_find(&w->exec->commands, name);
        }
        stage_request(w, r, found, &w->staged[i]);
    }
    if (w->keys.count > 1) ask_for_keys(w, view, &w->staged[0]);
    tracking_prefetch(w);
    w->unsampled_keys -= (int64_t)w->keys.count;
    if (UNLIKELY(w->unsampled_keys < 0)) hotkeys_sample(w, view->db);
}

void stage_end(struct exec_worker *w) {
    if (UNLIKELY(w->keys.capacity > KEYS_KEPT)) key_list_free(&w->keys);
}

/* ---- elements of large collections ---- */

static bool has_element(const struct staged *staged) {
    return staged->key_count && staged->found->flags & CMD_ELEMENT;
}

static struct bytes element_of(const struct staged *staged, const struct request *r) {
    unsigned behind = (staged->found->flags & CMD_ELEMENT_BEHIND) != 0;
    return r->argv[staged->found->one_key + 1 + behind];
}

/* How many requests from `first` to before `end` are about elements of the same key; 0: that one is
 * about none. */
static unsigned run_of_elements(const struct exec_worker *w, unsigned first, unsigned end) {
    const struct staged *staged = &w->staged[first];
    unsigned count = 0;
    end = MIN(end, first + ELEMENTS_AT_ONCE);
    for (; first + count < end && has_element(&staged[count]); count++)
        if (count && !is_repeated(w, staged[count].first_key)) break;
    return count;
}

static unsigned ask_for_element_buckets(struct exec_worker *w, const struct view *view,
                                        const struct request_batch *batch, unsigned first) {
    struct bytes names[ELEMENTS_AT_ONCE];
    uint64_t hashes[ELEMENTS_AT_ONCE];
    struct staged *staged = &w->staged[first];
    unsigned count = run_of_elements(w, first, batch->count);
    if (!count) return 1;
    for (unsigned i = 0; i < count; i++)
        names[i] = element_of(&staged[i], &batch->items[first + i]);
    keyspace_prefetch_element_buckets(view, &w->keys.items[staged->first_key], names, hashes,
                                      count);
    for (unsigned i = 0; i < count; i++)
        staged[i].element = hashes[i];
    return count;
}

static unsigned ask_for_elements(const struct exec_worker *w, const struct view *view,
                                 unsigned first, unsigned end) {
    uint64_t hashes[ELEMENTS_AT_ONCE];
    const struct staged *staged = &w->staged[first];
    unsigned count = run_of_elements(w, first, end);
    if (!count || !staged->element) return 1;
    for (unsigned i = 0; i < count; i++)
        hashes[i] = staged[i].element;
    keyspace_prefetch_elements(view, &w->keys.items[staged->first_key], hashes, count);
    return count;
}

static void look_inside(struct exec_worker *w, const struct view *view,
                        const struct request_batch *batch, unsigned next) {
    struct asked *asked = &w->asked;
    while (asked->element_buckets < MIN(next + ELEMENT_BUCKETS_AHEAD, batch->count))
        asked->element_buckets += ask_for_element_buckets(w, view, batch, asked->element_buckets);
    while (asked->elements < MIN(next + ELEMENTS_AHEAD, asked->element_buckets))
        asked->elements += ask_for_elements(w, view, asked->elements, asked->element_buckets);
}

void stage_look_ahead(struct exec_worker *w, const struct view *view,
                      const struct request_batch *batch, unsigned next) {
    ask_for_keys(w, view, &w->staged[next]);
    if (UNLIKELY(w->has_elements)) look_inside(w, view, batch, next);
}
