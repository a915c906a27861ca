/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Redis or Valkey have left in the working directory: the first start with an empty home loads
 * it, and puts a snapshot of it into the home. The files stay as they are, and are not looked at
 * again.
 */
#pragma once

#include "base/buffer.h"
#include "exec/exec.h"
#include "server/replay.h"

/* The directive, before anything is loaded. */
void adopt_register(void);

struct adoption {
    struct exec *exec;
    struct command_runner *runner;
    struct view view;
    bool (*breathe)(void *context); /* called now and then: lets the workers in; false: stop */
    void *context;
    bool any; /* something has been loaded */
    struct buffer *error;
};

/* Loads an AOF, in parts (`appenddirname`) or of one (`appendfilename`), if there is to be a
 * journal, otherwise an RDB file (`dbfilename`), if they are there. Exclusive mode. False: `error`
 * says why not, or is empty since it was told to stop. */
bool adopt_files(struct adoption *adoption);

/* Puts a snapshot of what has been loaded into the home, which must be done before anybody may
 * change it. Outside the gate, of which the caller is a guest. */
bool adopt_keep(struct adoption *adoption);
