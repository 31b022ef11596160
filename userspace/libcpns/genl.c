// SPDX-License-Identifier: GPL-2.0
/*
 * Typed requests of the "cpns" generic netlink family, and its events.
 */
#include "genl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* ---- sockets and words ---- */

int cpns_genl_open(struct cpns_nl **nl)
{
	return cpns_nl_open(CPNS_GENL_NAME, nl);
}

int cpns_genl_open_events(struct cpns_nl **nl)
{
	return cpns_nl_open_events(CPNS_GENL_NAME, CPNS_MCGRP_EVENTS, nl);
}

int cpns_genl_open_messages(struct cpns_nl **nl)
{
	return cpns_nl_open_events(CPNS_GENL_NAME, NULL, nl);
}

void cpns_genl_error_text(const struct cpns_nl *nl, int code, char *text, size_t size)
{
	const struct cpns_nl_error *e = nl ? cpns_nl_error(nl) : NULL;

	if (e && e->code == code && e->message[0] && e->missing_attr)
		snprintf(text, size, "%s: %s (attribute %u is missing)", strerror(-code),
			 e->message, e->missing_attr);
	else if (e && e->code == code && e->message[0])
		snprintf(text, size, "%s: %s", strerror(-code), e->message);
	else if (e && e->code == code && e->missing_attr)
		snprintf(text, size, "%s (attribute %u is missing)", strerror(-code),
			 e->missing_attr);
	else if (code == -ENOENT && !e)
		snprintf(text, size,
			 "the kernel has no cpns; load the module with: modprobe cpns");
	else
		snprintf(text, size, "%s", strerror(-code));
}

static const char *const stats_names[CPNS_A_STATS_MAX + 1] = {
	[CPNS_A_STATS_RX_PACKETS] = "rx_packets",
	[CPNS_A_STATS_RX_BYTES] = "rx_bytes",
	[CPNS_A_STATS_TX_PACKETS] = "tx_packets",
	[CPNS_A_STATS_TX_BYTES] = "tx_bytes",
	[CPNS_A_STATS_RX_KEEPALIVES] = "rx_keepalives",
	[CPNS_A_STATS_TX_KEEPALIVES] = "tx_keepalives",
	[CPNS_A_STATS_RX_CONTROL] = "rx_control",
	[CPNS_A_STATS_TX_CONTROL] = "tx_control",
	[CPNS_A_STATS_RX_MALFORMED] = "rx_malformed",
	[CPNS_A_STATS_RX_NOT_OURS] = "rx_not_ours",
	[CPNS_A_STATS_RX_UNKNOWN_SID] = "rx_unknown_sid",
	[CPNS_A_STATS_RX_WRONG_PEER] = "rx_wrong_peer",
	[CPNS_A_STATS_RX_SEQ_LIMIT] = "rx_seq_limit",
	[CPNS_A_STATS_RX_TOO_OLD] = "rx_too_old",
	[CPNS_A_STATS_RX_DUPLICATE] = "rx_duplicate",
	[CPNS_A_STATS_RX_BAD_TAG] = "rx_bad_tag",
	[CPNS_A_STATS_RX_LEVEL] = "rx_level",
	[CPNS_A_STATS_RX_INNER_MALFORMED] = "rx_inner_malformed",
	[CPNS_A_STATS_RX_INNER_SOURCE] = "rx_inner_source",
	[CPNS_A_STATS_RX_INNER_DESTINATION] = "rx_inner_destination",
	[CPNS_A_STATS_RX_UNPROTECTED] = "rx_unprotected",
	[CPNS_A_STATS_RX_ECN] = "rx_ecn",
	[CPNS_A_STATS_RX_NO_MEMORY] = "rx_no_memory",
	[CPNS_A_STATS_RX_CONTROL_DROPPED] = "rx_control_dropped",
	[CPNS_A_STATS_TX_MALFORMED] = "tx_malformed",
	[CPNS_A_STATS_TX_NO_PEER] = "tx_no_peer",
	[CPNS_A_STATS_TX_MULTICAST] = "tx_multicast",
	[CPNS_A_STATS_TX_NO_KEY] = "tx_no_key",
	[CPNS_A_STATS_TX_QUEUE_FULL] = "tx_queue_full",
	[CPNS_A_STATS_TX_NO_ENDPOINT] = "tx_no_endpoint",
	[CPNS_A_STATS_TX_NO_ROUTE] = "tx_no_route",
	[CPNS_A_STATS_TX_LOOP] = "tx_loop",
	[CPNS_A_STATS_TX_TOO_BIG] = "tx_too_big",
	[CPNS_A_STATS_TX_LIMIT] = "tx_limit",
	[CPNS_A_STATS_TX_NO_MEMORY] = "tx_no_memory",
	[CPNS_A_STATS_TX_CRYPTO] = "tx_crypto",
	[CPNS_A_STATS_RX_PAN_PACKETS] = "rx_pan_packets",
	[CPNS_A_STATS_TX_PAN_PACKETS] = "tx_pan_packets",
	[CPNS_A_STATS_RX_PAN_INTERFACE] = "rx_pan_interface",
	[CPNS_A_STATS_RX_PAN_ADDRESS] = "rx_pan_address",
	[CPNS_A_STATS_RX_PAN_TTL] = "rx_pan_ttl",
	[CPNS_A_STATS_RX_PAN_FRAGMENT] = "rx_pan_fragment",
	[CPNS_A_STATS_RELAY_PACKETS] = "relay_packets",
	[CPNS_A_STATS_RELAY_BYTES] = "relay_bytes",
	[CPNS_A_STATS_RELAY_HOP_LIMIT] = "relay_hop_limit",
	[CPNS_A_STATS_RELAY_UNPROTECTED] = "relay_unprotected",
	[CPNS_A_STATS_RELAY_UNKNOWN_SOURCE] = "relay_unknown_source",
	[CPNS_A_STATS_RELAY_NOT_ALLOWED] = "relay_not_allowed",
	[CPNS_A_STATS_RELAY_WRONG_ENDPOINT] = "relay_wrong_endpoint",
	[CPNS_A_STATS_RELAY_NO_ENDPOINT] = "relay_no_endpoint",
	[CPNS_A_STATS_RELAY_SAME_ENDPOINT] = "relay_same_endpoint",
	[CPNS_A_STATS_RELAY_EXPIRED] = "relay_expired",
	[CPNS_A_STATS_RELAY_RATE] = "relay_rate",
	[CPNS_A_STATS_RELAY_TOTAL_RATE] = "relay_total_rate",
	[CPNS_A_STATS_RELAY_INIT_LIMIT] = "relay_init_limit",
	[CPNS_A_STATS_RELAY_NO_ROUTE] = "relay_no_route",
	[CPNS_A_STATS_RELAY_LOOP] = "relay_loop",
	[CPNS_A_STATS_RELAY_NO_MEMORY] = "relay_no_memory",
	[CPNS_A_STATS_RX_TRAINS] = "rx_trains",
	[CPNS_A_STATS_RELAY_TRAINS] = "relay_trains",
	[CPNS_A_STATS_TX_TRAINS] = "tx_trains",
};

