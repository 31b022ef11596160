/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers: entities that the device has sessions with.
 */
#ifndef _CPNS_PEER_H
#define _CPNS_PEER_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <net/dst_cache.h>

#include "prefix.h"
#include "session.h"
#include "stats.h"

struct cpns_device;
struct cpns_pan;

/** enum cpns_peer_limits - packets, milliseconds */
enum cpns_peer_limits {
	CPNS_PEER_QUEUE_MAX = 128,
	CPNS_PEER_QUEUE_MS = 30000,
	CPNS_PEER_ACQUIRE_MS = 1000,
	CPNS_PEER_CONFIRM_MS = 100,
};

/**
 * struct cpns_endpoint - outer address of a peer, replaced as a whole
 * @rcu: for its end
 * @addr: address and UDP port
 * @local4: local IPv4 address, or 0
 * @local6: local IPv6 address, or 0
 * @ifindex: interface where the peer was last heard, or 0
 */
struct cpns_endpoint {
	struct rcu_head rcu;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
	struct in_addr local4;
	struct in6_addr local6;
	int ifindex;
};

/**
 * struct cpns_peer - an entity
 * @cdev: its device; the peer holds a reference on the net device
 * @eid: who it is
 * @id: number of the peer on its device, ascending, never used again
 * @min_mode: least protection accepted, enum cpns_mode
 * @max_clear: longest clear prefix accepted where that is encrypt
 * @flags: enum cpns_peer_flags
 * @window: replay window of new sessions
 * @keepalive_ms: NAT keepalive, 0 for never
 * @passive_ms: passive keepalive
 * @timeout_ms: time without an answer after which the peer counts as gone
 * @slot: sessions, by enum cpns_session_slot; written under @slot_lock
 * @slot_lock: covers @slot, @endpoint for writers
 * @endpoint: outer address, or NULL
 * @dst_cache: route to it
 * @relay_to: EID of the one peer that its datagrams are relayed to and from, or 0
 * @relayed_sid: sid of the last DATA relayed to that peer, and from it
 * @pan: where it is on a PAN that is secure itself, or NULL
 * @allowed_dst: where its packets may go beyond this host
 * @inner_src: its inner addresses beside those of its EID, which are in the
 *	       device's prefix table too; under the device's lock
 * @last_tx: CLOCK_BOOTTIME, ns, of the last DATA sent, 0 for never
 * @last_rx: CLOCK_BOOTTIME, ns, of the last authenticated DATA, 0 for never
 * @unanswered_since: jiffies of the first packet sent after the last received
 * @unanswered: @unanswered_since is set
 * @owed_since: jiffies of the first packet received after the last sent
 * @owed: @owed_since is set
 * @acquired: jiffies of the last acquire event
 * @timer: for all that is due later; holds a reference while it is armed
 * @queue: packets that wait for a session
 * @queued_at: jiffies when the oldest of them came
 * @flushing: somebody sends what is in @queue; under its lock
 * @traffic: counters of each packet
 * @counter: the rest of the counters
 * @node: in the device's table of EIDs
 * @list: in the device's list, by ascending @id
 * @dead: deleted
 * @refs: references
 * @dev_tracker: of the net device's reference
 * @rcu: for its end
 */
struct cpns_peer {
	struct cpns_device *cdev;
	u64 eid;
	u64 id;
	u8 min_mode;
	u8 max_clear;
	u32 flags;
	u32 window;
	u32 keepalive_ms;
	u32 passive_ms;
	u32 timeout_ms;
	struct cpns_session __rcu *slot[CPNS_SESSION_SLOTS];
	struct cpns_endpoint __rcu *endpoint;
	struct dst_cache dst_cache;
	u64 relay_to;
	u32 relayed_sid[2];
	struct cpns_pan __rcu *pan;
	struct cpns_prefix_list __rcu *allowed_dst;
	struct cpns_prefix_list *inner_src;
	struct cpns_stats_traffic __percpu *traffic;

	u64 last_tx ____cacheline_aligned_in_smp;
	unsigned long unanswered_since;
	unsigned long acquired;
	bool unanswered;

	u64 last_rx ____cacheline_aligned_in_smp;
	unsigned long owed_since;
	bool owed;

	spinlock_t slot_lock ____cacheline_aligned_in_smp;
	struct timer_list timer;
	struct sk_buff_head queue;
	unsigned long queued_at;
	bool flushing;
	struct rhash_head node;
	struct list_head list;
	bool dead;
	refcount_t refs;
	netdevice_tracker dev_tracker;
	struct rcu_head rcu;
	atomic64_t counter[CPNS_STAT_LAST + 1];
};

extern const struct rhashtable_params cpns_peer_params;

