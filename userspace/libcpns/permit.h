/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A permit: what the Server lets an entity do with another one. The JSON form:
 *
 *	{"entity": {"id": Entity ID, "role": role, "user": User ID},
 *	 "relay": true | false, "inner_src": [prefix...], "allowed_dst": [prefix...],
 *	 "via": true | false}
 */
#ifndef _CPNS_PERMIT_H
#define _CPNS_PERMIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "record.h"
#include "text.h"

enum cpns_permit_limits {
	CPNS_PERMIT_PREFIXES = 256,	/* prefixes in one list */
	CPNS_PERMITS_MAX = 65536,	/* permits of one entity */
};

/**
 * struct cpns_permit_prefixes - a list of prefixes
 * @n: how many
 * @list: the prefixes
 */
struct cpns_permit_prefixes {
	size_t			n;
	struct cpns_prefix	*list;
};

/**
 * struct cpns_permit - one permit
 * @entity: the other entity: of a PN GW its PNE, of a PNE its PN GW
 * @user: User ID of that entity
 * @relay: a PN GW may relay between it and the Server
 * @via: it is reached hop by hop through the PN GW as IP router
 * @inner_src: what it may send from beside its overlay address
 * @allowed_dst: what it may reach beyond this host
 */
struct cpns_permit {
	struct cpns_party		entity;
	struct cpns_name		user;
	bool				relay;
	bool				via;
	struct cpns_permit_prefixes	inner_src;
	struct cpns_permit_prefixes	allowed_dst;
};

/**
 * struct cpns_permits - all permits of an entity
 * @n: how many
 * @list: the permits, each other entity once
 */
struct cpns_permits {
	size_t			n;
	struct cpns_permit	*list;
};

/**
 * cpns_permits_from_json() - read and check a list of permits
 * @json: array of objects as above; unknown fields are ignored
 * @permits: result, for cpns_permits_clear(); empty on an error
 * @error: CPNS_ERROR_TEXT characters; on an error a sentence that says what is
 *	wrong
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int cpns_permits_from_json(const json_t *json, struct cpns_permits *permits, char *error);

/** cpns_permits_to_json() - the list as JSON, or NULL without memory */
json_t *cpns_permits_to_json(const struct cpns_permits *permits);

/** cpns_permits_find() - permit of an entity, or NULL */
const struct cpns_permit *cpns_permits_find(const struct cpns_permits *permits, uint64_t eid);

/** cpns_permits_clear() - free the list, not the structure itself */
void cpns_permits_clear(struct cpns_permits *permits);

#endif /* _CPNS_PERMIT_H */
