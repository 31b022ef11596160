// SPDX-License-Identifier: GPL-2.0
/* Keys of the registry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secret.h>
#include <text.h>

#include "../cpnsd/log.h"
#include "keyring.h"

bool keyring_in_force(const struct store_key *row, uint64_t now)
{
	return (row->state == KEY_PENDING || row->state == KEY_ACTIVE) && now < row->not_after;
}

json_t *keyring_key_id_json(const struct store_key *row)
{
	char text[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(row->key_id, sizeof(row->key_id), text);
	return json_string(text);
}

static int unseal(struct registry *r, const struct store_key *row, uint8_t *key)
{
	char text[CPNS_KEY_ID_TEXT];

	if (!wrap_unseal(r->wrap, row, key))
		return 0;
	cpns_hex_encode(row->key_id, sizeof(row->key_id), text);
	log_msg(LOG_ERR,
		"key %s of %s is not what was written: its row was changed or moved, and the key is not used; enrol the entity anew",
		text, row->entity);
	return -EBADMSG;
}

/* The record of a row, the key but set. The own end is the Server or the PN GW. */
static int fill(struct registry *r, const struct store_key *row, struct cpns_key_record *record)
{
	const char *why = "its User ID is refused";
	struct store_entity entity;
	int ret;

	memset(record, 0, sizeof(*record));
	memcpy(record->key_id, row->key_id, sizeof(record->key_id));
	record->kind = (uint8_t)row->kind;
	record->generation = row->generation;
	record->not_before = row->not_before;
	record->not_after = row->not_after;
	ret = r->ops->entity_get(r->store, row->entity, &entity);
	if (ret)
		return ret;
	if (cpns_user_id_set(&record->user_id, row->user, strlen(row->user), &why) ||
	    cpns_party_set(&record->peer, row->entity, strlen(row->entity), entity.role, &why))
		goto odd;
	if (row->kind == CPNS_KEY_EUKEY)
		record->own = r->server;
	else if (cpns_party_set(&record->own, row->gateway, strlen(row->gateway),
				CPNS_ROLE_PNGW, &why))
		goto odd;
	return 0;
odd:
	log_msg(LOG_ERR, "a key of %s can't be used: %s", row->entity, why);
	return -EBADMSG;
}

static int check(const struct store_key *row, const struct cpns_key_record *record)
{
	const char *why;

	if (!cpns_record_check(record, &why))
		return 0;
	log_msg(LOG_ERR, "a key of %s can't be used: %s", row->entity, why);
	return -EBADMSG;
}

int keyring_record(struct registry *r, const struct store_key *row,
		   struct cpns_key_record *record)
{
	int ret = fill(r, row, record);

	if (!ret)
		ret = unseal(r, row, record->key);
	if (!ret)
		ret = check(row, record);
	if (ret)
		cpns_record_wipe(record);
	return ret;
}

/* Makes a key for a row that is complete but for key_id and key. */
static int make(struct registry *r, struct store_key *row, struct cpns_key_record *record)
{
	uint8_t key[CPNS_KEY_LEN];
	int ret;

	if (cpns_random(row->key_id, sizeof(row->key_id)) || cpns_random(key, sizeof(key)))
		return -EIO;
	ret = fill(r, row, record);
	if (!ret) {
		memcpy(record->key, key, sizeof(record->key));
		ret = check(row, record);
	}
	if (!ret) {
		wrap_seal(r->wrap, row, key);
		ret = r->ops->key_put(r->store, row);
	}
	if (ret)
		cpns_record_wipe(record);
	cpns_wipe(key, sizeof(key));
	return ret;
}

int keyring_set_state(struct registry *r, struct store_key *row, unsigned int state)
{
	uint8_t key[CPNS_KEY_LEN];
	int ret = unseal(r, row, key);

	if (ret && state != KEY_REVOKED && state != KEY_ENDED)
		return ret;
	row->state = state;
	if (ret)
		memset(row->wrapped, 0, sizeof(row->wrapped));
	else
		wrap_seal(r->wrap, row, key);
	cpns_wipe(key, sizeof(key));
	return r->ops->key_put(r->store, row);
}

/* Those of an entity's own, oldest first. */
static int eukeys(struct registry *r, const char *entity, struct store_key **list, size_t *n)
{
	size_t i, kept = 0;
	int ret = r->ops->key_list(r->store, entity, list, n);

	if (ret)
		return ret;
	for (i = 0; i < *n; i++)
		if ((*list)[i].kind == CPNS_KEY_EUKEY)
			(*list)[kept++] = (*list)[i];
	*n = kept;
	return 0;
}

/* Keeps the number in force bounded; what is active is never among the ended. */
static int end_surplus(struct registry *r, struct store_key *list, size_t n, uint64_t now)
{
	size_t i, open = 0;
	int ret = 0;

	for (i = 0; i < n; i++)
		open += keyring_in_force(&list[i], now);
	for (i = 0; i < n && open >= KEYRING_OPEN_MAX && !ret; i++) {
		if (!keyring_in_force(&list[i], now) || list[i].state != KEY_PENDING)
			continue;
		ret = keyring_set_state(r, &list[i], KEY_ENDED);
		open--;
	}
	return ret;
}

