/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/string_options.h"
#include "base/ensure.h"
#include "base/number.h"

struct option {
    struct bytes word;
    uint32_t bit;
    bool has_value;
    uint32_t excludes;
};

#define CONDITION (STRING_NX | STRING_XX | STRING_IFEQ)
#define LIFETIME  (STRING_EXPIRE | STRING_KEEPTTL | STRING_PERSIST)

static const struct option options[] = {
    {BYTES("EX"), STRING_EX, true, LIFETIME & ~STRING_EX},
    {BYTES("PX"), STRING_PX, true, LIFETIME & ~STRING_PX},
    {BYTES("NX"), STRING_NX, false, CONDITION & ~STRING_NX},
    {BYTES("XX"), STRING_XX, false, CONDITION & ~STRING_XX},
    {BYTES("GET"), STRING_GET, false, 0},
    {BYTES("IFEQ"), STRING_IFEQ, true, CONDITION},
    {BYTES("EXAT"), STRING_EXAT, true, LIFETIME & ~STRING_EXAT},
    {BYTES("PXAT"), STRING_PXAT, true, LIFETIME & ~STRING_PXAT},
    {BYTES("KEEPTTL"), STRING_KEEPTTL, false, LIFETIME & ~STRING_KEEPTTL},
    {BYTES("PERSIST"), STRING_PERSIST, false, LIFETIME & ~STRING_PERSIST},
};

static const struct option *find_option(struct bytes word) {
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (bytes_equal_nocase(word, options[i].word)) return &options[i];
    return NULL;
}

bool string_options_parse(struct call *call, unsigned first, uint32_t allowed,
                          struct string_options *out) {
    *out = (struct string_options){.expiry = EXPIRY_NONE};
    struct bytes time = {0};
    for (unsigned i = first; i < call->argc; i++) {
        const struct option *option = find_option(call->argv[i]);
        if (!option || !(option->bit & allowed) || (option->excludes & out->given) ||
            (option->has_value && i + 1 == call->argc)) {
            reply_syntax_error(call->reply);
            return false;
        }
        out->given |= option->bit;
        if (option->has_value) i++;
        if (option->bit == STRING_IFEQ) out->expected = call->argv[i];
        if (option->bit & STRING_EXPIRE) time = call->argv[i];
    }
    if (out->given & STRING_KEEPTTL) out->expiry = EXPIRY_KEEP;
    uint32_t unit = out->given & STRING_EXPIRE;
    return !unit || string_expiry_parse(call, time, unit, &out->expiry);
}

bool string_expiry_parse(struct call *call, struct bytes text, uint32_t unit, int64_t *out) {
    int64_t time;
    if (!number_parse_i64(text, &time)) {
        reply_not_integer(call->reply);
        return false;
    }
    bool in_seconds = unit & (STRING_EX | STRING_EXAT);
    bool is_relative = unit & (STRING_EX | STRING_PX);
    if (time <= 0 || (in_seconds && __builtin_mul_overflow(time, 1000, &time)) ||
        (is_relative && __builtin_add_overflow(time, call->view.now_ms, &time))) {
        reply_errorf(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
        return false;
    }
    *out = time;
    return true;
}
