/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients are told of an entry, in their words. */
#pragma once

#include "keyspace/entry.h"

/* "string", "list" ... as TYPE answers. */
const char *entry_type_name(enum value_type type);

/* The type of that name, in any case; TYPE_COUNT when there is none. */
enum value_type entry_type_named(struct bytes name);

/* As OBJECT ENCODING answers: "int", "embstr", "raw", "listpack" ... */
const char *entry_encoding(const struct entry *e);
