// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/udp.h>
#include <net/addrconf.h>

#include <cpns/wire.h>
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "pan.h"
#include "peer.h"
#include "policy.h"
#include "prefix.h"
#include "send.h"
#include "session.h"
#include "socket.h"
#include "stats.h"

enum {
	/* Peers of a device whose administrator is one of a user namespace only. */
	PEERS_MAX_UNPRIVILEGED = 4096,

	/* Room for one prefix in an answer. */
	REPLY_PREFIX_SIZE = 32,
};

/* Attributes that belong together follow each other. */
static_assert(CPNS_A_PEER_INNER_SRC_ADD - CPNS_A_PEER_INNER_SRC == 1);
static_assert(CPNS_A_PEER_INNER_SRC_DEL - CPNS_A_PEER_INNER_SRC == 2);
static_assert(CPNS_A_PEER_ALLOWED_DST_ADD - CPNS_A_PEER_ALLOWED_DST == 1);
static_assert(CPNS_A_PEER_ALLOWED_DST_DEL - CPNS_A_PEER_ALLOWED_DST == 2);

static bool prefix_is_within(const struct cpns_prefix *prefix, const struct in6_addr *net,
			     unsigned int len)
{
	return prefix->addr.family == AF_INET6 && prefix->len >= len &&
	       ipv6_prefix_equal(&prefix->addr.a, net, len);
}

static bool prefix_is_multicast(const struct cpns_prefix *prefix)
{
	if (prefix->addr.family == AF_INET)
		return prefix->len >= 4 && ipv4_is_multicast(prefix->addr.a.s6_addr32[0]);
	return prefix->len >= 8 && ipv6_addr_is_multicast(&prefix->addr.a);
}

/*
 * Addresses that follow from an EID belong to its entity. But another entity may
 * be reached through this peer, as an IP router: by its overlay address alone.
 */
static bool follows_from_eid(const struct cpns_device *cdev, const struct cpns_peer *peer,
			     const struct cpns_prefix *prefix)
{
	static const struct in6_addr link_local = { .s6_addr = { 0xfe, 0x80 } };
	struct in6_addr overlay = {};
	u64 eid;

	if (prefix_is_within(prefix, &link_local, 10))
		return true;
	memcpy(&overlay, &cdev->overlay, sizeof(cdev->overlay));
	if (!cdev->has_overlay || !prefix_is_within(prefix, &overlay, 64))
		return false;
	eid = get_unaligned_be64(&prefix->addr.a.s6_addr[8]);
	return prefix->len != 128 || eid == cdev->eid || (peer && eid == peer->eid) ||
	       eid == CPNS_EID_NONE || eid == CPNS_EID_ALL;
}

/* May the peer have these addresses inside? */
static int check_inner_src(struct genl_info *info, struct cpns_device *cdev,
			   const struct cpns_peer *peer, const struct cpns_prefix_list *list)
{
	struct nlattr *attr = info->attrs[CPNS_A_PEER_INNER_SRC] ?:
			      info->attrs[CPNS_A_PEER_INNER_SRC_ADD];
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		const struct cpns_prefix *prefix = &list->prefix[i];
		const struct cpns_peer *owner;

		if (prefix_is_multicast(prefix))
			return refuse(info->extack, attr, -EINVAL,
				      "multicast addresses belong to no peer: leave them out");
		if (follows_from_eid(cdev, peer, prefix))
			return refuse(info->extack, attr, -EINVAL,
				      "overlay and link-local addresses follow from the EID: leave them out");
		rcu_read_lock();
		owner = cpns_prefix_table_owner(&cdev->prefixes, prefix);
		rcu_read_unlock();
		if (owner && owner != peer)
			return refuse(info->extack, attr, -EEXIST,
				      "another peer has one of these prefixes: take it from that one first");
	}
	return 0;
}

/*
 * Gives the peer its new inner addresses, and the old list to the heap. What is
 * in both lists is not touched, so that no packet misses it.
 */
static int apply_inner_src(struct cpns_device *cdev, struct cpns_peer *peer,
			   struct cpns_prefix_list *list)
{
	struct cpns_prefix_list *old = peer->inner_src;
	unsigned int i;
	int err;

