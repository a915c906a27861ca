/* SPDX-License-Identifier: BSD-3-Clause */
/* What was denied: counted by the workers, and remembered for ACL LOG. */
#include "exec/acl_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define GROUPED_MS    60000 /* denials that look the same are one entry, so long after the last */
#define GROUPED_AMONG 10    /* of the newest entries */

struct denial_entry {
    struct list_node in_log;
    struct acl_log_entry shown;
    struct buffer client; /* shown.client */
};

void acl_log_init(struct acl_log *log) {
    pthread_mutex_init(&log->lock, NULL);
    list_init(&log->entries);
}

static void entry_free(struct denial_entry *entry) {
    buffer_free(&entry->client);
    memory_free(entry);
}

/* With the log locked, as all that follows but what the header has. */
static void trim(struct acl_log *log, uint64_t count) {
    for (; log->count > count; log->count--) {
        struct denial_entry *entry = LIST_LAST(&log->entries, struct denial_entry, in_log);
        list_remove(&entry->in_log);
        entry_free(entry);
    }
}

void acl_log_free(struct acl_log *log) {
    trim(log, 0);
    pthread_mutex_destroy(&log->lock);
}

static bool looks_same(const struct acl_log_entry *a, const struct acl_log_entry *b) {
    return a->reason == b->reason && a->context == b->context &&
           b->last_ms - a->last_ms <= GROUPED_MS && bytes_equal(a->object, b->object) &&
           bytes_equal(a->user, b->user);
}

static struct denial_entry *find_same(struct acl_log *log, const struct acl_log_entry *shown) {
    struct denial_entry *entry;
    unsigned left = GROUPED_AMONG;
    LIST_FOREACH(entry, &log->entries, in_log) {
        if (!left--) break;
        if (looks_same(&entry->shown, shown)) return entry;
    }
    return NULL;
}

/* A copy; the bytes of object and user follow the struct. */
static struct denial_entry *entry_create(const struct acl_log_entry *shown) {
    struct denial_entry *entry =
        memory_alloc_zero(sizeof *entry + shown->object.len + shown->user.len);
    if (!entry) return NULL;
    char *text = (char *)(entry + 1);
    entry->shown = *shown;
    if (shown->object.len) memcpy(text, shown->object.data, shown->object.len);
    entry->shown.object.data = text;
    text += shown->object.len;
    if (shown->user.len) memcpy(text, shown->user.data, shown->user.len);
    entry->shown.user.data = text;
    return entry;
}

/* Takes `client`. Without memory the denial is not remembered. */
static void remember(struct acl_log *log, const struct acl_log_entry *shown,
                     struct buffer *client) {
    struct denial_entry *entry = find_same(log, shown);
    if (entry) {
        list_remove(&entry->in_log);
        buffer_free(&entry->client);
        entry->shown.last_ms = shown->last_ms;
        entry->shown.count++;
    } else if ((entry = entry_create(shown))) {
        entry->shown.id = log->next_id++;
        log->count++;
    } else {
        buffer_free(client);
        return;
    }
    entry->client = *client;
    entry->shown.client = buffer_bytes(client);
    list_prepend(&log->entries, &entry->in_log);
    trim(log, (uint64_t)acl_settings.log_max);
}

void acl_log_add(struct session *session, enum acl_reason reason, enum acl_context context,
                 struct bytes object, struct bytes user) {
    struct acl_log *log = &session->exec->acl->log;
    /* Who waits for keys may be denied by another worker than its own, which cannot describe it. */
    const struct worker *self = worker_current();
    unsigned worker = self ? worker_index(self) : session->worker;
    struct buffer client = {0};
    session->exec->workers[worker].denied[reason]++;
    if (worker == session->worker) session_describe(session, NULL, &client);
    int64_t now = clock_wall_ms();
    struct acl_log_entry shown = {.count = 1,
                                  .reason = reason,
                                  .context = context,
                                  .object = object,
                                  .user = user,
                                  .created_ms = now,
                                  .last_ms = now};
    pthread_mutex_lock(&log->lock);
    remember(log, &shown, &client);
    pthread_mutex_unlock(&log->lock);
}

void acl_log_each(const struct exec *exec, uint64_t count, acl_log_visitor *fn, void *context) {
    struct acl_log *log = &exec->acl->log;
    struct denial_entry *entry;
    pthread_mutex_lock(&log->lock);
    LIST_FOREACH(entry, &log->entries, in_log) {
        if (!count--) break;
        fn(&entry->shown, context);
    }
    pthread_mutex_unlock(&log->lock);
}

void acl_log_reset(struct exec *exec) {
    struct acl_log *log = &exec->acl->log;
    pthread_mutex_lock(&log->lock);
    trim(log, 0);
    pthread_mutex_unlock(&log->lock);
}
