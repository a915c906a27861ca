/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/hash_options.h"
#include "base/ensure.h"
#include "base/number.h"

/* ---- FIELDS numfields field ... ---- */

static void reply_wrong_count(struct call *call, bool as_syntax) {
    if (as_syntax)
        reply_syntax_error(call->reply);
    else
        reply_error(call->reply, "ERR numfields should be greater than 0 and match the provided "
                                 "number of fields");
}

bool hash_fields_parse(struct call *call, unsigned position, unsigned stride, bool as_syntax,
                       struct hash_fields *fields) {
    int64_t count;
    if (!number_parse_i64(call->argv[position], &count)) {
        reply_not_integer(call->reply);
        return false;
    }
    unsigned left = call->argc - position - 1;
    if (count < 1 || left % stride || count != left / stride) {
        reply_wrong_count(call, as_syntax);
        return false;
    }
    *fields = (struct hash_fields){position + 1, (unsigned)count};
    return true;
}

bool hash_only_fields_parse(struct call *call, bool as_syntax, struct hash_fields *fields) {
    if (bytes_is(call->argv[2], "fields")) return hash_fields_parse(call, 3, 1, as_syntax, fields);
    reply_syntax_error(call->reply);
    return false;
}

/* ---- options ---- */

/* An option excludes the others of its group. */
static const struct {
    const char *name;
    uint32_t option, excludes;
} words[] = {
    {"nx", HASH_NX, HASH_XX},
    {"xx", HASH_XX, HASH_NX},
    {"fnx", HASH_FNX, HASH_FXX},
    {"fxx", HASH_FXX, HASH_FNX},
    {"keepttl", HASH_KEEPTTL, HASH_EXPIRE | HASH_PERSIST},
    {"persist", HASH_PERSIST, HASH_EXPIRE | HASH_KEEPTTL},
    {"ex", HASH_EX, HASH_KEEPTTL | HASH_PERSIST | (HASH_EXPIRE & ~HASH_EX)},
    {"px", HASH_PX, HASH_KEEPTTL | HASH_PERSIST | (HASH_EXPIRE & ~HASH_PX)},
    {"exat", HASH_EXAT, HASH_KEEPTTL | HASH_PERSIST | (HASH_EXPIRE & ~HASH_EXAT)},
    {"pxat", HASH_PXAT, HASH_KEEPTTL | HASH_PERSIST | (HASH_EXPIRE & ~HASH_PXAT)},
};

/* The options in argv[2] up to `end`. */
static bool parse_words(const struct call *call, unsigned end, uint32_t allowed,
                        struct hash_options *options) {
    for (unsigned i = 2; i < end; i++) {
        unsigned word = 0;
        while (word < ARRAY_LEN(words) && !bytes_is(call->argv[i], words[word].name))
            word++;
        if (word == ARRAY_LEN(words) || !(words[word].option & allowed)) return false;
        if (options->given & words[word].excludes) return false;
        options->given |= words[word].option;
        if (!(words[word].option & HASH_EXPIRE)) continue;
        if (++i == end) return false;
        options->when = call->argv[i];
    }
    return true;
}

bool hash_options_parse(struct call *call, uint32_t allowed, unsigned stride,
                        struct hash_options *options) {
    *options = (struct hash_options){0};
    /* A key of this name is taken for the word, as Valkey does it. */
    unsigned at = 1;
    while (at + 1 < call->argc && !bytes_is(call->argv[at], "fields"))
        at++;
    if (at + 1 == call->argc) {
        reply_wrong_count(call, false);
        return false;
    }
    if (parse_words(call, at, allowed, options))
        return hash_fields_parse(call, at + 1, stride, false, &options->fields);
    reply_syntax_error(call->reply);
    return false;
}

/* ---- times ---- */

bool hash_deadline_parse(struct call *call, struct bytes text, uint32_t unit, int64_t *deadline) {
    int64_t time;
    if (!number_parse_i64(text, &time)) {
        reply_not_integer(call->reply);
        return false;
    }
    bool seconds = unit & (HASH_EX | HASH_EXAT), relative = unit & (HASH_EX | HASH_PX);
    if (time >= 0 && !__builtin_mul_overflow(time, seconds ? 1000 : 1, &time) &&
        !__builtin_add_overflow(time, relative ? call->view.now_ms : 0, deadline))
        return true;
    reply_errorf(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
    return false;
}
