// SPDX-License-Identifier: GPL-2.0
/* The net device of an entity. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "log.h"

static const char *reason(struct rtnl *rtnl, int ret)
{
	return *rtnl_error(rtnl) ? rtnl_error(rtnl) : strerror(-ret);
}

int device_find(struct rtnl *rtnl, const struct conf *conf, uint32_t *ifindex, bool *made,
		char *error)
{
	const char *name = conf->device;
	int ret;

	*made = false;
	ret = rtnl_link_get(rtnl, name, ifindex);
	if (ret == -EEXIST) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "interface %s is there, and of another kind: name another device in [entity]",
			 name);
		return ret;
	}
	if (ret != -ENODEV)
		goto out;
	ret = rtnl_link_add(rtnl, name);
	if (ret == -EOPNOTSUPP) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the kernel has no devices of kind cpns: load the module (modprobe cpns)");
		return ret;
	}
	if (!ret) {
		*made = true;
		ret = rtnl_link_get(rtnl, name, ifindex);
	}
out:
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "device %s can't be made: %s%s", name,
			 reason(rtnl, ret), ret == -EPERM ? "; CAP_NET_ADMIN is needed" : "");
	return ret;
}

int device_wanted(const struct conf *conf, struct cpns_dev *dev, char *error)
{
	uint32_t ifindex;
	size_t i;

	memset(dev, 0, sizeof(*dev));
	dev->eid = conf->own.eid;
	memcpy(dev->overlay_prefix, conf->prefix, sizeof(dev->overlay_prefix));
	dev->listen_port = conf->listen_port;
	memcpy(dev->local4.addr, conf->local4.addr, sizeof(dev->local4.addr));
	memcpy(dev->local6.addr, conf->local6.addr, sizeof(dev->local6.addr));
	dev->fwmark = conf->fwmark;
	for (i = 0; i < conf->n_pans; i++) {
		/* One that is not there yet is added when it is. */
		ifindex = if_nametoindex(conf->pans[i]);
		if (ifindex)
			dev->relay_pan.ifindex[dev->relay_pan.n++] = ifindex;
	}
	if (!conf->bind_interface[0])
		return 0;
	dev->bind_ifindex = if_nametoindex(conf->bind_interface);
	if (dev->bind_ifindex)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "bind-interface %s is not there", conf->bind_interface);
	return -ENODEV;
}

static void own_addresses(const struct conf *conf, struct conf_address *overlay,
			  struct conf_address *link_local)
{
	struct in6_addr addr;

	memset(overlay, 0, sizeof(*overlay));
	overlay->family = AF_INET6;
	overlay->len = 128;
	cpns_overlay_address(conf->prefix, conf->own.eid, &addr);
	memcpy(overlay->addr, &addr, sizeof(addr));
	memset(link_local, 0, sizeof(*link_local));
	link_local->family = AF_INET6;
	link_local->len = 64;
	cpns_link_local_address(conf->own.eid, &addr);
	memcpy(link_local->addr, &addr, sizeof(addr));
}

static int add_address(struct rtnl *rtnl, uint32_t ifindex, const struct conf_address *address)
{
	char text[INET6_ADDRSTRLEN];
	int ret = rtnl_address_add(rtnl, ifindex, address);

	if (!ret)
		return 0;
	inet_ntop(address->family, address->addr, text, sizeof(text));
	log_msg(LOG_ERR, "address %s/%u is not on the device: %s%s", text, address->len,
		reason(rtnl, ret), address->family == AF_INET6 && ret == -EACCES ?
		" (IPv6 is disabled on it)" : "");
	return ret;
}

static bool has_address(const struct conf *conf, const struct conf_address *address)
{
	size_t i;

	for (i = 0; i < conf->n_addresses; i++)
		if (!memcmp(&conf->addresses[i], address, sizeof(*address)))
			return true;
	return false;
}

static int apply_addresses(struct rtnl *rtnl, uint32_t ifindex, const struct conf *old,
			   const struct conf *new)
{
	struct conf_address overlay, link_local;
	int ret, first;
	size_t i;

	own_addresses(new, &overlay, &link_local);
	first = add_address(rtnl, ifindex, &overlay);
	ret = add_address(rtnl, ifindex, &link_local);
	first = first ? first : ret;
	for (i = 0; old && i < old->n_addresses; i++) {
		if (has_address(new, &old->addresses[i]))
			continue;
		ret = rtnl_address_del(rtnl, ifindex, &old->addresses[i]);
		first = first ? first : ret;
	}
	for (i = 0; i < new->n_addresses; i++) {
		ret = add_address(rtnl, ifindex, &new->addresses[i]);
		first = first ? first : ret;
	}
	return first;
}

/* What a peer wants routes to: its overlay address and the inner ones. */
static void peer_routes(const struct conf *conf, const struct conf_peer *peer,
			struct cpns_prefix *list, size_t *n)
{
	struct cpns_prefix *p = &list[(*n)++];
	struct in6_addr addr;
	size_t i;

