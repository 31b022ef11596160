// SPDX-License-Identifier: GPL-2.0
#include <linux/netlink.h>
#include <linux/rculist.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/inet_ecn.h>

#include <cpns/wire.h>
#include "compat.h"
#include "control.h"
#include "device.h"
#include "header.h"
#include "peer.h"
#include "relay.h"
#include "session.h"
#include "socket.h"
#include "stats.h"
#include "trace.h"
#include "train-walk.h"

/**
 * struct entry - a provisional entry
 * @list: in the table
 * @rcu: for its end
 * @id: number, ascending
 * @eid: who it is for
 * @server: peer that it may reach
 * @sid: sid that its INIT chose
 * @ep: where it is
 * @made: CLOCK_BOOTTIME, ns
 * @until: end of its time, CLOCK_BOOTTIME, ns; written under the table's lock
 * @rate_until: up to when its rate is used up; like the rest under that lock
 * @up_packets: relayed to the Server
 * @up_bytes: their bytes
 * @down_packets: relayed from the Server
 * @down_bytes: their bytes
 * @dropped: above the rate
 */
struct entry {
	struct list_head list;
	struct rcu_head rcu;
	u64 id;
	u64 eid;
	u64 server;
	u32 sid;
	struct cpns_endpoint ep;
	u64 made;
	u64 until;
	u64 rate_until;
	u64 up_packets;
	u64 up_bytes;
	u64 down_packets;
	u64 down_bytes;
	u64 dropped;
};

/**
 * struct datagram - one that is to be relayed, or a train of those with such a header
 * @cdev: device
 * @skb: datagram, or train
 * @count: datagrams in it
 * @dst: EID that it is for
 * @src: EID that it is from
 * @sid: of its header; of an INIT the one that it chose
 * @type: enum cpns_msg_type
 * @to: peer that it is for, or NULL
 * @from: peer that it is from, or NULL
 * @sender: where it came from
 */
struct datagram {
	struct cpns_device *cdev;
	struct sk_buff *skb;
	unsigned int count;
	u64 dst;
	u64 src;
	u32 sid;
	u8 type;
	struct cpns_peer *to;
	struct cpns_peer *from;
	struct cpns_endpoint sender;
};

/* --- provisional entries --- */

static u64 now_ns(void)
{
	return ktime_get_coarse_boottime_ns();
}

static bool is_over(const struct entry *e, u64 now)
{
	return now >= READ_ONCE(e->until);
}

static void remove(struct entry *e)
{
	list_del_rcu(&e->list);
	kfree_rcu(e, rcu);
}

static void remove_those_over(struct cpns_relay_table *table, u64 now)
{
	struct entry *e, *next;

	lockdep_assert_held(&table->lock);
	list_for_each_entry_safe(e, next, &table->entries, list)
		if (is_over(e, now))
			remove(e);
}

static struct entry *find_exact(struct cpns_relay_table *table, u64 eid, u32 sid)
{
	struct entry *e;

	lockdep_assert_held(&table->lock);
	list_for_each_entry(e, &table->entries, list)
		if (e->eid == eid && e->sid == sid)
			return e;
	return NULL;
}

static int check_room(struct cpns_relay_table *table, u64 eid, const struct cpns_endpoint *ep,
		      struct netlink_ext_ack *extack)
{
	unsigned int of_eid = 0, of_host = 0, all = 0;
	struct entry *e;

	list_for_each_entry(e, &table->entries, list) {
		all++;
		of_eid += e->eid == eid;
		of_host += cpns_endpoint_same_host(&e->ep, ep);
	}
	if (of_eid >= CPNS_RELAYS_EACH_MAX) {
		NL_SET_ERR_MSG(extack, "this EID has 4 provisional entries: wait for one to end");
		return -ENOSPC;
	}
	if (of_host >= CPNS_RELAYS_EACH_MAX) {
		NL_SET_ERR_MSG(extack,
			       "this address has 4 provisional entries: wait for one to end");
		return -ENOSPC;
	}
	if (all >= CPNS_RELAYS_MAX) {
		NL_SET_ERR_MSG(extack,
			       "the device has 64 provisional entries: wait for one to end");
		return -ENOSPC;
	}
	return 0;
}

