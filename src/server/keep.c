/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A journal that begins while the server serves has no record of what is there already, so it
 * counts only with a snapshot of that: until the snapshot is in the home, the journal is held in
 * memory. What changed while there was none is one unit, `base`, which no journal has and every
 * such snapshot does. A server that ends before it starts with what an earlier one left, as one
 * without a journal does. (tests/wire/test_journal_switch.py)
 */
#include "server/keep.h"
#include "base/ensure.h"
#include "base/log.h"
#include "config/config.h"
#include "exec/durability.h"
#include "exec/exec.h"
#include "exec/refusal.h"
#include "home/home.h"
#include "journal/journal.h"
#include "server/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;

static struct {
    char *url; /* "": no home */
    int64_t durability, appendfsync;
} settings;

static struct {
    struct exec *exec;
    struct home *home;
    struct journal *journal;
    bool serving;      /* settings take effect at once */
    uint64_t sequence; /* without a journal: of the last unit that there is a number of */
    void (*begun)(void *context);
    void *begun_context;
    _Atomic uint64_t base; /* the snapshot that the journal waits for has it; 0: it does not wait */
} state;

const char *keep_url(void) {
    return settings.url;
}

struct home *keep_home(void) {
    return state.home;
}

struct journal *keep_journal(void) {
    return settings.durability == DURABILITY_NONE ? NULL : state.journal;
}

uint64_t keep_sequence(void) {
    return keep_journal() ? journal_last(state.journal) : state.sequence;
}

bool keep_is_wanted(void) {
    return *settings.url;
}

/* ---- directives ---- */

static bool begin_journal(struct buffer *error);
static void end_journal(void);

/* Nobody waits for a journal that is held. */
static enum durability default_durability(void) {
    int64_t most = state.base ? DURABILITY_EVERYSEC : DURABILITY_ALWAYS;
    return (enum durability)MIN(settings.durability, most);
}

static bool set_durability(int64_t durability, struct buffer *error) {
    bool has_journal = settings.durability != DURABILITY_NONE;
    bool wants_journal = durability != DURABILITY_NONE;
    if (state.serving && wants_journal && !has_journal && !begin_journal(error)) return false;
    if (state.serving && has_journal && !wants_journal) end_journal();
    settings.durability = durability;
    if (state.exec) exec_set_default_durability(state.exec, default_durability());
    return true;
}

static const struct config_choice durabilities[] = {{"none", DURABILITY_NONE},
                                                    {"everysec", DURABILITY_EVERYSEC},
                                                    {"always", DURABILITY_ALWAYS},
                                                    {NULL, 0}};
static const struct config_choice fsyncs[] = {{"everysec", DURABILITY_EVERYSEC},
                                              {"always", DURABILITY_ALWAYS},
                                              {"no", DURABILITY_NONE},
                                              {NULL, 0}};

static const struct config_choice *choose(const struct config_choice *choices, struct bytes word) {
    for (; choices->name; choices++)
        if (bytes_is(word, choices->name)) return choices;
    return NULL;
}

static const char *name_of(const struct config_choice *choices, int64_t value) {
    while (choices->value != value)
        choices++;
    return choices->name;
}

static bool set_durability_word(const struct config_row *row, const struct bytes *words,
                                unsigned count, struct buffer *error) {
    const struct config_choice *choice = choose(durabilities, words[0]);
    if (choice) return set_durability(choice->value, error);
    buffer_printf(error, "argument(s) must be one of the following: none, everysec, always");
    return false;
}

static void get_durability(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, "%s", name_of(durabilities, settings.durability));
}

/* What the field's `appendfsync no` asks for is less than everysec gives. */
static int64_t with_journal(void) {
    return settings.appendfsync == DURABILITY_ALWAYS ? DURABILITY_ALWAYS : DURABILITY_EVERYSEC;
}

static bool set_appendonly(const struct config_row *row, const struct bytes *words, unsigned count,
                           struct buffer *error) {
    bool yes = bytes_is(words[0], "yes");
    if (!yes && !bytes_is(words[0], "no")) {
        buffer_printf(error, "argument must be 'yes' or 'no'");
        return false;
    }
    if (!yes) return set_durability(DURABILITY_NONE, error);
    return settings.durability != DURABILITY_NONE || set_durability(with_journal(), error);
}

