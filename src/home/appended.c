/* SPDX-License-Identifier: BSD-3-Clause */
#include "home/appended.h"
#include "base/ensure.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK   ((size_t)4096)       /* a disk wants no larger ones, nor other places in memory */
#define BLOCKS  ((size_t)65 * BLOCK) /* are put together at most */
#define STRETCH ((uint64_t)1 << 20)  /* leaves the page cache at once; is the least room */
#define ROOM    (2 * STRETCH)
#define OFTEN   8 /* syncs in a stretch */

static uint64_t whole_blocks(uint64_t size) {
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

int appended_open(struct appended *file, const char *path, uint64_t end) {
    *file = (struct appended){.fd = file_open(path, O_RDWR, 0), .end = end};
    if (file->fd < 0) return file->fd;
    return lseek(file->fd, (off_t)end, SEEK_SET) < 0 ? -errno : 0;
}

void appended_close(struct appended *file) {
    if (file->fd < 0) return;
    if (file->room_end > file->end) file_truncate(file->fd, (off_t)file->end);
    file_close(file->fd);
    memory_free(file->blocks);
}

/* ---- syncs ---- */

static int note_sync(struct appended *file) {
    file->syncs++;
    file->is_dirty = false;
    return file_has_name(file->fd) ? 0 : -ENOENT;
}

int appended_sync(struct appended *file) {
    int error = file_sync_data(file->fd);
    return error ? error : note_sync(file);
}

/* ---- blocks ---- */

/* Without memory, all stays as it is. */
static void begin_blocks(struct appended *file) {
    size_t begun = file->end % BLOCK;
    char *blocks = memory_alloc_aligned(BLOCK, BLOCKS);
    if (!blocks) return;
    off_t at = (off_t)(file->end - begun);
    if (file_pread_full(file->fd, blocks, begun, at) != (ssize_t)begun) {
        memory_free(blocks);
        return;
    }
    file->blocks = blocks;
    file->is_direct = file_set_direct(file->fd, true) == 0;
}

/* A write that syncs need bring nothing but itself to the disk, so it has to be all there is. */
static int put(struct appended *file, const char *blocks, size_t size, uint64_t offset, bool sync) {
    struct bytes piece = bytes_make(blocks, size);
    bool at_once = sync && file->is_direct && !file->is_dirty;
    int error = at_once ? file_pwrite_synced(file->fd, piece, (off_t)offset)
                        : file_pwrite_full(file->fd, piece, (off_t)offset);
    if (error == -EINVAL && file->is_direct) {
        file->is_direct = false;
        error = file_set_direct(file->fd, false);
        return error ? error : put(file, blocks, size, offset, sync);
    }
    file->is_dirty |= !sync;
    return error || !sync || at_once ? error : file_sync_data(file->fd);
}

/* If it fails, there are fewer zeros. The blocks behind the first are free. */
static void make_room(struct appended *file) {
    char *zeros = file->blocks + BLOCK;
    size_t size = BLOCKS - BLOCK;
    uint64_t from = MAX(whole_blocks(file->end), file->room_end), until = file->end + ROOM;
    memset(zeros, 0, size);
    for (uint64_t at = from; at < until; at = file->room_end = at + size)
        if (put(file, zeros, size, at, false)) return;
}

/* Puts the blocks that `filled` bytes are in at `at`; the last one, unless it is full, becomes the
 * first. */
static int put_filled(struct appended *file, uint64_t at, size_t filled, bool sync) {
    size_t size = whole_blocks(filled), rest = filled % BLOCK;
    memset(file->blocks + filled, 0, size - filled);
    int error = put(file, file->blocks, size, at, sync);
    if (filled > rest) memcpy(file->blocks, file->blocks + filled - rest, rest);
    file->room_end = MAX(file->room_end, at + size);
    return error;
}

static int write_blocks(struct appended *file, const struct iovec *parts, int count, bool sync) {
    size_t filled = file->end % BLOCK;
    uint64_t at = file->end - filled;
    for (int i = 0; i < count; i++) {
        struct bytes part = bytes_make(parts[i].iov_base, parts[i].iov_len);
        while (part.len) {
            if (filled == BLOCKS) {
                int error = put_filled(file, at, filled, false);
                if (error) return error;
                at += filled;
                filled = 0;
            }
            size_t n = MIN(part.len, BLOCKS - filled);
            memcpy(file->blocks + filled, part.data, n);
            filled += n;
            part = bytes_skip(part, n);
        }
    }
    return put_filled(file, at, filled, sync);
}

/* ---- writing ---- */

static int write_as_it_is(struct appended *file, struct iovec *parts, int count, bool sync) {
    int error = file_writev_full(file->fd, parts, count);
    file->is_dirty |= !sync;
    return error || !sync ? error : file_sync_data(file->fd);
}

int appended_write(struct appended *file, struct iovec *parts, int count, bool sync) {
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (!size) return sync ? appended_sync(file) : 0;
    int error = file->blocks ? write_blocks(file, parts, count, sync)
                             : write_as_it_is(file, parts, count, sync);
    file->end += size;
    return error || !sync ? error : note_sync(file);
}

/* ---- between writes ---- */

/* Nobody reads it before the next start, and pages that are used again cost less than new ones. */
static void end_stretch(struct appended *file) {
    if (file->end - file->kept < STRETCH) return;
    file_forget(file->fd, file->kept, file->end);
    file->kept = file->end;
    file->syncs = 0;
}

void appended_prepare(struct appended *file) {
    if (file->room_end < file->end + STRETCH && file->syncs >= OFTEN) {
        if (!file->blocks) begin_blocks(file);
        if (file->blocks) make_room(file);
        file->syncs = 0;
    }
    end_stretch(file);
}
