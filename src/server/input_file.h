/* SPDX-License-Identifier: BSD-3-Clause */
/* A file of data of which the first bytes have been read already, to see what it is. */
#pragma once

#include "journal/rdb_file.h"

struct input_file {
    struct bytes start;
    int fd; /* behind them */
};

/* Reads it from its beginning. What is returned refers to `file`. */
struct rdb_input input_file_begin(struct input_file *file);
