/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control streams, end of the Server: one connection an entity, and what
 * was sent and acknowledged on each.
 */
#ifndef CPNSD_STREAM_SERVER_H
#define CPNSD_STREAM_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct stream_server;

/**
 * struct stream_server_ops - what the entities say
 * @known: is this entity, which the kernel vouches for, a peer
 * @hello: it is connected, and what it has is known: stream_server_sync() is due
 * @acked: it has stored a LocalEUKey, or forgotten a revoked one
 * @code: it asks for an enrolment code; answer with stream_server_code()
 */
struct stream_server_ops {
	bool	(*known)(void *arg, uint64_t eid);
	void	(*hello)(void *arg, uint64_t eid);
	void	(*acked)(void *arg, uint64_t eid, const char *key_id);
	void	(*code)(void *arg, uint64_t eid, const char *role);
};

/**
 * stream_server_new() - listen on the device's own link-local address
 * @base: event loop
 * @device: name of the net device
 * @ifindex: its index
 * @eid: own EID
 * @ops: valid as long as the result
 * @arg: for @ops
 *
 * Where the address can't be listened on yet it tries again each second.
 *
 * Return: for stream_server_free(), or NULL without memory.
 */
struct stream_server *stream_server_new(struct event_base *base, const char *device,
					uint32_t ifindex, uint64_t eid,
					const struct stream_server_ops *ops, void *arg);

/** stream_server_free() - end all streams; takes NULL */
void stream_server_free(struct stream_server *ss);

/**
 * stream_server_keys() - send an entity what it lacks of its LocalEUKeys
 * @ss: streams
 * @eid: entity; nothing is done where it is not connected
 * @keys: list of key records that it is to hold
 * @revoked: list of key_ids that it is to forget
 */
void stream_server_keys(struct stream_server *ss, uint64_t eid, const json_t *keys,
			const json_t *revoked);

/** stream_server_eukey() - send an entity its EUKey, where it lacks it */
void stream_server_eukey(struct stream_server *ss, uint64_t eid, json_t *record);

/** stream_server_permits() - send an entity its permits, where they are others */
void stream_server_permits(struct stream_server *ss, uint64_t eid, json_t *permits);

/** stream_server_revoke() - tell all who have one of these key_ids, now */
void stream_server_revoke(struct stream_server *ss, const json_t *key_ids);

/** stream_server_code() - answer a request for a code; takes @answer */
void stream_server_code(struct stream_server *ss, uint64_t eid, json_t *answer);

/** stream_server_drop() - end the stream of an entity */
void stream_server_drop(struct stream_server *ss, uint64_t eid);

/** stream_server_each() - call for each entity that has said hello */
void stream_server_each(struct stream_server *ss, void (*each)(void *arg, uint64_t eid),
			void *arg);

/** stream_server_has() - has this entity a control stream */
bool stream_server_has(const struct stream_server *ss, uint64_t eid);

/** stream_server_count() - how many entities are connected */
unsigned int stream_server_count(const struct stream_server *ss);

#endif /* CPNSD_STREAM_SERVER_H */
