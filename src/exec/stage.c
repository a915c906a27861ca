/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage of a batch: all requests are looked up, their keys hashed, and the buckets of
 * these asked for. Then, while the commands run in order, the entries that commands further on will
 * want are asked for ahead of them. So the cache misses of a pipeline overlap with each other and
 * with work, instead of adding up.
 */
#include "base/ensure.h"
#include "exec/exec_priv.h"

/* How many keys ahead entries are asked for: far enough for the memory to answer, near enough for
 * the answer to be still in the cache. */
#define ENTRIES_AHEAD (size_t)24

/* A bucket has arrived when so many others have been asked for after it. */
#define BUCKETS_AHEAD (size_t)16

/* The same for elements of large collections, which are found through their entries: first their
 * buckets, then themselves. */
#define ELEMENT_BUCKETS_AHEAD 12u
#define ELEMENTS_AHEAD        6u
#define ELEMENTS_AT_ONCE      8u /* at most, of the same key */

/* More buckets than this would push each other out of the cache before they are used. */
#define BUCKETS_MAX (size_t)512

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

static inline void ask_for_buckets(const struct exec_worker *w, const struct view *view,
                                   size_t first) {
    size_t end = MIN(w->keys.count, BUCKETS_MAX);
    for (size_t key = first; key < end; key++)
        if (!is_repeated(w, key)) keyspace_prefetch_bucket(view, &w->keys.items[key]);
}

/* Of keys before `end`. */
static inline void ask_for_entries(struct exec_worker *w, const struct view *view, size_t end) {
    size_t key = w->asked.entries;
    if (key >= end) return;
    for (; key < end; key++)
        if (!is_repeated(w, key)) keyspace_prefetch_entry(view, &w->keys.items[key]);
    w->asked.entries = end;
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
        size_t key = w->keys.count;
        stage_request(w, r, found, &w->staged[i]);
        ask_for_buckets(w, view, key);
        if (w->keys.count > BUCKETS_AHEAD)
            ask_for_entries(w, view, MIN(w->keys.count - BUCKETS_AHEAD, ENTRIES_AHEAD));
    }
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
    size_t end = w->staged[next].first_key + ENTRIES_AHEAD;
    ask_for_entries(w, view, MIN(end, w->keys.count));
    if (UNLIKELY(w->has_elements)) look_inside(w, view, batch, next);
}
