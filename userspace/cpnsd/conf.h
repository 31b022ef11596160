/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration: one entity on one device, its peers and classes.
 *
 * A configuration is read whole and checked whole: there is either one
 * without a fault, or a list of faults and none.
 */
#ifndef CPNSD_CONF_H
#define CPNSD_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <record.h>
#include <text.h>

enum conf_sizes {
	CONF_FILE_MAX = 1 << 20,	/* bytes in one file */
	CONF_NAME_MAX = 63,		/* bytes in the label of a peer or class */
	CONF_HOST_MAX = 255,		/* bytes in the name of an endpoint */
	CONF_FAULT_TEXT = 512,
	CONF_SOCKET_MAX = 108,		/* bytes in the path of a socket and the NUL */
	CONF_PANS_MAX = 16,		/* interfaces on which PNE come in */
};

/** enum conf_connect - when this end begins a handshake */
enum conf_connect {
	CONF_CONNECT_ALWAYS,	/* at start, and whenever there is no session */
	CONF_CONNECT_ON_DEMAND,	/* when a packet waits for a session */
	CONF_CONNECT_NEVER,	/* only answers */
};

/**
 * struct conf_address - an address with the length of its network
 * @family: AF_INET or AF_INET6
 * @len: bits of the network
 * @addr: 4 or 16 bytes, network byte order; the rest 0
 */
struct conf_address {
	uint16_t	family;
	uint8_t		len;
	uint8_t		addr[16];
};

/**
 * struct conf_limits - limits of a peer's keys, 0 for the protocol's
 * @soft_packets: packets in one direction after which a new key is made
 * @hard_packets: packets in one direction after which the key dies
 * @soft_failed: failed tags after which a new key is made
 * @hard_failed: failed tags after which the key dies
 * @soft_time: age in ms at which a new key is made
 * @hard_time: age in ms at which the key dies
 */
struct conf_limits {
	uint64_t	soft_packets;
	uint64_t	hard_packets;
	uint64_t	soft_failed;
	uint64_t	hard_failed;
	uint64_t	soft_time;
	uint64_t	hard_time;
};

/**
 * struct conf_key - one pre-shared key of a peer
 * @record: all of it; secret
 * @file: where its bytes come from; NULL where the Server gave it
 * @line: of the key-file value
 * @has_key_id: was a key-id given
 */
struct conf_key {
	struct cpns_key_record	record;
	char			*file;
	unsigned int		line;
	bool			has_key_id;
};

/**
 * struct conf_prefixes - a list of prefixes
 * @n: how many
 * @granted: the last ones of them, which the Server permits and no file names
 * @list: the prefixes
 */
struct conf_prefixes {
	size_t			n;
	size_t			granted;
	struct cpns_prefix	*list;
};

/**
 * struct conf_place - where a service is
 * @host: name to be resolved; "" where there is none, or it is numeric
 * @endpoint: numeric endpoint; the port is valid where @host is a name, too
 */
struct conf_place {
	char			host[CONF_HOST_MAX + 1];
	struct cpns_endpoint	endpoint;
};

/**
 * struct conf_suites - suites in order of preference
 * @n: how many; 0 for none given
 * @list: codes
 */
struct conf_suites {
	uint8_t		n;
	uint16_t	list[CPNS_SUITES_MAX];
};

/**
 * struct conf_peer - [peer "name"]
 * @name: the label
 * @source: file of the section
 * @line: line of the section
 * @party: Entity ID, EID and role
 * @role_set: was a role given
 * @host: name of the endpoint to be resolved; "" where there is none, or it is
 *	numeric
 * @endpoint: numeric endpoint; family 0 where there is none. The port is valid
 *	where @host is a name, too
 * @keys: pre-shared keys
 * @n_keys: how many
 * @suites: offered and accepted; of the entity where none are given
 * @lifetime: of a session in s; 0 for the default
 * @limits: of the keys
 * @keepalive: in ms, 0 for off
 * @passive_keepalive: in ms
 * @timeout: in ms
 * @window: replay window in packets
 * @addresses: inner addresses of the peer
 * @allowed_dst: where its packets may go beyond this host
 * @min_mode: enum cpns_mode, the least protection that is accepted
 * @max_clear: longest clear prefix that is accepted, in units of 4 bytes
 * @multicast: multicast packets go to this peer
 * @routes: are routes made for @addresses
 * @connect: enum conf_connect
 * @user: User ID that owns it, where the Server says so
 * @relay_to: EID of the entity that its datagrams are relayed to, 0 for none
 * @pan: interface of a PAN that is secure itself, "" for none
 * @pan_place: the peer's address there
 * @granted: no file has a section of it: it is there by the Server's word
 * @keepalive_set: was a keepalive given
 * @connect_set: was a connect given
 */
