/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on sets. */
#pragma once

#include "cmd/shared_set.h"

void set_sadd(struct call *call);
void set_scard(struct call *call);
void set_sdiff(struct call *call);
void set_sdiffstore(struct call *call);
void set_sinter(struct call *call);
void set_sintercard(struct call *call);
void set_sinterstore(struct call *call);
void set_sismember(struct call *call);
void set_smembers(struct call *call);
void set_smismember(struct call *call);
void set_smove(struct call *call);
void set_spop(struct call *call);
void set_srandmember(struct call *call);
void set_srem(struct call *call);
void set_sscan(struct call *call);
void set_sunion(struct call *call);
void set_sunionstore(struct call *call);

/* ---- shared by the family's files ---- */

enum set_operation { SET_INTERSECT, SET_UNITE, SET_SUBTRACT };

/* About how many members are looked up or walked past for a result; 0: it is empty. */
uint64_t set_effort(enum set_operation operation, const struct value *sets, const bool *exists,
                    unsigned count);

/* Answers the members of a result if it takes long to find them: in pieces, and the sets are pinned
 * meanwhile. False: the caller does it. */
bool set_show_many(struct call *call, enum set_operation operation, const struct value *sets,
                   const bool *exists, unsigned count);

/* The same of the number of members in all of the sets, at most `limit` (0 = no limit). */
bool set_count_many(struct call *call, const struct value *sets, const bool *exists, unsigned count,
                    uint64_t limit);
