/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* strata check: reads files and says whether they are whole. Arguments as of main, without program
 * and command. Returns the exit status. */
int check(int argc, char **argv);
