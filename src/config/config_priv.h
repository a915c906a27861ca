/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of config/ share: directives, which are rows with a place for their value. */
#pragma once

#include "base/args.h"
#include "config/config.h"

/* A value outside of its variable: parsed and not yet stored, or kept for taking a change back. */
struct config_value {
    int64_t number;      /* all types but TEXT, BINARY and SPECIAL */
    char *text;          /* TEXT, and what `get` wrote of a SPECIAL; owned */
    struct bytes binary; /* BINARY; owned */
};

struct directive {
    const struct config_row *row;
    struct config_value own; /* the variable of an INERT row */
    char *initial;           /* the initial value as value_format writes it */
    struct buffer lines;     /* REPEATED: the words of all lines loaded so far, quoted */
    bool given;              /* by a file, the command line or CONFIG SET */
};

/* A name that clients use, in bytes_compare order; an alias shares its directive. */
struct config_name {
    const char *name;
    struct directive *directive;
};

const struct config_name *registry_names(size_t *count);

/* Any case. NULL = unknown. */
const struct config_name *registry_find(struct bytes name);

/* The known name that needs the fewest edits, or NULL when none is near. */
const char *registry_nearest(struct bytes name);

/* The words of a value: cut at each single space when the directive takes several, else one. They
 * point into the value. false = no memory. */
struct words {
    struct bytes *items;
    unsigned count;
};
bool words_of(const struct directive *d, struct bytes value, struct words *out);
void words_free(struct words *words);

/* Gives the directive a value, after its checks. `before`, unless NULL, gets the old one, for
 * directive_restore or value_free. On failure nothing has changed. */
bool directive_set(struct directive *d, const struct bytes *words, unsigned count,
                   struct config_value *before, struct buffer *error);

/* Takes `before`, which is empty afterwards. */
void directive_restore(struct directive *d, struct config_value *before);

/* Would these words set what is set already? */
bool directive_has(const struct directive *d, const struct bytes *words, unsigned count);

/* Was it given, and something else than the initial value? */
bool directive_differs(const struct directive *d);

/* The value as the words of a line in the file, quoted where they must be. false = no memory. */
bool directive_write(const struct directive *d, struct buffer *out);

/* Tells the log that an INERT directive now has a value that would matter. */
void directive_note(const struct directive *d);

/* Forgets which file was loaded. */
void load_forget(void);

/* ---- typed values: not for SPECIAL ---- */

bool value_parse(const struct config_row *row, const struct bytes *words, unsigned count,
                 struct config_value *out, struct buffer *error);
bool value_equal(const struct directive *d, const struct config_value *value);

/* Puts `value` into the variable and the variable's into `value`. */
void value_exchange(struct directive *d, struct config_value *value);
void value_free(struct config_value *value);

/* The value as CONFIG GET shows it; SPECIAL too. */
void value_format(const struct directive *d, struct buffer *out);
