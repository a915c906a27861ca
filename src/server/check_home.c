/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/check_home.h"
#include "base/ensure.h"
#include "home/home.h"
#include "journal/reader.h"
#include "journal/record.h"
#include "server/check_data.h"
#include "server/keep.h"
#include "sys/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASIDE "aside/"

typedef unsigned long long ull;

struct check {
    struct home *home;
    struct segment_list list;
    struct journal_reader reader;
    char snapshot[HOME_NAME_MAX]; /* the newest; "" = there is none */
    uint64_t snapshot_size;
    uint64_t covered; /* the last unit that is in it */
    uint64_t frames, units, records;
    bool newest_is_missing; /* the last segment, or its name; what is there may be good */
    int64_t now_ms;         /* names what is put aside */
};

static void note_snapshot(void *context, const char *name, uint64_t size) {
    struct check *check = context;
    if (!keep_snapshot_name_read(name, &check->covered)) return;
    snprintf(check->snapshot, sizeof check->snapshot, "%s", name);
    check->snapshot_size = size;
    printf("%s: %llu bytes, stands for all up to change %llu\n", name, (ull)size,
           (ull)check->covered);
}

/* ---- reading ---- */

static bool unit_makes_sense(struct check *check, const struct unit *unit) {
    struct bytes left = unit->records;
    while (left.len) {
        struct record record;
        if (!record_read(&left, &record)) return false;
        check->records++;
    }
    check->units++;
    return true;
}

static bool frame_makes_sense(struct check *check, const struct frame *frame) {
    struct bytes left = frame->units;
    for (uint64_t i = 0; i < frame->head.count; i++) {
        struct unit unit;
        if (!unit_read(&left, &unit) || !unit_makes_sense(check, &unit)) return false;
    }
    check->frames++;
    return left.len == 0;
}

static bool begin(struct check *check) {
    return journal_reader_begin(&check->reader, check->home, &check->list, check->covered);
}

static enum reader_result read_journal(struct check *check) {
    struct segment_list *list = &check->list;
    struct frame frame;
    enum reader_result result;
    if (list->newest_is_damaged) {
        check->newest_is_missing = true;
        printf(JOURNAL_NEWEST ": is damaged; it names no segment\n");
        list->newest_is_damaged = false;
        list->newest = 0;
    }
    if (list->newest > check->covered &&
        (!list->count || list->items[list->count - 1].first < list->newest)) {
        check->newest_is_missing = true;
        printf("journal: the last segment is missing, which begins with change %llu\n",
               (ull)list->newest);
        list->newest = 0;
    }
    if (!begin(check)) return check->reader.is_unreadable ? READ_FAILED : READ_DAMAGED;
    while ((result = journal_reader_next(&check->reader, &frame)) == READ_FRAME) {
        if (frame_makes_sense(check, &frame)) continue;
        buffer_printf(&check->reader.error, "before offset %llu: bytes that are no changes",
                      (ull)check->reader.offset);
        return READ_DAMAGED;
    }
    return result;
}

static void print_journal(const struct check *check, enum reader_result result) {
    const struct journal_reader *reader = &check->reader;
    printf("journal: %zu segments, %llu frames, %llu changes, %llu records read, up to change "
           "%llu\n",
           check->list.count, (ull)check->frames, (ull)check->units, (ull)check->records,
           (ull)reader->next - 1);
    if (result == READ_TORN)
        printf("journal: ends at offset %llu in the middle of a frame, as after a crash; nothing "
               "that was durable is lost\n",
               (ull)reader->offset);
    if (result == READ_DAMAGED || result == READ_FAILED)
        printf("journal: %.*s\n", (int)reader->error.len, reader->error.data);
}

/* ---- repairing ---- */

static int read_object(struct home *home, const char *name, uint64_t size, struct buffer *out) {
    if (!buffer_reserve(out, size + 1)) return -ENOMEM;
    ssize_t n = home_get(home, name, 0, out->data, size);
    if (n < 0) return (int)n;
    out->len = (size_t)n;
    return 0;
}

