/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/mailbox_priv.h"

#include "sys/memory.h"
#include <stddef.h>

/* As the head: no mail, and the taker sleeps. Below the first mail posted since, it ends the list
 * just as NULL does. */
static struct mail asleep;

enum mail_result mailbox_post(struct mailbox *box, void (*fn)(void *), void *argument) {
    struct mail *mail = memory_alloc(sizeof *mail);
    if (!mail) return MAIL_NO_MEMORY;
    *mail = (struct mail){.fn = fn, .argument = argument};
    struct mail *head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        mail->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&box->head, &head, mail, memory_order_release,
                                                    memory_order_relaxed));
    return head == &asleep ? MAIL_MUST_WAKE : MAIL_POSTED;
}

bool mailbox_sleep(struct mailbox *box) {
    struct mail *none = NULL;
    return atomic_compare_exchange_strong_explicit(&box->head, &none, &asleep, memory_order_relaxed,
                                                   memory_order_relaxed);
}

struct mail *mailbox_take(struct mailbox *box) {
    if (!atomic_load_explicit(&box->head, memory_order_relaxed)) return NULL;
    struct mail *mail = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
    struct mail *oldest_first = NULL;
    while (mail && mail != &asleep) {
        struct mail *next = mail->next;
        mail->next = oldest_first;
        oldest_first = mail;
        mail = next;
    }
    return oldest_first;
}
