/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Directives: their syntax, their registry, and nothing of what they mean.
 *
 * Each folder owns its rows, which point at that folder's own variables, and registers them at
 * start-up. CONFIG SET runs in exclusive mode, so that readers need no lock.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum config_type {
    CONFIG_BOOL,    /* bool *, yes|no */
    CONFIG_INTEGER, /* int64_t *, min..max */
    CONFIG_MEMORY,  /* int64_t *, bytes with units, min..max */
    CONFIG_PERCENT_OR_MEMORY, /* int64_t *, negative = percent */
    CONFIG_OCTAL,   /* int64_t * */
    CONFIG_TEXT,    /* char **, owned by the registry; NULL for "" when CONFIG_EMPTY_IS_NULL */
    CONFIG_CHOICE,  /* int64_t *, one of `choices` */
    CONFIG_FLAGS,   /* int64_t *, a set of `choices` */
    CONFIG_SPECIAL  /* through `set` and `get` */
};

#define CONFIG_IMMUTABLE (1u << 0)     /* only at start-up */
#define CONFIG_SENSITIVE (1u << 1)     /* never logged */
#define CONFIG_REPEATED (1u << 2)      /* may stand several times in the file, values add up */
#define CONFIG_WORDS (1u << 3)         /* takes several words: TEXT gets them joined by spaces */
#define CONFIG_HIDDEN (1u << 4)        /* not in CONFIG GET * */
#define CONFIG_PROTECTED (1u << 5)     /* needs enable-protected-configs */
#define CONFIG_EMPTY_IS_NULL (1u << 6)
#define CONFIG_INERT (1u << 7) /* has no meaning here: kept, shown, noted once in the log */

struct config_choice {
    const char *name;
    int64_t value;
};

struct config_row {
    const char *name;
    const char *alias; /* an older name, or NULL */
    enum config_type type;
    uint32_t flags;
    void *value;         /* NULL for INERT rows: the registry keeps the text itself */
    const char *initial; /* as it would stand in the file */
    int64_t min, max;
    const struct config_choice *choices; /* ends with a NULL name */

    /* Refuses a value by writing why to `error`; called before anything changes. May be NULL. */
    bool (*check)(const struct config_row *row, struct bytes text, struct buffer *error);
    /* Puts a changed value into effect; false takes it back. May be NULL. */
    bool (*apply)(const struct config_row *row, struct buffer *error);
    /* SPECIAL only. `set` gets the words of one line. */
    bool (*set)(const struct config_row *row, const struct bytes *words, unsigned count,
                struct buffer *error);
    void (*get)(const struct config_row *row, struct buffer *out);
};

/* Rows end with a NULL name and live as long as the program. Puts the initial values in place. */
void config_register(const struct config_row *rows);
