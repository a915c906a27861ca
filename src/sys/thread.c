/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/thread.h"

#include "base/buffer.h"
#include "base/ensure.h"
#include "sys/cgroup_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct start {
    void (*fn)(void *);
    void *arg;
    char name[16];
};

/* Scratch buffers of the calling thread. */
#define OWNED_MAX 16
static _Thread_local struct buffer *owned[OWNED_MAX];
static _Thread_local unsigned owned_count;

void thread_owns_buffer(struct buffer *buffer) {
    for (unsigned i = 0; i < owned_count; i++)
        if (owned[i] == buffer) return;
    ensure(owned_count < OWNED_MAX);
    owned[owned_count++] = buffer;
}

static void free_owned(void) {
    for (unsigned i = 0; i < owned_count; i++)
        buffer_free(owned[i]);
}

/* ---- interrupts ---- */

static _Thread_local void (*on_interrupt)(void);

static void handle_interrupt(int signal_number) {
    (void)signal_number;
    int before = errno;
    if (on_interrupt) on_interrupt();
    errno = before;
}

void thread_on_interrupt(void (*fn)(void)) {
    struct sigaction action = {.sa_handler = handle_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    on_interrupt = fn;
    sigaction(SIGRTMIN, &action, NULL);
}

void thread_interrupt(pthread_t id) {
    pthread_kill(id, SIGRTMIN);
}

/* ---- starting and ending ---- */

/* A thread whose first call to jemalloc frees something gets its cache and arena when it first
 * allocates; if there is no memory for them then, jemalloc 5.3 crashes. */
static void *run(void *context) {
    struct start start = *(struct start *)context;
    void *first = memory_alloc(1);
    memory_free(context);
    memory_free(first);
    pthread_setname_np(pthread_self(), start.name);
    start.fn(start.arg);
    free_owned();
    return NULL;
}

/* A thread inherits its creator's mask. */
static void block_requests(sigset_t *before) {
    static const int requests[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGCHLD};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        sigaddset(&blocked, requests[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, before);
}

int thread_start(const char *name, void (*fn)(void *arg), void *arg, struct thread *out) {
    struct start *start = memory_alloc(sizeof *start);
    if (!start) return -ENOMEM;
    *start = (struct start){.fn = fn, .arg = arg};
    snprintf(start->name, sizeof start->name, "%s", name);
    sigset_t before;
    block_requests(&before);
    int error = pthread_create(&out->id, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) memory_free(start);
    return -error;
}

void thread_join(struct thread *thread) {
    ensure(pthread_join(thread->id, NULL) == 0);
}

/* ---- waiting ---- */

static struct timespec timespec_of(int64_t us) {
    return (struct timespec){us / 1000000, us % 1000000 * 1000};
}

#define BRIEF_NS 100000 /* the kernel takes nothing shorter */

/* The first form of the kernel's struct sched_attr, whose header does not go with <sched.h>. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* in nanoseconds */
};

/* Whoever has chosen another policy for the server meant it. */
void thread_is_brief(void) {
    struct scheduling attributes = {0};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) < 0) return;
    if (attributes.policy != SCHED_OTHER) return;
    attributes.size = sizeof attributes;
    attributes.runtime = BRIEF_NS;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

bool thread_wait_until(pthread_cond_t *changed, pthread_mutex_t *mutex, int64_t until_us) {
    struct timespec until = timespec_of(until_us);
    return pthread_cond_clockwait(changed, mutex, CLOCK_MONOTONIC, &until) == 0;
}

bool thread_lock_until(pthread_mutex_t *mutex, int64_t until_us) {
#ifdef __SANITIZE_THREAD__
    /* That of gcc 12 does not know pthread_mutex_clocklock(), and so not who has the lock. */
    struct timespec until = timespec_of(until_us - clock_mono_us() + clock_wall_ms() * 1000);
    return pthread_mutex_timedlock(mutex, &until) == 0;
#else
    struct timespec until = timespec_of(until_us);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until) == 0;
#endif
}

/* ---- cores ---- */

int cpu_count(void) {
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double limit = cgroup_cpu_limit();
    if (limit > 0) count = MIN(count, (int)ceil(limit));
    return MAX(count, 1);
}
