/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of DUMP, RESTORE and MIGRATE. */
#pragma once

#include "exec/call.h"

void dump_dump(struct call *call);
void dump_restore(struct call *call);
void dump_migrate(struct call *call);

/* Finds MIGRATE's keys. */
int dump_migrate_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                      unsigned capacity);

/* A payload, into the empty buffer, that Redis reads as well as Valkey, unless the value has
 * something that they write differently (fields that expire); then it is Valkey's. False: no
 * memory.
 */
bool dump_write_shared_payload(const struct entry *e, struct buffer *out);