static void renew(struct entry *e, u64 now)
{
	WRITE_ONCE(e->until, now + (u64)CPNS_RELAY_TIME * NSEC_PER_SEC);
}

static int enter(struct cpns_relay_table *table, struct entry *e, struct netlink_ext_ack *extack)
{
	struct entry *old;
	u64 now = now_ns();
	int err;

	lockdep_assert_held(&table->lock);
	remove_those_over(table, now);
	old = find_exact(table, e->eid, e->sid);
	if (old && (old->server != e->server || !cpns_endpoint_same(&old->ep, &e->ep))) {
		NL_SET_ERR_MSG(extack, "another source or Server has this EID and sid");
		return -EEXIST;
	}
	if (old) {
		renew(old, now);
		return 1;
	}
	err = check_room(table, e->eid, &e->ep, extack);
	if (err)
		return err;
	e->id = ++table->last_id;
	e->made = now;
	renew(e, now);
	list_add_tail_rcu(&e->list, &table->entries);
	return 0;
}

int cpns_relay_add(struct cpns_device *cdev, u64 eid, u32 sid, u64 server,
		   const struct cpns_endpoint *ep, struct netlink_ext_ack *extack)
{
	struct cpns_relay_table *table = &cdev->relay;
	struct entry *e;
	int err;

	lockdep_assert_held(&cdev->lock);
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->eid = eid;
	e->sid = sid;
	e->server = server;
	e->ep = *ep;
	spin_lock_bh(&table->lock);
	err = enter(table, e, extack);
	spin_unlock_bh(&table->lock);
	if (err)
		kfree(e);
	return min(err, 0);
}

unsigned int cpns_relay_del(struct cpns_device *cdev, u64 eid, u32 sid)
{
	struct cpns_relay_table *table = &cdev->relay;
	unsigned int count = 0;
	struct entry *e, *next;

	spin_lock_bh(&table->lock);
	remove_those_over(table, now_ns());
	list_for_each_entry_safe(e, next, &table->entries, list) {
		if (e->eid != eid || (sid && e->sid != sid))
			continue;
		remove(e);
		count++;
	}
	spin_unlock_bh(&table->lock);
	return count;
}

static void tell(const struct entry *e, u64 now, struct cpns_relay_info *info)
{
	*info = (struct cpns_relay_info){
		.id = e->id,
		.eid = e->eid,
		.server = e->server,
		.sid = e->sid,
		.ep = e->ep,
		.age_ms = div_u64(now - e->made, NSEC_PER_MSEC),
		.remaining_ms = div_u64(e->until - now, NSEC_PER_MSEC),
		.up_packets = e->up_packets,
		.up_bytes = e->up_bytes,
		.down_packets = e->down_packets,
		.down_bytes = e->down_bytes,
		.dropped = e->dropped,
	};
}

bool cpns_relay_get(struct cpns_device *cdev, u64 eid, u32 sid, struct cpns_relay_info *info)
{
	struct cpns_relay_table *table = &cdev->relay;
	u64 now = now_ns();
	struct entry *e;
	bool found;

	spin_lock_bh(&table->lock);
	e = find_exact(table, eid, sid);
	found = e && !is_over(e, now);
	if (found)
		tell(e, now, info);
	spin_unlock_bh(&table->lock);
	return found;
}

bool cpns_relay_next(struct cpns_device *cdev, u64 id, struct cpns_relay_info *info)
{
	struct cpns_relay_table *table = &cdev->relay;
	u64 now = now_ns();
	bool found = false;
	struct entry *e;

	spin_lock_bh(&table->lock);
	list_for_each_entry(e, &table->entries, list) {
		if (e->id <= id || is_over(e, now))
			continue;
		tell(e, now, info);
		found = true;
		break;
	}
	spin_unlock_bh(&table->lock);
	return found;
}

unsigned int cpns_relay_count(struct cpns_device *cdev)
{
	unsigned int count = 0;
	u64 now = now_ns();
	struct entry *e;

	rcu_read_lock();
	list_for_each_entry_rcu(e, &cdev->relay.entries, list)
		count += !is_over(e, now);
	rcu_read_unlock();
	return count;
}

/* --- interfaces --- */

