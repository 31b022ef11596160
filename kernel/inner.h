/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packet inside a datagram that is the peer's for certain: may it send it,
 * and here?
 */
#ifndef _CPNS_INNER_H
#define _CPNS_INNER_H

#include <linux/skbuff.h>

struct cpns_device;
struct cpns_peer;

/**
 * cpns_inner_check() - is it a packet that the peer may send here?
 * @cdev: device
 * @peer: who sent it
 * @skb: packet, from its IP header on; gets its network header and protocol, and
 *	 the congestion mark of the outer header
 * @outer_tos: TOS or traffic class of that header
 *
 * Context: BH disabled, RCU reader.
 * Return: whether it may; else it was counted and freed.
 */
bool cpns_inner_check(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
		      u8 outer_tos);

/**
 * cpns_inner_deliver() - give a packet to the stack, as if the device had got it
 * @cdev: device
 * @peer: who sent it
 * @skb: packet that has passed cpns_inner_check(); consumed
 * @packets: how many it counts as
 * @bytes: their length
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_inner_deliver(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
			unsigned int packets, unsigned int bytes);

#endif /* _CPNS_INNER_H */
