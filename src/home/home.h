/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The home: where the server's data lives while the server does not run. Objects with names, behind
 * a URL that the user gives:
 *
 *     dir:PATH      files below a directory
 *
 * Five operations, which every kind of store has: put_new, put, get, list, delete. put_new is the
 * fence: of two that want to make the same object, one fails. Beside them, a writer makes an object
 * from piece to piece.
 *
 * Names are parts of letters, digits, '.', '-' and '_', joined by '/'; no part begins with a dot.
 *
 * Results are 0 or a count, or a negative errno. When a function that changes something returns 0,
 * what it did is durable; when it fails, it may or may not have been done. Any thread may call; an
 * object is written by one thread at a time.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct home;
struct home_writer;

#define HOME_NAME_MAX 128

/* HOME_USE makes the home when it is not there, and holds its lock: nobody else can use it until it
 * is closed. HOME_LOOK only reads, and asks for no lock. */
enum home_mode { HOME_USE, HOME_LOOK };

/* NULL: `error` says why, in words for people. */
struct home *home_open(const char *url, enum home_mode mode, struct buffer *error);
void home_close(struct home *home);

/* ---- the five operations ---- */

/* -EEXIST: there is an object of this name; it stays as it is. */
int home_put_new(struct home *home, const char *name, struct bytes content);

/* Makes or replaces: readers find the old content or all of the new. */
int home_put(struct home *home, const char *name, struct bytes content);

/* Reads up to `size` bytes from `offset` on; fewer only at the end. -ENOENT. */
ssize_t home_get(struct home *home, const char *name, uint64_t offset, void *out, size_t size);

/* Calls `fn` for each object whose name begins with `folder`, which ends in '/', in the order of
 * names. */
typedef void home_lister(void *context, const char *name, uint64_t size);
int home_list(struct home *home, const char *folder, home_lister *fn, void *context);

/* -ENOENT: there is none. */
int home_delete(struct home *home, const char *name);

/* ---- writers ---- */

/* A writer of a new object that readers see while it grows. It begins with `start`, and is there
 * durably when this returns. Zeros may stand behind what has been written, until the writer is
 * closed; for good, if it never is. NULL and *error: as home_put_new. */
struct home_writer *home_append_new(struct home *home, const char *name, struct bytes start,
                                    int *error);

/* A writer of an object that nobody sees, and that has no name, before home_writer_publish. */
struct home_writer *home_create(struct home *home, int *error);

/* Adds the parts (which are consumed), in order. `sync`: and does what home_writer_sync does, for
 * less than the two together. After an error nothing is known of what has been written since the
 * last sync. */
int home_writer_write(struct home_writer *writer, struct iovec *parts, int count, bool sync);

/* Of home_create, now and then, for a long object: what has been written (`written` bytes) goes to
 * the disk bit by bit, for which this waits. Others may write meanwhile, and do not. An error is
 * one of writing. */
int home_writer_flow(struct home_writer *writer, uint64_t written);

/* What has been written is durable. After an error it is not known which of it is, and trying again
 * tells nothing: the object is to be given up. */
int home_writer_sync(struct home_writer *writer);

/* Of home_append_new, now and then when nothing is to be written: gets ready for what comes. */
void home_writer_prepare(struct home_writer *writer);

/* Of home_create: makes all of it durable and the object of this name, replacing another. The
 * writer is closed in either case. */
int home_writer_publish(struct home_writer *writer, const char *name);

/* Of home_append_new: closes the writer, the object stays. Of home_create: drops it. */
void home_writer_close(struct home_writer *writer);

/* Makes durable what somebody wrote before with home_append_new, and did not sync. */
int home_sync(struct home *home, const char *name);
