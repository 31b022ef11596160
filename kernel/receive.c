// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/netdevice.h>

#include "compat.h"
#include "control.h"
#include "crypto.h"
#include "device.h"
#include "drop.h"
#include "event.h"
#include "header.h"
#include "inner.h"
#include "pan.h"
#include "peer.h"
#include "receive.h"
#include "relay.h"
#include "session.h"
#include "socket.h"
#include "trace.h"

/**
 * struct receive_cb - what a packet carries through the packet path
 * @session: its session, with a reference
 * @seq: sequence number
 */
struct receive_cb {
	struct cpns_session *session;
	u64 seq;
};

static struct receive_cb *receive_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct receive_cb) > sizeof(skb->cb));
	return (struct receive_cb *)skb->cb;
}

static void receive_inner(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb)
{
	if (likely(cpns_inner_check(cdev, peer, skb, cpns_socket_outer_tos(skb))))
		cpns_inner_deliver(cdev, peer, skb, 1, skb->len);
}

static enum cpns_replay_verdict commit_seq(struct cpns_session *s, u64 seq)
{
	enum cpns_replay_verdict verdict;

	spin_lock_bh(&s->rx_lock);
	verdict = cpns_replay_commit(&s->window, seq);
	spin_unlock_bh(&s->rx_lock);
	return verdict;
}

static void receive_opened(struct cpns_session *s, struct sk_buff *skb)
{
	u64 seq = receive_cb(skb)->seq;
	enum cpns_replay_verdict verdict = commit_seq(s, seq);
	struct cpns_peer *peer = s->peer;
	bool empty, accepted;

	if (unlikely(verdict > CPNS_REPLAY_NEWEST))
		return cpns_drop_skb(peer->cdev, peer, skb, cpns_stats_of_verdict(verdict));
	if (verdict == CPNS_REPLAY_NEWEST)
		cpns_peer_heard_from(peer, skb);
	cpns_session_note_rx(s, seq);

	accepted = cpns_peer_accepts(peer, (const struct cpns_header *)skb->data);
	__skb_pull(skb, CPNS_DATA_HEADER_LEN);
	if (unlikely(pskb_trim(skb, skb->len - CPNS_TAG_LEN)))
		return cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_RX_NO_MEMORY);
	empty = !skb->len;
	cpns_peer_note_rx(peer, empty);
	if (empty) {
		cpns_stats_inc(peer->cdev, peer, CPNS_A_STATS_RX_KEEPALIVES);
		consume_skb(skb);
		return;
	}
	if (unlikely(!accepted))
		return cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_RX_LEVEL);
	receive_inner(peer->cdev, peer, skb);
}

/* Done with the cipher, at once or later. */
static void opened(void *arg, int err)
{
	struct sk_buff *skb = arg;
	const struct cpns_header *h = (const struct cpns_header *)skb->data;
	struct receive_cb *cb = receive_cb(skb);
	struct cpns_session *s = cb->session;

	trace_cpns_open(s->peer->cdev->dev, s->peer->eid, s->local_sid, cb->seq, skb->len,
			h->flags, h->clear, err);
	rcu_read_lock();
	if (unlikely(err))
		cpns_drop_skb(s->peer->cdev, s->peer, skb, cpns_session_note_failed(s, err));
	else
		receive_opened(s, skb);
	rcu_read_unlock();
	cpns_session_put(s);
}

