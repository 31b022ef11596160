// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>

#include "compat.h"
#include "device.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "policy.h"

static struct cpns_class_table *device_classes(struct cpns_device *cdev)
{
	return rcu_dereference_protected(cdev->classes, lockdep_is_held(&cdev->lock));
}

/* @table may be NULL. */
static void set_classes(struct cpns_device *cdev, struct cpns_class_table *table)
{
	struct cpns_class_table *old = rcu_replace_pointer(cdev->classes, table,
							   lockdep_is_held(&cdev->lock));

	if (old)
		kfree_rcu(old, rcu);
	cdev->generation++;
}

static int fill_class(struct sk_buff *skb, const struct cpns_device *cdev,
		      const struct cpns_class *class)
{
	if (nla_put_u32(skb, CPNS_A_CLASS_IFINDEX, cdev->dev->ifindex) ||
	    nla_put_u32(skb, CPNS_A_CLASS_PRIO, class->prio) ||
	    nla_put_u32(skb, CPNS_A_CLASS_MARK, class->mark) ||
	    nla_put_u32(skb, CPNS_A_CLASS_MASK, class->mask) ||
	    nla_put_u8(skb, CPNS_A_CLASS_MODE, class->mode) ||
	    nla_put_u8(skb, CPNS_A_CLASS_CLEAR, class->clear))
		return -EMSGSIZE;
	return 0;
}

static struct sk_buff *class_reply(struct genl_info *info, struct cpns_device *cdev)
{
	const struct cpns_class_table *table = device_classes(cdev);
	struct sk_buff *msg;
	unsigned int i;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_CLASS_PRIO))
		return ERR_PTR(refuse(info->extack, NULL, -EINVAL,
				      "give the prio of a class, or dump all classes"));
	for (i = 0; table && i < table->count; i++)
		if (table->class[i].prio == nla_get_u32(info->attrs[CPNS_A_CLASS_PRIO]))
			break;
	if (!table || i == table->count)
		return ERR_PTR(refuse(info->extack, info->attrs[CPNS_A_CLASS_PRIO], -ENOENT,
				      "the device has no class with this prio"));
	msg = cpns_nl_reply_new(info, CPNS_NL_REPLY_SIZE, &hdr);
	if (!msg)
		return ERR_PTR(-ENOMEM);
	if (WARN_ON_ONCE(fill_class(msg, cdev, &table->class[i]))) {
		nlmsg_free(msg);
		return ERR_PTR(-EMSGSIZE);
	}
	genlmsg_end(msg, hdr);
	return msg;
}

int cpns_nl_class_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct sk_buff *msg;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	msg = class_reply(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return IS_ERR(msg) ? PTR_ERR(msg) : genlmsg_reply(msg, info);
}

static int dump_classes(struct sk_buff *skb, struct netlink_callback *cb,
			struct cpns_device *cdev, struct cpns_nl_cursor *cursor)
{
	const struct cpns_class_table *table = device_classes(cdev);
	const struct nlattr *prio = cpns_compat_dump_attrs(cb)[CPNS_A_CLASS_PRIO];
	unsigned int i;
	void *hdr;

	if (prio)
		return refuse(cb->extack, prio, -EINVAL,
			      "prio is for the get of one class: leave it out of a dump");
	for (i = 0; table && i < table->count; i++) {
		const struct cpns_class *class = &table->class[i];

		if (class->prio < cursor->item)
			continue;
		hdr = cpns_nl_dump_put(skb, cb);
		if (!hdr)
			return -EMSGSIZE;
		if (fill_class(skb, cdev, class)) {
			genlmsg_cancel(skb, hdr);
			return -EMSGSIZE;
		}
		genl_dump_check_consistent(cb, hdr);
		genlmsg_end(skb, hdr);
		cursor->item = class->prio + 1ULL;
	}
	return 0;
}

int cpns_nl_class_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return cpns_nl_dump(skb, cb, dump_classes);
}

static int new_class(struct genl_info *info, struct cpns_device *cdev)
{
	struct nlattr **attrs = info->attrs;
	struct cpns_class class = { .mask = ~0U };
	struct cpns_class_table *table;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_CLASS_PRIO) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_CLASS_MARK) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_CLASS_MODE))
		return refuse(info->extack, NULL, -EINVAL,
			      "give prio, mark and mode of the class");
	class.prio = nla_get_u32(attrs[CPNS_A_CLASS_PRIO]);
	class.mark = nla_get_u32(attrs[CPNS_A_CLASS_MARK]);
	class.mode = nla_get_u8(attrs[CPNS_A_CLASS_MODE]);
	if (attrs[CPNS_A_CLASS_MASK])
		class.mask = nla_get_u32(attrs[CPNS_A_CLASS_MASK]);
	if (attrs[CPNS_A_CLASS_CLEAR])
		class.clear = nla_get_u8(attrs[CPNS_A_CLASS_CLEAR]);
	if (class.clear && class.mode != CPNS_MODE_ENCRYPT)
		return refuse(info->extack, attrs[CPNS_A_CLASS_CLEAR], -EINVAL,
			      "clear goes with mode encrypt only: leave it out");

	table = cpns_policy_with(device_classes(cdev), &class);
	if (PTR_ERR_OR_ZERO(table) == -ENOSPC)
		NL_SET_ERR_MSG(info->extack, "a device has at most 64 classes: delete some");
	if (IS_ERR(table))
		return PTR_ERR(table);
	set_classes(cdev, table);
	return 0;
}

int cpns_nl_class_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = new_class(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}

static int del_class(struct genl_info *info, struct cpns_device *cdev)
{
	const struct nlattr *prio = info->attrs[CPNS_A_CLASS_PRIO];
	struct cpns_class_table *table = NULL;

	if (prio) {
		table = cpns_policy_without(device_classes(cdev), nla_get_u32(prio));
		if (PTR_ERR_OR_ZERO(table) == -ENOENT)
			NL_SET_ERR_MSG_ATTR(info->extack, prio,
					    "the device has no class with this prio");
		if (IS_ERR(table))
			return PTR_ERR(table);
	}
	set_classes(cdev, table);
	return 0;
}

int cpns_nl_class_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = del_class(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}
