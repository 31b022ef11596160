// SPDX-License-Identifier: GPL-2.0
/* The state of an enrolled entity: its keys and revocations, and its JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-field.h"
#include "json-secret.h"
#include "record-json.h"
#include "secret.h"
#include "state-file.h"
#include "text.h"

struct cpns_state *cpns_state_new(void)
{
	return calloc(1, sizeof(struct cpns_state));
}

void cpns_state_free(struct cpns_state *state)
{
	if (!state)
		return;
	cpns_free_secret(state->keys, state->n_keys * sizeof(*state->keys));
	free(state->revoked);
	cpns_permits_clear(&state->permits);
	free(state);
}

struct cpns_key_record *cpns_state_key_find(const struct cpns_state *state,
					    const uint8_t *key_id)
{
	size_t i;

	for (i = 0; i < state->n_keys; i++)
		if (!memcmp(state->keys[i].key_id, key_id, CPNS_KEY_ID_LEN))
			return &state->keys[i];
	return NULL;
}

/* Does a key belong to this entity; a sentence where not. */
static const char *key_fault(const struct cpns_state *state, const struct cpns_key_record *key)
{
	if (!cpns_name_equal(&key->own.id, &state->own.id) || key->own.role != state->own.role)
		return "a key is for another entity";
	if (key->kind == CPNS_KEY_LOCALEUKEY)
		return key->peer.role == CPNS_ROLE_SERVER || key->own.role == CPNS_ROLE_SERVER ?
		       "a LocalEUKey is with a Server" : NULL;
	if (key->kind != CPNS_KEY_EUKEY)
		return "a key is neither EUKey nor LocalEUKey";
	if (!cpns_name_equal(&key->peer.id, &state->server.id) ||
	    key->peer.role != CPNS_ROLE_SERVER)
		return "an EUKey is not with the Server";
	return cpns_name_equal(&key->user_id, &state->user) ? NULL :
	       "an EUKey is of another user";
}

static bool key_equal(const struct cpns_key_record *a, const struct cpns_key_record *b)
{
	return cpns_equal(a->key, b->key, CPNS_KEY_LEN) && a->kind == b->kind &&
	       cpns_name_equal(&a->peer.id, &b->peer.id) && a->peer.role == b->peer.role &&
	       cpns_name_equal(&a->user_id, &b->user_id) && a->generation == b->generation &&
	       a->pure_psk == b->pure_psk && a->not_before == b->not_before &&
	       a->not_after == b->not_after;
}

