// SPDX-License-Identifier: GPL-2.0
/* Administration of users. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <secret.h>

#include "admin.h"
#include "enrol.h"
#include "grants.h"
#include "keyring.h"

/**
 * struct password_change - a user that waits for the hash of its password
 * @call: request
 * @name: User ID
 * @add: the user is new
 */
struct password_change {
	struct local_call	*call;
	char			name[STORE_NAME_MAX];
	bool			add;
};

/* Puts the hash; whether the user is there may have changed meanwhile. */
static int put_hash(struct password_change *change, const char *hash)
{
	struct registry *reg = &change->call->registrar->reg;
	uint64_t now = registrar_now();
	struct store_user user;
	int ret = reg->ops->user_get(reg->store, change->name, &user);
	bool there = !ret && user.state != USER_DELETED;

	if (ret && ret != -ENOENT)
		return ret;
	if (there == change->add)
		return there ? -EEXIST : -ENOENT;
	if (change->add) {
		memset(&user, 0, sizeof(user));
		memcpy(user.name, change->name, sizeof(user.name));
		user.created = now;
	}
	snprintf(user.hash, sizeof(user.hash), "%s", hash);
	ret = reg->ops->user_put(reg->store, &user);
	cpns_wipe(user.hash, sizeof(user.hash));
	if (ret)
		return ret;
	return registry_audit(reg, now, change->call->who,
			      change->add ? "user-add" : "user-passwd", change->name, NULL,
			      "%s", "");
}

static void on_hash(void *arg, int result, const char *hash)
{
	struct password_change *change = arg;
	struct local_call *call = change->call;
	struct registry *reg = &call->registrar->reg;
	int ret = result ? result : registry_begin(reg);

	if (!ret)
		ret = registry_end(reg, put_hash(change, hash));
	if (ret == -EEXIST)
		local_refuse(call, "conflict", "user %.200s is there already", change->name);
	else if (ret == -ENOENT)
		local_refuse(call, "unknown", "there is no user %.200s", change->name);
	else if (ret)
		local_failed(call);
	local_finish(call);
	free(change);
}

static int check_names(struct local_call *call, const char *user, const char *password)
{
	struct cpns_name name;
	const char *why;

	if (cpns_user_id_set(&name, user, strlen(user), &why) || !name.len)
		return local_refuse(call, "bad-request", "the User ID is refused: %s",
				    *user ? why : "it is empty");
	if (strlen(password) < ENROL_PASSWORD_MIN || strlen(password) > ENROL_PASSWORD_MAX)
		return local_refuse(call, "bad-request", "a password has %d to %d bytes",
				    ENROL_PASSWORD_MIN, ENROL_PASSWORD_MAX);
	return 0;
}

static int set_password(struct local_call *call, bool add)
{
	const char *user = admin_text(call, "user"), *password;
	struct password_change *change;
	int ret;

	password = user ? admin_text(call, "password") : NULL;
	if (!password || check_names(call, user, password))
		return -ECANCELED;
	change = calloc(1, sizeof(*change));
	if (change)
		change->call = local_defer(call);
	if (!change || !change->call) {
		free(change);
		return local_failed(call);
	}
	snprintf(change->name, sizeof(change->name), "%s", user);
	change->add = add;
	ret = password_make(call->registrar->passwords, password, on_hash, change);
	if (!ret)
		return -EINPROGRESS;
	json_decref(change->call->answer);
	free(change->call);
	free(change);
	if (ret == -EBUSY)
		return local_refuse(call, "slow-down",
				    "too many passwords are being checked: try again");
	return local_failed(call);
}

int admin_user_add(struct local_call *call)
{
	struct store_user user;
	const char *name = admin_text(call, "user");
	struct registry *reg = &call->registrar->reg;

	/* Known at once; put_hash() has the last word. */
	if (name && !reg->ops->user_get(reg->store, name, &user) && user.state != USER_DELETED)
		return local_refuse(call, "conflict", "user %.200s is there already", name);
	return set_password(call, true);
}

