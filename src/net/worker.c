/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A turn of the loop: sleep, note what the events say, give every connection that has something to
 * do one turn, deliver mail, fire timers, write what these sent to other connections, free what was
 * closed. All but the sleeping is done inside the gate, so that a thread in exclusive mode finds
 * every connection of every worker between two changes. TLS handshakes come after that, outside,
 * since nobody else knows their connections.
 *
 * A connection is freed at the end of a turn of the loop alone. Until then its pointer stays good,
 * whoever has closed it.
 */
#include "net/net_priv.h"
#include "net/tls_priv.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/memory.h"
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 256, EVENT_KIND_MASK = 3 };

static _Thread_local struct worker *current_worker;

bool worker_init(struct worker *w, struct net *net, unsigned index) {
    *w = (struct worker){.net = net, .index = index, .wake = -1};
    list_init(&w->connections);
    list_init(&w->ready);
    list_init(&w->later);
    list_init(&w->unsent);
    list_init(&w->closed);
    list_init(&w->handshakes);
    list_init(&w->handshakes_ready);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0) return false;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake < 0 || !worker_watch(w, w->wake, EPOLLIN | EPOLLET, EVENT_WAKE, NULL)) return false;
    w->input = memory_alloc(INPUT_SIZE);
    return w->input != NULL;
}

static void free_mail(struct mail *mail) {
    for (struct mail *next; mail; mail = next) {
        next = mail->next;
        memory_free(mail);
    }
}

void worker_free(struct worker *w) {
    free_mail(mailbox_take(&w->arrivals));
    free_mail(mailbox_take(&w->mailbox));
    timers_free(&w->timers);
    held_free(&w->held);
    request_batch_free(&w->batch);
    buffer_free(&w->output);
    memory_free(w->input);
    if (w->wake >= 0) file_close(w->wake);
    if (w->epoll >= 0) file_close(w->epoll);
}

bool worker_watch(struct worker *w, int fd, uint32_t events, enum event_source kind, void *source) {
    struct epoll_event event = {.events = events, .data.u64 = (uintptr_t)source | kind};
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

unsigned worker_index(const struct worker *w) {
    return w->index;
}

struct worker *worker_current(void) {
    return current_worker;
}

int64_t worker_now_us(const struct worker *w) {
    return w->now_us;
}

/* ---- from other threads ---- */

static void wake(struct worker *w) {
    uint64_t one = 1;
    ssize_t written = write(w->wake, &one, sizeof one);
    (void)written; /* it fails only at 2^64 - 1 wake-ups not slept through */
}

bool worker_post(struct worker *w, void (*fn)(void *argument), void *argument) {
    enum mail_result result = mailbox_post(&w->mailbox, fn, argument);
    if (result == MAIL_MUST_WAKE) wake(w);
    return result != MAIL_NO_MEMORY;
}

bool worker_post_arrival(struct worker *w, void (*fn)(void *argument), void *argument) {
    if (mailbox_post(&w->arrivals, fn, argument) == MAIL_NO_MEMORY) return false;
    wake(w);
    return true;
}

void worker_stop(struct worker *w) {
    int before = errno;
    atomic_store(&w->stop, true);
    wake(w);
    errno = before;
}

/* ---- timers ---- */

bool worker_timer_arm(struct worker *w, struct net_timer *timer, int64_t due_mono_us) {
    return timers_arm(&w->timers, timer, due_mono_us);
}

void worker_timer_cancel(struct worker *w, struct net_timer *timer) {
    timers_cancel(&w->timers, timer);
}

/* ---- a turn of the loop ---- */

static bool has_work(const struct worker *w) {
    return w->again || !list_empty(&w->ready) || !list_empty(&w->later) ||
           !list_empty(&w->unsent) || !list_empty(&w->closed);
}

/* In milliseconds, rounded up so that what is due is due on waking. */
static int sleep_ms(struct worker *w) {
    if (has_work(w) || !list_empty(&w->handshakes_ready) || !mailbox_sleep(&w->mailbox)) return 0;
    int64_t until = MIN(w->wake_tick_us, timers_next(&w->timers));
    int64_t ms = (until - w->now_us + 999) / 1000;
    return ms < 0 ? 0 : (int)MIN(ms, (int64_t)INT_MAX);
}

/* Whoever may hang up, may have sent something before: reading to the end of the stream tells. What
 * is read with TLS may have waited for TLS itself to write. */
static void note(struct connection *c, uint32_t events) {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->flags |= CONNECTION_HANGUP | CONNECTION_READABLE;
    if (events & EPOLLIN) c->flags |= CONNECTION_READABLE;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        c->flags &= ~CONNECTION_FULL;
        if (UNLIKELY(c->flags & CONNECTION_TLS)) c->flags |= CONNECTION_READABLE;
    }
    if (!list_linked(&c->turn)) list_append(&c->worker->ready, &c->turn);
}

static void note_events(const struct epoll_event *events, int count, struct worker *w) {
    for (int i = 0; i < count; i++) {
        uintptr_t data = events[i].data.u64;
        void *source = (void *)(data & ~(uintptr_t)EVENT_KIND_MASK);
        switch ((enum event_source)(data & EVENT_KIND_MASK)) {
        case EVENT_CONNECTION: note(source, events[i].events); break;
        case EVENT_LISTENER: listener_accept(source); break;
        case EVENT_WAKE: break;
        }
    }
}

