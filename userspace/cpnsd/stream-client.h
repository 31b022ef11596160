/* SPDX-License-Identifier: GPL-2.0 */
/* The control stream, end of the entity: it connects, again and again. */
#ifndef CPNSD_STREAM_CLIENT_H
#define CPNSD_STREAM_CLIENT_H

#include <jansson.h>
#include <stdint.h>

struct entity;
struct event_base;
struct stream_client;

/**
 * typedef stream_code_t - the Server's answer to stream_client_code(); called once
 * @arg: the caller's
 * @number: the caller's
 * @answer: message of type "code" or "refused"; NULL where there was none
 */
typedef void (*stream_code_t)(void *arg, uint64_t number, const json_t *answer);

/**
 * stream_client_new() - connect to the Server
 * @base: event loop
 * @entity: takes what the Server says
 * @device: name of the net device
 * @ifindex: its index
 *
 * Return: for stream_client_free(), or NULL without memory.
 */
struct stream_client *stream_client_new(struct event_base *base, struct entity *entity,
					const char *device, uint32_t ifindex);

/** stream_client_free() - close; takes NULL */
void stream_client_free(struct stream_client *c);

/** stream_client_kick() - there is a session: connect now, where it is not */
void stream_client_kick(struct stream_client *c);

/**
 * stream_client_code() - ask for a one-time enrolment code
 * @c: client
 * @role: of the device that is to enrol
 * @answer: called once, not before this returns
 * @arg: for @answer
 * @number: for @answer
 *
 * Return: 0, -ENOTCONN, -EBUSY (another is under way) or -ENOMEM; @answer is not
 * called then.
 */
int stream_client_code(struct stream_client *c, const char *role, stream_code_t answer,
		       void *arg, uint64_t number);

/** stream_client_connected() - is the control stream there */
int stream_client_connected(const struct stream_client *c);

#endif /* CPNSD_STREAM_CLIENT_H */
