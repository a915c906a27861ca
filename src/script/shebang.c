/* SPDX-License-Identifier: BSD-3-Clause */
#include "script/shebang.h"
#include "base/args.h"
#include "base/ensure.h"
#include "script/script.h"

const char *const script_flag_names[SCRIPT_FLAG_COUNT] = {
    "no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys",
};

uint32_t script_flag(struct bytes name) {
    for (unsigned i = 0; i < SCRIPT_FLAG_COUNT; i++)
        if (bytes_equal(name, bytes_of(script_flag_names[i]))) return 1u << i;
    return 0;
}

/* The text up to the character or its end, which leaves `rest`; *found: it is there. */
static struct bytes take_until(struct bytes *rest, char end, bool *found) {
    const char *at = rest->len ? memchr(rest->data, end, rest->len) : NULL;
    struct bytes taken = bytes_make(rest->data, at ? (size_t)(at - rest->data) : rest->len);
    *rest = bytes_skip(*rest, taken.len + (at != NULL));
    *found = at != NULL;
    return taken;
}

/* Cuts off the line "#!engine ..." and splits it into words, of which the first is "#!engine". The
 * code begins with the line break, so that its lines count as before. False: that is no such line.
 */
static bool take_line(struct bytes text, struct bytes *code, struct args *words) {
    const char *end = memchr(text.data, '\n', text.len);
    if (!end) return false;
    struct bytes line = bytes_make(text.data, (size_t)(end - text.data));
    *code = bytes_skip(text, line.len);
    return args_split(words, line) == ARGS_OK;
}

static struct bytes engine_of(const struct args *words) {
    return bytes_skip(words->items[0], 2);
}

/* ---- scripts ---- */

static bool read_flags(struct bytes names, uint32_t *flags, struct reply *reply) {
    bool more = names.len > 0;
    while (more) {
        struct bytes name = take_until(&names, ',', &more);
        uint32_t flag = script_flag(name);
        if (!flag) {
            reply_errorf(reply, "ERR Unexpected flag in script shebang: %.*s", (int)name.len,
                         name.data);
            return false;
        }
        *flags |= flag;
    }
    return true;
}

static bool read_option(struct bytes option, uint32_t *flags, struct reply *reply) {
    if (bytes_starts_with(option, BYTES("flags=")))
        return read_flags(bytes_skip(option, 6), flags, reply);
    reply_errorf(reply, "ERR Unknown lua shebang option: %.*s", (int)option.len, option.data);
    return false;
}

static bool read_script(struct bytes script, struct args *words, struct shebang *out,
                        struct reply *reply) {
    if (!take_line(script, &out->code, words)) {
        reply_error(reply, "ERR Invalid script shebang");
        return false;
    }
    for (size_t i = 1; i < words->count; i++)
        if (!read_option(words->items[i], &out->flags, reply)) return false;
    struct bytes engine = engine_of(words);
    if (bytes_is(engine, "lua")) return true;
    reply_errorf(reply, "ERR Could not find scripting engine '%.*s'", (int)engine.len, engine.data);
    return false;
}

bool shebang_read(struct bytes script, struct shebang *out, struct reply *reply) {
    *out = (struct shebang){.code = script, .flags = SCRIPT_COMPATIBLE};
    if (!bytes_starts_with(script, BYTES("#!"))) return true;
    struct args words = {0};
    out->flags = 0;
    bool good = read_script(script, &words, out, reply);
    args_free(&words);
    return good;
}

/* ---- libraries ---- */

bool shebang_is_name(struct bytes name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = bytes_lower(name.data[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
    }
    return name.len > 0;
}

static bool read_metadata(const struct args *words, struct bytes *name, struct buffer *error) {
    *name = (struct bytes){0};
    for (size_t i = 1; i < words->count; i++) {
        struct bytes word = words->items[i];
        if (!bytes_starts_with(word, BYTES("name="))) {
            buffer_printf(error, "ERR Invalid metadata value given: %.*s", (int)word.len,
                          word.data);
            return false;
        }
        if (name->data) {
            buffer_printf(error,
                          "ERR Invalid metadata value, name argument was given multiple times");
            return false;
        }
        *name = bytes_skip(word, 5);
    }
    if (!name->data) buffer_printf(error, "ERR Library name was not given");
    return name->data != NULL;
}

static bool read_library(struct bytes library, struct args *words, struct library_head *out,
                         struct buffer *error) {
    if (!take_line(library, &out->code, words)) {
        buffer_printf(error, "ERR Invalid library metadata");
        return false;
    }
    struct bytes name, engine = engine_of(words);
    if (!read_metadata(words, &name, error)) return false;
    if (!shebang_is_name(name)) {
        buffer_printf(error, "ERR Library names can only contain letters, numbers, or "
                             "underscores(_) and must be at least one character long");
        return false;
    }
    if (!bytes_is(engine, "lua")) {
        buffer_printf(error, "ERR Engine '%.*s' not found", (int)engine.len, engine.data);
        return false;
    }
    return buffer_append_bytes(&out->name, name);
}

bool shebang_read_library(struct bytes library, struct library_head *out, struct buffer *error) {
    *out = (struct library_head){0};
    if (!bytes_starts_with(library, BYTES("#!"))) {
        buffer_printf(error, "ERR Missing library metadata");
        return false;
    }
    struct args words = {0};
    bool good = read_library(library, &words, out, error);
    args_free(&words);
    return good;
}
