/* SPDX-License-Identifier: BSD-3-Clause */
/* What a load asks for: workloads turn a stream of random or successive keys into requests. */
#pragma once

#include "data.h"
#include "zipf.h"

#include <stdbool.h>

struct work_options {
    const char *workload;
    const char *command; /* of command and each: see template.h */
    enum data_kind keys;
    uint64_t key_count;
    size_t value_size;
    double zipf;      /* exponent; 0 = uniform */
    double set_share; /* of mixed: how many of all are SET */
    double sample;    /* of del: which share of the keys it deletes */
    unsigned width;   /* keys of an MGET, MSET or EXISTS */
    uint64_t seed;
};

/* A growing buffer of requests. */
struct output {
    char *data;
    size_t size, capacity;
};

struct work;

/* NULL: there is no workload of this name. Ends the program when memory is short. */
struct work *work_create(const struct work_options *options);
void work_free(struct work *work);

/* A workload that goes once over all keys has this many requests; 0 = no end of its own. */
uint64_t work_length(const struct work *work);

/* Appends one request; its key's number goes to *index (of several keys, the last one's). */
void work_append(struct work *work, struct output *output, uint64_t *index);

/* The workload "cache" sets what its GETs did not find. */
bool work_sets_misses(const struct work *work);
void work_append_set(struct work *work, struct output *output, uint64_t index);