/* Copies a segment to aside/, and leaves of it what is before `keep`, or nothing. */
static int put_aside(struct check *check, const struct segment_at *segment, uint64_t keep) {
    char name[HOME_NAME_MAX], aside[HOME_NAME_MAX];
    struct buffer content = {0};
    segment_name(name, segment->first);
    snprintf(aside, sizeof aside, ASIDE "%lld/%020llu.log", (long long)check->now_ms,
             (ull)segment->first);
    int status = read_object(check->home, name, segment->size, &content);
    if (!status) status = home_put_new(check->home, aside, buffer_bytes(&content));
    if (!status && keep)
        status = home_put(check->home, name, bytes_make(content.data, keep));
    else if (!status)
        status = home_delete(check->home, name);
    if (!status && keep)
        printf("%s: kept up to offset %llu; all of it is in %s\n", name, (ull)keep, aside);
    else if (!status)
        printf("%s: moved to %s\n", name, aside);
    buffer_free(&content);
    return status;
}

/* `newest` names the last one that is left. */
static int rename_newest(struct check *check, size_t count) {
    char name[HOME_NAME_MAX];
    if (!count) {
        int status = home_delete(check->home, JOURNAL_NEWEST);
        return status == -ENOENT ? 0 : status;
    }
    segment_name(name, check->list.items[count - 1].first);
    return home_put(check->home, JOURNAL_NEWEST, bytes_of(name));
}

/* From the last on, so that whatever is left if this stops is a valid beginning and damage. */
static int repair(struct check *check) {
    const struct journal_reader *reader = &check->reader;
    uint64_t keep = reader->offset > SEGMENT_HEAD_SIZE ? reader->offset : 0;
    size_t kept = reader->at;
    int status = 0;
    for (size_t i = check->list.count; !status && i > reader->at + 1; i--)
        status = put_aside(check, &check->list.items[i - 1], 0);
    if (!status && reader->at < check->list.count) {
        status = put_aside(check, &check->list.items[reader->at], keep);
        kept += keep > 0;
    }
    return status ? status : rename_newest(check, kept);
}

/* Older segments, which the snapshot makes up for, may be damaged as well. */
static int repair_all(struct check *check, enum reader_result result) {
    int status = 0;
    while (!status && (result == READ_DAMAGED || check->newest_is_missing)) {
        status = result == READ_DAMAGED ? repair(check) : rename_newest(check, check->list.count);
        if (status) break;
        journal_reader_free(&check->reader);
        segment_list_free(&check->list);
        check->newest_is_missing = false;
        status = segment_list_read(check->home, &check->list);
        if (!status) result = read_journal(check);
    }
    return result == READ_FAILED ? -EIO : status;
}

/* ---- all of it ---- */

static int check_snapshot(const struct check *check, const char *url) {
    char path[PATH_MAX];
    if (!*check->snapshot) return 0;
    if (!check->snapshot_size) {
        printf("%s: is damaged at offset 0: it is empty\n", check->snapshot);
        return 1;
    }
    snprintf(path, sizeof path, "%s/%s", strchr(url, ':') + 1, check->snapshot);
    return check_data(path);
}

static int check_opened(struct check *check, const char *url, bool may_repair) {
    int status = home_list(check->home, KEEP_SNAPSHOTS, note_snapshot, check);
    if (!status) status = segment_list_read(check->home, &check->list);
    if (status) {
        printf("%s: %s cannot be read: %s\n", url,
               check->list.unreadable ? check->list.unreadable : KEEP_SNAPSHOTS, strerror(-status));
        return 2;
    }
    int snapshot = check_snapshot(check, url);
    enum reader_result result = read_journal(check);
    print_journal(check, result);
    bool bad = result == READ_DAMAGED || check->newest_is_missing;
    if (bad && may_repair) {
        status = repair_all(check, result);
        if (status) printf("%s: %s\n", url, strerror(-status));
        bad = status != 0;
    } else if (bad) {
        printf("strata check %s --repair keeps all up to change %llu and puts the rest aside\n",
               url, (ull)MAX(check->reader.next - 1, check->covered));
    }
    return result == READ_FAILED ? 2 : bad ? 1 : snapshot;
}

int check_home(const char *url, bool may_repair) {
    struct buffer error = {0};
    struct check check = {.now_ms = clock_wall_ms()};
    check.home = home_open(url, may_repair ? HOME_USE : HOME_LOOK, &error);
    if (!check.home) {
        fprintf(stderr, "strata: %.*s\n", (int)error.len, error.data);
        buffer_free(&error);
        return 2;
    }
    int result = check_opened(&check, url, may_repair);
    journal_reader_free(&check.reader);
    segment_list_free(&check.list);
    home_close(check.home);
    return result;
}
