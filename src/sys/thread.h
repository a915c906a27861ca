/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Threads, and the cores that they run on. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread {
    pthread_t id;
};

/* Starts fn(arg) on a thread of that name (at most 15 bytes show). Signals that ask the process to
 * do something (all but faults) are blocked in it, so that they reach the main thread. 0, or a
 * negative errno. */
int thread_start(const char *name, void (*fn)(void *arg), void *arg, struct thread *out);

/* For scratch space with thread storage: frees it when the calling thread, if thread_start made it,
 * ends. Cheap to say again. */
struct buffer;
void thread_owns_buffer(struct buffer *buffer);

/* From now on thread_interrupt() has fn called on the calling thread, in a signal handler; system
 * calls go on. */
void thread_on_interrupt(void (*fn)(void));
void thread_interrupt(pthread_t id);

/* Waits for its end. Every started thread is joined once. */
void thread_join(struct thread *thread);

/* As pthread_cond_wait() and pthread_mutex_lock(), at most until clock_mono_us() tells `until_us`,
 * whatever becomes of the wall clock. False: it is that late (and the lock is not had). */
bool thread_wait_until(pthread_cond_t *changed, pthread_mutex_t *mutex, int64_t until_us);
bool thread_lock_until(pthread_mutex_t *mutex, int64_t until_us);

/* The calling thread runs for microseconds at a time, and others wait for what it does: where the
 * kernel knows of such (Linux since 6.12), it comes before those that use up their slices of time.
 * Its share of the time is the same. */
void thread_is_brief(void);

/* In a loop that waits for another thread for a moment only. */
static inline void thread_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Cores that this process may use: its affinity mask, and the quota of its control group, rounded
 * up. At least 1. */
int cpu_count(void);
