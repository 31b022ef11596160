// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>
#include <net/gro_cells.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>

#include "device.h"
#include "drop.h"
#include "inner.h"
#include "peer.h"

/* The packet inside: whole, and what its header says. */
static bool inner_is_valid(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct iphdr)))
		return false;
	skb_reset_network_header(skb);
	switch (ip_hdr(skb)->version) {
	case 4:
		skb->protocol = htons(ETH_P_IP);
		skb_set_transport_header(skb, ip_hdr(skb)->ihl * 4);
		return ip_hdr(skb)->ihl >= 5 && ip_hdr(skb)->ihl * 4 <= skb->len &&
		       ntohs(ip_hdr(skb)->tot_len) == skb->len;
	case 6:
		skb->protocol = htons(ETH_P_IPV6);
		skb_set_transport_header(skb, sizeof(struct ipv6hdr));
		return pskb_may_pull(skb, sizeof(struct ipv6hdr)) &&
		       ntohs(ipv6_hdr(skb)->payload_len) + sizeof(struct ipv6hdr) == skb->len;
	default:
		return false;
	}
}

static bool is_own_address(struct cpns_device *cdev, const struct cpns_addr *addr)
{
	const struct in_ifaddr *ifa;
	struct in_device *in_dev;

	if (addr->family == AF_INET6)
		return ipv6_chk_addr(dev_net(cdev->dev), &addr->a, cdev->dev, 1);
	in_dev = __in_dev_get_rcu(cdev->dev);
	if (!in_dev)
		return false;
	in_dev_for_each_ifa_rcu(ifa, in_dev)
		if (ifa->ifa_local == addr->a.s6_addr32[0])
			return true;
	return false;
}

static bool destination_is_allowed(struct cpns_device *cdev, struct cpns_peer *peer,
				   struct sk_buff *skb)
{
	struct cpns_addr addr;

	cpns_addr_destination(skb, &addr);
	return is_own_address(cdev, &addr) ||
	       cpns_prefix_list_has(rcu_dereference(peer->allowed_dst), &addr);
}

static bool source_is_allowed(struct cpns_device *cdev, struct cpns_peer *peer,
			      struct sk_buff *skb)
{
	struct cpns_addr addr;

	cpns_addr_source(skb, &addr);
	return cpns_peer_by_address(cdev, &addr) == peer;
}

static u8 inner_tos(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->tos :
						  ipv6_get_dsfield(ipv6_hdr(skb));
}

/*
 * TCP gains by what GRO puts together. A datagram seldom does, and goes a shorter
 * way; one that shall be forwarded together with others does not.
 */
static bool is_for_gro(const struct net_device *dev, const struct sk_buff *skb)
{
	u8 proto = skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->protocol :
						      ipv6_hdr(skb)->nexthdr;

	return proto == IPPROTO_TCP || dev->features & NETIF_F_GRO_UDP_FWD;
}

void cpns_inner_deliver(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
			unsigned int packets, unsigned int bytes)
{
	skb->dev = cdev->dev;
	skb->pkt_type = PACKET_HOST;
	skb->encapsulation = 0;
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb_scrub_packet(skb, true);
	if (!skb_is_gso(skb)) {
		/* The tag vouches for the bytes. */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = ~0;
	}
	skb_reset_mac_header(skb);
	memset(skb->cb, 0, sizeof(skb->cb));
	cpns_stats_rx(peer, packets, bytes);
	if (is_for_gro(cdev->dev, skb))
		gro_cells_receive(&cdev->gro, skb);
	else
		netif_rx(skb);
}

/* Why a packet must not go on, or 0. */
static unsigned int check(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
			  u8 outer_tos)
{
	if (unlikely(!inner_is_valid(skb)))
		return CPNS_A_STATS_RX_INNER_MALFORMED;
	if (unlikely(!source_is_allowed(cdev, peer, skb)))
		return CPNS_A_STATS_RX_INNER_SOURCE;
	if (unlikely(!destination_is_allowed(cdev, peer, skb)))
		return CPNS_A_STATS_RX_INNER_DESTINATION;
	if (unlikely(INET_ECN_decapsulate(skb, outer_tos, inner_tos(skb)) > 1))
		return CPNS_A_STATS_RX_ECN;
	return 0;
}

bool cpns_inner_check(struct cpns_device *cdev, struct cpns_peer *peer, struct sk_buff *skb,
		      u8 outer_tos)
{
	unsigned int stat = check(cdev, peer, skb, outer_tos);

	if (unlikely(stat))
		cpns_drop_skb(cdev, peer, skb, stat);
	return !stat;
}
