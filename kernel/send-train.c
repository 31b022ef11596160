// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "compat.h"
#include "crypto.h"
#include "device.h"
#include "drop.h"
#include "header.h"
#include "pages.h"
#include "peer.h"
#include "send-train.h"
#include "session.h"
#include "socket.h"
#include "trace.h"

enum {
	/* UDP takes no more apart, or together. */
	SEGMENTS_MAX = 64,
	KNOWN_GSO = SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID |
		    SKB_GSO_UDP_L4,
};

/**
 * struct plan - how a packet is cut
 * @skb: the packet
 * @how: how its segments are sent
 * @l3_len: length of the IP header
 * @header_len: length of all that each segment begins with
 * @mss: payload of each segment but the last
 * @size: length of the datagram of each but the last
 * @per_page: datagrams in a page
 * @is_tcp: else it is UDP
 * @same_id: the IPv4 ID is not counted up
 * @pseudo: checksum of the addresses and the protocol
 * @offset: where the payload of the next segment is
 * @index: number of the next segment
 * @seq: its sequence number
 */
struct plan {
	struct sk_buff *skb;
	struct cpns_send_how how;
	unsigned int l3_len;
	unsigned int header_len;
	unsigned int mss;
	unsigned int size;
	unsigned int per_page;
	bool is_tcp;
	bool same_id;
	__wsum pseudo;
	unsigned int offset;
	unsigned int index;
	u64 seq;
};

/**
 * struct train_cb - what a train carries on its way
 * @session: its session, with a reference
 * @pending: datagrams that are being worked on, and one for who builds it
 * @err: first error
 * @count: datagrams
 * @size: length of each but the last
 * @bytes: of the packets inside
 * @how: how they are sent
 */
struct train_cb {
	struct cpns_session *session;
	atomic_t pending;
	int err;
	unsigned int count;
	unsigned int size;
	unsigned int bytes;
	struct cpns_send_how how;
};

static struct train_cb *train_cb(struct sk_buff *train)
{
	BUILD_BUG_ON(sizeof(struct train_cb) > sizeof(train->cb));
	return (struct train_cb *)train->cb;
}

/* Length of the IP header; 0 for a packet that is left to the stack. */
static unsigned int plan_l3(struct plan *p, u8 *proto)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(p->skb);
	const struct iphdr *ip4 = ip_hdr(p->skb);

	if (p->skb->protocol == htons(ETH_P_IP)) {
		*proto = ip4->protocol;
		/* A source route has a checksum over another destination. */
		if (ip4->ihl != 5 || ip_is_fragment(ip4))
			return 0;
		p->pseudo = csum_tcpudp_nofold(ip4->saddr, ip4->daddr, 0, ip4->protocol, 0);
		return sizeof(*ip4);
	}
	*proto = ip6->nexthdr;
	p->pseudo = ~csum_unfold(csum_ipv6_magic(&ip6->saddr, &ip6->daddr, 0, ip6->nexthdr, 0));
	return sizeof(*ip6);
}

