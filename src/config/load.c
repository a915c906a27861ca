/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading directives at start-up: files, what they include, and the command line. */
#include "base/ensure.h"
#include "config/config_priv.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEEPEST_INCLUDE 16

/* Where a directive stands. */
struct origin {
    const char *file; /* NULL: the command line */
    unsigned line, depth;
};

static char main_file[PATH_MAX];

const char *config_file(void) {
    return main_file;
}

void load_forget(void) {
    main_file[0] = 0;
}

static bool load_file(const char *path, unsigned depth, struct buffer *error);

/* ---- errors: "strata.conf:12: maxmemory lots: argument must be a memory value" ---- */

static void write_origin(const struct origin *origin, struct buffer *error) {
    if (origin->file) buffer_printf(error, "%s:%u: ", origin->file, origin->line);
}

static bool refuse(const struct origin *origin, const struct bytes *words, unsigned count,
                   const char *why, struct buffer *error) {
    const struct config_name *known = registry_find(words[0]);
    bool secret = known && (known->directive->row->flags & CONFIG_SENSITIVE);
    write_origin(origin, error);
    buffer_printf(error, "%s", origin->file ? "" : "--");
    for (unsigned i = 0; i < (secret ? 1 : count); i++) {
        if (i) buffer_append_char(error, ' ');
        if (i && args_need_quotes(words[i]))
            args_quote(error, words[i]);
        else
            buffer_append_bytes(error, words[i]);
    }
    buffer_printf(error, ": %s", why);
    return false;
}

static bool refuse_unknown(const struct origin *origin, const struct bytes *words,
                           struct buffer *error) {
    const char *nearest = registry_nearest(words[0]);
    refuse(origin, words, 1, "no such directive", error);
    if (nearest) buffer_printf(error, "; did you mean %s?", nearest);
    return false;
}

/* ---- include ---- */

static bool load_matches(const glob_t *matches, const struct origin *origin, struct buffer *error) {
    for (size_t i = 0; i < matches->gl_pathc; i++)
        if (!load_file(matches->gl_pathv[i], origin->depth + 1, error)) return false;
    return true;
}

/* A relative pattern counts from the folder of the file that includes it, and if nothing is there,
 * from the working directory. A pattern that matches nothing is fine, a name is not. */
static bool include(const struct origin *origin, const struct bytes *words, unsigned count,
                    struct buffer *error) {
    if (count != 2) return refuse(origin, words, count, "wrong number of arguments", error);
    if (origin->depth == DEEPEST_INCLUDE)
        return refuse(origin, words, count, "files include each other too deeply", error);

    char given[PATH_MAX], beside[PATH_MAX];
    const char *slash = origin->file ? strrchr(origin->file, '/') : NULL;
    int folder = slash && words[1].data[0] != '/' ? (int)(slash - origin->file) + 1 : 0;
    int length = snprintf(given, sizeof given, "%.*s", (int)words[1].len, words[1].data);
    int longer =
        snprintf(beside, sizeof beside, "%.*s%s", folder, folder ? origin->file : "", given);
    if (length >= PATH_MAX || longer >= PATH_MAX)
        return refuse(origin, words, count, "the path is too long", error);

    glob_t matches;
    int status = glob(beside, 0, NULL, &matches);
    if (status == GLOB_NOMATCH && folder) {
        globfree(&matches);
        status = glob(given, 0, NULL, &matches);
    }
    bool good = status == 0 && load_matches(&matches, origin, error);
    if (status == GLOB_NOMATCH && !(good = strpbrk(given, "*?[") != NULL))
        refuse(origin, words, count, "no such file", error);
    else if (status != 0 && status != GLOB_NOMATCH)
        refuse(origin, words, count, "the files could not be listed", error);
    globfree(&matches);
    return good;
}

/* ---- one directive ---- */

/* Sets a REPEATED directive to the words of this line after those of the lines before; an empty
 * value starts over. */
static bool set_repeated(struct directive *d, const struct bytes *words, unsigned count,
                         struct buffer *why) {
    struct args all = {0};
    if (count == 1 && !words[0].len) {
        buffer_clear(&d->lines);
        return directive_set(d, words, count, NULL, why);
    }
    size_t mark = d->lines.len;
    bool good = true;
    for (unsigned i = 0; good && i < count; i++)
        good = (!d->lines.len || buffer_append_char(&d->lines, ' ')) &&
               args_quote(&d->lines, words[i]);
    good = good && args_split(&all, buffer_bytes(&d->lines)) == ARGS_OK;
    if (!good) buffer_printf(why, "out of memory");
    good = good && directive_set(d, all.items, (unsigned)all.count, NULL, why);
    if (!good) d->lines.len = mark;
    args_free(&all);
    return good;
}

/* A single argument may hold several words: save "900 1". None is as an empty one: save. */
static bool set_loaded(struct directive *d, const struct bytes *words, unsigned count,
                       struct buffer *why) {
    static const struct bytes nothing = {.data = "", .len = 0};
    struct words one = {0};
    if (count == 0 && d->row->flags & CONFIG_WORDS && !(d->row->flags & CONFIG_START_ONLY)) {
        words = &nothing;
        count = 1;
    }
    if (count == 1) {
        if (!words_of(d, words[0], &one)) {
            buffer_printf(why, "out of memory");
            return false;
        }
        words = one.items;
        count = one.count;
    }
    bool good = d->row->flags & CONFIG_REPEATED && count
                    ? set_repeated(d, words, count, why)
                    : directive_set(d, words, count, NULL, why);
    words_free(&one);
    return good;
}

