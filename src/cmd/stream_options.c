/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of XADD and XTRIM. */
#include "base/ensure.h"
#include "cmd/stream_common.h"
#include "value/limits.h"

struct parser {
    struct call *call;
    struct stream_options *out;
    unsigned at;
    bool limited; /* LIMIT was given */
    bool chosen;  /* what becomes of references */
    int64_t limit;
};

static bool fail(const struct parser *parser, const char *error) {
    reply_error(parser->call->reply, error);
    return false;
}

static bool is_sign(struct bytes word, char sign) {
    return word.len == 1 && word.data[0] == sign;
}

static bool parse_length(struct parser *parser, struct bytes text) {
    int64_t length;
    if (!stream_parse_integer(parser->call, text, &length)) return false;
    if (length < 0) return fail(parser, "ERR The MAXLEN argument must be >= 0.");
    parser->out->trim.length = (uint64_t)length;
    return true;
}

/* At MAXLEN or MINID: [=|~] threshold. */
static bool parse_trim(struct parser *parser, enum stream_trim_by by) {
    const struct call *call = parser->call;
    struct stream_trim *trim = &parser->out->trim;
    if (trim->by != STREAM_KEEP_ALL)
        return fail(parser, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                            "compatible");
    struct bytes next = call->argv[++parser->at];
    bool more = parser->at + 1 < call->argc;
    trim->whole_nodes = more && is_sign(next, '~');
    if (trim->whole_nodes || (more && is_sign(next, '='))) next = call->argv[++parser->at];
    bool parsed = by == STREAM_BY_LENGTH ? parse_length(parser, next)
                                         : stream_parse_id(parser->call, next, &trim->id);
    trim->by = by;
    parser->at++;
    return parsed;
}

static bool parse_limit(struct parser *parser) {
    parser->limited = true;
    if (!stream_parse_integer(parser->call, parser->call->argv[parser->at + 1], &parser->limit))
        return false;
    if (parser->limit < 0) return fail(parser, "ERR The LIMIT argument must be >= 0.");
    parser->at += 2;
    return true;
}

bool stream_parse_references(struct bytes word, enum stream_references *out) {
    static const char *const names[] = {"keepref", "delref", "acked"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!bytes_is(word, names[i])) continue;
        *out = (enum stream_references)i;
        return true;
    }
    return false;
}

static bool parse_option(struct parser *parser, bool adding, bool *done) {
    const struct call *call = parser->call;
    struct bytes word = call->argv[parser->at];
    bool more = parser->at + 1 < call->argc;
    struct stream_options *out = parser->out;
    if (more && bytes_is(word, "maxlen")) return parse_trim(parser, STREAM_BY_LENGTH);
    if (more && bytes_is(word, "minid")) return parse_trim(parser, STREAM_BY_ID);
    if (more && bytes_is(word, "limit")) return parse_limit(parser);
    if (adding && bytes_is(word, "nomkstream")) {
        out->no_create = true;
        parser->at++;
        return true;
    }
    if (!parser->chosen && stream_parse_references(word, &out->references)) {
        parser->chosen = true;
        parser->at++;
        return true;
    }
    if (!adding) return fail(parser, "ERR syntax error");
    out->id_given = *done = true;
    return stream_id_parse(word, 0, &out->id, &out->any_sequence) ||
           fail(parser, "ERR Invalid stream ID specified as stream command argument");
}

/* Without LIMIT, trimming by whole nodes stops after a hundred of them. */
static uint64_t limit_by_default(void) {
    int64_t limit = value_limits.stream_node_max_entries;
    if (limit == 0) return 10000;
    return limit > 10000 ? 1000000 : (uint64_t)limit * 100;
}

bool stream_parse_options(struct call *call, bool adding, struct stream_options *out) {
    struct parser parser = {.call = call, .out = out, .at = 2};
    *out = (struct stream_options){.trim.by = STREAM_KEEP_ALL};
    for (bool done = false; parser.at < call->argc && !done;) {
        if (adding && is_sign(call->argv[parser.at], '*')) break;
        if (!parse_option(&parser, adding, &done)) return false;
    }
    out->end = parser.at;
    if (parser.limit && out->trim.by == STREAM_KEEP_ALL)
        return fail(&parser, "ERR syntax error, LIMIT cannot be used without specifying a trimming "
                             "strategy");
    if (!adding && out->trim.by == STREAM_KEEP_ALL)
        return fail(&parser, "ERR syntax error, XTRIM must be called with a trimming strategy");
    if (parser.limited && !out->trim.whole_nodes)
        return fail(&parser, "ERR syntax error, LIMIT cannot be used without the special ~ option");
    if (out->trim.whole_nodes)
        out->trim.limit = parser.limited ? (uint64_t)parser.limit : limit_by_default();
    return true;
}

uint64_t stream_trim_by(struct stream *stream, const struct stream_options *options,
                        struct stream_words *words) {
    bool sifts = options->references == STREAM_NEED_NO_REFERENCE;
    struct stream_id first = stream->first, end = STREAM_ID_MAX;
    uint64_t trimmed = sifts ? stream_trim_unreferenced(stream, &options->trim, &end)
                             : stream_trim(stream, &options->trim);
    if (!trimmed) return 0;
    stream_word(words, sifts ? BYTES("MINID") : BYTES("MAXLEN"));
    stream_word(words, BYTES("="));
    if (sifts)
        stream_word_id(words, end);
    else
        stream_word_integer(words, (int64_t)stream->length);
    if (options->references == STREAM_DROP_REFERENCES) {
        stream_pending_drop(stream, first, stream->length ? stream->first : STREAM_ID_MAX);
        stream_word(words, BYTES("DELREF"));
    } else if (sifts) {
        stream_word(words, BYTES("ACKED"));
    }
    return trimmed;
}
