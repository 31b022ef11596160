// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "netlink-common.h"
#include "peer.h"

static_assert(CPNS_NL_ATTR_IFINDEX == (int)CPNS_A_PEER_IFINDEX);
static_assert(CPNS_NL_ATTR_IFINDEX == (int)CPNS_A_KEY_IFINDEX);
static_assert(CPNS_NL_ATTR_IFINDEX == (int)CPNS_A_CLASS_IFINDEX);
static_assert(CPNS_NL_ATTR_IFINDEX == (int)CPNS_A_MSG_IFINDEX);
static_assert(CPNS_NL_ATTR_EID == (int)CPNS_A_KEY_EID);

static struct cpns_device *find_device(struct net *net, u32 ifindex)
{
	struct net_device *dev = dev_get_by_index(net, ifindex);

	if (dev && cpns_device_is(dev))
		return netdev_priv(dev);
	dev_put(dev);
	return NULL;
}

void cpns_nl_unlock_device(struct cpns_device *cdev, bool rtnl)
{
	struct net_device *dev = cdev->dev;

	mutex_unlock(&cdev->lock);
	dev_put(dev);
	if (rtnl)
		rtnl_unlock();
}

/* The device of a request, locked, under RTNL where that is wanted. */
struct cpns_device *cpns_nl_lock_device(struct genl_info *info, bool rtnl)
{
	struct cpns_device *cdev;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_NL_ATTR_IFINDEX))
		return ERR_PTR(refuse(info->extack, NULL, -EINVAL, "give the ifindex of a device"));
	if (rtnl)
		rtnl_lock();
	cdev = find_device(genl_info_net(info), nla_get_u32(info->attrs[CPNS_NL_ATTR_IFINDEX]));
	if (cdev) {
		mutex_lock(&cdev->lock);
		if (!cdev->dying)
			return cdev;
		cpns_nl_unlock_device(cdev, rtnl);
	} else if (rtnl) {
		rtnl_unlock();
	}
	return ERR_PTR(refuse(info->extack, info->attrs[CPNS_NL_ATTR_IFINDEX], -ENODEV,
			      "no device of kind cpns has this ifindex in this namespace"));
}

struct cpns_peer *cpns_nl_request_peer(struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_peer *peer;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_NL_ATTR_EID))
		return ERR_PTR(refuse(info->extack, NULL, -EINVAL, "give the eid of a peer"));
	peer = cpns_peer_find(cdev, nla_get_u64(info->attrs[CPNS_NL_ATTR_EID]));
	if (!peer)
		return ERR_PTR(refuse(info->extack, info->attrs[CPNS_NL_ATTR_EID], -ENOENT,
				      "the device has no peer with this EID"));
	return peer;
}

/*
 * What is outside belongs to the namespace where the device was made, which may
 * not be the requester's. RTNL is held.
 */
int cpns_nl_check_transport(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev)
{
	ASSERT_RTNL();
	if (!cdev->net)
		return refuse(info->extack, NULL, -ENOTCONN,
			      "the namespace where the device was made is gone: make a new device");
	if (!netlink_ns_capable(skb, cdev->net->user_ns, CAP_NET_ADMIN))
		return refuse(info->extack, NULL, -EPERM,
			      "this needs CAP_NET_ADMIN in the namespace where the device was made");
	return 0;
}

struct sk_buff *cpns_nl_reply_new(struct genl_info *info, size_t size, void **hdr)
{
	struct sk_buff *msg = genlmsg_new(size, GFP_KERNEL);

	if (!msg)
		return NULL;
	*hdr = genlmsg_put_reply(msg, info, &cpns_netlink_family, 0, info->genlhdr->cmd);
	if (*hdr)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

void *cpns_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genlmsghdr *request = nlmsg_data(cb->nlh);

	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &cpns_netlink_family, NLM_F_MULTI, request->cmd);
}

/* Dumps of one device, or NULL where there is none left. */
static struct cpns_device *dump_next(struct sk_buff *skb, struct netlink_callback *cb,
				     struct cpns_nl_cursor *cursor)
{
	const struct nlattr *ifindex = cpns_compat_dump_attrs(cb)[CPNS_NL_ATTR_IFINDEX];
	struct net *net = sock_net(skb->sk);
	struct cpns_device *cdev;

	if (cursor->done)
		return NULL;
	if (!ifindex)
		return cpns_device_next(net, cursor->dev);
	cdev = find_device(net, nla_get_u32(ifindex));
	if (!cdev)
		return ERR_PTR(refuse(cb->extack, ifindex, -ENODEV,
				      "no device of kind cpns has this ifindex in this namespace"));
	return cdev;
}

/*
 * Fills one buffer of a dump, of one device or of all of the namespace. A device
 * whose configuration changed between two buffers is marked as interrupted.
 */
int cpns_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, cpns_nl_dump_t fn)
{
	struct cpns_nl_cursor *cursor = (struct cpns_nl_cursor *)cb->ctx;
	struct cpns_device *cdev;
	int err = 0;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));

	while (!err && (cdev = dump_next(skb, cb, cursor))) {
		if (IS_ERR(cdev))
			return skb->len ?: PTR_ERR(cdev);
		mutex_lock(&cdev->lock);
		cb->seq = cdev->generation + 1;
		if (!cdev->dying)
			err = fn(skb, cb, cdev, cursor);
		if (!err) {
			*cursor = (struct cpns_nl_cursor){
				.dev = cdev->id,
				.done = cpns_compat_dump_attrs(cb)[CPNS_NL_ATTR_IFINDEX],
			};
			cb->prev_seq = 0;
		}
		cpns_nl_unlock_device(cdev, false);
	}
	/* Full is no error, but where not even one message fits. */
	return skb->len ?: err;
}

/* In a request, EIDs are given to see one peer only. */
bool cpns_nl_dump_skips(struct netlink_callback *cb, const struct cpns_peer *peer,
			const struct cpns_nl_cursor *cursor)
{
	const struct nlattr *eid = cpns_compat_dump_attrs(cb)[CPNS_NL_ATTR_EID];

	return peer->id <= cursor->item || (eid && nla_get_u64(eid) != peer->eid);
}

int cpns_nl_put_stats(struct sk_buff *skb, int attr, const u64 sum[CPNS_STAT_LAST + 1])
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = CPNS_STAT_FIRST; i <= CPNS_STAT_LAST; i++)
		if (nla_put_u64_64bit(skb, i, sum[i], CPNS_A_STATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
