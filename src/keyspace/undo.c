/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants, while an undo is under way and has not been given up:
 *   1. Each key that has changed since the beginning has one image, made before its first change:
 *      keyspace_seek() and its like, and spot_remove(), which are the ways to a change, see to
 *      that.
 *   2. An image's object is in `objects`, and as it was but for its elements in `elements`, of
 *      which each has the first thing that members_keep() told of it, and for its `steps`, if it
 *      is a list. Or it is a copy that nobody else knows.
 *   3. An object in `objects` hangs off an entry that has an image, too, or it is `owned`: freed by
 *      nobody but the undo. (It moves by RENAME and MOVE, whose keys have both been sought.)
 *
 * So nothing that an image refers to goes away, and putting all images back, in whatever order,
 * leaves each object with one entry. tests/unit/keyspace_undo.c, tests/wire/test_undo.py.
 */
#include "keyspace/undo.h"
#include "base/ensure.h"
#include "base/index.h"
#include "keyspace/undo_priv.h"
#include "sys/memory.h"
#include "value/list.h"
#include "value/members.h"

/* A value that is larger is not copied, since a script that changes a bit of it should not pay for
 * all of it: copying as much takes about a microsecond, half of what the shortest script takes. */
#define VALUE_BYTES_MAX ((size_t)24 * 1024)

/* Of all images. Scripts run into this that write some ten thousand keys. */
#define BYTES_MAX ((size_t)8 * 1024 * 1024)

#define BLOCK_BYTES ((size_t)16 * 1024)

/* What a key was. */
struct image {
    struct index_node by_key, by_object;
    struct image *older;
    struct key key; /* the name lies in the entry, or instead of it */
    uint32_t db;
    bool owned;          /* the object is not in the keyspace */
    bool by_steps;       /* the object is a list that tells them */
    struct entry *entry; /* behind the struct; NULL: there was none */
    struct step *steps;  /* the latest first */
};

/* What an element of an image's object was. */
struct element {
    struct index_node by_name;
    struct element *older;
    const struct image *image;
    struct bytes name; /* behind the struct, or in the block */
    const void *block; /* behind the struct; NULL: it was not there */
};

/* What happened to an image's list. */
struct step {
    struct step *older;
    struct list_step what; /* its text is behind the struct */
};

/* Memory for all of these. */
struct block {
    struct block *next;
    size_t used, size;
    char bytes[] __attribute__((aligned(8)));
};

struct undo {
    bool is_on; /* begun, and not given up */
    struct view view;
    undo_permission *may_give_up;
    void *context;
    struct members_keeper members;
    struct list_keeper lists;
    struct index keys, objects; /* of images */
    struct index elements;
    struct image *newest;
    struct element *newest_element;
    struct block *block; /* the one in use; the last of the list stays for the next undo */
    size_t bytes;
    uint64_t changes; /* of the view's counters at the beginning */
    size_t unit;      /* what there was of the unit */
};

/* ---- memory ---- */

struct undo *undo_create(void) {
    return memory_alloc_zero(sizeof(struct undo));
}

static void free_blocks(struct undo *undo) {
    while (undo->block && undo->block->next) {
        struct block *next = undo->block->next;
        memory_free(undo->block);
        undo->block = next;
    }
    if (!undo->block) return;
    undo->block->used = 0;
    if (undo->block->size == BLOCK_BYTES) return;
    memory_free(undo->block);
    undo->block = NULL;
}

void undo_free(struct undo *undo) {
    if (!undo) return;
    free_blocks(undo);
    memory_free(undo->block);
    index_free(&undo->keys);
    index_free(&undo->objects);
    index_free(&undo->elements);
    memory_free(undo);
}

static void *allocate(struct undo *undo, size_t size) {
    struct block *block = undo->block;
    size = (size + 7) & ~(size_t)7;
    if (UNLIKELY(!block || block->size - block->used < size)) {
        size_t room = MAX(size, BLOCK_BYTES);
        if (!(block = memory_alloc(sizeof *block + room))) return NULL;
        *block = (struct block){undo->block, 0, room};
        undo->block = block;
    }
    block->used += size;
    return block->bytes + block->used - size;
}

/* ---- finding images ---- */

static uint64_t place_of(uint32_t db, const struct key *key) {
    return key->hash + db;
}

static struct image *find(const struct undo *undo, uint32_t db, const struct key *key) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &undo->keys, place_of(db, key)) {
        struct image *image = CONTAINER_OF(node, struct image, by_key);
        if (image->db == db && bytes_equal(image->key.name, key->name)) return image;
    }
    return NULL;
}

/* Objects have 16 bytes at least. */
static uint64_t hash_of(const void *object) {
    return (uint64_t)(uintptr_t)object / 16;
}

static struct image *find_by_object(const struct undo *undo, const void *object) {
    struct index_node *node = index_first(&undo->objects, hash_of(object));
    return node ? CONTAINER_OF(node, struct image, by_object) : NULL;
}

/* ---- the end ---- */

static void tell_nobody(void) {
    members_keeper = NULL;
    list_keeper = NULL;
}

