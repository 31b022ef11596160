/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Typed requests of the "cpns" generic netlink family, and its events.
 *
 * Each function returns 0 or the kernel's -errno; cpns_nl_error() then has the
 * kernel's own words, and cpns_genl_error_text() makes one sentence of them.
 * Times are in milliseconds. Keys are erased from every buffer they pass.
 */
#ifndef _CPNS_GENL_H
#define _CPNS_GENL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/cpns.h>

#include "handshake.h"
#include "netlink.h"
#include "text.h"

/** cpns_genl_open() - a socket for requests; loads the module where needed */
int cpns_genl_open(struct cpns_nl **nl);

/** cpns_genl_open_events() - a socket that hears the events; never blocks */
int cpns_genl_open_events(struct cpns_nl **nl);

/** cpns_genl_open_messages() - a socket for datagrams that are not DATA; never blocks */
int cpns_genl_open_messages(struct cpns_nl **nl);

/**
 * cpns_genl_error_text() - one sentence about a refused request
 * @nl: socket
 * @code: what the function returned
 * @text: output
 * @size: room
 */
void cpns_genl_error_text(const struct cpns_nl *nl, int code, char *text, size_t size);

/**
 * struct cpns_stats - counters of a device or peer
 * @value: by attribute, CPNS_A_STATS_*
 */
struct cpns_stats {
	uint64_t value[CPNS_A_STATS_MAX + 1];
};

/** cpns_stats_name() - "rx_packets", ... of an attribute, NULL for others */
const char *cpns_stats_name(unsigned int attr);

/**
 * struct cpns_interfaces - a few interfaces
 * @n: how many
 * @ifindex: their indices
 */
struct cpns_interfaces {
	size_t n;
	uint32_t ifindex[CPNS_RELAY_PAN_MAX];
};

/**
 * struct cpns_dev - a device
 * @ifindex: index
 * @ifname: name
 * @has_eid: has it an EID
 * @eid: own EID
 * @has_prefix: is @overlay_prefix there
 * @overlay_prefix: of its domain
 * @listen_port: UDP port
 * @local4: IPv4 address to listen on, family 0 = none told
 * @local6: IPv6 address to listen on, family 0 = none told
 * @fwmark: mark of outer datagrams
 * @bind_ifindex: interface of outer datagrams
 * @has_owner: is a daemon there
 * @owner: its netlink port
 * @peers: number of peers
 * @stats: counters
 * @relay_pan: interfaces where a stranger may ask for a way to a Server
 * @relays: number of provisional relay entries
 */
struct cpns_dev {
	uint32_t ifindex;
	char ifname[IF_NAMESIZE];
	bool has_eid;
	uint64_t eid;
	bool has_prefix;
	uint8_t overlay_prefix[CPNS_OVERLAY_PREFIX_LEN];
	uint16_t listen_port;
	struct cpns_endpoint local4;
	struct cpns_endpoint local6;
	uint32_t fwmark;
	uint32_t bind_ifindex;
	bool has_owner;
	uint32_t owner;
	uint32_t peers;
	struct cpns_stats stats;
	struct cpns_interfaces relay_pan;
	uint32_t relays;
};

/** enum cpns_dev_set_fields - what cpns_dev_set() is to change */
enum cpns_dev_set_fields {
	CPNS_DEV_SET_EID = 1 << 0,
	CPNS_DEV_SET_PREFIX = 1 << 1,
	CPNS_DEV_SET_PORT = 1 << 2,
	CPNS_DEV_SET_LOCAL4 = 1 << 3,
	CPNS_DEV_SET_LOCAL6 = 1 << 4,
	CPNS_DEV_SET_FWMARK = 1 << 5,
	CPNS_DEV_SET_BIND = 1 << 6,
	CPNS_DEV_SET_RELAY_PAN = 1 << 7,	/* replaces the list */
};

/** cpns_dev_get() - one device by its index */
int cpns_dev_get(struct cpns_nl *nl, uint32_t ifindex, struct cpns_dev *dev);