const char *cpns_stats_name(unsigned int attr)
{
	return attr < ARRAY_SIZE(stats_names) ? stats_names[attr] : NULL;
}

const char *cpns_event_name(unsigned int cmd)
{
	static const char *const name[CPNS_CMD_MAX + 1] = {
		[CPNS_CMD_MSG_NTF] = "msg",
		[CPNS_CMD_KEY_SOFT_NTF] = "key-soft",
		[CPNS_CMD_KEY_DEAD_NTF] = "key-dead",
		[CPNS_CMD_KEY_PROMOTED_NTF] = "key-promoted",
		[CPNS_CMD_PEER_TIMEOUT_NTF] = "peer-timeout",
		[CPNS_CMD_PEER_ENDPOINT_NTF] = "peer-endpoint",
		[CPNS_CMD_ACQUIRE_NTF] = "acquire",
		[CPNS_CMD_UNKNOWN_SID_NTF] = "unknown-sid",
	};

	return cmd < ARRAY_SIZE(name) ? name[cmd] : NULL;
}

const char *cpns_cause_name(unsigned int cause)
{
	static const char *const name[] = {
		[CPNS_CAUSE_PACKETS] = "packets",
		[CPNS_CAUSE_TIME] = "time",
		[CPNS_CAUSE_FAILED] = "failed-tags",
		[CPNS_CAUSE_REPLACED] = "replaced",
		[CPNS_CAUSE_DELETED] = "deleted",
		[CPNS_CAUSE_SNAPSHOT] = "snapshot",
	};

	return cause < ARRAY_SIZE(name) ? name[cause] : NULL;
}

const char *cpns_slot_name(unsigned int slot)
{
	static const char *const name[] = {
		[CPNS_SLOT_CURRENT] = "current",
		[CPNS_SLOT_PREVIOUS] = "previous",
		[CPNS_SLOT_NEXT] = "next",
	};

	return slot < ARRAY_SIZE(name) ? name[slot] : NULL;
}

/* ---- reading attributes: what has not the right size is not there ---- */

static int parse(const struct nlmsghdr *nlh, struct nlattr **tb, int max)
{
	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EPROTO;
	return nla_parse(tb, max, genlmsg_attrdata(nlmsg_data(nlh), 0),
			 genlmsg_attrlen(nlmsg_data(nlh), 0), NULL) ? -EPROTO : 0;
}

static bool get(const struct nlattr *nla, void *out, size_t len)
{
	if (!nla || (size_t)nla_len(nla) != len)
		return false;
	memcpy(out, nla_data(nla), len);
	return true;
}

static bool get_u64(const struct nlattr *nla, uint64_t *v)
{
	return get(nla, v, sizeof(*v));
}

static bool get_u32(const struct nlattr *nla, uint32_t *v)
{
	return get(nla, v, sizeof(*v));
}

static bool get_u16(const struct nlattr *nla, uint16_t *v)
{
	return get(nla, v, sizeof(*v));
}

static bool get_u8(const struct nlattr *nla, uint8_t *v)
{
	return get(nla, v, sizeof(*v));
}

static void get_address(struct cpns_endpoint *ep, const struct nlattr *v4,
			const struct nlattr *v6)
{
	if (get(v4, ep->addr, 4))
		ep->family = AF_INET;
	else if (get(v6, ep->addr, 16))
		ep->family = AF_INET6;
}

static void get_path(const struct nlattr *nest, struct cpns_path *path)
{
	struct nlattr *tb[CPNS_A_ENDPOINT_MAX + 1];
	uint16_t port;

	if (!nest || nla_parse_nested(tb, CPNS_A_ENDPOINT_MAX, (struct nlattr *)nest, NULL))
		return;
	get_address(&path->remote, tb[CPNS_A_ENDPOINT_ADDR4], tb[CPNS_A_ENDPOINT_ADDR6]);
	if (get_u16(tb[CPNS_A_ENDPOINT_PORT], &port))
		path->remote.port = ntohs(port);
	get_u32(tb[CPNS_A_ENDPOINT_SCOPE], &path->remote.scope);
	get_address(&path->local, tb[CPNS_A_ENDPOINT_LOCAL4], tb[CPNS_A_ENDPOINT_LOCAL6]);
	get_u32(tb[CPNS_A_ENDPOINT_IFINDEX], &path->ifindex);
}

static void get_stats(const struct nlattr *nest, struct cpns_stats *stats)
{
	struct nlattr *tb[CPNS_A_STATS_MAX + 1];
	unsigned int i;

	if (!nest || nla_parse_nested(tb, CPNS_A_STATS_MAX, (struct nlattr *)nest, NULL))
		return;
	for (i = CPNS_A_STATS_PAD + 1; i <= CPNS_A_STATS_MAX; i++)
		get_u64(tb[i], &stats->value[i]);
}