static void get_appendonly(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, settings.durability == DURABILITY_NONE ? "no" : "yes");
}

static bool set_appendfsync(const struct config_row *row, const struct bytes *words, unsigned count,
                            struct buffer *error) {
    const struct config_choice *choice = choose(fsyncs, words[0]);
    if (!choice) {
        buffer_printf(error, "argument(s) must be one of the following: everysec, always, no");
        return false;
    }
    settings.appendfsync = choice->value;
    return settings.durability == DURABILITY_NONE || set_durability(with_journal(), error);
}

static void get_appendfsync(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, "%s", name_of(fsyncs, settings.appendfsync));
}

static const struct config_row rows[] = {
    {.name = "home",
     .type = CONFIG_TEXT,
     .flags = CONFIG_IMMUTABLE,
     .value = &settings.url,
     .initial = "dir:./strata-data"},
    {.name = "appendfsync",
     .type = CONFIG_SPECIAL,
     .initial = "everysec",
     .set = set_appendfsync,
     .get = get_appendfsync},
    {.name = "appendonly",
     .type = CONFIG_SPECIAL,
     .initial = "yes",
     .set = set_appendonly,
     .get = get_appendonly},
    {.name = "durability",
     .type = CONFIG_SPECIAL,
     .initial = "everysec",
     .set = set_durability_word,
     .get = get_durability},
    {NULL},
};

void keep_register(void) {
    config_register(rows);
}

/* ---- what exec wants to know ---- */

static uint64_t end_unit(void *context, int64_t now_ms) {
    return journal_end_unit(context, now_ms);
}

static size_t mark_unit(void *context) {
    return journal_mark(context);
}

static void rewind_unit(void *context, size_t mark, bool going_back) {
    journal_rewind(context, mark, going_back);
}

static uint64_t unit_of_partition(void *context, unsigned partition) {
    return journal_partition(context, partition);
}

static uint64_t last_unit(void *context) {
    return journal_last(context);
}

static uint64_t durable_unit(void *context) {
    return journal_durable(context);
}

static void want_unit(void *context, uint64_t unit) {
    journal_want(context, unit);
}

static bool wake_writer(void *context) {
    return journal_wake(context);
}

static bool is_behind(void *context) {
    return journal_is_behind(context);
}

static void abandon(void *context) {
    journal_abandon(context);
}

static struct durability_service service = {
    .partition = unit_of_partition,
    .last = last_unit,
    .durable = durable_unit,
    .want = want_unit,
    .wake = wake_writer,
    .is_behind = is_behind,
    .abandon = abandon,
};

static void durable(void *context, uint64_t unit) {
    exec_durable(context, unit);
}

#define MISCONF "MISCONF Errors writing to the AOF file"

static void failed(void *context, int error) {
    const char *refusal = error ? MISCONF : NULL;
    switch (-error) {
    case EACCES: refusal = MISCONF ": Permission denied"; break;
    case EDQUOT: refusal = MISCONF ": Disk quota exceeded"; break;
    case EIO: refusal = MISCONF ": Input/output error"; break;
    case ENOENT: refusal = MISCONF ": No such file or directory"; break;
    case ENOSPC: refusal = MISCONF ": No space left on device"; break;
    case EROFS: refusal = MISCONF ": Read-only file system"; break;
    }
    exec_refuse_writes(REFUSAL_JOURNAL, refusal);
}

/* ---- INFO ---- */