/**
 * cpns_dev_list() - all devices of the namespace
 * @nl: socket
 * @devs: array, freed by the caller with free()
 * @n: how many
 */
int cpns_dev_list(struct cpns_nl *nl, struct cpns_dev **devs, size_t *n);

/**
 * cpns_dev_set() - configure a device
 * @nl: socket
 * @dev: @ifindex and the fields named
 * @fields: enum cpns_dev_set_fields
 */
int cpns_dev_set(struct cpns_nl *nl, const struct cpns_dev *dev, unsigned int fields);

/**
 * struct cpns_prefix_list - prefixes
 * @n: how many
 * @prefix: array
 */
struct cpns_prefix_list {
	size_t n;
	struct cpns_prefix *prefix;
};

/**
 * struct cpns_peer - a peer
 * @ifindex: device
 * @eid: EID
 * @path: endpoint, local address and interface; remote.family 0 = none
 * @flags: enum cpns_peer_flags
 * @keepalive_interval: ms, 0 = never
 * @passive_keepalive: ms
 * @timeout: ms
 * @window: sequence numbers
 * @min_mode: enum cpns_mode
 * @max_clear: units of 4 bytes
 * @inner_src: what it may send from, beside its own addresses
 * @allowed_dst: where its packets may go beyond this host
 * @up: a session is confirmed
 * @has_last_rx: was anything received
 * @last_rx: ms ago
 * @has_last_tx: was anything sent
 * @last_tx: ms ago
 * @queued: packets that wait
 * @mtu: largest inner packet, 0 = not known
 * @stats: counters
 * @relay_to: peer that its datagrams are relayed to and from, 0 = none
 * @pan_ifindex: interface of a PAN that is secure itself, 0 = none
 * @pan: its address and port there
 */
struct cpns_peer {
	uint32_t ifindex;
	uint64_t eid;
	struct cpns_path path;
	uint32_t flags;
	uint32_t keepalive_interval;
	uint32_t passive_keepalive;
	uint32_t timeout;
	uint32_t window;
	uint8_t min_mode;
	uint8_t max_clear;
	struct cpns_prefix_list inner_src;
	struct cpns_prefix_list allowed_dst;
	bool up;
	bool has_last_rx;
	uint64_t last_rx;
	bool has_last_tx;
	uint64_t last_tx;
	uint32_t queued;
	uint32_t mtu;
	struct cpns_stats stats;
	uint64_t relay_to;
	uint32_t pan_ifindex;
	struct cpns_path pan;
};

/** enum cpns_peer_set_fields - what cpns_peer_new() and _set() are to tell */
enum cpns_peer_set_fields {
	CPNS_PEER_SET_ENDPOINT = 1 << 0,
	CPNS_PEER_SET_FLAGS = 1 << 1,
	CPNS_PEER_SET_KEEPALIVE = 1 << 2,
	CPNS_PEER_SET_PASSIVE = 1 << 3,
	CPNS_PEER_SET_TIMEOUT = 1 << 4,
	CPNS_PEER_SET_WINDOW = 1 << 5,
	CPNS_PEER_SET_MIN_MODE = 1 << 6,
	CPNS_PEER_SET_MAX_CLEAR = 1 << 7,
	CPNS_PEER_SET_INNER_SRC = 1 << 8,	/* replaces the list */
	CPNS_PEER_SET_ALLOWED_DST = 1 << 9,	/* replaces the list */
	CPNS_PEER_ADD_INNER_SRC = 1 << 10,
	CPNS_PEER_DEL_INNER_SRC = 1 << 11,
	CPNS_PEER_ADD_ALLOWED_DST = 1 << 12,
	CPNS_PEER_DEL_ALLOWED_DST = 1 << 13,
	CPNS_PEER_SET_RELAY_TO = 1 << 14,
	CPNS_PEER_SET_PAN = 1 << 15,		/* @pan_ifindex 0 turns it off */
};

/** cpns_peer_clear() - free the lists of a peer; the structure stays */
void cpns_peer_clear(struct cpns_peer *peer);

/** cpns_peer_list_free() - free an array of peers */
void cpns_peer_list_free(struct cpns_peer *peers, size_t n);

