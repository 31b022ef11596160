/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that end here: counted by cause, and told to who traces.
 */
#ifndef _CPNS_DROP_H
#define _CPNS_DROP_H

#include <linux/skbuff.h>

struct cpns_device;
struct cpns_peer;

/**
 * cpns_drop() - account for packets that are dropped, and freed by somebody else
 * @cdev: device
 * @peer: peer, or NULL where none is known
 * @stat: counter of the cause
 * @n: how many
 *
 * Context: any but hard interrupts.
 */
void cpns_drop(struct cpns_device *cdev, struct cpns_peer *peer, unsigned int stat,
	       unsigned int n);

/**
 * cpns_drop_skb() - drop a packet
 * @cdev: device
 * @peer: peer, or NULL where none is known
 * @skb: packet; freed
 * @stat: counter of the cause
 *
 * Context: any but hard interrupts.
 */
void cpns_drop_skb(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
		   unsigned int stat);

#endif /* _CPNS_DROP_H */
