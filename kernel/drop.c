// SPDX-License-Identifier: GPL-2.0
#include "device.h"
#include "drop.h"
#include "peer.h"
#include "trace.h"

void cpns_drop(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat,
	       unsigned int n)
{
	cpns_stats_add(cdev, peer, stat, n);
	if (trace_cpns_drop_enabled())
		while (n--)
			trace_cpns_drop(cdev->dev, peer ? peer->eid : 0, stat);
}

void cpns_drop_skb(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
		   unsigned int stat)
{
	cpns_drop(cdev, peer, stat, 1);
	kfree_skb(skb);
}