static int get_prefixes(const struct nlattr *nest, struct cpns_prefix_list *list)
{
	struct nlattr *tb[CPNS_A_PREFIX_MAX + 1], *nla;
	int left;

	if (!nest)
		return 0;
	nla_for_each_nested(nla, nest, left) {
		struct cpns_endpoint addr = { 0 };
		struct cpns_prefix *more, *p;

		if (nla_type(nla) != CPNS_A_PREFIXES_PREFIX ||
		    nla_parse_nested(tb, CPNS_A_PREFIX_MAX, nla, NULL))
			continue;
		more = reallocarray(list->prefix, list->n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->prefix = more;
		p = &more[list->n];
		memset(p, 0, sizeof(*p));
		get_address(&addr, tb[CPNS_A_PREFIX_ADDR4], tb[CPNS_A_PREFIX_ADDR6]);
		p->family = addr.family;
		memcpy(p->addr, addr.addr, sizeof(p->addr));
		get_u8(tb[CPNS_A_PREFIX_LEN], &p->len);
		list->n++;
	}
	return 0;
}

static void get_interfaces(const struct nlattr *nest, struct cpns_interfaces *list)
{
	const struct nlattr *nla;
	int left;

	if (!nest)
		return;
	nla_for_each_nested(nla, nest, left)
		if (nla_type(nla) == CPNS_A_INTERFACES_IFINDEX && list->n < CPNS_RELAY_PAN_MAX &&
		    get_u32(nla, &list->ifindex[list->n]))
			list->n++;
}

/* ---- writing attributes: one check at the end ---- */

/**
 * struct request - a request being built
 * @nl: socket
 * @msg: message; NULL without memory
 * @failed: something found no room
 */
struct request {
	struct cpns_nl *nl;
	struct nl_msg *msg;
	bool failed;
};

static struct request begin(struct cpns_nl *nl, uint8_t cmd, bool dump)
{
	struct request r = { .nl = nl, .msg = cpns_nl_message(nl, cmd, dump) };

	r.failed = !r.msg;
	return r;
}

static void put(struct request *r, int attr, const void *data, size_t len)
{
	if (!r->failed && nla_put(r->msg, attr, (int)len, data))
		r->failed = true;
}

static void put_u64(struct request *r, int attr, uint64_t v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u32(struct request *r, int attr, uint32_t v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u16(struct request *r, int attr, uint16_t v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u8(struct request *r, int attr, uint8_t v)
{
	put(r, attr, &v, sizeof(v));
}

static struct nlattr *nest(struct request *r, int attr)
{
	struct nlattr *n = r->failed ? NULL : nla_nest_start(r->msg, attr | NLA_F_NESTED);

	if (!n)
		r->failed = true;
	return n;
}

/* Ends also an empty nest, which stands for an empty list. */
static void nest_end(struct request *r, struct nlattr *n)
{
	if (!r->failed && nla_nest_end_keep_empty(r->msg, n) < 0)
		r->failed = true;
}

static void put_address(struct request *r, uint16_t family, const uint8_t *addr, int v4, int v6)
{
	if (family == AF_INET)
		put(r, v4, addr, 4);
	else if (family == AF_INET6)
		put(r, v6, addr, 16);
}

static void put_path(struct request *r, int attr, const struct cpns_path *path)
{
	struct nlattr *n = nest(r, attr);

	put_address(r, path->remote.family, path->remote.addr, CPNS_A_ENDPOINT_ADDR4,
		    CPNS_A_ENDPOINT_ADDR6);
	put_u16(r, CPNS_A_ENDPOINT_PORT, htons(path->remote.port));
	if (path->remote.scope)
		put_u32(r, CPNS_A_ENDPOINT_SCOPE, path->remote.scope);
	put_address(r, path->local.family, path->local.addr, CPNS_A_ENDPOINT_LOCAL4,
		    CPNS_A_ENDPOINT_LOCAL6);
	if (path->ifindex)
		put_u32(r, CPNS_A_ENDPOINT_IFINDEX, path->ifindex);
	nest_end(r, n);
}

static void put_prefixes(struct request *r, int attr, const struct cpns_prefix_list *list)
{
	struct nlattr *all = nest(r, attr), *one;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct cpns_prefix *p = &list->prefix[i];

		one = nest(r, CPNS_A_PREFIXES_PREFIX);
		put_address(r, p->family, p->addr, CPNS_A_PREFIX_ADDR4, CPNS_A_PREFIX_ADDR6);
		put_u8(r, CPNS_A_PREFIX_LEN, p->len);
		nest_end(r, one);
	}
	nest_end(r, all);
}

static void put_interfaces(struct request *r, int attr, const struct cpns_interfaces *list)
{
	struct nlattr *all = nest(r, attr);
	size_t i;

	for (i = 0; i < list->n; i++)
		put_u32(r, CPNS_A_INTERFACES_IFINDEX, list->ifindex[i]);
	nest_end(r, all);
}

static int finish(struct request *r, cpns_nl_handler handler, void *ctx)
{
	if (r->failed) {
		cpns_nl_discard(r->msg);
		return -EMSGSIZE;
	}
	return cpns_nl_request(r->nl, r->msg, handler, ctx);
}

/* ---- lists: what a dump gives ---- */

/**
 * struct list - an array that a handler fills
 * @items: array
 * @n: how many
 * @size: of one
 * @read: fills one from a message; 0, or -errno
 * @join: adds a message to the last item where it goes on with that; 1 where it
 *	  did, 0 where it does not, or -errno; NULL where none ever goes on
 * @clear: frees what one owns, or NULL
 */
struct list {
	void *items;
	size_t n;
	size_t size;
	int (*read)(const struct nlmsghdr *nlh, void *item);
	int (*join)(const struct nlmsghdr *nlh, void *last);
	void (*clear)(void *item);
};

static void list_free(struct list *list)
{
	size_t i;

	for (i = 0; list->clear && i < list->n; i++)
		list->clear((uint8_t *)list->items + i * list->size);
	free(list->items);
	list->items = NULL;
	list->n = 0;
}

static int list_add(void *ctx, const struct nlmsghdr *nlh)
{
	struct list *list = ctx;
	void *more, *item;
	int ret;

	if (!nlh) {
		list_free(list);
		return 0;
	}
	if (list->join && list->n) {
		ret = list->join(nlh, (uint8_t *)list->items + (list->n - 1) * list->size);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	more = reallocarray(list->items, list->n + 1, list->size);
	if (!more)
		return -ENOMEM;
	list->items = more;
	item = (uint8_t *)more + list->n * list->size;
	memset(item, 0, list->size);
	ret = list->read(nlh, item);
	if (ret) {
		if (list->clear)
			list->clear(item);
		return ret;
	}
	list->n++;
	return 0;
}

static int list_request(struct request *r, struct list *list, void **items, size_t *n)
{
	int ret = finish(r, list_add, list);

	if (ret) {
		list_free(list);
		return ret;
	}
	*items = list->items;
	*n = list->n;
	return 0;
}

/* Exactly one answer, copied out. */
static int one_request(struct request *r, struct list *list, void *item)
{
	void *items;
	size_t n;
	int ret = list_request(r, list, &items, &n);

	if (ret)
		return ret;
	if (n != 1) {
		list_free(list);
		return -EPROTO;
	}
	memcpy(item, items, list->size);
	free(items);
	return 0;
}

/* ---- devices ---- */

static int read_dev(const struct nlmsghdr *nlh, void *item)
{
	struct nlattr *tb[CPNS_A_DEV_MAX + 1];
	struct cpns_dev *dev = item;
	int ret = parse(nlh, tb, CPNS_A_DEV_MAX);

	if (ret)
		return ret;
	if (!get_u32(tb[CPNS_A_DEV_IFINDEX], &dev->ifindex))
		return -EPROTO;
	if (tb[CPNS_A_DEV_IFNAME])
		snprintf(dev->ifname, sizeof(dev->ifname), "%.*s",
			 nla_len(tb[CPNS_A_DEV_IFNAME]),
			 (const char *)nla_data(tb[CPNS_A_DEV_IFNAME]));
	dev->has_eid = get_u64(tb[CPNS_A_DEV_EID], &dev->eid) && dev->eid;
	dev->has_prefix = get(tb[CPNS_A_DEV_OVERLAY_PREFIX], dev->overlay_prefix,
			      sizeof(dev->overlay_prefix));
	get_u16(tb[CPNS_A_DEV_LISTEN_PORT], &dev->listen_port);
	get_address(&dev->local4, tb[CPNS_A_DEV_LOCAL_ADDR4], NULL);
	get_address(&dev->local6, NULL, tb[CPNS_A_DEV_LOCAL_ADDR6]);
	get_u32(tb[CPNS_A_DEV_FWMARK], &dev->fwmark);
	get_u32(tb[CPNS_A_DEV_BIND_IFINDEX], &dev->bind_ifindex);
	dev->has_owner = get_u32(tb[CPNS_A_DEV_OWNER], &dev->owner);
	get_u32(tb[CPNS_A_DEV_PEERS], &dev->peers);
	get_stats(tb[CPNS_A_DEV_STATS], &dev->stats);
	get_interfaces(tb[CPNS_A_DEV_RELAY_PAN], &dev->relay_pan);
	get_u32(tb[CPNS_A_DEV_RELAYS], &dev->relays);
	return 0;
}

int cpns_dev_get(struct cpns_nl *nl, uint32_t ifindex, struct cpns_dev *dev)
{
	struct list list = { .size = sizeof(*dev), .read = read_dev };
	struct request r = begin(nl, CPNS_CMD_DEV_GET, false);

	put_u32(&r, CPNS_A_DEV_IFINDEX, ifindex);
	return one_request(&r, &list, dev);
}

int cpns_dev_list(struct cpns_nl *nl, struct cpns_dev **devs, size_t *n)
{
	struct list list = { .size = sizeof(**devs), .read = read_dev };
	struct request r = begin(nl, CPNS_CMD_DEV_GET, true);
	void *items;
	int ret = list_request(&r, &list, &items, n);

	if (!ret)
		*devs = items;
	return ret;
}

int cpns_dev_set(struct cpns_nl *nl, const struct cpns_dev *dev, unsigned int fields)
{
	struct request r = begin(nl, CPNS_CMD_DEV_SET, false);

	put_u32(&r, CPNS_A_DEV_IFINDEX, dev->ifindex);
	if (fields & CPNS_DEV_SET_EID)
		put_u64(&r, CPNS_A_DEV_EID, dev->eid);
	if (fields & CPNS_DEV_SET_PREFIX)
		put(&r, CPNS_A_DEV_OVERLAY_PREFIX, dev->overlay_prefix,
		    sizeof(dev->overlay_prefix));
	if (fields & CPNS_DEV_SET_PORT)
		put_u16(&r, CPNS_A_DEV_LISTEN_PORT, dev->listen_port);
	if (fields & CPNS_DEV_SET_LOCAL4)
		put(&r, CPNS_A_DEV_LOCAL_ADDR4, dev->local4.addr, 4);
	if (fields & CPNS_DEV_SET_LOCAL6)
		put(&r, CPNS_A_DEV_LOCAL_ADDR6, dev->local6.addr, 16);
	if (fields & CPNS_DEV_SET_FWMARK)
		put_u32(&r, CPNS_A_DEV_FWMARK, dev->fwmark);
	if (fields & CPNS_DEV_SET_BIND)
		put_u32(&r, CPNS_A_DEV_BIND_IFINDEX, dev->bind_ifindex);
	if (fields & CPNS_DEV_SET_RELAY_PAN)
		put_interfaces(&r, CPNS_A_DEV_RELAY_PAN, &dev->relay_pan);
	return finish(&r, NULL, NULL);
}

/* ---- peers ---- */

void cpns_peer_clear(struct cpns_peer *peer)
{
	free(peer->inner_src.prefix);
	free(peer->allowed_dst.prefix);
	peer->inner_src = (struct cpns_prefix_list){ 0 };
	peer->allowed_dst = (struct cpns_prefix_list){ 0 };
}

static void clear_peer(void *item)
{
	cpns_peer_clear(item);
}

void cpns_peer_list_free(struct cpns_peer *peers, size_t n)
{
	struct list list = {
		.items = peers, .n = n, .size = sizeof(*peers), .clear = clear_peer,
	};

	list_free(&list);
}

static int read_peer_prefixes(struct nlattr **tb, struct cpns_peer *peer)
{
	int ret = get_prefixes(tb[CPNS_A_PEER_INNER_SRC], &peer->inner_src);

	return ret ? ret : get_prefixes(tb[CPNS_A_PEER_ALLOWED_DST], &peer->allowed_dst);
}

/* Lists too long for one message of a dump go on in the next ones. */
static int join_peer(const struct nlmsghdr *nlh, void *last)
{
	struct nlattr *tb[CPNS_A_PEER_MAX + 1];
	struct cpns_peer *peer = last;
	uint32_t ifindex = 0;
	uint64_t eid = 0;
	int ret = parse(nlh, tb, CPNS_A_PEER_MAX);

	if (ret)
		return ret;
	get_u32(tb[CPNS_A_PEER_IFINDEX], &ifindex);
	get_u64(tb[CPNS_A_PEER_EID], &eid);
	if (ifindex != peer->ifindex || eid != peer->eid)
		return 0;
	ret = read_peer_prefixes(tb, peer);
	return ret ? ret : 1;
}

static int read_peer(const struct nlmsghdr *nlh, void *item)
{
	struct nlattr *tb[CPNS_A_PEER_MAX + 1];
	struct cpns_peer *peer = item;
	int ret = parse(nlh, tb, CPNS_A_PEER_MAX);

	if (ret)
		return ret;
	if (!get_u32(tb[CPNS_A_PEER_IFINDEX], &peer->ifindex) ||
	    !get_u64(tb[CPNS_A_PEER_EID], &peer->eid))
		return -EPROTO;
	get_path(tb[CPNS_A_PEER_ENDPOINT], &peer->path);
	get_u32(tb[CPNS_A_PEER_FLAGS], &peer->flags);
	get_u32(tb[CPNS_A_PEER_KEEPALIVE_INTERVAL], &peer->keepalive_interval);
	get_u32(tb[CPNS_A_PEER_PASSIVE_KEEPALIVE], &peer->passive_keepalive);
	get_u32(tb[CPNS_A_PEER_TIMEOUT], &peer->timeout);
	get_u32(tb[CPNS_A_PEER_WINDOW], &peer->window);
	get_u8(tb[CPNS_A_PEER_MIN_MODE], &peer->min_mode);
	get_u8(tb[CPNS_A_PEER_MAX_CLEAR], &peer->max_clear);
	peer->up = tb[CPNS_A_PEER_UP];
	peer->has_last_rx = get_u64(tb[CPNS_A_PEER_LAST_RX], &peer->last_rx);
	peer->has_last_tx = get_u64(tb[CPNS_A_PEER_LAST_TX], &peer->last_tx);
	get_u32(tb[CPNS_A_PEER_QUEUED], &peer->queued);
	get_u32(tb[CPNS_A_PEER_MTU], &peer->mtu);
	get_stats(tb[CPNS_A_PEER_STATS], &peer->stats);
	get_u64(tb[CPNS_A_PEER_RELAY_TO], &peer->relay_to);
	get_u32(tb[CPNS_A_PEER_PAN_IFINDEX], &peer->pan_ifindex);
	get_path(tb[CPNS_A_PEER_PAN_ADDR], &peer->pan);
	return read_peer_prefixes(tb, peer);
}

static const struct list peer_list = {
	.size = sizeof(struct cpns_peer), .read = read_peer, .join = join_peer,
	.clear = clear_peer,
};

int cpns_peer_get(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, struct cpns_peer *peer)
{
	struct request r = begin(nl, CPNS_CMD_PEER_GET, false);
	struct list list = peer_list;

	put_u32(&r, CPNS_A_PEER_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_PEER_EID, eid);
	return one_request(&r, &list, peer);
}

int cpns_peer_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_peer **peers, size_t *n)
{
	struct request r = begin(nl, CPNS_CMD_PEER_GET, true);
	struct list list = peer_list;
	void *items;
	int ret;

	put_u32(&r, CPNS_A_PEER_IFINDEX, ifindex);
	ret = list_request(&r, &list, &items, n);
	if (!ret)
		*peers = items;
	return ret;
}

static int peer_configure(struct cpns_nl *nl, uint8_t cmd, const struct cpns_peer *peer,
			  unsigned int fields)
{
	static const struct {
		unsigned int field;
		int attr;
		bool dst;
	} lists[] = {
		{ CPNS_PEER_SET_INNER_SRC, CPNS_A_PEER_INNER_SRC, false },
		{ CPNS_PEER_ADD_INNER_SRC, CPNS_A_PEER_INNER_SRC_ADD, false },
		{ CPNS_PEER_DEL_INNER_SRC, CPNS_A_PEER_INNER_SRC_DEL, false },
		{ CPNS_PEER_SET_ALLOWED_DST, CPNS_A_PEER_ALLOWED_DST, true },
		{ CPNS_PEER_ADD_ALLOWED_DST, CPNS_A_PEER_ALLOWED_DST_ADD, true },
		{ CPNS_PEER_DEL_ALLOWED_DST, CPNS_A_PEER_ALLOWED_DST_DEL, true },
	};
	struct request r = begin(nl, cmd, false);
	size_t i;

	put_u32(&r, CPNS_A_PEER_IFINDEX, peer->ifindex);
	put_u64(&r, CPNS_A_PEER_EID, peer->eid);
	if (fields & CPNS_PEER_SET_ENDPOINT)
		put_path(&r, CPNS_A_PEER_ENDPOINT, &peer->path);
	if (fields & CPNS_PEER_SET_FLAGS)
		put_u32(&r, CPNS_A_PEER_FLAGS, peer->flags);
	if (fields & CPNS_PEER_SET_KEEPALIVE)
		put_u32(&r, CPNS_A_PEER_KEEPALIVE_INTERVAL, peer->keepalive_interval);
	if (fields & CPNS_PEER_SET_PASSIVE)
		put_u32(&r, CPNS_A_PEER_PASSIVE_KEEPALIVE, peer->passive_keepalive);
	if (fields & CPNS_PEER_SET_TIMEOUT)
		put_u32(&r, CPNS_A_PEER_TIMEOUT, peer->timeout);
	if (fields & CPNS_PEER_SET_WINDOW)
		put_u32(&r, CPNS_A_PEER_WINDOW, peer->window);
	if (fields & CPNS_PEER_SET_MIN_MODE)
		put_u8(&r, CPNS_A_PEER_MIN_MODE, peer->min_mode);
	if (fields & CPNS_PEER_SET_MAX_CLEAR)
		put_u8(&r, CPNS_A_PEER_MAX_CLEAR, peer->max_clear);
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		if (fields & lists[i].field)
			put_prefixes(&r, lists[i].attr,
				     lists[i].dst ? &peer->allowed_dst : &peer->inner_src);
	if (fields & CPNS_PEER_SET_RELAY_TO)
		put_u64(&r, CPNS_A_PEER_RELAY_TO, peer->relay_to);
	if (fields & CPNS_PEER_SET_PAN) {
		put_u32(&r, CPNS_A_PEER_PAN_IFINDEX, peer->pan_ifindex);
		if (peer->pan_ifindex)
			put_path(&r, CPNS_A_PEER_PAN_ADDR, &peer->pan);
	}
	return finish(&r, NULL, NULL);
}

int cpns_peer_new(struct cpns_nl *nl, const struct cpns_peer *peer, unsigned int fields)
{
	return peer_configure(nl, CPNS_CMD_PEER_NEW, peer, fields);
}

int cpns_peer_set(struct cpns_nl *nl, const struct cpns_peer *peer, unsigned int fields)
{
	return peer_configure(nl, CPNS_CMD_PEER_SET, peer, fields);
}

int cpns_peer_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid)
{
	struct request r = begin(nl, CPNS_CMD_PEER_DEL, false);

	put_u32(&r, CPNS_A_PEER_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_PEER_EID, eid);
	return finish(&r, NULL, NULL);
}

int cpns_peer_keepalive(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid)
{
	struct request r = begin(nl, CPNS_CMD_PEER_KEEPALIVE, false);

	put_u32(&r, CPNS_A_PEER_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_PEER_EID, eid);
	if (sid)
		put_u32(&r, CPNS_A_PEER_SID, sid);
	return finish(&r, NULL, NULL);
}

/* ---- keys ---- */

static int read_key(const struct nlmsghdr *nlh, void *item)
{
	struct nlattr *tb[CPNS_A_KEY_MAX + 1];
	struct cpns_key *key = item;
	int ret = parse(nlh, tb, CPNS_A_KEY_MAX);

	if (ret)
		return ret;
	if (!get_u64(tb[CPNS_A_KEY_EID], &key->eid) ||
	    !get_u32(tb[CPNS_A_KEY_LOCAL_SID], &key->sid_local) ||
	    !get_u32(tb[CPNS_A_KEY_REMOTE_SID], &key->sid_remote) ||
	    !get_u8(tb[CPNS_A_KEY_SLOT], &key->slot))
		return -EPROTO;
	get_u32(tb[CPNS_A_KEY_IFINDEX], &key->ifindex);
	get_u16(tb[CPNS_A_KEY_SUITE], &key->suite);
	key->initiator = tb[CPNS_A_KEY_INITIATOR];
	get(tb[CPNS_A_KEY_KEY_ID], key->key_id, sizeof(key->key_id));
	get_u64(tb[CPNS_A_KEY_SOFT_PACKETS], &key->soft_packets);
	get_u64(tb[CPNS_A_KEY_HARD_PACKETS], &key->hard_packets);
	get_u64(tb[CPNS_A_KEY_SOFT_FAILED], &key->soft_failed);
	get_u64(tb[CPNS_A_KEY_HARD_FAILED], &key->hard_failed);
	get_u64(tb[CPNS_A_KEY_SOFT_TIME], &key->soft_ms);
	get_u64(tb[CPNS_A_KEY_HARD_TIME], &key->hard_ms);
	get_u64(tb[CPNS_A_KEY_AGE], &key->age_ms);
	get_u64(tb[CPNS_A_KEY_TX_PACKETS], &key->tx_packets);
	key->has_rx = get_u64(tb[CPNS_A_KEY_RX_HIGHEST], &key->rx_highest);
	get_u64(tb[CPNS_A_KEY_FAILED], &key->failed);
	key->confirmed = tb[CPNS_A_KEY_CONFIRMED];
	key->soft = tb[CPNS_A_KEY_SOFT];
	return 0;
}

int cpns_key_list(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, struct cpns_key **keys,
		  size_t *n)
{
	struct list list = { .size = sizeof(**keys), .read = read_key };
	struct request r = begin(nl, CPNS_CMD_KEY_GET, true);
	void *items;
	int ret;

	put_u32(&r, CPNS_A_KEY_IFINDEX, ifindex);
	if (eid)
		put_u64(&r, CPNS_A_KEY_EID, eid);
	ret = list_request(&r, &list, &items, n);
	if (!ret)
		*keys = items;
	return ret;
}

int cpns_key_new(struct cpns_nl *nl, uint32_t ifindex, const struct cpns_hs_key *key)
{
	struct request r = begin(nl, CPNS_CMD_KEY_NEW, false);

	put_u32(&r, CPNS_A_KEY_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_KEY_EID, key->eid);
	put_u8(&r, CPNS_A_KEY_SLOT, (uint8_t)key->slot);
	put_u32(&r, CPNS_A_KEY_LOCAL_SID, key->sid_local);
	put_u32(&r, CPNS_A_KEY_REMOTE_SID, key->sid_remote);
	put_u16(&r, CPNS_A_KEY_SUITE, key->suite);
	if (key->initiator)
		put(&r, CPNS_A_KEY_INITIATOR, NULL, 0);
	if (key->demote_next)
		put(&r, CPNS_A_KEY_DEMOTE_NEXT, NULL, 0);
	put(&r, CPNS_A_KEY_KEY_ID, key->key_id, CPNS_KEY_ID_LEN);
	put(&r, CPNS_A_KEY_TX_KEY, key->tx->key, sizeof(key->tx->key));
	put(&r, CPNS_A_KEY_TX_IV, key->tx->iv, sizeof(key->tx->iv));
	put(&r, CPNS_A_KEY_RX_KEY, key->rx->key, sizeof(key->rx->key));
	put(&r, CPNS_A_KEY_RX_IV, key->rx->iv, sizeof(key->rx->iv));
	if (cpns_suite_has_mac_key(key->suite)) {
		put(&r, CPNS_A_KEY_TX_MAC_KEY, key->tx->mac_key, sizeof(key->tx->mac_key));
		put(&r, CPNS_A_KEY_RX_MAC_KEY, key->rx->mac_key, sizeof(key->rx->mac_key));
	}
	put_u64(&r, CPNS_A_KEY_SOFT_PACKETS, key->soft_packets);
	put_u64(&r, CPNS_A_KEY_HARD_PACKETS, key->hard_packets);
	put_u64(&r, CPNS_A_KEY_SOFT_FAILED, key->soft_failed);
	put_u64(&r, CPNS_A_KEY_HARD_FAILED, key->hard_failed);
	put_u64(&r, CPNS_A_KEY_SOFT_TIME, key->soft_ms);
	put_u64(&r, CPNS_A_KEY_HARD_TIME, key->hard_ms);
	return finish(&r, NULL, NULL);
}

int cpns_key_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid_local)
{
	struct request r = begin(nl, CPNS_CMD_KEY_DEL, false);

	put_u32(&r, CPNS_A_KEY_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_KEY_EID, eid);
	if (sid_local)
		put_u32(&r, CPNS_A_KEY_LOCAL_SID, sid_local);
	return finish(&r, NULL, NULL);
}

/* ---- classes ---- */

static int read_class(const struct nlmsghdr *nlh, void *item)
{
	struct nlattr *tb[CPNS_A_CLASS_MAX + 1];
	struct cpns_class *class = item;
	int ret = parse(nlh, tb, CPNS_A_CLASS_MAX);

	if (ret)
		return ret;
	if (!get_u32(tb[CPNS_A_CLASS_PRIO], &class->prio))
		return -EPROTO;
	get_u32(tb[CPNS_A_CLASS_IFINDEX], &class->ifindex);
	get_u32(tb[CPNS_A_CLASS_MARK], &class->mark);
	get_u32(tb[CPNS_A_CLASS_MASK], &class->mask);
	get_u8(tb[CPNS_A_CLASS_MODE], &class->mode);
	get_u8(tb[CPNS_A_CLASS_CLEAR], &class->clear);
	return 0;
}

int cpns_class_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_class **classes,
		    size_t *n)
{
	struct list list = { .size = sizeof(**classes), .read = read_class };
	struct request r = begin(nl, CPNS_CMD_CLASS_GET, true);
	void *items;
	int ret;

	put_u32(&r, CPNS_A_CLASS_IFINDEX, ifindex);
	ret = list_request(&r, &list, &items, n);
	if (!ret)
		*classes = items;
	return ret;
}

