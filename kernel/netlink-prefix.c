// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>

#include "netlink-common.h"
#include "netlink-gen.h"
#include "prefix.h"

static int put_prefix(struct sk_buff *skb, const struct cpns_prefix *prefix)
{
	struct nlattr *nest = nla_nest_start(skb, CPNS_A_PREFIXES_PREFIX);
	int err;

	if (!nest)
		return -EMSGSIZE;
	if (prefix->addr.family == AF_INET)
		err = nla_put_in_addr(skb, CPNS_A_PREFIX_ADDR4, prefix->addr.a.s6_addr32[0]);
	else
		err = nla_put_in6_addr(skb, CPNS_A_PREFIX_ADDR6, &prefix->addr.a);
	if (err || nla_put_u8(skb, CPNS_A_PREFIX_LEN, prefix->len)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* As many prefixes as fit, from *@pos on; -EMSGSIZE where some are left. */
int cpns_nl_put_prefixes(struct sk_buff *skb, int attr, const struct cpns_prefix_list *list,
			 unsigned int *pos)
{
	unsigned int first = *pos;
	struct nlattr *nest;

	if (!list || *pos >= list->count)
		return 0;
	nest = nla_nest_start(skb, attr);
	if (!nest)
		return -EMSGSIZE;
	while (*pos < list->count && !put_prefix(skb, &list->prefix[*pos]))
		++*pos;
	if (*pos == first) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return *pos < list->count ? -EMSGSIZE : 0;
}

static struct cpns_prefix_list *list_alloc(unsigned int count)
{
	struct cpns_prefix_list *list;

	list = kzalloc(struct_size(list, prefix, count), GFP_KERNEL_ACCOUNT);
	return list ?: ERR_PTR(-ENOMEM);
}

static int parse_prefix(const struct nlattr *nest, struct cpns_prefix *prefix,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CPNS_A_PREFIX_MAX + 1];
	int err;

	err = nla_parse_nested(tb, CPNS_A_PREFIX_MAX, nest, cpns_prefix_nl_policy, extack);
	if (err)
		return err;
	if (!tb[CPNS_A_PREFIX_ADDR4] == !tb[CPNS_A_PREFIX_ADDR6])
		return refuse(extack, nest, -EINVAL, "give one of addr4 and addr6 in each prefix");
	if (!tb[CPNS_A_PREFIX_LEN])
		return refuse(extack, nest, -EINVAL, "give the len of each prefix");

	*prefix = (struct cpns_prefix){ .len = nla_get_u8(tb[CPNS_A_PREFIX_LEN]) };
	if (tb[CPNS_A_PREFIX_ADDR4]) {
		prefix->addr.family = AF_INET;
		prefix->addr.a.s6_addr32[0] = nla_get_in_addr(tb[CPNS_A_PREFIX_ADDR4]);
		if (prefix->len > 32)
			return refuse(extack, tb[CPNS_A_PREFIX_LEN], -EINVAL,
				      "an IPv4 prefix has at most 32 bits");
	} else {
		prefix->addr.family = AF_INET6;
		prefix->addr.a = nla_get_in6_addr(tb[CPNS_A_PREFIX_ADDR6]);
	}
	if (!cpns_prefix_is_valid(prefix))
		return refuse(extack, nest, -EINVAL,
			      "a prefix has host bits set: clear them or make it longer");
	return 0;
}

static struct cpns_prefix_list *parse_list(const struct nlattr *attr,
					   struct netlink_ext_ack *extack)
{
	struct cpns_prefix_list *list;
	unsigned int count = 0;
	struct nlattr *nest;
	int rem, err = 0;

	nla_for_each_nested(nest, attr, rem)
		count++;
	if (count > CPNS_PEER_PREFIXES_MAX)
		return ERR_PTR(refuse(extack, attr, -ENOSPC,
				      "a list takes at most 256 prefixes: join some"));
	list = list_alloc(count);
	if (IS_ERR(list))
		return list;

	nla_for_each_nested(nest, attr, rem) {
		struct cpns_prefix *prefix = &list->prefix[list->count];

		err = parse_prefix(nest, prefix, extack);
		if (!err && cpns_prefix_list_find(list, prefix))
			err = refuse(extack, nest, -EINVAL,
				     "a prefix is twice in the list: leave one out");
		if (err)
			break;
		list->count++;
	}
	if (err) {
		kfree(list);
		return ERR_PTR(err);
	}
	return list;
}

/* @old without @deleted, then @added. */
static struct cpns_prefix_list *merge_list(struct genl_info *info, int base,
					   const struct cpns_prefix_list *old,
					   const struct cpns_prefix_list *added,
					   const struct cpns_prefix_list *deleted)
{
	unsigned int i, old_count = old ? old->count : 0, n = 0;
	unsigned int add_count = added ? added->count : 0;
	struct cpns_prefix_list *list;
	int err;

	for (i = 0; deleted && i < deleted->count; i++)
		if (!cpns_prefix_list_find(old, &deleted->prefix[i]))
			return ERR_PTR(refuse(info->extack, info->attrs[base + 2], -ENOENT,
					      "a prefix to delete is not in the list"));
	list = list_alloc(old_count + add_count);
	if (IS_ERR(list))
		return list;
	for (i = 0; i < old_count; i++)
		if (!cpns_prefix_list_find(deleted, &old->prefix[i]))
			list->prefix[n++] = old->prefix[i];
	list->count = n;
	for (i = 0; i < add_count; i++) {
		if (cpns_prefix_list_find(list, &added->prefix[i])) {
			err = refuse(info->extack, info->attrs[base + 1], -EEXIST,
				     "a prefix to add is in the list already");
			goto err_free;
		}
		list->prefix[list->count++] = added->prefix[i];
	}
	if (list->count > CPNS_PEER_PREFIXES_MAX) {
		err = refuse(info->extack, info->attrs[base + 1], -ENOSPC,
			     "a list takes at most 256 prefixes: delete or join some");
		goto err_free;
	}
	return list;

err_free:
	kfree(list);
	return ERR_PTR(err);
}

/*
 * The list that a request asks for, whose attributes are @base for a whole one,
 * then what is added, then what is deleted; NULL where it asks for no change.
 */
struct cpns_prefix_list *cpns_nl_request_list(struct genl_info *info, int base,
					      const struct cpns_prefix_list *old)
{
	struct nlattr *whole = info->attrs[base], *add = info->attrs[base + 1];
	struct nlattr *del = info->attrs[base + 2];
	struct cpns_prefix_list *list, *added = NULL, *deleted = NULL;

	if (whole && (add || del))
		return ERR_PTR(refuse(info->extack, add ?: del, -EINVAL,
				      "give the whole list, or what to add and delete, not both"));
	if (whole)
		return parse_list(whole, info->extack);
	if (!add && !del)
		return NULL;

	if (add) {
		added = parse_list(add, info->extack);
		if (IS_ERR(added))
			return added;
	}
	if (del) {
		deleted = parse_list(del, info->extack);
		if (IS_ERR(deleted)) {
			kfree(added);
			return deleted;
		}
	}
	list = merge_list(info, base, old, added, deleted);
	kfree(added);
	kfree(deleted);
	return list;
}
