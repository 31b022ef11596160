// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "device.h"
#include "drop.h"
#include "event.h"
#include "pan.h"
#include "peer.h"
#include "policy.h"
#include "send.h"
#include "socket.h"

const struct rhashtable_params cpns_peer_params = {
	.key_len = sizeof(u64),
	.key_offset = offsetof(struct cpns_peer, eid),
	.head_offset = offsetof(struct cpns_peer, node),
	.automatic_shrinking = true,
};

/*
 * The last reference is gone: the peer is in no table, and no session, timer or
 * queued packet has it.
 */
static void peer_free_rcu(struct rcu_head *rcu)
{
	struct cpns_peer *peer = container_of(rcu, struct cpns_peer, rcu);
	struct net_device *dev = peer->cdev->dev;

	kfree(rcu_dereference_protected(peer->endpoint, true));
	kfree(rcu_dereference_protected(peer->pan, true));
	kfree(rcu_dereference_protected(peer->allowed_dst, true));
	kfree(peer->inner_src);
	dst_cache_destroy(&peer->dst_cache);
	free_percpu(peer->traffic);
	netdev_put(dev, &peer->dev_tracker);
	kfree(peer);
}

void cpns_peer_put(struct cpns_peer *peer)
{
	if (refcount_dec_and_test(&peer->refs))
		call_rcu(&peer->rcu, peer_free_rcu);
}

static void drop_queue(struct cpns_peer *peer)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&peer->queue)))
		cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_TX_NO_KEY);
}

/* The timer has a reference while it is armed, and none for a dead peer. */
static void arm_timer(struct cpns_peer *peer, unsigned long due)
{
	/*
	 * Orders what is to be due before the look at the timer: one that is
	 * still pending will see it. Pairs with peer_timer().
	 */
	smp_mb();
	if (timer_pending(&peer->timer) && time_before_eq(READ_ONCE(peer->timer.expires), due))
		return;
	if (READ_ONCE(peer->dead))
		return;
	refcount_inc(&peer->refs);
	if (timer_reduce(&peer->timer, due))
		cpns_peer_put(peer);
	/* Orders the timer before the look at @dead; pairs with peer_stop(). */
	smp_mb();
	if (READ_ONCE(peer->dead) && timer_delete(&peer->timer))
		cpns_peer_put(peer);
}

static void send_keepalive(struct cpns_peer *peer)
{
	struct cpns_session *s = cpns_session_get_sending(peer);

	if (s)
		cpns_send_keepalive(peer, s);
}

/* Moves *@due to an earlier moment. */
static void due_at(unsigned long *due, unsigned long when)
{
	if (time_before(when, *due))
		*due = when;
}

/* NAT keepalive: sends where it is time, and says when it is next. */
static void do_keepalive(struct cpns_peer *peer, unsigned long *due)
{
	u64 interval = (u64)READ_ONCE(peer->keepalive_ms) * NSEC_PER_MSEC;
	u64 now = ktime_get_coarse_boottime_ns(), last = READ_ONCE(peer->last_tx);

	if (!interval || !cpns_session_get_sending(peer))
		return;
	if (now - last >= interval) {
		send_keepalive(peer);
		last = now;
	}
	due_at(due, jiffies + nsecs_to_jiffies(interval - (now - last)) + 1);
}

/* Passive keepalive: an empty DATA for packets that had no answer yet. */
static void do_passive(struct cpns_peer *peer, unsigned long *due)
{
	unsigned long when;

	if (!READ_ONCE(peer->owed))
		return;
	when = READ_ONCE(peer->owed_since) + msecs_to_jiffies(READ_ONCE(peer->passive_ms));
	if (time_before(jiffies, when))
		return due_at(due, when);
	WRITE_ONCE(peer->owed, false);
	send_keepalive(peer);
}

/* Tells once that a peer does not answer; the next packet starts over. */
static void do_timeout(struct cpns_peer *peer, unsigned long *due)
{
	unsigned long when;

	if (!READ_ONCE(peer->unanswered))
		return;
	when = READ_ONCE(peer->unanswered_since) + msecs_to_jiffies(READ_ONCE(peer->timeout_ms));
	if (time_before(jiffies, when))
		return due_at(due, when);
	WRITE_ONCE(peer->unanswered, false);
	cpns_event_peer(peer, CPNS_CMD_PEER_TIMEOUT_NTF);
}