void cpns_relay_set_pan(struct cpns_device *cdev, struct cpns_relay_pan *pan)
{
	struct cpns_relay_pan *old;

	old = rcu_replace_pointer(cdev->relay.pan, pan, lockdep_is_held(&cdev->lock));
	if (old)
		kfree_rcu(old, rcu);
}

bool cpns_relay_pan_has(struct cpns_device *cdev, int ifindex)
{
	const struct cpns_relay_pan *pan;
	bool has = false;
	unsigned int i;

	rcu_read_lock();
	pan = rcu_dereference(cdev->relay.pan);
	for (i = 0; pan && i < pan->count; i++)
		has |= READ_ONCE(pan->ifindex[i]) == ifindex;
	rcu_read_unlock();
	return has;
}

/* In place, since memory may be short: 0 is no interface. */
void cpns_relay_forget_interface(struct cpns_device *cdev, int ifindex)
{
	struct cpns_relay_pan *pan;
	unsigned int i;

	pan = rcu_dereference_protected(cdev->relay.pan, lockdep_is_held(&cdev->lock));
	for (i = 0; pan && i < pan->count; i++)
		if (pan->ifindex[i] == ifindex)
			WRITE_ONCE(pan->ifindex[i], 0);
}

void cpns_relay_init(struct cpns_relay_table *table)
{
	spin_lock_init(&table->lock);
	INIT_LIST_HEAD(&table->entries);
	ratelimit_state_init(&table->init_limit, HZ, CPNS_RELAY_INITS);
	ratelimit_set_flags(&table->init_limit, RATELIMIT_MSG_ON_RELEASE);
}

void cpns_relay_destroy(struct cpns_relay_table *table)
{
	struct entry *e, *next;

	list_for_each_entry_safe(e, next, &table->entries, list)
		kfree(e);
	kfree(rcu_dereference_protected(table->pan, true));
}

/* --- the packet path --- */

static void drop(const struct datagram *d, unsigned int stat)
{
	/* What is for nobody here says nothing of its source either. */
	cpns_stats_inc(d->cdev, stat == CPNS_A_STATS_RX_NOT_OURS ? NULL : d->from, stat);
	trace_cpns_drop(d->cdev->dev, d->src, stat);
	kfree_skb(d->skb);
}

static bool is_allowed(const struct cpns_peer *from, const struct cpns_peer *to)
{
	return READ_ONCE(from->relay_to) == to->eid || READ_ONCE(to->relay_to) == from->eid;
}

static bool is_at(const struct cpns_peer *peer, const struct cpns_endpoint *ep)
{
	const struct cpns_endpoint *known = rcu_dereference(peer->endpoint);

	return known && cpns_endpoint_same(known, ep);
}

/* Why it may not pass between two peers, or 0. */
static unsigned int check_peers(const struct datagram *d)
{
	if (!d->to)
		return CPNS_A_STATS_RX_NOT_OURS;
	if (!d->from)
		return CPNS_A_STATS_RELAY_UNKNOWN_SOURCE;
	if (!is_allowed(d->from, d->to))
		return CPNS_A_STATS_RELAY_NOT_ALLOWED;
	if (!is_at(d->from, &d->sender))
		return CPNS_A_STATS_RELAY_WRONG_ENDPOINT;
	if (!rcu_access_pointer(d->to->endpoint))
		return CPNS_A_STATS_RELAY_NO_ENDPOINT;
	if (is_at(d->to, &d->sender))
		return CPNS_A_STATS_RELAY_SAME_ENDPOINT;
	return 0;
}

/* An INIT has its own entry; what follows goes by the youngest of its source. */
static bool entry_is_up(const struct entry *e, const struct datagram *d)
{
	return e->eid == d->src && e->server == d->dst &&
	       (d->type != CPNS_MSG_INIT || e->sid == d->sid) &&
	       cpns_endpoint_same(&e->ep, &d->sender);
}

/* A HINT that names no session answers an INIT, most likely the last one. */
static bool entry_is_down(const struct entry *e, const struct datagram *d)
{
	if (e->eid != d->dst || e->server != d->src || d->type == CPNS_MSG_INIT)
		return false;
	return d->sid ? e->sid == d->sid : d->type == CPNS_MSG_HINT;
}

