/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PAN that is secure itself: packets of a peer are left to the protection of
 * the link that it is on, and sent as DATA with the U flag. Off by default.
 */
#ifndef _CPNS_PAN_H
#define _CPNS_PAN_H

#include <linux/skbuff.h>

#include "peer.h"

struct cpns_device;

enum {
	/* As sent, and the only one accepted: no router was on the way. */
	CPNS_PAN_TTL = 255,
};

/**
 * struct cpns_pan - where a peer is on a secure PAN, replaced as a whole
 * @rcu: for its end
 * @ep: address and port; its @ifindex is the interface
 */
struct cpns_pan {
	struct rcu_head rcu;
	struct cpns_endpoint ep;
};

/**
 * cpns_pan_set() - leave the protection of a peer's packets to a PAN, or not
 * @peer: peer, its device's lock held
 * @pan: where it is, from kmalloc(), the peer's from here; or NULL
 */
void cpns_pan_set(struct cpns_peer *peer, struct cpns_pan *pan);

/**
 * cpns_pan_owner() - which peer has an address on a secure PAN?
 * @cdev: device, its lock held
 * @ep: address, whatever the port
 *
 * Return: the peer or NULL.
 */
struct cpns_peer *cpns_pan_owner(struct cpns_device *cdev, const struct cpns_endpoint *ep);

/**
 * cpns_pan_forget_interface() - an interface goes away
 * @cdev: device, its lock held
 * @ifindex: interface
 */
void cpns_pan_forget_interface(struct cpns_device *cdev, int ifindex);

/**
 * cpns_pan_check() - may an unprotected datagram be taken for a peer's?
 * @pan: where the peer is
 * @skb: datagram, its outer headers in place, with the stack's @cb
 *
 * Context: BH disabled, RCU reader.
 * Return: 0, or the counter of why not.
 */
unsigned int cpns_pan_check(const struct cpns_pan *pan, const struct sk_buff *skb);

#endif /* _CPNS_PAN_H */