/** cpns_peer_get() - one peer; cpns_peer_clear() when done */
int cpns_peer_get(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, struct cpns_peer *peer);

/** cpns_peer_list() - all peers of a device; cpns_peer_list_free() when done */
int cpns_peer_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_peer **peers, size_t *n);

/**
 * cpns_peer_new() - make a peer
 * @nl: socket
 * @peer: @ifindex, @eid and the fields named; ADD and DEL take the list of the
 *	same name
 * @fields: enum cpns_peer_set_fields
 */
int cpns_peer_new(struct cpns_nl *nl, const struct cpns_peer *peer, unsigned int fields);

/** cpns_peer_set() - change a peer; arguments as for cpns_peer_new() */
int cpns_peer_set(struct cpns_nl *nl, const struct cpns_peer *peer, unsigned int fields);

/** cpns_peer_del() - delete a peer and its keys */
int cpns_peer_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid);

/**
 * cpns_peer_keepalive() - send an empty DATA now
 * @nl: socket
 * @ifindex: device
 * @eid: peer
 * @sid: local sid of the key, 0 = current key
 */
int cpns_peer_keepalive(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid);

/**
 * struct cpns_key - a session in the kernel, without its secrets
 * @ifindex: device
 * @eid: peer
 * @slot: enum cpns_slot
 * @sid_local: in what is received
 * @sid_remote: in what is sent
 * @suite: enum cpns_suite
 * @initiator: this end began
 * @key_id: key record
 * @soft_packets: limit
 * @hard_packets: limit
 * @soft_failed: limit
 * @hard_failed: limit
 * @soft_ms: age, 0 = never
 * @hard_ms: age
 * @age_ms: since installation
 * @tx_packets: sent
 * @has_rx: was anything received
 * @rx_highest: highest sequence number received
 * @failed: tags that failed
 * @confirmed: an authenticated DATA was received
 * @soft: a soft limit was reached
 */
struct cpns_key {
	uint32_t ifindex;
	uint64_t eid;
	uint8_t slot;
	uint32_t sid_local;
	uint32_t sid_remote;
	uint16_t suite;
	bool initiator;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint64_t soft_packets;
	uint64_t hard_packets;
	uint64_t soft_failed;
	uint64_t hard_failed;
	uint64_t soft_ms;
	uint64_t hard_ms;
	uint64_t age_ms;
	uint64_t tx_packets;
	bool has_rx;
	uint64_t rx_highest;
	uint64_t failed;
	bool confirmed;
	bool soft;
};

/**
 * cpns_key_list() - the keys of a device or of one peer
 * @nl: socket
 * @ifindex: device
 * @eid: peer, 0 = all
 * @keys: array, freed by the caller with free()
 * @n: how many
 */
int cpns_key_list(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, struct cpns_key **keys,
		  size_t *n);

/** cpns_key_new() - install what the handshake machine gave */
int cpns_key_new(struct cpns_nl *nl, uint32_t ifindex, const struct cpns_hs_key *key);

/** cpns_key_del() - delete one key by its local sid, 0 = all of the peer */
int cpns_key_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid_local);

/**
 * struct cpns_class - a class of packets
 * @ifindex: device
 * @prio: place
 * @mark: mark
 * @mask: bits that count
 * @mode: enum cpns_mode
 * @clear: units of 4 bytes
 */
struct cpns_class {
	uint32_t ifindex;
	uint32_t prio;
	uint32_t mark;
	uint32_t mask;
	uint8_t mode;
	uint8_t clear;
};

/** cpns_class_list() - classes of a device; array freed with free() */
int cpns_class_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_class **classes,
		    size_t *n);

/** cpns_class_new() - make a class, or replace the one with the same prio */
int cpns_class_new(struct cpns_nl *nl, const struct cpns_class *class);

/** cpns_class_del() - delete one class */
int cpns_class_del(struct cpns_nl *nl, uint32_t ifindex, uint32_t prio);

/** cpns_class_del_all() - delete all classes of a device */
int cpns_class_del_all(struct cpns_nl *nl, uint32_t ifindex);

