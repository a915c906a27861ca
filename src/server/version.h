/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Short hash of the commit that was built, "" when that is not known. */
extern const char version_commit[];

/* "strata 0.1.0 (commit, compiler, allocator)", in static memory. */
const char *version_line(void);
