/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "home/home_priv.h"
#include "sys/memory.h"

#include <errno.h>
#include <string.h>

static const struct home_kind *const kinds[] = {&home_dir};

static const struct home_kind *kind_of(const char *url, const char **rest) {
    const char *colon = strchr(url, ':');
    for (size_t i = 0; colon && i < ARRAY_LEN(kinds); i++) {
        const char *scheme = kinds[i]->scheme;
        if (strlen(scheme) != (size_t)(colon - url)) continue;
        if (strncmp(url, scheme, (size_t)(colon - url)) != 0) continue;
        *rest = colon + 1;
        return kinds[i];
    }
    return NULL;
}

struct home *home_open(const char *url, enum home_mode mode, struct buffer *error) {
    const char *rest;
    const struct home_kind *kind = kind_of(url, &rest);
    if (!kind || !*rest) {
        buffer_printf(error, "'%s' names no home: it has to be dir:PATH", url);
        return NULL;
    }
    struct home *home = kind->open(rest, mode, error);
    if (!home) return NULL;
    home->kind = kind;
    home->url = memory_strdup_need(url);
    return home;
}

void home_close(struct home *home) {
    if (!home) return;
    memory_free(home->url);
    home->kind->close(home);
}

/* ---- names ---- */

static bool may_stand_in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_name(const char *name) {
    bool part_begins = true;
    size_t length = 0;
    for (; name[length]; length++) {
        char c = name[length];
        if (c == '/' ? part_begins : !may_stand_in_name(c) || (part_begins && c == '.'))
            return false;
        part_begins = c == '/';
    }
    return length > 0 && length < HOME_NAME_MAX && !part_begins;
}

/* ---- operations ---- */

int home_put_new(struct home *home, const char *name, struct bytes content) {
    ensure(is_name(name));
    return home->kind->put_new(home, name, content);
}

int home_put(struct home *home, const char *name, struct bytes content) {
    ensure(is_name(name));
    return home->kind->put(home, name, content);
}

ssize_t home_get(struct home *home, const char *name, uint64_t offset, void *out, size_t size) {
    ensure(is_name(name));
    return home->kind->get(home, name, offset, out, size);
}

int home_list(struct home *home, const char *folder, home_lister *fn, void *context) {
    size_t length = strlen(folder);
    ensure(length > 1 && folder[length - 1] == '/');
    return home->kind->list(home, folder, fn, context);
}

int home_delete(struct home *home, const char *name) {
    ensure(is_name(name));
    return home->kind->remove(home, name);
}

int home_sync(struct home *home, const char *name) {
    ensure(is_name(name));
    return home->kind->sync(home, name);
}

/* ---- writers ---- */

struct home_writer *home_append_new(struct home *home, const char *name, struct bytes start,
                                    int *error) {
    ensure(is_name(name));
    struct home_writer *writer = home->kind->append_new(home, name, start, error);
    if (writer) writer->kind = home->kind;
    return writer;
}

struct home_writer *home_create(struct home *home, int *error) {
    struct home_writer *writer = home->kind->create(home, error);
    if (writer) writer->kind = home->kind;
    return writer;
}

int home_writer_write(struct home_writer *writer, struct iovec *parts, int count, bool sync) {
    return writer->kind->writer_write(writer, parts, count, sync);
}

int home_writer_flow(struct home_writer *writer, uint64_t written) {
    return writer->kind->writer_flow(writer, written);
}

int home_writer_sync(struct home_writer *writer) {
    return writer->kind->writer_sync(writer);
}

void home_writer_prepare(struct home_writer *writer) {
    writer->kind->writer_prepare(writer);
}

int home_writer_publish(struct home_writer *writer, const char *name) {
    ensure(is_name(name));
    return writer->kind->writer_publish(writer, name);
}

void home_writer_close(struct home_writer *writer) {
    if (writer) writer->kind->writer_close(writer);
}
