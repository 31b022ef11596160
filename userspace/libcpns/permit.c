// SPDX-License-Identifier: GPL-2.0
/* A permit: what the Server lets an entity do with another one. */
#include "permit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json-field.h"

void cpns_permits_clear(struct cpns_permits *permits)
{
	size_t i;

	for (i = 0; i < permits->n; i++) {
		free(permits->list[i].inner_src.list);
		free(permits->list[i].allowed_dst.list);
	}
	free(permits->list);
	memset(permits, 0, sizeof(*permits));
}

const struct cpns_permit *cpns_permits_find(const struct cpns_permits *permits, uint64_t eid)
{
	size_t i;

	for (i = 0; i < permits->n; i++)
		if (permits->list[i].entity.eid == eid)
			return &permits->list[i];
	return NULL;
}

static int prefixes_from_json(const json_t *permit, const char *name,
			      struct cpns_permit_prefixes *prefixes, char *error)
{
	const json_t *list = cpns_json_array(permit, name, error);
	const json_t *text;
	size_t i;

	if (!list)
		return -EINVAL;
	if (json_array_size(list) > CPNS_PERMIT_PREFIXES) {
		snprintf(error, CPNS_ERROR_TEXT, "\"%s\" has more than %d prefixes", name,
			 CPNS_PERMIT_PREFIXES);
		return -EINVAL;
	}
	prefixes->list = calloc(json_array_size(list) + 1, sizeof(*prefixes->list));
	if (!prefixes->list)
		return -ENOMEM;
	json_array_foreach(list, i, text) {
		if (!json_is_string(text) ||
		    cpns_prefix_parse(json_string_value(text), &prefixes->list[i])) {
			snprintf(error, CPNS_ERROR_TEXT,
				 "\"%s\" is wrong: each must be a prefix such as 10.9.0.0/16 or fd00::/64 without host bits",
				 name);
			return -EINVAL;
		}
		prefixes->n++;
	}
	return 0;
}

static int permit_from_json(const json_t *json, struct cpns_permit *permit, char *error)
{
	const json_t *entity;
	int ret;

	if (!json_is_object(json)) {
		snprintf(error, CPNS_ERROR_TEXT, "a permit must be an object");
		return -EINVAL;
	}
	entity = cpns_json_object(json, "entity", error);
	if (!entity || cpns_json_party(entity, &permit->entity, error) ||
	    cpns_json_user(entity, "user", &permit->user, error) ||
	    cpns_json_bool(json, "relay", &permit->relay, error) ||
	    cpns_json_bool(json, "via", &permit->via, error))
		return -EINVAL;
	ret = prefixes_from_json(json, "inner_src", &permit->inner_src, error);
	if (!ret)
		ret = prefixes_from_json(json, "allowed_dst", &permit->allowed_dst, error);
	if (ret == -ENOMEM)
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
	return ret;
}

int cpns_permits_from_json(const json_t *json, struct cpns_permits *permits, char *error)
{
	const json_t *one;
	size_t i;
	int ret;

	memset(permits, 0, sizeof(*permits));
	if (!json_is_array(json) || json_array_size(json) > CPNS_PERMITS_MAX) {
		snprintf(error, CPNS_ERROR_TEXT, "\"permits\" must be a list of at most %d",
			 CPNS_PERMITS_MAX);
		return -EINVAL;
	}
	permits->list = calloc(json_array_size(json) + 1, sizeof(*permits->list));
	if (!permits->list) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	json_array_foreach(json, i, one) {
		/* Counted first, so that what it got so far is freed, too. */
		permits->n = i + 1;
		ret = permit_from_json(one, &permits->list[i], error);
		if (ret)
			goto fail;
		if (cpns_permits_find(permits, permits->list[i].entity.eid) !=
		    &permits->list[i]) {
			snprintf(error, CPNS_ERROR_TEXT, "there are two permits for %.255s",
				 permits->list[i].entity.id.text);
			ret = -EINVAL;
			goto fail;
		}
	}
	return 0;
fail:
	cpns_permits_clear(permits);
	return ret;
}

static json_t *prefixes_to_json(const struct cpns_permit_prefixes *prefixes)
{
	json_t *list = json_array();
	char text[CPNS_PREFIX_TEXT];
	size_t i;

	for (i = 0; i < prefixes->n; i++) {
		cpns_prefix_format(&prefixes->list[i], text);
		if (json_array_append_new(list, json_string(text))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

json_t *cpns_permits_to_json(const struct cpns_permits *permits)
{
	const struct cpns_permit *p;
	json_t *list = json_array(), *one;
	size_t i;

	for (i = 0; i < permits->n; i++) {
		p = &permits->list[i];
		one = json_pack("{s:{s:s, s:s, s:s}, s:b, s:o, s:o, s:b}",
				"entity", "id", p->entity.id.text, "role",
				cpns_role_name(p->entity.role), "user", p->user.text,
				"relay", p->relay,
				"inner_src", prefixes_to_json(&p->inner_src),
				"allowed_dst", prefixes_to_json(&p->allowed_dst),
				"via", p->via);
		if (json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
