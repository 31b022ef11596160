// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "compat.h"
#include "device.h"
#include "pan.h"
#include "peer.h"
#include "receive.h"
#include "receive-train.h"
#include "relay.h"
#include "socket.h"
#include "train-tag.h"

/* Ports tried where any will do, until one is free for both families. */
enum { PORT_TRIES = 20 };

/**
 * struct cpns_socket - a UDP socket of a device
 * @sock: the socket
 * @fwmark: mark of what is sent
 * @bind_ifindex: interface or VRF of what is sent, or 0
 * @local4: address that it is bound to, or 0
 * @local6: the same
 * @tag: marks the trains that come in
 */
struct cpns_socket {
	struct socket *sock;
	u32 fwmark;
	int bind_ifindex;
	struct in_addr local4;
	struct in6_addr local6;
	struct cpns_train_tag tag;
};

/**
 * struct route - where a datagram goes
 * @sk: socket
 * @dst: route, with a reference
 * @fl4: flow, for IPv4
 * @fl6: flow, for IPv6
 */
struct route {
	struct sock *sk;
	struct dst_entry *dst;
	union {
		struct flowi4 fl4;
		struct flowi6 fl6;
	};
};

/* As UDP would have done it, had the train not been marked. */
static void take_apart(struct sock *sk, struct cpns_device *cdev, struct sk_buff *skb)
{
	struct sk_buff *segs, *next;

	skb_shinfo(skb)->gso_type &= ~SKB_GSO_UDP_TUNNEL_CSUM;
	__skb_push(skb, -skb_mac_offset(skb));
	segs = udp_rcv_segment(sk, skb, sk->sk_family == AF_INET);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_pull(skb, skb_transport_offset(skb) + sizeof(struct udphdr));
		cpns_receive(cdev, skb);
	}
}

static int encap_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct cpns_device *cdev = rcu_dereference_sk_user_data(sk);

	if (unlikely(!cdev || !pskb_may_pull(skb, sizeof(struct udphdr)))) {
		kfree_skb(skb);
		return 0;
	}
	if (skb_is_gso(skb)) {
		if (!cpns_receive_train(cdev, skb, sizeof(struct udphdr)) &&
		    !cpns_relay_train(cdev, skb, sizeof(struct udphdr)))
			take_apart(sk, cdev, skb);
		return 0;
	}
	__skb_pull(skb, sizeof(struct udphdr));
	/* Of a train that UDP took apart, each still points to the next. */
	skb_mark_not_on_list(skb);
	cpns_receive(cdev, skb);
	return 0;
}

/* Was a datagram with this header sent, or relayed? */
static bool is_sent(struct cpns_device *cdev, const struct cpns_header *h)
{
	struct cpns_session *s;
	struct cpns_peer *peer;

	if (h->version_type != (CPNS_VERSION << 4 | CPNS_MSG_DATA))
		return false;
	if (get_unaligned_be64(&h->src) != cdev->eid)
		return cpns_relay_is_sent(cdev, h);
	peer = cpns_peer_find(cdev, get_unaligned_be64(&h->dst));
	if (!peer)
		return false;
	s = rcu_dereference(peer->slot[CPNS_SESSION_CURRENT]) ?:
	    rcu_dereference(peer->slot[CPNS_SESSION_NEXT]);
	return s && s->remote_sid == get_unaligned_be32(&h->sid);
}

/*
 * An ICMP error counts where it quotes the header of a live session, or of one
 * that is relayed, as sent to the host that it names; the stack then learns the
 * path MTU from it. The network header is that of the quoted packet, the transport
 * header its UDP header.
 */
static int encap_err_lookup(struct sock *sk, struct sk_buff *skb)
{
	struct cpns_device *cdev = rcu_dereference_sk_user_data(sk);
	unsigned int off = skb_transport_offset(skb) + sizeof(struct udphdr);

	if (!cdev || !pskb_may_pull(skb, off + sizeof(struct cpns_header)))
		return -EINVAL;
	return is_sent(cdev, (const struct cpns_header *)(skb->data + off)) ? 0 : -ENOENT;
}

/* After a grace period in which no sender found it. Waits for receivers itself. */
static void socket_release(struct cpns_socket *s)
{
	if (!s)
		return;
	cpns_train_tag_end(&s->tag);
	udp_tunnel_sock_release(s->sock);
	kfree(s);
}

