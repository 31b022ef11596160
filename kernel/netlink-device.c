// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/addrconf.h>

#include <cpns/wire.h>
#include "control.h"
#include "device.h"
#include "netlink.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "peer.h"
#include "relay.h"
#include "socket.h"
#include "stats.h"

static int put_relay_pan(struct sk_buff *skb, struct cpns_device *cdev)
{
	const struct cpns_relay_pan *pan =
		rcu_dereference_protected(cdev->relay.pan, lockdep_is_held(&cdev->lock));
	struct nlattr *nest = nla_nest_start(skb, CPNS_A_DEV_RELAY_PAN);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; pan && i < pan->count; i++)
		if (pan->ifindex[i] &&
		    nla_put_u32(skb, CPNS_A_INTERFACES_IFINDEX, pan->ifindex[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_device(struct sk_buff *skb, struct cpns_device *cdev)
{
	const struct cpns_listen *listen = &cdev->listen;
	u32 owner = cpns_control_owner(cdev);
	u64 sum[CPNS_STAT_LAST + 1];

	ASSERT_RTNL();
	if (nla_put_u32(skb, CPNS_A_DEV_IFINDEX, cdev->dev->ifindex) ||
	    nla_put_string(skb, CPNS_A_DEV_IFNAME, cdev->dev->name) ||
	    nla_put_u16(skb, CPNS_A_DEV_LISTEN_PORT, listen->port) ||
	    nla_put_in_addr(skb, CPNS_A_DEV_LOCAL_ADDR4, listen->addr4.s_addr) ||
	    nla_put_in6_addr(skb, CPNS_A_DEV_LOCAL_ADDR6, &listen->addr6) ||
	    nla_put_u32(skb, CPNS_A_DEV_FWMARK, listen->fwmark) ||
	    nla_put_u32(skb, CPNS_A_DEV_BIND_IFINDEX, listen->bind_ifindex) ||
	    nla_put_u32(skb, CPNS_A_DEV_PEERS, cdev->peer_count))
		return -EMSGSIZE;
	/* The set has no padding: this u64 may lie on any multiple of 4. */
	if (cdev->eid && nla_put(skb, CPNS_A_DEV_EID, sizeof(cdev->eid), &cdev->eid))
		return -EMSGSIZE;
	if (cdev->has_overlay &&
	    nla_put(skb, CPNS_A_DEV_OVERLAY_PREFIX, sizeof(cdev->overlay), &cdev->overlay))
		return -EMSGSIZE;
	if (owner && nla_put_u32(skb, CPNS_A_DEV_OWNER, owner))
		return -EMSGSIZE;
	if (nla_put_u32(skb, CPNS_A_DEV_RELAYS, cpns_relay_count(cdev)) ||
	    put_relay_pan(skb, cdev))
		return -EMSGSIZE;
	cpns_stats_read_device(cdev, sum);
	return cpns_nl_put_stats(skb, CPNS_A_DEV_STATS, sum);
}

int cpns_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, true);
	struct sk_buff *msg;
	int err = -ENOMEM;
	void *hdr;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	msg = cpns_nl_reply_new(info, CPNS_NL_REPLY_SIZE, &hdr);
	if (msg)
		err = fill_device(msg, cdev);
	cpns_nl_unlock_device(cdev, true);

	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

static int dump_device(struct sk_buff *skb, struct netlink_callback *cb,
		       struct cpns_device *cdev, struct cpns_nl_cursor *cursor)
{
	void *hdr = cpns_nl_dump_put(skb, cb);

	if (!hdr)
		return -EMSGSIZE;
	if (fill_device(skb, cdev)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int cpns_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	int ret;

	rtnl_lock();
	ret = cpns_nl_dump(skb, cb, dump_device);
	rtnl_unlock();
	return ret;
}

static bool request_listens(const struct genl_info *info)
{
	return info->attrs[CPNS_A_DEV_LISTEN_PORT] || info->attrs[CPNS_A_DEV_LOCAL_ADDR4] ||
	       info->attrs[CPNS_A_DEV_LOCAL_ADDR6] || info->attrs[CPNS_A_DEV_FWMARK] ||
	       info->attrs[CPNS_A_DEV_BIND_IFINDEX];
}

static bool same_listen(const struct cpns_listen *a, const struct cpns_listen *b)
{
	return a->port == b->port && a->addr4.s_addr == b->addr4.s_addr &&
	       ipv6_addr_equal(&a->addr6, &b->addr6) && a->fwmark == b->fwmark &&
	       a->bind_ifindex == b->bind_ifindex;
}

static int check_eid(struct genl_info *info, const struct cpns_device *cdev)
{
	const struct nlattr *attr = info->attrs[CPNS_A_DEV_EID];
	u64 eid;

	if (!attr)
		return 0;
	eid = nla_get_u64(attr);
	if (eid == CPNS_EID_NONE || eid == CPNS_EID_ALL)
		return refuse(info->extack, attr, -EINVAL,
			      "this EID names nobody: give that of the device's entity");
	if (eid != cdev->eid && cdev->peer_count)
		return refuse(info->extack, attr, -EBUSY,
			      "the EID is fixed while there are peers: delete them first");
	return 0;
}

static int check_overlay(struct genl_info *info, const struct cpns_device *cdev)
{
	const struct nlattr *attr = info->attrs[CPNS_A_DEV_OVERLAY_PREFIX];
	struct in6_addr addr = {};
	__be64 overlay;

	if (!attr)
		return 0;
	nla_memcpy(&overlay, attr, sizeof(overlay));
	memcpy(&addr, &overlay, sizeof(overlay));
	if (ipv6_addr_any(&addr) || ipv6_addr_is_multicast(&addr) ||
	    ipv6_addr_type(&addr) & IPV6_ADDR_LINKLOCAL)
		return refuse(info->extack, attr, -EINVAL,
			      "the overlay prefix must be of unicast addresses, not link-local ones");
	if (cdev->peer_count && !(cdev->has_overlay && cdev->overlay == overlay))
		return refuse(info->extack, attr, -EBUSY,
			      "the overlay prefix is fixed while there are peers: delete them first");
	return 0;
}

static int check_bind(struct genl_info *info, struct cpns_device *cdev, u32 ifindex)
{
	const struct nlattr *attr = info->attrs[CPNS_A_DEV_BIND_IFINDEX];
	const struct net_device *dev;

	if (!ifindex)
		return 0;
	dev = ifindex > INT_MAX ? NULL : __dev_get_by_index(cdev->net, ifindex);
	if (!dev)
		return refuse(info->extack, attr, -ENODEV,
			      "the namespace where the device was made has no such interface");
	if (dev == cdev->dev)
		return refuse(info->extack, attr, -ELOOP,
			      "a device cannot be bound to itself: name the interface outside");
	return 0;
}

/* What the device would listen to after the request. */
static int parse_listen(struct genl_info *info, struct cpns_device *cdev,
			struct cpns_listen *listen)
{
	struct nlattr **attrs = info->attrs;
	u32 ifindex;

	*listen = cdev->listen;
	if (attrs[CPNS_A_DEV_LISTEN_PORT])
		listen->port = nla_get_u16(attrs[CPNS_A_DEV_LISTEN_PORT]);
	if (attrs[CPNS_A_DEV_LOCAL_ADDR4]) {
		listen->addr4.s_addr = nla_get_in_addr(attrs[CPNS_A_DEV_LOCAL_ADDR4]);
		if (listen->addr4.s_addr && !cpns_nl_is_host4(listen->addr4.s_addr))
			return refuse(info->extack, attrs[CPNS_A_DEV_LOCAL_ADDR4], -EINVAL,
				      "give an address of this host, or 0.0.0.0 for all");
	}
	if (attrs[CPNS_A_DEV_LOCAL_ADDR6]) {
		listen->addr6 = nla_get_in6_addr(attrs[CPNS_A_DEV_LOCAL_ADDR6]);
		if (!ipv6_addr_any(&listen->addr6) && !cpns_nl_is_host6(&listen->addr6))
			return refuse(info->extack, attrs[CPNS_A_DEV_LOCAL_ADDR6], -EINVAL,
				      "give an IPv6 address of this host, or :: for all");
	}
	if (attrs[CPNS_A_DEV_FWMARK])
		listen->fwmark = nla_get_u32(attrs[CPNS_A_DEV_FWMARK]);
	if (attrs[CPNS_A_DEV_BIND_IFINDEX]) {
		ifindex = nla_get_u32(attrs[CPNS_A_DEV_BIND_IFINDEX]);
		listen->bind_ifindex = ifindex;
		return check_bind(info, cdev, ifindex);
	}
	return 0;
}

static int set_listen(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_listen listen;
	struct cpns_peer *peer;
	int err;

	err = cpns_nl_check_transport(skb, info, cdev);
	if (!err)
		err = parse_listen(info, cdev, &listen);
	if (err || same_listen(&listen, &cdev->listen))
		return err;

	if (netif_running(cdev->dev)) {
		err = cpns_socket_open(cdev, &listen, info->extack);
		if (err)
			return err;
	}
	cdev->listen = listen;
	/* Routes were found with the old mark and interface. */
	list_for_each_entry(peer, &cdev->peer_list, list)
		dst_cache_reset(&peer->dst_cache);
	return 0;
}

static int parse_relay_pan(struct genl_info *info, struct cpns_device *cdev,
			   const struct nlattr *nest, struct cpns_relay_pan *pan)
{
	u32 ifindex = nla_get_u32(nest);
	const struct net_device *dev;
	unsigned int i;

	if (pan->count == CPNS_RELAY_PAN_MAX)
		return refuse(info->extack, nest, -ENOSPC,
			      "relay-pan takes at most 16 interfaces: leave some out");
	dev = ifindex > INT_MAX ? NULL : __dev_get_by_index(cdev->net, ifindex);
	if (!dev)
		return refuse(info->extack, nest, -ENODEV,
			      "the namespace where the device was made has no such interface");
	if (dev == cdev->dev)
		return refuse(info->extack, nest, -ELOOP,
			      "nobody asks on the device itself: name the interface outside");
	for (i = 0; i < pan->count; i++)
		if (pan->ifindex[i] == ifindex)
			return refuse(info->extack, nest, -EINVAL,
				      "an interface is twice in relay-pan: leave one out");
	pan->ifindex[pan->count++] = ifindex;
	return 0;
}

/* The list that a request asks for, or NULL where it asks for none. */
static struct cpns_relay_pan *request_relay_pan(struct sk_buff *skb, struct genl_info *info,
						struct cpns_device *cdev)
{
	const struct nlattr *attr = info->attrs[CPNS_A_DEV_RELAY_PAN];
	struct cpns_relay_pan *pan;
	struct nlattr *nest;
	int err, rem;

	if (!attr)
		return NULL;
	err = nla_validate_nested(attr, CPNS_A_INTERFACES_MAX, cpns_interfaces_nl_policy,
				  info->extack);
	if (!err)
		err = cpns_nl_check_transport(skb, info, cdev);
	if (err)
		return ERR_PTR(err);
	pan = kzalloc(sizeof(*pan), GFP_KERNEL_ACCOUNT);
	if (!pan)
		return ERR_PTR(-ENOMEM);
	nla_for_each_nested(nest, attr, rem) {
		err = parse_relay_pan(info, cdev, nest, pan);
		if (err) {
			kfree(pan);
			return ERR_PTR(err);
		}
	}
	return pan;
}

static int set_device(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_relay_pan *pan;
	int err;

	err = check_eid(info, cdev);
	if (!err)
		err = check_overlay(info, cdev);
	if (err)
		return err;
	pan = request_relay_pan(skb, info, cdev);
	if (IS_ERR(pan))
		return PTR_ERR(pan);
	/* The last step that may fail, and the first that changes something. */
	if (request_listens(info)) {
		err = set_listen(skb, info, cdev);
		if (err) {
			kfree(pan);
			return err;
		}
	}

	if (info->attrs[CPNS_A_DEV_EID])
		WRITE_ONCE(cdev->eid, nla_get_u64(info->attrs[CPNS_A_DEV_EID]));
	if (info->attrs[CPNS_A_DEV_OVERLAY_PREFIX]) {
		nla_memcpy(&cdev->overlay, info->attrs[CPNS_A_DEV_OVERLAY_PREFIX],
			   sizeof(cdev->overlay));
		cdev->has_overlay = true;
	}
	if (pan)
		cpns_relay_set_pan(cdev, pan);
	cdev->generation++;
	return 0;
}

int cpns_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool rtnl = request_listens(info) || info->attrs[CPNS_A_DEV_RELAY_PAN];
	struct cpns_device *cdev = cpns_nl_lock_device(info, rtnl);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = set_device(skb, info, cdev);
	cpns_nl_unlock_device(cdev, rtnl);
	return err;
}
