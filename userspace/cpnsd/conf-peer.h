/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer of a configuration: made, copied, freed, and what the Server grants
 * it beside what the files say.
 */
#ifndef CPNSD_CONF_PEER_H
#define CPNSD_CONF_PEER_H

#include <permit.h>

#include "conf.h"

/**
 * conf_peer_new() - a peer with the defaults of the protocol
 * @name: its label; cut where it is too long
 *
 * Return: for conf_peer_free(), or NULL without memory.
 */
struct conf_peer *conf_peer_new(const char *name);

/** conf_peer_free() - erase its keys and free; takes NULL */
void conf_peer_free(struct conf_peer *peer);

/**
 * conf_peer_configured() - a copy of what the files say of a peer
 * @peer: its section; with @granted, defaults alone are copied
 *
 * What the Server has granted is left out.
 *
 * Return: for conf_peer_free(), or NULL without memory.
 */
struct conf_peer *conf_peer_configured(const struct conf_peer *peer);

/**
 * conf_peer_granted() - a new peer that the Server grants
 * @party: entity
 * @user: User ID that owns it
 *
 * Return: for conf_peer_free(), or NULL without memory.
 */
struct conf_peer *conf_peer_granted(const struct cpns_party *party,
				    const struct cpns_name *user);

/** conf_peer_grant_key() - add a key that the Server gave; 0 or -ENOMEM */
int conf_peer_grant_key(struct conf_peer *peer, const struct cpns_key_record *record);

/**
 * conf_peer_grant_prefixes() - add prefixes that the Server permits
 * @prefixes: list of a peer
 * @permitted: what is added, but for what is there
 *
 * Return: 0, -ENOMEM, or -E2BIG where the kernel takes no more.
 */
int conf_peer_grant_prefixes(struct conf_prefixes *prefixes,
			     const struct cpns_permit_prefixes *permitted);

/**
 * conf_peer_regrant() - what the Server has granted to one goes to another
 * @to: as conf_peer_configured() gives it
 * @from: the same entity
 *
 * Return: 0 or -ENOMEM.
 */
int conf_peer_regrant(struct conf_peer *to, const struct conf_peer *from);

/** conf_peer_key() - key of a name, or NULL */
const struct conf_key *conf_peer_key(const struct conf_peer *peer, const uint8_t *key_id);

/** conf_peer_ungrant_key() - erase a key that the Server gave, where it is there */
void conf_peer_ungrant_key(struct conf_peer *peer, const uint8_t *key_id);

/**
 * conf_carry_over() - what the Server has granted goes into another configuration
 * @to: read from files
 * @from: in force
 *
 * Return: 0 or -ENOMEM.
 */
int conf_carry_over(struct conf *to, const struct conf *from);

/** conf_peer_set_defaults() - what follows from the endpoint, where it was not given */
void conf_peer_set_defaults(struct conf_peer *peer, const struct cpns_party *own);

/** conf_append_peer() - put a peer at the end of a configuration; 0 or -ENOMEM */
int conf_append_peer(struct conf *conf, struct conf_peer *peer);

#endif /* CPNSD_CONF_PEER_H */
