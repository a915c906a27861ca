/* SPDX-License-Identifier: BSD-3-Clause */
/* SORT of many elements that looks at no other key: in the background, and answered in pieces. */
#include "base/ensure.h"
#include "cmd/sort.h"
#include "exec/stream.h"
#include "sys/memory.h"

struct sort_work {
    struct stream_work work; /* its source's `next` is an item */
    struct sorting sorting;
    struct value value;
    bool has_head;
};

static struct sort_work *sort_work_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct sort_work, work);
}

static bool prepare(struct stream_work *work) {
    struct sort_work *sort = sort_work_of(work);
    bool done = sort_elements(&sort->sorting, &sort->value);
    work->source.left = sort_count(&sort->sorting);
    return done || sort->sorting.no_number;
}

static bool produce(struct stream_source *source, struct reply *reply) {
    struct sort_work *sort = sort_work_of(CONTAINER_OF(source, struct stream_work, source));
    const struct sorting *sorting = &sort->sorting;
    size_t start = reply->out->len;
    if (sorting->no_number) {
        reply_error(reply, SORT_NO_NUMBER);
        return false;
    }
    if (!sort->has_head) reply_array(reply, source->left);
    sort->has_head = true;
    for (; source->left && !stream_has_piece(reply, start); source->left--)
        reply_bulk(reply, sort_text(sorting, &sort_items(sorting)[source->next++]));
    return source->left > 0;
}

static void free_work(struct stream_work *work) {
    struct sort_work *sort = sort_work_of(work);
    sorting_free(&sort->sorting);
    memory_free(sort);
}

/* How many elements are looked at. */
static uint64_t effort(const struct sort_options *options, const struct value *value) {
    uint64_t length = value_ops(value->type)->length(value);
    bool all = !options->unsorted || value->type == TYPE_SET || options->count < 0;
    return all ? length : MIN(length, (uint64_t)options->count);
}

bool sort_later(struct call *call, const struct sort_options *options, const struct value *value) {
    uint64_t elements = effort(options, value);
    if (LIKELY(!stream_work_may_wait(call, elements))) return false;
    if (options->store || options->get_count || sort_needs_exclusive(call->argv, call->argc))
        return false;
    struct sort_work *sort = memory_alloc(sizeof *sort);
    if (!sort) return false;
    *sort = (struct sort_work){.work = {.source = {.produce = produce},
                                        .prepare = prepare,
                                        .has_all = true,
                                        .free = free_work},
                               .sorting = {.options = *options},
                               .value = *value};
    sort->work.values = &sort->value;
    sort->work.value_count = 1;
    stream_work_run(call, &sort->work, elements);
    return true;
}
