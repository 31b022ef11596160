/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state file of an enrolled entity: who it is, its Server, its keys of all
 * generations, and what the Server lets it do. JSON, one object:
 *
 *	{"v": 1, "entity": {"id", "role", "user"},
 *	 "server": {"id", "endpoints": ["host:port", ...]},
 *	 "keys": [key record, ...], "revoked": [{"key_id", "not_after"}, ...],
 *	 "permits": [permit, ...], "time": seconds}
 *
 * cpnsctl enrol makes it, cpnsd owns it. It holds secrets: it is refused where
 * it is a symbolic link or no regular file, belongs to somebody else, or others
 * can read or write it.
 */
#ifndef _CPNS_STATE_FILE_H
#define _CPNS_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "permit.h"
#include "record.h"

enum cpns_state_limits {
	CPNS_STATE_VERSION = 1,
	CPNS_STATE_FILE_MAX = 64 << 20,	/* bytes */
	CPNS_STATE_ENDPOINTS = 16,	/* of the Server */
	CPNS_STATE_HOST = 264,		/* characters of "host:port" and the NUL */
};

/**
 * struct cpns_revoked - a key that is not to be taken again
 * @key_id: its name
 * @not_after: end of its validity, 0 = none: until then it is kept here
 */
struct cpns_revoked {
	uint8_t		key_id[CPNS_KEY_ID_LEN];
	uint64_t	not_after;
};

/**
 * struct cpns_state - contents of a state file
 * @own: the entity
 * @user: its User ID
 * @server: its Server
 * @endpoints: of the Server, "host:port", the first one is tried first
 * @n_endpoints: how many
 * @keys: EUKeys and LocalEUKeys; change it with cpns_state_key_put() and _revoke()
 * @n_keys: how many
 * @revoked: keys revoked; change it with cpns_state_revoke() and _expire()
 * @n_revoked: how many
 * @permits: what the Server lets the entity do
 * @time: when it was saved last, in seconds since 1970
 */
struct cpns_state {
	struct cpns_party	own;
	struct cpns_name	user;
	struct cpns_party	server;
	char			endpoints[CPNS_STATE_ENDPOINTS][CPNS_STATE_HOST];
	size_t			n_endpoints;
	struct cpns_key_record	*keys;
	size_t			n_keys;
	struct cpns_revoked	*revoked;
	size_t			n_revoked;
	struct cpns_permits	permits;
	uint64_t		time;
};

/** cpns_state_new() - an empty state, for cpns_state_free(); NULL without memory */
struct cpns_state *cpns_state_new(void);

/** cpns_state_free() - erase all keys and free; takes NULL */
void cpns_state_free(struct cpns_state *state);

/**
 * cpns_state_server_from_json() - {"id": Entity ID, "endpoints": ["host:port", ...]}
 * @json: such an object
 * @state: its Server is set
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL; then nothing was changed.
 */
int cpns_state_server_from_json(const json_t *json, struct cpns_state *state, char *error);

/**
 * cpns_state_from_json() - check and take the contents of a state file
 * @json: object
 * @state: result, for cpns_state_free(); NULL on an error
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int cpns_state_from_json(const json_t *json, struct cpns_state **state, char *error);

/** cpns_state_to_json() - what cpns_state_from_json() reads, or NULL */
json_t *cpns_state_to_json(const struct cpns_state *state);

/**
 * cpns_state_load() - read a state file
 * @path: file, refused as described above
 * @state: result, for cpns_state_free(); NULL on an error
 * @error: CPNS_ERROR_TEXT characters; a sentence that says what to do
 *
 * Return: 0, -ENOENT (there is none), -EPERM or -ELOOP (refused), -EINVAL (its
 * contents) or -errno.
 */
int cpns_state_load(const char *path, struct cpns_state **state, char *error);

/**
 * cpns_state_save() - put a state in place of a file, or of none
 * @path: file
 * @state: its time becomes @now, where that is later
 * @now: seconds since 1970
 * @error: CPNS_ERROR_TEXT characters; a sentence that says what to do
 *
 * On success the new state is on the disk for good. Until then, and on an
 * error, the file is the old one. The mode is 0600.
 *
 * Return: 0 or -errno.
 */
int cpns_state_save(const char *path, struct cpns_state *state, uint64_t now, char *error);

/** cpns_state_key_find() - key of a name, or NULL */
struct cpns_key_record *cpns_state_key_find(const struct cpns_state *state,
					    const uint8_t *key_id);

/**
 * cpns_state_key_put() - add a key, or replace the one of its name
 * @state: state
 * @record: copied; one end is the entity of @state in its role
 *
 * Return: 0, -EEXIST (there is the same already), -EKEYREVOKED, -EPERM (it is
 * for somebody else) or -ENOMEM.
 */
int cpns_state_key_put(struct cpns_state *state, const struct cpns_key_record *record);

/** cpns_state_key_drop() - erase a key; false where there is none of this name */
bool cpns_state_key_drop(struct cpns_state *state, const uint8_t *key_id);

/**
 * cpns_state_revoke() - erase a key and remember that it is revoked
 * @state: state
 * @key_id: its name
 *
 * A key that was never here is remembered without an end.
 *
 * Return: 0, -EALREADY or -ENOMEM.
 */
int cpns_state_revoke(struct cpns_state *state, const uint8_t *key_id);

/** cpns_state_is_revoked() - was this key revoked */
bool cpns_state_is_revoked(const struct cpns_state *state, const uint8_t *key_id);

/**
 * cpns_state_expire() - erase what has had its time
 * @state: state
 * @now: seconds since 1970
 *
 * EUKeys stay: without one the entity could never come back.
 *
 * Return: how many LocalEUKeys and revocations are gone.
 */
size_t cpns_state_expire(struct cpns_state *state, uint64_t now);

#endif /* _CPNS_STATE_FILE_H */