/* What the field calls its AOF is the journal here; rewriting it is taking a snapshot. */
static void write_field(const struct journal_status *s, const struct keep_snapshot *latest,
                        struct buffer *out) {
    buffer_printf(out,
                  "aof_enabled:%d\r\n"
                  "aof_last_write_status:%s\r\n"
                  "aof_last_cow_size:0\r\n"
                  "module_fork_in_progress:0\r\n"
                  "module_fork_last_cow_size:0\r\n"
                  "slot_migration_fork_in_progress:0\r\n",
                  keep_journal() != NULL, s->error ? "err" : "ok");
    if (!keep_journal()) return;
    buffer_printf(out,
                  "aof_current_size:%llu\r\n"
                  "aof_base_size:%llu\r\n"
                  "aof_pending_rewrite:0\r\n"
                  "aof_buffer_length:%llu\r\n"
                  "aof_pending_bio_fsync:%d\r\n"
                  "aof_delayed_fsync:%llu\r\n",
                  (ull)journal_bytes(state.journal), (ull)latest->size, (ull)s->queued_bytes,
                  s->lag_us > 0, (ull)s->failures);
}

static void write_info(struct exec *exec, struct buffer *out, void *context) {
    struct journal_status s = {0};
    struct keep_snapshot latest = {0};
    if (keep_journal()) s = journal_status(state.journal);
    if (state.home) keep_newest_snapshot(&latest);
    write_field(&s, &latest, out);
    buffer_printf(out, "home:%s\r\ndurability:%s\r\nlatest_snapshot:%s\r\n", settings.url,
                  name_of(durabilities, settings.durability), latest.name);
    if (!keep_journal()) return;
    buffer_printf(out,
                  "journal_sequence:%llu\r\n"
                  "journal_durable_sequence:%llu\r\n"
                  "journal_lag_ms:%lld\r\n"
                  "journal_behind:%d\r\n"
                  "journal_written_bytes:%llu\r\n"
                  "journal_segment_bytes:%llu\r\n"
                  "journal_segments_begun:%llu\r\n"
                  "journal_syncs:%llu\r\n"
                  "journal_last_sync_usec:%lld\r\n"
                  "journal_write_failures:%llu\r\n",
                  (ull)s.last, (ull)s.durable, (long long)s.lag_us / 1000,
                  journal_is_behind(state.journal), (ull)s.written_bytes, (ull)s.segment_bytes,
                  (ull)s.segments, (ull)s.syncs, (long long)s.last_sync_us, (ull)s.failures);
}

/* ---- the journal ---- */

static bool create_journal(void) {
    struct keyspace *keyspace = exec_keyspace(state.exec);
    state.journal = journal_create(&(struct journal_options){.home = state.home,
                                                             .keyspace = keyspace,
                                                             .durable = durable,
                                                             .failed = failed,
                                                             .context = state.exec});
    if (!state.journal) return false;
    keyspace_on_unit_end(keyspace, end_unit, state.journal);
    keyspace_on_unit_rewind(keyspace, mark_unit, rewind_unit);
    service.context = state.journal;
    return true;
}

/* It has the units from `first` on. */
static bool start_journal(uint64_t first, struct buffer *error) {
    int status = journal_start(state.journal, first);
    if (status) {
        buffer_printf(error, "the journal cannot start: %s", strerror(-status));
        return false;
    }
    exec_set_durability(state.exec, &service);
    library_keep(state.journal);
    return true;
}

static bool begin_journal(struct buffer *error) {
    if (!state.home || (!state.journal && !create_journal())) {
        buffer_printf(error, state.home ? "there is no memory for a journal"
                                        : "a journal needs a home: start the server with one");
        return false;
    }
    uint64_t base = state.sequence + 1;
    journal_hold(state.journal, true);
    if (!start_journal(base + 1, error)) {
        journal_hold(state.journal, false);
        return false;
    }
    state.base = base;
    log_notice("A journal begins; it counts as soon as there is a snapshot of what there is now");
    if (state.begun) state.begun(state.begun_context);
    return true;
}

/* Replies that wait for it go out. */
static void end_journal(void) {
    bool held = state.base != 0;
    if (!journal_stop(state.journal) && !held)
        log_warning("The journal ends without the last changes: %s",
                    strerror(-journal_status(state.journal).error));
    log_notice("There is no journal any more: only snapshots keep what changes");
    state.base = 0;
    state.sequence = journal_last(state.journal);
    exec_set_durability(state.exec, NULL);
    exec_refuse_writes(REFUSAL_JOURNAL, NULL);
    exec_durable(state.exec, state.sequence);
}

bool keep_awaits_snapshot(void) {
    return state.base != 0;
}

