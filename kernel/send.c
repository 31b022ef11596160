// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <net/dsfield.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>

#include "compat.h"
#include "crypto.h"
#include "device.h"
#include "drop.h"
#include "header.h"
#include "pan.h"
#include "peer.h"
#include "policy.h"
#include "send.h"
#include "send-train.h"
#include "session.h"
#include "socket.h"
#include "trace.h"

enum {
	SEND_HEADROOM = CPNS_DATA_HEADER_LEN + CPNS_OUTER_HEADROOM,
	SEND_TAILROOM = CPNS_TAG_LEN,
};

/**
 * struct send_cb - what a packet carries through the packet path
 * @session: its session, with a reference from cpns_send_packet() on
 * @len: length of the packet inside
 * @how: how it is sent
 */
struct send_cb {
	struct cpns_session *session;
	unsigned int len;
	struct cpns_send_how how;
};

/* Behind what the stack keeps there while a GSO packet is segmented. */
static struct send_cb *send_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(SKB_GSO_CB_OFFSET != 32);
	BUILD_BUG_ON(sizeof(struct send_cb) > SKB_GSO_CB_OFFSET);
	return (struct send_cb *)skb->cb;
}

/* Done with the cipher, at once or later: the datagram goes out. */
static void sealed(void *arg, int err)
{
	struct sk_buff *skb = arg;
	struct cpns_session *s = send_cb(skb)->session;
	struct cpns_send_how how = send_cb(skb)->how;
	unsigned int len = send_cb(skb)->len;
	struct cpns_peer *peer = s->peer;
	struct cpns_header *h = (struct cpns_header *)skb->data;

	trace_cpns_seal(peer->cdev->dev, peer->eid, s->remote_sid,
			get_unaligned_be64(&((struct cpns_data_header *)h)->seq),
			skb->len, h->flags, h->clear, err);
	if (unlikely(err)) {
		cpns_drop_skb(peer->cdev, peer, skb, cpns_stats_of_seal_error(err));
		goto out;
	}
	h->hop_limit = CPNS_HOP_LIMIT;
	memset(skb->cb, 0, sizeof(skb->cb));

	rcu_read_lock();
	err = cpns_socket_send(peer, skb, how.tos, how.may_fragment);
	if (unlikely(err)) {
		cpns_drop(peer->cdev, peer, cpns_stats_of_send_error(err), 1);
	} else {
		if (len)
			cpns_stats_tx(peer, 1, len);
		else
			cpns_stats_inc(peer->cdev, peer, CPNS_A_STATS_TX_KEEPALIVES);
		cpns_peer_note_tx(peer, !len);
	}
	rcu_read_unlock();
out:
	cpns_session_put(s);
}

/*
 * Puts header and room for the tag around a packet, linear and its own, and
 * seals it.
 */
static void seal(struct cpns_peer *peer, struct cpns_session *s, struct sk_buff *skb)
{
	struct send_cb *cb = send_cb(skb);
	struct cpns_data_header *dh;
	u64 seq;
	int err;

	if (unlikely(!cpns_session_take_seq(s, &seq)))
		return cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_TX_LIMIT);
	/* The caller found it in this RCU section, but it may have ended. */
	if (unlikely(!cpns_session_hold(s)))
		return cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_TX_NO_KEY);

	cb->session = s;
	cb->len = skb->len;
	cb->how.may_fragment |= skb->len <= CPNS_INNER_ALWAYS;
	dh = __skb_push(skb, sizeof(*dh));
	cpns_header_make_data(dh, s, seq, cb->how.mode, cb->how.clear, cb->len);
	__skb_put(skb, CPNS_TAG_LEN);

	err = cpns_crypto_seal(&s->tx, skb, seq, cpns_header_assoc(&dh->h, skb->len), sealed);
	if (err != -EINPROGRESS)
		sealed(skb, err);
}

/*
 * The copy is checksummed on the way, but 0 is left as it is, which to UDP means
 * that there is no checksum.
 */
static void copy_and_checksum(struct sk_buff *skb, struct sk_buff *copy)
{
	u8 *data = skb_put(copy, skb->len);
	__sum16 *sum;

	skb_copy_and_csum_dev(skb, data);
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	sum = (__sum16 *)(data + skb_checksum_start_offset(skb) + skb->csum_offset);
	if (!*sum)
		*sum = CSUM_MANGLED_0;
}

/* A copy with room around it. */
static struct sk_buff *copy_packet(struct sk_buff *skb)
{
	struct sk_buff *copy;

	copy = alloc_skb(LL_MAX_HEADER + SEND_HEADROOM + skb->len + SEND_TAILROOM, GFP_ATOMIC);
	if (!copy)
		return NULL;
	skb_reserve(copy, LL_MAX_HEADER + SEND_HEADROOM);
	copy_and_checksum(skb, copy);
	memcpy(copy->cb, skb->cb, sizeof(copy->cb));
	copy->dev = skb->dev;
	copy->protocol = skb->protocol;
	copy->priority = skb->priority;
	skb_copy_queue_mapping(copy, skb);
	__skb_set_hash(copy, skb->hash, skb->sw_hash, skb->l4_hash);
	return copy;
}

