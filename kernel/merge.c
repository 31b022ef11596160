// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "inner.h"
#include "merge.h"
#include "peer.h"

enum {
	/* What is as short is copied; of other packets, so much. */
	COPY_ALL = 256,
	COPY_HEADERS = 128,
	LEN_MAX = 65535,
};

/*
 * Length of the headers of a TCP segment without IP options or extension headers;
 * 0 for all else.
 */
static unsigned int tcp_header_len(const u8 *data, unsigned int len, unsigned int *l3_len)
{
	const struct ipv6hdr *ip6 = (const struct ipv6hdr *)data;
	const struct iphdr *ip4 = (const struct iphdr *)data;
	const struct tcphdr *th;
	unsigned int header_len;

	if (len < sizeof(*ip4))
		return 0;
	if (ip4->version == 4) {
		*l3_len = sizeof(*ip4);
		if (ip4->ihl != 5 || ip4->protocol != IPPROTO_TCP || ip_is_fragment(ip4) ||
		    ntohs(ip4->tot_len) != len || ip_fast_csum(data, 5))
			return 0;
	} else {
		*l3_len = sizeof(*ip6);
		if (ip4->version != 6 || len < sizeof(*ip6) || ip6->nexthdr != IPPROTO_TCP ||
		    ntohs(ip6->payload_len) + sizeof(*ip6) != len)
			return 0;
	}
	if (len < *l3_len + sizeof(*th))
		return 0;
	th = (const struct tcphdr *)(data + *l3_len);
	header_len = *l3_len + th->doff * 4;
	return th->doff >= 5 && header_len < len ? header_len : 0;
}

struct sk_buff *cpns_merge_make_skb(const struct cpns_merge_piece *piece)
{
	unsigned int l3_len, copy = piece->len;
	struct sk_buff *skb;

