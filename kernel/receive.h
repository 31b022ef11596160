/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _CPNS_RECEIVE_H
#define _CPNS_RECEIVE_H

#include <linux/skbuff.h>

struct cpns_device;

/**
 * cpns_receive() - take a datagram from UDP
 * @cdev: device
 * @skb: datagram, its data at the CPNS header, outer headers in place; consumed
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_receive(struct cpns_device *cdev, struct sk_buff *skb);

#endif /* _CPNS_RECEIVE_H */