/* Packets wait for a session, but not for ever. */
static void do_queue(struct cpns_peer *peer, unsigned long *due)
{
	unsigned long when;
	bool empty;

	/* The lock: the first packet and the time when it came belong together. */
	spin_lock_bh(&peer->queue.lock);
	empty = skb_queue_empty(&peer->queue);
	when = peer->queued_at + msecs_to_jiffies(CPNS_PEER_QUEUE_MS);
	spin_unlock_bh(&peer->queue.lock);
	if (empty)
		return;
	if (time_before(jiffies, when))
		due_at(due, when);
	else
		drop_queue(peer);
}

static void peer_timer(struct timer_list *timer)
{
	struct cpns_peer *peer = container_of(timer, struct cpns_peer, timer);
	unsigned long idle = jiffies + MAX_JIFFY_OFFSET, due = idle;

	/* The timer is not pending any more; pairs with arm_timer(). */
	smp_mb();
	rcu_read_lock();
	if (!READ_ONCE(peer->dead)) {
		cpns_peer_flush(peer);
		do_keepalive(peer, &due);
		do_passive(peer, &due);
		do_timeout(peer, &due);
		do_queue(peer, &due);
		if (due != idle)
			arm_timer(peer, due);
	}
	rcu_read_unlock();
	cpns_peer_put(peer);
}

void cpns_peer_kick_timer(struct cpns_peer *peer)
{
	arm_timer(peer, jiffies);
}

struct cpns_peer *cpns_peer_create(struct cpns_device *cdev, u64 eid)
{
	struct cpns_peer *peer;

	lockdep_assert_held(&cdev->lock);
	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->traffic = netdev_alloc_pcpu_stats(struct cpns_stats_traffic);
	if (!peer->traffic)
		goto err_free;
	if (dst_cache_init(&peer->dst_cache, GFP_KERNEL_ACCOUNT))
		goto err_traffic;

	peer->cdev = cdev;
	peer->eid = eid;
	peer->id = ++cdev->next_peer_id;
	peer->min_mode = CPNS_MODE_ENCRYPT;
	peer->window = CPNS_WINDOW_DEFAULT;
	peer->passive_ms = CPNS_PASSIVE_KEEPALIVE * MSEC_PER_SEC;
	peer->timeout_ms = CPNS_PEER_TIMEOUT * MSEC_PER_SEC;
	peer->acquired = jiffies - msecs_to_jiffies(CPNS_PEER_ACQUIRE_MS);
	spin_lock_init(&peer->slot_lock);
	skb_queue_head_init(&peer->queue);
	timer_setup(&peer->timer, peer_timer, 0);
	refcount_set(&peer->refs, 1);

	if (rhashtable_lookup_insert_fast(&cdev->peers, &peer->node, cpns_peer_params))
		goto err_cache;
	netdev_hold(cdev->dev, &peer->dev_tracker, GFP_KERNEL);
	list_add_tail(&peer->list, &cdev->peer_list);
	cdev->peer_count++;
	return peer;

err_cache:
	dst_cache_destroy(&peer->dst_cache);
err_traffic:
	free_percpu(peer->traffic);
err_free:
	kfree(peer);
	return ERR_PTR(-ENOMEM);
}

static void peer_stop(struct cpns_peer *peer)
{
	WRITE_ONCE(peer->dead, true);
	/* Orders @dead before the look at the timer; pairs with arm_timer(). */
	smp_mb();
	if (timer_delete(&peer->timer))
		cpns_peer_put(peer);
}

/* Nobody finds the peer any more after this. */
static void peer_take_out(struct cpns_peer *peer)
{
	struct cpns_device *cdev = peer->cdev;
	unsigned int i;

	lockdep_assert_held(&cdev->lock);
	if (rcu_access_pointer(cdev->multicast) == peer)
		RCU_INIT_POINTER(cdev->multicast, NULL);
	for (i = 0; peer->inner_src && i < peer->inner_src->count; i++)
		cpns_prefix_table_del(&cdev->prefixes, &peer->inner_src->prefix[i]);
	rhashtable_remove_fast(&cdev->peers, &peer->node, cpns_peer_params);
	cdev->peer_count--;
	peer_stop(peer);
	cpns_session_kill_all(peer, CPNS_CAUSE_DELETED);
}

/* After a grace period: no sender that found it before puts a packet there. */
static void peer_finish(struct cpns_peer *peer)
{
	drop_queue(peer);
	cpns_peer_put(peer);
}

void cpns_peer_delete(struct cpns_peer *peer)
{
	peer_take_out(peer);
	list_del(&peer->list);
	synchronize_net();
	peer_finish(peer);
}

void cpns_peer_delete_all(struct cpns_device *cdev)
{
	struct cpns_peer *peer, *next;

	list_for_each_entry(peer, &cdev->peer_list, list)
		peer_take_out(peer);
	synchronize_net();
	list_for_each_entry_safe(peer, next, &cdev->peer_list, list) {
		list_del(&peer->list);
		peer_finish(peer);
	}
}