static struct entry *find_entry(const struct datagram *d,
				bool (*fits)(const struct entry *e, const struct datagram *d))
{
	struct entry *e, *best = NULL;

	list_for_each_entry_rcu(e, &d->cdev->relay.entries, list)
		if (fits(e, d) && (!best || READ_ONCE(e->until) > READ_ONCE(best->until)))
			best = e;
	return best;
}

/* @until is up to when a rate is used up; it may be so for CPNS_RELAY_BURST. */
static u64 used_up(u64 until, u64 now, unsigned int len, unsigned int rate)
{
	return max(until, now) + div_u64((u64)len * NSEC_PER_SEC, rate);
}

/* Takes what a datagram costs off the rates: why it may not pass, or 0. */
static unsigned int charge(struct cpns_relay_table *table, struct entry *e,
			   const struct datagram *d, bool up)
{
	unsigned int len = d->skb->len, stat = 0;
	u64 now = now_ns(), most = now + (u64)CPNS_RELAY_BURST * NSEC_PER_SEC;
	u64 one, all;

	spin_lock(&table->lock);
	one = used_up(e->rate_until, now, len, CPNS_RELAY_RATE);
	all = used_up(table->total_until, now, len, CPNS_RELAY_TOTAL_RATE);
	if (is_over(e, now)) {
		stat = CPNS_A_STATS_RELAY_EXPIRED;
	} else if (one > most) {
		stat = CPNS_A_STATS_RELAY_RATE;
		e->dropped++;
	} else if (all > most) {
		stat = CPNS_A_STATS_RELAY_TOTAL_RATE;
		e->dropped++;
	} else {
		e->rate_until = one;
		table->total_until = all;
		if (up && d->type == CPNS_MSG_INIT)
			renew(e, now);
		if (up) {
			e->up_packets++;
			e->up_bytes += len;
		} else {
			e->down_packets++;
			e->down_bytes += len;
		}
	}
	spin_unlock(&table->lock);
	return stat;
}

/* A packet of our own to change and send, with room for other headers, or NULL. */
static struct sk_buff *make_sendable(struct sk_buff *skb)
{
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		return NULL;
	if (skb_cow(skb, CPNS_OUTER_HEADROOM)) {
		kfree_skb(skb);
		return NULL;
	}
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	/* What was known of the outer checksum that came. */
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	memset(skb->cb, 0, sizeof(skb->cb));
	return skb;
}

static unsigned int stat_of_error(int err)
{
	switch (err) {
	case -EDESTADDRREQ:
		return CPNS_A_STATS_RELAY_NO_ENDPOINT;
	case -ELOOP:
		return CPNS_A_STATS_RELAY_LOOP;
	default:
		return CPNS_A_STATS_RELAY_NO_ROUTE;
	}
}

static bool take_hop(void *arg, const struct cpns_train_piece *piece)
{
	((struct cpns_header *)piece->data)->hop_limit--;
	return true;
}

/* A hop less for each datagram of a packet that is our own. */
static void take_hops(struct datagram *d)
{
	if (d->count == 1) {
		((struct cpns_header *)d->skb->data)->hop_limit--;
		return;
	}
	cpns_train_walk(d->skb, 0, take_hop, NULL);
	/* It may go on as any train may. */
	skb_shinfo(d->skb)->gso_type &= ~SKB_GSO_UDP_TUNNEL_CSUM;
	skb_shinfo(d->skb)->gso_segs = d->count;
}

/*
 * @ep is where it goes, or NULL for the endpoint of the peer that it is for;
 * @by_entry: a provisional entry let it pass.
 */
static void forward(struct datagram *d, const struct cpns_endpoint *ep, bool by_entry)
{
	/* RFC 6040 again: a congestion mark goes on, the rest is the way's own. */
	u8 tos = cpns_socket_outer_tos(d->skb) & INET_ECN_MASK;
	unsigned int len = d->skb->len, stat;
	int err;

	d->skb = make_sendable(d->skb);
	if (unlikely(!d->skb)) {
		stat = CPNS_A_STATS_RELAY_NO_MEMORY;
		goto err_count;
	}
	take_hops(d);
	if (ep)
		err = cpns_socket_send_skb(d->cdev, ep, d->skb, tos);
	else
		err = cpns_socket_send(d->to, d->skb, tos, true);
	trace_cpns_relay(d->cdev->dev, d->dst, d->src, d->sid, d->type, len, by_entry, err);
	if (likely(!err)) {
		cpns_stats_relay(d->cdev, d->from, d->count, len);
		if (d->count > 1)
			cpns_stats_inc(d->cdev, d->from, CPNS_A_STATS_RELAY_TRAINS);
		return;
	}
	stat = stat_of_error(err);
err_count:
	cpns_stats_add(d->cdev, d->from, stat, d->count);
	trace_cpns_drop(d->cdev->dev, d->src, stat);
}

