// SPDX-License-Identifier: GPL-2.0
#include <cpns/wire.h>
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "peer.h"
#include "relay.h"

static int fill_relay(struct sk_buff *skb, const struct cpns_device *cdev,
		      const struct cpns_relay_info *info)
{
	if (nla_put_u32(skb, CPNS_A_RELAY_IFINDEX, cdev->dev->ifindex) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_EID, info->eid, CPNS_A_RELAY_PAD) ||
	    nla_put_u32(skb, CPNS_A_RELAY_SID, info->sid) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_SERVER_EID, info->server, CPNS_A_RELAY_PAD) ||
	    cpns_netlink_put_endpoint(skb, CPNS_A_RELAY_ENDPOINT, &info->ep) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_AGE, info->age_ms, CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_REMAINING, info->remaining_ms,
			      CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_UP_PACKETS, info->up_packets,
			      CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_UP_BYTES, info->up_bytes, CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_DOWN_PACKETS, info->down_packets,
			      CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_DOWN_BYTES, info->down_bytes,
			      CPNS_A_RELAY_PAD) ||
	    nla_put_u64_64bit(skb, CPNS_A_RELAY_DROPPED, info->dropped, CPNS_A_RELAY_PAD))
		return -EMSGSIZE;
	return 0;
}

static struct sk_buff *relay_reply(struct genl_info *info, struct cpns_device *cdev)
{
	struct cpns_relay_info relay;
	struct sk_buff *msg;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_EID) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_SID))
		return ERR_PTR(refuse(info->extack, NULL, -EINVAL,
				      "give eid and sid of an entry, or dump all entries"));
	if (!cpns_relay_get(cdev, nla_get_u64(info->attrs[CPNS_A_RELAY_EID]),
			    nla_get_u32(info->attrs[CPNS_A_RELAY_SID]), &relay))
		return ERR_PTR(refuse(info->extack, info->attrs[CPNS_A_RELAY_SID], -ENOENT,
				      "there is no provisional entry with this EID and sid"));
	msg = cpns_nl_reply_new(info, CPNS_NL_REPLY_SIZE, &hdr);
	if (!msg)
		return ERR_PTR(-ENOMEM);
	if (WARN_ON_ONCE(fill_relay(msg, cdev, &relay))) {
		nlmsg_free(msg);
		return ERR_PTR(-EMSGSIZE);
	}
	genlmsg_end(msg, hdr);
	return msg;
}

int cpns_nl_relay_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	struct sk_buff *msg;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	msg = relay_reply(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return IS_ERR(msg) ? PTR_ERR(msg) : genlmsg_reply(msg, info);
}

/* Entries come and go by themselves, so that none is ever marked as interrupted. */
static int dump_relays(struct sk_buff *skb, struct netlink_callback *cb,
		       struct cpns_device *cdev, struct cpns_nl_cursor *cursor)
{
	struct nlattr **attrs = cpns_compat_dump_attrs(cb);
	const struct nlattr *eid = attrs[CPNS_A_RELAY_EID], *sid = attrs[CPNS_A_RELAY_SID];
	struct cpns_relay_info relay;
	void *hdr;

	if (sid)
		return refuse(cb->extack, sid, -EINVAL,
			      "sid is for the get of one entry: leave it out of a dump");
	while (cpns_relay_next(cdev, cursor->item, &relay)) {
		if (!eid || nla_get_u64(eid) == relay.eid) {
			hdr = cpns_nl_dump_put(skb, cb);
			if (!hdr)
				return -EMSGSIZE;
			if (fill_relay(skb, cdev, &relay)) {
				genlmsg_cancel(skb, hdr);
				return -EMSGSIZE;
			}
			genlmsg_end(skb, hdr);
		}
		cursor->item = relay.id;
	}
	return 0;
}

int cpns_nl_relay_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return cpns_nl_dump(skb, cb, dump_relays);
}

static int check_entity(struct genl_info *info, const struct cpns_device *cdev, u64 eid)
{
	const struct nlattr *attr = info->attrs[CPNS_A_RELAY_EID];

	if (eid == CPNS_EID_NONE || eid == CPNS_EID_ALL)
		return refuse(info->extack, attr, -EINVAL,
			      "this EID names nobody: give that of the entity");
	if (eid == cdev->eid)
		return refuse(info->extack, attr, -EINVAL,
			      "this is the device's own EID: nothing is relayed for it");
	return 0;
}

static int check_server(struct genl_info *info, struct cpns_device *cdev, u64 eid,
			const struct cpns_endpoint *ep)
{
	const struct nlattr *attr = info->attrs[CPNS_A_RELAY_SERVER_EID];
	const struct cpns_endpoint *server_ep;
	const struct cpns_peer *server = cpns_peer_find(cdev, nla_get_u64(attr));
	bool same;

	if (!server)
		return refuse(info->extack, attr, -ENOENT,
			      "the device has no peer with this EID: make the Server's first");
	if (server->eid == eid)
		return refuse(info->extack, attr, -EINVAL,
			      "the Server is the entity itself: give two EIDs");
	rcu_read_lock();
	server_ep = rcu_dereference(server->endpoint);
	same = server_ep && cpns_endpoint_same(server_ep, ep);
	rcu_read_unlock();
	if (same)
		return refuse(info->extack, info->attrs[CPNS_A_RELAY_ENDPOINT], -EINVAL,
			      "this is where the Server is: nothing goes back to where it came from");
	return 0;
}

static int new_relay(struct genl_info *info, struct cpns_device *cdev)
{
	struct nlattr **attrs = info->attrs;
	struct cpns_endpoint ep;
	u64 eid;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_EID) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_SID) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_SERVER_EID) ||
	    GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_ENDPOINT))
		return refuse(info->extack, NULL, -EINVAL,
			      "give eid, sid, server-eid and endpoint");
	eid = nla_get_u64(attrs[CPNS_A_RELAY_EID]);
	err = check_entity(info, cdev, eid);
	if (!err)
		err = cpns_nl_parse_endpoint(attrs[CPNS_A_RELAY_ENDPOINT], &ep, info->extack);
	if (err)
		return err;
	if (!ep.ifindex || !cpns_relay_pan_has(cdev, ep.ifindex))
		return refuse(info->extack, attrs[CPNS_A_RELAY_ENDPOINT], -EINVAL,
			      "the endpoint's ifindex must be one of the device's relay-pan");
	err = check_server(info, cdev, eid, &ep);
	if (err)
		return err;
	return cpns_relay_add(cdev, eid, nla_get_u32(attrs[CPNS_A_RELAY_SID]),
			      nla_get_u64(attrs[CPNS_A_RELAY_SERVER_EID]), &ep, info->extack);
}

int cpns_nl_relay_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = new_relay(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}

static int del_relay(struct genl_info *info, struct cpns_device *cdev)
{
	const struct nlattr *sid = info->attrs[CPNS_A_RELAY_SID];

	if (GENL_REQ_ATTR_CHECK(info, CPNS_A_RELAY_EID))
		return refuse(info->extack, NULL, -EINVAL, "give the eid of the entry");
	if (!cpns_relay_del(cdev, nla_get_u64(info->attrs[CPNS_A_RELAY_EID]),
			    sid ? nla_get_u32(sid) : 0))
		return refuse(info->extack, sid ?: info->attrs[CPNS_A_RELAY_EID], -ENOENT,
			      "there is no provisional entry with this EID and sid");
	return 0;
}

int cpns_nl_relay_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct cpns_device *cdev = cpns_nl_lock_device(info, false);
	int err;

	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	err = del_relay(info, cdev);
	cpns_nl_unlock_device(cdev, false);
	return err;
}