static struct connection *pop(struct list_node *list) {
    struct connection *c = LIST_FIRST(list, struct connection, turn);
    list_remove(&c->turn);
    return c;
}

static void move_all(struct list_node *from, struct list_node *to) {
    if (list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

static void deliver(struct mail *mail) {
    while (mail) {
        struct mail *next = mail->next;
        mail->fn(mail->argument);
        memory_free(mail);
        mail = next;
    }
}

static void destroy_closed(struct worker *w) {
    struct list_node closed;
    if (list_empty(&w->closed)) return;
    list_init(&closed);
    move_all(&w->closed, &closed);
    held_forget_closed(&w->held);
    while (!list_empty(&closed))
        connection_destroy(pop(&closed));
}

/* Writing can close connections, and closing sessions can write to others. */
static void settle(struct worker *w) {
    while (!list_empty(&w->unsent) || !list_empty(&w->closed)) {
        while (!list_empty(&w->unsent))
            connection_write_turn(pop(&w->unsent));
        destroy_closed(w);
    }
}

static void tick(struct worker *w) {
    const struct net_service *service = w->net->service;
    handshakes_expire(w);
    bool more = service->tick(service->context, w->index);
    w->next_tick_us = w->now_us + (int64_t)w->net->tick_ms * 1000;
    w->wake_tick_us = w->now_us + (int64_t)(more ? w->net->tick_ms : w->net->idle_tick_ms) * 1000;
}

static void loop_turn(struct worker *w) {
    const struct net_service *service = w->net->service;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(w->epoll, events, EVENTS, sleep_ms(w));
    w->now_us = clock_mono_us();
    struct mail *mail = mailbox_take(&w->mailbox);
    if (count > 0 || mail || has_work(w) || timers_next(&w->timers) <= w->now_us) {
        w->wake_tick_us = w->next_tick_us;
        service->enter(service->context, w->index);
        move_all(&w->later, &w->ready);
        note_events(events, count, w);
        deliver(mailbox_take(&w->arrivals));
        while (!list_empty(&w->ready))
            connection_turn(pop(&w->ready));
        connection_send_bundle(w);
        deliver(mail);
        timers_fire(&w->timers, w->now_us);
        settle(w);
        w->again = service->leave(service->context, w->index);
    }
    handshakes_run(w);
    if (w->now_us >= w->next_tick_us) tick(w);
}

/* ---- a turn within a run() that takes long ---- */

/* What a connection's turn uses of the worker, and the run() that goes on holds pointers into. */
struct turn_state {
    struct connection *current;
    char *input;
    struct buffer output;
    size_t output_start;
    uint64_t output_mark;
    struct reply reply;
    struct request_batch batch;
};

static struct turn_state put_aside(struct worker *w, char *input) {
    struct turn_state state = {w->current,     w->input, w->output, w->output_start,
                               w->output_mark, w->reply, w->batch};
    w->input = input;
    w->output = (struct buffer){0};
    w->output_start = 0;
    w->output_mark = 0;
    w->batch = (struct request_batch){0};
    return state;
}

static void put_back(struct worker *w, const struct turn_state *state) {
    memory_free(w->input);
    buffer_free(&w->output);
    request_batch_free(&w->batch);
    w->current = state->current;
    w->input = state->input;
    w->output = state->output;
    w->output_start = state->output_start;
    w->output_mark = state->output_mark;
    w->reply = state->reply;
    w->batch = state->batch;
}

bool worker_poll(struct worker *w) {
    struct epoll_event events[EVENTS];
    char *input = memory_alloc(INPUT_SIZE);
    if (!input) return !atomic_load(&w->stop);
    connection_send_bundle(w);
    struct turn_state state = put_aside(w, input);
    int count = epoll_wait(w->epoll, events, EVENTS, 0);
    note_events(events, count, w);
    deliver(mailbox_take(&w->arrivals));
    if (list_linked(&state.current->turn)) list_remove(&state.current->turn);
    while (!list_empty(&w->ready))
        connection_turn(pop(&w->ready));
    connection_send_bundle(w);
    handshakes_run(w);
    put_back(w, &state);
    return !atomic_load(&w->stop);
}

void worker_loop(struct worker *w) {
    current_worker = w;
    w->now_us = clock_mono_us();
    w->next_tick_us = w->wake_tick_us = w->now_us + (int64_t)w->net->tick_ms * 1000;
    while (!atomic_load_explicit(&w->stop, memory_order_relaxed))
        loop_turn(w);
}

/* As long as the socket takes it: nobody waits for slow readers at the end. */
static void write_rest(struct connection *c) {
    while (output_is_ready(&c->output, net_released(c->worker->net)) &&
           !(c->flags & (CONNECTION_FULL | CONNECTION_CLOSED)))
        connection_write_queue(c);
}

void worker_finish(struct worker *w) {
    const struct net_service *service = w->net->service;
    service->enter(service->context, w->index);
    deliver(mailbox_take(&w->arrivals));
    deliver(mailbox_take(&w->mailbox));
    struct connection *c;
    LIST_FOREACH(c, &w->connections, all) {
        write_rest(c);
        connection_close(c);
    }
    settle(w);
    handshakes_end(w);
    service->leave(service->context, w->index);
    current_worker = NULL;
}