/* The sid that goes with a peer whose relay-to lets datagrams pass. */
static u32 *last_sid(struct cpns_peer *from, struct cpns_peer *to)
{
	if (READ_ONCE(from->relay_to) == to->eid)
		return &from->relayed_sid[0];
	return &to->relayed_sid[1];
}

static void forward_to_peer(struct datagram *d)
{
	u32 *sid = last_sid(d->from, d->to);

	if (d->type == CPNS_MSG_DATA && READ_ONCE(*sid) != d->sid)
		WRITE_ONCE(*sid, d->sid);
	forward(d, NULL, false);
}

bool cpns_relay_is_sent(struct cpns_device *cdev, const struct cpns_header *h)
{
	struct cpns_peer *from = cpns_peer_find(cdev, get_unaligned_be64(&h->src));
	struct cpns_peer *to = cpns_peer_find(cdev, get_unaligned_be64(&h->dst));
	u32 sid = get_unaligned_be32(&h->sid);

	return from && to && sid && is_allowed(from, to) && READ_ONCE(*last_sid(from, to)) == sid;
}

static void forward_by_entry(struct datagram *d, struct entry *e, bool up)
{
	unsigned int stat = charge(&d->cdev->relay, e, d, up);

	if (stat)
		return drop(d, stat);
	forward(d, up ? NULL : &e->ep, true);
}

/*
 * The first INIT of a stranger: the daemon decides whether there is to be an
 * entry, and passes it on.
 */
static void ask_daemon(const struct datagram *d)
{
	if (!__ratelimit(&d->cdev->relay.init_limit))
		return drop(d, CPNS_A_STATS_RELAY_INIT_LIMIT);
	cpns_control_receive(d->cdev, d->skb);
}

/*
 * From an entity that is not known, or not known to be there, to a peer. @stat
 * is why it may not pass without an entry.
 */
static void receive_up(struct datagram *d, unsigned int stat)
{
	struct entry *e = find_entry(d, entry_is_up);
	bool is_init = d->type == CPNS_MSG_INIT;

	if (!e && !is_init)
		return drop(d, stat);
	if (!rcu_access_pointer(d->to->endpoint))
		return drop(d, CPNS_A_STATS_RELAY_NO_ENDPOINT);
	if (is_at(d->to, &d->sender))
		return drop(d, CPNS_A_STATS_RELAY_SAME_ENDPOINT);
	if (is_init && (!e || is_over(e, now_ns()))) {
		if (cpns_relay_pan_has(d->cdev, cpns_socket_ingress(d->skb)))
			return ask_daemon(d);
		return drop(d, stat);
	}
	forward_by_entry(d, e, true);
}

/* From a peer to an entity that is not known, or not known to be anywhere. */
static void receive_down(struct datagram *d, unsigned int stat)
{
	struct entry *e = d->from ? find_entry(d, entry_is_down) : NULL;

	if (!e)
		return drop(d, stat);
	if (!is_at(d->from, &d->sender))
		return drop(d, CPNS_A_STATS_RELAY_WRONG_ENDPOINT);
	if (cpns_endpoint_same(&e->ep, &d->sender))
		return drop(d, CPNS_A_STATS_RELAY_SAME_ENDPOINT);
	forward_by_entry(d, e, false);
}

/*
 * A peer without a session may have moved, and asks its Server from where it is
 * now; its endpoint is old then. One with a session moves by that.
 */
static struct entry *moved_entry(const struct datagram *d)
{
	struct entry *e;

