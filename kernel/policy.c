// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <uapi/linux/cpns.h>

#include <cpns/wire.h>
#include "policy.h"

void cpns_policy_classify(const struct cpns_class_table *table, u32 mark, u8 *mode, u8 *clear)
{
	unsigned int i;

	for (i = 0; table && i < table->count; i++) {
		const struct cpns_class *class = &table->class[i];

		if ((mark & class->mask) == (class->mark & class->mask)) {
			*mode = class->mode;
			*clear = class->clear;
			return;
		}
	}
	*mode = CPNS_MODE_ENCRYPT;
	*clear = 0;
}

static struct cpns_class_table *table_alloc(unsigned int count)
{
	struct cpns_class_table *table;

	table = kzalloc(struct_size(table, class, count), GFP_KERNEL_ACCOUNT);
	return table ?: ERR_PTR(-ENOMEM);
}

struct cpns_class_table *cpns_policy_with(const struct cpns_class_table *old,
					  const struct cpns_class *class)
{
	unsigned int i = 0, n = 0, count = old ? old->count : 0;
	struct cpns_class_table *table;

	table = table_alloc(count + 1);
	if (IS_ERR(table))
		return table;

	while (i < count && old->class[i].prio < class->prio)
		table->class[n++] = old->class[i++];
	table->class[n++] = *class;
	if (i < count && old->class[i].prio == class->prio)
		i++;
	while (i < count)
		table->class[n++] = old->class[i++];
	table->count = n;

	if (n > CPNS_CLASSES_MAX) {
		kfree(table);
		return ERR_PTR(-ENOSPC);
	}
	return table;
}

struct cpns_class_table *cpns_policy_without(const struct cpns_class_table *old, u32 prio)
{
	unsigned int i, n = 0, count = old ? old->count : 0;
	struct cpns_class_table *table;

	table = table_alloc(count);
	if (IS_ERR(table))
		return table;

	for (i = 0; i < count; i++)
		if (old->class[i].prio != prio)
			table->class[n++] = old->class[i];
	table->count = n;

	if (n == count) {
		kfree(table);
		return ERR_PTR(-ENOENT);
	}
	return table;
}

bool cpns_policy_accepts(u8 min_mode, u8 max_clear, u8 flags, u8 clear)
{
	if (min_mode == CPNS_MODE_AUTH)
		return true;
	return (flags & CPNS_F_ENCRYPTED) && clear <= max_clear;
}
