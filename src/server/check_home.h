/* SPDX-License-Identifier: BSD-3-Clause */
/* `strata check dir:PATH`: is all in a home that the server would need, and as it was written? */
#pragma once

#include <stdbool.h>

/* Prints what is there and what is wrong. `repair`: keeps what comes before the damage and puts the
 * rest aside, in the home's folder aside/. Returns 0 when a server can start from it (afterwards),
 * 1 when not, 2 when it cannot be read. */
int check_home(const char *url, bool repair);