	if (list_empty(&d->cdev->relay.entries) || cpns_session_get_sending(d->to) || !d->sid)
		return NULL;
	e = find_entry(d, entry_is_down);
	return e && !is_over(e, now_ns()) && !cpns_endpoint_same(&e->ep, &d->sender) ? e : NULL;
}

/* An INIT has no sid in its header; the one that it chose follows. */
static u32 datagram_sid(struct sk_buff *skb, u8 type)
{
	const struct cpns_header *h = (const struct cpns_header *)skb->data;
	__be32 buffer, *sid;

	if (type != CPNS_MSG_INIT)
		return get_unaligned_be32(&h->sid);
	sid = skb_header_pointer(skb, CPNS_HEADER_LEN, sizeof(buffer), &buffer);
	return sid ? get_unaligned_be32(sid) : 0;
}

void cpns_relay_receive(struct cpns_device *cdev, struct sk_buff *skb, u64 dst, u64 src)
{
	const struct cpns_header *h = (const struct cpns_header *)skb->data;
	struct datagram d = {
		.cdev = cdev,
		.skb = skb,
		.count = 1,
		.dst = dst,
		.src = src,
		.type = h->version_type & 0x0f,
		.to = cpns_peer_find(cdev, dst),
		.from = cpns_peer_find(cdev, src),
	};
	struct entry *e;
	unsigned int stat;

	if (unlikely(h->flags & CPNS_F_UNPROTECTED))
		return drop(&d, CPNS_A_STATS_RELAY_UNPROTECTED);
	if (unlikely(h->hop_limit <= 1))
		return drop(&d, CPNS_A_STATS_RELAY_HOP_LIMIT);
	d.sid = datagram_sid(skb, d.type);
	cpns_socket_sender(skb, &d.sender);

	stat = check_peers(&d);
	switch (stat) {
	case 0:
		e = moved_entry(&d);
		return e ? forward_by_entry(&d, e, false) : forward_to_peer(&d);
	case CPNS_A_STATS_RELAY_UNKNOWN_SOURCE:
	case CPNS_A_STATS_RELAY_WRONG_ENDPOINT:
		return receive_up(&d, stat);
	case CPNS_A_STATS_RX_NOT_OURS:
	case CPNS_A_STATS_RELAY_NO_ENDPOINT:
		return receive_down(&d, stat);
	default:
		return drop(&d, stat);
	}
}

/**
 * struct train_check - what is known of a train so far
 * @first: first datagram, or NULL
 * @count: datagrams
 */
struct train_check {
	const u8 *first;
	unsigned int count;
};

/* May a datagram go on with those before it? */
static bool fits_train(void *arg, const struct cpns_train_piece *piece)
{
	const struct cpns_data_header *dh = (const struct cpns_data_header *)piece->data;
	struct train_check *c = arg;

	c->first = c->first ?: piece->data;
	c->count++;
	return cpns_header_is_alike(piece->data, c->first) && dh->h.hop_limit > 1 &&
	       cpns_header_data_is_valid(dh, piece->len);
}

bool cpns_relay_train(struct cpns_device *cdev, struct sk_buff *skb, unsigned int offset)
{
	struct datagram d = { .cdev = cdev, .skb = skb, .type = CPNS_MSG_DATA };
	const struct cpns_header *h;
	struct train_check c = {};

	/* A tracer sees each datagram for itself. */
	if (trace_cpns_relay_enabled() || trace_cpns_drop_enabled())
		return false;
	if (!cpns_train_walk(skb, offset, fits_train, &c) || c.count < 2)
		return false;
	h = (const struct cpns_header *)c.first;
	d.count = c.count;
	d.dst = get_unaligned_be64(&h->dst);
	d.src = get_unaligned_be64(&h->src);
	d.sid = get_unaligned_be32(&h->sid);
	if ((h->version_type & 0x0f) != CPNS_MSG_DATA || h->flags & CPNS_F_UNPROTECTED ||
	    !cpns_header_is_valid(h, d.dst, d.src) || d.dst == cdev->eid)
		return false;

	d.to = cpns_peer_find(cdev, d.dst);
	d.from = cpns_peer_find(cdev, d.src);
	cpns_socket_sender(skb, &d.sender);
	if (check_peers(&d) || moved_entry(&d))
		return false;
	__skb_pull(skb, offset);
	forward_to_peer(&d);
	return true;
}