	if (piece->page && piece->len > COPY_ALL)
		copy = tcp_header_len(piece->data, piece->len, &l3_len) ?: COPY_HEADERS;
	skb = alloc_skb(LL_MAX_HEADER + copy, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb_put_data(skb, piece->data, copy);
	if (copy < piece->len) {
		get_page(piece->page);
		skb_add_rx_frag(skb, 0, piece->page, piece->offset + copy, piece->len - copy,
				piece->truesize);
	}
	return skb;
}

static bool same_ip(const struct cpns_merge *m, const u8 *data)
{
	const struct ipv6hdr *a6 = (const struct ipv6hdr *)m->skb->data;
	const struct ipv6hdr *b6 = (const struct ipv6hdr *)data;
	const struct iphdr *a4 = (const struct iphdr *)m->skb->data;
	const struct iphdr *b4 = (const struct iphdr *)data;

	if (a4->version != b4->version)
		return false;
	if (a4->version == 6)
		return *(const __be32 *)a6 == get_unaligned((const __be32 *)b6) &&
		       a6->hop_limit == b6->hop_limit &&
		       !memcmp(&a6->saddr, &b6->saddr, 2 * sizeof(a6->saddr));
	return a4->tos == b4->tos && a4->frag_off == b4->frag_off && a4->ttl == b4->ttl &&
	       ntohs(b4->id) == m->next_id && !memcmp(&a4->saddr, &b4->saddr, 8);
}

static bool same_tcp(const struct tcphdr *a, const struct tcphdr *b, unsigned int len)
{
	__be32 may_differ = TCP_FLAG_FIN | TCP_FLAG_PSH | TCP_FLAG_CWR;

	return a->source == b->source && a->dest == b->dest && a->ack_seq == b->ack_seq &&
	       !((tcp_flag_word(a) ^ tcp_flag_word(b)) & ~may_differ) && !b->cwr &&
	       a->urg_ptr == b->urg_ptr && !memcmp(a + 1, b + 1, len - sizeof(*a));
}

/* Room for one more fragment at the tail. */
static bool make_room(struct cpns_merge *m)
{
	struct sk_buff *skb;

	if (likely(skb_shinfo(m->tail)->nr_frags < MAX_SKB_FRAGS))
		return true;
	skb = alloc_skb(0, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return false;
	if (m->tail == m->skb)
		skb_shinfo(m->skb)->frag_list = skb;
	else
		m->tail->next = skb;
	m->tail = skb;
	m->skb->truesize += skb->truesize;
	return true;
}

static void add_payload(struct cpns_merge *m, const struct cpns_merge_piece *piece,
			unsigned int payload)
{
	get_page(piece->page);
	skb_add_rx_frag(m->tail, skb_shinfo(m->tail)->nr_frags, piece->page,
			piece->offset + m->header_len, payload, piece->truesize);
	if (m->tail == m->skb)
		return;
	m->skb->len += payload;
	m->skb->data_len += payload;
	m->skb->truesize += piece->truesize;
}

bool cpns_merge_append(struct cpns_merge *m, struct cpns_peer *peer,
		       const struct cpns_merge_piece *piece)
{
	struct tcphdr *th, *first;
	unsigned int l3_len, payload;

	if (!m->skb || m->peer != peer || !piece->page ||
	    tcp_header_len(piece->data, piece->len, &l3_len) != m->header_len ||
	    !same_ip(m, piece->data))
		return false;
	payload = piece->len - m->header_len;
	first = (struct tcphdr *)(m->skb->data + m->l3_len);
	th = (struct tcphdr *)(piece->data + m->l3_len);
	if (payload > m->mss || m->skb->len + payload > LEN_MAX ||
	    ntohl(th->seq) != m->next_seq || !same_tcp(first, th, m->header_len - m->l3_len) ||
	    unlikely(!make_room(m)))
		return false;

	add_payload(m, piece, payload);
	first->psh |= th->psh;
	first->fin |= th->fin;
	m->count++;
	m->bytes += piece->len;
	m->next_seq += payload;
	m->next_id++;
	/* A short segment is the last, as is one that ends something. */
	if (payload < m->mss || th->psh || th->fin)
		cpns_merge_flush(m);
	return true;
}

bool cpns_merge_start(struct cpns_merge *m, struct cpns_peer *peer, struct sk_buff *skb)
{
	unsigned int l3_len, header_len = skb_headlen(skb);
	const struct tcphdr *th;

	/* Only one in a page has nothing but its headers here. */
	if (!skb_is_nonlinear(skb) || tcp_header_len(skb->data, skb->len, &l3_len) != header_len)
		return false;
	th = (const struct tcphdr *)(skb->data + l3_len);
	if (th->syn || th->rst || th->urg || th->fin || th->psh)
		return false;
	*m = (struct cpns_merge){
		.skb = skb,
		.tail = skb,
		.peer = peer,
		.l3_len = l3_len,
		.header_len = header_len,
		.mss = skb->len - header_len,
		.count = 1,
		.bytes = skb->len,
		.next_seq = ntohl(th->seq) + skb->len - header_len,
		.next_id = ntohs(ip_hdr(skb)->id) + 1,
	};
	return true;
}

static void make_gso(struct cpns_merge *m)
{
	struct tcphdr *th = (struct tcphdr *)(m->skb->data + m->l3_len);
	unsigned int l4_len = m->skb->len - m->l3_len;
	struct skb_shared_info *info = skb_shinfo(m->skb);
	struct ipv6hdr *ip6 = ipv6_hdr(m->skb);
	struct iphdr *ip4 = ip_hdr(m->skb);

	if (m->skb->protocol == htons(ETH_P_IP)) {
		ip4->tot_len = htons(m->skb->len);
		ip_send_check(ip4);
		th->check = ~tcp_v4_check(l4_len, ip4->saddr, ip4->daddr, 0);
		info->gso_type = SKB_GSO_TCPV4;
	} else {
		ip6->payload_len = htons(l4_len);
		th->check = ~tcp_v6_check(l4_len, &ip6->saddr, &ip6->daddr, 0);
		info->gso_type = SKB_GSO_TCPV6;
	}
	if (th->cwr)
		info->gso_type |= SKB_GSO_TCP_ECN;
	info->gso_size = m->mss;
	info->gso_segs = m->count;
	skb_set_transport_header(m->skb, m->l3_len);
	m->skb->ip_summed = CHECKSUM_PARTIAL;
	m->skb->csum_start = skb_transport_header(m->skb) - m->skb->head;
	m->skb->csum_offset = offsetof(struct tcphdr, check);
}

void cpns_merge_flush(struct cpns_merge *m)
{
	struct sk_buff *skb = m->skb;

	if (!skb)
		return;
	if (m->count > 1)
		make_gso(m);
	m->skb = NULL;
	cpns_inner_deliver(m->peer->cdev, m->peer, skb, m->count, m->bytes);
}
