/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trains: a large packet of the stack is cut, sealed and handed to UDP at once,
 * and crosses the stack outside in one go.
 */
#ifndef _CPNS_SEND_TRAIN_H
#define _CPNS_SEND_TRAIN_H

#include <linux/types.h>

struct cpns_peer;
struct cpns_session;
struct sk_buff;

enum {
	/*
	 * Datagrams of a train at the usual MTU, two in a page, of which a packet
	 * has 17. A packet of the stack that holds as many makes one train.
	 */
	CPNS_TRAIN_SEGMENTS = 34,
};

/**
 * struct cpns_send_how - how a packet is sent
 * @mode: enum cpns_mode
 * @clear: clear prefix that is asked for, in units of CPNS_CLEAR_UNIT
 * @tos: of the outer header
 * @may_fragment: the datagram may be sent in fragments
 */
struct cpns_send_how {
	u8 mode;
	u8 clear;
	u8 tos;
	bool may_fragment;
};

/**
 * cpns_send_train() - send a GSO packet in trains
 * @peer: where to
 * @s: session to send with
 * @skb: GSO packet, its network header in place
 * @how: how each of its segments is sent; may lie in @skb
 *
 * What goes out is, byte for byte, what the packets would be that the stack makes
 * of it.
 *
 * Context: BH disabled, RCU reader.
 * Return: false where the packet must be sent in another way: not TCP or UDP,
 * encapsulated, an odd header, too large a segment; no memory; too near to the
 * key's limit. The packet is the caller's then, and no sequence number is lost.
 */
bool cpns_send_train(struct cpns_peer *peer, struct cpns_session *s, struct sk_buff *skb,
		     const struct cpns_send_how *how);

#endif /* _CPNS_SEND_TRAIN_H */
