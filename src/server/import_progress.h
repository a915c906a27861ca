/* SPDX-License-Identifier: BSD-3-Clause */
/* A line on a terminal that tells how far the import is: rows, size, rate, time left. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;    /* is there anybody to see it? */
    int64_t total; /* bytes, 0 when not known */
    int64_t began_us, drawn_us;
};

/* `total` as above. `quiet` or a standard error that is no terminal: draws nothing. */
void progress_begin(struct progress *progress, int64_t total, bool quiet);

/* Draws at most ten times a second. */
void progress_draw(struct progress *progress, uint64_t rows, uint64_t bytes);

/* Clears the line, so that something else can be written. */
void progress_clear(struct progress *progress);

double progress_seconds(const struct progress *progress);