int admin_user_passwd(struct local_call *call)
{
	struct store_user user;

	if (admin_user(call, &user))
		return -ECANCELED;
	return set_password(call, false);
}

/* EUKeys of the entities are refused as long as the user is: sessions end now. */
static int cut_entity(struct registry *r, const struct store_entity *entity, uint64_t now)
{
	json_t *key_ids = json_array();
	struct store_key *list;
	size_t n, i;
	int ret = r->ops->key_list(r->store, entity->id, &list, &n);

	for (i = 0; i < n; i++)
		if (list[i].kind == CPNS_KEY_EUKEY && keyring_in_force(&list[i], now))
			json_array_append_new(key_ids, keyring_key_id_json(&list[i]));
	free(list);
	registry_revoked(r, entity->id, key_ids);
	if (!ret)
		ret = keyring_revoke(r, entity->id, false, NULL);
	return ret;
}

static int end_entity(struct registry *r, struct store_entity *entity)
{
	int ret = keyring_revoke(r, entity->id, true, NULL);

	entity->state = ENTITY_REVOKED;
	return ret ? ret : r->ops->entity_put(r->store, entity);
}

static int set_state(struct registry *r, struct store_user *user, unsigned int state,
		     uint64_t now)
{
	struct store_entity *list = NULL;
	size_t n = 0, i;
	int ret;

	user->state = state;
	if (state == USER_DELETED)
		user->hash[0] = 0;
	ret = r->ops->user_put(r->store, user);
	if (!ret)
		ret = r->ops->entity_list(r->store, user->name, 0, &list, &n);
	for (i = 0; i < n && !ret; i++) {
		if (list[i].state != ENTITY_ACTIVE)
			continue;
		if (state == USER_ACTIVE)
			registry_changed(r, list[i].id);
		ret = grants_tell_partners(r, &list[i]);
		if (!ret && state == USER_DISABLED)
			ret = cut_entity(r, &list[i], now);
		if (!ret && state == USER_DELETED)
			ret = end_entity(r, &list[i]);
	}
	free(list);
	return ret;
}

static int change_state(struct local_call *call, unsigned int state, const char *what)
{
	struct registry *reg = &call->registrar->reg;
	uint64_t now = registrar_now();
	struct store_user user;
	int ret;

	if (admin_user(call, &user))
		return -ECANCELED;
	if (user.state == state)
		return 0;
	ret = registry_begin(reg);
	if (ret)
		return local_failed(call);
	ret = set_state(reg, &user, state, now);
	if (!ret)
		ret = registry_audit(reg, now, call->who, what, user.name, NULL, "%s", "");
	cpns_wipe(user.hash, sizeof(user.hash));
	return registry_end(reg, ret) ? local_failed(call) : 0;
}

int admin_user_disable(struct local_call *call)
{
	return change_state(call, USER_DISABLED, "user-disable");
}

int admin_user_enable(struct local_call *call)
{
	return change_state(call, USER_ACTIVE, "user-enable");
}

int admin_user_del(struct local_call *call)
{
	return change_state(call, USER_DELETED, "user-del");
}

int admin_user_list(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	json_t *list = json_array();
	struct store_entity *entities;
	struct store_user *users;
	size_t n, i, n_entities;
	int ret;

	ret = reg->ops->user_list(reg->store, &users, &n);
	for (i = 0; i < n && !ret; i++) {
		if (users[i].state == USER_DELETED)
			continue;
		ret = reg->ops->entity_list(reg->store, users[i].name, 0, &entities,
					    &n_entities);
		free(entities);
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:I}", "user", users[i].name,
						"state", users[i].state == USER_ACTIVE ?
						"active" : "disabled", "entities",
						(json_int_t)n_entities, "created",
						(json_int_t)users[i].created));
	}
	free(users);
	if (ret) {
		json_decref(list);
		return local_failed(call);
	}
	json_object_set_new(call->answer, "users", list);
	return 0;
}
