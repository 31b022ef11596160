/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the registrar keeps, and the operations that an engine offers for it.
 *
 * Nothing but an engine knows how it is kept. Functions return 0 or -errno:
 * -ENOENT (no such row), -EEXIST (a row is in the way) and -EIO, whose cause
 * the engine has logged. Lists are for free().
 */
#ifndef CPNS_REGISTRAR_STORAGE_H
#define CPNS_REGISTRAR_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <record.h>

enum storage_sizes {
	STORE_NAME_MAX = CPNS_ENTITY_ID_MAX + 1,
	STORE_HASH_MAX = 128,		/* crypto_pwhash_STRBYTES */
	STORE_DEVICE_MAX = 65,
	STORE_WRAPPED_LEN = 24 + CPNS_KEY_LEN + 16,
	STORE_CODE_LEN = 32,
	STORE_PREFIXES_MAX = 1024,
	STORE_DETAIL_MAX = 256,
	STORE_RATE_NAME_MAX = 80,
};

enum user_state {
	USER_ACTIVE,
	USER_DISABLED,
	USER_DELETED,		/* the row stays: Entity IDs are bound to it */
};

/**
 * struct store_user - a CPNS User
 * @name: User ID
 * @hash: of the password, as crypto_pwhash_str() writes it
 * @state: enum user_state
 * @created: seconds since 1970
 */
struct store_user {
	char		name[STORE_NAME_MAX];
	char		hash[STORE_HASH_MAX];
	unsigned int	state;
	uint64_t	created;
};

enum entity_state {
	ENTITY_ACTIVE,
	ENTITY_REVOKED,
};

/**
 * struct store_entity - an entity, bound to its user for ever
 * @id: Entity ID
 * @eid: its EID
 * @user: User ID
 * @role: enum cpns_role
 * @device: name for people
 * @state: enum entity_state
 * @created: seconds since 1970
 */
struct store_entity {
	char		id[STORE_NAME_MAX];
	uint64_t	eid;
	char		user[STORE_NAME_MAX];
	unsigned int	role;
	char		device[STORE_DEVICE_MAX];
	unsigned int	state;
	uint64_t	created;
};

enum key_state {
	KEY_PENDING,		/* no handshake has completed with it yet */
	KEY_ACTIVE,
	KEY_ENDED,		/* a newer generation has taken its place */
	KEY_REVOKED,
};

/**
 * struct store_key - an EUKey or a LocalEUKey
 * @key_id: names it on the wire
 * @kind: enum cpns_key_kind
 * @entity: the entity; of a LocalEUKey the PNE
 * @gateway: of a LocalEUKey the PN GW; "" = the other end is the Server
 * @user: User ID
 * @generation: from 1
 * @state: enum key_state
 * @not_before: seconds since 1970
 * @not_after: seconds since 1970
 * @created: seconds since 1970
 * @wrapped: the key, bound to all of the above
 */
struct store_key {
	uint8_t		key_id[CPNS_KEY_ID_LEN];
	unsigned int	kind;
	char		entity[STORE_NAME_MAX];
	char		gateway[STORE_NAME_MAX];
	char		user[STORE_NAME_MAX];
	uint32_t	generation;
	unsigned int	state;
	uint64_t	not_before;
	uint64_t	not_after;
	uint64_t	created;
	uint8_t		wrapped[STORE_WRAPPED_LEN];
};

/**
 * struct store_ack - an end has stored a key, or forgotten one
 * @key_id: the key
 * @entity: the end
 * @revoked: the key was revoked by then
 */
struct store_ack {
	uint8_t		key_id[CPNS_KEY_ID_LEN];
	char		entity[STORE_NAME_MAX];
	bool		revoked;
};

/**
 * struct store_code - one-time code
 * @hash: of the code
 * @user: whose entity may enrol with it
 * @role: enum cpns_role
 * @expires: seconds since 1970
 */
struct store_code {
	uint8_t		hash[STORE_CODE_LEN];
	char		user[STORE_NAME_MAX];
	unsigned int	role;
	uint64_t	expires;
};

enum grant_what {
	GRANT_TALK = 1,		/* PNE and PN GW: LocalEUKey and relay */
	GRANT_RELAY,		/* PNE and PN GW: relay only */
	GRANT_ROUTE,		/* two PNE through the PN GW via */
	GRANT_PREFIX,		/* PNE reaches prefixes behind the PN GW */
};

/**
 * struct store_grant - what is allowed beyond the default
 * @id: number, given by the engine
 * @subject: PNE
 * @object: PN GW, or the other PNE
 * @what: enum grant_what
 * @via: PN GW, or ""
 * @prefixes: with blanks between
 * @created: seconds since 1970
 */
struct store_grant {
	int64_t		id;
	char		subject[STORE_NAME_MAX];
	char		object[STORE_NAME_MAX];
	unsigned int	what;
	char		via[STORE_NAME_MAX];
	char		prefixes[STORE_PREFIXES_MAX];
	uint64_t	created;
};

/**
 * struct store_audit - a line of the audit log
 * @id: number, given by the engine
 * @at: seconds since 1970
 * @who: "uid 0", or the source of a request
 * @what: what was done or refused
 * @user: User ID, or ""
 * @entity: Entity ID, or ""
 * @detail: anything else
 */
