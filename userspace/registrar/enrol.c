// SPDX-License-Identifier: GPL-2.0
/* Enrolment. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-field.h>
#include <secret.h>

#include "enrol.h"
#include "grants.h"
#include "keyring.h"

enum { CODE_CHARS = 8 };	/* of 5 bits: 40 in all */

/* Without I, L, O and U, which people mistake. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int enrol_code_parse(const char *text, char *code)
{
	size_t n = 0;
	int c;

	for (; *text; text++) {
		c = toupper((unsigned char)*text);
		if (c == '-' || c == ' ')
			continue;
		if (c == 'O')
			c = '0';
		if (c == 'I' || c == 'L')
			c = '1';
		if (n == CODE_CHARS + 1 || !strchr(alphabet, c))
			return -EINVAL;
		code[n++] = (char)c;
		if (n == 4)
			code[n++] = '-';
	}
	if (n != CODE_CHARS + 1)
		return -EINVAL;
	code[n] = 0;
	return 0;
}

static void make_code(const uint8_t *random, char *code)
{
	size_t i, n = 0;

	for (i = 0; i < CODE_CHARS; i++) {
		if (i == 4)
			code[n++] = '-';
		code[n++] = alphabet[random[i] % 32];
	}
	code[n] = 0;
}

int enrol_code_new(struct registry *r, const char *user, unsigned int role, uint64_t now,
		   char *code, uint64_t *expires)
{
	struct store_code row = { .role = role, .expires = now + r->rules.code_lifetime };
	uint8_t random[CODE_CHARS];
	size_t open;
	int ret;

	ret = r->ops->codes_prune(r->store, now);
	if (!ret)
		ret = r->ops->code_count(r->store, user, &open);
	if (ret)
		return ret;
	if (open >= ENROL_CODES_MAX)
		return -EDQUOT;
	if (cpns_random(random, sizeof(random)))
		return -EIO;
	make_code(random, code);
	cpns_wipe(random, sizeof(random));
	snprintf(row.user, sizeof(row.user), "%s", user);
	wrap_code_hash(r->wrap, code, row.hash);
	*expires = row.expires;
	return r->ops->code_add(r->store, &row);
}

int enrol_entity_check(const struct registry *r, const struct cpns_name *entity, char *error)
{
	size_t domain = r->domain.len;

	if (entity->len < domain + 2 || entity->text[entity->len - domain - 1] != '@' ||
	    memcmp(entity->text + entity->len - domain, r->domain.text, domain)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "an Entity ID of this Server ends in @%.200s: write NAME@%.60s%s",
			 r->domain.text, r->domain.text, r->domain.len > 60 ? "..." : "");
		return -EINVAL;
	}
	if (!cpns_name_equal(entity, &r->server.id))
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "this Entity ID is the Server's own: choose another");
	return -EINVAL;
}

/* A name for people: one line of text, or none. */
static int parse_device(const json_t *body, struct enrol_request *request, char *error)
{
	const char *device, *p;

	if (!json_object_get(body, "device"))
		return 0;
	device = cpns_json_string(body, "device", error);
	if (!device)
		return -EINVAL;
	for (p = device; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			break;
	if (*p || strlen(device) >= sizeof(request->device)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "\"device\" is a name of at most %d bytes without control characters",
			 STORE_DEVICE_MAX - 1);
		return -EINVAL;
	}
	memcpy(request->device, device, strlen(device) + 1);
	return 0;
}

static int parse_entity(const struct registry *r, const json_t *body,
			struct enrol_request *request, char *error)
{
	const char *id = cpns_json_string(body, "entity", error), *role, *why;
	struct cpns_party party;

