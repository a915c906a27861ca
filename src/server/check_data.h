/* SPDX-License-Identifier: BSD-3-Clause */
/* strata check, of the files of Redis and Valkey: RDB, AOF, and folders of AOF with a manifest. */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>

/* Reads all of it, every value included, and prints what there is and what is wrong. Returns the
 * exit status: 0 = nothing is, 1 = something is, 2 = it cannot be read. */
int check_data(const char *path);
