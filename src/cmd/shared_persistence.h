/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BGSAVE, SAVE, LASTSAVE, DEBUG RELOAD, and INFO's section of all that outlives the process. What
 * does it comes from server/, which registers it.
 */
#pragma once

#include "exec/exec.h"

/* Both are snapshots: what lets the journal be short again is one, too. */
enum persistence_kind { PERSISTENCE_SAVE, PERSISTENCE_REWRITE, PERSISTENCE_KINDS };

/* Of a kind. */
struct persistence_runs {
    bool in_progress, scheduled, last_good;
    uint64_t count, failures;          /* all; since the last good one */
    int64_t last_seconds, now_seconds; /* that the last one took, and this one so far; -1 = none */
};

struct persistence_status {
    bool loading;
    struct persistence_runs runs[PERSISTENCE_KINDS];
    uint64_t changes;                 /* since the last snapshot */
    uint64_t keys, keys_total;        /* of the snapshot under way */
    uint64_t buffered, buffered_last; /* bytes of memory for it, at most; and for the last one */
    int64_t last_save_s;              /* Unix time */
    uint64_t loaded_keys, loaded_expired; /* at start-up, or by DEBUG RELOAD */
};

enum persistence_outcome { PERSISTENCE_DONE, PERSISTENCE_BUSY, PERSISTENCE_FAILED };

enum persistence_begun {
    PERSISTENCE_STARTED,
    PERSISTENCE_SCHEDULED, /* after one of the other kind */
    PERSISTENCE_UNDER_WAY, /* one of the same kind is */
    PERSISTENCE_OTHER      /* one of the other kind is, and the caller will not have it wait */
};

struct persistence {
    /* A snapshot in the background; `schedule`: it may wait for one of the other kind. */
    enum persistence_begun (*begin)(void *context, enum persistence_kind kind, bool schedule);

    /* Of PERSISTENCE_SAVE. False: none is under way, or to come; *scheduled: it had not begun. */
    bool (*cancel)(void *context, bool *scheduled);

    /* Takes one on the calling worker, which is inside the gate and holds nothing. */
    enum persistence_outcome (*save)(void *context, unsigned worker);

    /* Saves, flushes and loads, or only some of that; nobody sees the moment between. */
    bool (*reload)(void *context, struct view *view, bool save, bool flush, bool merge);

    /* Is a snapshot to be taken before the server ends, if nobody says otherwise? */
    bool (*wanted_at_exit)(void *context);

    void (*status)(void *context, struct persistence_status *out); /* exclusive mode */
    void *context;
};

/* At start-up; the struct lives as long as the program. */
void persistence_attach(const struct persistence *persistence);
void persistence_register_info(struct exec *exec);

/* For SHUTDOWN. */
enum persistence_outcome persistence_save_now(unsigned worker);
bool persistence_wanted_at_exit(void);

extern const struct command persistence_commands[];

void persistence_bgsave(struct call *call);
void persistence_save(struct call *call);
void persistence_lastsave(struct call *call);
void persistence_bgrewriteaof(struct call *call);
void persistence_debug_reload(struct call *call);
void persistence_debug_loadaof(struct call *call);
