/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/tree_priv.h"

struct sums {
    uint64_t count, weight;
    const void *first_key; /* of the first item */
};

static struct sums check_leaf(const struct tree *tree, const struct tree_leaf *leaf) {
    ensure(leaf->node.count > 0 && leaf->node.count <= leaf->node.capacity);
    ensure(leaf->node.capacity <= tree_leaf_max(tree));
    return (struct sums){leaf->node.count, tree_leaf_weight(tree, leaf, 0, leaf->node.count),
                         leaf->items};
}

static struct sums check_node(const struct tree *tree, const struct tree_node *node,
                              unsigned level) {
    if (level == 0) return check_leaf(tree, (const struct tree_leaf *)node);
    const struct tree_inner *inner = (const struct tree_inner *)node;
    struct sums total = {0};
    size_t key_size = tree->kind->key_size;
    ensure(node->count > 0 && node->count <= TREE_FANOUT && node->capacity == TREE_FANOUT);
    for (unsigned i = 0; i < node->count; i++) {
        struct sums sums = check_node(tree, inner->child[i], level - 1);
        ensure(sums.weight == inner->weight[i]);
        if (i == 0)
            total.first_key = sums.first_key;
        else
            ensure(memcmp(inner->keys + i * key_size, sums.first_key, key_size) == 0);
        total.count += sums.count;
        total.weight += sums.weight;
    }
    return total;
}

void tree_check(const struct tree *tree) {
    if (!tree->root) {
        ensure(!tree->count && !tree->weight && !tree->height && !tree->memory);
        return;
    }
    ensure(tree->height == 0 || tree->root->count > 1);
    struct sums sums = check_node(tree, tree->root, tree->height);
    ensure(sums.count == tree->count && sums.weight == tree->weight);
}
