// SPDX-License-Identifier: GPL-2.0
/* Key records and permits as JSON. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "permit.h"
#include "record-json.h"

static const char good_key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static json_t *good(void)
{
	static const char form[] =
		"{s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:s, s:[i], s:[{s:s, s:s}, {s:s, s:s}]}";
	json_t *json;

	json = json_pack(form, "key_id", "000102030405060708090a0b0c0d0e0f",
			 "key", good_key, "kind", "eukey", "generation", 3,
			 "not_before", 10, "not_after", 20, "pure_psk", 1, "user", "alice",
			 "unknown", 1,
			 "entities", "id", "srv@home", "role", "server",
			 "id", "pne@home", "role", "pne");
	assert_non_null(json);
	return json;
}

static struct cpns_name name_of(const char *text)
{
	struct cpns_name name;

	assert_int_equal(cpns_entity_id_set(&name, text, strlen(text), NULL), 0);
	return name;
}

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}

static void there_and_back(void **state)
{
	struct cpns_name own = name_of("pne@home");
	struct cpns_key_record r, again;
	char error[CPNS_ERROR_TEXT];
	json_t *json, *back;
	int i;

	(void)state;
	json = good();
	assert_int_equal(cpns_record_from_json(json, &own, CPNS_ROLE_PNE, &r, error), 0);
	for (i = 0; i < CPNS_KEY_LEN; i++)
		assert_int_equal(r.key[i], i);
	for (i = 0; i < CPNS_KEY_ID_LEN; i++)
		assert_int_equal(r.key_id[i], i);
	assert_int_equal(r.kind, CPNS_KEY_EUKEY);
	assert_int_equal(r.generation, 3);
	assert_int_equal(r.not_before, 10);
	assert_int_equal(r.not_after, 20);
	assert_true(r.pure_psk);
	assert_string_equal(r.user_id.text, "alice");
	assert_string_equal(r.own.id.text, "pne@home");
	assert_int_equal(r.own.role, CPNS_ROLE_PNE);
	assert_string_equal(r.peer.id.text, "srv@home");
	assert_true(r.own.eid && r.peer.eid);

	/* The Server stands first, whoever's record it is. */
	back = cpns_record_to_json(&r);
	assert_non_null(back);
	json_object_del(json, "unknown");
	assert_true(json_equal(json, back));
	assert_int_equal(cpns_record_from_json(back, NULL, 0, &again, error), 0);
	assert_string_equal(again.own.id.text, "srv@home");
	assert_int_equal(cpns_record_from_json(back, &own, 0, &again, error), 0);
	assert_memory_equal(&r, &again, sizeof(r));
	json_decref(json);
	json_decref(back);
}

static void optional(void **state)
{
	struct cpns_key_record r;
	char error[CPNS_ERROR_TEXT];
	json_t *json = good();

	(void)state;
	json_object_del(json, "pure_psk");
	json_object_del(json, "not_before");
	json_object_del(json, "not_after");
	assert_int_equal(cpns_record_from_json(json, NULL, 0, &r, error), 0);
	assert_false(r.pure_psk);
	assert_int_equal(r.not_before, 0);
	assert_int_equal(r.not_after, 0);
	json_decref(json);
}

