/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets: members that differ, in no order.
 *
 * Small: sorted integers (value/set_integers.h) while it has been nothing else, a pack otherwise.
 * Large: members (value/members.h). What OBJECT ENCODING calls a set follows the limits
 * (value/limits.h) alone, and stands in the value's form; what a set is made of also follows what
 * it costs: a few members stay a pack although one is too long for a "listpack".
 */
#pragma once

#include "base/buffer.h"
#include "base/random.h"
#include "ds/pack.h"
#include "value/value.h"

/* A set's form: its name. */
enum set_form { SET_LISTPACK, SET_INTSET, SET_HASHTABLE };

/* At start-up. */
void set_register(void);

/* ---- reading ---- */

uint64_t set_length(const struct value *set);
bool set_has(const struct value *set, struct bytes member);

/* Tells of each member; false ends the walk. The text is valid during the call only. */
typedef bool set_visitor(void *context, struct bytes member);
void set_each(const struct value *set, set_visitor *visit, void *context);

/* As members_scan(); a small set is shown whole, and the cursor after it is 0. */
uint64_t set_scan(const struct value *set, uint64_t cursor, uint64_t count, set_visitor *visit,
                  void *context);

/* One of the members, each as likely as any other; it may be written to `text`. The set is not
 * empty. */
struct bytes set_random(const struct value *set, struct random *random, char text[PACK_TEXT_MAX]);

/* Tells of `count` different members at random, every choice as likely as any other; of all, if
 * there are not more. False: no memory, it may have told of some. */
bool set_sample(const struct value *set, uint64_t count, struct random *random, set_visitor *visit,
                void *context);

/* ---- changing ---- */

/* A set while a command changes it. A small one is edited in a buffer of the caller's, whose
 * content goes, a large one in place. `value` is what it is now, to be stored when all is done. */
struct set_edit {
    struct value value;
    struct buffer *pack;
    bool copied; /* value.small lies in `pack` */
    bool owned;  /* value.object is new, and nobody else's yet */
};

/* The set that is there. */
void set_edit_begin(struct set_edit *edit, const struct value *old, struct buffer *pack);

/* A new one, still empty, as which it is not to be stored. */
void set_edit_begin_new(struct set_edit *edit, enum set_form form, struct buffer *pack);

/* A new one with the members of a large set, called "hashtable". False: no memory, nothing to drop.
 */
bool set_edit_begin_copy(struct set_edit *edit, const struct value *model, struct buffer *pack);

/* So many may be added at once to the set that is there. False: no memory. */
bool set_edit_expect(struct set_edit *edit, uint64_t expected);

/* The set will not be stored: frees what only the edit knows. */
void set_edit_drop(struct set_edit *edit);

enum set_outcome { SET_DONE, SET_SAME, SET_NO_MEMORY };

/* SET_SAME: it was there already. */
enum set_outcome set_add(struct set_edit *edit, struct bytes member);

/* SET_SAME: it was not there. */
enum set_outcome set_remove(struct set_edit *edit, struct bytes member);

/* Removes a member at random, each as likely as any other, and tells of it before it goes; the set
 * is not empty. SET_NO_MEMORY also if `visit` answers false: then it stays. */
enum set_outcome set_pop(struct set_edit *edit, struct random *random, set_visitor *visit,
                         void *context);

/* ---- forms ---- */

/* Of a set that is made to have `expected` members added to it, this one first. */
enum set_form set_form_new(struct bytes first, uint64_t expected);

/* Gives the set another name than that which has come of adding its members: "intset" only if all
 * are integers; it is left as it is if there are too many for that. False: no memory. */
bool set_edit_rename(struct set_edit *edit, enum set_form form);

/* Of a set of this form and length once it has another member. `longest` is that of the integers in
 * an "intset", as text. */
enum set_form set_form_with(enum set_form form, uint64_t length, size_t longest,
                            struct bytes member);