	if (!id)
		return -EINVAL;
	role = cpns_json_string(body, "role", error);
	if (!role)
		return -EINVAL;
	request->role = cpns_role_parse(role);
	if (request->role != CPNS_ROLE_PNGW && request->role != CPNS_ROLE_PNE) {
		snprintf(error, CPNS_ERROR_TEXT, "\"role\" is \"pn-gw\" or \"pne\"");
		return -EINVAL;
	}
	if (cpns_party_set(&party, id, strlen(id), request->role, &why)) {
		snprintf(error, CPNS_ERROR_TEXT, "\"entity\" is refused: %s", why);
		return -EINVAL;
	}
	request->entity = party.id;
	request->eid = party.eid;
	return enrol_entity_check(r, &request->entity, error);
}

static int parse_password(const json_t *body, struct enrol_request *request,
			  const char **password, char *error)
{
	const char *user = cpns_json_string(body, "user", error), *why;

	if (!user)
		return -EINVAL;
	if (cpns_user_id_set(&request->user, user, strlen(user), &why) || !request->user.len) {
		snprintf(error, CPNS_ERROR_TEXT, "\"user\" is refused: %s",
			 *user ? why : "it is empty");
		return -EINVAL;
	}
	*password = cpns_json_string(body, "password", error);
	if (!*password)
		return -EINVAL;
	if (strlen(*password) > ENROL_PASSWORD_MAX) {
		snprintf(error, CPNS_ERROR_TEXT, "\"password\" is longer than %d bytes",
			 ENROL_PASSWORD_MAX);
		return -EINVAL;
	}
	return 0;
}

static int parse_code(const json_t *body, struct enrol_request *request, char *error)
{
	const char *code = cpns_json_string(body, "code", error);

	if (!code)
		return -EINVAL;
	if (json_object_get(body, "password") || json_object_get(body, "user")) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "give \"user\" and \"password\", or \"code\", not both");
		return -EINVAL;
	}
	if (!enrol_code_parse(code, request->code))
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "\"code\" has the form XXXX-XXXX");
	return -EINVAL;
}

int enrol_parse(const struct registry *r, const json_t *body, struct enrol_request *request,
		const char **password, char *error)
{
	memset(request, 0, sizeof(*request));
	*password = NULL;
	if (!json_is_object(body)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the body is a JSON object with user, password (or code), entity, role and device");
		return -EINVAL;
	}
	if (parse_entity(r, body, request, error) || parse_device(body, request, error))
		return -EINVAL;
	if (json_object_get(body, "code"))
		return parse_code(body, request, error);
	return parse_password(body, request, password, error);
}

/* The user who is entitled, by password or by code; the code is then used up. */
static int authenticate(struct registry *r, const struct enrol_request *request,
			const char *hash, bool right, uint64_t now, struct store_user *user,
			unsigned int *role, bool *unknown)
{
	uint8_t code_hash[STORE_CODE_LEN];
	struct store_code code;
	int ret;

	*role = request->role;
	if (hash) {
		ret = r->ops->user_get(r->store, request->user.text, user);
		if (ret == -ENOENT)
			*unknown = true;
		/* A password that was changed meanwhile is no password. */
		else if (!ret && (!right || strcmp(user->hash, hash)))
			ret = -EACCES;
	} else {
		wrap_code_hash(r->wrap, request->code, code_hash);
		ret = r->ops->code_get(r->store, code_hash, &code);
		if (ret == -ENOENT)
			*unknown = true;
		if (!ret && code.expires <= now)
			ret = -EACCES;
		if (!ret)
			ret = r->ops->code_del(r->store, code_hash);
		if (!ret)
			ret = r->ops->user_get(r->store, code.user, user);
		if (!ret)
			*role = code.role;
	}
	if (!ret && user->state != USER_ACTIVE)
		ret = -EACCES;
	return ret == -ENOENT ? -EACCES : ret;
}

/* The row of the entity: a new one, or the one that is bound to this user. */
static int take_entity(struct registry *r, const struct enrol_request *request,
		       const struct store_user *user, uint64_t now,
		       struct store_entity *entity, char *error)
{
	struct store_entity other;
	int ret = r->ops->entity_get(r->store, request->entity.text, entity);

