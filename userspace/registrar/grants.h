/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Authorization: who may talk to whom. By default each PN GW and each PNE of
 * one user; more by grant.
 */
#ifndef CPNS_REGISTRAR_GRANTS_H
#define CPNS_REGISTRAR_GRANTS_H

#include "registry.h"

/**
 * struct partner - the other end of a pair (PN GW, PNE) that is permitted
 * @entity: it
 * @talk: they have a LocalEUKey
 * @relay: the PN GW relays between PNE and Server
 */
struct partner {
	struct store_entity	entity;
	bool			talk;
	bool			relay;
};

/**
 * grants_partners() - all that an entity is permitted with now
 * @r: registry
 * @entity: PN GW or PNE
 * @list: result, for free()
 * @n: how many
 *
 * Return: 0 or -errno.
 */
int grants_partners(struct registry *r, const struct store_entity *entity,
		    struct partner **list, size_t *n);

/** grants_tell_partners() - event: something may have changed for each of them */
int grants_tell_partners(struct registry *r, const struct store_entity *entity);

/**
 * grants_check() - is a grant one that can be given
 * @r: registry
 * @grant: its entities are looked up, its prefixes put into their normal form
 * @error: CPNS_ERROR_TEXT characters; what to write instead
 *
 * Return: 0, -EINVAL or -EIO.
 */
int grants_check(struct registry *r, struct store_grant *grant, char *error);

/**
 * grants_permits() - permits of an entity as JSON
 * @r: registry
 * @entity: PN GW or PNE
 * @permits: result: array, for json_decref()
 *
 * Return: 0 or -errno.
 */
int grants_permits(struct registry *r, const struct store_entity *entity, json_t **permits);

/** grants_what_name() - "talk", "relay", "route", "prefix" or NULL */
const char *grants_what_name(unsigned int what);

/** grants_what_parse() - the grant of such a name, else 0 */
unsigned int grants_what_parse(const char *text);

#endif /* CPNS_REGISTRAR_GRANTS_H */
