/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. A frame is given only if its checksum is right and its first unit has the number that is
 *      next. (tests/unit/journal_log.c: every flipped bit, every cut)
 *   2. The log ends without an error only where nothing says that more was durable: no later frame
 *      says so, no later segment begins, and `newest` names none that is not there.
 *      (tests/unit/journal_log.c)
 *   3. Nothing outside of what was read is looked at, whatever the bytes are.
 *      (tests/fuzz/fuzz_journal.c)
 */
#include "journal/reader.h"
#include "base/ensure.h"
#include "sys/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WINDOW ((size_t)1 << 20)

typedef unsigned long long ull;

/* ---- the list ---- */

struct listing {
    struct segment_list *list;
    size_t capacity;
    bool no_memory;
};

static void note_segment(void *context, const char *name, uint64_t size) {
    struct listing *listing = context;
    struct segment_list *list = listing->list;
    uint64_t first;
    if (!segment_name_read(name, &first)) return;
    if (list->count == listing->capacity) {
        size_t capacity = MAX(listing->capacity * 2, (size_t)16);
        struct segment_at *items = memory_realloc(list->items, capacity * sizeof *items);
        listing->no_memory |= !items;
        if (!items) return;
        list->items = items;
        listing->capacity = capacity;
    }
    list->items[list->count++] = (struct segment_at){first, size};
}

static int read_newest(struct home *home, struct segment_list *list) {
    char name[HOME_NAME_MAX];
    ssize_t n = home_get(home, JOURNAL_NEWEST, 0, name, sizeof name - 1);
    if (n == -ENOENT) return 0;
    if (n < 0) {
        list->unreadable = JOURNAL_NEWEST;
        return (int)n;
    }
    name[n] = 0;
    list->newest_is_damaged = !segment_name_read(name, &list->newest);
    return 0;
}

int segment_list_read(struct home *home, struct segment_list *list) {
    struct listing listing = {.list = list};
    *list = (struct segment_list){.unreadable = JOURNAL_FOLDER};
    int error = home_list(home, JOURNAL_FOLDER, note_segment, &listing);
    if (!error && listing.no_memory) error = -ENOMEM;
    if (!error) error = read_newest(home, list);
    return error;
}

void segment_list_free(struct segment_list *list) {
    memory_free(list->items);
    list->items = NULL;
    list->count = 0;
}

/* ---- what is wrong ---- */

void journal_reader_segment(const struct journal_reader *reader, char out[HOME_NAME_MAX]) {
    *out = 0;
    if (reader->at < reader->list->count) segment_name(out, reader->list->items[reader->at].first);
}

static enum reader_result damaged(struct journal_reader *reader, const char *what) {
    char name[HOME_NAME_MAX];
    journal_reader_segment(reader, name);
    buffer_clear(&reader->error);
    buffer_printf(&reader->error, "%s is damaged at offset %llu, where change %llu should be: %s",
                  name, (ull)reader->offset, (ull)reader->next, what);
    return READ_DAMAGED;
}

static enum reader_result failed(struct journal_reader *reader, int error) {
    char name[HOME_NAME_MAX];
    journal_reader_segment(reader, name);
    buffer_clear(&reader->error);
    buffer_printf(&reader->error, "%s cannot be read: %s", name, strerror(-error));
    reader->is_unreadable = true;
    return READ_FAILED;
}

static enum reader_result missing(struct journal_reader *reader, uint64_t number) {
    char name[HOME_NAME_MAX];
    segment_name(name, number);
    buffer_clear(&reader->error);
    buffer_printf(&reader->error, "a part of the journal is missing: there is no %s", name);
    return READ_DAMAGED;
}

static void newest_is_damaged(struct journal_reader *reader) {
    buffer_printf(&reader->error,
                  JOURNAL_NEWEST " is damaged at offset 0: it names no segment of the journal");
}

/* ---- bytes ---- */

static uint64_t segment_size(const struct journal_reader *reader) {
    return reader->list->items[reader->at].size;
}

/* Bytes [offset, offset + size) of the segment, as far as there are that many. Valid until the next
 * call. Negative: an errno. */
static int look(struct journal_reader *reader, uint64_t offset, uint64_t size, struct bytes *out) {
    struct buffer *window = &reader->window;
    ensure(offset <= segment_size(reader));
    size = MIN(size, segment_size(reader) - offset);
    if (offset < reader->window_at || offset + size > reader->window_at + window->len) {
        char name[HOME_NAME_MAX];
        journal_reader_segment(reader, name);
        buffer_clear(window);
        size_t wanted = MIN(MAX(size, WINDOW), segment_size(reader) - offset);
        if (!buffer_reserve(window, wanted)) return -ENOMEM;
        ssize_t n = home_get(reader->home, name, offset, window->data, wanted);
        if (n < 0) return (int)n;
        window->len = (size_t)n;
        reader->window_at = offset;
    }
    struct bytes all = bytes_skip(buffer_bytes(window), offset - reader->window_at);
    *out = bytes_make(all.data, MIN(all.len, size));
    return 0;
}

/* ---- segments ---- */

static enum reader_result open_segment(struct journal_reader *reader) {
    const struct segment_at *item = &reader->list->items[reader->at];
    bool is_last = reader->at + 1 == reader->list->count;
    struct segment_head head;
    struct bytes bytes;
    reader->offset = 0;
    reader->window.len = 0;
    reader->until = is_last ? UINT64_MAX : item[1].first;
    int error = look(reader, 0, SEGMENT_HEAD_SIZE, &bytes);
    if (error) return failed(reader, error);
    const char *wrong = segment_head_read(bytes, &head);
    if (!wrong && head.first != item->first) wrong = "it was renamed";
    if (wrong) return damaged(reader, wrong);
    reader->offset = SEGMENT_HEAD_SIZE;
    return READ_FRAME;
}

