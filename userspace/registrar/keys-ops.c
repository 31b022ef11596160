// SPDX-License-Identifier: GPL-2.0
/* The operations of keys.sock: what the Server's cpnsd asks. */
#include <errno.h>
#include <string.h>

#include <json-field.h>
#include <record-json.h>
#include <text.h>

#include "enrol.h"
#include "grants.h"
#include "keyring.h"
#include "local.h"
#include "local-keys.h"

static int bad_request(struct local_call *call, const char *error)
{
	return local_refuse(call, "bad-request", "%s", error);
}

/* What went wrong with a key or an entity. */
static int refuse_errno(struct local_call *call, int ret, const char *thing)
{
	switch (ret) {
	case -ENOENT:
		return local_refuse(call, "unknown", "there is no such %s", thing);
	case -EKEYREVOKED:
		return local_refuse(call, "revoked", "this %s is revoked", thing);
	case -EACCES:
		return local_refuse(call, "revoked", "the user of this %s is disabled", thing);
	case -EKEYEXPIRED:
		return local_refuse(call, "expired",
				    "this %s has ended: the entity has to enrol anew, or to use its newest one",
				    thing);
	case -EBADMSG:
		return local_refuse(call, "damaged",
				    "this %s was changed in the store and can't be used: enrol the entity anew",
				    thing);
	case -EDQUOT:
		return local_refuse(call, "too-many",
				    "the user has %d codes open: use one, or wait until they end",
				    ENROL_CODES_MAX);
	default:
		return local_failed(call);
	}
}

static int wanted_key_id(struct local_call *call, uint8_t *key_id)
{
	char error[CPNS_ERROR_TEXT];

	if (!cpns_json_hex(call->request, "key_id", key_id, CPNS_KEY_ID_LEN, error))
		return 0;
	return bad_request(call, error);
}

/* The entity that is named; whether it takes part is in @ret of registry_entity(). */
static int wanted_entity(struct local_call *call, struct store_entity *entity, int *ret)
{
	char error[CPNS_ERROR_TEXT];
	const char *id = cpns_json_string(call->request, "entity", error);

	if (!id)
		return bad_request(call, error);
	*ret = registry_entity(&call->registrar->reg, id, entity);
	return 0;
}

/* The entity that is named, and it does take part. */
static int active_entity(struct local_call *call, struct store_entity *entity)
{
	int ret, refusal = wanted_entity(call, entity, &ret);

	if (refusal)
		return refusal;
	return ret ? refuse_errno(call, ret, "entity") : 0;
}

static int op_server(struct local_call *call)
{
	json_t *server = registrar_server_json(call->registrar);

	json_object_set(call->answer, "entity", json_object_get(server, "id"));
	json_object_set(call->answer, "endpoints", json_object_get(server, "endpoints"));
	json_decref(server);
	return 0;
}

static int answer_record(struct local_call *call, struct cpns_key_record *record)
{
	json_t *json = cpns_record_to_json(record);

	cpns_record_wipe(record);
	if (!json)
		return local_failed(call);
	json_object_set_new(call->answer, "record", json);
	return 0;
}

static int op_lookup(struct local_call *call)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	struct cpns_key_record record;
	unsigned int state;
	int ret;

	if (wanted_key_id(call, key_id))
		return -ECANCELED;
	ret = keyring_lookup(&call->registrar->reg, key_id, registrar_now(), &record, &state);
	if (ret)
		return refuse_errno(call, ret, "key");
	json_object_set_new(call->answer, "state",
			    json_string(state == KEY_PENDING ? "pending" : "active"));
	return answer_record(call, &record);
}

static int op_confirmed(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	int ret;

	if (wanted_key_id(call, key_id))
		return -ECANCELED;
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, keyring_confirm(reg, key_id, registrar_now()));
	return ret ? refuse_errno(call, ret, "key") : 0;
}

