/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The net device: one entity, its peers and its sockets.
 */
#ifndef _CPNS_DEVICE_H
#define _CPNS_DEVICE_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/rhashtable-types.h>
#include <net/gro_cells.h>

#include "prefix.h"
#include "relay.h"
#include "stats.h"

#define CPNS_LINK_KIND		"cpns"
#define CPNS_MODULE_VERSION	"0.1.0"

struct cpns_class_table;
struct cpns_owner;
struct cpns_peer;
struct cpns_socket;

/**
 * struct cpns_listen - where a device receives, and how it sends
 * @port: UDP port in host order, 0 for any
 * @addr4: IPv4 address to listen on, 0 for all
 * @addr6: IPv6 address to listen on, 0 for all
 * @fwmark: mark of the outer datagrams
 * @bind_ifindex: interface or VRF of the outer datagrams, 0 for none
 */
struct cpns_listen {
	u16 port;
	struct in_addr addr4;
	struct in6_addr addr6;
	u32 fwmark;
	int bind_ifindex;
};

/**
 * struct cpns_device - private data of the net device
 * @dev: the net device
 * @net: namespace of the outer datagrams, where the device was made; no
 *	 reference is held: NULL once that namespace goes. Under RTNL.
 * @eid: own EID, 0 while it is not set. Written under @lock while there are no
 *	 peers and the device is not sending.
 * @overlay: first 64 bits of overlay addresses
 * @has_overlay: @overlay is set
 * @listen: configuration of the sockets, under RTNL
 * @sock4: IPv4 socket, or NULL
 * @sock6: IPv6 socket, or NULL
 * @peers: by EID
 * @sids: sessions by local sid
 * @prefixes: inner prefixes of the peers
 * @classes: classes, or NULL
 * @multicast: the peer that multicast goes to, or NULL
 * @relay: what it needs to relay
 * @owner: daemon that gets what is not DATA, or NULL
 * @gro: cells that merge received packets
 * @stats: counters
 * @unknown_sid_limit: of that event
 * @lock: covers the configuration: peers, keys, classes
 * @peer_list: peers by ascending id, under @lock
 * @peer_count: their number, under @lock
 * @next_peer_id: id of the next peer, under @lock
 * @generation: counts changes of the configuration, for dumps; under @lock
 * @used_keys: fingerprints of the keys that were installed, under @lock
 * @used_count: their number
 * @used_size: room of @used_keys
 * @used_secret: key of the fingerprints
 * @dying: the device goes, under @lock
 * @id: number of the device, ascending, never used again
 * @list: in the list of all devices
 */
struct cpns_device {
	struct net_device *dev;
	struct net *net;
	u64 eid;
	__be64 overlay;
	bool has_overlay;
	struct cpns_listen listen;
	struct cpns_socket __rcu *sock4;
	struct cpns_socket __rcu *sock6;
	struct rhashtable peers;
	struct rhashtable sids;
	struct cpns_prefix_table prefixes;
	struct cpns_class_table __rcu *classes;
	struct cpns_peer __rcu *multicast;
	struct cpns_relay_table relay;
	struct cpns_owner __rcu *owner;
	struct gro_cells gro;
	struct cpns_stats_all __percpu *stats;
	struct ratelimit_state unknown_sid_limit;
	struct mutex lock;	/* of the configuration */
	struct list_head peer_list;
	u32 peer_count;
	u64 next_peer_id;
	u32 generation;
	u64 *used_keys;
	u32 used_count;
	u32 used_size;
	u64 used_secret[2];
	bool dying;
	u64 id;
	struct list_head list;
};

/**
 * cpns_device_is() - is it a device of this kind?
 * @dev: any net device
 */
bool cpns_device_is(const struct net_device *dev);

/**
 * cpns_device_next() - walk over the devices of a namespace
 * @net: namespace where the devices are now
 * @id: of the last one, 0 to begin
 *
 * Return: the next device with a reference on its net device (dev_put()), or
 * NULL.
 */
struct cpns_device *cpns_device_next(struct net *net, u64 id);

/**
 * cpns_device_kill_keys() - end all sessions of all devices
 * @cause: enum cpns_cause
 *
 * Context: process.
 */
void cpns_device_kill_keys(int cause);

/**
 * cpns_device_init() - register the link kind
 *
 * Return: 0 or an error.
 */
int cpns_device_init(void);

/**
 * cpns_device_exit() - the reverse; deletes all devices
 */
void cpns_device_exit(void);

#endif /* _CPNS_DEVICE_H */
