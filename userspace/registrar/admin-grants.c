// SPDX-License-Identifier: GPL-2.0
/* Administration of grants. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-field.h>

#include "admin.h"
#include "grants.h"
#include "local-keys.h"

static void tell(struct registry *r, const struct store_grant *grant)
{
	registry_changed(r, grant->subject);
	registry_changed(r, grant->object);
	if (grant->via[0])
		registry_changed(r, grant->via);
}

/* A list of texts, or a text with blanks or commas between. */
static int read_prefixes(struct local_call *call, struct store_grant *grant)
{
	const json_t *list = json_object_get(call->request, "prefixes"), *item;
	size_t used = 0, i;
	int n;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return local_refuse(call, "bad-request", "\"prefixes\" is a list of prefixes");
	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return local_refuse(call, "bad-request",
					    "\"prefixes\" is a list of prefixes");
		n = snprintf(grant->prefixes + used, sizeof(grant->prefixes) - used, "%s%s",
			     i ? " " : "", json_string_value(item));
		if (n < 0 || (size_t)n >= sizeof(grant->prefixes) - used)
			return local_refuse(call, "bad-request",
					    "these are too many prefixes for one grant: give several");
		used += (size_t)n;
	}
	return 0;
}

static int read_name(struct local_call *call, const char *field, bool needed, char *name)
{
	const char *text;

	if (!needed && !json_object_get(call->request, field))
		return 0;
	text = admin_text(call, field);
	if (!text)
		return -ECANCELED;
	if (strlen(text) >= STORE_NAME_MAX)
		return local_refuse(call, "bad-request", "\"%s\" is no Entity ID: it is too long",
				    field);
	memcpy(name, text, strlen(text) + 1);
	return 0;
}

static int read_grant(struct local_call *call, struct store_grant *grant)
{
	const char *what;

	if (read_name(call, "subject", true, grant->subject) ||
	    read_name(call, "object", true, grant->object) ||
	    read_name(call, "via", false, grant->via) || read_prefixes(call, grant))
		return -ECANCELED;
	what = admin_text(call, "what");
	if (!what)
		return -ECANCELED;
	grant->what = grants_what_parse(what);
	if (!grant->what)
		return local_refuse(call, "bad-request",
				    "\"what\" is \"talk\", \"relay\", \"route\" or \"prefix\"");
	grant->created = registrar_now();
	return 0;
}

static bool equal(const struct store_grant *a, const struct store_grant *b)
{
	return a->what == b->what && !strcmp(a->subject, b->subject) &&
	       !strcmp(a->object, b->object) && !strcmp(a->via, b->via) &&
	       !strcmp(a->prefixes, b->prefixes);
}

static int add(struct registry *r, struct store_grant *grant, const char *who)
{
	struct store_grant *list;
	size_t n, i;
	int ret = r->ops->grant_list(r->store, grant->subject, &list, &n);

	for (i = 0; i < n && !grant->id; i++)
		if (equal(&list[i], grant))
			grant->id = list[i].id;
	free(list);
	if (ret || grant->id)
		return ret;
	ret = r->ops->grant_add(r->store, grant);
	if (!ret)
		ret = registry_audit(r, grant->created, who, "grant", NULL, grant->subject,
				     "number %lld: %s %.200s", (long long)grant->id,
				     grants_what_name(grant->what), grant->object);
	tell(r, grant);
	return ret;
}

int admin_grant_add(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	struct store_grant grant = { 0 };
	char error[CPNS_ERROR_TEXT];
	int ret;

	if (read_grant(call, &grant))
		return -ECANCELED;
	ret = grants_check(reg, &grant, error);
	if (ret == -EINVAL)
		return local_refuse(call, "bad-request", "%s", error);
	if (!ret)
		ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, add(reg, &grant, call->who));
	if (ret)
		return local_failed(call);
	json_object_set_new(call->answer, "grant", json_integer(grant.id));
	return 0;
}

static int find(struct registry *r, int64_t id, struct store_grant *grant)
{
	struct store_grant *list;
	size_t n, i;
	int ret = r->ops->grant_list(r->store, NULL, &list, &n);

	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		if (list[i].id == id)
			*grant = list[i];
	free(list);
	return grant->id ? 0 : -ENOENT;
}

/* LocalEUKeys that the grant alone allowed are revoked with it. */
static int remove_grant(struct registry *r, int64_t id, const char *who, uint64_t now)
{
	struct store_grant grant = { 0 };
	json_t *keys = NULL, *revoked = NULL;
	struct store_entity entity;
	int ret = find(r, id, &grant);

	if (!ret)
		ret = r->ops->grant_del(r->store, id);
	if (!ret)
		ret = registry_audit(r, now, who, "grant-del", NULL, grant.subject,
				     "number %lld: %s %.200s", (long long)id,
				     grants_what_name(grant.what), grant.object);
	if (ret)
		return ret;
	tell(r, &grant);
	if (registry_entity(r, grant.subject, &entity))
		return 0;
	ret = local_keys_sync(r, &entity, now, &keys, &revoked);
	json_decref(keys);
	json_decref(revoked);
	return ret;
}

int admin_grant_del(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	char error[CPNS_ERROR_TEXT];
	uint64_t id;
	int ret;

	if (cpns_json_u64(call->request, "grant", INT64_MAX, &id, error))
		return local_refuse(call, "bad-request", "%s", error);
	ret = registry_begin(reg);
	if (!ret)
		ret = registry_end(reg, remove_grant(reg, (int64_t)id, call->who, registrar_now()));
	if (ret == -ENOENT)
		return local_refuse(call, "unknown",
				    "there is no grant %llu: grant list shows all",
				    (unsigned long long)id);
	return ret ? local_failed(call) : 0;
}

static json_t *grant_json(const struct store_grant *grant)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:I}", "grant", (json_int_t)grant->id,
			      "subject", grant->subject, "what", grants_what_name(grant->what),
			      "object", grant->object, "created", (json_int_t)grant->created);

	if (grant->via[0])
		json_object_set_new(o, "via", json_string(grant->via));
	if (grant->prefixes[0])
		json_object_set_new(o, "prefixes", json_string(grant->prefixes));
	return o;
}

int admin_grant_list(struct local_call *call)
{
	struct registry *reg = &call->registrar->reg;
	json_t *result = json_array();
	struct store_grant *list;
	size_t n, i;

	if (reg->ops->grant_list(reg->store, NULL, &list, &n)) {
		json_decref(result);
		return local_failed(call);
	}
	for (i = 0; i < n; i++)
		json_array_append_new(result, grant_json(&list[i]));
	free(list);
	json_object_set_new(call->answer, "grants", result);
	return 0;
}
