/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/ensure.h"

#include <stdbool.h>

/* An intrusive, circular, doubly linked list: the node sits inside the element, and the list itself
 * is a node that is no element. Nothing allocates. A node is on one list at a time; one that is on
 * none links to itself (list_init), so that removing it again is harmless. */
struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

static inline void list_init(struct list_node *node) {
    node->next = node->prev = node;
}

static inline bool list_empty(const struct list_node *list) {
    return list->next == list;
}

/* Is this node on some list? */
static inline bool list_linked(const struct list_node *node) {
    return node->next != node;
}

static inline void list_insert_after(struct list_node *place, struct list_node *node) {
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void list_append(struct list_node *list, struct list_node *node) {
    list_insert_after(list->prev, node);
}

static inline void list_prepend(struct list_node *list, struct list_node *node) {
    list_insert_after(list, node);
}

/* Afterwards the node is on no list. */
static inline void list_remove(struct list_node *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first or last element of a list that is not empty. */
#define LIST_FIRST(list, type, member) CONTAINER_OF((list)->next, type, member)
#define LIST_LAST(list, type, member)  CONTAINER_OF((list)->prev, type, member)

/* struct client *c; LIST_FOREACH(c, &clients, link) { ... } The body must not remove an element,
 * other than with _SAFE, where it may remove the current one alone. */
#define LIST_FOREACH(item, list, member)                                                           \
    for ((item) = CONTAINER_OF((list)->next, __typeof__(*(item)), member);                         \
         &(item)->member != (list);                                                                \
         (item) = CONTAINER_OF((item)->member.next, __typeof__(*(item)), member))

#define LIST_FOREACH_SAFE(item, following, list, member)                                           \
    for ((item) = CONTAINER_OF((list)->next, __typeof__(*(item)), member),                         \
        (following) = CONTAINER_OF((item)->member.next, __typeof__(*(item)), member);              \
         &(item)->member != (list); (item) = (following),                                          \
        (following) = CONTAINER_OF((item)->member.next, __typeof__(*(item)), member))
