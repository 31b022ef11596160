// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>

#include "device.h"
#include "pan.h"
#include "peer.h"
#include "socket.h"
#include "stats.h"

void cpns_pan_set(struct cpns_peer *peer, struct cpns_pan *pan)
{
	struct cpns_pan *old;

	old = rcu_replace_pointer(peer->pan, pan, lockdep_is_held(&peer->cdev->lock));
	if (old)
		kfree_rcu(old, rcu);
}

static const struct cpns_pan *pan_of(const struct cpns_peer *peer)
{
	return rcu_dereference_protected(peer->pan, lockdep_is_held(&peer->cdev->lock));
}

struct cpns_peer *cpns_pan_owner(struct cpns_device *cdev, const struct cpns_endpoint *ep)
{
	struct cpns_peer *peer;

	list_for_each_entry(peer, &cdev->peer_list, list) {
		const struct cpns_pan *pan = pan_of(peer);

		if (pan && cpns_endpoint_same_host(&pan->ep, ep))
			return peer;
	}
	return NULL;
}

/* Another interface may get the number, and nobody has called that one secure. */
void cpns_pan_forget_interface(struct cpns_device *cdev, int ifindex)
{
	struct cpns_peer *peer;

	list_for_each_entry(peer, &cdev->peer_list, list) {
		const struct cpns_pan *pan = pan_of(peer);

		if (pan && pan->ep.ifindex == ifindex) {
			cpns_pan_set(peer, NULL);
			cdev->generation++;
		}
	}
}

unsigned int cpns_pan_check(const struct cpns_pan *pan, const struct sk_buff *skb)
{
	struct cpns_endpoint sender = {};

	if (cpns_socket_ingress(skb) != pan->ep.ifindex)
		return CPNS_A_STATS_RX_PAN_INTERFACE;
	cpns_socket_sender(skb, &sender);
	if (!cpns_endpoint_same(&pan->ep, &sender))
		return CPNS_A_STATS_RX_PAN_ADDRESS;
	if (cpns_socket_outer_ttl(skb) != CPNS_PAN_TTL)
		return CPNS_A_STATS_RX_PAN_TTL;
	/* Only the TTL of its first fragment is known. */
	if (cpns_socket_was_fragmented(skb))
		return CPNS_A_STATS_RX_PAN_FRAGMENT;
	return 0;
}