	p->family = AF_INET6;
	p->len = 128;
	cpns_overlay_address(conf->prefix, peer->party.eid, &addr);
	memcpy(p->addr, &addr, sizeof(addr));
	for (i = 0; peer->routes && i < peer->addresses.n; i++)
		list[(*n)++] = peer->addresses.list[i];
}

static struct cpns_prefix *wanted_routes(const struct conf *conf, size_t *n)
{
	struct cpns_prefix *list;
	size_t total = 0, i;

	for (i = 0; i < conf->n_peers; i++)
		total += 1 + conf->peers[i]->addresses.n;
	list = calloc(total + 1, sizeof(*list));
	if (!list)
		return NULL;
	*n = 0;
	for (i = 0; i < conf->n_peers; i++)
		peer_routes(conf, conf->peers[i], list, n);
	return list;
}

static bool has_route(const struct cpns_prefix *list, size_t n, const struct cpns_prefix *route)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].family == route->family && list[i].len == route->len &&
		    !memcmp(list[i].addr, route->addr, sizeof(route->addr)))
			return true;
	return false;
}

static void add_route(struct rtnl *rtnl, uint32_t ifindex, const struct cpns_prefix *route,
		      int *first)
{
	int ret = rtnl_route_add(rtnl, ifindex, route);
	char text[CPNS_PREFIX_TEXT];

	if (!ret)
		return;
	cpns_prefix_format(route, text);
	log_msg(LOG_ERR, "route to %s can't be made: %s", text, reason(rtnl, ret));
	*first = *first ? *first : ret;
}

void device_peer_routes(struct rtnl *rtnl, uint32_t ifindex, const struct conf *conf,
			const struct conf_peer *old, const struct conf_peer *new)
{
	struct cpns_prefix have[1 + CPNS_PEER_PREFIXES_MAX] = { 0 };
	struct cpns_prefix want[1 + CPNS_PEER_PREFIXES_MAX] = { 0 };
	size_t n_have = 0, n_want = 0, i;
	int first = 0;

	if (old)
		peer_routes(conf, old, have, &n_have);
	if (new)
		peer_routes(conf, new, want, &n_want);
	for (i = 0; i < n_have; i++)
		if (!has_route(want, n_want, &have[i]))
			rtnl_route_del(rtnl, ifindex, &have[i]);
	for (i = 0; i < n_want; i++)
		if (!has_route(have, n_have, &want[i]))
			add_route(rtnl, ifindex, &want[i], &first);
}

/*
 * A Server does not know all its peers from the start: a route that it has not
 * made itself may be of one that goes on.
 */
static bool stays(const struct conf *old, const struct conf *new,
		  const struct cpns_prefix *route)
{
	struct cpns_prefix *list;
	bool made;
	size_t n;

	if (!new->registrar)
		return false;
	list = old ? wanted_routes(old, &n) : NULL;
	made = list && has_route(list, n, route);
	free(list);
	return !made;
}

static int apply_routes(struct rtnl *rtnl, uint32_t ifindex, const struct conf *old,
			const struct conf *new)
{
	struct cpns_prefix *want, *have;
	size_t n_want, n_have, i;
	int ret, first;

	first = rtnl_routes(rtnl, ifindex, &have, &n_have);
	if (first) {
		log_msg(LOG_ERR, "routes can't be read: %s", reason(rtnl, first));
		return first;
	}
	want = wanted_routes(new, &n_want);
	if (!want) {
		free(have);
		return -ENOMEM;
	}
	for (i = 0; i < n_have; i++) {
		if (has_route(want, n_want, &have[i]) || stays(old, new, &have[i]))
			continue;
		ret = rtnl_route_del(rtnl, ifindex, &have[i]);
		first = first ? first : ret;
	}
	for (i = 0; i < n_want; i++) {
		if (!has_route(have, n_have, &want[i]))
			add_route(rtnl, ifindex, &want[i], &first);
	}
	free(want);
	free(have);
	return first;
}

int device_apply(struct rtnl *rtnl, uint32_t ifindex, const struct conf *old,
		 const struct conf *new)
{
	uint32_t mtu = !old || old->mtu != new->mtu ? new->mtu : 0;
	int ret, first = 0;

	/* Before it comes up, else the kernel has made one by then. */
	if (!old) {
		first = rtnl_link_no_addresses(rtnl, ifindex);
		if (first)
			log_msg(LOG_WARNING, "the kernel may add IPv6 addresses of its own: %s",
				reason(rtnl, first));
	}
	ret = rtnl_link_set(rtnl, ifindex, mtu);
	if (ret)
		log_msg(LOG_ERR, "%s can't be brought up: %s", new->device, reason(rtnl, ret));
	first = first ? first : ret;
	ret = apply_addresses(rtnl, ifindex, old, new);
	first = first ? first : ret;
	ret = apply_routes(rtnl, ifindex, old, new);
	return first ? first : ret;
}
