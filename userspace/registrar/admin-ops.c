// SPDX-License-Identifier: GPL-2.0
/* The operations of admin.sock, but for those with a file of their own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-field.h>

#include "admin.h"
#include "enrol.h"
#include "https.h"

enum { AUDIT_LINES = 1000, AUDIT_LINES_MAX = 100000 };

const char *admin_text(struct local_call *call, const char *name)
{
	char error[CPNS_ERROR_TEXT];
	const char *text = cpns_json_string(call->request, name, error);

	if (!text)
		local_refuse(call, "bad-request", "%s", error);
	return text;
}

int admin_user(struct local_call *call, struct store_user *user)
{
	struct registry *reg = &call->registrar->reg;
	const char *name = admin_text(call, "user");
	int ret;

	if (!name)
		return -ECANCELED;
	ret = reg->ops->user_get(reg->store, name, user);
	if (ret && ret != -ENOENT)
		return local_failed(call);
	if (ret || user->state == USER_DELETED)
		return local_refuse(call, "unknown", "there is no user %.200s: user list names all",
				    name);
	return 0;
}

int admin_entity(struct local_call *call, struct store_entity *entity)
{
	struct registry *reg = &call->registrar->reg;
	const char *id = admin_text(call, "entity");
	int ret;

	if (!id)
		return -ECANCELED;
	ret = reg->ops->entity_get(reg->store, id, entity);
	if (ret == -ENOENT)
		return local_refuse(call, "unknown",
				    "there is no entity %.200s: entity list names all", id);
	return ret ? local_failed(call) : 0;
}

static int op_code_new(struct local_call *call)
{
	const char *word = json_string_value(json_object_get(call->request, "role"));
	unsigned int role = word ? cpns_role_parse(word) : CPNS_ROLE_PNE;
	struct registry *reg = &call->registrar->reg;
	uint64_t now = registrar_now(), expires;
	char code[ENROL_CODE_TEXT];
	struct store_user user;
	int ret;

	if (admin_user(call, &user))
		return -ECANCELED;
	if (role != CPNS_ROLE_PNE && role != CPNS_ROLE_PNGW)
		return local_refuse(call, "bad-request", "\"role\" is \"pne\" or \"pn-gw\"");
	if (user.state != USER_ACTIVE)
		return local_refuse(call, "disabled", "the user is disabled: enable it first");
	ret = registry_begin(reg);
	if (ret)
		return local_failed(call);
	ret = enrol_code_new(reg, user.name, role, now, code, &expires);
	if (!ret)
		ret = registry_audit(reg, now, call->who, "code", user.name, NULL, "for a %s",
				     cpns_role_name(role));
	ret = registry_end(reg, ret);
	if (ret == -EDQUOT)
		return local_refuse(call, "too-many",
				    "the user has %d codes open: use one, or wait until they end",
				    ENROL_CODES_MAX);
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "code", json_string(code));
	json_object_set_new(call->answer, "expires", json_integer((json_int_t)expires));
	return 0;
}

static json_t *audit_json(const struct store_audit *line)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "what", line->what, "at",
			 (json_int_t)line->at, "who", line->who, "user", line->user, "entity",
			 line->entity, "detail", line->detail);
}

static int op_audit(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	uint64_t since = 0, limit = AUDIT_LINES;
	char error[CPNS_ERROR_TEXT];
	json_t *list = json_array();
	struct store_audit *lines;
	size_t n, i;
	int ret = 0;

	if (json_object_get(call->request, "since"))
		ret = cpns_json_u64(call->request, "since", INT64_MAX, &since, error);
	if (!ret && json_object_get(call->request, "limit"))
		ret = cpns_json_u64(call->request, "limit", AUDIT_LINES_MAX, &limit, error);
	if (ret) {
		json_decref(list);
		return local_refuse(call, "bad-request", "%s", error);
	}
	if (reg->ops->audit_list(reg->store, since, limit, &lines, &n)) {
		json_decref(list);
		return local_failed(call);
	}
	for (i = 0; i < n; i++)
		json_array_append_new(list, audit_json(&lines[i]));
	free(lines);
	json_object_set_new(call->answer, "audit", list);
	return 0;
}

static int op_backup(struct local_call *call)
{
	const char *path = admin_text(call, "path");
	struct registry *reg = &call->registrar->reg;
	char error[CPNS_ERROR_TEXT];

	if (!path)
		return -ECANCELED;
	if (path[0] != '/')
		return local_refuse(call, "bad-request",
				    "\"path\" is a path from the root on, of a file that is not there yet");
	if (reg->ops->backup(reg->store, path, error))
		return local_refuse(call, "failed", "%s", error);
	if (registry_audit(reg, registrar_now(), call->who, "backup", NULL, NULL, "%.200s", path))
		return local_failed(call);
	json_object_set_new(call->answer, "path", json_string(path));
	return 0;
}

static int op_status(struct local_call *call)
{
	struct registrar *registrar = call->registrar;
	struct registry *reg = &registrar->reg;
	struct store_entity *entities = NULL;
	size_t n_users, n_entities, i, revoked = 0;
	struct store_user *users = NULL;
	int ret;

	ret = reg->ops->user_list(reg->store, &users, &n_users);
	if (!ret)
		ret = reg->ops->entity_list(reg->store, NULL, 0, &entities, &n_entities);
	for (i = 0; !ret && i < n_entities; i++)
		revoked += entities[i].state == ENTITY_REVOKED;
	free(users);
	free(entities);
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "version", json_string(CPNS_RELEASE));
	json_object_set_new(call->answer, "server", registrar_server_json(registrar));
	json_object_set_new(call->answer, "domain", json_string(reg->domain.text));
	json_object_set_new(call->answer, "pin", json_string(registrar->pin));
	json_object_set_new(call->answer, "started",
			    json_integer((json_int_t)registrar->started));
	json_object_set_new(call->answer, "users", json_integer((json_int_t)n_users));
	json_object_set_new(call->answer, "entities", json_integer((json_int_t)n_entities));
	json_object_set_new(call->answer, "revoked", json_integer((json_int_t)revoked));
	json_object_set_new(call->answer, "connections",
			    json_integer(https_connections(registrar->https)));
	return 0;
}

const struct local_op admin_ops[] = {
	{ "user-add", admin_user_add },
	{ "user-passwd", admin_user_passwd },
	{ "user-disable", admin_user_disable },
	{ "user-enable", admin_user_enable },
	{ "user-del", admin_user_del },
	{ "user-list", admin_user_list },
	{ "entity-list", admin_entity_list },
	{ "entity-show", admin_entity_show },
	{ "entity-revoke", admin_entity_revoke },
	{ "entity-rotate", admin_entity_rotate },
	{ "grant-add", admin_grant_add },
	{ "grant-del", admin_grant_del },
	{ "grant-list", admin_grant_list },
	{ "code-new", op_code_new },
	{ "audit", op_audit },
	{ "backup", op_backup },
	{ "status", op_status },
	{ NULL, NULL }
};
