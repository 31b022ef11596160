/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sessions of one entity: drives the handshake machine, keeps the kernel's
 * peers and classes as the configuration says, and knows what runs.
 *
 * No event loop, no clock and no socket of its own: the caller gives events
 * and the time, and asks when the next is due.
 */
#ifndef CPNSD_SESSION_H
#define CPNSD_SESSION_H

#include "conf.h"
#include "kernel.h"

struct session;

enum session_sizes {
	SESSION_ADDRESSES_MAX = 8,	/* of an endpoint's name that are tried */
};

/**
 * struct session_hooks - what the sessions want of the daemon
 * @resolve: look up the name of a peer's endpoint, answered some time by
 *	session_resolved()
 * @random: fill a buffer, 0 or -errno
 * @established: a handshake with a key of a peer was completed; may be NULL
 * @silent: nothing is heard of a peer, or its last session is gone; may be NULL
 * @arg: given to all of them
 *
 * @established and @silent may put and drop peers.
 */
struct session_hooks {
	void	(*resolve)(void *arg, uint64_t eid, const char *host, uint16_t port);
	int	(*random)(void *arg, void *buf, size_t len);
	void	(*established)(void *arg, uint64_t eid, const uint8_t *key_id);
	void	(*silent)(void *arg, uint64_t eid);
	void	*arg;
};

/** enum session_apply_mode - what becomes of living sessions */
enum session_apply_mode {
	SESSION_DIFFERENCES,	/* they go on, where peer and key still exist */
	SESSION_ANEW,		/* all end, and start again */
};

/** enum session_gone - what becomes of the sessions of a key that a peer loses */
enum session_gone {
	SESSION_RETIRE,		/* they live to their own end */
	SESSION_REVOKE,		/* they end at once */
};

/**
 * session_new() - the sessions of an entity, none yet
 * @conf: configuration; owned from now on where this succeeds
 * @kernel: bound to the device; stays the caller's
 * @hooks: copied
 *
 * Return: them, or NULL without memory.
 */
struct session *session_new(struct conf *conf, struct kernel *kernel,
			    const struct session_hooks *hooks);

/** session_free() - erase and free; sends nothing, the kernel's sessions go on */
void session_free(struct session *s);

/**
 * session_begin() - learn what runs in the kernel, and go on with it
 * @s: new
 * @now: time
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0 or -errno.
 */
int session_begin(struct session *s, const struct cpns_now *now, char *error);

/**
 * session_check_apply() - may a configuration be put in force without restart
 * @s: running
 * @conf: the new one
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0, or -EINVAL where it is for another entity, domain or device.
 */
int session_check_apply(const struct session *s, const struct conf *conf, char *error);

/**
 * session_apply() - put a configuration in force
 * @s: running
 * @conf: the new one; owned from now on where this succeeds
 * @mode: enum session_apply_mode
 * @now: time
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Where the kernel refuses something the old configuration stays in force.
 *
 * Return: 0 or -errno.
 */
int session_apply(struct session *s, struct conf *conf, enum session_apply_mode mode,
		  const struct cpns_now *now, char *error);

/**
 * session_event() - the kernel tells something, or a datagram has come
 * @s: running
 * @event: of either socket
 * @now: time
 */
void session_event(struct session *s, const struct cpns_event *event,
		   const struct cpns_now *now);

/**
 * session_resync() - events were lost: dump, and learn what they would have said
 * @s: running
 * @now: time
 *
 * Return: 0 or -errno.
 */
int session_resync(struct session *s, const struct cpns_now *now);

/**
 * session_resolved() - the addresses of a peer's endpoint
 * @s: running
 * @eid: peer; may be gone by now
 * @host: name that was looked up
 * @list: addresses with the port
 * @n: how many; 0 where there was no answer
 * @now: time
 */
void session_resolved(struct session *s, uint64_t eid, const char *host,
		      const struct cpns_endpoint *list, size_t n, const struct cpns_now *now);

/** session_deadline() - when session_timer() is due, struct cpns_now.ms */
uint64_t session_deadline(const struct session *s);

/** session_timer() - do what is due; harmless when nothing is */
void session_timer(struct session *s, const struct cpns_now *now);

/**
 * session_connect() - a person wants a session with a peer now
 * @s: running
 * @eid: peer
 * @now: time
 *
 * Return: 0 or -ENOENT.
 */
int session_connect(struct session *s, uint64_t eid, const struct cpns_now *now);

/**
 * session_peer_put() - put one peer in force, or change it
 * @s: running
 * @peer: as it is to be; owned from now on where this succeeds
 * @gone: what becomes of the sessions of keys that it has no longer
 * @old: what it was, the caller's from now on; NULL where it is new
 * @now: time
 * @error: CPNS_ERROR_TEXT characters; a sentence on an error
 *
 * Return: 0 or -errno; then nothing has changed.
 */
int session_peer_put(struct session *s, struct conf_peer *peer, enum session_gone gone,
		     struct conf_peer **old, const struct cpns_now *now, char *error);

/**
 * session_peer_drop() - end the sessions of a peer and forget it
 * @s: running
 * @eid: peer
 *
 * Return: what it was, the caller's from now on; NULL where there is none.
 */
struct conf_peer *session_peer_drop(struct session *s, uint64_t eid);

/**
 * session_adopt() - go on with what runs in the kernel of a peer that was put
 * @s: running
 * @eid: peer
 * @path: where it is
 * @keys: keys of the device; those of other peers are passed over
 * @n: how many
 * @now: time
 */
void session_adopt(struct session *s, uint64_t eid, const struct cpns_path *path,
		   const struct cpns_key *keys, size_t n, const struct cpns_now *now);

/**
 * session_since() - the session that stands with a peer
 * @s: running
 * @eid: peer
 * @key_id: CPNS_KEY_ID_LEN bytes: the key that it was made from
 * @since: seconds since 1970 when it was made
 *
 * Return: true, or false where there is none.
 */
bool session_since(const struct session *s, uint64_t eid, uint8_t *key_id, uint64_t *since);

/** session_kernel() - the device */
struct kernel *session_kernel(const struct session *s);

/** session_conf() - the configuration in force */
const struct conf *session_conf(const struct session *s);

/** session_machine() - the handshake machine, for its getters */
const struct cpns_hs *session_machine(const struct session *s);

/**
 * session_addresses() - what a peer's endpoint was resolved to
 * @s: running
 * @eid: peer
 * @list: result, valid until the next call to another function
 *
 * Return: how many.
 */
size_t session_addresses(const struct session *s, uint64_t eid,
			 const struct cpns_endpoint **list);

#endif /* CPNSD_SESSION_H */
