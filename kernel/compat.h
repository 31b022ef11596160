/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module is built for. Probed by
 * macro where that can be, since distributions backport.
 */
#ifndef _CPNS_COMPAT_H
#define _CPNS_COMPAT_H

#include <linux/crypto.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/udp_tunnel.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* What an AEAD gives to its callback: the request, or the request's data. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define cpns_crypto_cb_arg		void *
#define cpns_crypto_cb_data(arg)	(arg)
#else
#define cpns_crypto_cb_arg		struct crypto_async_request *
#define cpns_crypto_cb_data(arg)	((arg)->data)
#endif

/* Policies got pointers to constant ranges, which is what is generated. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, _range) {				\
	.type = NLA_ENSURE_UINT_OR_BINARY_TYPE(tp),			\
	.validation_type = NLA_VALIDATE_RANGE_PTR,			\
	.range = (struct netlink_range_validation *)(_range),		\
}
#endif

/* 6.12 made lockless transmission a bit of the device, not a feature. */
static inline void cpns_compat_set_lltx(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

static inline struct nlattr **cpns_compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

static inline void cpns_compat_hrtimer_setup(struct hrtimer *timer,
					     enum hrtimer_restart (*fn)(struct hrtimer *),
					     clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

static inline void cpns_compat_udp_xmit4(struct rtable *rt, struct sock *sk,
					 struct sk_buff *skb, __be32 src,
					 __be32 dst, u8 tos, u8 ttl, __be16 df,
					 __be16 sport, __be16 dport)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	udp_tunnel_xmit_skb(rt, sk, skb, src, dst, tos, ttl, df, sport, dport,
			    false, false, 0);
#else
	udp_tunnel_xmit_skb(rt, sk, skb, src, dst, tos, ttl, df, sport, dport,
			    false, false);
#endif
}

static inline void cpns_compat_udp_xmit6(struct dst_entry *dst, struct sock *sk,
					 struct sk_buff *skb,
					 struct net_device *dev,
					 struct in6_addr *src,
					 struct in6_addr *daddr, u8 tclass,
					 u8 ttl, __be16 sport, __be16 dport)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, src, daddr, tclass, ttl, 0,
			     sport, dport, false, 0);
#else
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, src, daddr, tclass, ttl, 0,
			     sport, dport, false);
#endif
}

/* Defines @name, as rtnl wants newlink, in front of @fn(src_net, dev, extack). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define CPNS_COMPAT_NEWLINK(name, fn)						\
	static int name(struct net_device *dev, struct rtnl_newlink_params *params, \
			struct netlink_ext_ack *extack)				\
	{									\
		return fn(params->src_net, dev, extack);			\
	}
#else
#define CPNS_COMPAT_NEWLINK(name, fn)						\
	static int name(struct net *src_net, struct net_device *dev,		\
			struct nlattr *tb[], struct nlattr *data[],		\
			struct netlink_ext_ack *extack)				\
	{									\
		return fn(src_net, dev, extack);				\
	}
#endif

#endif /* _CPNS_COMPAT_H */
