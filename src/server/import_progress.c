/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/import_progress.h"
#include "sys/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { DRAW_EVERY_US = 100 * 1000, BAR = 24 };

void progress_begin(struct progress *progress, int64_t total, bool quiet) {
    *progress = (struct progress){
        .shown = !quiet && isatty(STDERR_FILENO),
        .total = total,
        .began_us = clock_mono_us(),
    };
}

double progress_seconds(const struct progress *progress) {
    return (double)(clock_mono_us() - progress->began_us) / 1e6;
}

static void draw_bar(double done) {
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(done * BAR) ? '#' : '.';
    bar[BAR] = 0;
    fprintf(stderr, "[%s] %3.0f%%  ", bar, done * 100);
}

void progress_draw(struct progress *progress, uint64_t rows, uint64_t bytes) {
    int64_t now_us = clock_mono_us();
    if (!progress->shown || now_us - progress->drawn_us < DRAW_EVERY_US) return;
    progress->drawn_us = now_us;

    double seconds = progress_seconds(progress), size = (double)bytes;
    double done = progress->total ? size / (double)progress->total : 0;
    fputs("\r\033[K", stderr);
    if (progress->total) draw_bar(done > 1 ? 1 : done);
    fprintf(stderr, "%llu rows  %.1f MB  %.0f rows/s", (unsigned long long)rows, size / 1e6,
            seconds > 0 ? (double)rows / seconds : 0);
    if (done > 0.01 && done < 1) {
        long left = (long)(seconds * (1 - done) / done + 0.5);
        fprintf(stderr, "  %ld:%02ld left", left / 60, left % 60);
    }
    fflush(stderr);
}

void progress_clear(struct progress *progress) {
    if (!progress->shown || !progress->drawn_us) return;
    fputs("\r\033[K", stderr);
    progress->drawn_us = 0;
}
