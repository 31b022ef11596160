// SPDX-License-Identifier: GPL-2.0
/* The device as a network interface. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink.h>

#include "rtnl.h"

/* Marks routes as this daemon's own, beside those of an administrator. */
#define ROUTE_PROTOCOL	201
#define ANSWER_MAX	65536

/**
 * struct rtnl - a socket for requests
 * @fd: descriptor
 * @seq: of the last request
 * @error: what the kernel said about it
 * @answer: for one datagram
 */
struct rtnl {
	int			fd;
	uint32_t		seq;
	struct cpns_nl_error	error;
	char			answer[ANSWER_MAX];
};

typedef void (*rtnl_handler_t)(void *arg, const struct nlmsghdr *nlh);

static int open_socket(unsigned int groups, int flags)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd, one = 1, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	/* A kernel without it only says less. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int rtnl_open(struct rtnl **rtnl)
{
	struct rtnl *r = calloc(1, sizeof(*r));

	*rtnl = NULL;
	if (!r)
		return -ENOMEM;
	r->fd = open_socket(0, 0);
	if (r->fd < 0) {
		int ret = r->fd;

		free(r);
		return ret;
	}
	*rtnl = r;
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	if (!rtnl)
		return;
	close(rtnl->fd);
	free(rtnl);
}

const char *rtnl_error(const struct rtnl *rtnl)
{
	return rtnl->error.message;
}

/* Takes all messages of the answer to the last request. */
static int receive(struct rtnl *r, rtnl_handler_t handler, void *arg)
{
	struct nlmsghdr *nlh;
	bool interrupted = false;
	ssize_t n;
	int len, ret;

	for (;;) {
		n = recv(r->fd, r->answer, sizeof(r->answer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len = n;
		for (nlh = (struct nlmsghdr *)r->answer; NLMSG_OK(nlh, (unsigned int)len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_seq != r->seq)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
				ret = cpns_nl_parse_error(nlh, &r->error);
				return !ret && interrupted ? -EINTR : ret;
			}
			if (handler)
				handler(arg, nlh);
		}
	}
}

static int request(struct rtnl *r, struct nl_msg *msg, rtnl_handler_t handler, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	int ret;

	memset(&r->error, 0, sizeof(r->error));
	nlh->nlmsg_seq = ++r->seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (send(r->fd, nlh, nlh->nlmsg_len, 0) < 0)
		ret = -errno;
	else
		ret = receive(r, handler, arg);
	nlmsg_free(msg);
	return ret;
}

static struct nl_msg *message(int type, int flags, void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg)
		return NULL;
	if (!nlmsg_put(msg, 0, 0, type, 0, flags) ||
	    nlmsg_append(msg, header, len, NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* A default message has room for all that is put here: no put can fail. */

struct link_search {
	uint32_t	ifindex;
	bool		cpns;
};

static void take_link(void *arg, const struct nlmsghdr *nlh)
{
	struct link_search *search = arg;
	struct nlattr *attrs[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct ifinfomsg *header = NLMSG_DATA(nlh);

	search->ifindex = header->ifi_index;
	if (nlmsg_parse((struct nlmsghdr *)nlh, sizeof(*header), attrs, IFLA_MAX, NULL) ||
	    !attrs[IFLA_LINKINFO] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, attrs[IFLA_LINKINFO], NULL) ||
	    !info[IFLA_INFO_KIND])
		return;
	search->cpns = !strcmp(nla_get_string(info[IFLA_INFO_KIND]), "cpns");
}

int rtnl_link_get(struct rtnl *rtnl, const char *name, uint32_t *ifindex)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct link_search search = { 0 };
	struct nl_msg *msg = message(RTM_GETLINK, 0, &header, sizeof(header));
	int ret;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, name);
	ret = request(rtnl, msg, take_link, &search);
	if (ret)
		return ret;
	*ifindex = search.ifindex;
	return search.cpns ? 0 : -EEXIST;
}

int rtnl_link_add(struct rtnl *rtnl, const char *name)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header,
				     sizeof(header));
	struct nlattr *info;

	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "cpns");
	nla_nest_end(msg, info);
	return request(rtnl, msg, NULL, NULL);
}

int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = message(RTM_DELLINK, 0, &header, sizeof(header));

	return msg ? request(rtnl, msg, NULL, NULL) : -ENOMEM;
}

int rtnl_link_no_addresses(struct rtnl *rtnl, uint32_t ifindex)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct nl_msg *msg = message(RTM_NEWLINK, 0, &header, sizeof(header));
	struct nlattr *spec, *inet6;

	if (!msg)
		return -ENOMEM;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet6 = nla_nest_start(msg, AF_INET6);
	nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return request(rtnl, msg, NULL, NULL);
}

int rtnl_link_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t mtu)
{
	struct ifinfomsg header = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nl_msg *msg = message(RTM_NEWLINK, 0, &header, sizeof(header));

	if (!msg)
		return -ENOMEM;
	if (mtu)
		nla_put_u32(msg, IFLA_MTU, mtu);
	return request(rtnl, msg, NULL, NULL);
}

static size_t address_bytes(unsigned int family)
{
	return family == AF_INET ? 4 : 16;
}

