/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* Random bytes from the kernel, fit for secrets. Cannot fail: without them the process aborts. */
void entropy_fill(void *out, size_t n);

/* 2 * bytes lower-case hex digits and a final zero: run ids, node ids, generated passwords. */
void entropy_hex(char *out, size_t bytes);
