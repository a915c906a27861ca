/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands on streams share. */
#pragma once

#include "base/number.h"
#include "exec/call.h"
#include "value/stream.h"
#include "value/stream_group.h"

/* ---- keys ---- */

/* Looks up a stream for reading, and counts a hit or a miss; *out is NULL when the key does not
 * exist. False: it is something else, and that has been answered. */
bool stream_read(struct call *call, const struct key *key, struct stream **out);

/* The same for changing it; the second one counts as reading does. */
bool stream_seek_key(struct call *call, const struct key *key, struct spot *spot,
                     struct stream **out);
bool stream_seek_read(struct call *call, const struct key *key, struct spot *spot,
                      struct stream **out);

/* The group of the second and third argument for changing it. False: there is none or no stream,
 * and that has been answered. */
bool stream_seek_group(struct call *call, struct spot *spot, struct stream **stream,
                       struct stream_group **group);

void stream_reply_no_group(struct call *call, struct bytes key, struct bytes group);

/* Words of a deterministic command. */
struct stream_words {
    struct bytes *argv;
    unsigned argc;
    size_t used; /* bytes of text */
    char *text;
};

/* ---- arguments ---- */

/* Each false: it is none, and that has been answered. */
bool stream_parse_id(struct call *call, struct bytes text, struct stream_id *out);
bool stream_parse_integer(struct call *call, struct bytes text, int64_t *out);

/* The ends of an interval: "-", "+", IDs, and those with "(" in front are not in it. */
bool stream_parse_start(struct call *call, struct bytes text, struct stream_id *out);
bool stream_parse_end(struct call *call, struct bytes text, struct stream_id *out);

/* Room for so many IDs in memory of this thread, which stays until the next call of this function
 * or the one below. NULL: no memory, and that has been answered. */
struct stream_id *stream_ids_room(struct call *call, unsigned count);

/* `count` arguments as IDs. NULL: one is none, and that has been answered. */
struct stream_id *stream_parse_ids(struct call *call, unsigned first, unsigned count);

/* What becomes of what groups know of an entry that is removed. */
enum stream_references {
    STREAM_KEEP_REFERENCES,  /* what is pending stays so */
    STREAM_DROP_REFERENCES,  /* it is acknowledged in all groups */
    STREAM_NEED_NO_REFERENCE /* what somebody has still to read or acknowledge is not removed */
};

/* KEEPREF, DELREF and ACKED. False: it is none of them. */
bool stream_parse_references(struct bytes word, enum stream_references *out);

/* MAXLEN and MINID with what belongs to them, in XADD with the ID too. */
struct stream_options {
    struct stream_trim trim;
    enum stream_references references;
    bool no_create;
    bool id_given, any_sequence; /* "5-*" */
    struct stream_id id;
    unsigned end; /* the first argument that is no option; of XADD: the ID */
};

/* From argv[2] on. */
bool stream_parse_options(struct call *call, bool adding, struct stream_options *out);

/* Trims as the options say, and returns how many entries went; then the words, which have room for
 * STREAM_TRIM_WORDS, tell how. */
#define STREAM_TRIM_WORDS 4u
uint64_t stream_trim_by(struct stream *stream, const struct stream_options *options,
                        struct stream_words *words);

/* ---- replies ---- */

void stream_reply_id(struct reply *reply, struct stream_id id);

/* The entry that the cursor is at: its ID, its fields and their values. */
void stream_reply_entry(struct reply *reply, const struct stream_cursor *cursor);

/* The entry of this ID; false: there is none, nothing has been answered. */
bool stream_reply_entry_of(struct reply *reply, struct stream *stream, struct stream_id id);

/* An array of at most `count` (0 = all) entries. */
void stream_reply_range(struct reply *reply, struct stream_cursor *cursor, uint64_t count);

/* The same of the entries from `first` to `last`, `reverse`: from `last` down, as the end of the
 * call's reply: many of them come in pieces. */
struct stream_interval {
    struct stream_id first, last;
    uint64_t count;
    bool reverse;
};
void stream_show(struct call *call, struct stream *stream, const struct stream_interval *shown);

/* May so many entries come in pieces? What they are about is in *bytes. */
bool stream_may_be_long(const struct call *call, const struct stream *stream, uint64_t count,
                        size_t *bytes);

/* ---- telling of changes ---- */

/* Words of this thread's, with room for so many that are copied; valid until the next call. False:
 * no memory, and that has been answered. */
#define STREAM_WORD_MAX STREAM_ID_TEXT_MAX
bool stream_words_begin(struct call *call, struct stream_words *words, unsigned count);

static inline void stream_word(struct stream_words *words, struct bytes word) {
    words->argv[words->argc++] = word;
}
void stream_word_id(struct stream_words *words, struct stream_id id);
void stream_word_integer(struct stream_words *words, int64_t number);

/* The stream at the spot has been edited so; `event` may be NULL. */
void stream_edited(struct call *call, struct spot *spot, const char *event,
                   const struct stream_words *words);

/* An edit that the command itself repeats. */
void stream_edited_as_called(struct call *call, struct spot *spot, const char *event);

/* As commands: who has this pending entry; that it is no longer pending; how far the group has
 * read.
 */
void stream_tell_claimed(struct call *call, struct spot *spot, struct stream_group *group,
                         const struct stream_pending *pending);
void stream_tell_acknowledged(struct call *call, struct spot *spot, struct stream_group *group,
                              struct stream_id id);
void stream_tell_progress(struct call *call, struct spot *spot, struct stream_group *group);

/* Finds the consumer or makes it, which is told. NULL: no memory. */
struct stream_consumer *stream_need_consumer(struct call *call, struct spot *spot,
                                             struct stream_group *group, struct bytes name);
