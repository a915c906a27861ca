/* SPDX-License-Identifier: BSD-3-Clause */
/* The title of the process, which ps and top show instead of its arguments: set-proc-title and
 * proc-title-template. */
#pragma once

void title_register(void);