static struct cpns_socket *socket_create(struct cpns_device *cdev, struct udp_port_cfg *cfg,
					 const struct cpns_listen *listen)
{
	struct udp_tunnel_sock_cfg tunnel = {
		.sk_user_data = cdev,
		.encap_type = 1,
		.encap_rcv = encap_rcv,
		.encap_err_lookup = encap_err_lookup,
	};
	struct cpns_socket *s;
	struct sock *sk;
	int err;

	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	err = udp_sock_create(cdev->net, cfg, &s->sock);
	if (err) {
		kfree(s);
		return ERR_PTR(err);
	}
	s->fwmark = listen->fwmark;
	s->bind_ifindex = listen->bind_ifindex;
	s->local4 = listen->addr4;
	s->local6 = listen->addr6;

	sk = s->sock->sk;
	sk->sk_allocation = GFP_ATOMIC;
	sk->sk_mark = listen->fwmark;
	sk->sk_sndbuf = INT_MAX;
	setup_udp_tunnel_sock(cdev->net, s->sock, &tunnel);
	cpns_train_tag_begin(&s->tag, sk);
	return s;
}

static bool have_ipv6(void)
{
	return IS_ENABLED(CONFIG_IPV6) && ipv6_mod_enabled();
}

static int open_both(struct cpns_device *cdev, struct cpns_listen *listen, u16 port,
		     struct cpns_socket **s4, struct cpns_socket **s6)
{
	struct udp_port_cfg cfg4 = {
		.family = AF_INET,
		.local_ip = listen->addr4,
		.local_udp_port = htons(port),
		.bind_ifindex = listen->bind_ifindex,
		.use_udp_checksums = true,
	};
	struct udp_port_cfg cfg6 = {
		.family = AF_INET6,
		.local_ip6 = listen->addr6,
		.bind_ifindex = listen->bind_ifindex,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
		.ipv6_v6only = true,
	};

	*s6 = NULL;
	*s4 = socket_create(cdev, &cfg4, listen);
	if (IS_ERR(*s4))
		return PTR_ERR(*s4);
	listen->port = ntohs(inet_sk((*s4)->sock->sk)->inet_sport);
	if (!have_ipv6())
		return 0;

	cfg6.local_udp_port = htons(listen->port);
	*s6 = socket_create(cdev, &cfg6, listen);
	if (IS_ERR(*s6)) {
		socket_release(*s4);
		return PTR_ERR(*s6);
	}
	return 0;
}

/* @own_port: the port is the one that the device listens to already. */
static void say_why(struct netlink_ext_ack *extack, int err, bool own_port)
{
	switch (err) {
	case -EADDRINUSE:
		if (own_port)
			NL_SET_ERR_MSG(extack,
				       "a new local address needs a new port, or a link that is down");
		else
			NL_SET_ERR_MSG(extack, "UDP port is in use: choose another, or 0 for any");
		break;
	case -EADDRNOTAVAIL:
		NL_SET_ERR_MSG(extack, "local address is not one of this host");
		break;
	case -ENODEV:
		NL_SET_ERR_MSG(extack, "bind-ifindex names no interface");
		break;
	default:
		NL_SET_ERR_MSG(extack, "UDP socket can't be opened");
	}
}

/* Takes the sockets away from senders and receivers, then closes the old ones. */
static void replace_sockets(struct cpns_device *cdev, struct cpns_socket *s4,
			    struct cpns_socket *s6)
{
	struct cpns_socket *old4 = rtnl_dereference(cdev->sock4);
	struct cpns_socket *old6 = rtnl_dereference(cdev->sock6);

	rcu_assign_pointer(cdev->sock4, s4);
	rcu_assign_pointer(cdev->sock6, s6);
	synchronize_net();
	socket_release(old4);
	socket_release(old6);
}

static bool same_binding(const struct cpns_listen *a, const struct cpns_listen *b)
{
	return a->port == b->port && a->addr4.s_addr == b->addr4.s_addr &&
	       ipv6_addr_equal(&a->addr6, &b->addr6);
}

/*
 * The old socket would keep a new one from the same port, so a change of mark or
 * interface alone is made in place.
 */
