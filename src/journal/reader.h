/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the journal back: the segments of a home in their order, frame by frame.
 *
 * What the end of the log may look like after a crash, and what it may not: the last segment may
 * end in the middle of a frame, or in bytes that are none, as long as nothing in it says that what
 * is missing was durable. Everything else that is not as the writer left it is damage.
 */
#pragma once

#include "base/buffer.h"
#include "journal/format.h"

/* The segments of a home, in order. */
struct segment_list {
    struct segment_at {
        uint64_t first, size;
    } * items;
    size_t count;
    uint64_t newest; /* the number of the one that `newest` names; 0: there is no such word */
    bool newest_is_damaged;
    const char *unreadable; /* of segment_list_read: what could not be read */
};

/* 0 or a negative errno. */
int segment_list_read(struct home *home, struct segment_list *list);
void segment_list_free(struct segment_list *list);

enum reader_result {
    READ_FRAME,
    READ_END,     /* of the log */
    READ_TORN,    /* of the log, and there is something torn behind it */
    READ_DAMAGED, /* where and what is in `error` */
    READ_FAILED   /* the home could not be read, or there is no memory: in `error` */
};

struct journal_reader {
    struct home *home;
    const struct segment_list *list;
    size_t at;            /* the segment */
    uint64_t offset;      /* in it, of the next frame */
    uint64_t next;        /* the number of the next unit */
    uint64_t until;       /* of this segment's successor; UINT64_MAX: it is the last one */
    uint64_t covered;     /* units up to this one are not asked for */
    uint64_t total, done; /* bytes of all segments that are needed; of those before this one */
    struct buffer window; /* bytes of the segment from `window_at` on */
    uint64_t window_at;
    struct buffer error;
    bool is_unreadable; /* after a failure: the home could not be read, so nothing is known */
};

/* Starts behind unit `covered`. False: what is needed is not there; reader->error says what. The
 * list is borrowed. */
bool journal_reader_begin(struct journal_reader *reader, struct home *home,
                          const struct segment_list *list, uint64_t covered);
void journal_reader_free(struct journal_reader *reader);

/* A frame that counts: of its units, the first `skip` do not. */
struct frame {
    struct frame_head head;
    uint64_t skip;
    uint64_t count; /* those from `count` on do not, either */
    struct bytes units;
};

/* The frame is valid until the next call. */
enum reader_result journal_reader_next(struct journal_reader *reader, struct frame *frame);

/* The name of the segment being read. */
void journal_reader_segment(const struct journal_reader *reader, char out[HOME_NAME_MAX]);
