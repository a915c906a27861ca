/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/window.h"
#include <errno.h>

#define READ_SIZE ((size_t)256 * 1024)

/* Forgets what lies before the record. */
static void slide(struct window *w) {
    size_t gone = (size_t)(w->kept - w->base);
    if (gone < READ_SIZE / 2) return;
    if (w->leaving) w->leaving(w->context, w->kept);
    buffer_consume(&w->bytes, gone);
    w->base = w->kept;
}

const char *window_need_more(struct window *w, uint64_t count) {
    while (window_end(w) - w->at < count) {
        if (w->ended) return NULL;
        slide(w);
        w->status = -ENOMEM;
        if (!buffer_reserve(&w->bytes, READ_SIZE)) return NULL;
        ssize_t n = w->input.read(w->input.context, w->bytes.data + w->bytes.len, READ_SIZE);
        w->status = n < 0 ? (int)n : 0;
        if (n < 0) return NULL;
        w->bytes.len += (size_t)n;
        w->ended = n == 0;
    }
    return w->bytes.data + (w->at - w->base);
}