int cpns_class_new(struct cpns_nl *nl, const struct cpns_class *class)
{
	struct request r = begin(nl, CPNS_CMD_CLASS_NEW, false);

	put_u32(&r, CPNS_A_CLASS_IFINDEX, class->ifindex);
	put_u32(&r, CPNS_A_CLASS_PRIO, class->prio);
	put_u32(&r, CPNS_A_CLASS_MARK, class->mark);
	put_u32(&r, CPNS_A_CLASS_MASK, class->mask);
	put_u8(&r, CPNS_A_CLASS_MODE, class->mode);
	if (class->mode == CPNS_MODE_ENCRYPT)
		put_u8(&r, CPNS_A_CLASS_CLEAR, class->clear);
	return finish(&r, NULL, NULL);
}

int cpns_class_del(struct cpns_nl *nl, uint32_t ifindex, uint32_t prio)
{
	struct request r = begin(nl, CPNS_CMD_CLASS_DEL, false);

	put_u32(&r, CPNS_A_CLASS_IFINDEX, ifindex);
	put_u32(&r, CPNS_A_CLASS_PRIO, prio);
	return finish(&r, NULL, NULL);
}

int cpns_class_del_all(struct cpns_nl *nl, uint32_t ifindex)
{
	struct request r = begin(nl, CPNS_CMD_CLASS_DEL, false);

	put_u32(&r, CPNS_A_CLASS_IFINDEX, ifindex);
	return finish(&r, NULL, NULL);
}