struct conf_peer {
	char			name[CONF_NAME_MAX + 1];
	char			*source;
	unsigned int		line;
	struct cpns_party	party;
	bool			role_set;
	char			host[CONF_HOST_MAX + 1];
	struct cpns_endpoint	endpoint;
	struct conf_key		*keys;
	size_t			n_keys;
	struct conf_suites	suites;
	uint32_t		lifetime;
	struct conf_limits	limits;
	uint32_t		keepalive;
	uint32_t		passive_keepalive;
	uint32_t		timeout;
	uint32_t		window;
	struct conf_prefixes	addresses;
	struct conf_prefixes	allowed_dst;
	uint8_t			min_mode;
	uint8_t			max_clear;
	bool			multicast;
	bool			routes;
	uint8_t			connect;
	struct cpns_name	user;
	uint64_t		relay_to;
	char			pan[IFNAMSIZ];
	struct cpns_endpoint	pan_place;
	bool			granted;
	bool			keepalive_set;
	bool			connect_set;
};

/**
 * struct conf_class - [class "name"]
 * @name: the label
 * @source: file of the section
 * @line: line of the section
 * @prio: of the classes that match the lowest one counts
 * @prio_set: was a prio given
 * @mark: mark of the packets
 * @mark_set: was a mark given
 * @mask: bits of the mark that count
 * @mode: enum cpns_mode
 * @clear: clear prefix in units of 4 bytes
 */
struct conf_class {
	char		name[CONF_NAME_MAX + 1];
	char		*source;
	unsigned int	line;
	uint32_t	prio;
	bool		prio_set;
	uint32_t	mark;
	bool		mark_set;
	uint32_t	mask;
	uint8_t		mode;
	uint8_t		clear;
};

/** enum conf_stop - what an orderly stop leaves behind */
enum conf_stop {
	CONF_STOP_KEEP,		/* device and sessions: traffic goes on */
	CONF_STOP_PURGE,	/* nothing */
};

/**
 * struct conf - a whole configuration
 * @own: Entity ID, EID and role of this end
 * @device: name of the net device
 * @server: Entity ID of the domain's Server
 * @domain: the domain
 * @prefix: overlay prefix
 * @listen_port: UDP port, 0 for any
 * @local4: address to listen on, in family 0 for all
 * @local6: address to listen on, in family 0 for all
 * @fwmark: of outer datagrams
 * @bind_interface: interface or VRF of outer datagrams, or ""
 * @mtu: of the device, 0 for the device's own default
 * @addresses: static inner addresses on the device
 * @n_addresses: how many
 * @hosts_file: file of entity names; NULL for the default, "" for none
 * @control: control socket; NULL for the default
 * @state_dir: directory of what is kept over a reboot; NULL for the default
 * @state: state file of an enrolled entity, or NULL
 * @via: the PN GW that the Server is reached through; port 0 for none
 * @registrar: socket of the registrar, or NULL
 * @pans: interfaces on which PNE come in
 * @n_pans: how many
 * @forward: where enrolment connections of PNE are taken; family 0 for none
 * @forward_to: where they are passed on to
 * @suites: of peers that name none
 * @lifetime: of peers that name none
 * @stop: enum conf_stop
 * @log_level: LOG_*
 * @peers: in the order of the files
 * @n_peers: how many
 * @classes: in the order of the files
 * @n_classes: how many
 */