/*
 * A packet that is linear, its own, checksummed and has room around it: the one
 * that came, or a copy.
 *
 * Return: the packet, or NULL, and the one that came is gone.
 */
static struct sk_buff *make_writable(struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (likely(!skb_is_nonlinear(skb) && !skb_cloned(skb) && !skb_shared(skb) &&
		   skb_headroom(skb) >= SEND_HEADROOM && skb_tailroom(skb) >= SEND_TAILROOM) &&
	    (skb->ip_summed != CHECKSUM_PARTIAL || !skb_checksum_help(skb))) {
		/* What the inner stack knew of it is nobody's business outside. */
		skb_scrub_packet(skb, true);
		skb->ip_summed = CHECKSUM_NONE;
		skb->encapsulation = 0;
		return skb;
	}
	copy = copy_packet(skb);
	if (likely(copy))
		consume_skb(skb);
	else
		kfree_skb(skb);
	return copy;
}

/* Leaves a packet, linear and its own, to the PAN that protects it. */
static void send_unprotected(struct cpns_peer *peer, const struct cpns_pan *pan,
			     struct sk_buff *skb)
{
	struct cpns_device *cdev = peer->cdev;
	unsigned int len = skb->len;
	u8 tos = send_cb(skb)->how.tos;
	struct cpns_data_header *dh;
	int err;

	dh = __skb_push(skb, sizeof(*dh));
	memset(dh, 0, sizeof(*dh));
	dh->h.version_type = CPNS_VERSION << 4 | CPNS_MSG_DATA;
	dh->h.flags = CPNS_F_UNPROTECTED;
	dh->h.hop_limit = CPNS_HOP_LIMIT;
	put_unaligned_be64(peer->eid, &dh->h.dst);
	put_unaligned_be64(cdev->eid, &dh->h.src);
	memset(skb->cb, 0, sizeof(skb->cb));

	err = cpns_socket_send_pan(cdev, pan, skb, tos);
	if (unlikely(err)) {
		cpns_drop(cdev, peer, cpns_stats_of_send_error(err), 1);
		return;
	}
	cpns_stats_tx(peer, 1, len);
	cpns_stats_inc(cdev, peer, CPNS_A_STATS_TX_PAN_PACKETS);
	cpns_peer_note_pan_tx(peer);
}

/* With session @s, or without one on @pan. */
static void send_one(struct cpns_peer *peer, struct cpns_session *s, const struct cpns_pan *pan,
		     struct sk_buff *skb)
{
	skb = make_writable(skb);
	if (unlikely(!skb)) {
		cpns_drop(peer->cdev, peer, CPNS_A_STATS_TX_NO_MEMORY, 1);
		return;
	}
	if (s)
		seal(peer, s, skb);
	else
		send_unprotected(peer, pan, skb);
}

static void send_segments(struct cpns_peer *peer, struct cpns_session *s,
			  const struct cpns_pan *pan, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	if (!skb_is_gso(skb))
		return send_one(peer, s, pan, skb);

	if (s && cpns_send_train(peer, s, skb, &send_cb(skb)->how))
		return;
	/* No features: segments come linear, copied and checksummed in one pass. */
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs))
		return cpns_drop_skb(peer->cdev, peer, skb, CPNS_A_STATS_TX_NO_MEMORY);
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		send_one(peer, s, pan, skb);
	}
}

void cpns_send_packet(struct cpns_peer *peer, struct cpns_session *s, struct sk_buff *skb)
{
	send_segments(peer, s, NULL, skb);
}

void cpns_send_keepalive(struct cpns_peer *peer, struct cpns_session *s)
{
	struct sk_buff *skb;

	skb = alloc_skb(LL_MAX_HEADER + SEND_HEADROOM + SEND_TAILROOM, GFP_ATOMIC);
	if (!skb) {
		cpns_stats_inc(peer->cdev, peer, CPNS_A_STATS_TX_NO_MEMORY);
		return;
	}
	skb_reserve(skb, LL_MAX_HEADER + SEND_HEADROOM);
	skb->dev = peer->cdev->dev;
	*send_cb(skb) = (struct send_cb){
		.how.mode = CPNS_MODE_ENCRYPT,
	};
	seal(peer, s, skb);
}

/* Tells the sender what the path takes. */
static void too_big(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
		    int mtu)
{
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	else
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	cpns_drop_skb(cdev, peer, skb, CPNS_A_STATS_TX_TOO_BIG);
}

/*
 * A packet that is longer than the path takes goes in fragments where its sender
 * would not learn of it.
 */
