/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mailbox: any thread posts, one thread takes. A lock-free stack (Treiber, 1986) that the taker
 * empties at once and turns around, so there is no ABA; its head also says whether the taker
 * sleeps, so that only the post that finds it asleep has to wake it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct mail {
    struct mail *next;
    void (*fn)(void *argument);
    void *argument;
};

struct mailbox {
    _Atomic(struct mail *) head;
};

enum mail_result { MAIL_POSTED, MAIL_MUST_WAKE, MAIL_NO_MEMORY };

/* Any thread. MAIL_MUST_WAKE: it is posted, and the taker sleeps: the caller wakes it. */
enum mail_result mailbox_post(struct mailbox *box, void (*fn)(void *), void *argument);

/* The taker is about to sleep. False: there is mail, don't. It stays marked as asleep until
 * mailbox_take(). */
bool mailbox_sleep(struct mailbox *box);

/* All the mail, oldest first; the caller frees it (memory_free). NULL = none. */
struct mail *mailbox_take(struct mailbox *box);