	for (i = 0; i < list->count; i++) {
		if (cpns_prefix_list_find(old, &list->prefix[i]))
			continue;
		err = cpns_prefix_table_add(&cdev->prefixes, &list->prefix[i], peer);
		if (err)
			goto err_undo;
	}
	for (i = 0; old && i < old->count; i++)
		if (!cpns_prefix_list_find(list, &old->prefix[i]))
			cpns_prefix_table_del(&cdev->prefixes, &old->prefix[i]);
	peer->inner_src = list;
	kfree(old);
	return 0;

err_undo:
	while (i--)
		if (!cpns_prefix_list_find(old, &list->prefix[i]))
			cpns_prefix_table_del(&cdev->prefixes, &list->prefix[i]);
	return err;
}

static int put_timing(struct sk_buff *skb, const struct cpns_peer *peer)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u64 rx = READ_ONCE(peer->last_rx), tx = READ_ONCE(peer->last_tx);

	/* Another CPU may be a tick ahead. */
	if (rx && nla_put_u64_64bit(skb, CPNS_A_PEER_LAST_RX,
				    now > rx ? div_u64(now - rx, NSEC_PER_MSEC) : 0,
				    CPNS_A_PEER_PAD))
		return -EMSGSIZE;
	if (tx && nla_put_u64_64bit(skb, CPNS_A_PEER_LAST_TX,
				    now > tx ? div_u64(now - tx, NSEC_PER_MSEC) : 0,
				    CPNS_A_PEER_PAD))
		return -EMSGSIZE;
	return 0;
}

static int put_pan(struct sk_buff *skb, const struct cpns_peer *peer)
{
	const struct cpns_pan *pan =
		rcu_dereference_protected(peer->pan, lockdep_is_held(&peer->cdev->lock));

	if (!pan)
		return 0;
	if (nla_put_u32(skb, CPNS_A_PEER_PAN_IFINDEX, pan->ep.ifindex))
		return -EMSGSIZE;
	return cpns_netlink_put_endpoint(skb, CPNS_A_PEER_PAN_ADDR, &pan->ep);
}

/* What the path takes, by a secure PAN where that is the way. */
static int path_mtu(struct cpns_peer *peer)
{
	const struct cpns_pan *pan = rcu_dereference(peer->pan);

	return pan ? cpns_socket_pan_mtu(peer->cdev, pan) : cpns_socket_path_mtu(peer);
}

/* What is read under RCU: endpoint, path, and whether a session is confirmed. */
static int put_path(struct sk_buff *skb, struct cpns_peer *peer)
{
	const struct cpns_endpoint *ep;
	const struct cpns_session *s;
	bool up = false;
	int mtu, err;
	int i;

	local_bh_disable();
	rcu_read_lock();
	ep = rcu_dereference(peer->endpoint);
	err = ep ? cpns_netlink_put_endpoint(skb, CPNS_A_PEER_ENDPOINT, ep) : 0;
	mtu = path_mtu(peer);
	for (i = 0; i < CPNS_SESSION_SLOTS; i++) {
		s = rcu_dereference(peer->slot[i]);
		up |= s && test_bit(CPNS_SESSION_CONFIRMED, &s->state);
	}
	rcu_read_unlock();
	local_bh_enable();

	if (err || (mtu > 0 && nla_put_u32(skb, CPNS_A_PEER_MTU, mtu)) ||
	    (up && nla_put_flag(skb, CPNS_A_PEER_UP)))
		return -EMSGSIZE;
	return 0;
}

