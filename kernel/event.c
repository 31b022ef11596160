// SPDX-License-Identifier: GPL-2.0
#include <linux/ratelimit.h>

#include <cpns/wire.h>
#include "device.h"
#include "event.h"
#include "netlink.h"
#include "peer.h"
#include "session.h"
#include "socket.h"

/**
 * struct event - what is told of one
 * @cdev: device
 * @cmd: which event
 * @eid: of the peer
 * @sid: session, or 0 for none
 * @cause: enum cpns_cause, or -1 for none
 * @ep: where the peer is, or NULL
 */
struct event {
	struct cpns_device *cdev;
	u8 cmd;
	u64 eid;
	u32 sid;
	int cause;
	const struct cpns_endpoint *ep;
};

/* The largest endpoint has an IPv6 address and a local one. */
static size_t event_size(void)
{
	return nla_total_size(sizeof(u32)) +		/* ifindex */
	       nla_total_size_64bit(sizeof(u64)) +	/* eid */
	       nla_total_size(sizeof(u32)) +		/* sid */
	       nla_total_size(sizeof(u8)) +		/* cause */
	       nla_total_size(0) +			/* endpoint */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       nla_total_size(sizeof(__be16)) +
	       2 * nla_total_size(sizeof(u32));
}

static int event_fill(struct sk_buff *msg, const struct event *e)
{
	if (nla_put_u32(msg, CPNS_A_EVENT_IFINDEX, READ_ONCE(e->cdev->dev->ifindex)) ||
	    nla_put_u64_64bit(msg, CPNS_A_EVENT_EID, e->eid, CPNS_A_EVENT_PAD))
		return -EMSGSIZE;
	if (e->sid && nla_put_u32(msg, CPNS_A_EVENT_SID, e->sid))
		return -EMSGSIZE;
	if (e->cause >= 0 && nla_put_u8(msg, CPNS_A_EVENT_CAUSE, e->cause))
		return -EMSGSIZE;
	if (e->ep)
		return cpns_netlink_put_endpoint(msg, CPNS_A_EVENT_ENDPOINT, e->ep);
	return 0;
}

static bool event_is_wanted(const struct cpns_device *cdev)
{
	bool wanted;

	rcu_read_lock();
	wanted = genl_has_listeners(&cpns_netlink_family, dev_net(cdev->dev),
				    CPNS_NETLINK_EVENTS);
	rcu_read_unlock();
	return wanted;
}

static void event_send(const struct event *e)
{
	struct sk_buff *msg;
	void *hdr;

	if (!event_is_wanted(e->cdev))
		return;
	msg = genlmsg_new(event_size(), GFP_ATOMIC);
	if (!msg)
		return;
	hdr = genlmsg_put(msg, 0, 0, &cpns_netlink_family, 0, e->cmd);
	if (WARN_ON_ONCE(!hdr || event_fill(msg, e))) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);

	/* The namespace of a device that moves lives as long as readers do. */
	rcu_read_lock();
	genlmsg_multicast_netns(&cpns_netlink_family, dev_net(e->cdev->dev), msg, 0,
				CPNS_NETLINK_EVENTS, GFP_ATOMIC);
	rcu_read_unlock();
}

void cpns_event_key(const struct cpns_session *s, u8 cmd, int cause)
{
	struct event e = {
		.cdev = s->peer->cdev,
		.cmd = cmd,
		.eid = s->peer->eid,
		.sid = s->local_sid,
		.cause = cause,
	};

	event_send(&e);
}

void cpns_event_peer(const struct cpns_peer *peer, u8 cmd)
{
	struct event e = {
		.cdev = peer->cdev,
		.cmd = cmd,
		.eid = peer->eid,
		.cause = -1,
	};

	event_send(&e);
}

void cpns_event_endpoint(const struct cpns_peer *peer, const struct cpns_endpoint *ep)
{
	struct event e = {
		.cdev = peer->cdev,
		.cmd = CPNS_CMD_PEER_ENDPOINT_NTF,
		.eid = peer->eid,
		.cause = -1,
		.ep = ep,
	};

	event_send(&e);
}

void cpns_event_unknown_sid(struct cpns_device *cdev, struct sk_buff *skb)
{
	const struct cpns_header *h;
	struct cpns_header buffer;
	struct cpns_endpoint ep = {};
	struct event e = {
		.cdev = cdev,
		.cmd = CPNS_CMD_UNKNOWN_SID_NTF,
		.cause = -1,
		.ep = &ep,
	};

	/* A flood that nobody listens to must not use up what may be told. */
	if (!event_is_wanted(cdev) || !__ratelimit(&cdev->unknown_sid_limit))
		return;
	h = skb_header_pointer(skb, 0, sizeof(buffer), &buffer);
	if (!h)
		return;
	e.eid = be64_to_cpu(h->src);
	e.sid = be32_to_cpu(h->sid);
	cpns_socket_sender(skb, &ep);
	event_send(&e);
}
