/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys and values that a benchmark works on. Key number i, and its value, are functions of i
 * and nothing else, so that a fill, a read and a deletion agree on them without keeping them.
 *
 *   DATA_PLAIN  key:000000000042 (16 bytes); values of one size, all the same bytes
 *   DATA_UUID   36 bytes of UUID; values of 8 to 120 bytes, half of them below 35
 *   DATA_JSON   50 bytes; JSON documents of around 200 bytes, as an application would store
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum data_kind { DATA_PLAIN, DATA_UUID, DATA_JSON };

enum { DATA_KEY_MAX = 64 };

struct data {
    enum data_kind kind;
    size_t plain_size; /* of DATA_PLAIN's values */
    char *plain;
};

/* Ends the program when memory is short. Pair with data_free. */
void data_init(struct data *data, enum data_kind kind, size_t plain_size);
void data_free(struct data *data);

/* The size of all keys. */
size_t data_key_size(const struct data *data);
void data_write_key(const struct data *data, uint64_t index, char *out);

/* Points *value to the value of key `index`, valid until the next call, and returns its size. */
size_t data_value(const struct data *data, uint64_t index, const char **value);

/* A random 64-bit number that is a function of `index`. */
uint64_t data_hash(uint64_t index);
