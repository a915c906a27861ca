/* SPDX-License-Identifier: BSD-3-Clause */
/* oom-score-adj: whom the kernel ends first when memory runs out. */
#pragma once

void oom_score_register(void);

/* Puts into effect what the files say, or logs why not; from then on CONFIG SET does. */
void oom_score_begin(void);