static void change_socket(struct cpns_socket *s, const struct cpns_listen *listen)
{
	if (!s)
		return;
	WRITE_ONCE(s->fwmark, listen->fwmark);
	WRITE_ONCE(s->sock->sk->sk_mark, listen->fwmark);
	WRITE_ONCE(s->bind_ifindex, listen->bind_ifindex);
	WRITE_ONCE(s->sock->sk->sk_bound_dev_if, listen->bind_ifindex);
}

int cpns_socket_open(struct cpns_device *cdev, struct cpns_listen *listen,
		     struct netlink_ext_ack *extack)
{
	struct cpns_socket *s4 = rtnl_dereference(cdev->sock4), *s6;
	int err, tries = listen->port ? 1 : PORT_TRIES;
	u16 port = listen->port;
	bool own_port;

	ASSERT_RTNL();
	if (!cdev->net) {
		NL_SET_ERR_MSG(extack, "the namespace where the device was made is gone");
		return -ENOTCONN;
	}
	if (s4 && same_binding(listen, &cdev->listen)) {
		change_socket(s4, listen);
		change_socket(rtnl_dereference(cdev->sock6), listen);
		return 0;
	}

	do {
		err = open_both(cdev, listen, port, &s4, &s6);
	} while (err == -EADDRINUSE && --tries);
	if (err) {
		listen->port = port;
		own_port = rtnl_dereference(cdev->sock4) && port == cdev->listen.port;
		say_why(extack, err, own_port);
		return err;
	}
	replace_sockets(cdev, s4, s6);
	return 0;
}

void cpns_socket_close(struct cpns_device *cdev)
{
	ASSERT_RTNL();
	if (!rtnl_dereference(cdev->sock4) && !rtnl_dereference(cdev->sock6))
		return;
	replace_sockets(cdev, NULL, NULL);
}

static int oif_of(const struct cpns_socket *s, int scope)
{
	return READ_ONCE(s->bind_ifindex) ?: scope;
}

/* The address where the peer was last heard, where it still is our own. */
static __be32 source4(const struct cpns_socket *s, const struct cpns_endpoint *ep)
{
	if (s->local4.s_addr)
		return s->local4.s_addr;
	if (ep->local4.s_addr &&
	    inet_confirm_addr(sock_net(s->sock->sk), NULL, 0, ep->local4.s_addr, RT_SCOPE_HOST))
		return ep->local4.s_addr;
	return 0;
}

static struct in6_addr source6(const struct cpns_socket *s, const struct cpns_endpoint *ep)
{
	if (!ipv6_addr_any(&s->local6))
		return s->local6;
	if (!ipv6_addr_any(&ep->local6) &&
	    ipv6_chk_addr(sock_net(s->sock->sk), &ep->local6, NULL, 0))
		return ep->local6;
	return in6addr_any;
}

static int route4(const struct cpns_socket *s, const struct cpns_endpoint *ep, int oif,
		  struct dst_cache *cache, struct route *r)
{
	struct rtable *rt;

	r->sk = s->sock->sk;
	r->fl4 = (struct flowi4){
		.daddr = ep->addr.in.sin_addr.s_addr,
		.fl4_dport = ep->addr.in.sin_port,
		.fl4_sport = inet_sk(r->sk)->inet_sport,
		.flowi4_mark = READ_ONCE(s->fwmark),
		.flowi4_oif = oif ?: oif_of(s, 0),
		.flowi4_proto = IPPROTO_UDP,
	};
	rt = cache ? dst_cache_get_ip4(cache, &r->fl4.saddr) : NULL;
	if (!rt) {
		r->fl4.saddr = source4(s, ep);
		security_sk_classify_flow(r->sk, flowi4_to_flowi_common(&r->fl4));
		rt = ip_route_output_flow(sock_net(r->sk), &r->fl4, r->sk);
		if (IS_ERR(rt))
			return PTR_ERR(rt);
		if (cache)
			dst_cache_set_ip4(cache, &rt->dst, r->fl4.saddr);
	}
	r->dst = &rt->dst;
	return 0;
}

static int route6(const struct cpns_socket *s, const struct cpns_endpoint *ep, int oif,
		  struct dst_cache *cache, struct route *r)
{
	struct dst_entry *dst;

