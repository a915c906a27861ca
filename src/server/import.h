/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* `strata import ARGUMENT...`, without the two words: sends a text file to a server, a key a line.
 * Returns the exit status. */
int import(int argc, char **argv);