/* All of a peer but its lists. */
static int put_peer(struct sk_buff *skb, struct cpns_peer *peer)
{
	u64 sum[CPNS_STAT_LAST + 1];

	if (nla_put_u32(skb, CPNS_A_PEER_FLAGS, peer->flags) ||
	    nla_put_u32(skb, CPNS_A_PEER_KEEPALIVE_INTERVAL, peer->keepalive_ms) ||
	    nla_put_u32(skb, CPNS_A_PEER_PASSIVE_KEEPALIVE, peer->passive_ms) ||
	    nla_put_u32(skb, CPNS_A_PEER_TIMEOUT, peer->timeout_ms) ||
	    nla_put_u32(skb, CPNS_A_PEER_WINDOW, peer->window) ||
	    nla_put_u8(skb, CPNS_A_PEER_MIN_MODE, peer->min_mode) ||
	    nla_put_u32(skb, CPNS_A_PEER_QUEUED, skb_queue_len_lockless(&peer->queue)))
		return -EMSGSIZE;
	if (peer->min_mode == CPNS_MODE_ENCRYPT &&
	    nla_put_u8(skb, CPNS_A_PEER_MAX_CLEAR, peer->max_clear))
		return -EMSGSIZE;
	if (put_timing(skb, peer) || put_path(skb, peer) || put_pan(skb, peer))
		return -EMSGSIZE;
	if (peer->relay_to && nla_put_u64_64bit(skb, CPNS_A_PEER_RELAY_TO, peer->relay_to,
						CPNS_A_PEER_PAD))
		return -EMSGSIZE;
	cpns_stats_read_peer(peer, sum);
	return cpns_nl_put_stats(skb, CPNS_A_PEER_STATS, sum);
}

/*
 * One message with a peer, or what is left of its lists. Returns 0 where the
 * peer is complete with it, 1 where the lists go on in another message, and
 * -EMSGSIZE where nothing fits.
 */
static int fill_peer(struct sk_buff *skb, struct cpns_peer *peer, struct cpns_nl_cursor *cursor)
{
	const struct cpns_prefix_list *allowed_dst =
		rcu_dereference_protected(peer->allowed_dst, lockdep_is_held(&peer->cdev->lock));
	bool rest = cursor->partial == peer->id;
	unsigned int src = cursor->src, dst = cursor->dst;

	if (nla_put_u32(skb, CPNS_A_PEER_IFINDEX, peer->cdev->dev->ifindex) ||
	    nla_put_u64_64bit(skb, CPNS_A_PEER_EID, peer->eid, CPNS_A_PEER_PAD))
		return -EMSGSIZE;
	if (!rest) {
		if (put_peer(skb, peer))
			return -EMSGSIZE;
		cursor->src = 0;
		cursor->dst = 0;
	}
	if (!cpns_nl_put_prefixes(skb, CPNS_A_PEER_INNER_SRC, peer->inner_src, &cursor->src) &&
	    !cpns_nl_put_prefixes(skb, CPNS_A_PEER_ALLOWED_DST, allowed_dst, &cursor->dst))
		return 0;
	if (rest && src == cursor->src && dst == cursor->dst)
		return -EMSGSIZE;
	cursor->partial = peer->id;
	return 1;
}

static size_t peer_size(const struct cpns_peer *peer)
{
	const struct cpns_prefix_list *allowed_dst =
		rcu_dereference_protected(peer->allowed_dst, lockdep_is_held(&peer->cdev->lock));
	unsigned int prefixes = 0;

	if (peer->inner_src)
		prefixes += peer->inner_src->count;
	if (allowed_dst)
		prefixes += allowed_dst->count;
	return CPNS_NL_REPLY_SIZE + prefixes * REPLY_PREFIX_SIZE;
}

static struct sk_buff *peer_reply(struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_peer *peer = cpns_nl_request_peer(info, cdev);
	struct cpns_nl_cursor cursor = {};
	struct sk_buff *msg;
	void *hdr;

	if (IS_ERR(peer))
		return ERR_CAST(peer);
	msg = cpns_nl_reply_new(info, peer_size(peer), &hdr);
	if (!msg)
		return ERR_PTR(-ENOMEM);
	if (WARN_ON_ONCE(fill_peer(msg, peer, &cursor))) {
		nlmsg_free(msg);
		return ERR_PTR(-EMSGSIZE);
	}
	genlmsg_end(msg, hdr);
	return msg;
}

int cpns_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct sk_buff *msg;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	msg = peer_reply(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return IS_ERR(msg) ? PTR_ERR(msg) : genlmsg_reply(msg, info);
}

static int dump_peers(struct sk_buff *skb, struct netlink_callback *cb,
		      struct cpns_device *cdev, struct cpns_nl_cursor *cursor)
{
	struct cpns_peer *peer;
	void *hdr;
	int ret;

