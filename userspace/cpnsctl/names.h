/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of entities: the kernel knows EIDs only. They come from the daemon;
 * where none runs, from the hosts file that it has left.
 */
#ifndef CPNSCTL_NAMES_H
#define CPNSCTL_NAMES_H

#include <jansson.h>

#include "ctl.h"

/**
 * struct names - names of one device
 * @daemon: answer of the daemon to "status", or NULL
 * @error: -errno where there is none
 * @n_peers: peers in @daemon
 * @peers: those, by EID
 * @n: entities of the hosts file
 * @list: the entities
 */
struct names {
	json_t		*daemon;
	int		error;
	size_t		n_peers;
	struct names_peer {
		uint64_t	eid;
		const json_t	*answer;
	} *peers;
	size_t		n;
	struct names_entry {
		uint64_t	eid;
		char		*name;
		char		*id;
	} *list;
};

/**
 * names_get() - what is known of a device's entities
 * @ctl: options
 * @dev: device
 * @names: result, for names_free(), always
 */
void names_get(struct ctl *ctl, const struct cpns_dev *dev, struct names *names);

/** names_free() - free what names_get() gave */
void names_free(struct names *names);

/** names_revoked() - Entity ID of one whose key the Server has revoked, or NULL */
const char *names_revoked(const struct names *names, uint64_t eid);

/** names_peer() - the daemon's answer about a peer, or NULL */
const json_t *names_peer(const struct names *names, uint64_t eid);

/** names_name() - name of a peer in the configuration, or NULL */
const char *names_name(const struct names *names, uint64_t eid);

/** names_id() - Entity ID of a peer or of the device's own entity, or NULL */
const char *names_id(const struct names *names, uint64_t eid);

/**
 * names_label() - the best name that there is
 * @names: names
 * @eid: entity
 * @buf: CPNS_EID_TEXT characters, for the EID where no name is known
 *
 * Return: a text, valid as long as both.
 */
const char *names_label(const struct names *names, uint64_t eid, char *buf);

/**
 * names_find() - EID of a name, an Entity ID or 16 hex digits
 * @names: names
 * @word: any of them
 * @eid: result
 *
 * Return: true where it is one. An EID in digits is not looked up.
 */
bool names_find(const struct names *names, const char *word, uint64_t *eid);

#endif /* CPNSCTL_NAMES_H */