	r->sk = s->sock->sk;
	r->fl6 = (struct flowi6){
		.daddr = ep->addr.in6.sin6_addr,
		.fl6_dport = ep->addr.in6.sin6_port,
		.fl6_sport = inet_sk(r->sk)->inet_sport,
		.flowi6_mark = READ_ONCE(s->fwmark),
		.flowi6_oif = oif ?: oif_of(s, ep->addr.in6.sin6_scope_id),
		.flowi6_proto = IPPROTO_UDP,
	};
	dst = cache ? dst_cache_get_ip6(cache, &r->fl6.saddr) : NULL;
	if (!dst) {
		r->fl6.saddr = source6(s, ep);
		security_sk_classify_flow(r->sk, flowi6_to_flowi_common(&r->fl6));
		dst = ipv6_stub->ipv6_dst_lookup_flow(sock_net(r->sk), r->sk, &r->fl6, NULL);
		if (IS_ERR(dst))
			return PTR_ERR(dst);
		if (cache)
			dst_cache_set_ip6(cache, dst, &r->fl6.saddr);
	}
	r->dst = dst;
	return 0;
}

/* @oif is the interface that it must go out on, or 0 where the socket decides. */
static int find_route(struct cpns_device *cdev, const struct cpns_endpoint *ep, int oif,
		      struct dst_cache *cache, struct route *r)
{
	const struct cpns_socket *s;
	bool ipv4;
	int err;

	if (!ep)
		return -EDESTADDRREQ;
	ipv4 = ep->addr.sa.sa_family == AF_INET;
	s = ipv4 ? rcu_dereference(cdev->sock4) : rcu_dereference(cdev->sock6);
	if (!s)
		return -ENOTCONN;
	err = ipv4 ? route4(s, ep, oif, cache, r) : route6(s, ep, oif, cache, r);
	if (err)
		return err;
	if (unlikely(r->dst->dev == cdev->dev)) {
		dst_release(r->dst);
		return -ELOOP;
	}
	return 0;
}

static int find_peer_route(struct cpns_peer *peer, struct route *r)
{
	return find_route(peer->cdev, rcu_dereference(peer->endpoint), 0, &peer->dst_cache, r);
}

static bool has_router(const struct route *r)
{
	if (r->sk->sk_family == AF_INET)
		return ((const struct rtable *)r->dst)->rt_uses_gateway;
	return ((const struct rt6_info *)r->dst)->rt6i_flags & RTF_GATEWAY;
}

/* What is left to a link must not leave it. */
static int find_pan_route(struct cpns_device *cdev, const struct cpns_pan *pan, struct route *r)
{
	int err = find_route(cdev, &pan->ep, pan->ep.ifindex, NULL, r);

	if (err)
		return err;
	if (r->dst->dev->ifindex == pan->ep.ifindex && !has_router(r))
		return 0;
	dst_release(r->dst);
	return -ENETUNREACH;
}

static unsigned int outer_headers(const struct route *r)
{
	return (r->sk->sk_family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       sizeof(struct udphdr);
}

int cpns_socket_path_mtu(struct cpns_peer *peer)
{
	struct route r;
	int err, mtu;

	err = find_peer_route(peer, &r);
	if (err)
		return err;
	mtu = dst_mtu(r.dst);
	mtu -= outer_headers(&r) + CPNS_DATA_OVERHEAD;
	dst_release(r.dst);
	return max_t(int, mtu, CPNS_INNER_ALWAYS);
}

int cpns_socket_pan_mtu(struct cpns_device *cdev, const struct cpns_pan *pan)
{
	struct route r;
	int err, mtu;

	err = find_pan_route(cdev, pan, &r);
	if (err)
		return err;
	mtu = dst_mtu(r.dst);
	mtu -= outer_headers(&r) + CPNS_DATA_HEADER_LEN;
	dst_release(r.dst);
	return max(mtu, IPV4_MIN_MTU);
}

/* @ttl 0 is for that of the route. */
static void transmit(struct route *r, struct sk_buff *skb, u8 tos, u8 ttl, bool may_fragment)
{
	/* Counters are our own: given a device, the stack would count in its own. */
	skb->dev = NULL;
	skb->ignore_df = may_fragment;
	skb->mark = READ_ONCE(r->sk->sk_mark);
	if (skb_is_gso(skb)) {
		/* UDP leaves the checksum of each datagram to who takes them apart. */
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) - sizeof(struct udphdr);
		skb->csum_offset = offsetof(struct udphdr, check);
	}
	if (r->sk->sk_family == AF_INET)
		cpns_compat_udp_xmit4((struct rtable *)r->dst, r->sk, skb, r->fl4.saddr,
				      r->fl4.daddr, tos, ttl ?: ip4_dst_hoplimit(r->dst),
				      may_fragment ? 0 : htons(IP_DF),
				      r->fl4.fl4_sport, r->fl4.fl4_dport);
	else
		cpns_compat_udp_xmit6(r->dst, r->sk, skb, NULL, &r->fl6.saddr,
				      &r->fl6.daddr, tos, ttl ?: ip6_dst_hoplimit(r->dst),
				      r->fl6.fl6_sport, r->fl6.fl6_dport);
}