static unsigned int plan_l4(struct plan *p, u8 proto)
{
	const struct tcphdr *th;

	if (proto == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if (!pskb_may_pull(p->skb, p->l3_len + sizeof(*th)))
		return 0;
	th = (const struct tcphdr *)(p->skb->data + p->l3_len);
	return th->doff < 5 ? 0 : th->doff * 4;
}

/* Only what the stack hands out: whole headers, a checksum still to be made. */
static bool plan_headers(struct plan *p)
{
	struct sk_buff *skb = p->skb;
	unsigned int type = skb_shinfo(skb)->gso_type, l4_len;
	u8 proto;

	if (type & ~KNOWN_GSO || skb->encapsulation || skb->ip_summed != CHECKSUM_PARTIAL ||
	    skb_network_offset(skb))
		return false;
	p->l3_len = plan_l3(p, &proto);
	p->is_tcp = !(type & SKB_GSO_UDP_L4);
	if (!p->l3_len || proto != (p->is_tcp ? IPPROTO_TCP : IPPROTO_UDP) ||
	    skb_checksum_start_offset(skb) != p->l3_len ||
	    skb->csum_offset != (p->is_tcp ? offsetof(struct tcphdr, check) :
					     offsetof(struct udphdr, check)))
		return false;
	l4_len = plan_l4(p, proto);
	p->header_len = p->l3_len + l4_len;
	return l4_len && skb->len > p->header_len && pskb_may_pull(skb, p->header_len);
}

static bool plan_make(struct plan *p)
{
	const struct skb_shared_info *info = skb_shinfo(p->skb);

	if (!info->gso_size || !plan_headers(p))
		return false;
	p->same_id = info->gso_type & SKB_GSO_TCP_FIXEDID;
	p->mss = info->gso_size;
	p->size = CPNS_DATA_OVERHEAD + p->header_len + p->mss;
	p->per_page = PAGE_SIZE / p->size;
	p->offset = p->header_len;
	p->how.may_fragment |= p->header_len + p->mss <= CPNS_INNER_ALWAYS;
	return p->per_page;
}

/* The headers of the next segment, with @csum over its @len bytes of payload. */
static void make_headers(const struct plan *p, u8 *data, unsigned int len, bool last, __wsum csum)
{
	unsigned int l4_len = p->header_len - p->l3_len + len;
	struct ipv6hdr *ip6 = (struct ipv6hdr *)data;
	struct iphdr *ip4 = (struct iphdr *)data;
	struct udphdr *uh = (struct udphdr *)(data + p->l3_len);
	struct tcphdr *th = (struct tcphdr *)(data + p->l3_len);

	memcpy(data, p->skb->data, p->header_len);
	if (p->skb->protocol == htons(ETH_P_IP)) {
		ip4->tot_len = htons(p->l3_len + l4_len);
		if (!p->same_id)
			ip4->id = htons(ntohs(ip4->id) + p->index);
		ip_send_check(ip4);
	} else {
		ip6->payload_len = htons(l4_len);
	}

	/* The pseudo header has the length, too. */
	csum = csum_add(csum, csum_add(p->pseudo, (__force __wsum)htonl(l4_len)));
	if (!p->is_tcp) {
		uh->len = htons(l4_len);
		uh->check = 0;
		uh->check = csum_fold(csum_partial(uh, sizeof(*uh), csum)) ?: CSUM_MANGLED_0;
		return;
	}
	th->seq = htonl(ntohl(th->seq) + p->index * p->mss);
	if (p->index)
		th->cwr = 0;
	if (!last) {
		th->fin = 0;
		th->psh = 0;
	}
	th->check = 0;
	th->check = csum_fold(csum_partial(th, p->header_len - p->l3_len, csum));
}

typedef void (*datagram_fn_t)(struct train_cb *cb, u8 *data, unsigned int len);

/* Calls @fn for each datagram, in order. */
static void walk_datagrams(struct sk_buff *train, datagram_fn_t fn)
{
	struct train_cb *cb = train_cb(train);
	int i;

	for (i = 0; i < skb_shinfo(train)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(train)->frags[i];
		unsigned int left = skb_frag_size(frag), len;
		u8 *data = skb_frag_address(frag);

		for (; left; left -= len, data += len) {
			len = min(left, cb->size);
			fn(cb, data, len);
		}
	}
}

static void trace_datagram(struct train_cb *cb, u8 *data, unsigned int len)
{
	const struct cpns_data_header *dh = (const struct cpns_data_header *)data;
	struct cpns_peer *peer = cb->session->peer;

	trace_cpns_seal(peer->cdev->dev, peer->eid, cb->session->remote_sid,
			get_unaligned_be64(&dh->seq), len, dh->h.flags, dh->h.clear, cb->err);
}

static void set_hop_limit(struct train_cb *cb, u8 *data, unsigned int len)
{
	((struct cpns_header *)data)->hop_limit = CPNS_HOP_LIMIT;
}

static void make_gso(struct sk_buff *train, unsigned int count, unsigned int size)
{
	if (count == 1)
		return;
	skb_shinfo(train)->gso_size = size;
	skb_shinfo(train)->gso_segs = count;
	skb_shinfo(train)->gso_type = SKB_GSO_UDP_L4;
}

/* All its datagrams are done: it goes out. */
static void depart(struct sk_buff *train)
{
	struct train_cb cb = *train_cb(train);
	struct cpns_peer *peer = cb.session->peer;
	int err;

	if (trace_cpns_seal_enabled())
		walk_datagrams(train, trace_datagram);
	if (unlikely(cb.err)) {
		cpns_drop(peer->cdev, peer, cpns_stats_of_seal_error(cb.err), cb.count);
		kfree_skb(train);
		goto out;
	}
	walk_datagrams(train, set_hop_limit);
	memset(train->cb, 0, sizeof(train->cb));
	make_gso(train, cb.count, cb.size);

	rcu_read_lock();
	err = cpns_socket_send(peer, train, cb.how.tos, cb.how.may_fragment);
	if (unlikely(err)) {
		cpns_drop(peer->cdev, peer, cpns_stats_of_send_error(err), cb.count);
	} else {
		cpns_stats_tx(peer, cb.count, cb.bytes);
		cpns_stats_inc(peer->cdev, peer, CPNS_A_STATS_TX_TRAINS);
		cpns_peer_note_tx(peer, false);
	}
	rcu_read_unlock();
out:
	cpns_session_put(cb.session);
}

/* @count datagrams more are done with the cipher. */
static void arrived(struct sk_buff *train, int err, int count)
{
	if (unlikely(err))
		cmpxchg(&train_cb(train)->err, 0, err);
	if (atomic_sub_and_test(count, &train_cb(train)->pending))
		depart(train);
}

static void sealed_later(void *arg, int err)
{
	arrived(arg, err, 1);
}

/*
 * The next segment, @len bytes of payload, is put at @data and sealed: @size bytes in
 * all.
 */
static int seal(struct plan *p, struct sk_buff *train, struct cpns_session *s, u8 *data,
		unsigned int len, unsigned int size)
{
	struct cpns_data_header *dh = (struct cpns_data_header *)data;
	u8 *inner = data + CPNS_DATA_HEADER_LEN;
	__wsum csum;

	csum = skb_copy_and_csum_bits(p->skb, p->offset, inner + p->header_len, len);
	make_headers(p, inner, len, p->offset + len == p->skb->len, csum);
	cpns_header_make_data(dh, s, p->seq, p->how.mode, p->how.clear, p->header_len + len);
	return cpns_crypto_seal_piece(&s->tx, data, size, p->seq,
				      cpns_header_assoc(&dh->h, size), sealed_later, train);
}

/* Datagrams of the next train, where @left are to be sent. */
static unsigned int train_count(const struct plan *p, unsigned int left)
{
	return min3(left, min_t(unsigned int, p->per_page * MAX_SKB_FRAGS, SEGMENTS_MAX),
		    CPNS_DATAGRAM_MAX / p->size);
}

/* An empty train with the pages for its datagrams. */
static struct sk_buff *train_alloc(const struct plan *p, unsigned int count)
{
	struct sk_buff *train;
	struct page *page;
	int i;

	train = alloc_skb(LL_MAX_HEADER + CPNS_OUTER_HEADROOM, GFP_ATOMIC | __GFP_NOWARN);
	if (!train)
		return NULL;
	skb_reserve(train, LL_MAX_HEADER + CPNS_OUTER_HEADROOM);
	for (i = 0; i < DIV_ROUND_UP(count, p->per_page); i++) {
		page = cpns_pages_get();
		if (!page) {
			kfree_skb(train);
			return NULL;
		}
		skb_fill_page_desc(train, i, page, 0, 0);
		train->truesize += PAGE_SIZE;
	}
	train->dev = p->skb->dev;
	train->priority = p->skb->priority;
	skb_copy_queue_mapping(train, p->skb);
	__skb_set_hash(train, p->skb->hash, p->skb->sw_hash, p->skb->l4_hash);
	return train;
}

/* Fills the train with the next segments, which are sealed on the way. */
static void fill(struct plan *p, struct sk_buff *train, unsigned int count,
		 struct cpns_session *s)
{
	struct train_cb *cb = train_cb(train);
	unsigned int i, len, size, done = 1;
	skb_frag_t *frag;
	int err = 0, ret;

	*cb = (struct train_cb){
		.session = s,
		.pending = ATOMIC_INIT(count + 1),
		.count = count,
		.size = p->size,
		.how = p->how,
	};
	for (i = 0; i < count; i++) {
		frag = &skb_shinfo(train)->frags[i / p->per_page];
		len = min(p->mss, p->skb->len - p->offset);
		size = CPNS_DATA_OVERHEAD + p->header_len + len;
		ret = seal(p, train, s, (u8 *)skb_frag_address(frag) + skb_frag_size(frag), len,
			   size);
		if (ret != -EINPROGRESS) {
			done++;
			err = err ?: ret;
		}
		skb_frag_size_add(frag, size);
		train->len += size;
		train->data_len += size;
		cb->bytes += p->header_len + len;
		p->offset += len;
		p->index++;
		p->seq++;
	}
	arrived(train, err, done);
}

bool cpns_send_train(struct cpns_peer *peer, struct cpns_session *s, struct sk_buff *skb,
		     const struct cpns_send_how *how)
{
	struct plan p = { .skb = skb, .how = *how };
	unsigned int count, left;
	struct sk_buff *train;

	if (unlikely(!plan_make(&p)))
		return false;
	left = DIV_ROUND_UP(skb->len - p.offset, p.mss);
	count = train_count(&p, left);
	train = train_alloc(&p, count);
	if (unlikely(!train))
		return false;
	if (unlikely(!cpns_session_take_seqs(s, left, &p.seq))) {
		kfree_skb(train);
		return false;
	}
	for (;;) {
		/* It was found in this RCU section, but may have ended. */
		if (unlikely(!cpns_session_hold(s))) {
			cpns_drop(peer->cdev, peer, CPNS_A_STATS_TX_NO_KEY, left);
			kfree_skb(train);
			break;
		}
		fill(&p, train, count, s);
		left -= count;
		if (!left)
			break;
		count = train_count(&p, left);
		train = train_alloc(&p, count);
		if (unlikely(!train)) {
			cpns_drop(peer->cdev, peer, CPNS_A_STATS_TX_NO_MEMORY, left);
			break;
		}
	}
	consume_skb(skb);
	return true;
}