/* ---- provisional relay entries ---- */

static int read_relay(const struct nlmsghdr *nlh, void *item)
{
	struct nlattr *tb[CPNS_A_RELAY_MAX + 1];
	struct cpns_relay *relay = item;
	int ret = parse(nlh, tb, CPNS_A_RELAY_MAX);

	if (ret)
		return ret;
	if (!get_u64(tb[CPNS_A_RELAY_EID], &relay->eid) ||
	    !get_u32(tb[CPNS_A_RELAY_SID], &relay->sid) ||
	    !get_u64(tb[CPNS_A_RELAY_SERVER_EID], &relay->server_eid))
		return -EPROTO;
	get_u32(tb[CPNS_A_RELAY_IFINDEX], &relay->ifindex);
	get_path(tb[CPNS_A_RELAY_ENDPOINT], &relay->path);
	get_u64(tb[CPNS_A_RELAY_AGE], &relay->age_ms);
	get_u64(tb[CPNS_A_RELAY_REMAINING], &relay->remaining_ms);
	get_u64(tb[CPNS_A_RELAY_UP_PACKETS], &relay->up_packets);
	get_u64(tb[CPNS_A_RELAY_UP_BYTES], &relay->up_bytes);
	get_u64(tb[CPNS_A_RELAY_DOWN_PACKETS], &relay->down_packets);
	get_u64(tb[CPNS_A_RELAY_DOWN_BYTES], &relay->down_bytes);
	get_u64(tb[CPNS_A_RELAY_DROPPED], &relay->dropped);
	return 0;
}

