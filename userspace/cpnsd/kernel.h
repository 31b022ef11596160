/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sessions want of the kernel. Behind a table of functions, so that a
 * test can put a kernel of its own there.
 */
#ifndef CPNSD_KERNEL_H
#define CPNSD_KERNEL_H

#include <genl.h>

struct kernel;

/**
 * struct kernel_ops - requests; each returns 0 or -errno as genl.h says
 * @dev_stats: counters of the device
 * @peer_list: all peers, for cpns_peer_list_free()
 * @peer_new: make a peer
 * @peer_set: change a peer
 * @peer_place: where a peer is; family 0 where that is not known
 * @peer_del: delete a peer and its keys
 * @peer_keepalive: send an empty DATA on a key
 * @key_list: all keys, for free()
 * @key_new: install a key
 * @key_del: delete a key
 * @class_list: all classes, for free()
 * @class_new: make or replace a class
 * @class_del: delete a class
 * @relay_new: make or renew a provisional relay entry
 * @msg_send: send a datagram that is not DATA
 * @error_text: the kernel's words about the last request that failed
 */
struct kernel_ops {
	int (*dev_stats)(struct kernel *k, struct cpns_stats *stats);
	int (*peer_list)(struct kernel *k, struct cpns_peer **peers, size_t *n);
	int (*peer_new)(struct kernel *k, const struct cpns_peer *peer, unsigned int fields);
	int (*peer_set)(struct kernel *k, const struct cpns_peer *peer, unsigned int fields);
	int (*peer_place)(struct kernel *k, uint64_t eid, struct cpns_endpoint *place);
	int (*peer_del)(struct kernel *k, uint64_t eid);
	int (*peer_keepalive)(struct kernel *k, uint64_t eid, uint32_t sid);
	int (*key_list)(struct kernel *k, struct cpns_key **keys, size_t *n);
	int (*key_new)(struct kernel *k, const struct cpns_hs_key *key);
	int (*key_del)(struct kernel *k, uint64_t eid, uint32_t sid);
	int (*class_list)(struct kernel *k, struct cpns_class **classes, size_t *n);
	int (*class_new)(struct kernel *k, const struct cpns_class *class);
	int (*class_del)(struct kernel *k, uint32_t prio);
	int (*relay_new)(struct kernel *k, const struct cpns_relay *relay);
	int (*msg_send)(struct kernel *k, const struct cpns_path *path, const void *datagram,
			size_t len);
	void (*error_text)(struct kernel *k, int code, char *text, size_t size);
};

/**
 * struct kernel - one device, seen through netlink
 * @ops: requests
 * @ifindex: the device
 * @nl: socket for requests
 * @messages: socket that owns the device
 * @events: socket that hears the events
 */
struct kernel {
	const struct kernel_ops	*ops;
	uint32_t		ifindex;
	struct cpns_nl		*nl;
	struct cpns_nl		*messages;
	struct cpns_nl		*events;
};

/**
 * kernel_open() - the sockets of the real kernel
 * @k: result, for kernel_close() on an error, too
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Loads the module where it isn't there.
 *
 * Return: 0 or -errno.
 */
int kernel_open(struct kernel *k, char *error);

/**
 * kernel_bind() - become the owner of a device, and configure it
 * @k: opened
 * @want: EID, overlay prefix, port, addresses, mark and bound interface
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * What is so already is not touched.
 *
 * Return: 0, -EBUSY (another daemon has it), -EEXIST (the device belongs to
 * another entity) or -errno.
 */
int kernel_bind(struct kernel *k, const struct cpns_dev *want, char *error);

/**
 * kernel_configure() - change the device of the owner
 * @k: bound
 * @want: as for kernel_bind()
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -errno.
 */
int kernel_configure(struct kernel *k, const struct cpns_dev *want, char *error);

/** kernel_close() - give the device up; its traffic goes on */
void kernel_close(struct kernel *k);

#endif /* CPNSD_KERNEL_H */