/**
 * struct cpns_relay - a provisional relay entry
 * @ifindex: device
 * @eid: entity that is not known yet
 * @sid: sid that its INIT chose
 * @server_eid: the peer that it may reach
 * @path: where its INIT came from, with the interface
 * @age_ms: since it was made
 * @remaining_ms: time left
 * @up_packets: datagrams relayed to the Server
 * @up_bytes: their bytes
 * @down_packets: datagrams relayed from the Server
 * @down_bytes: their bytes
 * @dropped: datagrams above the rate
 */
struct cpns_relay {
	uint32_t ifindex;
	uint64_t eid;
	uint32_t sid;
	uint64_t server_eid;
	struct cpns_path path;
	uint64_t age_ms;
	uint64_t remaining_ms;
	uint64_t up_packets;
	uint64_t up_bytes;
	uint64_t down_packets;
	uint64_t down_bytes;
	uint64_t dropped;
};

/** cpns_relay_list() - provisional relay entries of a device; array freed with free() */
int cpns_relay_list(struct cpns_nl *nl, uint32_t ifindex, struct cpns_relay **relays, size_t *n);

/**
 * cpns_relay_new() - make a provisional relay entry, or renew it
 * @nl: socket
 * @relay: @ifindex, @eid, @sid, @server_eid, and @path as the INIT's event gave it
 *
 * Return: 0, -EEXIST (@eid and @sid are another's), -ENOSPC (too many of the
 * EID, the source address or the device), -ENOENT (no such Server) or -errno.
 */
int cpns_relay_new(struct cpns_nl *nl, const struct cpns_relay *relay);

/** cpns_relay_del() - delete the entry of @eid and @sid, 0 = all of @eid */
int cpns_relay_del(struct cpns_nl *nl, uint32_t ifindex, uint64_t eid, uint32_t sid);

/**
 * cpns_msg_bind() - become the owner of a device
 * @nl: socket of cpns_genl_open_messages(); gets the datagrams as events
 * @ifindex: device
 *
 * Return: 0, -EBUSY (another daemon has it) or -errno.
 */
int cpns_msg_bind(struct cpns_nl *nl, uint32_t ifindex);

/**
 * cpns_msg_send() - send a datagram that is not DATA; does not wait
 * @nl: the owner's socket
 * @ifindex: device
 * @path: where to, and the local address to send from where known
 * @datagram: bytes
 * @len: how many
 */
int cpns_msg_send(struct cpns_nl *nl, uint32_t ifindex, const struct cpns_path *path,
		  const void *datagram, size_t len);

/**
 * struct cpns_event - what the kernel tells
 * @cmd: CPNS_CMD_MSG_NTF, CPNS_CMD_KEY_SOFT_NTF, ...
 * @ifindex: device
 * @eid: peer, 0 = none
 * @sid: local sid, or the sid that is not known
 * @has_cause: is @cause there
 * @cause: enum cpns_cause
 * @path: endpoint; of a message where it came from
 * @datagram: of a message; points into the netlink message
 */
struct cpns_event {
	uint8_t cmd;
	uint32_t ifindex;
	uint64_t eid;
	uint32_t sid;
	bool has_cause;
	uint8_t cause;
	struct cpns_path path;
	struct cpns_span datagram;
};

/**
 * cpns_event_parse() - read an event; for a cpns_nl_handler
 * @nlh: message
 * @event: result, valid as long as @nlh is
 *
 * Return: 0, or -EPROTO (no event, or malformed).
 */
int cpns_event_parse(const struct nlmsghdr *nlh, struct cpns_event *event);

/** cpns_event_name() - "key-soft", "acquire", ... of a command, or NULL */
const char *cpns_event_name(unsigned int cmd);

/** cpns_cause_name() - "packets", "time", ..., or NULL */
const char *cpns_cause_name(unsigned int cause);

/** cpns_slot_name() - "current", "previous", "next", or NULL */
const char *cpns_slot_name(unsigned int slot);

#endif /* _CPNS_GENL_H */