struct cpns_peer *cpns_peer_find(struct cpns_device *cdev, u64 eid)
{
	return rhashtable_lookup_fast(&cdev->peers, &eid, cpns_peer_params);
}

struct cpns_peer *cpns_peer_by_address(struct cpns_device *cdev, const struct cpns_addr *addr)
{
	if (addr->family == AF_INET6) {
		__be64 high = get_unaligned((__be64 *)&addr->a.s6_addr[0]);
		bool overlay = cdev->has_overlay && high == cdev->overlay;
		struct cpns_peer *peer;

		if (overlay || high == cpu_to_be64(0xfe80000000000000ULL)) {
			peer = cpns_peer_find(cdev, get_unaligned_be64(&addr->a.s6_addr[8]));
			/* Else it may be one that is reached through another peer. */
			if (peer || !overlay)
				return peer;
		}
	}
	return cpns_prefix_table_lookup(&cdev->prefixes, addr);
}

void cpns_peer_set_endpoint(struct cpns_peer *peer, struct cpns_endpoint *ep)
{
	struct cpns_endpoint *old;

	spin_lock_bh(&peer->slot_lock);
	old = rcu_replace_pointer(peer->endpoint, ep, lockdep_is_held(&peer->slot_lock));
	spin_unlock_bh(&peer->slot_lock);
	dst_cache_reset(&peer->dst_cache);
	if (old)
		kfree_rcu(old, rcu);
}

bool cpns_endpoint_same_host(const struct cpns_endpoint *a, const struct cpns_endpoint *b)
{
	if (a->addr.sa.sa_family != b->addr.sa.sa_family)
		return false;
	if (a->addr.sa.sa_family == AF_INET)
		return a->addr.in.sin_addr.s_addr == b->addr.in.sin_addr.s_addr;
	return ipv6_addr_equal(&a->addr.in6.sin6_addr, &b->addr.in6.sin6_addr) &&
	       a->addr.in6.sin6_scope_id == b->addr.in6.sin6_scope_id;
}

bool cpns_endpoint_same(const struct cpns_endpoint *a, const struct cpns_endpoint *b)
{
	/* The port is in the same place for both families. */
	BUILD_BUG_ON(offsetof(struct sockaddr_in, sin_port) !=
		     offsetof(struct sockaddr_in6, sin6_port));
	return cpns_endpoint_same_host(a, b) && a->addr.in.sin_port == b->addr.in.sin_port;
}

static bool same_local(const struct cpns_endpoint *a, const struct cpns_endpoint *b)
{
	return a->ifindex == b->ifindex && a->local4.s_addr == b->local4.s_addr &&
	       ipv6_addr_equal(&a->local6, &b->local6);
}

void cpns_peer_heard_from(struct cpns_peer *peer, struct sk_buff *skb)
{
	struct cpns_endpoint *old = rcu_dereference(peer->endpoint);
	struct cpns_endpoint now = {}, *ep;
	bool moved;

	cpns_socket_sender(skb, &now);
	moved = !old || !cpns_endpoint_same(old, &now);
	if (likely(!moved && same_local(old, &now)))
		return;
	ep = kmemdup(&now, sizeof(now), GFP_ATOMIC);
	if (!ep)
		return;
	cpns_peer_set_endpoint(peer, ep);
	if (moved)
		cpns_event_endpoint(peer, &now);
}

/* A next key that waits for its first DATA will take what waits for it. */
static bool session_is_near(struct cpns_peer *peer)
{
	return rcu_access_pointer(peer->slot[CPNS_SESSION_NEXT]);
}

void cpns_peer_enqueue(struct cpns_peer *peer, struct sk_buff *skb)
{
	struct sk_buff *oldest = NULL;
	bool first;

	spin_lock_bh(&peer->queue.lock);
	first = skb_queue_empty(&peer->queue);
	if (skb_queue_len(&peer->queue) >= CPNS_PEER_QUEUE_MAX)
		oldest = __skb_dequeue(&peer->queue);
	__skb_queue_tail(&peer->queue, skb);
	if (first)
		peer->queued_at = jiffies;
	spin_unlock_bh(&peer->queue.lock);

	if (oldest)
		cpns_drop_skb(peer->cdev, peer, oldest, CPNS_A_STATS_TX_QUEUE_FULL);
	if (session_is_near(peer)) {
		arm_timer(peer, jiffies + msecs_to_jiffies(CPNS_PEER_CONFIRM_MS) + 1);
		return;
	}
	if (first)
		arm_timer(peer, jiffies + msecs_to_jiffies(CPNS_PEER_QUEUE_MS));
	/* It only goes behind others that are being sent. */
	if (cpns_session_get_sending(peer))
		return;
	if (time_after_eq(jiffies, READ_ONCE(peer->acquired) +
			  msecs_to_jiffies(CPNS_PEER_ACQUIRE_MS))) {
		WRITE_ONCE(peer->acquired, jiffies);
		cpns_event_peer(peer, CPNS_CMD_ACQUIRE_NTF);
	}
}

