/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/oom_score.h"
#include "base/ensure.h"
#include "base/log.h"
#include "base/number.h"
#include "config/config.h"
#include "sys/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SCORE_FILE "/proc/self/oom_score_adj"
#define SCORE_MAX  1000 /* the kernel's, and its negative */

enum { MODE_NO, MODE_RELATIVE, MODE_ABSOLUTE };

static int64_t mode;
static int64_t scores[3]; /* of a primary, a replica, a child: the first one counts */
static int64_t initial;   /* what the process was started with */
static bool has_begun;

static int write_score(int64_t score) {
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)score);
    int fd = file_open(SCORE_FILE, O_WRONLY, 0);
    if (fd < 0) return fd;
    int status = file_write_full(fd, bytes_make(text, (size_t)length));
    file_close(fd);
    return status < 0 ? status : 0;
}

static bool read_score(int64_t *score) {
    char text[24];
    int fd = file_open(SCORE_FILE, O_RDONLY, 0);
    ssize_t length = fd < 0 ? 0 : file_read_full(fd, text, sizeof text);
    if (fd >= 0) file_close(fd);
    return length > 1 && number_parse_i64(bytes_make(text, (size_t)length - 1), score);
}

static int put_into_effect(void) {
    int64_t score = mode == MODE_NO         ? initial
                    : mode == MODE_RELATIVE ? initial + scores[0]
                                            : scores[0];
    score = MAX(MIN(score, (int64_t)SCORE_MAX), (int64_t)-SCORE_MAX);
    int64_t present;
    if (read_score(&present) && present == score) return 0;
    int status = write_score(score);
    if (status < 0)
        log_warning("oom-score-adj: %lld cannot be set: %s", (long long)score, strerror(-status));
    return status;
}

static bool apply_score(const struct config_row *row, struct buffer *error) {
    if (!has_begun || put_into_effect() >= 0) return true;
    buffer_printf(error, "Failed to set current oom_score_adj. Check server logs.");
    return false;
}

static bool set_scores(const struct config_row *row, const struct bytes *words, unsigned count,
                       struct buffer *error) {
    int64_t given[3];
    if (count != 3) {
        buffer_printf(error, "wrong number of arguments");
        return false;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!number_parse_i64(words[i], &given[i]) || given[i] < -2000 || given[i] > 2000) {
            buffer_printf(error, "Invalid oom-score-adj-values, elements must be between -2000 and "
                                 "2000.");
            return false;
        }
    memcpy(scores, given, sizeof scores);
    return true;
}

static void get_scores(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, "%lld %lld %lld", (long long)scores[0], (long long)scores[1],
                  (long long)scores[2]);
}

static const struct config_choice modes[] = {{"no", MODE_NO},
                                             {"yes", MODE_RELATIVE},
                                             {"relative", MODE_RELATIVE},
                                             {"absolute", MODE_ABSOLUTE},
                                             {NULL, 0}};

static const struct config_row rows[] = {
    {"oom-score-adj", .type = CONFIG_CHOICE, .value = &mode, .initial = "no", .choices = modes,
     .apply = apply_score},
    {"oom-score-adj-values", .type = CONFIG_SPECIAL, .flags = CONFIG_WORDS, .initial = "0 200 800",
     .set = set_scores, .get = get_scores, .apply = apply_score},
    {0},
};

void oom_score_register(void) {
    config_register(rows);
}

void oom_score_begin(void) {
    has_begun = read_score(&initial);
    if (has_begun)
        put_into_effect();
    else if (mode != MODE_NO)
        log_warning("oom-score-adj has no effect: " SCORE_FILE " cannot be read");
}
