/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strict reading of the fields of a JSON object that came from somewhere else.
 *
 * Each function takes CPNS_ERROR_TEXT characters for a sentence that names the
 * field and says what it must be; what was read never stands in it. Fields that
 * nobody asks for are ignored.
 */
#ifndef _CPNS_JSON_FIELD_H
#define _CPNS_JSON_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "identity.h"
#include "record.h"

/**
 * cpns_json_string() - a string
 * @json: object
 * @name: field
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: it, as long as @json lives, or NULL where it is missing or no string.
 */
const char *cpns_json_string(const json_t *json, const char *name, char *error);

/**
 * cpns_json_u64() - a whole number that is not negative
 * @json: object
 * @name: field
 * @max: most that is accepted
 * @value: result
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL.
 */
int cpns_json_u64(const json_t *json, const char *name, uint64_t max, uint64_t *value,
		  char *error);

/** cpns_json_bool() - true or false; 0 or -EINVAL */
int cpns_json_bool(const json_t *json, const char *name, bool *value, char *error);

/** cpns_json_hex() - exactly @len bytes in hex digits; 0 or -EINVAL */
int cpns_json_hex(const json_t *json, const char *name, void *bytes, size_t len, char *error);

/** cpns_json_array() - a list, or NULL where it is missing or no list */
json_t *cpns_json_array(const json_t *json, const char *name, char *error);

/** cpns_json_object() - an object, or NULL where it is missing or no object */
json_t *cpns_json_object(const json_t *json, const char *name, char *error);

/** cpns_json_user() - a User ID, which may be empty; 0 or -EINVAL */
int cpns_json_user(const json_t *json, const char *name, struct cpns_name *user, char *error);

/**
 * cpns_json_party() - {"id": Entity ID, "role": "server", "pn-gw" or "pne"}
 * @json: such an object
 * @party: result
 * @error: CPNS_ERROR_TEXT characters
 *
 * Return: 0 or -EINVAL.
 */
int cpns_json_party(const json_t *json, struct cpns_party *party, char *error);

/** cpns_json_from_party() - the object that cpns_json_party() reads, or NULL */
json_t *cpns_json_from_party(const struct cpns_party *party);

#endif /* _CPNS_JSON_FIELD_H */
