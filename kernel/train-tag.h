/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tunnel's socket gets a train in one piece only where the train is marked as
 * one of a tunnel, which no sender can do: network cards would take it for
 * something else. So it is marked on its last steps inside this host.
 */
#ifndef _CPNS_TRAIN_TAG_H
#define _CPNS_TRAIN_TAG_H

#include <linux/netfilter.h>

struct sock;

/**
 * struct cpns_train_tag - marks the trains of a socket
 * @net: namespace of the socket, or NULL where nothing is marked
 * @ops: hook, where packets for this host pass
 * @port: of the socket
 */
struct cpns_train_tag {
	struct net *net;
	struct nf_hook_ops ops;
	__be16 port;
};

/**
 * cpns_train_tag_begin() - mark the trains of a socket, and let UDP make some
 * @tag: to be filled
 * @sk: bound UDP socket of a tunnel
 *
 * Where it fails, or the kernel has no netfilter, trains come one by one.
 *
 * Context: process.
 */
void cpns_train_tag_begin(struct cpns_train_tag *tag, struct sock *sk);

/**
 * cpns_train_tag_end() - no more
 * @tag: as filled by cpns_train_tag_begin(); to be freed after a grace period
 *
 * Context: process.
 */
void cpns_train_tag_end(struct cpns_train_tag *tag);

#endif /* _CPNS_TRAIN_TAG_H */