int cpns_socket_send(struct cpns_peer *peer, struct sk_buff *skb, u8 tos, bool may_fragment)
{
	struct route r;
	int err;

	err = find_peer_route(peer, &r);
	if (unlikely(err)) {
		kfree_skb(skb);
		return err;
	}
	transmit(&r, skb, tos, 0, may_fragment);
	return 0;
}

int cpns_socket_send_skb(struct cpns_device *cdev, const struct cpns_endpoint *ep,
			 struct sk_buff *skb, u8 tos)
{
	struct route r;
	int err;

	err = find_route(cdev, ep, 0, NULL, &r);
	if (unlikely(err)) {
		kfree_skb(skb);
		return err;
	}
	transmit(&r, skb, tos, 0, true);
	return 0;
}

int cpns_socket_send_pan(struct cpns_device *cdev, const struct cpns_pan *pan,
			 struct sk_buff *skb, u8 tos)
{
	struct route r;
	int err;

	err = find_pan_route(cdev, pan, &r);
	if (unlikely(err)) {
		kfree_skb(skb);
		return err;
	}
	transmit(&r, skb, tos, CPNS_PAN_TTL, false);
	return 0;
}

int cpns_socket_send_to(struct cpns_device *cdev, const struct cpns_endpoint *ep,
			const void *data, size_t len)
{
	struct sk_buff *skb;
	int err;

	skb = alloc_skb(LL_MAX_HEADER + CPNS_OUTER_HEADROOM + len, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, LL_MAX_HEADER + CPNS_OUTER_HEADROOM);
	skb_put_data(skb, data, len);
	skb->dev = cdev->dev;

	local_bh_disable();
	rcu_read_lock();
	err = cpns_socket_send_skb(cdev, ep, skb, 0);
	rcu_read_unlock();
	local_bh_enable();
	return err;
}

void cpns_socket_sender(const struct sk_buff *skb, struct cpns_endpoint *ep)
{
	const struct udphdr *uh = udp_hdr(skb);

	if (ip_hdr(skb)->version == 4) {
		ep->addr.in.sin_family = AF_INET;
		ep->addr.in.sin_port = uh->source;
		ep->addr.in.sin_addr.s_addr = ip_hdr(skb)->saddr;
		ep->local4.s_addr = ip_hdr(skb)->daddr;
	} else {
		ep->addr.in6.sin6_family = AF_INET6;
		ep->addr.in6.sin6_port = uh->source;
		ep->addr.in6.sin6_addr = ipv6_hdr(skb)->saddr;
		ep->addr.in6.sin6_scope_id =
			ipv6_iface_scope_id(&ipv6_hdr(skb)->saddr, skb->skb_iif);
		ep->local6 = ipv6_hdr(skb)->daddr;
	}
	ep->ifindex = skb->skb_iif;
}

u8 cpns_socket_outer_tos(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));
}

u8 cpns_socket_outer_ttl(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? ip_hdr(skb)->ttl : ipv6_hdr(skb)->hop_limit;
}

bool cpns_socket_was_fragmented(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? IPCB(skb)->frag_max_size : IP6CB(skb)->frag_max_size;
}

int cpns_socket_ingress(const struct sk_buff *skb)
{
	int slave = ip_hdr(skb)->version == 4 ? inet_sdif(skb) : inet6_sdif(skb);

	return slave ?: skb->skb_iif;
}