int cpns_state_key_put(struct cpns_state *state, const struct cpns_key_record *record)
{
	struct cpns_key_record *there = cpns_state_key_find(state, record->key_id), *more;

	if (cpns_state_is_revoked(state, record->key_id))
		return -EKEYREVOKED;
	if (key_fault(state, record))
		return -EPERM;
	if (there) {
		if (key_equal(there, record))
			return -EEXIST;
		*there = *record;
		return 0;
	}
	/* Not realloc(), which would leave a copy behind. */
	more = calloc(state->n_keys + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (state->n_keys)
		memcpy(more, state->keys, state->n_keys * sizeof(*more));
	more[state->n_keys] = *record;
	cpns_free_secret(state->keys, state->n_keys * sizeof(*more));
	state->keys = more;
	state->n_keys++;
	return 0;
}

static void key_remove(struct cpns_state *state, size_t i)
{
	struct cpns_key_record *last = &state->keys[--state->n_keys];

	memmove(&state->keys[i], &state->keys[i + 1],
		(state->n_keys - i) * sizeof(*state->keys));
	cpns_record_wipe(last);
}

bool cpns_state_key_drop(struct cpns_state *state, const uint8_t *key_id)
{
	const struct cpns_key_record *key = cpns_state_key_find(state, key_id);

	if (!key)
		return false;
	key_remove(state, (size_t)(key - state->keys));
	return true;
}

bool cpns_state_is_revoked(const struct cpns_state *state, const uint8_t *key_id)
{
	size_t i;

	for (i = 0; i < state->n_revoked; i++)
		if (!memcmp(state->revoked[i].key_id, key_id, CPNS_KEY_ID_LEN))
			return true;
	return false;
}

static int revoked_add(struct cpns_state *state, const struct cpns_revoked *revoked)
{
	struct cpns_revoked *more;

	more = realloc(state->revoked, (state->n_revoked + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[state->n_revoked++] = *revoked;
	state->revoked = more;
	return 0;
}

int cpns_state_revoke(struct cpns_state *state, const uint8_t *key_id)
{
	const struct cpns_key_record *key = cpns_state_key_find(state, key_id);
	struct cpns_revoked revoked = { .not_after = key ? key->not_after : 0 };
	int ret;

	if (cpns_state_is_revoked(state, key_id))
		return -EALREADY;
	memcpy(revoked.key_id, key_id, CPNS_KEY_ID_LEN);
	ret = revoked_add(state, &revoked);
	if (!ret)
		cpns_state_key_drop(state, revoked.key_id);
	return ret;
}

size_t cpns_state_expire(struct cpns_state *state, uint64_t now)
{
	size_t i = 0, kept = 0, before = state->n_keys + state->n_revoked;

	while (i < state->n_keys) {
		const struct cpns_key_record *key = &state->keys[i];

		if (key->kind == CPNS_KEY_LOCALEUKEY && key->not_after && now >= key->not_after)
			key_remove(state, i);
		else
			i++;
	}
	for (i = 0; i < state->n_revoked; i++)
		if (!state->revoked[i].not_after || now < state->revoked[i].not_after)
			state->revoked[kept++] = state->revoked[i];
	state->n_revoked = kept;
	return before - state->n_keys - state->n_revoked;
}

/* "host:port", and nothing in it that a line of a configuration could not hold. */
static bool endpoint_ok(const char *text)
{
	const char *colon = strrchr(text, ':'), *c;
	uint64_t port;

	if (strlen(text) >= CPNS_STATE_HOST || !colon || colon == text)
		return false;
	for (c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '#' || *c == ';')
			return false;
	return !cpns_u64_parse(colon + 1, 1, UINT16_MAX, &port);
}

int cpns_state_server_from_json(const json_t *json, struct cpns_state *state, char *error)
{
	const char *id = cpns_json_string(json, "id", error), *why;
	const json_t *list, *text;
	struct cpns_party server;
	size_t i;

	if (!id)
		return -EINVAL;
	list = cpns_json_array(json, "endpoints", error);
	if (!list)
		return -EINVAL;
	if (cpns_party_set(&server, id, strlen(id), CPNS_ROLE_SERVER, &why)) {
		snprintf(error, CPNS_ERROR_TEXT, "the Entity ID of the Server is wrong: %s", why);
		return -EINVAL;
	}
	if (json_array_size(list) > CPNS_STATE_ENDPOINTS) {
		snprintf(error, CPNS_ERROR_TEXT, "\"endpoints\" has more than %d",
			 CPNS_STATE_ENDPOINTS);
		return -EINVAL;
	}
	json_array_foreach(list, i, text) {
		if (json_is_string(text) && endpoint_ok(json_string_value(text)))
			continue;
		snprintf(error, CPNS_ERROR_TEXT,
			 "\"endpoints\" is wrong: each must be a string HOST:PORT");
		return -EINVAL;
	}
	state->server = server;
	state->n_endpoints = json_array_size(list);
	json_array_foreach(list, i, text)
		snprintf(state->endpoints[i], CPNS_STATE_HOST, "%s", json_string_value(text));
	return 0;
}

static int keys_from_json(const json_t *list, struct cpns_state *state, char *error)
{
	const struct cpns_name *own = &state->own.id;
	struct cpns_key_record *key;
	const char *why;
	size_t i;
	int ret;

	if (!list)
		return -EINVAL;
	state->keys = calloc(json_array_size(list) + 1, sizeof(*state->keys));
	if (!state->keys) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	for (i = 0; i < json_array_size(list); i++) {
		key = &state->keys[i];
		ret = cpns_record_from_json(json_array_get(list, i), own, state->own.role, key,
					    error);
		if (ret)
			return -EINVAL;
		why = key_fault(state, key);
		/* Those before it are in, it is not yet. */
		if (!why && cpns_state_key_find(state, key->key_id))
			why = "a key is there twice";
		state->n_keys++;
		if (why) {
			snprintf(error, CPNS_ERROR_TEXT, "%s", why);
			return -EINVAL;
		}
	}
	return 0;
}

static int revoked_from_json(const json_t *list, struct cpns_state *state, char *error)
{
	struct cpns_revoked revoked;
	const json_t *one;
	size_t i;

	if (!list)
		return -EINVAL;
	json_array_foreach(list, i, one) {
		if (cpns_json_hex(one, "key_id", revoked.key_id, CPNS_KEY_ID_LEN, error) ||
		    cpns_json_u64(one, "not_after", INT64_MAX, &revoked.not_after, error))
			return -EINVAL;
		if (revoked_add(state, &revoked)) {
			snprintf(error, CPNS_ERROR_TEXT, "no memory");
			return -ENOMEM;
		}
	}
	return 0;
}

static int fill(const json_t *json, struct cpns_state *state, char *error)
{
	const json_t *entity, *server;
	uint64_t version;
	int ret;

	if (cpns_json_u64(json, "v", UINT32_MAX, &version, error))
		return -EINVAL;
	if (version != CPNS_STATE_VERSION) {
		snprintf(error, CPNS_ERROR_TEXT, "it was written by another release");
		return -EINVAL;
	}
	entity = cpns_json_object(json, "entity", error);
	if (!entity || cpns_json_party(entity, &state->own, error) ||
	    cpns_json_user(entity, "user", &state->user, error))
		return -EINVAL;
	server = cpns_json_object(json, "server", error);
	if (!server || cpns_state_server_from_json(server, state, error) ||
	    cpns_json_u64(json, "time", INT64_MAX, &state->time, error))
		return -EINVAL;
	ret = keys_from_json(cpns_json_array(json, "keys", error), state, error);
	if (!ret)
		ret = revoked_from_json(cpns_json_array(json, "revoked", error), state, error);
	if (ret)
		return ret;
	return cpns_permits_from_json(json_object_get(json, "permits"), &state->permits, error);
}

int cpns_state_from_json(const json_t *json, struct cpns_state **state, char *error)
{
	struct cpns_state *new;
	int ret;

	*state = NULL;
	if (!json_is_object(json)) {
		snprintf(error, CPNS_ERROR_TEXT, "it is no JSON object");
		return -EINVAL;
	}
	new = cpns_state_new();
	if (!new) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	ret = fill(json, new, error);
	if (ret)
		cpns_state_free(new);
	else
		*state = new;
	return ret;
}

static json_t *server_to_json(const struct cpns_state *state)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < state->n_endpoints; i++)
		json_array_append_new(list, json_string(state->endpoints[i]));
	return json_pack("{s:s, s:o}", "id", state->server.id.text, "endpoints", list);
}

static json_t *keys_to_json(const struct cpns_state *state)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < state->n_keys; i++) {
		/* A state without one of its keys must never be written. */
		if (json_array_append_new(list, cpns_record_to_json(&state->keys[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *revoked_to_json(const struct cpns_state *state)
{
	char key_id[CPNS_KEY_ID_TEXT];
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < state->n_revoked; i++) {
		const struct cpns_revoked *r = &state->revoked[i];

		cpns_hex_encode(r->key_id, CPNS_KEY_ID_LEN, key_id);
		if (json_array_append_new(list, json_pack("{s:s, s:I}", "key_id", key_id,
							  "not_after",
							  (json_int_t)r->not_after))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *cpns_state_to_json(const struct cpns_state *state)
{
	cpns_json_wipe_on_free();
	return json_pack("{s:i, s:{s:s, s:s, s:s}, s:o, s:o, s:o, s:o, s:I}",
			 "v", CPNS_STATE_VERSION,
			 "entity", "id", state->own.id.text,
			 "role", cpns_role_name(state->own.role), "user", state->user.text,
			 "server", server_to_json(state),
			 "keys", keys_to_json(state),
			 "revoked", revoked_to_json(state),
			 "permits", cpns_permits_to_json(&state->permits),
			 "time", (json_int_t)state->time);
}
