/* SPDX-License-Identifier: BSD-3-Clause */
/* The users, and what their sessions get to feel of changes. */
#include "exec/acl_priv.h"
#include "sys/memory.h"

#define DEFAULT_USER BYTES("default")

/* ---- lists of users ---- */

/* Where the name stands, or would stand. */
static unsigned position(const struct user_list *list, struct bytes name) {
    unsigned low = 0, high = list->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (bytes_compare(list->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct user *user_list_find(const struct user_list *list, struct bytes name) {
    unsigned at = position(list, name);
    return at < list->count && bytes_equal(list->items[at]->name, name) ? list->items[at] : NULL;
}

bool user_list_add_take(struct user_list *list, struct user *user) {
    if (list->count == list->capacity) {
        unsigned capacity = list->capacity ? list->capacity * 2 : 8;
        struct user **grown = memory_realloc(list->items, capacity * sizeof *grown);
        if (!grown) return false;
        list->items = grown;
        list->capacity = capacity;
    }
    unsigned at = position(list, user->name);
    memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof *list->items);
    list->items[at] = user;
    list->count++;
    return true;
}

static void user_list_remove(struct user_list *list, struct user *user) {
    unsigned at = position(list, user->name);
    list->count--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof *list->items);
}

void user_list_free(struct user_list *list) {
    for (unsigned i = 0; i < list->count; i++)
        user_free(list->items[i]);
    memory_free(list->items);
    *list = (struct user_list){0};
}

/* ---- life ---- */

struct user *acl_make_default(void) {
    static const char *const rules[] = {"on", "nopass", "~*", "&*", "+@all"};
    struct user *user = user_create(DEFAULT_USER, false);
    for (size_t i = 0; user && i < ARRAY_LEN(rules); i++)
        user_apply(user, NULL, false, bytes_of(rules[i]));
    return user;
}

struct acl *acl_create(void) {
    struct acl *acl = memory_need(sizeof *acl);
    acl_log_init(&acl->log);
    acl->default_user = acl_make_default();
    ensure(acl->default_user && user_list_add_take(&acl->users, acl->default_user));
    return acl;
}

void acl_free(struct acl *acl) {
    user_list_free(&acl->users);
    acl_log_free(&acl->log);
    buffer_free(&acl->default_password);
    memory_free(acl);
}

/* ---- asking ---- */

const struct user *acl_find(const struct exec *exec, struct bytes name) {
    return user_list_find(&exec->acl->users, name);
}

const struct user *acl_default_user(const struct exec *exec) {
    return exec->acl->default_user;
}

void acl_each(const struct exec *exec, acl_user_visitor *fn, void *context) {
    for (unsigned i = 0; i < exec->acl->users.count; i++)
        fn(exec->acl->users.items[i], context);
}

bool acl_is_pristine(const struct exec *exec) {
    const struct user *user = exec->acl->default_user;
    return exec->acl->users.count == 1 && user->enabled && user->unrestricted &&
           user->selector_count == 1 && !user->selectors->rules.len;
}

bool acl_is_closed(const struct exec *exec) {
    const struct user *user = exec->acl->default_user;
    return !user->no_password || !user->enabled;
}

bool acl_authenticate(struct session *session, struct bytes name, struct bytes password,
                      struct bytes how) {
    const struct user *user = acl_find(session->exec, name);
    bool good = user_has_password(user ? user : acl_default_user(session->exec), password);
    if (user && user->enabled && good) {
        session_set_user(session, user);
        return true;
    }
    acl_log_add(session, ACL_AUTH, ACL_TOPLEVEL, how, name);
    return false;
}

/* ---- sessions, after a change ---- */

struct listening {
    const struct user *user;
    bool allowed;
};

static void check_topic(void *context, enum topic_kind kind, struct bytes name) {
    struct listening *listening = context;
    if (!user_may_listen(listening->user, name, kind == TOPIC_PATTERN)) listening->allowed = false;
}

static bool may_go_on_listening(const struct session *session) {
    struct listening listening = {session->user, true};
    pubsub_each_subscription(session, check_topic, &listening);
    return listening.allowed;
}

/* Who made the change gets its reply. */
static void end_session(struct session *session) {
    session_kill(session, session_worker(session)->running == session);
}

/* Calls fn for all sessions, also those that are being killed. */
static void each_session(struct exec *exec, void (*fn)(struct session *, void *), void *argument) {
    for (unsigned i = 0; i < exec->worker_count; i++) {
        struct session *session;
        LIST_FOREACH(session, &exec->workers[i].sessions, in_worker) fn(session, argument);
    }
}

static void after_change(struct session *session, void *argument) {
    session_update_rights(session);
    if (argument && session->user != argument) return;
    if (session->subscriber && !may_go_on_listening(session)) end_session(session);
}

/* `user` has changed; NULL: all have. */
static void tell_sessions(struct exec *exec, struct user *user) {
    each_session(exec, after_change, user);
    sessions_update_limits(exec);
}

static void leave_user(struct session *session, void *user) {
    if (session->user != user) return;
    session->user = session->exec->acl->default_user;
    session->flags &= ~SESSION_AUTHENTICATED;
    session_update_rights(session);
    end_session(session);
}

/* ---- changing ---- */

/* Copies a user, or makes one, to be changed. NULL: the error is written. */
static struct user *draft_of(const struct exec *exec, struct bytes name, struct buffer *error) {
    const struct user *user = acl_find(exec, name);
    struct user *draft = user ? user_copy(user) : user_create(name, acl_settings.all_channels);
    if (!draft) buffer_printf(error, "OOM there is not enough memory for this user");
    return draft;
}

static bool apply_rules(const struct exec *exec, struct user *draft, const struct acl_rules *rules,
                        struct buffer *error) {
    for (unsigned i = 0; i < rules->count; i++) {
        struct bytes rule = rules->items[i];
        enum acl_error code = user_apply(draft, &exec->commands, acl_settings.all_channels, rule);
        if (code == ACL_OK) continue;
        buffer_printf(error, "ERR Error in ACL SETUSER modifier '");
        buffer_append(error, rule.data, strnlen(rule.data, rule.len));
        buffer_printf(error, "': %s", acl_error_text(code));
        return false;
    }
    return true;
}

bool acl_put_take(struct exec *exec, struct user *draft, struct buffer *error) {
    struct user *user = user_list_find(&exec->acl->users, draft->name);
    if (user) {
        user_exchange(user, draft);
        user_free(draft);
        tell_sessions(exec, user);
        return true;
    }
    if (user_list_add_take(&exec->acl->users, draft)) return true;
    buffer_printf(error, "OOM there is not enough memory for this user");
    user_free(draft);
    return false;
}

static bool merge_rules(const struct bytes *words, unsigned count, struct acl_rules *rules,
                        struct buffer *error) {
    switch (acl_rules_merge(words, count, rules)) {
    case ACL_MERGED: return true;
    case ACL_MERGE_NO_MEMORY:
        buffer_printf(error, "OOM there is not enough memory for these rules");
        return false;
    case ACL_UNMATCHED:
        buffer_printf(error, "ERR Unmatched parenthesis in acl selector starting at '");
        buffer_append_bytes(error, rules->unmatched);
        buffer_printf(error, "'.");
        return false;
    }
    unreachable_code();
}

bool acl_set_user(struct exec *exec, struct bytes name, const struct bytes *words, unsigned count,
                  struct buffer *error) {
    struct acl_rules rules = {0};
    struct user *draft = NULL;
    bool good = merge_rules(words, count, &rules, error) && (draft = draft_of(exec, name, error)) &&
                apply_rules(exec, draft, &rules, error);
    if (good)
        good = acl_put_take(exec, draft, error);
    else
        user_free(draft);
    acl_rules_free(&rules);
    return good;
}

bool acl_delete_user(struct exec *exec, struct bytes name) {
    struct user *user = user_list_find(&exec->acl->users, name);
    ensure(user != exec->acl->default_user);
    if (!user) return false;
    user_list_remove(&exec->acl->users, user);
    each_session(exec, leave_user, user);
    user_free(user);
    return true;
}

static bool change_default_password(struct exec *exec, struct bytes password) {
    struct user *draft = user_copy(exec->acl->default_user);
    struct buffer rule = {0}, error = {0};
    bool good = draft && buffer_append_bytes(&rule, password.len ? BYTES(">") : BYTES("nopass")) &&
                buffer_append_bytes(&rule, password);
    if (good) user_apply(draft, &exec->commands, false, BYTES("resetpass"));
    good = good && !user_apply(draft, &exec->commands, false, buffer_bytes(&rule));
    if (good)
        good = acl_put_take(exec, draft, &error);
    else
        user_free(draft);
    buffer_free(&rule);
    buffer_free(&error);
    return good;
}

/* Who sets what is set already does not undo what ACL SETUSER has done to the user since. */
bool acl_set_default_password(struct exec *exec, struct bytes password) {
    struct buffer *now = &exec->acl->default_password;
    struct buffer copy = {0};
    if (bytes_equal(password, buffer_bytes(now))) return true;
    if (!buffer_append_bytes(&copy, password)) return false;
    buffer_free(now);
    *now = copy;
    return change_default_password(exec, password);
}

struct replacing {
    const struct user_list *now, *old;
};

/* The sessions of a user that is in both lists stay with it. */
static void move_session(struct session *session, void *argument) {
    const struct replacing *replacing = argument;
    const struct user *user = user_list_find(replacing->now, session->user->name);
    if (user)
        session->user = user;
    else
        leave_user(session, (void *)session->user);
}

/* The default user stays where it is, so that nobody has to look for it. */
void acl_replace_users(struct exec *exec, struct user_list *users) {
    struct acl *acl = exec->acl;
    struct user_list old = acl->users;
    unsigned at = position(users, DEFAULT_USER);
    struct user *named = users->items[at];
    user_exchange(acl->default_user, named);
    old.items[position(&old, DEFAULT_USER)] = named;
    users->items[at] = acl->default_user;
    acl->users = *users;
    *users = (struct user_list){0};
    struct replacing replacing = {&acl->users, &old};
    each_session(exec, move_session, &replacing);
    user_list_free(&old);
    tell_sessions(exec, NULL);
}
