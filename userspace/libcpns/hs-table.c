// SPDX-License-Identifier: GPL-2.0
/*
 * Hash table of the handshake machine's objects. Keys are hashes or our own
 * random numbers: no stranger chooses what is put in, so the low bits do.
 */
#include "hs-internal.h"

static unsigned int bucket_of(uint64_t key)
{
	return (unsigned int)(key ^ key >> 32) % HS_BUCKETS;
}

void hs_table_add(struct hs_table *table, struct hs_node *node, enum hs_kind kind, uint64_t key)
{
	struct hs_node **bucket = &table->bucket[bucket_of(key)];

	node->key = key;
	node->kind = kind;
	node->linked = true;
	node->next = *bucket;
	*bucket = node;
}

void hs_table_del(struct hs_table *table, struct hs_node *node)
{
	struct hs_node **p;

	if (!node->linked)
		return;
	for (p = &table->bucket[bucket_of(node->key)]; *p != node; p = &(*p)->next)
		;
	*p = node->next;
	node->next = NULL;
	node->linked = false;
}

static struct hs_node *match(struct hs_node *node, enum hs_kind kind, uint64_t key)
{
	while (node && (node->kind != kind || node->key != key))
		node = node->next;
	return node;
}

struct hs_node *hs_table_first(const struct hs_table *table, enum hs_kind kind, uint64_t key)
{
	return match(table->bucket[bucket_of(key)], kind, key);
}

struct hs_node *hs_table_next(const struct hs_node *node)
{
	return match(node->next, node->kind, node->key);
}
