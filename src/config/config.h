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
    CONFIG_BOOL,              /* bool *, yes|no */
    CONFIG_INTEGER,           /* int64_t *, min..max */
    CONFIG_MEMORY,            /* int64_t *, bytes with units, min..max */
    CONFIG_PERCENT_OR_MEMORY, /* int64_t *, negative = percent */
    CONFIG_OCTAL,             /* int64_t * */
    CONFIG_TEXT,   /* char **, owned by the registry; NULL for "" when CONFIG_EMPTY_IS_NULL */
    CONFIG_BINARY, /* struct bytes *, whose bytes the registry owns: one word, zeros as they come */
    CONFIG_CHOICE, /* int64_t *, one of `choices` */
    CONFIG_FLAGS,  /* int64_t *, a set of `choices` */
    CONFIG_SPECIAL /* through `set` and `get` */
};

#define CONFIG_IMMUTABLE     (1u << 0) /* only at start-up */
#define CONFIG_SENSITIVE     (1u << 1) /* never logged */
#define CONFIG_REPEATED      (1u << 2) /* may stand several times in the file, words add up */
#define CONFIG_WORDS         (1u << 3) /* takes several words: TEXT gets them joined by spaces */
#define CONFIG_HIDDEN        (1u << 4) /* CONFIG GET shows it to who asks for it by name */
#define CONFIG_PROTECTED     (1u << 5) /* CONFIG SET needs enable-protected-configs */
#define CONFIG_EMPTY_IS_NULL (1u << 6)
#define CONFIG_INERT         (1u << 7)  /* has no meaning here: kept, shown, noted in the log */
#define CONFIG_QUIET         (1u << 8)  /* INERT, and nobody misses it: not noted */
#define CONFIG_LINES         (1u << 10) /* SPECIAL: each line of a file is a thing of its own */
#define CONFIG_START_ONLY                                                                          \
    (1u << 9) /* of files and command lines; unknown to CONFIG GET and SET                         \
               */

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
    int64_t min, max;    /* both 0: any */
    const struct config_choice *choices; /* ends with a NULL name */

    /* Refuses a value by writing why to `error`; called before anything changes. May be NULL. */
    bool (*check)(const struct config_row *row, struct bytes text, struct buffer *error);
    /* Puts a changed value into effect; false takes it back, and then it is called again with the
     * old one. Not called while the files are read: see config_apply_all. May be NULL. */
    bool (*apply)(const struct config_row *row, struct buffer *error);
    /* SPECIAL only. `set` replaces the value by these words, or refuses them and changes nothing:
     * one word, any number with WORDS, those of all lines so far with REPEATED. What `get` writes,
     * cut at its spaces, `set` takes. */
    bool (*set)(const struct config_row *row, const struct bytes *words, unsigned count,
                struct buffer *error);
    void (*get)(const struct config_row *row, struct buffer *out);
    /* LINES only, for which `set` gets each line when it is loaded: writes the lines that the file
     * is to have, each with its name and its line break. False: no memory. */
    bool (*write)(const struct config_row *row, struct buffer *out);
};

/* ---- the registry: at start-up, before anything is loaded ---- */

/* Rows end with a NULL name and live as long as the program. Puts the initial values in place. A
 * name is registered once. */
void config_register(const struct config_row *rows);

/* What Valkey and Redis know and Strata has no use for (yet), and the directives of CONFIG itself.
 */
void config_register_inert(void);

/* Frees all values; variables of TEXT rows are NULL afterwards. */
void config_free(void);

/* ---- start-up ---- */

/* All three write to `error`, for people, what is wrong and where, and stop there. Later directives
 * win. The file loaded first is the one that config_rewrite writes. */
bool config_load_file(const char *path, struct buffer *error);
bool config_load_text(struct bytes text, const char *origin, struct buffer *error);

/* Directives as arguments: --port 7000 --save "" --bind a b --hz=10. */
bool config_load_arguments(int argc, char *const *argv, struct buffer *error);

/* Calls the rows' apply once all that they act upon exists. false: `error` has the row and why. */
bool config_apply_all(struct buffer *error);

/* Logs which directives were given that have no meaning here. */
void config_log_inert(void);

/* ---- while serving: exclusive mode ---- */

/* CONFIG GET: the directives that any pattern matches, in the order of their names. A name given
 * without special bytes comes back as it was written. false = no memory. */
struct config_pair {
    struct bytes name, value;
};
struct config_listing {
    struct config_pair *pairs;
    size_t count;
    struct buffer text; /* what the pairs point into */
};
bool config_get(const struct bytes *patterns, unsigned count, struct config_listing *out);
void config_listing_free(struct config_listing *listing);

/* Appends a directive's value as CONFIG GET shows it. The name must be a registered one. Exclusive
 * mode, or inside the gate. */
void config_show(const char *name, struct buffer *out);

/* CONFIG SET name value ...: all of them or none. `words` has an even number; `local`: the client
 * sits on this machine. `error` gets the whole error reply. */
bool config_set(const struct bytes *words, unsigned count, bool local, struct buffer *error);

/* Writes what has changed back into the file: lines that still say the truth stay as they are, with
 * comments and order, others are replaced, the rest is appended. `error` as config_set. */
bool config_rewrite(struct buffer *error);

/* Its absolute path, or "" when there is no file. */
const char *config_file(void);

/* The present value of a number, a choice or a yes (1) or no (0), for who does not own its row. The
 * name must be a registered one. */
int64_t config_number(const char *name);

/* `save`: a snapshot is due so many seconds after the last when there have been so many changes. */
struct config_save_point {
    int64_t seconds, changes;
};

/* The first one of these that `fits`, into `out`. False: there is none. Any thread. */
bool config_find_save_point(bool (*fits)(void *context, const struct config_save_point *point),
                            void *context, struct config_save_point *out);

/* At start-up: what the system allows instead of what was asked for. */
void config_set_number(const char *name, int64_t number);