/* Frees the images; of their objects those that are owned, unless they have been put back. */
static void forget(struct undo *undo, bool put_back) {
    undo->is_on = false;
    tell_nobody();
    for (struct image *image = undo->newest; image && !put_back; image = image->older)
        if (image->owned) object_release(&undo->view, image->entry);
    undo->newest = NULL;
    undo->newest_element = NULL;
    undo->bytes = 0;
    index_clear(&undo->keys);
    index_clear(&undo->objects);
    index_clear(&undo->elements);
    free_blocks(undo);
}

void keyspace_undo_give_up(struct view *view) {
    forget(view->keyspace->undo, false);
}

void keyspace_undo_end(struct view *view) {
    forget(view->keyspace->undo, false);
    view->undoes = false;
}

/* ---- keeping ---- */

/* What costs too much is the end of the undo, if that may be. */
static bool goes_on(struct undo *undo, bool affordable) {
    if (LIKELY(affordable) || !undo->may_give_up(undo->context)) return true;
    forget(undo, false);
    return false;
}

static bool affords(struct undo *undo, size_t bytes) {
    bool fits = bytes <= VALUE_BYTES_MAX && undo->bytes + bytes <= BYTES_MAX;
    if (!goes_on(undo, fits)) return false;
    undo->bytes += bytes;
    return true;
}

/* No memory: who needs the undo finds that there is none. */
static void fail(struct undo *undo) {
    undo->may_give_up(undo->context);
    forget(undo, false);
}

static bool add(struct undo *undo, struct image *image, const struct entry *e) {
    if (!index_add(&undo->keys, &image->by_key, place_of(image->db, &image->key))) return false;
    if (!e || !entry_is_object(e)) return true;
    return index_add(&undo->objects, &image->by_object, hash_of(entry_object(e)));
}

static void keep_entry(struct undo *undo, uint32_t db, const struct spot *spot) {
    const struct entry *e = spot->entry;
    struct bytes what = e ? bytes_make((const char *)e, entry_size(e)) : spot->key->name;
    if (!affords(undo, sizeof(struct image) + what.len)) return;
    struct image *image = allocate(undo, sizeof *image + what.len);
    if (!image) {
        fail(undo);
        return;
    }
    *image = (struct image){.older = undo->newest, .key.hash = spot->key->hash, .db = db};
    void *copy = image + 1;
    if (what.len) memcpy(copy, what.data, what.len);
    if (e) image->entry = copy;
    image->key.name = e ? entry_key(copy) : bytes_make(copy, what.len);
    undo->newest = image;
    if (!add(undo, image, e)) fail(undo);
}

/* The image gets an object of its own, and the keyspace may do with the other as it likes. */
static void copy_object(struct undo *undo, struct image *image) {
    const struct value_ops *ops = value_ops(entry_type(image->entry));
    const void *object = entry_object(image->entry);
    if (!affords(undo, ops->memory(object))) return;
    void *copy = ops->copy(object);
    if (!copy) {
        fail(undo);
        return;
    }
    index_remove(&undo->objects, &image->by_object);
    memcpy((char *)(uintptr_t)entry_decode(image->entry).value.data, &copy, sizeof copy);
    image->owned = true;
}

void undo_keep(const struct view *view, const struct spot *spot, bool elements) {
    struct undo *undo = view->keyspace->undo;
    if (!undo->is_on) return;
    if (!find(undo, view->db, spot->key)) keep_entry(undo, view->db, spot);
    const struct entry *e = spot->entry;
    if (!elements || !e || !entry_is_object(e) || value_ops(entry_type(e))->restore) return;
    struct image *image = find_by_object(undo, entry_object(e));
    if (!image || image->by_steps) return;
    image->by_steps = entry_type(e) == TYPE_LIST && list_tells_steps(entry_object(e));
    if (!image->by_steps) copy_object(undo, image);
}

/* ---- elements ---- */

static struct element *find_element(const struct undo *undo, const struct image *image,
                                    struct bytes name, uint64_t hash) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &undo->elements, hash) {
        struct element *element = CONTAINER_OF(node, struct element, by_name);
        if (element->image == image && bytes_equal(element->name, name)) return element;
    }
    return NULL;
}

/* Members are the first thing in the objects that have them. */
static void keep_element(struct members_keeper *keeper, const struct members *members,
                         struct bytes name, uint64_t hash, const void *block) {
    struct undo *undo = CONTAINER_OF(keeper, struct undo, members);
    const struct image *image = find_by_object(undo, members);
    if (!image) return;
    hash += hash_of(members);
    if (find_element(undo, image, name, hash)) return;
    struct bytes what = block ? bytes_make(block, members->kind->size_of(block)) : name;
    if (!affords(undo, sizeof(struct element) + what.len)) return;
    struct element *element = allocate(undo, sizeof *element + what.len);
    if (!element) {
        fail(undo);
        return;
    }
    *element = (struct element){.older = undo->newest_element, .image = image};
    void *copy = element + 1;
    if (what.len) memcpy(copy, what.data, what.len);
    if (block) element->block = copy;
    element->name = block ? members_name(copy) : bytes_make(copy, what.len);
    undo->newest_element = element;
    if (!index_add(&undo->elements, &element->by_name, hash)) fail(undo);
}

