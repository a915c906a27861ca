/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of OBJECT. */
#pragma once

#include "exec/call.h"

void object_encoding(struct call *call);
void object_freq(struct call *call);
void object_help(struct call *call);
void object_idletime(struct call *call);
void object_refcount(struct call *call);
