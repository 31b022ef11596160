/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Server: finds the keys of those who begin a handshake at the registrar,
 * and hands LocalEUKeys, permits and revocations on over the control streams.
 */
#ifndef CPNSD_SERVER_H
#define CPNSD_SERVER_H

#include <jansson.h>

#include "session.h"

struct daemon;
struct event_base;
struct server;

/**
 * server_new() - connect to the registrar, listen for control streams
 * @s: result, for server_free(); NULL on an error
 * @d: the daemon; its sessions have begun
 * @base: event loop
 * @ifindex: the device
 * @error: CPNS_ERROR_TEXT characters
 *
 * What runs in the kernel of entities that the configuration does not name goes
 * on once the registrar has said whose it is.
 *
 * Return: 0 or -errno.
 */
int server_new(struct server **s, struct daemon *d, struct event_base *base, uint32_t ifindex,
	       char *error);

/** server_reloaded() - another configuration is in force: the registrar may be elsewhere */
void server_reloaded(struct server *s);

/** server_free() - end; what runs in the kernel goes on; takes NULL */
void server_free(struct server *s);

/**
 * server_intercept() - hold a handshake back whose key is not known yet
 * @s: server
 * @event: datagram
 * @now: time
 *
 * Return: true where it is the server's now: it is looked up, and given to the
 * sessions later, or was dropped.
 */
bool server_intercept(struct server *s, const struct cpns_event *event,
		      const struct cpns_now *now);

/** server_established() - a handshake with a key was completed */
void server_established(struct server *s, uint64_t eid, const uint8_t *key_id);

/** server_status() - for the control socket */
json_t *server_status(const struct server *s, const struct cpns_now *now);

#endif /* CPNSD_SERVER_H */
