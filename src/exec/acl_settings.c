/* SPDX-License-Identifier: BSD-3-Clause */
/* The directives of access control. */
#include "base/args.h"
#include "config/config.h"
#include "exec/acl_priv.h"
#include "sys/memory.h"

struct acl_settings acl_settings = {.log_max = 128};

static struct exec *attached; /* whom changes are told to */

void acl_settings_attach(struct exec *exec) {
    attached = exec;
}

/* ---- user: what stands in the file until all commands are known ---- */

static struct {
    struct acl_user_line *lines;
    unsigned count;
} given;

const struct acl_user_line *acl_user_lines(unsigned *count) {
    *count = given.count;
    return given.lines;
}

static void forget_lines(void) {
    for (unsigned i = 0; i < given.count; i++)
        memory_free(given.lines[i].words);
    memory_free(given.lines);
    given.lines = NULL;
    given.count = 0;
}

/* One block: the views, and then what they look at. */
static struct bytes *copy_words(const struct bytes *words, unsigned count) {
    size_t size = count * sizeof *words;
    for (unsigned i = 0; i < count; i++)
        size += words[i].len;
    struct bytes *copy = memory_need(size);
    char *text = (char *)(copy + count);
    for (unsigned i = 0; i < count; i++) {
        if (words[i].len) memcpy(text, words[i].data, words[i].len);
        copy[i] = bytes_make(text, words[i].len);
        text += words[i].len;
    }
    return copy;
}

static bool set_user(const struct config_row *row, const struct bytes *words, unsigned count,
                     struct buffer *error) {
    for (unsigned i = 0; i < given.count; i++) {
        if (!bytes_equal(given.lines[i].words[0], words[0])) continue;
        buffer_printf(error, "Duplicate user found. A user can only be defined once in config "
                             "files");
        return false;
    }
    if (!user_valid_name(words[0])) {
        buffer_printf(error, "Spaces not allowed in ACL usernames");
        return false;
    }
    struct acl_user_line *lines = memory_need((given.count + 1) * sizeof *lines);
    if (given.count) memcpy(lines, given.lines, given.count * sizeof *lines);
    memory_free(given.lines);
    given.lines = lines;
    given.lines[given.count++] =
        (struct acl_user_line){.words = copy_words(words, count), .count = count};
    return true;
}

static bool apply_users(const struct config_row *row, struct buffer *error) {
    bool good = !attached || acl_load_configured(attached, error);
    forget_lines();
    return good;
}

/* CONFIG GET does not tell of users. */
static void get_user(const struct config_row *row, struct buffer *out) {}

/* "user alice on ~a +get", where each word is one for the configuration, too. */
static bool write_line(struct bytes line, struct buffer *out) {
    bool good = true;
    for (bool more = true; good && more;) {
        const char *space = line.len ? memchr(line.data, ' ', line.len) : NULL;
        struct bytes word = bytes_make(line.data, space ? (size_t)(space - line.data) : line.len);
        more = space != NULL;
        line = bytes_skip(line, word.len + more);
        good = args_need_quotes(word) ? args_quote(out, word) : buffer_append_bytes(out, word);
        good = good && buffer_append_char(out, more ? ' ' : '\n');
    }
    return good;
}

struct writing {
    struct buffer *out;
    bool good;
};

static void write_user(const struct user *user, void *context) {
    struct writing *writing = context;
    struct buffer line = {0};
    writing->good = writing->good && user_describe(user, &line) &&
                    write_line(buffer_bytes(&line), writing->out);
    buffer_free(&line);
}

/* Where there is a file for users, they do not stand here; nor do they as long as there is the
 * default user alone, as it always is. */
static bool write_users(const struct config_row *row, struct buffer *out) {
    struct writing writing = {out, true};
    if (attached && !acl_has_file() && !acl_is_pristine(attached))
        acl_each(attached, write_user, &writing);
    return writing.good;
}

/* ---- the rows ---- */

static const struct config_choice channel_defaults[] = {
    {"allchannels", 1}, {"resetchannels", 0}, {NULL, 0}};

static const struct config_row rows[] = {
    {.name = "acl-pubsub-default",
     .type = CONFIG_CHOICE,
     .value = &acl_settings.all_channels,
     .initial = "resetchannels",
     .choices = channel_defaults},
    {.name = "aclfile",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &acl_settings.file,
     .initial = ""},
    {.name = "acllog-max-len",
     .type = CONFIG_INTEGER,
     .value = &acl_settings.log_max,
     .initial = "128",
     .max = INT64_MAX},
    {.name = "user",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS | CONFIG_LINES | CONFIG_START_ONLY,
     .apply = apply_users,
     .set = set_user,
     .get = get_user,
     .write = write_users},
    {.name = NULL},
};

void acl_register_directives(void) {
    config_register(rows);
}
