/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys of the registry: made, sealed, found, confirmed, revoked. All but
 * keyring_lookup() and keyring_newest() belong into a transaction.
 */
#ifndef CPNS_REGISTRAR_KEYRING_H
#define CPNS_REGISTRAR_KEYRING_H

#include "registry.h"

enum { KEYRING_OPEN_MAX = 8 };	/* EUKeys of an entity that are in force */

/**
 * keyring_make_eukey() - next generation of an entity's EUKey, pending
 * @r: registry
 * @entity: whose
 * @now: seconds since 1970
 * @record: result with the key, for cpns_record_wipe()
 *
 * What is in force stays so until the new one is confirmed: an answer may have
 * been lost, and the entity holds any of them.
 *
 * Return: 0 or -errno.
 */
int keyring_make_eukey(struct registry *r, const struct store_entity *entity, uint64_t now,
		       struct cpns_key_record *record);

/**
 * keyring_make_local() - a LocalEUKey
 * @r: registry
 * @gateway: PN GW
 * @pne: PNE; its user is that of the key
 * @generation: of the key
 * @now: seconds since 1970
 * @record: result with the key
 *
 * Return: 0 or -errno.
 */
int keyring_make_local(struct registry *r, const struct store_entity *gateway,
		       const struct store_entity *pne, uint32_t generation, uint64_t now,
		       struct cpns_key_record *record);

/**
 * keyring_record() - record of a row
 * @r: registry
 * @row: row
 * @record: result with the key
 *
 * Return: 0, -EBADMSG (the row is not what was written; logged) or -errno.
 */
int keyring_record(struct registry *r, const struct store_key *row,
		   struct cpns_key_record *record);

/**
 * keyring_lookup() - a key that is in force
 * @r: registry
 * @key_id: names it
 * @now: seconds since 1970
 * @record: result with the key
 * @state: result: enum key_state
 *
 * Return: 0, -ENOENT, -EKEYREVOKED, -EKEYEXPIRED (also when a newer generation
 * has taken its place), -EACCES (the user is disabled), -EBADMSG or -EIO.
 */
int keyring_lookup(struct registry *r, const uint8_t *key_id, uint64_t now,
		   struct cpns_key_record *record, unsigned int *state);

/**
 * keyring_confirm() - a handshake with a key has completed
 * @r: registry
 * @key_id: names it
 * @now: seconds since 1970
 *
 * The key becomes active, and older generations of the entity's EUKey end.
 *
 * Return: as keyring_lookup().
 */
int keyring_confirm(struct registry *r, const uint8_t *key_id, uint64_t now);

/**
 * keyring_newest() - EUKey of the highest generation that is in force
 * @r: registry
 * @entity: Entity ID
 * @now: seconds since 1970
 * @record: result with the key
 * @state: result: enum key_state
 *
 * Return: 0, -ENOENT, -EBADMSG or -EIO.
 */
int keyring_newest(struct registry *r, const char *entity, uint64_t now,
		   struct cpns_key_record *record, unsigned int *state);

/**
 * keyring_set_state() - seal a row anew with another state
 * @r: registry
 * @row: changed
 * @state: enum key_state
 *
 * A row that can't be read loses its key where it is revoked or ends.
 *
 * Return: 0 or -errno.
 */
int keyring_set_state(struct registry *r, struct store_key *row, unsigned int state);

/**
 * keyring_revoke() - revoke the keys that an entity is an end of
 * @r: registry
 * @entity: Entity ID
 * @eukeys: its EUKeys, too; else LocalEUKeys alone
 * @n: result: how many were revoked; may be NULL
 *
 * Events tell the entity and the other end of each LocalEUKey.
 *
 * Return: 0 or -EIO.
 */
int keyring_revoke(struct registry *r, const char *entity, bool eukeys, size_t *n);

/** keyring_in_force() - neither ended, revoked nor expired */
bool keyring_in_force(const struct store_key *row, uint64_t now);

/** keyring_key_id_json() - its hex text */
json_t *keyring_key_id_json(const struct store_key *row);

#endif /* CPNS_REGISTRAR_KEYRING_H */
