// SPDX-License-Identifier: GPL-2.0
#include <linux/in.h>
#include <net/addrconf.h>

#include "netlink.h"
#include "netlink-common.h"
#include "netlink-gen.h"
#include "peer.h"

static int put_endpoint4(struct sk_buff *skb, const struct cpns_endpoint *ep)
{
	if (nla_put_in_addr(skb, CPNS_A_ENDPOINT_ADDR4, ep->addr.in.sin_addr.s_addr) ||
	    nla_put_be16(skb, CPNS_A_ENDPOINT_PORT, ep->addr.in.sin_port))
		return -EMSGSIZE;
	if (ep->local4.s_addr)
		return nla_put_in_addr(skb, CPNS_A_ENDPOINT_LOCAL4, ep->local4.s_addr);
	return 0;
}

static int put_endpoint6(struct sk_buff *skb, const struct cpns_endpoint *ep)
{
	if (nla_put_in6_addr(skb, CPNS_A_ENDPOINT_ADDR6, &ep->addr.in6.sin6_addr) ||
	    nla_put_be16(skb, CPNS_A_ENDPOINT_PORT, ep->addr.in6.sin6_port))
		return -EMSGSIZE;
	if (ep->addr.in6.sin6_scope_id &&
	    nla_put_u32(skb, CPNS_A_ENDPOINT_SCOPE, ep->addr.in6.sin6_scope_id))
		return -EMSGSIZE;
	if (!ipv6_addr_any(&ep->local6))
		return nla_put_in6_addr(skb, CPNS_A_ENDPOINT_LOCAL6, &ep->local6);
	return 0;
}

int cpns_netlink_put_endpoint(struct sk_buff *skb, int attr, const struct cpns_endpoint *ep)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int err;

	if (!nest)
		return -EMSGSIZE;
	if (ep->addr.sa.sa_family == AF_INET)
		err = put_endpoint4(skb, ep);
	else
		err = put_endpoint6(skb, ep);
	if (!err && ep->ifindex)
		err = nla_put_u32(skb, CPNS_A_ENDPOINT_IFINDEX, ep->ifindex);
	if (err) {
		nla_nest_cancel(skb, nest);
		return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}

bool cpns_nl_is_host4(__be32 addr)
{
	return !ipv4_is_zeronet(addr) && !ipv4_is_multicast(addr) && !ipv4_is_lbcast(addr);
}

bool cpns_nl_is_host6(const struct in6_addr *addr)
{
	return !ipv6_addr_any(addr) && !ipv6_addr_is_multicast(addr) &&
	       !ipv6_addr_v4mapped(addr);
}

static int parse_endpoint4(struct nlattr **tb, struct cpns_endpoint *ep,
			   struct netlink_ext_ack *extack)
{
	ep->addr.in.sin_family = AF_INET;
	ep->addr.in.sin_addr.s_addr = nla_get_in_addr(tb[CPNS_A_ENDPOINT_ADDR4]);
	ep->addr.in.sin_port = nla_get_be16(tb[CPNS_A_ENDPOINT_PORT]);
	if (!cpns_nl_is_host4(ep->addr.in.sin_addr.s_addr))
		return refuse(extack, tb[CPNS_A_ENDPOINT_ADDR4], -EINVAL,
			      "the endpoint must be the address of one host");
	if (tb[CPNS_A_ENDPOINT_SCOPE] || tb[CPNS_A_ENDPOINT_LOCAL6])
		return refuse(extack, tb[CPNS_A_ENDPOINT_SCOPE] ?: tb[CPNS_A_ENDPOINT_LOCAL6],
			      -EINVAL, "scope and local6 go with addr6 only: leave them out");
	if (tb[CPNS_A_ENDPOINT_LOCAL4]) {
		ep->local4.s_addr = nla_get_in_addr(tb[CPNS_A_ENDPOINT_LOCAL4]);
		if (!cpns_nl_is_host4(ep->local4.s_addr))
			return refuse(extack, tb[CPNS_A_ENDPOINT_LOCAL4], -EINVAL,
				      "local4 must be an address of this host");
	}
	return 0;
}

static int parse_endpoint6(struct nlattr **tb, struct cpns_endpoint *ep,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *scope = tb[CPNS_A_ENDPOINT_SCOPE];

	ep->addr.in6.sin6_family = AF_INET6;
	ep->addr.in6.sin6_addr = nla_get_in6_addr(tb[CPNS_A_ENDPOINT_ADDR6]);
	ep->addr.in6.sin6_port = nla_get_be16(tb[CPNS_A_ENDPOINT_PORT]);
	if (!cpns_nl_is_host6(&ep->addr.in6.sin6_addr))
		return refuse(extack, tb[CPNS_A_ENDPOINT_ADDR6], -EINVAL,
			      "the endpoint must be the address of one host, addr4 if it is IPv4");
	if (scope)
		ep->addr.in6.sin6_scope_id = nla_get_u32(scope);
	if (ipv6_addr_type(&ep->addr.in6.sin6_addr) & IPV6_ADDR_LINKLOCAL) {
		if (!ep->addr.in6.sin6_scope_id)
			return refuse(extack, scope ?: tb[CPNS_A_ENDPOINT_ADDR6], -EINVAL,
				      "a link-local endpoint needs scope, the index of its interface");
	} else if (ep->addr.in6.sin6_scope_id) {
		return refuse(extack, scope, -EINVAL,
			      "scope goes with link-local addresses only: leave it out");
	}
	if (tb[CPNS_A_ENDPOINT_LOCAL4])
		return refuse(extack, tb[CPNS_A_ENDPOINT_LOCAL4], -EINVAL,
			      "local4 goes with addr4 only: leave it out");
	if (tb[CPNS_A_ENDPOINT_LOCAL6]) {
		ep->local6 = nla_get_in6_addr(tb[CPNS_A_ENDPOINT_LOCAL6]);
		if (!cpns_nl_is_host6(&ep->local6))
			return refuse(extack, tb[CPNS_A_ENDPOINT_LOCAL6], -EINVAL,
				      "local6 must be an address of this host");
	}
	return 0;
}

int cpns_nl_parse_endpoint(const struct nlattr *nest, struct cpns_endpoint *ep,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CPNS_A_ENDPOINT_MAX + 1];
	int err;

	err = nla_parse_nested(tb, CPNS_A_ENDPOINT_MAX, nest, cpns_endpoint_nl_policy, extack);
	if (err)
		return err;
	*ep = (struct cpns_endpoint){};
	if (!tb[CPNS_A_ENDPOINT_ADDR4] == !tb[CPNS_A_ENDPOINT_ADDR6])
		return refuse(extack, nest, -EINVAL, "give one of addr4 and addr6 in the endpoint");
	if (!tb[CPNS_A_ENDPOINT_PORT])
		return refuse(extack, nest, -EINVAL, "give the port of the endpoint");
	if (tb[CPNS_A_ENDPOINT_IFINDEX]) {
		u32 ifindex = nla_get_u32(tb[CPNS_A_ENDPOINT_IFINDEX]);

		if (ifindex > INT_MAX)
			return refuse(extack, tb[CPNS_A_ENDPOINT_IFINDEX], -EINVAL,
				      "this is no index of an interface");
		ep->ifindex = ifindex;
	}
	if (tb[CPNS_A_ENDPOINT_ADDR4])
		return parse_endpoint4(tb, ep, extack);
	return parse_endpoint6(tb, ep, extack);
}
