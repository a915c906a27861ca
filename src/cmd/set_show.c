/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Intersections, unions and differences of many members that are only shown. First it is found out
 * which members those are, a bit for each in the order of a walk through the sets; then the sets
 * are walked again, and what has its bit is shown. So the result is never in memory. Where only the
 * number of members is shown, that is all there is to find out.
 */
#include "base/ensure.h"
#include "cmd/set.h"
#include "sys/memory.h"
#include <stdlib.h>

struct showing {
    struct stream_work work; /* its source's `next` is a cursor in sets[set] */
    enum set_operation operation;
    unsigned walked; /* only members of the first so many sets can be shown */
    unsigned set;
    uint64_t position; /* of the next member, in the whole walk */
    uint64_t shown;
    uint64_t *bits;      /* NULL: only their number is of interest */
    uint64_t limit;      /* and not beyond this; 0 = no limit */
    struct reply *reply; /* that shows them; NULL: they are counted */
    bool has_head;
    unsigned count;
    struct value sets[];
};

/* ---- finding out ---- */

static bool is_shown(const struct showing *showing, struct bytes member) {
    switch (showing->operation) {
    case SET_INTERSECT:
        for (unsigned i = 1; i < showing->count; i++)
            if (!set_has(&showing->sets[i], member)) return false;
        return true;
    case SET_SUBTRACT:
        for (unsigned i = 1; i < showing->count; i++)
            if (set_has(&showing->sets[i], member)) return false;
        return true;
    case SET_UNITE:
        for (unsigned i = 0; i < showing->set; i++)
            if (set_has(&showing->sets[i], member)) return false;
        return true;
    }
    unreachable_code();
}

static bool examine(void *context, struct bytes member) {
    struct showing *showing = context;
    uint64_t position = showing->position++;
    if (!is_shown(showing, member)) return true;
    if (showing->bits) showing->bits[position / 64] |= 1ull << position % 64;
    showing->shown++;
    return true;
}

#define WALK_STEP 1024

static bool is_enough(const struct showing *showing) {
    return showing->limit && showing->shown >= showing->limit;
}

static bool prepare(struct stream_work *work) {
    struct showing *showing = CONTAINER_OF(work, struct showing, work);
    uint64_t members = 0, cursor = 0;
    for (unsigned i = 0; i < showing->walked; i++)
        members += set_length(&showing->sets[i]);
    if (!work->has_all) {
        showing->bits = memory_alloc_zero((members / 64 + 1) * sizeof *showing->bits);
        if (!showing->bits) return false;
    }
    for (; showing->set < showing->walked; showing->set++)
        do
            cursor = set_scan(&showing->sets[showing->set], cursor, WALK_STEP, examine, showing);
        while (cursor && !is_enough(showing));
    showing->set = 0;
    showing->position = 0;
    work->source.left = showing->shown;
    return true;
}

/* ---- showing ---- */

static bool show(void *context, struct bytes member) {
    struct showing *showing = context;
    uint64_t position = showing->position++;
    if (!(showing->bits[position / 64] >> position % 64 & 1)) return true;
    reply_bulk(showing->reply, member);
    showing->work.source.left--;
    return true;
}

static bool produce(struct stream_source *source, struct reply *reply) {
    struct showing *showing =
        CONTAINER_OF(CONTAINER_OF(source, struct stream_work, source), struct showing, work);
    size_t start = reply->out->len;
    showing->reply = reply;
    if (!showing->has_head) reply_set(reply, showing->shown);
    showing->has_head = true;
    while (source->left && !stream_has_piece(reply, start)) {
        source->next = set_scan(&showing->sets[showing->set], source->next, 1, show, showing);
        if (!source->next) showing->set++;
    }
    return source->left > 0;
}

/* ---- the beginning ---- */

static void free_showing(struct stream_work *work) {
    struct showing *showing = CONTAINER_OF(work, struct showing, work);
    memory_free(showing->bits);
    memory_free(showing);
}

static int by_length(const void *a, const void *b) {
    uint64_t one = set_length(a), other = set_length(b);
    return (one > other) - (one < other);
}

uint64_t set_effort(enum set_operation operation, const struct value *sets, const bool *exists,
                    unsigned count) {
    uint64_t sum = 0, shortest = UINT64_MAX;
    if (operation == SET_SUBTRACT) return exists[0] ? set_length(&sets[0]) * count : 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t length = exists[i] ? set_length(&sets[i]) : 0;
        shortest = MIN(shortest, length);
        sum += length;
    }
    return operation == SET_INTERSECT ? shortest * count : sum;
}

/* NULL: it is better done at once. */
static struct showing *make(const struct call *call, enum set_operation operation,
                            const struct value *sets, const bool *exists, unsigned count) {
    if (LIKELY(!stream_work_may_wait(call, set_effort(operation, sets, exists, count))))
        return NULL;
    struct showing *showing = memory_alloc(sizeof *showing + count * sizeof *sets);
    if (!showing) return NULL;
    *showing = (struct showing){.work = {.source = {.produce = produce},
                                         .values = showing->sets,
                                         .prepare = prepare,
                                         .free = free_showing},
                                .operation = operation};
    for (unsigned i = 0; i < count; i++)
        if (exists[i]) showing->sets[showing->count++] = sets[i];
    showing->work.value_count = showing->count;
    showing->walked = operation == SET_UNITE ? showing->count : 1;
    if (operation == SET_INTERSECT) qsort(showing->sets, showing->count, sizeof *sets, by_length);
    return showing;
}

bool set_show_many(struct call *call, enum set_operation operation, const struct value *sets,
                   const bool *exists, unsigned count) {
    struct showing *showing = make(call, operation, sets, exists, count);
    if (showing) stream_work_run(call, &showing->work, set_effort(operation, sets, exists, count));
    return showing != NULL;
}

static bool produce_count(struct stream_source *source, struct reply *reply) {
    const struct showing *showing =
        CONTAINER_OF(CONTAINER_OF(source, struct stream_work, source), struct showing, work);
    uint64_t shown = showing->shown;
    reply_integer(reply, (int64_t)(showing->limit ? MIN(shown, showing->limit) : shown));
    return false;
}

bool set_count_many(struct call *call, const struct value *sets, const bool *exists, unsigned count,
                    uint64_t limit) {
    struct showing *showing = make(call, SET_INTERSECT, sets, exists, count);
    if (!showing) return false;
    showing->limit = limit;
    showing->work.has_all = true;
    showing->work.source.produce = produce_count;
    stream_work_run(call, &showing->work, set_effort(SET_INTERSECT, sets, exists, count));
    return true;
}
