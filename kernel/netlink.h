/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CPNS_NETLINK_H
#define _CPNS_NETLINK_H

#include <net/genetlink.h>

struct cpns_endpoint;

/* Index of the multicast group of events; the generated table has one. */
enum { CPNS_NETLINK_EVENTS = 0 };

extern struct genl_family cpns_netlink_family;

/**
 * cpns_netlink_put_endpoint() - add an endpoint to a message
 * @skb: message
 * @attr: attribute of the nest
 * @ep: endpoint
 *
 * Return: 0 or -EMSGSIZE.
 */
int cpns_netlink_put_endpoint(struct sk_buff *skb, int attr, const struct cpns_endpoint *ep);

/**
 * cpns_netlink_init() - register the family
 *
 * Return: 0 or an error.
 */
int cpns_netlink_init(void);

/**
 * cpns_netlink_exit() - the reverse
 */
void cpns_netlink_exit(void);

#endif /* _CPNS_NETLINK_H */
