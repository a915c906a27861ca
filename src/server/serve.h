/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* `strata serve ARGUMENT...`, without the two words: reads the configuration, serves until it is
 * asked to stop, returns the exit status. */
int serve(int argc, char **argv);
