/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A key record as a JSON object, the one form in which records are delivered
 * and stored:
 *
 *	{"key_id": 32 hex digits, "key": base64 of 32 bytes,
 *	 "kind": "eukey" | "localeukey" | "static", "generation": number,
 *	 "not_before": seconds, "not_after": seconds, "pure_psk": false,
 *	 "user": User ID,
 *	 "entities": [{"id": Entity ID, "role": "server" | "pn-gw" | "pne"}, ...]}
 *
 * The two entities stand in the order of their roles, the Server first.
 * "pure_psk", "not_before" and "not_after" may be missing: false and none.
 */
#ifndef _CPNS_RECORD_JSON_H
#define _CPNS_RECORD_JSON_H

#include <jansson.h>

#include "record.h"

/**
 * cpns_record_from_json() - read and check a key record
 * @json: object; unknown fields are ignored
 * @own: Entity ID of this end, or NULL: the first entity of the record is own
 * @own_role: role of this end; 0 where any will do
 * @record: result; zeros on an error
 * @error: CPNS_ERROR_TEXT characters; on an error a sentence that says which
 *	field is wrong, never with what stands in it
 *
 * A record in which @own under @own_role is not one of the two is refused.
 *
 * Return: 0, -EINVAL, or -EPERM (it is not for this entity).
 */
int cpns_record_from_json(const json_t *json, const struct cpns_name *own,
			  unsigned int own_role, struct cpns_key_record *record, char *error);

/**
 * cpns_record_to_json() - a key record as an object
 * @record: record
 *
 * See cpns_json_wipe_on_free(), which this calls.
 *
 * Return: for json_decref(), or NULL without memory.
 */
json_t *cpns_record_to_json(const struct cpns_key_record *record);

#endif /* _CPNS_RECORD_JSON_H */
