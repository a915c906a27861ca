/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/bytes.h"

/* Does the whole text match the pattern? `*` is any run of bytes, `?` one byte, `[abc]` `[a-z]`
 * `[^a]` one byte of a class, `\x` the byte x itself. An unfinished class or escape has a meaning
 * too, see glob.c. Empty text matches only the patterns "" and "*". Time is at most proportional to
 * pattern length times text length, memory constant. */
bool glob_match(struct bytes pattern, struct bytes text, bool nocase);
