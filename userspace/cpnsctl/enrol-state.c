// SPDX-License-Identifier: GPL-2.0
/* What enrolment does to the state of an entity, before it is on the disk. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-field.h>
#include <record-json.h>

#include "enrol-state.h"

bool enrol_may_replace(const struct cpns_state *state, const struct enrol_who *who,
		       const struct cpns_party *server, const char **why)
{
	if (!cpns_name_equal(&state->own.id, &who->own.id))
		*why = "of another entity";
	else if (state->own.role != who->own.role)
		*why = "in another role";
	else if (who->user.len && !cpns_name_equal(&state->user, &who->user))
		*why = "of another user";
	else if (!cpns_name_equal(&state->server.id, &server->id))
		*why = "with another Server";
	else
		return true;
	return false;
}

int enrol_server(const json_t *body, struct cpns_party *server, char *error)
{
	struct cpns_state state = { 0 };
	const json_t *object = cpns_json_object(body, "server", error);

	if (!object || cpns_state_server_from_json(object, &state, error))
		return -EINVAL;
	*server = state.server;
	return 0;
}

int enrol_domain_check(const struct enrol_who *who, const struct cpns_party *server,
		       char *error)
{
	const struct cpns_name *own = &who->own.id;
	struct cpns_name domain;
	size_t at;

	if (cpns_domain_from_server(&domain, &server->id)) {
		snprintf(error, CPNS_ERROR_TEXT, "the Server's name has no domain");
		return -EINVAL;
	}
	at = (size_t)own->len - domain.len;
	if (own->len > domain.len + 1 && own->text[at - 1] == '@' &&
	    !memcmp(own->text + at, domain.text, domain.len))
		return 0;
	snprintf(error, CPNS_ERROR_TEXT,
		 "the Server is %.100s, and the Entity IDs that it gives keys to end in @%.100s",
		 server->id.text, domain.text);
	return -EINVAL;
}

static int check_key(const struct cpns_key_record *key, const struct enrol_who *who,
		     const struct cpns_state *state, char *error)
{
	const char *what = NULL;

	if (key->kind != CPNS_KEY_EUKEY)
		what = "it is no EUKey";
	else if (!cpns_name_equal(&key->peer.id, &state->server.id) ||
		 key->peer.role != CPNS_ROLE_SERVER)
		what = "it is not with the Server that it names";
	else if (who->user.len && !cpns_name_equal(&key->user_id, &who->user))
		what = "it is of another user";
	if (!what)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "the registrar's key is refused: %s", what);
	return -EPERM;
}

/* All of it, into a state that is thrown away on an error. */
static int take(const json_t *body, const struct enrol_who *who, struct cpns_state *state,
		struct cpns_key_record *key, char *error)
{
	const json_t *object = cpns_json_object(body, "server", error);
	char what[CPNS_ERROR_TEXT];
	int ret;

	if (!object || cpns_state_server_from_json(object, state, error))
		return -EINVAL;
	object = cpns_json_object(body, "record", error);
	if (!object)
		return -EINVAL;
	ret = cpns_record_from_json(object, &who->own.id, who->own.role, key, what);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "the registrar's key is refused: %.250s", what);
		return ret;
	}
	return check_key(key, who, state, error);
}

int enrol_take(const json_t *body, const struct enrol_who *who, const struct cpns_party *server,
	       struct cpns_state *state, const struct cpns_key_record **key, char *error)
{
	bool first = !state->own.eid;
	struct cpns_state new = { 0 };
	struct cpns_key_record record;
	int ret;

	ret = take(body, who, &new, &record, error);
	if (!ret && !cpns_name_equal(&new.server.id, &server->id)) {
		snprintf(error, CPNS_ERROR_TEXT, "the registrar has changed its Server meanwhile");
		ret = -EINVAL;
	}
	if (!ret && !first && !cpns_name_equal(&state->user, &record.user_id)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the code is of the user %.100s, but this entity is enrolled for %.100s",
			 record.user_id.text, state->user.text);
		ret = -EPERM;
	}
	if (ret)
		goto out;
	state->own = who->own;
	state->user = record.user_id;
	state->server = new.server;
	state->n_endpoints = new.n_endpoints;
	memcpy(state->endpoints, new.endpoints, sizeof(state->endpoints));
	ret = cpns_state_key_put(state, &record);
	if (ret == -EEXIST)
		ret = 0;
	*key = cpns_state_key_find(state, record.key_id);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "the registrar's key can't be kept: %s",
			 ret == -EKEYREVOKED ? "it is revoked" : strerror(-ret));
out:
	cpns_record_wipe(&record);
	return ret;
}