	list_for_each_entry(peer, &cdev->peer_list, list) {
		if (cpns_nl_dump_skips(cb, peer, cursor))
			continue;
		hdr = cpns_nl_dump_put(skb, cb);
		if (!hdr)
			return -EMSGSIZE;
		ret = fill_peer(skb, peer, cursor);
		if (ret < 0) {
			genlmsg_cancel(skb, hdr);
			return ret;
		}
		genl_dump_check_consistent(cb, hdr);
		genlmsg_end(skb, hdr);
		if (ret)
			return -EMSGSIZE;
		cursor->item = peer->id;
	}
	return 0;
}

int cpns_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return cpns_nl_dump(skb, cb, dump_peers);
}

/**
 * struct peer_change - what a request makes of a peer, ready to be carried out
 * @endpoint: new endpoint, or NULL for the old one
 * @inner_src: new list, or NULL for the old one
 * @allowed_dst: new list, or NULL for the old one
 * @pan: where it is on a secure PAN now, or NULL for none
 */
struct peer_change {
	struct cpns_endpoint *endpoint;
	struct cpns_prefix_list *inner_src;
	struct cpns_prefix_list *allowed_dst;
	struct cpns_pan *pan;
};

static void free_change(struct peer_change *change)
{
	kfree(change->endpoint);
	kfree(change->inner_src);
	kfree(change->allowed_dst);
	kfree(change->pan);
}

static int check_peer_flags(struct genl_info *info, struct cpns_device *cdev,
			    const struct cpns_peer *peer)
{
	const struct nlattr *attr = info->attrs[CPNS_A_PEER_FLAGS];
	const struct cpns_peer *multicast = rcu_access_pointer(cdev->multicast);

	if (attr && nla_get_u32(attr) & CPNS_PEER_FLAGS_MULTICAST &&
	    multicast && multicast != peer)
		return refuse(info->extack, attr, -EBUSY,
			      "multicast goes to another peer: clear its flag first");
	return 0;
}

/* @peer is NULL for one that is to be made. */
static int check_peer_level(struct genl_info *info, const struct cpns_peer *peer)
{
	const struct nlattr *window = info->attrs[CPNS_A_PEER_WINDOW];
	const struct nlattr *mode = info->attrs[CPNS_A_PEER_MIN_MODE];
	const struct nlattr *clear = info->attrs[CPNS_A_PEER_MAX_CLEAR];
	u8 min_mode = peer ? peer->min_mode : CPNS_MODE_ENCRYPT;

	if (window && nla_get_u32(window) % CPNS_WINDOW_STEP)
		return refuse(info->extack, window, -EINVAL, "window must be a multiple of 64");
	if (mode)
		min_mode = nla_get_u8(mode);
	if (clear && nla_get_u8(clear) && min_mode != CPNS_MODE_ENCRYPT)
		return refuse(info->extack, clear, -EINVAL,
			      "max-clear goes with min-mode encrypt only: leave it out");
	return 0;
}

static int prepare_endpoint(struct genl_info *info, struct peer_change *change)
{
	const struct nlattr *attr = info->attrs[CPNS_A_PEER_ENDPOINT];

	if (!attr)
		return 0;
	change->endpoint = kmalloc(sizeof(*change->endpoint), GFP_KERNEL_ACCOUNT);
	if (!change->endpoint)
		return -ENOMEM;
	return cpns_nl_parse_endpoint(attr, change->endpoint, info->extack);
}

static int prepare_lists(struct genl_info *info, struct cpns_device *cdev,
			 const struct cpns_peer *peer, struct peer_change *change)
{
	struct cpns_prefix_list *list;

	list = cpns_nl_request_list(info, CPNS_A_PEER_INNER_SRC, peer ? peer->inner_src : NULL);
	if (IS_ERR(list))
		return PTR_ERR(list);
	change->inner_src = list;
	list = cpns_nl_request_list(info, CPNS_A_PEER_ALLOWED_DST, peer ?
				    rcu_dereference_protected(peer->allowed_dst,
							      lockdep_is_held(&cdev->lock)) : NULL);
	if (IS_ERR(list))
		return PTR_ERR(list);
	change->allowed_dst = list;
	return change->inner_src ? check_inner_src(info, cdev, peer, change->inner_src) : 0;
}

