// SPDX-License-Identifier: GPL-2.0
/* LocalEUKeys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <record-json.h>

#include "grants.h"
#include "keyring.h"
#include "local-keys.h"

enum { GENERATIONS = 2 };	/* of a pair, valid at once */

/**
 * struct sync - the keys of an entity being put in order
 * @r: registry
 * @own: the entity
 * @now: seconds since 1970
 * @rows: all keys that it is an end of, by other end, then by generation
 * @n: how many
 * @paired: of each row: its pair is permitted
 * @keys: records to hold
 */
struct sync {
	struct registry			*r;
	const struct store_entity	*own;
	uint64_t			now;
	struct store_key		*rows;
	size_t				n;
	bool				*paired;
	json_t				*keys;
};

/* Of an EUKey the own end, or none: in both cases no partner's name. */
static const char *other_end(const struct sync *s, const struct store_key *row)
{
	return s->own->role == CPNS_ROLE_PNGW ? row->entity : row->gateway;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct store_key *x = a, *y = b;
	int order = strcmp(other_end(arg, x), other_end(arg, y));

	if (order)
		return order;
	return (x->generation > y->generation) - (x->generation < y->generation);
}

/* First row whose other end is not before a partner. */
static size_t first_of_pair(const struct sync *s, const char *partner)
{
	size_t low = 0, high = s->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(other_end(s, &s->rows[middle]), partner) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_record(struct sync *s, const struct cpns_key_record *record)
{
	json_t *json = cpns_record_to_json(record);

	return json && !json_array_append_new(s->keys, json) ? 0 : -ENOMEM;
}

static int revoke(struct sync *s, struct store_key *row)
{
	json_t *one = json_array(), *two = json_array();
	int ret = keyring_set_state(s->r, row, KEY_REVOKED);

	json_array_append_new(one, keyring_key_id_json(row));
	json_array_append_new(two, keyring_key_id_json(row));
	registry_revoked(s->r, row->entity, one);
	registry_revoked(s->r, row->gateway, two);
	return ret;
}

/* A row that was tampered with is of no use: it makes room for a new key. */
static int take_row(struct sync *s, struct store_key *row, bool *usable)
{
	struct cpns_key_record record;
	int ret = keyring_record(s->r, row, &record);

	*usable = !ret;
	if (ret == -EBADMSG)
		return revoke(s, row);
	if (!ret)
		ret = add_record(s, &record);
	cpns_record_wipe(&record);
	return ret;
}

static int make_next(struct sync *s, const struct store_entity *partner, uint32_t generation)
{
	bool gateway = s->own->role == CPNS_ROLE_PNGW;
	struct cpns_key_record record;
	int ret;

	ret = keyring_make_local(s->r, gateway ? s->own : partner, gateway ? partner : s->own,
				 generation, s->now, &record);
	if (!ret)
		ret = add_record(s, &record);
	cpns_record_wipe(&record);
	registry_changed(s->r, partner->id);
	return ret;
}

static int sync_pair(struct sync *s, const struct store_entity *partner)
{
	uint32_t highest = 0;
	bool fresh = false, usable;
	size_t first = first_of_pair(s, partner->id), i = first;
	unsigned int taken = 0;
	int ret = 0;

	while (i < s->n && !strcmp(other_end(s, &s->rows[i]), partner->id))
		s->paired[i++] = true;
	for (; i > first && !ret; i--) {
		struct store_key *row = &s->rows[i - 1];

		if (row->generation > highest)
			highest = row->generation;
		if (!keyring_in_force(row, s->now) || taken == GENERATIONS)
			continue;
		ret = take_row(s, row, &usable);
		if (!usable)
			continue;
		taken++;
		fresh |= s->now < row->created + (row->not_after - row->not_before) / 2;
	}
	if (ret || fresh)
		return ret;
	return make_next(s, partner, highest + 1);
}

/* Pairs that are permitted no longer. */
static int revoke_others(struct sync *s)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < s->n && !ret; i++) {
		struct store_key *row = &s->rows[i];

		if (row->kind == CPNS_KEY_LOCALEUKEY && !s->paired[i] &&
		    keyring_in_force(row, s->now))
			ret = revoke(s, row);
	}
	return ret;
}

static bool has_forgotten(const struct store_ack *acks, size_t n, const struct store_key *row)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (acks[i].revoked && !memcmp(acks[i].key_id, row->key_id, CPNS_KEY_ID_LEN))
			return true;
	return false;
}

static int list_revoked(struct sync *s, json_t *revoked)
{
	struct store_ack *acks;
	size_t n, i;
	int ret = s->r->ops->ack_list(s->r->store, s->own->id, &acks, &n);

	for (i = 0; i < s->n && !ret; i++) {
		struct store_key *row = &s->rows[i];

		if (row->kind == CPNS_KEY_LOCALEUKEY && row->state == KEY_REVOKED &&
		    s->now < row->not_after && !has_forgotten(acks, n, row))
			json_array_append_new(revoked, keyring_key_id_json(row));
	}
	free(acks);
	return ret;
}

int local_keys_sync(struct registry *r, const struct store_entity *entity, uint64_t now,
		    json_t **keys, json_t **revoked)
{
	struct sync s = { .r = r, .own = entity, .now = now, .keys = json_array() };
	struct partner *partners = NULL;
	size_t n = 0, i;
	int ret;

	*revoked = json_array();
	ret = r->ops->key_list(r->store, entity->id, &s.rows, &s.n);
	if (!ret) {
		s.paired = calloc(s.n + 1, sizeof(*s.paired));
		ret = s.paired ? 0 : -ENOMEM;
	}
	if (!ret && s.n)
		qsort_r(s.rows, s.n, sizeof(*s.rows), compare_rows, &s);
	if (!ret)
		ret = grants_partners(r, entity, &partners, &n);
	for (i = 0; i < n && !ret; i++)
		if (partners[i].talk)
			ret = sync_pair(&s, &partners[i].entity);
	if (!ret)
		ret = revoke_others(&s);
	if (!ret)
		ret = list_revoked(&s, *revoked);
	free(partners);
	free(s.paired);
	free(s.rows);
	*keys = s.keys;
	if (ret) {
		json_decref(*keys);
		json_decref(*revoked);
		*keys = NULL;
		*revoked = NULL;
	}
	return ret;
}

int local_keys_acked(struct registry *r, const char *entity, const uint8_t *key_id)
{
	struct store_ack ack = { 0 };
	struct store_key row;
	int ret = r->ops->key_get(r->store, key_id, &row);

	if (ret)
		return ret;
	if (strcmp(row.entity, entity) && strcmp(row.gateway, entity))
		return -ENOENT;
	memcpy(ack.key_id, key_id, sizeof(ack.key_id));
	memcpy(ack.entity, entity, strlen(entity) + 1);
	ack.revoked = row.state == KEY_REVOKED;
	return r->ops->ack_put(r->store, &ack);
}

int local_keys_due(struct registry *r, uint64_t now)
{
	uint64_t half = r->rules.local_validity / 2;
	struct store_key *list;
	size_t n, i;
	int ret = r->ops->locals_due(r->store, now > half ? now - half : 0, &list, &n);

	for (i = 0; i < n; i++) {
		registry_changed(r, list[i].entity);
		registry_changed(r, list[i].gateway);
	}
	free(list);
	return ret;
}
