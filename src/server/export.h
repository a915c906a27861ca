/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* strata export: writes what a server has to an RDB file. Arguments as of main, without program and
 * command. Returns the exit status. */
int export(int argc, char **argv);
