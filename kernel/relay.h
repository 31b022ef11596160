/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams for others: forwarded untouched but for the hop limit, without a
 * key, between two entities that relay is allowed for.
 *
 * A stranger has no session with this device, so no endpoint that can be
 * trusted. It gets a provisional entry, made by the daemon from its INIT, with a
 * limit of rate and time.
 */
#ifndef _CPNS_RELAY_H
#define _CPNS_RELAY_H

#include <linux/list.h>
#include <linux/ratelimit_types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <uapi/linux/cpns.h>

#include "peer.h"

struct cpns_device;
struct netlink_ext_ack;

/** enum cpns_relay_limits - of provisional entries: seconds, bytes a second */
enum cpns_relay_limits {
	CPNS_RELAY_TIME = 60,
	CPNS_RELAY_RATE = 64000 / 8,
	CPNS_RELAY_TOTAL_RATE = 1000000 / 8,
	/* What may come at once, in seconds of its rate. */
	CPNS_RELAY_BURST = 1,
	/* INITs of strangers that the daemon is told of, a second. */
	CPNS_RELAY_INITS = 32,
};

/**
 * struct cpns_relay_pan - interfaces where a stranger may ask, replaced as a whole
 * @rcu: for its end
 * @count: how many
 * @ifindex: their indices
 */
struct cpns_relay_pan {
	struct rcu_head rcu;
	unsigned int count;
	int ifindex[CPNS_RELAY_PAN_MAX];
};

/**
 * struct cpns_relay_table - what a device needs to relay
 * @lock: covers the list for writers, and what changes in an entry
 * @entries: provisional entries by ascending id; also those whose time is over,
 *	     until others need the place
 * @last_id: of the last entry
 * @total_until: up to when the rate of all is used up, CLOCK_BOOTTIME, ns
 * @pan: interfaces, or NULL; written under the device's lock
 * @init_limit: of INITs that go to the daemon
 */
struct cpns_relay_table {
	spinlock_t lock;	/* of the entries */
	struct list_head entries;
	u64 last_id;
	u64 total_until;
	struct cpns_relay_pan __rcu *pan;
	struct ratelimit_state init_limit;
};

/**
 * struct cpns_relay_info - a provisional entry, as told
 * @id: number, ascending
 * @eid: who it is for
 * @server: peer that it may reach
 * @sid: sid that its INIT chose
 * @ep: where it is
 * @age_ms: since it was made
 * @remaining_ms: what is left
 * @up_packets: relayed to the Server
 * @up_bytes: their bytes
 * @down_packets: relayed from the Server
 * @down_bytes: their bytes
 * @dropped: above the rate
 */
struct cpns_relay_info {
	u64 id;
	u64 eid;
	u64 server;
	u32 sid;
	struct cpns_endpoint ep;
	u64 age_ms;
	u64 remaining_ms;
	u64 up_packets;
	u64 up_bytes;
	u64 down_packets;
	u64 down_bytes;
	u64 dropped;
};

/**
 * cpns_relay_init() - make an empty table
 * @table: table
 */
void cpns_relay_init(struct cpns_relay_table *table);

/**
 * cpns_relay_destroy() - free all that is in a table
 * @table: table, which no packet uses any more
 */
void cpns_relay_destroy(struct cpns_relay_table *table);

/**
 * cpns_relay_receive() - relay a datagram for another EID, or drop it
 * @cdev: device
 * @skb: datagram, valid, its header linear, outer headers in place, with the
 *	 stack's @cb; consumed
 * @dst: EID that it is for, not the device's own
 * @src: EID that it is from
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_relay_receive(struct cpns_device *cdev, struct sk_buff *skb, u64 dst, u64 src);

/**
 * cpns_relay_train() - relay a train as a whole
 * @cdev: device
 * @skb: train, outer headers in place
 * @offset: bytes before the first datagram
 *
 * Only what is DATA of one session between two peers, of which every datagram may
 * pass; and not while somebody traces, who sees each for itself.
 *
 * Context: BH disabled, RCU reader.
 * Return: true, and @skb is gone; false where its datagrams are to be looked at one
 * by one, and nothing has changed.
 */
bool cpns_relay_train(struct cpns_device *cdev, struct sk_buff *skb, unsigned int offset);

/**
 * cpns_relay_is_sent() - was a datagram with this header relayed to a peer lately?
 * @cdev: device
 * @h: header of DATA, as a host on the way quotes it
 *
 * Context: RCU reader.
 */
bool cpns_relay_is_sent(struct cpns_device *cdev, const struct cpns_header *h);

/**
 * cpns_relay_add() - make a provisional entry, or renew it
 * @cdev: device, its lock held
 * @eid: who it is for
 * @sid: sid that its INIT chose, not 0
 * @server: peer that it may reach
 * @ep: where it is
 * @extack: says why not
 *
 * Return: 0, -EEXIST where another has @eid and @sid, -ENOSPC, -ENOMEM.
 */
int cpns_relay_add(struct cpns_device *cdev, u64 eid, u32 sid, u64 server,
		   const struct cpns_endpoint *ep, struct netlink_ext_ack *extack);

/**
 * cpns_relay_del() - delete provisional entries
 * @cdev: device
 * @eid: who they are for
 * @sid: which of them, or 0 for all
 *
 * Return: how many there were whose time was not over.
 */
unsigned int cpns_relay_del(struct cpns_device *cdev, u64 eid, u32 sid);

/**
 * cpns_relay_get() - one provisional entry
 * @cdev: device
 * @eid: who it is for
 * @sid: its sid
 * @info: result
 *
 * Return: false where there is none whose time is not over.
 */
bool cpns_relay_get(struct cpns_device *cdev, u64 eid, u32 sid, struct cpns_relay_info *info);

/**
 * cpns_relay_next() - walk over the provisional entries
 * @cdev: device
 * @id: of the last one, 0 to begin
 * @info: result
 *
 * Return: false where there is no more.
 */
bool cpns_relay_next(struct cpns_device *cdev, u64 id, struct cpns_relay_info *info);

/**
 * cpns_relay_count() - number of provisional entries whose time is not over
 * @cdev: device
 */
unsigned int cpns_relay_count(struct cpns_device *cdev);

/**
 * cpns_relay_set_pan() - name the interfaces where a stranger may ask
 * @cdev: device, its lock held
 * @pan: the new list, from kmalloc(), the table's from here; or NULL
 */
void cpns_relay_set_pan(struct cpns_device *cdev, struct cpns_relay_pan *pan);

/**
 * cpns_relay_pan_has() - may a stranger ask on an interface?
 * @cdev: device
 * @ifindex: interface
 *
 * Context: any.
 */
bool cpns_relay_pan_has(struct cpns_device *cdev, int ifindex);

/**
 * cpns_relay_forget_interface() - an interface goes away
 * @cdev: device, its lock held
 * @ifindex: interface
 */
void cpns_relay_forget_interface(struct cpns_device *cdev, int ifindex);

#endif /* _CPNS_RELAY_H */