/* The last segment that begins at or before `number`. False: there is none. */
static bool find_segment(struct journal_reader *reader, uint64_t number) {
    const struct segment_list *list = reader->list;
    size_t at = list->count;
    while (at && list->items[at - 1].first > number)
        at--;
    if (!at) return false;
    reader->at = at - 1;
    return true;
}

bool journal_reader_begin(struct journal_reader *reader, struct home *home,
                          const struct segment_list *list, uint64_t covered) {
    *reader = (struct journal_reader){.home = home, .list = list, .next = covered + 1};
    const struct segment_at *last = list->count ? &list->items[list->count - 1] : NULL;
    if (list->newest_is_damaged) {
        newest_is_damaged(reader);
        return false;
    }
    if (list->newest && (!last || last->first < list->newest) && list->newest > covered) {
        missing(reader, list->newest);
        return false;
    }
    if (!list->count) {
        reader->at = 0;
        return true;
    }
    if (!find_segment(reader, covered + 1)) {
        missing(reader, covered + 1);
        return false;
    }
    for (size_t i = reader->at; i < list->count; i++)
        reader->total += list->items[i].size;
    reader->next = list->items[reader->at].first;
    bool good = open_segment(reader) == READ_FRAME;
    /* What the snapshot has is read, too, and checked; it is not given. */
    if (good) reader->covered = covered;
    return good;
}

void journal_reader_free(struct journal_reader *reader) {
    buffer_free(&reader->window);
    buffer_free(&reader->error);
}

/* ---- the end ---- */

/* Is there a frame behind the damage that says that units from `next` on were durable? */
static enum reader_result look_behind(struct journal_reader *reader, struct bytes rest,
                                      const char *what) {
    static const uint32_t mark = FRAME_MARK;
    while (rest.len > FRAME_HEAD_SIZE) {
        rest = bytes_skip(rest, 1);
        const char *found = memmem(rest.data, rest.len, &mark, sizeof mark);
        if (!found) break;
        rest = bytes_skip(rest, (size_t)(found - rest.data));
        struct frame_head head;
        if (!frame_head_read(rest, &head) || head.length > rest.len - FRAME_HEAD_SIZE) continue;
        if (head.durable < reader->next || head.first <= head.durable) continue;
        if (frame_is_whole(bytes_make(rest.data, FRAME_HEAD_SIZE + head.length)))
            return damaged(reader, what);
    }
    return READ_TORN;
}

/* Has nothing been written from the offset on? */
static bool is_blank(struct bytes rest) {
    return !rest.len || (!*rest.data && !memcmp(rest.data, rest.data + 1, rest.len - 1));
}

/* Something that is no frame stands at the offset. */
static enum reader_result bad_frame(struct journal_reader *reader, const char *what) {
    struct bytes rest;
    if (reader->next >= reader->until) return READ_END;
    if (reader->until != UINT64_MAX) return damaged(reader, what);
    int error = look(reader, reader->offset, segment_size(reader) - reader->offset, &rest);
    if (error) return failed(reader, error);
    return is_blank(rest) ? READ_END : look_behind(reader, rest, what);
}

/* ---- frames ---- */

/* The frame at the offset; READ_END at the end of what counts in the segment. */
static enum reader_result read_frame(struct journal_reader *reader, struct frame *frame) {
    struct bytes bytes;
    uint64_t left = segment_size(reader) - reader->offset;
    if (!left || reader->next >= reader->until)
        return reader->next >= reader->until || reader->until == UINT64_MAX
                   ? READ_END
                   : damaged(reader, "the segment ends too early");
    int error = look(reader, reader->offset, FRAME_HEAD_SIZE, &bytes);
    if (error) return failed(reader, error);
    if (!frame_head_read(bytes, &frame->head)) return bad_frame(reader, "no frame begins there");
    if (frame->head.length > left - FRAME_HEAD_SIZE)
        return bad_frame(reader, "the frame is longer than what is left");
    error = look(reader, reader->offset, FRAME_HEAD_SIZE + frame->head.length, &bytes);
    if (error) return failed(reader, error);
    if (bytes.len < FRAME_HEAD_SIZE + frame->head.length || !frame_is_whole(bytes))
        return bad_frame(reader, "the frame's checksum is wrong");
    if (frame->head.first != reader->next) return damaged(reader, "another change is there");
    frame->units = bytes_skip(bytes, FRAME_HEAD_SIZE);
    return READ_FRAME;
}

static enum reader_result next_segment(struct journal_reader *reader) {
    reader->done += segment_size(reader);
    reader->at++;
    return open_segment(reader);
}

enum reader_result journal_reader_next(struct journal_reader *reader, struct frame *frame) {
    if (reader->at >= reader->list->count) return READ_END;
    for (;;) {
        enum reader_result result = read_frame(reader, frame);
        if (result == READ_END && reader->until != UINT64_MAX) {
            result = next_segment(reader);
            if (result == READ_FRAME) continue;
        }
        if (result != READ_FRAME) return result;
        uint64_t begin = frame->head.first, end = begin + frame->head.count;
        frame->skip = reader->covered >= begin ? MIN(reader->covered + 1, end) - begin : 0;
        frame->count = MIN(end, reader->until) - begin;
        reader->offset += FRAME_HEAD_SIZE + frame->head.length;
        reader->next = MIN(end, reader->until);
        if (frame->count > frame->skip) return READ_FRAME;
    }
}