static bool is_link_local(const struct conf_address *a)
{
	return a->family == AF_INET6 && a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

static struct nl_msg *address_message(int type, int flags, uint32_t ifindex,
				      const struct conf_address *address)
{
	struct ifaddrmsg header = {
		.ifa_family = address->family,
		.ifa_prefixlen = address->len,
		.ifa_scope = is_link_local(address) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.ifa_index = ifindex,
	};
	struct nl_msg *msg;

	/* Nobody else on this link could have the address. */
	if (address->family == AF_INET6)
		header.ifa_flags = IFA_F_NODAD | IFA_F_PERMANENT;
	msg = message(type, flags, &header, sizeof(header));
	if (msg)
		nla_put(msg, IFA_LOCAL, address_bytes(address->family), address->addr);
	return msg;
}

int rtnl_address_add(struct rtnl *rtnl, uint32_t ifindex, const struct conf_address *address)
{
	struct nl_msg *msg = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex,
					     address);
	int ret = msg ? request(rtnl, msg, NULL, NULL) : -ENOMEM;

	return ret == -EEXIST ? 0 : ret;
}

int rtnl_address_del(struct rtnl *rtnl, uint32_t ifindex, const struct conf_address *address)
{
	struct nl_msg *msg = address_message(RTM_DELADDR, 0, ifindex, address);
	int ret = msg ? request(rtnl, msg, NULL, NULL) : -ENOMEM;

	return ret == -EADDRNOTAVAIL ? 0 : ret;
}

struct route_list {
	uint32_t		ifindex;
	struct cpns_prefix	*list;
	size_t			n;
	int			error;
};

static void take_route(void *arg, const struct nlmsghdr *nlh)
{
	struct route_list *routes = arg;
	struct nlattr *attrs[RTA_MAX + 1];
	struct rtmsg *header = NLMSG_DATA(nlh);
	struct cpns_prefix *list;

	if (nlh->nlmsg_type != RTM_NEWROUTE || header->rtm_protocol != ROUTE_PROTOCOL ||
	    header->rtm_table != RT_TABLE_MAIN || header->rtm_type != RTN_UNICAST ||
	    (header->rtm_flags & RTM_F_CLONED) ||
	    nlmsg_parse((struct nlmsghdr *)nlh, sizeof(*header), attrs, RTA_MAX, NULL) ||
	    !attrs[RTA_OIF] || nla_get_u32(attrs[RTA_OIF]) != routes->ifindex)
		return;
	list = realloc(routes->list, (routes->n + 1) * sizeof(*list));
	if (!list) {
		routes->error = -ENOMEM;
		return;
	}
	routes->list = list;
	list += routes->n++;
	memset(list, 0, sizeof(*list));
	list->family = header->rtm_family;
	list->len = header->rtm_dst_len;
	if (attrs[RTA_DST])
		nla_memcpy(list->addr, attrs[RTA_DST], sizeof(list->addr));
}

static int dump_routes(struct rtnl *rtnl, unsigned int family, struct route_list *routes)
{
	struct rtmsg header = { .rtm_family = family };
	struct nl_msg *msg = message(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));

	return msg ? request(rtnl, msg, take_route, routes) : -ENOMEM;
}

int rtnl_routes(struct rtnl *rtnl, uint32_t ifindex, struct cpns_prefix **list, size_t *n)
{
	struct route_list routes;
	unsigned int tries = 16;
	int ret;

	do {
		memset(&routes, 0, sizeof(routes));
		routes.ifindex = ifindex;
		ret = dump_routes(rtnl, AF_INET, &routes);
		if (!ret)
			ret = dump_routes(rtnl, AF_INET6, &routes);
		if (!ret)
			ret = routes.error;
		if (ret)
			free(routes.list);
	} while (ret == -EINTR && --tries);
	*list = ret ? NULL : routes.list;
	*n = ret ? 0 : routes.n;
	return ret;
}

static int route(struct rtnl *rtnl, int type, int flags, uint32_t ifindex,
		 const struct cpns_prefix *prefix)
{
	struct rtmsg header = {
		.rtm_family = prefix->family,
		.rtm_dst_len = prefix->len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = ROUTE_PROTOCOL,
		.rtm_scope = prefix->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = message(type, flags, &header, sizeof(header));

	if (!msg)
		return -ENOMEM;
	if (prefix->len)
		nla_put(msg, RTA_DST, address_bytes(prefix->family), prefix->addr);
	nla_put_u32(msg, RTA_OIF, ifindex);
	return request(rtnl, msg, NULL, NULL);
}

int rtnl_route_add(struct rtnl *rtnl, uint32_t ifindex, const struct cpns_prefix *prefix)
{
	int ret = route(rtnl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, ifindex, prefix);

	return ret == -EEXIST ? 0 : ret;
}

int rtnl_route_del(struct rtnl *rtnl, uint32_t ifindex, const struct cpns_prefix *prefix)
{
	int ret = route(rtnl, RTM_DELROUTE, 0, ifindex, prefix);

	return ret == -ESRCH ? 0 : ret;
}

int rtnl_watch(void)
{
	return open_socket(RTMGRP_LINK, SOCK_NONBLOCK);
}

bool rtnl_watch_gone(int fd, uint32_t ifindex)
{
	struct ifinfomsg *header;
	struct nlmsghdr *nlh;
	char buf[32768];
	bool gone = false;
	ssize_t n;
	int len;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		len = n;
		for (nlh = (struct nlmsghdr *)buf; NLMSG_OK(nlh, (unsigned int)len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type != RTM_DELLINK ||
			    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*header)))
				continue;
			header = NLMSG_DATA(nlh);
			/* A bridge port that is let go is told with AF_BRIDGE. */
			if (header->ifi_family == AF_UNSPEC && header->ifi_index == (int)ifindex)
				gone = true;
		}
	}
	return gone;
}
