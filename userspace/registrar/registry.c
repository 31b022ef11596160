// SPDX-License-Identifier: GPL-2.0
/* The registry. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <codec.h>
#include <secret.h>

#include "registry.h"

enum { MARK_LEN = 32 };

/* Is a value of the store ours; one that is not there yet is put. */
static int check_mark(struct registry *r, const char *name, const uint8_t *mark)
{
	uint8_t found[MARK_LEN];
	int ret = r->ops->meta_get(r->store, name, found, sizeof(found));

	if (ret == -ENOENT)
		return r->ops->meta_put(r->store, name, mark, MARK_LEN);
	if (ret && ret != -EMSGSIZE)
		return ret;
	return ret || !cpns_equal(found, mark, MARK_LEN) ? -EBADMSG : 0;
}

static int check_belonging(struct registry *r, char *error)
{
	uint8_t mark[MARK_LEN] = { 0 };
	int ret;

	wrap_mark(r->wrap, mark);
	ret = check_mark(r, "wrapping-key", mark);
	if (ret == -EBADMSG) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the wrapping key is not the one that the store was made with, and no key in it can be read: put the right one back");
		return ret;
	}
	if (ret)
		goto unusable;
	memset(mark, 0, sizeof(mark));
	cpns_put_u64(mark, r->server.eid);
	ret = check_mark(r, "server", mark);
	if (ret == -EBADMSG) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the store is that of another Server than %.200s: name that one, or another store",
			 r->server.id.text);
		return -EADDRINUSE;
	}
	if (!ret)
		return 0;
unusable:
	snprintf(error, CPNS_ERROR_TEXT, "the store can't be used; the log says why");
	return ret;
}

int registry_open(struct registry *r, const char *server, const struct registry_rules *rules,
		  char *error)
{
	const char *why;
	int ret;

	r->rules = *rules;
	ret = cpns_party_set(&r->server, server, strlen(server), CPNS_ROLE_SERVER, &why);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "the Server's Entity ID is refused: %s", why);
		return -EINVAL;
	}
	if (cpns_domain_from_server(&r->domain, &r->server.id) ||
	    cpns_overlay_prefix(&r->domain, r->prefix)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "the Server's Entity ID names no domain: it ends in '@'");
		return -EINVAL;
	}
	ret = registry_begin(r);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "the store can't be used; the log says why");
		return ret;
	}
	ret = check_belonging(r, error);
	return registry_end(r, ret);
}

int registry_begin(struct registry *r)
{
	json_decref(r->events);
	r->events = json_array();
	return r->ops->begin(r->store);
}

int registry_end(struct registry *r, int ret)
{
	json_t *events = r->events, *event;
	size_t i;

	r->events = NULL;
	if (ret)
		r->ops->rollback(r->store);
	else
		ret = r->ops->commit(r->store);
	if (!ret && r->tell)
		json_array_foreach(events, i, event)
			r->tell(r->arg, event);
	json_decref(events);
	return ret;
}

void registry_changed(struct registry *r, const char *entity)
{
	json_array_append_new(r->events, json_pack("{s:i, s:s, s:s}", "v", 1, "event", "changed",
						   "entity", entity));
}

void registry_revoked(struct registry *r, const char *entity, json_t *key_ids)
{
	json_array_append_new(r->events, json_pack("{s:i, s:s, s:s, s:o}", "v", 1,
						   "event", "revoked", "entity", entity,
						   "key_ids", key_ids));
}

int registry_audit(struct registry *r, uint64_t now, const char *who, const char *what,
		   const char *user, const char *entity, const char *fmt, ...)
{
	struct store_audit line = { .at = now };
	va_list ap;

	snprintf(line.who, sizeof(line.who), "%s", who);
	snprintf(line.what, sizeof(line.what), "%s", what);
	snprintf(line.user, sizeof(line.user), "%s", user ? user : "");
	snprintf(line.entity, sizeof(line.entity), "%s", entity ? entity : "");
	va_start(ap, fmt);
	vsnprintf(line.detail, sizeof(line.detail), fmt, ap);
	va_end(ap);
	return r->ops->audit_add(r->store, &line);
}

int registry_entity(struct registry *r, const char *id, struct store_entity *entity)
{
	struct store_user user;
	int ret = r->ops->entity_get(r->store, id, entity);

	if (ret)
		return ret;
	if (entity->state != ENTITY_ACTIVE)
		return -EKEYREVOKED;
	ret = r->ops->user_get(r->store, entity->user, &user);
	cpns_wipe(user.hash, sizeof(user.hash));
	if (ret)
		return ret;
	return user.state == USER_ACTIVE ? 0 : -EACCES;
}
