/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a packet is protected on the way out, by its mark, and the least that is
 * accepted on the way in.
 */
#ifndef _CPNS_POLICY_H
#define _CPNS_POLICY_H

#include <linux/rcupdate.h>
#include <linux/types.h>

/**
 * struct cpns_class - packets that are not sent as the default says
 * @prio: of the classes that match, the lowest counts
 * @mark: value of the mark
 * @mask: its bits that count
 * @mode: enum cpns_mode
 * @clear: clear prefix, in units of CPNS_CLEAR_UNIT
 */
struct cpns_class {
	u32 prio;
	u32 mark;
	u32 mask;
	u8 mode;
	u8 clear;
};

/**
 * struct cpns_class_table - classes of a device, replaced as a whole
 * @rcu: for its end
 * @count: number of classes
 * @class: by ascending prio
 */
struct cpns_class_table {
	struct rcu_head rcu;
	unsigned int count;
	struct cpns_class class[];
};

/**
 * cpns_policy_classify() - how is a packet to be protected?
 * @table: classes, or NULL
 * @mark: mark of the packet
 * @mode: result, enum cpns_mode
 * @clear: result, in units of CPNS_CLEAR_UNIT
 *
 * Context: RCU reader.
 */
void cpns_policy_classify(const struct cpns_class_table *table, u32 mark, u8 *mode, u8 *clear);

/**
 * cpns_policy_with() - copy of a table with a class in it
 * @old: table, or NULL
 * @class: put in its place, instead of one with the same prio
 *
 * Return: the new table, ERR_PTR(-ENOSPC) over CPNS_CLASSES_MAX, -ENOMEM.
 */
struct cpns_class_table *cpns_policy_with(const struct cpns_class_table *old,
					  const struct cpns_class *class);

/**
 * cpns_policy_without() - copy of a table without a class
 * @old: table, or NULL
 * @prio: of the class to leave out
 *
 * Return: the new table, ERR_PTR(-ENOENT), -ENOMEM.
 */
struct cpns_class_table *cpns_policy_without(const struct cpns_class_table *old, u32 prio);

/**
 * cpns_policy_accepts() - is a packet protected well enough?
 * @min_mode: the peer's least mode
 * @max_clear: the peer's longest clear prefix where that is encrypt
 * @flags: flags byte of the packet
 * @clear: clear byte of the packet
 */
bool cpns_policy_accepts(u8 min_mode, u8 max_clear, u8 flags, u8 clear);

#endif /* _CPNS_POLICY_H */
