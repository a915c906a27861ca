/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Who we are, and whom we say to be compatible with. Client libraries read the latter from HELLO
 * and INFO and switch features by them, so they are what Valkey reports. */

#define STRATA_VERSION "0.1.0"

#define COMPAT_SERVER         "valkey"
#define COMPAT_VALKEY_VERSION "9.1.2"
#define COMPAT_REDIS_VERSION  "7.2.4"
