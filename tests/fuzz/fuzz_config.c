/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration files: any text loads or is refused with a reason, values read back as they were
 * shown, and a file that CONFIG REWRITE wrote means what was set.
 *
 * An input is a text, and after its first zero byte the words of a CONFIG SET, a line each. Texts
 * that include other files are not for here. */
#include "base/ensure.h"
#include "base/log.h"
#include "config/config.h"
#include "sys/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

static bool protected;
static int64_t port, limit, share, mode, level, signals, repeats;
static char *password, *addresses;
static char path[] = "/tmp/strata-fuzz-config-XXXXXX";

static const struct config_choice levels[] = {{"low", 1}, {"high", 2}, {NULL, 0}};
static const struct config_choice actions[] = {{"default", 0}, {"now", 1}, {"force", 2}, {NULL, 0}};

static bool even(const struct config_row *row, struct bytes text, struct buffer *why) {
    if (text.len % 2 == 0) return true;
    buffer_printf(why, "the length must be even");
    return false;
}

static bool small(const struct config_row *row, struct buffer *why) {
    if (port < 1000) return true;
    buffer_printf(why, "too large to apply");
    return false;
}

static bool set_repeats(const struct config_row *row, const struct bytes *words, unsigned count,
                        struct buffer *why) {
    repeats = count == 1 && words[0].len == 0 ? 0 : count;
    return true;
}

static void get_repeats(const struct config_row *row, struct buffer *out) {
    for (int64_t i = 0; i < repeats; i++)
        buffer_printf(out, i ? " x" : "x");
}

static const struct config_row rows[] = {
    {.name = "protected", .type = CONFIG_BOOL, .value = &protected, .initial = "yes"},
    {.name = "port",
     .alias = "tcp-port",
     .type = CONFIG_INTEGER,
     .value = &port,
     .initial = "637",
     .max = 65535,
     .apply = small},
    {.name = "limit", .type = CONFIG_MEMORY, .value = &limit, .initial = "0"},
    {.name = "share",
     .type = CONFIG_PERCENT_OR_MEMORY,
     .value = &share,
     .initial = "0",
     .min = -100,
     .max = INT64_MAX},
    {.name = "mode", .type = CONFIG_OCTAL, .value = &mode, .initial = "0", .max = 0777},
    {.name = "level", .type = CONFIG_CHOICE, .value = &level, .initial = "low", .choices = levels},
    {.name = "signals",
     .type = CONFIG_FLAGS,
     .value = &signals,
     .initial = "default",
     .choices = actions},
    {.name = "password",
     .type = CONFIG_TEXT,
     .flags = CONFIG_SENSITIVE | CONFIG_EMPTY_IS_NULL,
     .value = &password,
     .initial = "",
     .check = even},
    {.name = "bind",
     .type = CONFIG_TEXT,
     .flags = CONFIG_WORDS,
     .value = &addresses,
     .initial = "*"},
    {.name = "repeat",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_REPEATED | CONFIG_WORDS,
     .set = set_repeats,
     .get = get_repeats},
    {.name = "unused", .type = CONFIG_TEXT, .flags = CONFIG_INERT, .initial = "a"},
    {NULL},
};

static void begin(void) {
    config_free();
    repeats = 0;
    config_register(rows);
}

static struct config_listing listing(void) {
    struct config_listing all;
    ensure(config_get(&BYTES("*"), 1, &all));
    ensure(all.count == ARRAY_LEN(rows)); /* the alias makes up for the last row */
    return all;
}

static bool same(const struct config_listing *a, const struct config_listing *b) {
    for (size_t i = 0; i < a->count; i++)
        if (!bytes_equal(a->pairs[i].value, b->pairs[i].value)) return false;
    return true;
}

/* What CONFIG GET shows, CONFIG SET takes, and then CONFIG GET shows it again. */
static void set_what_is_shown(void) {
    struct config_listing before = listing();
    for (size_t i = 0; i < before.count; i++) {
        struct buffer error = {0};
        const struct bytes words[] = {before.pairs[i].name, before.pairs[i].value};
        bool applies = port < 1000 || !bytes_equal(words[0], BYTES("port"));
        bool set = config_set(words, 2, true, &error);
        ensure(set || error.len);
        ensure(set || !applies || bytes_equal(words[0], BYTES("tcp-port")));
        buffer_free(&error);
    }
    struct config_listing after = listing();
    ensure(same(&before, &after));
    config_listing_free(&before);
    config_listing_free(&after);
}

/* All of the changes or none. */
static void set_words(struct bytes text) {
    struct bytes words[WORDS_MAX];
    unsigned count = 0;
    while (count < WORDS_MAX && text.len) {
        const char *end = memchr(text.data, '\n', text.len);
        words[count++] = bytes_make(text.data, end ? (size_t)(end - text.data) : text.len);
        text = bytes_skip(text, words[count - 1].len + (end != NULL));
    }
    struct config_listing before = listing();
    struct buffer error = {0};
    if (!config_set(words, count & ~1u, true, &error)) {
        struct config_listing after = listing();
        ensure(error.len && same(&before, &after));
        config_listing_free(&after);
    }
    buffer_free(&error);
    config_listing_free(&before);
}

static void rewrite_and_load(void) {
    struct buffer error = {0};
    struct config_listing before = listing();
    ensure(config_rewrite(&error));
    begin();
    ensure(config_load_file(path, &error));
    struct config_listing after = listing();
    ensure(same(&before, &after));
    config_listing_free(&before);
    config_listing_free(&after);
    buffer_free(&error);
}

static bool includes(struct bytes text) {
    for (; text.len >= 7; text = bytes_skip(text, 1))
        if (bytes_equal_nocase(bytes_make(text.data, 7), BYTES("include"))) return true;
    return false;
}

static int no_sync(int fd) {
    return 0;
}

static void remove_file(void) {
    unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static struct file_calls calls;
    calls = file_system_calls;
    calls.fsync = calls.fdatasync = no_sync;
    file_calls = &calls;
    log_set_level(LOG_LEVEL_NOTHING);
    int fd = mkstemp(path);
    ensure(fd >= 0);
    close(fd);
    atexit(remove_file);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    struct bytes text = bytes_make(data, zero ? (size_t)(zero - data) : size);
    if (includes(text)) return 0;
    struct buffer error = {0};
    begin();
    ensure(file_write_atomic(path, text) == 0);
    if (config_load_file(path, &error)) {
        set_what_is_shown();
        if (zero) set_words(bytes_make(zero + 1, size - text.len - 1));
        rewrite_and_load();
    } else {
        ensure(error.len);
    }
    buffer_free(&error);
    config_free();
    return 0;
}