static int check_relay_to(struct genl_info *info, const struct cpns_device *cdev)
{
	const struct nlattr *attr = info->attrs[CPNS_A_PEER_RELAY_TO];
	u64 eid = attr ? nla_get_u64(attr) : CPNS_EID_NONE;

	if (eid == CPNS_EID_ALL)
		return refuse(info->extack, attr, -EINVAL,
			      "this EID names nobody: give that of a peer, or 0 for none");
	if (eid && eid == cdev->eid)
		return refuse(info->extack, attr, -EINVAL,
			      "this is the device's own EID: give that of a peer, or 0 for none");
	if (eid && eid == nla_get_u64(info->attrs[CPNS_NL_ATTR_EID]))
		return refuse(info->extack, attr, -EINVAL,
			      "a peer is not relayed to itself: give another peer's EID, or 0");
	return 0;
}

static bool request_pan(const struct genl_info *info)
{
	return info->attrs[CPNS_A_PEER_PAN_IFINDEX] || info->attrs[CPNS_A_PEER_PAN_ADDR];
}

/* Nothing is sent there in fragments. */
static unsigned int least_pan_mtu(const struct cpns_endpoint *ep)
{
	return CPNS_INNER_ALWAYS + CPNS_DATA_HEADER_LEN + sizeof(struct udphdr) +
	       (ep->addr.sa.sa_family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

static int check_pan(struct genl_info *info, struct cpns_device *cdev,
		     const struct cpns_peer *peer, const struct cpns_endpoint *ep)
{
	const struct nlattr *addr = info->attrs[CPNS_A_PEER_PAN_ADDR];
	const struct nlattr *ifindex = info->attrs[CPNS_A_PEER_PAN_IFINDEX];
	const struct net_device *dev = __dev_get_by_index(cdev->net, ep->ifindex);
	const struct cpns_peer *owner;

	if (!dev)
		return refuse(info->extack, ifindex, -ENODEV,
			      "the namespace where the device was made has no such interface");
	if (dev == cdev->dev)
		return refuse(info->extack, ifindex, -ELOOP,
			      "a device is no PAN of its own: name the interface outside");
	if (dev->mtu < least_pan_mtu(ep))
		return refuse(info->extack, ifindex, -EINVAL,
			      "a secure PAN needs an MTU of 1360 bytes, 1340 for an IPv4 address");
	if (ep->addr.sa.sa_family == AF_INET6 && ep->addr.in6.sin6_scope_id &&
	    ep->addr.in6.sin6_scope_id != ep->ifindex)
		return refuse(info->extack, addr, -EINVAL,
			      "the scope of pan-addr must be pan-ifindex");
	owner = cpns_pan_owner(cdev, ep);
	if (owner && owner != peer)
		return refuse(info->extack, addr, -EEXIST,
			      "another peer has this address on a secure PAN: take it from that one first");
	return 0;
}

static int prepare_pan(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev,
		       const struct cpns_peer *peer, struct peer_change *change)
{
	const struct nlattr *addr = info->attrs[CPNS_A_PEER_PAN_ADDR];
	const struct nlattr *attr = info->attrs[CPNS_A_PEER_PAN_IFINDEX];
	u32 ifindex = attr ? nla_get_u32(attr) : 0;
	int err;

	if (!request_pan(info))
		return 0;
	if (!ifindex != !addr)
		return refuse(info->extack, addr ?: attr, -EINVAL,
			      "pan-ifindex and pan-addr go together; pan-ifindex 0 alone is for none");
	err = cpns_nl_check_transport(skb, info, cdev);
	if (err || !ifindex)
		return err;
	if (ifindex > INT_MAX)
		return refuse(info->extack, attr, -ENODEV,
			      "the namespace where the device was made has no such interface");
	change->pan = kzalloc(sizeof(*change->pan), GFP_KERNEL_ACCOUNT);
	if (!change->pan)
		return -ENOMEM;
	err = cpns_nl_parse_endpoint(addr, &change->pan->ep, info->extack);
	if (err)
		return err;
	change->pan->ep.ifindex = ifindex;
	return check_pan(info, cdev, peer, &change->pan->ep);
}

/* All that may refuse a request. The caller frees @change in any case. */
static int prepare_peer(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev,
			const struct cpns_peer *peer, struct peer_change *change)
{
	int err;

	err = check_peer_flags(info, cdev, peer);
	if (!err)
		err = check_peer_level(info, peer);
	if (!err)
		err = check_relay_to(info, cdev);
	if (!err)
		err = prepare_pan(skb, info, cdev, peer, change);
	if (!err)
		err = prepare_endpoint(info, change);
	if (!err)
		err = prepare_lists(info, cdev, peer, change);
	return err;
}

static void apply_flags(struct cpns_device *cdev, struct cpns_peer *peer, u32 flags)
{
	WRITE_ONCE(peer->flags, flags);
	if (flags & CPNS_PEER_FLAGS_MULTICAST)
		rcu_assign_pointer(cdev->multicast, peer);
	else if (rcu_access_pointer(cdev->multicast) == peer)
		RCU_INIT_POINTER(cdev->multicast, NULL);
}

static void apply_numbers(struct genl_info *info, struct cpns_peer *peer)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[CPNS_A_PEER_KEEPALIVE_INTERVAL])
		WRITE_ONCE(peer->keepalive_ms, nla_get_u32(attrs[CPNS_A_PEER_KEEPALIVE_INTERVAL]));
	if (attrs[CPNS_A_PEER_PASSIVE_KEEPALIVE])
		WRITE_ONCE(peer->passive_ms, nla_get_u32(attrs[CPNS_A_PEER_PASSIVE_KEEPALIVE]));
	if (attrs[CPNS_A_PEER_TIMEOUT])
		WRITE_ONCE(peer->timeout_ms, nla_get_u32(attrs[CPNS_A_PEER_TIMEOUT]));
	if (attrs[CPNS_A_PEER_WINDOW])
		WRITE_ONCE(peer->window, nla_get_u32(attrs[CPNS_A_PEER_WINDOW]));
	if (attrs[CPNS_A_PEER_MIN_MODE])
		WRITE_ONCE(peer->min_mode, nla_get_u8(attrs[CPNS_A_PEER_MIN_MODE]));
	if (attrs[CPNS_A_PEER_MAX_CLEAR])
		WRITE_ONCE(peer->max_clear, nla_get_u8(attrs[CPNS_A_PEER_MAX_CLEAR]));
	if (attrs[CPNS_A_PEER_RELAY_TO])
		WRITE_ONCE(peer->relay_to, nla_get_u64(attrs[CPNS_A_PEER_RELAY_TO]));
}