void keep_on_begin(void (*begun)(void *context), void *context) {
    state.begun = begun;
    state.begun_context = context;
}

static void let_journal_count(struct gate *gate, unsigned participant, uint64_t sequence) {
    gate_exclusive_begin(gate, participant);
    if (state.base && sequence >= state.base) {
        state.base = 0;
        journal_hold(state.journal, false);
        exec_set_default_durability(state.exec, default_durability());
        log_notice("The journal counts from unit %llu on", (ull)sequence + 1);
    }
    gate_exclusive_end(gate, participant);
}

/* ---- opening ---- */

bool keep_open(struct exec *exec, struct buffer *error) {
    exec_set_default_durability(exec, DURABILITY_NONE);
    state.exec = exec;
    info_register(exec, "Persistence", INFO_DEFAULT, write_info, NULL);
    if (!keep_is_wanted()) {
        settings.durability = DURABILITY_NONE;
        state.serving = true;
        return true;
    }
    state.home = home_open(settings.url, HOME_USE, error);
    if (!state.home) return false;
    exec_set_loading(exec, true);
    if (settings.durability == DURABILITY_NONE) return true;
    ensure(create_journal());
    return true;
}

bool keep_begin(uint64_t sequence, struct buffer *error) {
    state.sequence = sequence;
    if (state.journal && !start_journal(sequence + 1, error)) return false;
    exec_set_default_durability(state.exec, default_durability());
    exec_set_loading(state.exec, false);
    state.serving = true;
    return true;
}

void keep_close(void) {
    if (keep_journal() && !state.base && !journal_stop(state.journal))
        log_warning("The last changes could not be written to the journal: %s",
                    strerror(-journal_status(state.journal).error));
    journal_free(state.journal);
    home_close(state.home);
    state.journal = NULL;
    state.home = NULL;
}

/* ---- snapshots ---- */

void keep_snapshot_name(char *out, size_t size, uint64_t sequence) {
    snprintf(out, size, KEEP_SNAPSHOTS "%020llu.rdb", (unsigned long long)sequence);
}

bool keep_snapshot_name_read(const char *name, uint64_t *sequence) {
    char expected[HOME_NAME_MAX];
    uint64_t number = strtoull(name + strlen(KEEP_SNAPSHOTS), NULL, 10);
    keep_snapshot_name(expected, sizeof expected, number);
    if (strcmp(name, expected) != 0) return false;
    *sequence = number;
    return true;
}

/* They come in the order of their numbers. */
static void note_snapshot(void *context, const char *name, uint64_t size) {
    struct keep_snapshot *newest = context;
    if (!keep_snapshot_name_read(name, &newest->sequence)) return;
    snprintf(newest->name, sizeof newest->name, "%s", name);
    newest->size = size;
}

int keep_newest_snapshot(struct keep_snapshot *out) {
    *out = (struct keep_snapshot){0};
    return home_list(state.home, KEEP_SNAPSHOTS, note_snapshot, out);
}

/* Those whose name comes before the newest one's. */
static void delete_older(void *context, const char *name, uint64_t size) {
    if (strcmp(name, context) >= 0) return;
    int status = home_delete(state.home, name);
    if (status) log_warning("%s cannot be deleted: %s", name, strerror(-status));
}

static void forget_covered(uint64_t sequence, bool has_journal) {
    char newest[HOME_NAME_MAX];
    keep_snapshot_name(newest, sizeof newest, sequence);
    home_list(state.home, KEEP_SNAPSHOTS, delete_older, newest);
    int status = has_journal ? journal_forget(state.journal, sequence) : 0;
    if (status < 0)
        log_warning("Old segments of the journal cannot be deleted: %s", strerror(-status));
}

void keep_saved(uint64_t sequence, unsigned participant) {
    struct gate *gate = exec_gate(state.exec);
    if (!state.home) return;
    gate_enter(gate, participant); /* so that no directive changes */
    bool has_journal = keep_journal() != NULL;
    if (keep_awaits_snapshot()) let_journal_count(gate, participant, sequence);
    gate_leave(gate, participant);
    forget_covered(sequence, has_journal);
}
