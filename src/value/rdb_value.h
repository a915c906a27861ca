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

/* What is asked of the writer. */
struct rdb_style {
    unsigned version;        /* 9 to 12, or RDB_VERSION */
    const struct bytes *key; /* files have it between the type and the rest; NULL = there is none */
};

/* The same in this style. False also when the value has something that there is no way to write in
 * this version: *refused. */
bool rdb_write_value_as(const struct value *value, const struct rdb_style *style,
                        struct buffer *out, bool *refused);

/* What follows the type. A small value lies in `scratch` then, an object is the caller's. Elements
 * that have expired are read as well. False: no memory (reader->no_memory), or it is no such value.
 */
bool rdb_read_value(struct rdb_reader *reader, uint8_t type, int64_t now_ms, struct buffer *scratch,
                    struct value *value);
