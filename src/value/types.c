/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/types.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/zset.h"

void value_types_register(void) {
    hash_register();
    list_register();
    set_register();
    stream_register();
    zset_register();
}
