/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/value.h"

static const struct value_ops *registered[TYPE_COUNT];

const struct value_ops *value_ops(enum value_type type) {
    return registered[type];
}

void value_register(enum value_type type, const struct value_ops *ops) {
    registered[type] = ops;
}
