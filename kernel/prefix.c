// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "prefix.h"

/* Without holes, since the table compares and hashes it byte by byte. */
struct prefix_key {
	struct in6_addr a;
	u16 family;
	u16 len;
};

struct prefix_entry {
	struct rhash_head node;
	struct prefix_key key;
	struct cpns_peer *peer;
	struct rcu_head rcu;
};

static const struct rhashtable_params prefix_params = {
	.key_len = sizeof(struct prefix_key),
	.key_offset = offsetof(struct prefix_entry, key),
	.head_offset = offsetof(struct prefix_entry, node),
	.automatic_shrinking = true,
};

static unsigned int family_bits(u16 family)
{
	return family == AF_INET ? 32 : 128;
}

/* Address of @addr with all but its first @len bits cleared. */
static void addr_mask(struct in6_addr *out, const struct in6_addr *addr, unsigned int len)
{
	ipv6_addr_prefix(out, addr, len);
}

static void set_ipv4(struct cpns_addr *addr, __be32 a)
{
	addr->family = AF_INET;
	addr->a = (struct in6_addr){ .s6_addr32[0] = a };
}

void cpns_addr_source(const struct sk_buff *skb, struct cpns_addr *addr)
{
	if (ip_hdr(skb)->version == 4) {
		set_ipv4(addr, ip_hdr(skb)->saddr);
	} else {
		addr->family = AF_INET6;
		addr->a = ipv6_hdr(skb)->saddr;
	}
}

void cpns_addr_destination(const struct sk_buff *skb, struct cpns_addr *addr)
{
	if (ip_hdr(skb)->version == 4) {
		set_ipv4(addr, ip_hdr(skb)->daddr);
	} else {
		addr->family = AF_INET6;
		addr->a = ipv6_hdr(skb)->daddr;
	}
}

bool cpns_prefix_is_valid(const struct cpns_prefix *prefix)
{
	struct in6_addr masked;

	if (prefix->len > family_bits(prefix->addr.family))
		return false;
	addr_mask(&masked, &prefix->addr.a, prefix->len);
	return ipv6_addr_equal(&masked, &prefix->addr.a);
}

bool cpns_prefix_list_has(const struct cpns_prefix_list *list, const struct cpns_addr *addr)
{
	unsigned int i;

	for (i = 0; list && i < list->count; i++) {
		const struct cpns_prefix *p = &list->prefix[i];

		if (p->addr.family == addr->family &&
		    ipv6_prefix_equal(&p->addr.a, &addr->a, p->len))
			return true;
	}
	return false;
}

bool cpns_prefix_list_find(const struct cpns_prefix_list *list, const struct cpns_prefix *prefix)
{
	unsigned int i;

	for (i = 0; list && i < list->count; i++) {
		const struct cpns_prefix *p = &list->prefix[i];

		if (p->addr.family == prefix->addr.family && p->len == prefix->len &&
		    ipv6_addr_equal(&p->addr.a, &prefix->addr.a))
			return true;
	}
	return false;
}

int cpns_prefix_table_init(struct cpns_prefix_table *t)
{
	memset(t->lengths, 0, sizeof(t->lengths));
	return rhashtable_init(&t->table, &prefix_params);
}

void cpns_prefix_table_destroy(struct cpns_prefix_table *t)
{
	rhashtable_destroy(&t->table);
}

static struct prefix_key key_of(const struct cpns_prefix *prefix)
{
	return (struct prefix_key){
		.a = prefix->addr.a,
		.family = prefix->addr.family,
		.len = prefix->len,
	};
}

static u32 *length_count(struct cpns_prefix_table *t, u16 family, unsigned int len)
{
	return &t->lengths[family == AF_INET6][len];
}

int cpns_prefix_table_add(struct cpns_prefix_table *t, const struct cpns_prefix *prefix,
			  struct cpns_peer *peer)
{
	u32 *count = length_count(t, prefix->addr.family, prefix->len);
	struct prefix_entry *entry;
	int err;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	entry->key = key_of(prefix);
	entry->peer = peer;
	err = rhashtable_lookup_insert_fast(&t->table, &entry->node, prefix_params);
	if (err) {
		kfree(entry);
		return err;
	}
	WRITE_ONCE(*count, *count + 1);
	return 0;
}

void cpns_prefix_table_del(struct cpns_prefix_table *t, const struct cpns_prefix *prefix)
{
	u32 *count = length_count(t, prefix->addr.family, prefix->len);
	struct prefix_key key = key_of(prefix);
	struct prefix_entry *entry;

	entry = rhashtable_lookup_fast(&t->table, &key, prefix_params);
	if (WARN_ON_ONCE(!entry))
		return;
	rhashtable_remove_fast(&t->table, &entry->node, prefix_params);
	WRITE_ONCE(*count, *count - 1);
	kfree_rcu(entry, rcu);
}

struct cpns_peer *cpns_prefix_table_owner(struct cpns_prefix_table *t,
					  const struct cpns_prefix *prefix)
{
	struct prefix_key key = key_of(prefix);
	struct prefix_entry *entry;

	entry = rhashtable_lookup(&t->table, &key, prefix_params);
	return entry ? entry->peer : NULL;
}

struct cpns_peer *cpns_prefix_table_lookup(struct cpns_prefix_table *t,
					   const struct cpns_addr *addr)
{
	struct prefix_key key = { .family = addr->family };
	struct prefix_entry *entry;
	int len;

	for (len = family_bits(addr->family); len >= 0; len--) {
		if (!READ_ONCE(*length_count(t, addr->family, len)))
			continue;
		addr_mask(&key.a, &addr->a, len);
		key.len = len;
		entry = rhashtable_lookup(&t->table, &key, prefix_params);
		if (entry)
			return entry->peer;
	}
	return NULL;
}