int cpns_relay_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_relay **relays, size_t *n)
{
	struct list list = { .size = sizeof(**relays), .read = read_relay };
	struct request r = begin(nl, CPNS_CMD_RELAY_GET, true);
	void *items;
	int ret;

	put_u32(&r, CPNS_A_RELAY_IFINDEX, ifindex);
	ret = list_request(&r, &list, &items, n);
	if (!ret)
		*relays = items;
	return ret;
}

int cpns_relay_new(struct cpns_nl *nl, const struct cpns_relay *relay)
{
	struct request r = begin(nl, CPNS_CMD_RELAY_NEW, false);

	put_u32(&r, CPNS_A_RELAY_IFINDEX, relay->ifindex);
	put_u64(&r, CPNS_A_RELAY_EID, relay->eid);
	put_u32(&r, CPNS_A_RELAY_SID, relay->sid);
	put_u64(&r, CPNS_A_RELAY_SERVER_EID, relay->server_eid);
	put_path(&r, CPNS_A_RELAY_ENDPOINT, &relay->path);
	return finish(&r, NULL, NULL);
}

int cpns_relay_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid)
{
	struct request r = begin(nl, CPNS_CMD_RELAY_DEL, false);

	put_u32(&r, CPNS_A_RELAY_IFINDEX, ifindex);
	put_u64(&r, CPNS_A_RELAY_EID, eid);
	if (sid)
		put_u32(&r, CPNS_A_RELAY_SID, sid);
	return finish(&r, NULL, NULL);
}