/*
 * One at a time sends what waits, and who comes meanwhile puts its packets
 * behind: none overtakes another.
 */
static bool flush_begin(struct cpns_peer *peer)
{
	bool first;

	spin_lock(&peer->queue.lock);
	first = !peer->flushing && !skb_queue_empty(&peer->queue);
	if (first)
		WRITE_ONCE(peer->flushing, true);
	spin_unlock(&peer->queue.lock);
	return first;
}

/* The next packet to send, or NULL, and then this was the end. */
static struct sk_buff *flush_next(struct cpns_peer *peer, bool more)
{
	struct sk_buff *skb;

	spin_lock(&peer->queue.lock);
	skb = more ? __skb_dequeue(&peer->queue) : NULL;
	if (!skb)
		WRITE_ONCE(peer->flushing, false);
	spin_unlock(&peer->queue.lock);
	return skb;
}

static void flush(struct cpns_peer *peer)
{
	struct cpns_session *s = cpns_session_get_sending(peer);
	unsigned int budget = 2 * CPNS_PEER_QUEUE_MAX;
	struct sk_buff *skb;

	if (!s) {
		if (session_is_near(peer))
			arm_timer(peer, jiffies + msecs_to_jiffies(CPNS_PEER_CONFIRM_MS) + 1);
		return;
	}
	if (!flush_begin(peer))
		return;
	while ((skb = flush_next(peer, s && budget))) {
		cpns_send_packet(peer, s, skb);
		s = cpns_session_get_sending(peer);
		budget--;
	}
	/* What is left comes in as fast as it goes out: let others run. */
	if (!budget)
		arm_timer(peer, jiffies + 1);
}

void cpns_peer_flush(struct cpns_peer *peer)
{
	/*
	 * Orders a new session before the look at the queue, and a new packet
	 * before the look for a session: one of the two is seen.
	 */
	smp_mb();
	if (skb_queue_empty_lockless(&peer->queue))
		return;
	local_bh_disable();
	rcu_read_lock();
	flush(peer);
	rcu_read_unlock();
	local_bh_enable();
}

bool cpns_peer_has_waiting(const struct cpns_peer *peer)
{
	return !skb_queue_empty_lockless(&peer->queue) || READ_ONCE(peer->flushing);
}

void cpns_peer_note_tx(struct cpns_peer *peer, bool empty)
{
	WRITE_ONCE(peer->last_tx, ktime_get_coarse_boottime_ns());
	if (READ_ONCE(peer->owed))
		WRITE_ONCE(peer->owed, false);
	if (!empty && !READ_ONCE(peer->unanswered)) {
		WRITE_ONCE(peer->unanswered_since, jiffies);
		WRITE_ONCE(peer->unanswered, true);
		arm_timer(peer, jiffies + msecs_to_jiffies(READ_ONCE(peer->timeout_ms)));
	}
}

void cpns_peer_note_rx(struct cpns_peer *peer, bool empty)
{
	WRITE_ONCE(peer->last_rx, ktime_get_coarse_boottime_ns());
	if (READ_ONCE(peer->unanswered))
		WRITE_ONCE(peer->unanswered, false);
	if (!empty && !READ_ONCE(peer->owed)) {
		WRITE_ONCE(peer->owed_since, jiffies);
		WRITE_ONCE(peer->owed, true);
		arm_timer(peer, jiffies + msecs_to_jiffies(READ_ONCE(peer->passive_ms)));
	}
}

void cpns_peer_note_pan_tx(struct cpns_peer *peer)
{
	WRITE_ONCE(peer->last_tx, ktime_get_coarse_boottime_ns());
}

void cpns_peer_note_pan_rx(struct cpns_peer *peer)
{
	WRITE_ONCE(peer->last_rx, ktime_get_coarse_boottime_ns());
}

bool cpns_peer_accepts(const struct cpns_peer *peer, const struct cpns_header *h)
{
	return cpns_policy_accepts(READ_ONCE(peer->min_mode), READ_ONCE(peer->max_clear),
				   h->flags, h->clear);
}