static bool load_words(const struct origin *origin, const struct bytes *words, unsigned count,
                       struct buffer *error) {
    if (bytes_is(words[0], "include")) return include(origin, words, count, error);
    const struct config_name *name = registry_find(words[0]);
    if (!name) return refuse_unknown(origin, words, error);

    struct directive *d = name->directive;
    struct buffer why = {0};
    bool good = set_loaded(d, words + 1, count - 1, &why);
    if (good)
        d->given = true;
    else if (buffer_append_char(&why, 0))
        refuse(origin, words, count, why.data, error);
    buffer_free(&why);
    return good;
}

/* ---- texts and files ---- */

static bool load_line(const struct origin *origin, struct bytes line, struct args *args,
                      struct buffer *error) {
    size_t blank = 0;
    while (blank < line.len && strchr(" \t\r\n", line.data[blank]))
        blank++;
    if (blank == line.len || line.data[blank] == '#') return true;
    switch (args_split(args, line)) {
    case ARGS_OK:
        return !args->count || load_words(origin, args->items, (unsigned)args->count, error);
    case ARGS_UNBALANCED:
        write_origin(origin, error);
        buffer_printf(error, "a quote is not closed, or something follows it without a space");
        return false;
    case ARGS_NO_MEMORY: buffer_printf(error, "out of memory"); return false;
    }
    return false;
}

static bool load_lines(struct bytes text, const char *file, unsigned depth, struct buffer *error) {
    struct origin origin = {file, 0, depth};
    struct args args = {0};
    bool good = true;
    while (good && text.len) {
        const char *end = memchr(text.data, '\n', text.len);
        struct bytes line = {text.data, end ? (size_t)(end - text.data) : text.len};
        text = bytes_skip(text, line.len + (end != NULL));
        origin.line++;
        good = load_line(&origin, line, &args, error);
    }
    args_free(&args);
    return good;
}

bool config_load_text(struct bytes text, const char *origin, struct buffer *error) {
    return load_lines(text, origin, 0, error);
}

static bool load_file(const char *path, unsigned depth, struct buffer *error) {
    struct buffer text = {0};
    int status = file_read_all(path, &text);
    bool good = status >= 0;
    if (good)
        good = load_lines(buffer_bytes(&text), path, depth, error);
    else
        buffer_printf(error, "%s: %s", path, strerror(-status));
    buffer_free(&text);
    return good;
}

/* The path from the root, since `dir` changes the working directory. */
static bool remember_file(const char *path) {
    char folder[PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(folder, sizeof folder)) return false;
    int length = snprintf(main_file, sizeof main_file, "%s%s%s", folder, *folder ? "/" : "", path);
    return length < PATH_MAX;
}

bool config_load_file(const char *path, struct buffer *error) {
    if (!main_file[0] && !remember_file(path)) {
        main_file[0] = 0;
        buffer_printf(error, "%s: the path is too long", path);
        return false;
    }
    return load_file(path, 0, error);
}

/* ---- the command line ---- */

/* "--port" alone, or "--port 7000" and "--port=7000" in one argument. */
static bool split_option(const char *option, struct args *args) {
    const char *name = option + 2;
    size_t length = strcspn(name, "= ");
    if (name[length] != '=') return args_split(args, bytes_of(name)) == ARGS_OK;
    struct buffer text = {0};
    bool good = buffer_printf(&text, "%.*s ", (int)length, name) &&
                args_quote(&text, bytes_of(name + length + 1)) &&
                args_split(args, buffer_bytes(&text)) == ARGS_OK;
    buffer_free(&text);
    return good;
}

static bool is_option(const char *argument) {
    return argument[0] == '-' && argument[1] == '-';
}

/* An option takes the arguments up to the next one, and at least one, whatever it looks like; only
 * --save may stand without a value, which means "". */
static unsigned load_option(int argc, char *const *argv, struct args *args, struct buffer *error) {
    static const struct origin command_line = {0};
    if (!is_option(argv[0])) {
        buffer_printf(error, "%s: not an option; options look like --port 7000", argv[0]);
        return 0;
    }
    if (!split_option(argv[0], args) || !args->count) {
        buffer_printf(error, "%s: not an option that can be read", argv[0]);
        return 0;
    }
    struct bytes words[64];
    unsigned count = 0, taken = 1;
    for (; count < args->count && count < ARRAY_LEN(words); count++)
        words[count] = args->items[count];
    bool bare_save = count == 1 && bytes_is(words[0], "save") && (argc == 1 || is_option(argv[1]));
    if (bare_save) words[count++] = BYTES("");
    while ((int)taken < argc && count < ARRAY_LEN(words) && (count == 1 || !is_option(argv[taken])))
        words[count++] = bytes_of(argv[taken++]);
    return load_words(&command_line, words, count, error) ? taken : 0;
}

bool config_load_arguments(int argc, char *const *argv, struct buffer *error) {
    struct args args = {0};
    int at = 0;
    while (at < argc) {
        unsigned taken = load_option(argc - at, argv + at, &args, error);
        if (!taken) break;
        at += (int)taken;
    }
    args_free(&args);
    return at == argc;
}

/* ---- afterwards ---- */

bool config_apply_all(struct buffer *error) {
    size_t count;
    const struct config_name *names = registry_names(&count);
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = names[i].directive->row;
        if (!row->apply || names[i].name != row->name) continue;
        struct buffer why = {0};
        bool good = row->apply(row, &why);
        if (!good) buffer_printf(error, "%s: %.*s", row->name, (int)why.len, why.data);
        buffer_free(&why);
        if (!good) return false;
    }
    return true;
}

void config_log_inert(void) {
    size_t count;
    const struct config_name *names = registry_names(&count);
    for (size_t i = 0; i < count; i++)
        if (names[i].name == names[i].directive->row->name) directive_note(names[i].directive);
}
