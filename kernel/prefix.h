/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inner addresses: prefixes and the table that finds the longest one.
 */
#ifndef _CPNS_PREFIX_H
#define _CPNS_PREFIX_H

#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct cpns_peer;
struct sk_buff;

/**
 * struct cpns_addr - an inner address
 * @family: AF_INET or AF_INET6
 * @a: the address; IPv4 in the first word, the others 0
 */
struct cpns_addr {
	u16 family;
	struct in6_addr a;
};

/**
 * struct cpns_prefix - a set of inner addresses
 * @addr: address, zero past the prefix
 * @len: its length in bits
 */
struct cpns_prefix {
	struct cpns_addr addr;
	u8 len;
};

/**
 * struct cpns_prefix_list - prefixes, replaced as a whole
 * @rcu: for its end
 * @count: number of prefixes
 * @prefix: the prefixes, none twice
 */
struct cpns_prefix_list {
	struct rcu_head rcu;
	unsigned int count;
	struct cpns_prefix prefix[];
};

/**
 * struct cpns_prefix_table - which peer has an address
 * @table: entries by prefix
 * @lengths: number of entries by family (0 IPv4, 1 IPv6) and length; readers
 *	     skip lengths that have none
 */
struct cpns_prefix_table {
	struct rhashtable table;
	u32 lengths[2][129];
};

/**
 * cpns_addr_source() - inner source address of an IP packet
 * @skb: packet, its IP header linear at the network header
 * @addr: result
 */
void cpns_addr_source(const struct sk_buff *skb, struct cpns_addr *addr);

/**
 * cpns_addr_destination() - inner destination address of an IP packet
 * @skb: packet, its IP header linear at the network header
 * @addr: result
 */
void cpns_addr_destination(const struct sk_buff *skb, struct cpns_addr *addr);

/**
 * cpns_prefix_is_valid() - is the address zero past the prefix, the length legal?
 * @prefix: as a user gave it
 */
bool cpns_prefix_is_valid(const struct cpns_prefix *prefix);

/**
 * cpns_prefix_list_has() - is an address in one of the prefixes?
 * @list: list, or NULL
 * @addr: address
 *
 * Context: RCU reader.
 */
bool cpns_prefix_list_has(const struct cpns_prefix_list *list, const struct cpns_addr *addr);

/**
 * cpns_prefix_list_find() - is just this prefix in the list?
 * @list: list, or NULL
 * @prefix: prefix
 */
bool cpns_prefix_list_find(const struct cpns_prefix_list *list, const struct cpns_prefix *prefix);

/**
 * cpns_prefix_table_init() - make an empty table
 * @t: table
 *
 * Return: 0 or -ENOMEM.
 */
int cpns_prefix_table_init(struct cpns_prefix_table *t);

/**
 * cpns_prefix_table_destroy() - free a table that has no entries
 * @t: table
 */
void cpns_prefix_table_destroy(struct cpns_prefix_table *t);

/**
 * cpns_prefix_table_add() - give a prefix to a peer
 * @t: table, the device's lock held
 * @prefix: prefix
 * @peer: its peer; no reference is taken, the peer takes out its prefixes
 *	  before it goes
 *
 * Return: 0, -EEXIST where another peer or the same has it, -ENOMEM.
 */
int cpns_prefix_table_add(struct cpns_prefix_table *t, const struct cpns_prefix *prefix,
			  struct cpns_peer *peer);

/**
 * cpns_prefix_table_del() - take a prefix out
 * @t: table, the device's lock held
 * @prefix: prefix, in the table
 */
void cpns_prefix_table_del(struct cpns_prefix_table *t, const struct cpns_prefix *prefix);

/**
 * cpns_prefix_table_owner() - who has just this prefix?
 * @t: table
 * @prefix: prefix
 *
 * Context: RCU reader.
 * Return: the peer or NULL.
 */
struct cpns_peer *cpns_prefix_table_owner(struct cpns_prefix_table *t,
					  const struct cpns_prefix *prefix);

/**
 * cpns_prefix_table_lookup() - who has the longest prefix of an address?
 * @t: table
 * @addr: address
 *
 * Context: RCU reader.
 * Return: the peer or NULL.
 */
struct cpns_peer *cpns_prefix_table_lookup(struct cpns_prefix_table *t,
					   const struct cpns_addr *addr);

#endif /* _CPNS_PREFIX_H */
