/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* `strata hotkeys ARGUMENT...`, without the two words: prints the keys that a server uses most.
 * Returns the exit status. */
int hotkeys(int argc, char **argv);