/* Takes what it uses out of @change. Fails only before it changed something. */
static int apply_peer(struct genl_info *info, struct cpns_device *cdev, struct cpns_peer *peer,
		      struct peer_change *change)
{
	struct cpns_prefix_list *old;
	int err;

	if (change->inner_src) {
		err = apply_inner_src(cdev, peer, change->inner_src);
		if (err)
			return err;
		change->inner_src = NULL;
	}
	if (change->allowed_dst) {
		old = rcu_replace_pointer(peer->allowed_dst, change->allowed_dst,
					  lockdep_is_held(&cdev->lock));
		change->allowed_dst = NULL;
		if (old)
			kfree_rcu(old, rcu);
	}
	if (change->endpoint) {
		cpns_peer_set_endpoint(peer, change->endpoint);
		change->endpoint = NULL;
	}
	if (request_pan(info)) {
		cpns_pan_set(peer, change->pan);
		change->pan = NULL;
	}
	if (info->attrs[CPNS_A_PEER_FLAGS])
		apply_flags(cdev, peer, nla_get_u32(info->attrs[CPNS_A_PEER_FLAGS]));
	apply_numbers(info, peer);
	cpns_peer_kick_timer(peer);
	cdev->generation++;
	return 0;
}

/* May there be a peer with the EID of the request? */
static int check_new_peer(struct genl_info *info, struct cpns_device *cdev)
{
	const struct nlattr *attr = info->attrs[CPNS_A_PEER_EID];
	u64 eid;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_PEER_EID))
		return refuse(info->extack, NULL, -EINVAL, "give the eid of the peer");
	eid = nla_get_u64(attr);
	if (cdev->eid == CPNS_EID_NONE)
		return refuse(info->extack, NULL, -EINVAL,
			      "the device has no EID: give it one with dev-set first");
	if (eid == CPNS_EID_NONE || eid == CPNS_EID_ALL)
		return refuse(info->extack, attr, -EINVAL,
			      "this EID names nobody: give that of the peer's entity");
	if (eid == cdev->eid)
		return refuse(info->extack, attr, -EINVAL,
			      "this is the device's own EID: give that of the peer");
	if (cpns_peer_find(cdev, eid))
		return refuse(info->extack, attr, -EEXIST,
			      "the device has this peer already: change it with peer-set");
	if (genl_info_net(info)->user_ns != &init_user_ns &&
	    cdev->peer_count >= PEERS_MAX_UNPRIVILEGED)
		return refuse(info->extack, NULL, -ENOSPC,
			      "a device in a user namespace has at most 4096 peers: delete some");
	return 0;
}

