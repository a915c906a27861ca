/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A value of any type, and what the rest of the house may do with one without knowing its type.
 *
 * A collection has two forms. Small: a flat run of bytes (a pack, mostly) that lies in its entry,
 * so that it costs no allocation of its own. Large: an object, made of tables and trees, that the
 * entry points to. The type's own module turns the one into the other; nobody else asks which it
 * is.
 *
 * `form` is two bits that the type may use as it likes, kept with the entry (a set of integers, an
 * encoding's name that outlives what it was chosen for).
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

enum value_type {
    TYPE_STRING = 0,
    TYPE_LIST = 1,
    TYPE_SET = 2,
    TYPE_ZSET = 3,
    TYPE_HASH = 4,
    TYPE_STREAM = 5,
    TYPE_COUNT
};

struct value {
    enum value_type type;
    uint8_t form; /* 0 to 3 */
    bool large;
    struct bytes small; /* borrowed, until its entry changes */
    void *object;
};

/* Told of an element of a collection, by its name; false = no more of them. */
typedef bool value_visitor(void *context, struct bytes name);

/* The vtable of a type. Functions that return bool or a pointer fail for want of memory only,
 * unless they say otherwise. */
struct value_ops {
    const char *name; /* as TYPE answers */

    /* Objects. */
    void (*free)(void *object);
    void *(*copy)(const void *object);
    size_t (*memory)(const void *object);      /* bytes that it takes up, exact or nearly */
    size_t (*free_effort)(const void *object); /* about how many allocations free() gives back */

    /* Gives the element what members_keep() (value/members.h) has told of it, so that what has
     * changed since can be taken back; `block` NULL: it was not there. The object begins with its
     * members. NULL: such a value has to be copied before anything in it changes. */
    bool (*restore)(void *object, struct bytes name, const void *block, int64_t now_ms);

    /* The table in which elements are found by hash_bytes() of their names, for prefetching; NULL
     * for types without. */
    const struct table *(*elements)(const void *object);

    /* Both forms. */
    uint64_t (*length)(const struct value *value);      /* elements */
    const char *(*encoding)(const struct value *value); /* as OBJECT ENCODING answers */

    /* Elements that expire (fields of a hash); NULL for types without. A value that has any says so
     * in its form: VALUE_DEADLINES.
     *
     * deadline: when the value wants to be asked to expire: a moment after the earliest of them, at
     * the latest, and no later than an hour after it was last asked.
     * expire: removes up to `most` elements whose deadline has passed, and tells of each before it
     * goes. *value is what is to be stored then: a small one lies in `scratch`. Returns how many;
     * less than `most` also when there is no memory. */
    int64_t (*deadline)(const struct value *value);
    unsigned (*expire)(struct value *value, int64_t now_ms, unsigned most, struct buffer *scratch,
                       value_visitor *visit, void *context);
};

/* The second bit of the form of types with `deadline`; the keyspace counts the entries that have
 * it. */
#define VALUE_DEADLINES 2u

/* NULL for strings. Registered once, at start-up, by each type's module. */
const struct value_ops *value_ops(enum value_type type);
void value_register(enum value_type type, const struct value_ops *ops);