/* ---- messages and events ---- */

int cpns_msg_bind(struct cpns_nl *nl, uint32_t ifindex)
{
	struct request r = begin(nl, CPNS_CMD_MSG_BIND, false);

	put_u32(&r, CPNS_A_MSG_IFINDEX, ifindex);
	return finish(&r, NULL, NULL);
}

int cpns_msg_send(struct cpns_nl *nl, uint32_t ifindex, const struct cpns_path *path,
		  const void *datagram, size_t len)
{
	struct request r = begin(nl, CPNS_CMD_MSG_SEND, false);

	put_u32(&r, CPNS_A_MSG_IFINDEX, ifindex);
	put_path(&r, CPNS_A_MSG_ENDPOINT, path);
	put(&r, CPNS_A_MSG_DATAGRAM, datagram, len);
	if (r.failed) {
		cpns_nl_discard(r.msg);
		return -EMSGSIZE;
	}
	return cpns_nl_send(nl, r.msg);
}

static int read_message(const struct nlmsghdr *nlh, struct cpns_event *event)
{
	struct nlattr *tb[CPNS_A_MSG_MAX + 1];
	int ret = parse(nlh, tb, CPNS_A_MSG_MAX);

	if (ret)
		return ret;
	if (!get_u32(tb[CPNS_A_MSG_IFINDEX], &event->ifindex) || !tb[CPNS_A_MSG_DATAGRAM])
		return -EPROTO;
	get_path(tb[CPNS_A_MSG_ENDPOINT], &event->path);
	event->datagram.data = nla_data(tb[CPNS_A_MSG_DATAGRAM]);
	event->datagram.len = (size_t)nla_len(tb[CPNS_A_MSG_DATAGRAM]);
	return 0;
}

int cpns_event_parse(const struct nlmsghdr *nlh, struct cpns_event *event)
{
	struct nlattr *tb[CPNS_A_EVENT_MAX + 1];
	struct genlmsghdr genl;
	int ret;

	memset(event, 0, sizeof(*event));
	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EPROTO;
	memcpy(&genl, NLMSG_DATA(nlh), sizeof(genl));
	event->cmd = genl.cmd;
	if (!cpns_event_name(genl.cmd))
		return -EPROTO;
	if (genl.cmd == CPNS_CMD_MSG_NTF)
		return read_message(nlh, event);
	ret = parse(nlh, tb, CPNS_A_EVENT_MAX);
	if (ret)
		return ret;
	if (!get_u32(tb[CPNS_A_EVENT_IFINDEX], &event->ifindex))
		return -EPROTO;
	get_u64(tb[CPNS_A_EVENT_EID], &event->eid);
	get_u32(tb[CPNS_A_EVENT_SID], &event->sid);
	event->has_cause = get_u8(tb[CPNS_A_EVENT_CAUSE], &event->cause);
	get_path(tb[CPNS_A_EVENT_ENDPOINT], &event->path);
	return 0;
}
