/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values in the RDB format (value/rdb.h), as files and DUMP have them: a byte, enum rdb_type, and
 * then what each type has of its own. All that Redis from 2.6 and Valkey have written is read, but
 * for values of modules; written is what Valkey writes.
 *
 * Nothing that is read is trusted: values that do not keep the promises of their type are refused.
 */
#pragma once

#include "value/rdb.h"
#include "value/value.h"

/* The type and the rest. False: no memory. */
bool rdb_write_value(const struct value *value, struct buffer *out);

/* What follows the type. A small value lies in `scratch` then, an object is the caller's. Elements
 * that have expired are read as well. False: no memory (reader->no_memory), or it is no such value.
 */
bool rdb_read_value(struct rdb_reader *reader, uint8_t type, int64_t now_ms, struct buffer *scratch,
                    struct value *value);