struct store_audit {
	int64_t		id;
	uint64_t	at;
	char		who[STORE_RATE_NAME_MAX];
	char		what[32];
	char		user[STORE_NAME_MAX];
	char		entity[STORE_NAME_MAX];
	char		detail[STORE_DETAIL_MAX];
};

/**
 * struct store_rate - failures of one user, source or of all
 * @name: whose
 * @failures: how many lately
 * @until_ms: nothing is tried before, ms since 1970
 * @updated_ms: of the last failure, ms since 1970
 * @forget_ms: the row is of no use any more, ms since 1970
 */
struct store_rate {
	char		name[STORE_RATE_NAME_MAX];
	uint32_t	failures;
	uint64_t	until_ms;
	uint64_t	updated_ms;
	uint64_t	forget_ms;
};

struct store;

/**
 * struct store_ops - an engine
 * @open: open or make a store; a sentence in @error, CPNS_ERROR_TEXT long
 * @close: end; NULL is allowed
 * @begin: begin a transaction; they do not nest
 * @commit: when it returns 0 all since @begin outlives a crash, else nothing
 * @rollback: forget all since @begin
 * @backup: write a whole copy to a file that is not there yet
 * @meta_get: a value by name; -ENOENT, -EMSGSIZE
 * @meta_put: set a value
 * @user_get: by User ID
 * @user_put: add or replace
 * @user_list: all
 * @entity_get: by Entity ID
 * @entity_by_eid: by EID
 * @entity_put: add or replace
 * @entity_list: of a user, or all with NULL; of a role, or all with 0
 * @key_get: by key_id
 * @key_put: add or replace
 * @key_list: all that the entity is an end of, oldest first
 * @keys_due: EUKeys in force, of active entities, that end before a time
 * @locals_due: LocalEUKeys in force that were made before a time, and have no
 *	newer generation
 * @keys_prune: delete those that ended before a time, but no highest generation
 * @ack_put: add or replace
 * @ack_list: of an entity
 * @code_add: add
 * @code_get: by hash
 * @code_del: delete; -ENOENT where it is gone
 * @code_count: of a user
 * @codes_prune: delete those that have expired
 * @grant_add: add; sets its id
 * @grant_del: delete
 * @grant_list: that name an entity, or all with NULL
 * @audit_add: add
 * @audit_list: since a time, the latest of them, oldest first
 * @audit_prune: delete those before a time
 * @rate_get: by name
 * @rate_put: add or replace
 * @rates_prune: delete those that are of no use any more
 */
struct store_ops {
	int (*open)(struct store **store, const char *where, char *error);
	void (*close)(struct store *store);
	int (*begin)(struct store *store);
	int (*commit)(struct store *store);
	void (*rollback)(struct store *store);
	int (*backup)(struct store *store, const char *path, char *error);

	int (*meta_get)(struct store *store, const char *name, void *value, size_t len);
	int (*meta_put)(struct store *store, const char *name, const void *value, size_t len);

	int (*user_get)(struct store *store, const char *name, struct store_user *user);
	int (*user_put)(struct store *store, const struct store_user *user);
	int (*user_list)(struct store *store, struct store_user **list, size_t *n);

	int (*entity_get)(struct store *store, const char *id, struct store_entity *entity);
	int (*entity_by_eid)(struct store *store, uint64_t eid, struct store_entity *entity);
	int (*entity_put)(struct store *store, const struct store_entity *entity);
	int (*entity_list)(struct store *store, const char *user, unsigned int role,
			   struct store_entity **list, size_t *n);

	int (*key_get)(struct store *store, const uint8_t *key_id, struct store_key *key);
	int (*key_put)(struct store *store, const struct store_key *key);
	int (*key_list)(struct store *store, const char *entity, struct store_key **list,
			size_t *n);
	int (*keys_due)(struct store *store, uint64_t before, struct store_key **list,
			size_t *n);
	int (*locals_due)(struct store *store, uint64_t before, struct store_key **list,
			  size_t *n);
	int (*keys_prune)(struct store *store, uint64_t before);

	int (*ack_put)(struct store *store, const struct store_ack *ack);
	int (*ack_list)(struct store *store, const char *entity, struct store_ack **list,
			size_t *n);

	int (*code_add)(struct store *store, const struct store_code *code);
	int (*code_get)(struct store *store, const uint8_t *hash, struct store_code *code);
	int (*code_del)(struct store *store, const uint8_t *hash);
	int (*code_count)(struct store *store, const char *user, size_t *n);
	int (*codes_prune)(struct store *store, uint64_t now);

	int (*grant_add)(struct store *store, struct store_grant *grant);
	int (*grant_del)(struct store *store, int64_t id);
	int (*grant_list)(struct store *store, const char *entity, struct store_grant **list,
			  size_t *n);

	int (*audit_add)(struct store *store, const struct store_audit *audit);
	int (*audit_list)(struct store *store, uint64_t since, size_t limit,
			  struct store_audit **list, size_t *n);
	int (*audit_prune)(struct store *store, uint64_t before);

	int (*rate_get)(struct store *store, const char *name, struct store_rate *rate);
	int (*rate_put)(struct store *store, const struct store_rate *rate);
	int (*rates_prune)(struct store *store, uint64_t now_ms);
};

/** store_sqlite - the embedded engine: one SQLite file */
extern const struct store_ops store_sqlite;

#endif /* CPNS_REGISTRAR_STORAGE_H */