/* Data that nobody else has, in few enough pieces. */
static struct sk_buff *make_writable(struct sk_buff *skb)
{
	struct sk_buff *trailer;
	int pieces;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb || likely(!skb_cloned(skb) && !skb_is_nonlinear(skb)))
		return skb;
	pieces = skb_cow_data(skb, 0, &trailer);
	if (pieces < 0 || (pieces > MAX_SKB_FRAGS && skb_linearize(skb))) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static void receive_session(struct cpns_session *s, struct sk_buff *skb)
{
	struct cpns_peer *peer = s->peer;
	struct cpns_device *cdev = peer->cdev;
	const struct cpns_data_header *dh = (const struct cpns_data_header *)skb->data;
	u64 seq = get_unaligned_be64(&dh->seq);
	unsigned int stat = cpns_session_check_seq(s, seq);
	struct cpns_header *h;
	int err;

	if (unlikely(stat))
		return cpns_drop_skb(cdev, peer, skb, stat);

	skb = make_writable(skb);
	if (unlikely(!skb)) {
		cpns_drop(cdev, peer, CPNS_A_STATS_RX_NO_MEMORY, 1);
		return;
	}
	/* It was found in this RCU section, but may have ended. */
	if (unlikely(!cpns_session_hold(s)))
		return cpns_drop_skb(cdev, peer, skb, CPNS_A_STATS_RX_UNKNOWN_SID);

	*receive_cb(skb) = (struct receive_cb){ .session = s, .seq = seq };
	h = (struct cpns_header *)skb->data;
	h->hop_limit = 0;
	err = cpns_crypto_open(&s->rx, skb, seq, cpns_header_assoc(h, skb->len), opened);
	if (err != -EINPROGRESS)
		opened(skb, err);
}

/* Left to a PAN that is secure itself, where that was said of this peer. */
static void receive_unprotected(struct cpns_device *cdev, struct sk_buff *skb, u64 src)
{
	struct cpns_peer *peer = cpns_peer_find(cdev, src);
	const struct cpns_pan *pan = peer ? rcu_dereference(peer->pan) : NULL;
	unsigned int stat = pan ? cpns_pan_check(pan, skb) : CPNS_A_STATS_RX_UNPROTECTED;

	if (unlikely(stat))
		return cpns_drop_skb(cdev, pan ? peer : NULL, skb, stat);
	skb = make_writable(skb);
	if (unlikely(!skb)) {
		cpns_drop(cdev, peer, CPNS_A_STATS_RX_NO_MEMORY, 1);
		return;
	}
	cpns_peer_note_pan_rx(peer);
	__skb_pull(skb, CPNS_DATA_HEADER_LEN);
	if (!skb->len) {
		cpns_stats_inc(cdev, peer, CPNS_A_STATS_RX_KEEPALIVES);
		consume_skb(skb);
		return;
	}
	cpns_stats_inc(cdev, peer, CPNS_A_STATS_RX_PAN_PACKETS);
	receive_inner(cdev, peer, skb);
}

static void receive_data(struct cpns_device *cdev, struct sk_buff *skb, u64 src)
{
	const struct cpns_header *h = (const struct cpns_header *)skb->data;
	struct cpns_session *s;

	if (unlikely(h->flags & CPNS_F_UNPROTECTED))
		return receive_unprotected(cdev, skb, src);
	s = cpns_session_find(cdev, get_unaligned_be32(&h->sid));
	if (unlikely(!s)) {
		cpns_event_unknown_sid(cdev, skb);
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_RX_UNKNOWN_SID);
	}
	if (unlikely(s->peer->eid != src))
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_RX_WRONG_PEER);
	receive_session(s, skb);
}

void cpns_receive(struct cpns_device *cdev, struct sk_buff *skb)
{
	const struct cpns_header *h;
	u64 dst, src;

	if (unlikely(!pskb_may_pull(skb, CPNS_HEADER_LEN)))
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_RX_MALFORMED);
	/* Of DATA as much as there is; too short a one is found below. */
	pskb_may_pull(skb, CPNS_DATA_HEADER_LEN);
	h = (const struct cpns_header *)skb->data;
	dst = get_unaligned_be64(&h->dst);
	src = get_unaligned_be64(&h->src);

	if (unlikely(!cpns_header_is_valid(h, dst, src)))
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_RX_MALFORMED);
	if ((h->version_type & 0x0f) == CPNS_MSG_DATA &&
	    unlikely(!cpns_header_data_is_valid((const struct cpns_data_header *)h, skb->len)))
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_RX_MALFORMED);
	if (unlikely(dst != cdev->eid))
		return cpns_relay_receive(cdev, skb, dst, src);
	if ((h->version_type & 0x0f) == CPNS_MSG_DATA)
		receive_data(cdev, skb, src);
	else
		cpns_control_receive(cdev, skb);
}
