/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdio.h>

/* A screen: the commands, and where to read more. */
void help_usage(FILE *out);

/* `strata help [TOPIC]`, without the two words: prints the page to standard output. Returns the
 * exit status. */
int help(int argc, char **argv);