static int op_entity(struct local_call *call)
{
	char eid[CPNS_EID_TEXT];
	struct store_entity entity;
	const char *state;
	int ret;

	if (wanted_entity(call, &entity, &ret))
		return -ECANCELED;
	if (ret && ret != -EKEYREVOKED && ret != -EACCES)
		return refuse_errno(call, ret, "entity");
	state = !ret ? "active" : ret == -EKEYREVOKED ? "revoked" : "disabled";
	cpns_eid_format(entity.eid, eid);
	json_object_set_new(call->answer, "entity",
			    json_pack("{s:s, s:s, s:s}", "id", entity.id, "role",
				      cpns_role_name(entity.role), "user", entity.user));
	json_object_set_new(call->answer, "eid", json_string(eid));
	json_object_set_new(call->answer, "device", json_string(entity.device));
	json_object_set_new(call->answer, "state", json_string(state));
	return 0;
}

static int op_localkeys(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	json_t *keys = NULL, *revoked = NULL;
	struct store_entity entity;
	int ret;

	if (active_entity(call, &entity))
		return -ECANCELED;
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, local_keys_sync(reg, &entity, registrar_now(), &keys,
							&revoked));
	if (ret) {
		json_decref(keys);
		json_decref(revoked);
		return local_failed(call);
	}
	json_object_set_new(call->answer, "keys", keys);
	json_object_set_new(call->answer, "revoked", revoked);
	return 0;
}

/* Any entity: one that is revoked may still tell what it has forgotten. */
static int op_acked(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	struct store_entity entity;
	int ret;

	if (wanted_key_id(call, key_id) || wanted_entity(call, &entity, &ret))
		return -ECANCELED;
	if (ret && ret != -EKEYREVOKED && ret != -EACCES)
		return refuse_errno(call, ret, "entity");
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, local_keys_acked(reg, entity.id, key_id));
	return ret ? refuse_errno(call, ret, "key") : 0;
}

static int op_eukey(struct local_call *call)
{
	struct cpns_key_record record;
	struct store_entity entity;
	unsigned int state;
	int ret;

	if (active_entity(call, &entity))
		return -ECANCELED;
	ret = keyring_newest(&call->registrar->reg, entity.id, registrar_now(), &record,
			     &state);
	if (ret)
		return refuse_errno(call, ret == -ENOENT ? -EKEYEXPIRED : ret, "key");
	json_object_set_new(call->answer, "state",
			    json_string(state == KEY_PENDING ? "pending" : "active"));
	return answer_record(call, &record);
}

static int op_permits(struct local_call *call)
{
	struct store_entity entity;
	json_t *permits;
	int ret;

	if (active_entity(call, &entity))
		return -ECANCELED;
	ret = grants_permits(&call->registrar->reg, &entity, &permits);
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "permits", permits);
	return 0;
}

/* A device makes codes for PNE only: what it may do is not to grow by itself. */
static int op_code_new(struct local_call *call)
{
	const char *role = json_string_value(json_object_get(call->request, "role"));
	struct registry *reg = &call->registrar->reg;
	uint64_t now = registrar_now(), expires;
	struct store_entity entity;
	char code[ENROL_CODE_TEXT];
	int ret;

	if (active_entity(call, &entity))
		return -ECANCELED;
	if (role && strcmp(role, "pne"))
		return local_refuse(call, "bad-request",
				    "an entity makes codes for a pne only; an administrator makes the others");
	ret = registry_begin(reg);
	if (ret)
		return local_failed(call);
	ret = enrol_code_new(reg, entity.user, CPNS_ROLE_PNE, now, code, &expires);
	if (!ret)
		ret = registry_audit(reg, now, call->who, "code", entity.user, entity.id,
				     "for a pne, asked for by the entity");
	ret = registry_end(reg, ret);
	if (ret)
		return refuse_errno(call, ret, "entity");
	json_object_set_new(call->answer, "code", json_string(code));
	json_object_set_new(call->answer, "expires", json_integer((json_int_t)expires));
	return 0;
}

static int op_watch(struct local_call *call)
{
	local_watch(call);
	return 0;
}

const struct local_op keys_ops[] = {
	{ "server", op_server },
	{ "lookup", op_lookup },
	{ "confirmed", op_confirmed },
	{ "entity", op_entity },
	{ "localkeys", op_localkeys },
	{ "acked", op_acked },
	{ "eukey", op_eukey },
	{ "permits", op_permits },
	{ "code-new", op_code_new },
	{ "watch", op_watch },
	{ NULL, NULL }
};
