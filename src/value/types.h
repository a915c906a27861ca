/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Registers all types of values; at start-up, before there is one. */
void value_types_register(void);
