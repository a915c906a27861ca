/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"
#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    struct work_options options;
    const struct workload *workload;
    struct data data;
    struct zipf zipf;
    struct template *template;
    uint64_t random, next;
    char key_header[16]; /* "$16\r\n" */
    size_t key_header_size;
};

struct workload {
    const char *name;
    void (*append)(struct work *work, struct output *output, uint64_t *index);
    bool once; /* over all keys */
};

static char *reserve(struct output *output, size_t size) {
    if (output->capacity - output->size < size) {
        output->capacity = (output->size + size) * 2;
        output->data = realloc(output->data, output->capacity);
        if (!output->data) {
            fputs("load: out of memory\n", stderr);
            exit(2);
        }
    }
    return output->data + output->size;
}

static void append(struct output *output, const char *text, size_t size) {
    memcpy(reserve(output, size), text, size);
    output->size += size;
}

/* For string literals. */
#define APPEND(output, text) append(output, text, sizeof(text) - 1)

static void append_key(struct work *work, struct output *output, uint64_t index) {
    size_t size = data_key_size(&work->data);
    char *at = reserve(output, work->key_header_size + size + 2);
    memcpy(at, work->key_header, work->key_header_size);
    at += work->key_header_size;
    data_write_key(&work->data, index, at);
    memcpy(at + size, "\r\n", 2);
    output->size += work->key_header_size + size + 2;
}

static void append_value(struct work *work, struct output *output, uint64_t index) {
    const char *value;
    size_t size = data_value(&work->data, index, &value);
    char header[32];
    int header_size = snprintf(header, sizeof header, "$%zu\r\n", size);
    append(output, header, (size_t)header_size);
    append(output, value, size);
    APPEND(output, "\r\n");
}

/* Ranks are spread over the key numbers, so that frequent keys are no neighbours. */
static uint64_t random_key(struct work *work) {
    uint64_t count = work->options.key_count;
    if (work->options.zipf > 0) {
        return (zipf_next(&work->zipf, &work->random) * 2654435761u) % count;
    }
    return random_below(&work->random, count);
}

static void get(struct work *work, struct output *output, uint64_t *index) {
    *index = random_key(work);
    APPEND(output, "*2\r\n$3\r\nGET\r\n");
    append_key(work, output, *index);
}

void work_append_set(struct work *work, struct output *output, uint64_t index) {
    APPEND(output, "*3\r\n$3\r\nSET\r\n");
    append_key(work, output, index);
    append_value(work, output, index);
}

static void set(struct work *work, struct output *output, uint64_t *index) {
    *index = random_key(work);
    work_append_set(work, output, *index);
}

static void fill(struct work *work, struct output *output, uint64_t *index) {
    *index = work->next++;
    work_append_set(work, output, *index);
}

static void mixed(struct work *work, struct output *output, uint64_t *index) {
    double dice = (double)(random_next(&work->random) >> 32) / 4294967296.0;
    (dice < work->options.set_share ? set : get)(work, output, index);
}

static void incr(struct work *work, struct output *output, uint64_t *index) {
    *index = random_key(work);
    APPEND(output, "*2\r\n$4\r\nINCR\r\n");
    append_key(work, output, *index);
}

static void ping(struct work *work, struct output *output, uint64_t *index) {
    *index = 0;
    APPEND(output, "*1\r\n$4\r\nPING\r\n");
}

static void many(struct work *work, struct output *output, uint64_t *index, const char *name,
                 bool with_values) {
    unsigned width = work->options.width;
    char header[64];
    int size = snprintf(header, sizeof header, "*%u\r\n$%zu\r\n%s\r\n",
                        width * (with_values ? 2 : 1) + 1, strlen(name), name);
    append(output, header, (size_t)size);
    for (unsigned i = 0; i < width; i++) {
        *index = random_key(work);
        append_key(work, output, *index);
        if (with_values) append_value(work, output, *index);
    }
}

static void mget(struct work *work, struct output *output, uint64_t *index) {
    many(work, output, index, "MGET", false);
}

static void mset(struct work *work, struct output *output, uint64_t *index) {
    many(work, output, index, "MSET", true);
}

static void exists(struct work *work, struct output *output, uint64_t *index) {
    many(work, output, index, "EXISTS", false);
}

/* The sample is a function of the key, so the keys are random, and the same in every run. */
static bool is_sampled(const struct work *work, uint64_t index) {
    return (double)(data_hash(index * 3) >> 11) / 9007199254740992.0 < work->options.sample;
}

static void del(struct work *work, struct output *output, uint64_t *index) {
    while (!is_sampled(work, work->next))
        work->next++;
    *index = work->next++;
    APPEND(output, "*2\r\n$3\r\nDEL\r\n");
    append_key(work, output, *index);
}

static uint64_t any_key(void *work) {
    return random_key(work);
}

static void append_command(struct work *work, struct output *output, uint64_t index) {
    char *at = reserve(output, TEMPLATE_REQUEST_MAX);
    output->size += template_write(work->template, index, any_key, work, at);
}

static void command(struct work *work, struct output *output, uint64_t *index) {
    *index = random_key(work);
    append_command(work, output, *index);
}

static void each(struct work *work, struct output *output, uint64_t *index) {
    *index = work->next++;
    append_command(work, output, *index);
}

static const struct workload workloads[] = {
    {"get", get, false},   {"set", set, false},       {"mixed", mixed, false},
    {"incr", incr, false}, {"ping", ping, false},     {"mget", mget, false},
    {"mset", mset, false}, {"fill", fill, true},      {"del", del, true},
    {"cache", get, false}, {"exists", exists, false}, {"command", command, false},
    {"each", each, true},
};

static const struct workload *find_workload(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (!strcmp(workloads[i].name, name)) return &workloads[i];
    }
    return NULL;
}

struct work *work_create(const struct work_options *options) {
    const struct workload *workload = find_workload(options->workload);
    if (!workload) return NULL;
    struct work *work = calloc(1, sizeof *work);
    if (!work) {
        fputs("load: out of memory\n", stderr);
        exit(2);
    }
    work->options = *options;
    work->workload = workload;
    work->random = data_hash(options->seed) | 1;
    data_init(&work->data, options->keys, options->value_size);
    if (options->zipf > 0) zipf_init(&work->zipf, options->key_count, options->zipf);
    if (options->command && !(work->template = template_create(options->command))) {
        fprintf(stderr, "load: an unknown placeholder in \"%s\"\n", options->command);
        exit(2);
    }
    if (!work->template && (workload->append == command || workload->append == each)) return NULL;
    work->key_header_size = (size_t)snprintf(work->key_header, sizeof work->key_header, "$%zu\r\n",
                                             data_key_size(&work->data));
    return work;
}

void work_free(struct work *work) {
    data_free(&work->data);
    template_free(work->template);
    free(work);
}

uint64_t work_length(const struct work *work) {
    if (!work->workload->once) return 0;
    if (work->workload->append != del) return work->options.key_count;
    uint64_t count = 0;
    for (uint64_t i = 0; i < work->options.key_count; i++)
        count += is_sampled(work, i);
    return count;
}

void work_append(struct work *work, struct output *output, uint64_t *index) {
    work->workload->append(work, output, index);
}

bool work_sets_misses(const struct work *work) {
    return !strcmp(work->workload->name, "cache");
}
