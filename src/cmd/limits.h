/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* At start-up: the directives of value/limits.h. */
void limits_register(void);
