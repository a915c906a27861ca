/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "journal/journal_priv.h"
#include "journal/reader.h"

int journal_forget(struct journal *journal, uint64_t sequence) {
    struct segment_list list;
    int status = segment_list_read(journal->home, &list), forgotten = 0;
    /* The last one may still grow. */
    for (size_t i = 0; !status && i + 1 < list.count; i++) {
        if (list.items[i + 1].first > sequence + 1) break;
        char name[HOME_NAME_MAX];
        segment_name(name, list.items[i].first);
        status = home_delete(journal->home, name);
        forgotten += !status;
    }
    segment_list_free(&list);
    return status ? status : forgotten;
}

uint64_t journal_bytes(const struct journal *journal) {
    struct segment_list list;
    uint64_t bytes = 0;
    segment_list_read(journal->home, &list);
    for (size_t i = 0; i < list.count; i++)
        bytes += list.items[i].size;
    /* Behind what has been written to the last one, there may be room for more. */
    uint64_t current = journal->current_bytes;
    if (list.count && current) {
        uint64_t size = list.items[list.count - 1].size;
        bytes -= size - MIN(size, current);
    }
    segment_list_free(&list);
    return bytes;
}
