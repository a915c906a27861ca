/* SPDX-License-Identifier: BSD-3-Clause */
/* What SCAN, SSCAN, HSCAN and ZSCAN have in common. */
#pragma once

#include "exec/call.h"

/* A cursor as clients send it. False: it is none, and that has been answered. */
bool scan_parse_cursor(struct call *call, struct bytes text, uint64_t *cursor);

struct scan_options {
    uint64_t count;
    struct bytes pattern;
    bool all;             /* the pattern matches everything */
    bool names_only;      /* NOVALUES or NOSCORES was given */
    enum value_type type; /* SCAN's TYPE; TYPE_COUNT = any */
};

/* SCAN's options, from argv[2] on. False as below. */
bool scan_parse_keyspace_options(struct call *call, struct scan_options *options);

/* The options of a scan of one key, from argv[3] on. `bare` is the word that leaves out what is not
 * the name ("novalues", "noscores"), NULL: there is none. False: something is wrong with them, and
 * that has been answered. */
bool scan_parse_options(struct call *call, const char *bare, struct scan_options *options);

bool scan_matches(const struct scan_options *options, struct bytes name);

/* The elements of a scan's reply are written before its cursor is known, but stand behind it. */
struct scan_output {
    struct buffer buffer;
    struct reply elements;
    size_t count;
};

void scan_output_begin(struct call *call, struct scan_output *output);

/* Answers the cursor and the elements. */
void scan_output_end(struct call *call, struct scan_output *output, uint64_t cursor);
