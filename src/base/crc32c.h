/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C (Castagnoli, 1993), as iSCSI and ext4 have it: the processor's own instruction where
 * there is one. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

/* Goes on from `crc`, which is 0 for the first piece: the checksum of pieces is that of the whole.
 */
uint32_t crc32c(uint32_t crc, struct bytes bytes);