/* ---- steps of lists ---- */

static bool expect_steps(struct list_keeper *keeper, const struct list *list, uint64_t going) {
    struct undo *undo = CONTAINER_OF(keeper, struct undo, lists);
    bool affordable = going <= VALUE_BYTES_MAX / sizeof(struct step);
    return find_by_object(undo, list) && goes_on(undo, affordable);
}

/* Elements that have come next to the last ones, or in front of them. */
static bool continues(const struct step *last, const struct list_step *step) {
    return last && last->what.kind == LIST_CAME && step->kind == LIST_CAME &&
           (step->index == last->what.index || step->index == last->what.index + last->what.count);
}

static void keep_step(struct list_keeper *keeper, const struct list *list,
                      const struct list_step *what) {
    struct undo *undo = CONTAINER_OF(keeper, struct undo, lists);
    struct image *image = find_by_object(undo, list);
    if (!image) return;
    if (continues(image->steps, what)) {
        image->steps->what.count++;
        return;
    }
    if (!affords(undo, sizeof(struct step) + what->text.len)) return;
    struct step *step = allocate(undo, sizeof *step + what->text.len);
    if (!step) {
        fail(undo);
        return;
    }
    *step = (struct step){image->steps, *what};
    step->what.text.data = (const char *)(step + 1);
    if (what->text.len) memcpy(step + 1, what->text.data, what->text.len);
    image->steps = step;
}

void spot_keep_now(const struct view *view, const struct spot *spot, bool elements) {
    epoch_keep(view, spot);
    if (view->undoes) undo_keep(view, spot, elements);
}

bool undo_takes(const struct view *view, const void *object) {
    struct image *image = find_by_object(view->keyspace->undo, object);
    if (image) image->owned = true;
    return image != NULL;
}

void keyspace_undo_begin(struct view *view, undo_permission *may_give_up, void *context) {
    const struct keyspace *ks = view->keyspace;
    struct undo *undo = ks->undo;
    ensure(!undo->is_on);
    undo->is_on = true;
    undo->view = *view;
    undo->members.keep = keep_element;
    undo->lists = (struct list_keeper){expect_steps, keep_step};
    members_keeper = &undo->members;
    list_keeper = &undo->lists;
    undo->may_give_up = may_give_up;
    undo->context = context;
    undo->changes = view->counters->changes;
    undo->unit = ks->unit_mark ? ks->unit_mark(ks->unit_context) : 0;
    view->undoes = true;
}

bool keyspace_undo_is_possible(const struct view *view) {
    return view->keyspace->undo->is_on;
}

/* ---- taking back ---- */

/* Half of what a script did must not stay. */
static void need(bool memory_to_take_a_change_back) {
    ensure(memory_to_take_a_change_back);
}

static void take_steps_back(const struct image *image) {
    for (const struct step *step = image->steps; step; step = step->older)
        need(list_step_back(entry_object(image->entry), &step->what));
}

/* While all objects still are where they are. */
static void restore_objects(const struct undo *undo) {
    tell_nobody();
    for (const struct image *image = undo->newest; image; image = image->older)
        take_steps_back(image);
    for (const struct element *e = undo->newest_element; e; e = e->older) {
        const struct entry *entry = e->image->entry;
        const struct value_ops *ops = value_ops(entry_type(entry));
        need(ops->restore(entry_object(entry), e->name, e->block, undo->view.now_ms));
    }
}

/* The entry is as it was, and belongs to the present epoch: it was saved before it changed. */
static void put_back(struct view *view, struct spot *spot, const struct image *image) {
    struct entry *e = image->entry;
    e->head = (e->head & ~ENTRY_EPOCH) | view->keyspace->epoch_bit;
    need(put_like(view, spot, e));
    emit(view, &(struct change){.kind = CHANGE_STORE,
                                .event = {EVENT_GENERIC, "restore"},
                                .db = view->db,
                                .key = spot->key,
                                .entry = spot->entry});
}

static void take_back(const struct view *view, const struct image *image) {
    struct view there = *view;
    struct spot spot;
    there.db = image->db;
    spot_find(&there, &image->key, &spot);
    if (image->entry)
        put_back(&there, &spot, image);
    else if (spot.entry)
        spot_remove(&there, &spot, CAUSE_COMMAND, (struct event){EVENT_GENERIC, "del"});
}

bool keyspace_undo(struct view *view) {
    const struct keyspace *ks = view->keyspace;
    struct undo *undo = ks->undo;
    if (!undo->is_on) return false;
    if (ks->unit_rewind) ks->unit_rewind(ks->unit_context, undo->unit, true);
    restore_objects(undo);
    for (const struct image *image = undo->newest; image; image = image->older)
        take_back(view, image);
    if (ks->unit_rewind) ks->unit_rewind(ks->unit_context, undo->unit, false);
    __atomic_store_n(&view->counters->changes, undo->changes, __ATOMIC_RELAXED);
    forget(undo, true);
    view->undoes = false;
    return true;
}
