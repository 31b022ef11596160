/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The UDP sockets of a device, and the routes to its peers. No other file
 * knows UDP.
 */
#ifndef _CPNS_SOCKET_H
#define _CPNS_SOCKET_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct cpns_device;
struct cpns_endpoint;
struct cpns_listen;
struct cpns_pan;
struct cpns_peer;
struct netlink_ext_ack;

enum {
	/* Largest headers that go in front of a CPNS datagram, in bytes. */
	CPNS_OUTER_HEADROOM = 40 + 8,
};

/**
 * cpns_socket_open() - open the sockets that a configuration asks for
 * @cdev: device, RTNL held
 * @listen: configuration; @listen->port gets the real port
 * @extack: says what went wrong, or NULL
 *
 * The sockets of the device are replaced once the new ones are bound; on
 * failure they stay.
 *
 * Context: process.
 * Return: 0, -EADDRINUSE, -EADDRNOTAVAIL, -ENODEV, other errors of binding.
 */
int cpns_socket_open(struct cpns_device *cdev, struct cpns_listen *listen,
		     struct netlink_ext_ack *extack);

/**
 * cpns_socket_close() - close the sockets of a device
 * @cdev: device, RTNL held
 *
 * Context: process. On return no receiver uses the device.
 */
void cpns_socket_close(struct cpns_device *cdev);

/**
 * cpns_socket_path_mtu() - largest inner packet that the path to a peer takes
 * @peer: peer
 *
 * Context: BH disabled, RCU reader.
 * Return: bytes, at least CPNS_INNER_ALWAYS; -EDESTADDRREQ without an endpoint,
 * -ENETUNREACH and other errors without a route, -ELOOP where it leads back
 * into the device, -ENOTCONN without a socket.
 */
int cpns_socket_path_mtu(struct cpns_peer *peer);

/**
 * cpns_socket_send() - send a datagram to a peer's endpoint
 * @peer: peer
 * @skb: datagram with CPNS_OUTER_HEADROOM bytes of headroom; consumed
 * @tos: IPv4 TOS or IPv6 traffic class of the outer header
 * @may_fragment: it is sent even where the path does not take it in one piece
 *
 * Context: BH disabled, RCU reader.
 * Return: 0 or an error as of cpns_socket_path_mtu().
 */
int cpns_socket_send(struct cpns_peer *peer, struct sk_buff *skb, u8 tos, bool may_fragment);

/**
 * cpns_socket_send_skb() - send a datagram anywhere, in fragments where need be
 * @cdev: device
 * @ep: where to
 * @skb: datagram with CPNS_OUTER_HEADROOM bytes of headroom; consumed
 * @tos: IPv4 TOS or IPv6 traffic class of the outer header
 *
 * Context: BH disabled, RCU reader.
 * Return: 0 or an error as of cpns_socket_path_mtu().
 */
int cpns_socket_send_skb(struct cpns_device *cdev, const struct cpns_endpoint *ep,
			 struct sk_buff *skb, u8 tos);

/**
 * cpns_socket_pan_mtu() - largest inner packet that a secure PAN takes
 * @cdev: device
 * @pan: where the peer is
 *
 * Context: BH disabled, RCU reader.
 * Return: bytes, or an error as of cpns_socket_path_mtu(). So is a way that
 * has a router on it: -ENETUNREACH.
 */
int cpns_socket_pan_mtu(struct cpns_device *cdev, const struct cpns_pan *pan);

/**
 * cpns_socket_send_pan() - send a datagram to a neighbour on a secure PAN
 * @cdev: device
 * @pan: where the peer is
 * @skb: datagram with CPNS_OUTER_HEADROOM bytes of headroom; consumed
 * @tos: IPv4 TOS or IPv6 traffic class of the outer header
 *
 * It leaves with the TTL of CPNS_PAN_TTL, and in one piece.
 *
 * Context: BH disabled, RCU reader.
 * Return: 0 or an error as of cpns_socket_pan_mtu().
 */
int cpns_socket_send_pan(struct cpns_device *cdev, const struct cpns_pan *pan,
			 struct sk_buff *skb, u8 tos);

/**
 * cpns_socket_send_to() - send a datagram anywhere
 * @cdev: device
 * @ep: where to; its local address is used where it still is one
 * @data: datagram
 * @len: its length in bytes
 *
 * Context: process.
 * Return: 0, -ENOTCONN while the device is down, other errors of sending.
 */
int cpns_socket_send_to(struct cpns_device *cdev, const struct cpns_endpoint *ep,
			const void *data, size_t len);

/**
 * cpns_socket_sender() - where a received datagram came from
 * @skb: datagram, its outer headers in place
 * @ep: result
 */
void cpns_socket_sender(const struct sk_buff *skb, struct cpns_endpoint *ep);

/**
 * cpns_socket_outer_tos() - TOS or traffic class that a datagram came with
 * @skb: datagram, its outer headers in place
 */
u8 cpns_socket_outer_tos(const struct sk_buff *skb);

/**
 * cpns_socket_outer_ttl() - TTL or hop limit that a datagram came with
 * @skb: datagram, its outer headers in place
 */
u8 cpns_socket_outer_ttl(const struct sk_buff *skb);

/**
 * cpns_socket_was_fragmented() - did a datagram come in more than one piece?
 * @skb: datagram, its outer headers in place, with the stack's @cb
 */
bool cpns_socket_was_fragmented(const struct sk_buff *skb);

/**
 * cpns_socket_ingress() - interface that a datagram came in on
 * @skb: datagram, its outer headers in place, with the stack's @cb
 *
 * Return: its index; that of the interface itself, where it belongs to a VRF.
 */
int cpns_socket_ingress(const struct sk_buff *skb);

#endif /* _CPNS_SOCKET_H */
