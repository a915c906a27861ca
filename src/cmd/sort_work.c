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
    bool has_list;         /* nobody else knows it yet */
    struct list_edit list; /* to be stored */
    struct buffer pack;
};

static struct sort_work *sort_work_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct sort_work, work);
}

static bool prepare(struct stream_work *work) {
    struct sort_work *sort = sort_work_of(work);
    return sort_take(&sort->sorting, &sort->value);
}

static bool complete(struct stream_work *work) {
    struct sort_work *sort = sort_work_of(work);
    struct sorting *sorting = &sort->sorting;
    if (!sort_taken(sorting)) return sorting->no_number;
    work->source.left = sort_count(sorting);
    if (!work->store) return true;
    sort->has_list = sort_make_list(sorting, &sort->list, &sort->pack);
    return sort->has_list;
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

static void put_prepared(struct stream_work *work, struct call *call) {
    struct sort_work *sort = sort_work_of(work);
    if (sort->sorting.no_number) {
        reply_error(call->reply, SORT_NO_NUMBER);
        return;
    }
    sort_put_list(call, &call->keys[work->target], &sort->list, sort_count(&sort->sorting));
    sort->has_list = false;
}

static void free_work(struct stream_work *work) {
    struct sort_work *sort = sort_work_of(work);
    if (sort->has_list) list_edit_drop(&sort->list);
    buffer_free(&sort->pack);
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
    if (options->get_count || sort_needs_exclusive(call->argv, call->argc)) return false;
    struct sort_work *sort = memory_alloc(sizeof *sort);
    if (!sort) return false;
    *sort = (struct sort_work){.work = {.source = {.produce = produce},
                                        .prepare = prepare,
                                        .complete = complete,
                                        .has_all = true,
                                        .store = options->store ? put_prepared : NULL,
                                        .target = 1,
                                        .free = free_work},
                               .sorting = {.options = *options},
                               .value = *value};
    sort->work.values = &sort->value;
    sort->work.value_count = 1;
    stream_work_run(call, &sort->work, elements);
    return true;
}
