/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registry: a store with its wrapping key, the Server that it is for, and
 * the rules' numbers. Enrolment, keys and permits are functions over it; they
 * do no I/O but the store's and get the time from their caller.
 */
#ifndef CPNS_REGISTRAR_REGISTRY_H
#define CPNS_REGISTRAR_REGISTRY_H

#include <jansson.h>

#include <identity.h>

#include "../cpnsd/macros.h"
#include "storage.h"
#include "wrap.h"

/**
 * struct registry_rules - numbers that the configuration sets
 * @key_validity: of an EUKey, in seconds
 * @local_validity: of a LocalEUKey, in seconds; renewed at half
 * @code_lifetime: of a one-time code, in seconds
 * @warn_before: how long before its end an EUKey is warned of, in seconds
 */
struct registry_rules {
	uint64_t	key_validity;
	uint64_t	local_validity;
	uint64_t	code_lifetime;
	uint64_t	warn_before;
};

/**
 * struct registry - all that the rules work on
 * @ops: engine
 * @store: its store
 * @wrap: wrapping key
 * @server: the Server
 * @domain: its domain
 * @prefix: overlay prefix of the domain
 * @rules: numbers
 * @events: of the transaction under way; told when it is committed
 * @tell: gets each event; may be NULL
 * @arg: for @tell
 */
struct registry {
	const struct store_ops	*ops;
	struct store		*store;
	struct wrap		*wrap;
	struct cpns_party	server;
	struct cpns_name	domain;
	uint8_t			prefix[CPNS_OVERLAY_PREFIX_LEN];
	struct registry_rules	rules;
	json_t			*events;
	void			(*tell)(void *arg, const json_t *event);
	void			*arg;
};

/**
 * registry_open() - check that store, wrapping key and Server belong together
 * @r: registry with @ops, @store and @wrap; the rest is set
 * @server: Entity ID of the Server
 * @rules: numbers
 * @error: CPNS_ERROR_TEXT characters
 *
 * A store without content is bound to this wrapping key and Server.
 *
 * Return: 0, -EINVAL (no good Server), -EBADMSG (another wrapping key),
 * -EADDRINUSE (another Server) or -EIO.
 */
int registry_open(struct registry *r, const char *server, const struct registry_rules *rules,
		  char *error);

/** registry_begin() - begin a transaction; 0 or -errno */
int registry_begin(struct registry *r);

/**
 * registry_end() - commit a transaction, or roll it back
 * @r: registry
 * @ret: 0 = commit
 *
 * Events are told after a commit and forgotten else.
 *
 * Return: @ret, or the error of the commit.
 */
int registry_end(struct registry *r, int ret);

/** registry_changed() - event: keys or permits of an entity may have changed */
void registry_changed(struct registry *r, const char *entity);

/**
 * registry_revoked() - event: keys that an entity holds are revoked
 * @r: registry
 * @entity: Entity ID
 * @key_ids: array of hex texts; a reference is taken over
 */
void registry_revoked(struct registry *r, const char *entity, json_t *key_ids);

/**
 * registry_audit() - a line of the audit log, part of the transaction
 * @r: registry
 * @now: seconds since 1970
 * @who: who did it
 * @what: what was done
 * @user: User ID, or NULL
 * @entity: Entity ID, or NULL
 * @fmt: detail
 *
 * Return: 0 or -EIO.
 */
__printf(7, 8)
int registry_audit(struct registry *r, uint64_t now, const char *who, const char *what,
		   const char *user, const char *entity, const char *fmt, ...);

/**
 * registry_entity() - an entity that takes part: not revoked, its user active
 * @r: registry
 * @id: Entity ID
 * @entity: result
 *
 * Return: 0, -ENOENT (unknown), -EKEYREVOKED, -EACCES (the user is disabled) or
 * -EIO.
 */
int registry_entity(struct registry *r, const char *id, struct store_entity *entity);

#endif /* CPNS_REGISTRAR_REGISTRY_H */