static int new_peer(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev,
		    struct peer_change *change)
{
	struct cpns_peer *peer;
	int err;

	err = check_new_peer(info, cdev);
	if (!err)
		err = prepare_peer(skb, info, cdev, NULL, change);
	if (err)
		return err;
	peer = cpns_peer_create(cdev, nla_get_u64(info->attrs[CPNS_A_PEER_EID]));
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = apply_peer(info, cdev, peer, change);
	if (err)
		cpns_peer_delete(peer);
	return err;
}

int cpns_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool rtnl = request_pan(info);
	struct cpns_device *cdev = cpns_nl_lock_device(info, rtnl);
	struct peer_change change = {};
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = new_peer(skb, info, cdev, &change);
	cpns_nl_unlock_device(cdev, rtnl);
	free_change(&change);
	return err;
}

static int set_peer(struct sk_buff *skb, struct genl_info *info, struct cpns_device *cdev,
		    struct peer_change *change)
{
	struct cpns_peer *peer = cpns_nl_request_peer(info, cdev);
	int err;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = prepare_peer(skb, info, cdev, peer, change);
	return err ?: apply_peer(info, cdev, peer, change);
}

int cpns_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool rtnl = request_pan(info);
	struct cpns_device *cdev = cpns_nl_lock_device(info, rtnl);
	struct peer_change change = {};
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = set_peer(skb, info, cdev, &change);
	cpns_nl_unlock_device(cdev, rtnl);
	free_change(&change);
	return err;
}

int cpns_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct cpns_peer *peer;
	int err = 0;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	peer = cpns_nl_request_peer(info, cdev);
	if (IS_ERR(peer)) {
		err = PTR_ERR(peer);
	} else {
		cpns_peer_delete(peer);
		cdev->generation++;
	}
	cpns_nl_unlock_device(cdev, false);
	return err;
}

static int send_keepalive(struct genl_info *info, struct cpns_device *cdev,
			  struct cpns_peer *peer)
{
	const struct nlattr *sid = info->attrs[CPNS_A_PEER_SID];
	struct cpns_session *s;
	int err = 0;

	local_bh_disable();
	rcu_read_lock();
	s = sid ? cpns_session_find(cdev, nla_get_u32(sid)) : cpns_session_get_sending(peer);
	if (s && s->peer == peer)
		cpns_send_keepalive(peer, s);
	else if (sid)
		err = refuse(info->extack, sid, -ENOENT, "the peer has no key with this local sid");
	else
		err = refuse(info->extack, NULL, -ENOTCONN,
			     "there is no session with the peer: install a key first");
	rcu_read_unlock();
	local_bh_enable();
	return err;
}

int cpns_nl_peer_keepalive_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct cpns_peer *peer;
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	peer = cpns_nl_request_peer(info, cdev);
	err = IS_ERR(peer) ? PTR_ERR(peer) : send_keepalive(info, cdev, peer);
	cpns_nl_unlock_device(cdev, false);
	return err;
}
