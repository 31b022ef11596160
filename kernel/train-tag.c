// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <net/udp.h>

#include "train-tag.h"

static u8 protocol(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;
}

static unsigned int tag_train(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct cpns_train_tag *tag = priv;
	const struct udphdr *uh;
	struct udphdr buffer;

	if (likely(!skb_is_gso(skb)) || !(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4))
		return NF_ACCEPT;
	/* One that somebody else has, too, can't be opened in place. */
	if (protocol(skb) != IPPROTO_UDP || skb_cloned(skb))
		return NF_ACCEPT;
	uh = skb_header_pointer(skb, skb_transport_offset(skb), sizeof(buffer), &buffer);
	if (uh && uh->dest == tag->port)
		skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_TUNNEL_CSUM;
	return NF_ACCEPT;
}

void cpns_train_tag_begin(struct cpns_train_tag *tag, struct sock *sk)
{
	bool ipv4 = sk->sk_family == AF_INET;

	if (!IS_ENABLED(CONFIG_NETFILTER))
		return;
	tag->port = inet_sk(sk)->inet_sport;
	tag->ops = (struct nf_hook_ops){
		.hook = tag_train,
		.priv = tag,
		.pf = ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = ipv4 ? (int)NF_IP_PRI_LAST : (int)NF_IP6_PRI_LAST,
	};
	if (nf_register_net_hook(sock_net(sk), &tag->ops))
		return;
	tag->net = sock_net(sk);
	udp_set_bit(ACCEPT_L4, sk);
	udp_set_bit(GRO_ENABLED, sk);
}

void cpns_train_tag_end(struct cpns_train_tag *tag)
{
	if (tag->net)
		nf_unregister_net_hook(tag->net, &tag->ops);
}