/**
 * cpns_peer_create() - make a peer and enter it into its device
 * @cdev: device, its lock held
 * @eid: who it is, not taken
 *
 * Return: the peer, whose reference is the table's, or ERR_PTR(-ENOMEM).
 */
struct cpns_peer *cpns_peer_create(struct cpns_device *cdev, u64 eid);

/**
 * cpns_peer_delete() - take a peer out and end its sessions
 * @peer: peer, its device's lock held
 */
void cpns_peer_delete(struct cpns_peer *peer);

/**
 * cpns_peer_delete_all() - take out all peers of a device
 * @cdev: device, its lock held
 */
void cpns_peer_delete_all(struct cpns_device *cdev);

/**
 * cpns_peer_find() - peer by EID
 * @cdev: device
 * @eid: who
 *
 * Context: RCU reader or the device's lock held.
 * Return: the peer, no reference taken, or NULL.
 */
struct cpns_peer *cpns_peer_find(struct cpns_device *cdev, u64 eid);

/**
 * cpns_peer_by_address() - whose inner address is it?
 * @cdev: device
 * @addr: address
 *
 * Context: RCU reader.
 * Return: the peer, no reference taken, or NULL.
 */
struct cpns_peer *cpns_peer_by_address(struct cpns_device *cdev, const struct cpns_addr *addr);

/**
 * cpns_peer_put() - drop a reference
 * @peer: peer
 *
 * Context: any.
 */
void cpns_peer_put(struct cpns_peer *peer);

/**
 * cpns_peer_set_endpoint() - replace the outer address
 * @peer: peer
 * @ep: the new one, from kmalloc(); the peer's from here. Or NULL.
 *
 * Context: any but hard interrupts.
 */
void cpns_peer_set_endpoint(struct cpns_peer *peer, struct cpns_endpoint *ep);

/**
 * cpns_endpoint_same() - have two endpoints the same address and port?
 * @a: one
 * @b: other
 */
bool cpns_endpoint_same(const struct cpns_endpoint *a, const struct cpns_endpoint *b);

/**
 * cpns_endpoint_same_host() - the same address, whatever the port?
 * @a: one
 * @b: other
 */
bool cpns_endpoint_same_host(const struct cpns_endpoint *a, const struct cpns_endpoint *b);

/**
 * cpns_peer_heard_from() - move the endpoint to where a packet came from
 * @peer: peer
 * @skb: authenticated packet, its outer headers in place
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_peer_heard_from(struct cpns_peer *peer, struct sk_buff *skb);

/**
 * cpns_peer_enqueue() - keep a packet until there is a session
 * @peer: peer
 * @skb: the packet, the peer's from here
 *
 * Tells the daemon that a session is wanted, where there is none.
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_peer_enqueue(struct cpns_peer *peer, struct sk_buff *skb);

/**
 * cpns_peer_flush() - send what waited for a session, where there is one now
 * @peer: peer
 *
 * Context: any but hard interrupts.
 */
void cpns_peer_flush(struct cpns_peer *peer);

/**
 * cpns_peer_has_waiting() - must a packet go behind others?
 * @peer: peer
 *
 * Context: BH disabled.
 */
bool cpns_peer_has_waiting(const struct cpns_peer *peer);

/**
 * cpns_peer_note_tx() - account for a DATA sent
 * @peer: peer
 * @empty: it was a keepalive
 *
 * Context: BH disabled.
 */
void cpns_peer_note_tx(struct cpns_peer *peer, bool empty);

/**
 * cpns_peer_note_rx() - account for an authenticated DATA
 * @peer: peer
 * @empty: it was a keepalive
 *
 * Context: BH disabled.
 */
void cpns_peer_note_rx(struct cpns_peer *peer, bool empty);

/**
 * cpns_peer_note_pan_tx() - account for a packet left to a secure PAN
 * @peer: peer
 *
 * Context: BH disabled.
 */
void cpns_peer_note_pan_tx(struct cpns_peer *peer);

/**
 * cpns_peer_note_pan_rx() - account for a packet that a secure PAN brought
 * @peer: peer
 *
 * There is no session, so no timer of one: it only tells when the peer was heard.
 *
 * Context: BH disabled.
 */
void cpns_peer_note_pan_rx(struct cpns_peer *peer);

/**
 * cpns_peer_accepts() - is a packet of the peer protected well enough?
 * @peer: peer
 * @h: header that it came with
 *
 * Context: RCU reader.
 */
bool cpns_peer_accepts(const struct cpns_peer *peer, const struct cpns_header *h);

/**
 * cpns_peer_kick_timer() - look again at what is due, after a change
 * @peer: peer
 *
 * Context: any but hard interrupts.
 */
void cpns_peer_kick_timer(struct cpns_peer *peer);

#endif /* _CPNS_PEER_H */
