/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands that treat strings as arrays of bits. */
#pragma once

#include "exec/call.h"

void bitmap_setbit(struct call *call);
void bitmap_getbit(struct call *call);
void bitmap_bitcount(struct call *call);
void bitmap_bitpos(struct call *call);
void bitmap_bitop(struct call *call);
void bitmap_bitfield(struct call *call);
void bitmap_bitfield_ro(struct call *call);

/* What BITFIELD does with its key: it changes nothing when all that it has is GET. */
uint32_t bitmap_bitfield_key_flags(const struct bytes *argv, unsigned argc);

/* Parses the offset of a bit; a leading '#' counts in units of `width` bits, where that is not 0.
 * False: it is none, or behind the end of the largest string, and that has been answered. */
bool bitmap_parse_offset(struct call *call, struct bytes text, unsigned width, uint64_t *out);

/* A command that wrote the bits that were there has still edited the string, which OBJECT ENCODING
 * shows; no data has changed. */
static inline void bitmap_mark_edited(struct entry *e) {
    e->head |= ENTRY_RAW;
}
