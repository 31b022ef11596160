// SPDX-License-Identifier: GPL-2.0
/* A key record as a JSON object. */
#include "record-json.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "json-field.h"
#include "json-secret.h"
#include "secret.h"
#include "text.h"

enum {
	KEY_BASE64 = 44,	/* characters of 32 bytes */
	KEY_DECODED = 33,	/* what the decoder writes: the padding counts as a byte */
};

static int key_from_json(const json_t *json, uint8_t *key, char *error)
{
	const json_t *text = json_object_get(json, "key");
	unsigned char bytes[KEY_DECODED], again[KEY_BASE64 + 1];
	int ret = -EINVAL;

	/* Only what encodes to the same text is taken: one key has one form. */
	if (json_string_length(text) == KEY_BASE64 &&
	    EVP_DecodeBlock(bytes, (const unsigned char *)json_string_value(text),
			    KEY_BASE64) == KEY_DECODED &&
	    EVP_EncodeBlock(again, bytes, CPNS_KEY_LEN) == KEY_BASE64 &&
	    cpns_equal(again, json_string_value(text), KEY_BASE64)) {
		memcpy(key, bytes, CPNS_KEY_LEN);
		ret = 0;
	}
	cpns_wipe(bytes, sizeof(bytes));
	cpns_wipe(again, sizeof(again));
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "\"key\" is %s: it must be base64 of 32 bytes",
			 text ? "wrong" : "missing");
	return ret;
}

static int kind_from_json(const json_t *json, uint8_t *kind, char *error)
{
	const char *text = cpns_json_string(json, "kind", error);
	uint8_t k;

	if (!text)
		return -EINVAL;
	for (k = CPNS_KEY_EUKEY; k <= CPNS_KEY_STATIC; k++) {
		if (!strcmp(text, cpns_key_kind_name(k))) {
			*kind = k;
			return 0;
		}
	}
	snprintf(error, CPNS_ERROR_TEXT,
		 "\"kind\" is wrong: it must be eukey, localeukey or static");
	return -EINVAL;
}

/* A time that may be missing. */
static int time_from_json(const json_t *json, const char *name, uint64_t *when, char *error)
{
	*when = 0;
	if (!json_object_get(json, name))
		return 0;
	return cpns_json_u64(json, name, INT64_MAX, when, error);
}

static int entities_from_json(const json_t *json, const struct cpns_name *own,
			      unsigned int own_role, struct cpns_key_record *record, char *error)
{
	const json_t *list = cpns_json_array(json, "entities", error);
	struct cpns_party party[2];
	int mine = 0, i;

	if (!list)
		return -EINVAL;
	if (json_array_size(list) != 2) {
		snprintf(error, CPNS_ERROR_TEXT, "\"entities\" is wrong: it must name two");
		return -EINVAL;
	}
	for (i = 0; i < 2; i++)
		if (cpns_json_party(json_array_get(list, i), &party[i], error))
			return -EINVAL;
	if (own && !cpns_name_equal(own, &party[0].id))
		mine = 1;
	record->own = party[mine];
	record->peer = party[!mine];
	if (own && !cpns_name_equal(own, &record->own.id)) {
		snprintf(error, CPNS_ERROR_TEXT, "the key is for other entities, not for %.255s",
			 own->text);
		return -EPERM;
	}
	if (own_role && record->own.role != own_role) {
		snprintf(error, CPNS_ERROR_TEXT, "the key is for another role than %s",
			 cpns_role_name(own_role));
		return -EPERM;
	}
	return 0;
}

static int fields_from_json(const json_t *json, struct cpns_key_record *record, char *error)
{
	uint64_t generation;

	if (cpns_json_hex(json, "key_id", record->key_id, CPNS_KEY_ID_LEN, error) ||
	    key_from_json(json, record->key, error) ||
	    kind_from_json(json, &record->kind, error) ||
	    cpns_json_u64(json, "generation", UINT32_MAX, &generation, error) ||
	    time_from_json(json, "not_before", &record->not_before, error) ||
	    time_from_json(json, "not_after", &record->not_after, error) ||
	    cpns_json_user(json, "user", &record->user_id, error))
		return -EINVAL;
	record->generation = (uint32_t)generation;
	if (json_object_get(json, "pure_psk"))
		return cpns_json_bool(json, "pure_psk", &record->pure_psk, error);
	return 0;
}

int cpns_record_from_json(const json_t *json, const struct cpns_name *own,
			  unsigned int own_role, struct cpns_key_record *record, char *error)
{
	const char *why;
	int ret;

	memset(record, 0, sizeof(*record));
	if (!json_is_object(json)) {
		snprintf(error, CPNS_ERROR_TEXT, "a key record must be an object");
		return -EINVAL;
	}
	ret = fields_from_json(json, record, error);
	if (!ret)
		ret = entities_from_json(json, own, own_role, record, error);
	if (!ret && cpns_record_check(record, &why)) {
		snprintf(error, CPNS_ERROR_TEXT, "%s", why);
		ret = -EINVAL;
	}
	if (ret)
		cpns_record_wipe(record);
	return ret;
}

json_t *cpns_record_to_json(const struct cpns_key_record *record)
{
	bool own_first = record->own.role <= record->peer.role;
	const struct cpns_party *first = own_first ? &record->own : &record->peer;
	const struct cpns_party *second = own_first ? &record->peer : &record->own;
	unsigned char key[KEY_BASE64 + 1];
	char key_id[CPNS_KEY_ID_TEXT];
	json_t *json;

	cpns_json_wipe_on_free();
	cpns_hex_encode(record->key_id, CPNS_KEY_ID_LEN, key_id);
	EVP_EncodeBlock(key, record->key, CPNS_KEY_LEN);
	json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:s, s:[o, o]}",
			 "key_id", key_id,
			 "key", key,
			 "kind", cpns_key_kind_name(record->kind),
			 "generation", (json_int_t)record->generation,
			 "not_before", (json_int_t)record->not_before,
			 "not_after", (json_int_t)record->not_after,
			 "pure_psk", record->pure_psk,
			 "user", record->user_id.text,
			 "entities", cpns_json_from_party(first), cpns_json_from_party(second));
	cpns_wipe(key, sizeof(key));
	return json;
}
