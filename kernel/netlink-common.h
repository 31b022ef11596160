/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the requests of the netlink family share; each kind of object has a file
 * of its own.
 *
 * A request goes through two steps, whatever it asks for: all that may refuse
 * it comes first, then it is carried out. A refused request changes nothing.
 */
#ifndef _CPNS_NETLINK_COMMON_H
#define _CPNS_NETLINK_COMMON_H

#include <linux/netlink.h>
#include <net/genetlink.h>
#include <uapi/linux/cpns.h>

#include "stats.h"

struct cpns_device;
struct cpns_endpoint;
struct cpns_peer;
struct cpns_prefix_list;

enum cpns_nl_common {
	/* In all attribute sets of requests. */
	CPNS_NL_ATTR_IFINDEX = CPNS_A_DEV_IFINDEX,
	/* In those of peers, keys and relay entries. */
	CPNS_NL_ATTR_EID = CPNS_A_PEER_EID,

	/* Room for an answer, less what grows. */
	CPNS_NL_REPLY_SIZE = 2048,
};

/* Says why a request is refused, and the attribute to blame, or NULL. */
#define refuse(extack, attr, err, msg) ({		\
	NL_SET_ERR_MSG_ATTR(extack, attr, msg);		\
	(err);						\
})

/**
 * struct cpns_nl_cursor - where a dump goes on
 * @dev: id of the last device that is done
 * @item: id of the last peer, or prio plus one of the last class, that is done
 * @partial: id of the peer whose lists did not fit, or 0
 * @src: the inner-src that comes next of it
 * @dst: the allowed-dst that comes next of it
 * @done: nothing is left
 */
struct cpns_nl_cursor {
	u64 dev;
	u64 item;
	u64 partial;
	unsigned int src;
	unsigned int dst;
	bool done;
};

/**
 * typedef cpns_nl_dump_t - fills a message of a dump from one device
 * @skb: message
 * @cb: dump
 * @cdev: device, its lock held
 * @cursor: where to go on
 *
 * Return: 0 where all of the device is told, -EMSGSIZE where the message is
 * full, another error.
 */
typedef int (*cpns_nl_dump_t)(struct sk_buff *skb, struct netlink_callback *cb,
			      struct cpns_device *cdev, struct cpns_nl_cursor *cursor);

/**
 * cpns_nl_lock_device() - the device of a request, locked
 * @info: request
 * @rtnl: take RTNL too
 *
 * Return: the device with a reference, or an ERR_PTR().
 */
struct cpns_device *cpns_nl_lock_device(struct genl_info *info, bool rtnl);

/**
 * cpns_nl_unlock_device() - the reverse
 * @cdev: device
 * @rtnl: as it was locked
 */
void cpns_nl_unlock_device(struct cpns_device *cdev, bool rtnl);

/**
 * cpns_nl_request_peer() - the peer of a request
 * @info: request
 * @cdev: device, its lock held
 *
 * Return: the peer or an ERR_PTR().
 */
struct cpns_peer *cpns_nl_request_peer(struct genl_info *info, struct cpns_device *cdev);

/**
 * cpns_nl_check_transport() - may the requester change what is outside?
 * @skb: request
 * @info: request
 * @cdev: device; RTNL is held
 *
 * Return: 0, -EPERM, -ENOTCONN where the namespace outside is gone.
 */
int cpns_nl_check_transport(struct sk_buff *skb, struct genl_info *info,
			    struct cpns_device *cdev);

/**
 * cpns_nl_reply_new() - begin an answer
 * @info: request
 * @size: room for its attributes
 * @hdr: result, for genlmsg_end()
 *
 * Return: the message or NULL.
 */
struct sk_buff *cpns_nl_reply_new(struct genl_info *info, size_t size, void **hdr);

/**
 * cpns_nl_dump_put() - begin an item of a dump
 * @skb: message
 * @cb: dump
 *
 * Return: the header for genlmsg_end(), or NULL where there is no room.
 */
void *cpns_nl_dump_put(struct sk_buff *skb, struct netlink_callback *cb);

/**
 * cpns_nl_dump() - fill one message of a dump of one device, or of all
 * @skb: message
 * @cb: dump
 * @fn: does so for one device
 *
 * Return: as a dumpit.
 */
int cpns_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, cpns_nl_dump_t fn);

/**
 * cpns_nl_dump_skips() - is a peer not wanted, or told already?
 * @cb: dump; an EID in its request names the one peer that is wanted
 * @peer: peer
 * @cursor: where to go on
 */
bool cpns_nl_dump_skips(struct netlink_callback *cb, const struct cpns_peer *peer,
			const struct cpns_nl_cursor *cursor);

/**
 * cpns_nl_put_stats() - add counters to a message
 * @skb: message
 * @attr: attribute of the nest
 * @sum: counters
 *
 * Return: 0 or -EMSGSIZE.
 */
int cpns_nl_put_stats(struct sk_buff *skb, int attr, const u64 sum[CPNS_STAT_LAST + 1]);

/**
 * cpns_nl_is_host4() - may an address be that of one host?
 * @addr: address
 */
bool cpns_nl_is_host4(__be32 addr);

/**
 * cpns_nl_is_host6() - the same for IPv6
 * @addr: address
 */
bool cpns_nl_is_host6(const struct in6_addr *addr);

/**
 * cpns_nl_parse_endpoint() - read an endpoint of a request
 * @nest: attribute
 * @ep: result
 * @extack: says what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int cpns_nl_parse_endpoint(const struct nlattr *nest, struct cpns_endpoint *ep,
			   struct netlink_ext_ack *extack);

/**
 * cpns_nl_put_prefixes() - add as many prefixes as fit
 * @skb: message
 * @attr: attribute of the nest
 * @list: prefixes, or NULL
 * @pos: the first, and then the first that is left
 *
 * Return: 0, or -EMSGSIZE where some are left.
 */
int cpns_nl_put_prefixes(struct sk_buff *skb, int attr, const struct cpns_prefix_list *list,
			 unsigned int *pos);

/**
 * cpns_nl_request_list() - the list of prefixes that a request asks for
 * @info: request
 * @base: attribute of a whole list; then come what is added and what is deleted
 * @old: the list as it is, or NULL
 *
 * Return: a list from kmalloc(), NULL where no change is asked for, or an
 * ERR_PTR().
 */
struct cpns_prefix_list *cpns_nl_request_list(struct genl_info *info, int base,
					      const struct cpns_prefix_list *old);

#endif /* _CPNS_NETLINK_COMMON_H */
