// SPDX-License-Identifier: GPL-2.0
/* Administration of entities. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "grants.h"
#include "keyring.h"

static const char *key_state_name(const struct store_key *row, uint64_t now)
{
	static const char *const names[] = {
		[KEY_PENDING] = "pending",
		[KEY_ACTIVE] = "active",
		[KEY_ENDED] = "ended",
		[KEY_REVOKED] = "revoked",
	};

	if (row->state <= KEY_ACTIVE && now >= row->not_after)
		return "expired";
	return row->state <= KEY_REVOKED ? names[row->state] : "damaged";
}

static json_t *key_json(const struct store_key *row, uint64_t now)
{
	return json_pack("{s:o, s:s, s:I, s:s, s:I, s:I}", "key_id", keyring_key_id_json(row),
			 "kind", cpns_key_kind_name(row->kind), "generation",
			 (json_int_t)row->generation, "state", key_state_name(row, now),
			 "not_before", (json_int_t)row->not_before, "not_after",
			 (json_int_t)row->not_after);
}

/* What stands for the entity: its newest EUKey that is in force. */
static const struct store_key *newest(const struct store_key *list, size_t n, uint64_t now)
{
	size_t i;

	for (i = n; i; i--)
		if (list[i - 1].kind == CPNS_KEY_EUKEY && keyring_in_force(&list[i - 1], now))
			return &list[i - 1];
	return NULL;
}

static void add_warning(json_t *o, const struct store_key *row, uint64_t warn_before,
			uint64_t now)
{
	if (row && row->not_after - now < warn_before)
		json_object_set_new(o, "warning",
				    json_sprintf("its EUKey ends in %llu d: rotate it",
						 (unsigned long long)(row->not_after - now) /
						 86400));
}

static json_t *entity_json(struct registry *r, const struct store_entity *entity,
			   const struct store_key *keys, size_t n, uint64_t now)
{
	const struct store_key *row = newest(keys, n, now);
	char eid[CPNS_EID_TEXT], address[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	json_t *o;

	cpns_eid_format(entity->eid, eid);
	cpns_overlay_address(r->prefix, entity->eid, &addr);
	inet_ntop(AF_INET6, &addr, address, sizeof(address));
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "entity", entity->id,
		      "role", cpns_role_name(entity->role), "user", entity->user,
		      "state", entity->state == ENTITY_ACTIVE ? "active" : "revoked",
		      "device", entity->device, "eid", eid, "address", address, "created",
		      (json_int_t)entity->created);
	json_object_set_new(o, "key", row ? key_json(row, now) : json_null());
	if (entity->state == ENTITY_ACTIVE)
		add_warning(o, row, r->rules.warn_before, now);
	return o;
}

int admin_entity_list(struct local_call *call)
{
	const char *user = json_string_value(json_object_get(call->request, "user"));
	struct registry *reg = &call->registrar->reg;
	json_t *result = json_array();
	uint64_t now = registrar_now();
	struct store_entity *list;
	struct store_key *keys;
	size_t n, i, n_keys;
	int ret;

	ret = reg->ops->entity_list(reg->store, user, 0, &list, &n);
	for (i = 0; i < n && !ret; i++) {
		ret = reg->ops->key_list(reg->store, list[i].id, &keys, &n_keys);
		if (!ret)
			json_array_append_new(result, entity_json(reg, &list[i], keys, n_keys,
								  now));
		free(keys);
	}
	free(list);
	if (ret) {
		json_decref(result);
		return local_failed(call);
	}
	json_object_set_new(call->answer, "entities", result);
	return 0;
}

static json_t *local_json(const struct store_key *row, const struct store_entity *entity,
			  const struct store_ack *acks, size_t n_acks, uint64_t now)
{
	bool is_pne = !strcmp(row->entity, entity->id), acked = false;
	json_t *o = key_json(row, now);
	size_t i;

	for (i = 0; i < n_acks; i++)
		if (!memcmp(acks[i].key_id, row->key_id, CPNS_KEY_ID_LEN))
			acked = row->state != KEY_REVOKED || acks[i].revoked;
	json_object_set_new(o, "with", json_string(is_pne ? row->gateway : row->entity));
	json_object_set_new(o, "acknowledged", json_boolean(acked));
	return o;
}

int admin_entity_show(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	json_t *eukeys = json_array(), *locals = json_array(), *o;
	uint64_t now = registrar_now();
	struct store_entity entity;
	struct store_key *keys = NULL;
	struct store_ack *acks = NULL;
	size_t n, n_acks, i;
	int ret;

	if (admin_entity(call, &entity)) {
		json_decref(eukeys);
		json_decref(locals);
		return -ECANCELED;
	}
	ret = reg->ops->key_list(reg->store, entity.id, &keys, &n);
	if (!ret)
		ret = reg->ops->ack_list(reg->store, entity.id, &acks, &n_acks);
	for (i = 0; !ret && i < n; i++) {
		if (keys[i].kind == CPNS_KEY_EUKEY)
			json_array_append_new(eukeys, key_json(&keys[i], now));
		else
			json_array_append_new(locals, local_json(&keys[i], &entity, acks,
								 n_acks, now));
	}
	if (!ret) {
		o = entity_json(reg, &entity, keys, n, now);
		json_object_update(call->answer, o);
		json_decref(o);
	}
	json_object_set_new(call->answer, "eukeys", eukeys);
	json_object_set_new(call->answer, "localeukeys", locals);
	free(keys);
	free(acks);
	return ret ? local_failed(call) : 0;
}

static int revoke(struct registry *r, struct store_entity *entity, const char *who,
		  uint64_t now, size_t *keys)
{
	int ret = grants_tell_partners(r, entity);

	entity->state = ENTITY_REVOKED;
	if (!ret)
		ret = r->ops->entity_put(r->store, entity);
	if (!ret)
		ret = keyring_revoke(r, entity->id, true, keys);
	if (!ret)
		ret = registry_audit(r, now, who, "revoke", entity->user, entity->id,
				     "%zu keys", *keys);
	return ret;
}

int admin_entity_revoke(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	struct store_entity entity;
	size_t keys = 0;
	int ret;

	if (admin_entity(call, &entity))
		return -ECANCELED;
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, revoke(reg, &entity, call->who, registrar_now(),
					       &keys));
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "keys", json_integer((json_int_t)keys));
	return 0;
}

static int rotate(struct registry *r, const struct store_entity *entity, const char *who,
		  uint64_t now, uint32_t *generation)
{
	struct cpns_key_record record;
	int ret;

	ret = keyring_make_eukey(r, entity, now, &record);
	*generation = record.generation;
	cpns_record_wipe(&record);
	if (!ret)
		ret = registry_audit(r, now, who, "rotate", entity->user, entity->id,
				     "generation %u", *generation);
	registry_changed(r, entity->id);
	return ret;
}

int admin_entity_rotate(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	struct store_entity entity;
	uint32_t generation = 0;
	int ret;

	if (admin_entity(call, &entity))
		return -ECANCELED;
	if (entity.state != ENTITY_ACTIVE)
		return local_refuse(call, "revoked",
				    "the entity is revoked: it has to enrol anew");
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, rotate(reg, &entity, call->who, registrar_now(),
					       &generation));
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "generation", json_integer(generation));
	return 0;
}
