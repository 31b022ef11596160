// SPDX-License-Identifier: GPL-2.0
/*
 * Strict reading of the fields of a JSON object that came from somewhere else.
 */
#include "json-field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* Says that a field is missing or is not what it must be. */
static void refuse(const json_t *json, const char *name, const char *wanted, char *error)
{
	snprintf(error, CPNS_ERROR_TEXT, "\"%s\" %s: it must be %s", name,
		 json_object_get(json, name) ? "is wrong" : "is missing", wanted);
}

const char *cpns_json_string(const json_t *json, const char *name, char *error)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (!text)
		refuse(json, name, "a string", error);
	return text;
}

int cpns_json_u64(const json_t *json, const char *name, uint64_t max, uint64_t *value,
		  char *error)
{
	const json_t *number = json_object_get(json, name);
	char wanted[64];

	if (json_is_integer(number) && json_integer_value(number) >= 0 &&
	    (uint64_t)json_integer_value(number) <= max) {
		*value = (uint64_t)json_integer_value(number);
		return 0;
	}
	snprintf(wanted, sizeof(wanted), "a whole number from 0 to %llu",
		 (unsigned long long)max);
	refuse(json, name, wanted, error);
	return -EINVAL;
}

int cpns_json_bool(const json_t *json, const char *name, bool *value, char *error)
{
	const json_t *flag = json_object_get(json, name);

	if (!json_is_boolean(flag)) {
		refuse(json, name, "true or false", error);
		return -EINVAL;
	}
	*value = json_is_true(flag);
	return 0;
}

int cpns_json_hex(const json_t *json, const char *name, void *bytes, size_t len, char *error)
{
	const json_t *text = json_object_get(json, name);
	char wanted[32];

	if (json_is_string(text) &&
	    !cpns_hex_decode(json_string_value(text), json_string_length(text), bytes, len))
		return 0;
	snprintf(wanted, sizeof(wanted), "%zu hex digits", 2 * len);
	refuse(json, name, wanted, error);
	return -EINVAL;
}

json_t *cpns_json_array(const json_t *json, const char *name, char *error)
{
	json_t *list = json_object_get(json, name);

	if (json_is_array(list))
		return list;
	refuse(json, name, "a list", error);
	return NULL;
}

json_t *cpns_json_object(const json_t *json, const char *name, char *error)
{
	json_t *object = json_object_get(json, name);

	if (json_is_object(object))
		return object;
	refuse(json, name, "an object", error);
	return NULL;
}

int cpns_json_user(const json_t *json, const char *name, struct cpns_name *user, char *error)
{
	const char *text = cpns_json_string(json, name, error);
	const char *why;

	if (!text)
		return -EINVAL;
	if (!cpns_user_id_set(user, text, strlen(text), &why))
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "\"%s\" is no User ID: %s", name, why);
	return -EINVAL;
}

int cpns_json_party(const json_t *json, struct cpns_party *party, char *error)
{
	const char *id = cpns_json_string(json, "id", error);
	const char *role, *why;

	if (!id)
		return -EINVAL;
	role = cpns_json_string(json, "role", error);
	if (!role)
		return -EINVAL;
	if (!cpns_party_set(party, id, strlen(id), cpns_role_parse(role), &why))
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "an entity is wrong: %s", why);
	return -EINVAL;
}

json_t *cpns_json_from_party(const struct cpns_party *party)
{
	return json_pack("{s:s, s:s}", "id", party->id.text, "role",
			 cpns_role_name(party->role));
}
