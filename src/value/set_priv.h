/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sets share: which of its three shapes a set has. */
#pragma once

#include "value/members.h"
#include "value/set.h"
#include "value/set_integers.h"

static inline bool set_is_integers(const struct value *set) {
    return !set->large && set->form == SET_INTSET;
}

static inline struct members *set_members(const struct value *set) {
    return set->object;
}

/* An empty large set; NULL: no memory. */
struct members *set_members_create(void);
void set_members_free(void *members);

/* As value_ops says. */
bool set_members_restore(void *members, struct bytes member, const void *block, int64_t now_ms);
