/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/stream_id.h"
#include "base/number.h"
#include <errno.h>
#include <stdlib.h>

size_t stream_id_format(char out[STREAM_ID_TEXT_MAX], struct stream_id id) {
    size_t length = number_format_u64(out, id.ms);
    out[length++] = '-';
    return length + number_format_u64(out + length, id.seq);
}

/* Clients may also write what strtoull() reads ("007", " 1"), but no plain negative number. */
static bool parse_loosely(const char *text, uint64_t *out) {
    int64_t negative;
    char *end;
    if (!*text || number_parse_i64(bytes_of(text), &negative)) return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == 0;
}

static bool parse_part(const char *text, uint64_t *out) {
    return number_parse_u64(bytes_of(text), out) || parse_loosely(text, out);
}

bool stream_id_parse(struct bytes text, uint64_t missing, struct stream_id *out, bool *any) {
    char copy[128];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    if (any) *any = false;
    char *hyphen = strchr(copy, '-');
    if (hyphen) *hyphen = 0;
    struct stream_id id = {0, missing};
    if (!parse_part(copy, &id.ms)) return false;
    if (hyphen && any && strcmp(hyphen + 1, "*") == 0) {
        id.seq = 0;
        *any = true;
    } else if (hyphen && !parse_part(hyphen + 1, &id.seq)) {
        return false;
    }
    *out = id;
    return true;
}

bool stream_id_parse_bound(struct bytes text, uint64_t missing, struct stream_id *out) {
    if (text.len == 1 && text.data[0] == '-')
        *out = STREAM_ID_MIN;
    else if (text.len == 1 && text.data[0] == '+')
        *out = STREAM_ID_MAX;
    else
        return stream_id_parse(text, missing, out, NULL);
    return true;
}