	if (ret && ret != -ENOENT)
		return ret;
	if (!ret && strcmp(entity->user, user->name)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "this Entity ID belongs to another user: choose another");
		return -EEXIST;
	}
	if (!ret && entity->role != request->role) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "this Entity ID is that of a %s, and a key never serves two roles: choose another for the %s",
			 cpns_role_name(entity->role), cpns_role_name(request->role));
		return -EEXIST;
	}
	if (ret) {
		memset(entity, 0, sizeof(*entity));
		snprintf(entity->id, sizeof(entity->id), "%s", request->entity.text);
		snprintf(entity->user, sizeof(entity->user), "%s", user->name);
		entity->eid = request->eid;
		entity->role = request->role;
		entity->created = now;
		ret = r->ops->entity_by_eid(r->store, entity->eid, &other);
		if (ret != -ENOENT || entity->eid == r->server.eid) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "the EID of this Entity ID is taken by another entity: choose another Entity ID");
			return ret && ret != -ENOENT ? ret : -EEXIST;
		}
	}
	entity->state = ENTITY_ACTIVE;
	memcpy(entity->device, request->device, sizeof(entity->device));
	return r->ops->entity_put(r->store, entity);
}

static int enrol(struct registry *r, const struct enrol_request *request, const char *hash,
		 bool right, uint64_t now_ms, struct cpns_key_record *record, bool *unknown,
		 char *error)
{
	struct store_entity entity;
	uint64_t now = now_ms / 1000;
	struct store_user user = { 0 };
	unsigned int role;
	int ret;

	ret = authenticate(r, request, hash, right, now, &user, &role, unknown);
	if (!ret && role != request->role) {
		snprintf(error, CPNS_ERROR_TEXT, "the code is for a %s, not for a %s",
			 cpns_role_name(role), cpns_role_name(request->role));
		ret = -EEXIST;
	}
	if (!ret)
		ret = take_entity(r, request, &user, now, &entity, error);
	if (!ret)
		ret = keyring_make_eukey(r, &entity, now, record);
	if (!ret)
		ret = throttle_succeeded(r, now_ms, user.name, request->source);
	if (!ret)
		ret = registry_audit(r, now, request->source, "enrol", user.name, entity.id,
				     "%s, generation %u, by %s", cpns_role_name(entity.role),
				     record->generation, hash ? "password" : "code");
	if (!ret)
		ret = grants_tell_partners(r, &entity);
	if (!ret)
		registry_changed(r, entity.id);
	cpns_wipe(user.hash, sizeof(user.hash));
	return ret;
}

/* A name that is no user's is not written down: it may be a password. */
static int refuse(struct registry *r, const struct enrol_request *request, const char *why,
		  bool failed, uint64_t now_ms, bool unknown)
{
	const char *user = request->user.len && !unknown ? request->user.text : NULL;
	int ret = registry_begin(r);

	if (ret)
		return ret;
	if (failed)
		ret = throttle_failed(r, now_ms, request->user.len ? request->user.text : NULL,
				      request->source);
	if (!ret)
		ret = registry_audit(r, now_ms / 1000, request->source, "enrol-refused", user,
				     request->entity.text, "%s", why);
	return registry_end(r, ret);
}

int enrol_finish(struct registry *r, const struct enrol_request *request, const char *hash,
		 bool right, uint64_t now_ms, struct cpns_key_record *record, char *error)
{
	bool unknown = false;
	const char *why;
	int ret, err;

	memset(record, 0, sizeof(*record));
	ret = registry_begin(r);
	if (ret)
		return ret;
	ret = registry_end(r, enrol(r, request, hash, right, now_ms, record, &unknown, error));
	if (!ret)
		return 0;
	cpns_record_wipe(record);
	if (ret != -EACCES && ret != -EEXIST)
		return ret;
	why = error;
	if (ret == -EACCES)
		why = hash ? "user or password" : "code";
	err = refuse(r, request, why, ret == -EACCES, now_ms, unknown);
	return err ? err : ret;
}
