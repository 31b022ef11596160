/* SPDX-License-Identifier: GPL-2.0 */
/* LocalEUKeys: one for each permitted pair (PN GW, PNE), made and renewed here. */
#ifndef CPNS_REGISTRAR_LOCAL_KEYS_H
#define CPNS_REGISTRAR_LOCAL_KEYS_H

#include "registry.h"

/**
 * local_keys_sync() - what an entity has to hold now
 * @r: registry, with a transaction under way
 * @entity: PN GW or PNE that takes part, see registry_entity()
 * @now: seconds since 1970
 * @keys: result: array of records, two generations of each pair at most
 * @revoked: result: array of key_ids that it has not yet forgotten
 *
 * Keys that are lacking are made, those past half of their validity get a next
 * generation, those of pairs that are no longer permitted are revoked.
 *
 * Return: 0 or -errno.
 */
int local_keys_sync(struct registry *r, const struct store_entity *entity, uint64_t now,
		    json_t **keys, json_t **revoked);

/**
 * local_keys_acked() - an end has stored a key, or forgotten one that is revoked
 * @r: registry, with a transaction under way
 * @entity: Entity ID
 * @key_id: the key
 *
 * Return: 0, -ENOENT (it has no such key) or -EIO.
 */
int local_keys_acked(struct registry *r, const char *entity, const uint8_t *key_id);

/**
 * local_keys_due() - events for both ends of each key that is to be renewed
 * @r: registry, with a transaction under way
 * @now: seconds since 1970
 *
 * Return: 0 or -EIO.
 */
int local_keys_due(struct registry *r, uint64_t now);

#endif /* CPNS_REGISTRAR_LOCAL_KEYS_H */