static bool fits(struct sk_buff *skb, int mtu)
{
	bool told = skb->protocol == htons(ETH_P_IPV6) ||
		    (ip_hdr(skb)->frag_off & htons(IP_DF));

	if (skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu)
		return true;
	send_cb(skb)->how.may_fragment = !told;
	return !told;
}

/* Whether it is whole IP, with its header linear. */
static bool check_ip(struct sk_buff *skb)
{
	if (!pskb_network_may_pull(skb, 1))
		return false;
	switch (ip_hdr(skb)->version) {
	case 4:
		skb->protocol = htons(ETH_P_IP);
		return pskb_network_may_pull(skb, sizeof(struct iphdr));
	case 6:
		skb->protocol = htons(ETH_P_IPV6);
		return pskb_network_may_pull(skb, sizeof(struct ipv6hdr));
	default:
		return false;
	}
}

static bool is_multicast(const struct cpns_addr *addr)
{
	if (addr->family == AF_INET6)
		return ipv6_addr_is_multicast(&addr->a);
	return ipv4_is_multicast(addr->a.s6_addr32[0]) || ipv4_is_lbcast(addr->a.s6_addr32[0]);
}

static struct cpns_peer *find_peer(struct cpns_device *cdev, struct sk_buff *skb,
				   unsigned int *stat)
{
	struct cpns_addr addr;

	cpns_addr_destination(skb, &addr);
	if (is_multicast(&addr)) {
		*stat = CPNS_A_STATS_TX_MULTICAST;
		return rcu_dereference(cdev->multicast);
	}
	*stat = CPNS_A_STATS_TX_NO_PEER;
	return cpns_peer_by_address(cdev, &addr);
}

/* RFC 6040: the congestion field is copied; the rest stays the tunnel's own. */
static u8 outer_tos(const struct sk_buff *skb)
{
	u8 inner = skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->tos :
						      ipv6_get_dsfield(ipv6_hdr(skb));

	return inner & INET_ECN_MASK;
}

static void classify(struct cpns_device *cdev, struct sk_buff *skb)
{
	struct cpns_send_how *how = &send_cb(skb)->how;

	cpns_policy_classify(rcu_dereference(cdev->classes), skb->mark, &how->mode, &how->clear);
	how->tos = outer_tos(skb);
}

/* Not in fragments: the other end would not know the TTL of each. */
static void xmit_pan(struct cpns_device *cdev, struct cpns_peer *peer,
		     const struct cpns_pan *pan, struct sk_buff *skb)
{
	int mtu = cpns_socket_pan_mtu(cdev, pan);

	if (unlikely(mtu < 0))
		return cpns_drop_skb(cdev, peer, skb, cpns_stats_of_send_error(mtu));
	memset(skb->cb, 0, sizeof(skb->cb));
	if (unlikely(!fits(skb, mtu) || send_cb(skb)->how.may_fragment))
		return too_big(cdev, peer, skb, mtu);
	send_cb(skb)->how.tos = outer_tos(skb);
	send_segments(peer, NULL, pan, skb);
}

static void xmit(struct cpns_device *cdev, struct sk_buff *skb)
{
	const struct cpns_pan *pan;
	struct cpns_session *s;
	struct cpns_peer *peer;
	unsigned int stat;
	int mtu;

	if (unlikely(!check_ip(skb)))
		return cpns_drop_skb(cdev, NULL, skb, CPNS_A_STATS_TX_MALFORMED);
	peer = find_peer(cdev, skb, &stat);
	if (unlikely(!peer))
		return cpns_drop_skb(cdev, NULL, skb, stat);
	pan = rcu_dereference(peer->pan);
	if (unlikely(pan))
		return xmit_pan(cdev, peer, pan, skb);
	s = cpns_session_get_sending(peer);
	mtu = cpns_socket_path_mtu(peer);
	if (unlikely(mtu < 0)) {
		if (mtu == -EDESTADDRREQ && !s)
			mtu = cdev->dev->mtu;
		else
			return cpns_drop_skb(cdev, peer, skb, cpns_stats_of_send_error(mtu));
	}
	memset(skb->cb, 0, sizeof(skb->cb));
	if (unlikely(!fits(skb, mtu)))
		return too_big(cdev, peer, skb, mtu);
	classify(cdev, skb);

	if (likely(s && !cpns_peer_has_waiting(peer)))
		return cpns_send_packet(peer, s, skb);
	/* The queue outlives the packet's route. */
	skb_dst_drop(skb);
	cpns_peer_enqueue(peer, skb);
	/* A session may have come just now. */
	cpns_peer_flush(peer);
}

netdev_tx_t cpns_send_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct cpns_device *cdev = netdev_priv(dev);

	rcu_read_lock();
	xmit(cdev, skb);
	rcu_read_unlock();
	return NETDEV_TX_OK;
}
