/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/* The limits that this process' control group (v2, or v1 as containers mount it) puts on it. They
 * may be changed from outside at any time. Each call reads a few small files. */

/* Bytes; UINT64_MAX without a limit. */
uint64_t cgroup_memory_limit(void);

/* Cores' worth of time, 0.5 for half a core; 0 without a limit. */
double cgroup_cpu_limit(void);