int keyring_make_eukey(struct registry *r, const struct store_entity *entity, uint64_t now,
		       struct cpns_key_record *record)
{
	struct store_key row = {
		.kind = CPNS_KEY_EUKEY,
		.state = KEY_PENDING,
		.generation = 1,
		.not_before = now,
		.not_after = now + r->rules.key_validity,
		.created = now,
	};
	struct store_key *list;
	size_t n;
	int ret;

	snprintf(row.entity, sizeof(row.entity), "%s", entity->id);
	snprintf(row.user, sizeof(row.user), "%s", entity->user);
	ret = eukeys(r, entity->id, &list, &n);
	if (ret)
		return ret;
	if (n)
		row.generation = list[n - 1].generation + 1;
	ret = end_surplus(r, list, n, now);
	free(list);
	return ret ? ret : make(r, &row, record);
}

int keyring_make_local(struct registry *r, const struct store_entity *gateway,
		       const struct store_entity *pne, uint32_t generation, uint64_t now,
		       struct cpns_key_record *record)
{
	struct store_key row = {
		.kind = CPNS_KEY_LOCALEUKEY,
		.state = KEY_ACTIVE,
		.generation = generation,
		.not_before = now,
		.not_after = now + r->rules.local_validity,
		.created = now,
	};

	snprintf(row.entity, sizeof(row.entity), "%s", pne->id);
	snprintf(row.gateway, sizeof(row.gateway), "%s", gateway->id);
	snprintf(row.user, sizeof(row.user), "%s", pne->user);
	return make(r, &row, record);
}

static int check_use(struct registry *r, const struct store_key *row, uint64_t now)
{
	struct store_entity entity;

	if (row->state == KEY_REVOKED)
		return -EKEYREVOKED;
	if (!keyring_in_force(row, now))
		return -EKEYEXPIRED;
	return registry_entity(r, row->entity, &entity);
}

int keyring_lookup(struct registry *r, const uint8_t *key_id, uint64_t now,
		   struct cpns_key_record *record, unsigned int *state)
{
	struct store_key row;
	int ret = r->ops->key_get(r->store, key_id, &row);

	if (!ret)
		ret = check_use(r, &row, now);
	if (!ret)
		ret = keyring_record(r, &row, record);
	*state = ret ? 0 : row.state;
	return ret;
}

int keyring_confirm(struct registry *r, const uint8_t *key_id, uint64_t now)
{
	struct store_key row, *list;
	size_t n, i;
	int ret = r->ops->key_get(r->store, key_id, &row);

	if (!ret)
		ret = check_use(r, &row, now);
	if (ret || row.state == KEY_ACTIVE || row.kind != CPNS_KEY_EUKEY)
		return ret;
	ret = keyring_set_state(r, &row, KEY_ACTIVE);
	if (ret)
		return ret;
	ret = eukeys(r, row.entity, &list, &n);
	if (ret)
		return ret;
	for (i = 0; i < n && !ret; i++)
		if (list[i].generation < row.generation && keyring_in_force(&list[i], now))
			ret = keyring_set_state(r, &list[i], KEY_ENDED);
	free(list);
	return ret;
}

int keyring_newest(struct registry *r, const char *entity, uint64_t now,
		   struct cpns_key_record *record, unsigned int *state)
{
	struct store_key *list;
	size_t n, i;
	int ret = eukeys(r, entity, &list, &n);

	if (ret)
		return ret;
	for (i = n; i; i--)
		if (keyring_in_force(&list[i - 1], now))
			break;
	ret = i ? keyring_record(r, &list[i - 1], record) : -ENOENT;
	if (!ret)
		*state = list[i - 1].state;
	free(list);
	return ret;
}

int keyring_revoke(struct registry *r, const char *entity, bool with_eukeys, size_t *count)
{
	json_t *own = json_array(), *other;
	struct store_key *list;
	size_t n, i, revoked = 0;
	int ret = r->ops->key_list(r->store, entity, &list, &n);

	for (i = 0; i < n && !ret; i++) {
		struct store_key *row = &list[i];
		bool local = row->kind == CPNS_KEY_LOCALEUKEY;

		if ((row->state != KEY_PENDING && row->state != KEY_ACTIVE) ||
		    (!local && !with_eukeys))
			continue;
		ret = keyring_set_state(r, row, KEY_REVOKED);
		revoked++;
		json_array_append_new(own, keyring_key_id_json(row));
		if (!local)
			continue;
		other = json_array();
		json_array_append_new(other, keyring_key_id_json(row));
		registry_revoked(r, strcmp(row->entity, entity) ? row->entity : row->gateway,
				 other);
	}
	free(list);
	if (revoked)
		registry_revoked(r, entity, own);
	else
		json_decref(own);
	if (count)
		*count = revoked;
	return ret;
}
