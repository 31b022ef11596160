/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way between the wire and the daemon for datagrams that are not DATA.
 */
#ifndef _CPNS_CONTROL_H
#define _CPNS_CONTROL_H

#include <linux/skbuff.h>

struct cpns_device;
struct cpns_endpoint;
struct net;
struct netlink_ext_ack;

/**
 * cpns_control_receive() - hand a datagram to the daemon
 * @cdev: device
 * @skb: datagram, its data at the CPNS header, outer headers in place, with the
 *	 stack's @cb; consumed
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_control_receive(struct cpns_device *cdev, struct sk_buff *skb);

/**
 * cpns_control_bind() - make a netlink socket the owner of a device
 * @cdev: device, its lock held
 * @net: namespace of the socket
 * @portid: its port
 *
 * Return: 0, also where it is the owner already; -EBUSY where another is;
 * -ENOMEM.
 */
int cpns_control_bind(struct cpns_device *cdev, struct net *net, u32 portid);

/**
 * cpns_control_is_owner() - is the socket the owner of a device?
 * @cdev: device
 * @net: namespace of the socket
 * @portid: its port
 */
bool cpns_control_is_owner(struct cpns_device *cdev, struct net *net, u32 portid);

/**
 * cpns_control_owner() - port of the owner
 * @cdev: device
 *
 * Return: the port, or 0 where there is none.
 */
u32 cpns_control_owner(struct cpns_device *cdev);

/**
 * cpns_control_release() - forget the owner of a device that goes
 * @cdev: device, its lock held
 */
void cpns_control_release(struct cpns_device *cdev);

/**
 * cpns_control_init() - watch for netlink sockets that close
 *
 * Return: 0 or an error.
 */
int cpns_control_init(void);

/**
 * cpns_control_exit() - the reverse
 */
void cpns_control_exit(void);

#endif /* _CPNS_CONTROL_H */