/* One field wrong or missing: refused, named, nothing of the key told or left. */
static void wrong_fields(void **state)
{
	static const struct {
		const char *field, *value, *says;
	} all[] = {
		{ "key_id", NULL, "\"key_id\" is missing" },
		{ "key_id", "1", "\"key_id\" is wrong" },
		{ "key_id", "\"00\"", "32 hex digits" },
		{ "key_id", "\"00000000000000000000000000000000\"", "key-id is missing" },
		{ "key", NULL, "\"key\" is missing" },
		{ "key", "7", "\"key\" is wrong" },
		{ "key", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"", "\"key\" is wrong" },
		{ "key", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\"", "\"key\" is wrong" },
		{ "key", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8f\"", "\"key\" is wrong" },
		{ "key", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH===\"", "\"key\" is wrong" },
		{ "key", "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\\n\"",
		  "\"key\" is wrong" },
		{ "key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "the key is missing" },
		{ "kind", NULL, "\"kind\" is missing" },
		{ "kind", "\"other\"", "eukey, localeukey or static" },
		{ "kind", "\"static\"", "no user-id" },
		{ "generation", NULL, "\"generation\" is missing" },
		{ "generation", "-1", "\"generation\" is wrong" },
		{ "generation", "4294967296", "\"generation\" is wrong" },
		{ "generation", "1.0", "\"generation\" is wrong" },
		{ "not_before", "\"1\"", "\"not_before\" is wrong" },
		{ "not_before", "20", "never be valid" },
		{ "not_after", "-5", "\"not_after\" is wrong" },
		{ "pure_psk", "0", "true or false" },
		{ "user", NULL, "\"user\" is missing" },
		{ "user", "\"a b\"", "no User ID" },
		{ "user", "\"\"", "user-id is missing" },
		{ "entities", NULL, "\"entities\" is missing" },
		{ "entities", "{}", "\"entities\" is wrong" },
		{ "entities", "[]", "must name two" },
		{ "entities", "[{},{}]", "\"id\" is missing" },
		{ "entities", "[7,7]", "\"id\" is missing" },
		{ "entities", "[{\"id\":\"a\",\"role\":\"boss\"},{\"id\":\"b\",\"role\":\"pne\"}]",
		  "role is not one of" },
		{ "entities", "[{\"id\":\"a\",\"role\":\"pne\"},{\"id\":\"b\",\"role\":\"pne\"}]",
		  "same role" },
		{ "entities",
		  "[{\"id\":\"a\",\"role\":\"pne\"},{\"id\":\"a\",\"role\":\"server\"}]",
		  "are the same" },
	};
	static const uint8_t zeros[sizeof(struct cpns_key_record)];
	struct cpns_key_record r;
	char error[CPNS_ERROR_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		json_t *json = good();

		if (all[i].value)
			json_object_set_new(json, all[i].field, parse(all[i].value));
		else
			json_object_del(json, all[i].field);
		memset(&r, 0xa5, sizeof(r));
		assert_int_equal(cpns_record_from_json(json, NULL, 0, &r, error), -EINVAL);
		if (!strstr(error, all[i].says))
			fail_msg("%s: %s", all[i].says, error);
		assert_null(strstr(error, "AAEC"));
		assert_memory_equal(&r, zeros, sizeof(r));
		json_decref(json);
	}
	{
		json_t *json = json_integer(3);

		assert_int_equal(cpns_record_from_json(json, NULL, 0, &r, error), -EINVAL);
		json_decref(json);
	}
}

static void for_somebody_else(void **state)
{
	struct cpns_name other = name_of("pne-2@home"), own = name_of("pne@home");
	struct cpns_key_record r;
	char error[CPNS_ERROR_TEXT];
	json_t *json = good();

	(void)state;
	assert_int_equal(cpns_record_from_json(json, &other, 0, &r, error), -EPERM);
	assert_non_null(strstr(error, "pne-2@home"));
	assert_int_equal(cpns_record_from_json(json, &own, CPNS_ROLE_PNGW, &r, error), -EPERM);
	assert_non_null(strstr(error, "pn-gw"));
	json_decref(json);
}

static json_t *good_permits(void)
{
	static const char form[] =
		"[{s{ssssss}sbs[ss]s[]sb},{s{ssssss}sbs[]s[s]sb}]";
	json_t *json;

	json = json_pack(form, "entity", "id", "pne@home", "role", "pne", "user", "alice",
			 "relay", 1, "inner_src", "10.9.0.0/16", "fd00::/64", "allowed_dst",
			 "via", 0,
			 "entity", "id", "b@home", "role", "pne", "user", "bob",
			 "relay", 0, "inner_src", "allowed_dst", "192.0.2.0/24", "via", 1);
	assert_non_null(json);
	return json;
}

static void permits(void **state)
{
	struct cpns_permits p;
	char error[CPNS_ERROR_TEXT];
	json_t *json = good_permits(), *back;

	(void)state;
	assert_int_equal(cpns_permits_from_json(json, &p, error), 0);
	assert_int_equal(p.n, 2);
	assert_true(p.list[0].relay && !p.list[0].via);
	assert_true(!p.list[1].relay && p.list[1].via);
	assert_int_equal(p.list[0].inner_src.n, 2);
	assert_int_equal(p.list[0].inner_src.list[0].len, 16);
	assert_int_equal(p.list[1].allowed_dst.n, 1);
	assert_string_equal(p.list[1].user.text, "bob");
	assert_ptr_equal(cpns_permits_find(&p, p.list[1].entity.eid), &p.list[1]);
	assert_null(cpns_permits_find(&p, 1));
	back = cpns_permits_to_json(&p);
	assert_true(json_equal(json, back));
	json_decref(back);
	json_decref(json);
	cpns_permits_clear(&p);
	assert_int_equal(p.n, 0);
}

static void wrong_permits(void **state)
{
	static const struct {
		const char *field, *value, *says;
	} all[] = {
		{ "entity", NULL, "\"entity\" is missing" },
		{ "entity", "7", "\"entity\" is wrong" },
		{ "entity", "{\"id\":\"x\",\"role\":\"pne\"}", "\"user\" is missing" },
		{ "entity", "{\"id\":\"b@home\",\"role\":\"pne\",\"user\":\"bob\"}",
		  "two permits" },
		{ "relay", "1", "\"relay\" is wrong" },
		{ "via", NULL, "\"via\" is missing" },
		{ "inner_src", NULL, "\"inner_src\" is missing" },
		{ "inner_src", "[3]", "\"inner_src\" is wrong" },
		{ "inner_src", "[\"10.0.0.1/8\"]", "without host bits" },
		{ "allowed_dst", "\"10.0.0.0/8\"", "\"allowed_dst\" is wrong" },
	};
	struct cpns_permits p;
	char error[CPNS_ERROR_TEXT];
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		json = good_permits();
		if (all[i].value)
			json_object_set_new(json_array_get(json, 0), all[i].field,
					    parse(all[i].value));
		else
			json_object_del(json_array_get(json, 0), all[i].field);
		assert_int_equal(cpns_permits_from_json(json, &p, error), -EINVAL);
		if (!strstr(error, all[i].says))
			fail_msg("%s: %s", all[i].says, error);
		assert_int_equal(p.n, 0);
		assert_null(p.list);
		json_decref(json);
	}
	assert_int_equal(cpns_permits_from_json(NULL, &p, error), -EINVAL);
	json = parse("[7]");
	assert_int_equal(cpns_permits_from_json(json, &p, error), -EINVAL);
	json_decref(json);
}

struct unit_result test_record_json(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(optional),
		cmocka_unit_test(wrong_fields), cmocka_unit_test(for_somebody_else),
		cmocka_unit_test(permits), cmocka_unit_test(wrong_permits),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