struct conf {
	struct cpns_party	own;
	char			device[IFNAMSIZ];
	struct cpns_name	server;
	struct cpns_name	domain;
	uint8_t			prefix[CPNS_OVERLAY_PREFIX_LEN];
	uint16_t		listen_port;
	struct conf_address	local4;
	struct conf_address	local6;
	uint32_t		fwmark;
	char			bind_interface[IFNAMSIZ];
	uint32_t		mtu;
	struct conf_address	*addresses;
	size_t			n_addresses;
	char			*hosts_file;
	char			*control;
	char			*state_dir;
	char			*state;
	struct conf_place	via;
	char			*registrar;
	char			pans[CONF_PANS_MAX][IFNAMSIZ];
	size_t			n_pans;
	struct cpns_endpoint	forward;
	struct conf_place	forward_to;
	struct conf_suites	suites;
	uint32_t		lifetime;
	uint8_t			stop;
	int			log_level;
	struct conf_peer	**peers;
	size_t			n_peers;
	struct conf_class	**classes;
	size_t			n_classes;
};

/**
 * typedef conf_fault_t - called for each fault
 * @arg: the caller's
 * @fault: "file:line: what is wrong and what to write instead"
 */
typedef void (*conf_fault_t)(void *arg, const char *fault);

/**
 * struct conf_source - a text to be read
 * @name: file name, for the faults
 * @text: its bytes
 * @len: how many
 */
struct conf_source {
	const char	*name;
	const char	*text;
	size_t		len;
};

/**
 * conf_parse() - read texts as one configuration
 * @conf: result, for conf_free(); NULL on an error
 * @sources: the texts, read in their order
 * @n: how many
 * @fault: called for each fault; may be NULL
 * @arg: for @fault
 *
 * Key files are read, too.
 *
 * Return: 0, -EINVAL where there are faults, or -ENOMEM.
 */
int conf_parse(struct conf **conf, const struct conf_source *sources, size_t n,
	       conf_fault_t fault, void *arg);

/**
 * conf_load() - read files as one configuration
 * @conf: result, for conf_free(); NULL on an error
 * @files: paths
 * @n: how many
 * @fault: called for each fault; may be NULL
 * @arg: for @fault
 *
 * Return: as conf_parse(), or -EIO where a file can't be read (said as a fault).
 */
int conf_load(struct conf **conf, const char *const *files, size_t n,
	      conf_fault_t fault, void *arg);

/** conf_free() - erase the keys and free; takes NULL */
void conf_free(struct conf *conf);

/**
 * conf_write() - write a configuration in the form that conf_parse() reads
 * @conf: configuration
 * @out: stream
 *
 * Key files are named; key bytes are never written.
 */
void conf_write(const struct conf *conf, FILE *out);

/** conf_peer_by_eid() - peer of an EID, or NULL */
struct conf_peer *conf_peer_by_eid(const struct conf *conf, uint64_t eid);

/**
 * conf_peer_find() - peer of a label, an Entity ID or 16 hex digits of an EID
 * @conf: configuration
 * @word: any of them; a label goes first
 *
 * Return: the peer, or NULL.
 */
struct conf_peer *conf_peer_find(const struct conf *conf, const char *word);

/**
 * conf_put_peer() - put a peer into a configuration
 * @conf: configuration
 * @peer: owned from now on where this succeeds
 * @old: the peer of the same EID whose place it has taken, the caller's from
 *	now on; NULL for none
 *
 * Return: 0 or -ENOMEM.
 */
int conf_put_peer(struct conf *conf, struct conf_peer *peer, struct conf_peer **old);

/** conf_take_peer() - take a peer out; the caller's from now on; NULL for none */
struct conf_peer *conf_take_peer(struct conf *conf, uint64_t eid);

/** conf_key_equal() - same key in all that a handshake or a person sees */
bool conf_key_equal(const struct conf_key *a, const struct conf_key *b);

/** conf_connect_name() - "always", "on-demand", "never" */
const char *conf_connect_name(unsigned int connect);

#endif /* CPNSD_CONF_H */
