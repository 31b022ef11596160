/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trains on the way in: the datagrams that came together are opened where they
 * lie, and the segments of a TCP flow go on as one large packet.
 */
#ifndef _CPNS_RECEIVE_TRAIN_H
#define _CPNS_RECEIVE_TRAIN_H

#include <linux/types.h>

struct cpns_device;
struct sk_buff;

/**
 * cpns_receive_train() - receive several datagrams at once
 * @cdev: device
 * @skb: train of UDP, its outer headers in place
 * @offset: where the first datagram begins
 *
 * Context: BH disabled, RCU reader.
 * Return: false where the datagrams must be received one by one: not all are DATA
 * of sessions, or they lie in more pieces, or where others have them, too. The
 * train is untouched then and the caller's.
 */
bool cpns_receive_train(struct cpns_device *cdev, struct sk_buff *skb, unsigned int offset);

/**
 * cpns_receive_train_exit() - free what is kept
 *
 * Context: module unload, after the last packet.
 */
void cpns_receive_train_exit(void);

#endif /* _CPNS_RECEIVE_TRAIN_H */
