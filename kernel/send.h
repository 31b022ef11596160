/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CPNS_SEND_H
#define _CPNS_SEND_H

#include <linux/netdevice.h>

struct cpns_peer;
struct cpns_session;

/**
 * cpns_send_xmit() - ndo_start_xmit
 * @skb: packet from the stack, consumed
 * @dev: device
 *
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t cpns_send_xmit(struct sk_buff *skb, struct net_device *dev);

/**
 * cpns_send_packet() - protect and send a packet that has a session
 * @peer: where it goes
 * @s: session
 * @skb: packet, maybe GSO, classified; consumed
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_send_packet(struct cpns_peer *peer, struct cpns_session *s, struct sk_buff *skb);

/**
 * cpns_send_keepalive() - send an empty DATA
 * @peer: peer
 * @s: session
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_send_keepalive(struct cpns_peer *peer, struct cpns_session *s);

#endif /* _CPNS_SEND_H */
