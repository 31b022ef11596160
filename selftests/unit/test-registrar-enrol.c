// SPDX-License-Identifier: GPL-2.0
/* Enrolment: who gets a key, and what becomes of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test-registrar.h"

static int enrol_code(struct fixture *f, const char *code, const char *entity, const char *role,
		      uint64_t now)
{
	struct cpns_key_record record;
	struct enrol_request request;
	char error[CPNS_ERROR_TEXT];
	const char *password;
	json_t *body;
	int ret;

	body = json_pack("{s:s, s:s, s:s}", "code", code, "entity", entity, "role", role);
	assert_int_equal(enrol_parse(&f->reg, body, &request, &password, error), 0);
	assert_null(password);
	json_decref(body);
	set_text(request.source, "192.0.2.1");
	ret = enrol_finish(&f->reg, &request, NULL, false, now * 1000, &record, error);
	cpns_record_wipe(&record);
	return ret;
}

static void new_code(struct fixture *f, const char *user, unsigned int role, char *code)
{
	uint64_t expires;

	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, enrol_code_new(&f->reg, user, role, T0, code,
							      &expires)), 0);
	assert_int_equal(expires, T0 + 600);
}

static void requests_are_read_with_care(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "[]", "JSON object" },
		{ "{}", "\"entity\"" },
		{ "{\"entity\":1}", "\"entity\"" },
		{ "{\"entity\":\"a@home.example\"}", "\"role\"" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"server\"}", "\"role\" is" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"king\"}", "\"role\" is" },
		{ "{\"entity\":\"a@other.example\",\"role\":\"pne\"}", "ends in @home.example" },
		{ "{\"entity\":\"ahome.example\",\"role\":\"pne\"}", "ends in @home.example" },
		{ "{\"entity\":\"@home.example\",\"role\":\"pne\"}", "ends in @home.example" },
		{ "{\"entity\":\"a@sub.home.example\",\"role\":\"pne\"}", "ends in" },
		{ "{\"entity\":\"srv@home.example\",\"role\":\"pne\"}", "the Server's own" },
		{ "{\"entity\":\"a b@home.example\",\"role\":\"pne\"}", "white space" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\"}", "\"user\"" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"\"}", "empty" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"a\"}",
		  "\"password\"" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"a\",\n"
		  "\"password\":5}", "\"password\"" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"a\",\"code\":\"x\"}",
		  "not both" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"code\":\"x\"}",
		  "XXXX-XXXX" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"a\",\n"
		  "\"password\":\"b\",\"device\":\"\\u0007\"}", "\"device\"" },
		{ "{\"entity\":\"a@home.example\",\"role\":\"pne\",\"user\":\"a\",\n"
		  "\"password\":\"b\",\"device\":7}", "\"device\"" },
	};
	struct fixture *f = *state;
	struct enrol_request request;
	char error[CPNS_ERROR_TEXT];
	const char *password;
	json_t *body;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		body = json_loads(bad[i].text, 0, NULL);
		assert_non_null(body);
		error[0] = 0;
		assert_int_equal(enrol_parse(&f->reg, body, &request, &password, error), -EINVAL);
		if (!strstr(error, bad[i].error))
			fail_msg("%s: %s", bad[i].text, error);
		json_decref(body);
	}
}

static void codes_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *code;
	} all[] = {
		{ "AB12-CD34", "AB12-CD34" },
		{ "ab12cd34", "AB12-CD34" },
		{ " ab12 - cd34 ", "AB12-CD34" },
		{ "oOiI-lL00", "0011-1100" },
		{ "AB12-CD3", NULL },
		{ "AB12-CD345", NULL },
		{ "", NULL },
		{ "AB12-CDU4", NULL },
		{ "AB12/CD34", NULL },
		{ "ABCDEFGHJKMNPQRSTVWXYZABCDEFGHJKMNPQRSTVWXYZ", NULL },
	};
	char code[ENROL_CODE_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		assert_int_equal(enrol_code_parse(all[i].text, code),
				 all[i].code ? 0 : -EINVAL);
		if (all[i].code)
			assert_string_equal(code, all[i].code);
	}
}

static void an_entity_gets_its_key(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record record, found;
	struct store_audit *audit;
	unsigned int key_state;
	const char *why;
	size_t n;

	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 0);
	assert_int_equal(cpns_record_check(&record, &why), 0);
	assert_string_equal(record.own.id.text, "srv@home.example");
	assert_string_equal(record.peer.id.text, "p@home.example");
	assert_string_equal(record.user_id.text, "alice");
	assert_int_equal(record.peer.role, CPNS_ROLE_PNE);
	assert_int_equal(record.generation, 1);
	assert_int_equal(record.not_before, T0);
	assert_int_equal(record.not_after, T0 + 365 * DAY);
	fixture_reopen(f);
	assert_int_equal(keyring_lookup(&f->reg, record.key_id, T0, &found, &key_state), 0);
	assert_int_equal(key_state, KEY_PENDING);
	assert_memory_equal(found.key, record.key, CPNS_KEY_LEN);
	assert_int_equal(keyring_lookup(&f->reg, record.key_id, T0 + 365 * DAY, &found,
					&key_state), -EKEYEXPIRED);
	assert_int_equal(f->reg.ops->audit_list(f->reg.store, 0, 10, &audit, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(audit[0].what, "enrol");
	assert_string_equal(audit[0].who, "192.0.2.1");
	assert_string_equal(audit[0].user, "alice");
	free(audit);
}

static int confirm(struct fixture *f, const struct cpns_key_record *record, uint64_t now)
{
	assert_int_equal(registry_begin(&f->reg), 0);
	return registry_end(&f->reg, keyring_confirm(&f->reg, record->key_id, now));
}

static int look(struct fixture *f, const struct cpns_key_record *record, uint64_t now)
{
	struct cpns_key_record found;
	unsigned int key_state;

	return keyring_lookup(&f->reg, record->key_id, now, &found, &key_state);
}

static void the_old_key_stays_until_the_new_is_used(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record a, b, c, found;
	unsigned int key_state;

	fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &a);
	assert_int_equal(confirm(f, &a, T0), 0);
	assert_int_equal(confirm(f, &a, T0), 0);
	fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0 + 1, &b);
	fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0 + 2, &c);
	assert_int_equal(c.generation, 3);
	assert_int_equal(look(f, &a, T0), 0);
	assert_int_equal(look(f, &b, T0), 0);
	assert_int_equal(keyring_newest(&f->reg, "p@home.example", T0, &found, &key_state), 0);
	assert_int_equal(found.generation, 3);
	assert_int_equal(key_state, KEY_PENDING);
	/* The answer with c was lost: b comes into use, and c may still. */
	assert_int_equal(confirm(f, &b, T0), 0);
	assert_int_equal(look(f, &a, T0), -EKEYEXPIRED);
	assert_int_equal(confirm(f, &a, T0), -EKEYEXPIRED);
	assert_int_equal(look(f, &b, T0), 0);
	assert_int_equal(look(f, &c, T0), 0);
	assert_int_equal(confirm(f, &c, T0), 0);
	assert_int_equal(look(f, &b, T0), -EKEYEXPIRED);
}

static void keys_in_force_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record first, record;
	struct store_key *list;
	size_t n, i, open = 0;

	fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &first);
	confirm(f, &first, T0);
	for (i = 0; i < 20; i++)
		fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record);
	assert_int_equal(f->reg.ops->key_list(f->reg.store, "p@home.example", &list, &n), 0);
	for (i = 0; i < n; i++)
		open += keyring_in_force(&list[i], T0);
	free(list);
	assert_int_equal(open, KEYRING_OPEN_MAX);
	/* Of them the one in use, and the newest. */
	assert_int_equal(look(f, &first, T0), 0);
	assert_int_equal(look(f, &record, T0), 0);
}

static void wrong_ones_are_refused(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record record;
	struct enrol_request request = { .role = CPNS_ROLE_PNE };
	struct store_user user = { .name = "alice", .hash = "hash" };
	char error[CPNS_ERROR_TEXT];
	struct store_entity entity;
	struct store_audit *audit;
	size_t n;

	set_text(request.source, "192.0.2.1");
	cpns_entity_id_set(&request.entity, "p@home.example", 14, NULL);
	cpns_user_id_set(&request.user, "alice", 5, NULL);
	assert_int_equal(enrol_finish(&f->reg, &request, "hash", false, T0, &record, error),
			 -EACCES);
	/* The password was changed while it was checked. */
	assert_int_equal(enrol_finish(&f->reg, &request, "other", true, T0, &record, error),
			 -EACCES);
	user.state = USER_DISABLED;
	f->reg.ops->user_put(f->reg.store, &user);
	assert_int_equal(enrol_finish(&f->reg, &request, "hash", true, T0, &record, error),
			 -EACCES);
	cpns_user_id_set(&request.user, "my-password", 11, NULL);
	assert_int_equal(enrol_finish(&f->reg, &request, "hash", true, T0, &record, error),
			 -EACCES);
	assert_int_equal(f->reg.ops->entity_get(f->reg.store, "p@home.example", &entity),
			 -ENOENT);
	assert_int_equal(f->reg.ops->audit_list(f->reg.store, 0, 10, &audit, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(audit[0].what, "enrol-refused");
	assert_string_equal(audit[0].user, "alice");
	/* What was typed as a name may be a password. */
	assert_string_equal(audit[3].user, "");
	free(audit);
}

static void names_are_bound(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record record;
	struct store_entity entity;

	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 0);
	assert_int_equal(fixture_enrol(f, "bob", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 -EEXIST);
	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNGW, T0,
				       &record), -EEXIST);
	/* Revoked, it is still alice's. */
	entity = fixture_entity(f, "p@home.example");
	entity.state = ENTITY_REVOKED;
	assert_int_equal(f->reg.ops->entity_put(f->reg.store, &entity), 0);
	assert_int_equal(fixture_enrol(f, "bob", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 -EEXIST);
	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 0);
	assert_int_equal(fixture_entity(f, "p@home.example").state, ENTITY_ACTIVE);
}

/* Names whose EIDs collide can't be had: the EID of one is put in the store. */
static void an_eid_is_taken_once(void **state)
{
	struct fixture *f = *state;
	struct store_entity other = { .id = "x@home.example", .user = "alice",
				      .role = CPNS_ROLE_PNE };
	struct cpns_key_record record;
	struct cpns_name name;

	cpns_entity_id_set(&name, "p@home.example", 14, NULL);
	assert_int_equal(cpns_eid_from_name(&name, &other.eid), 0);
	assert_int_equal(f->reg.ops->entity_put(f->reg.store, &other), 0);
	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 -EEXIST);
	assert_non_null(strstr(f->error, "EID"));
	assert_int_equal(f->reg.ops->entity_get(f->reg.store, "p@home.example", &other),
			 -ENOENT);
}

static void a_code_is_good_once(void **state)
{
	struct fixture *f = *state;
	char code[ENROL_CODE_TEXT];

	new_code(f, "alice", CPNS_ROLE_PNE, code);
	/* What fails leaves it: it is used up with an enrolment. */
	assert_int_equal(enrol_code(f, code, "p@home.example", "pn-gw", T0), -EEXIST);
	assert_int_equal(enrol_code(f, code, "p@home.example", "pne", T0 + 599), 0);
	assert_int_equal(enrol_code(f, code, "p@home.example", "pne", T0 + 599), -EACCES);
	assert_int_equal(enrol_code(f, code, "q@home.example", "pne", T0 + 599), -EACCES);
	assert_string_equal(fixture_entity(f, "p@home.example").user, "alice");
}

static void a_code_ends(void **state)
{
	struct store_user user = { .name = "bob", .hash = "hash", .state = USER_DISABLED };
	struct fixture *f = *state;
	char code[ENROL_CODE_TEXT];

	new_code(f, "alice", CPNS_ROLE_PNE, code);
	assert_int_equal(enrol_code(f, code, "p@home.example", "pne", T0 + 600), -EACCES);
	new_code(f, "bob", CPNS_ROLE_PNE, code);
	f->reg.ops->user_put(f->reg.store, &user);
	assert_int_equal(enrol_code(f, code, "p@home.example", "pne", T0), -EACCES);
	assert_int_equal(enrol_code(f, "AAAA-AAAA", "p@home.example", "pne", T0), -EACCES);
}

static void codes_differ_and_are_bounded(void **state)
{
	struct fixture *f = *state;
	char code[ENROL_CODES_MAX][ENROL_CODE_TEXT], one[ENROL_CODE_TEXT];
	uint64_t expires;
	int i, j;

	for (i = 0; i < ENROL_CODES_MAX; i++) {
		new_code(f, "alice", CPNS_ROLE_PNE, code[i]);
		for (j = 0; j < i; j++)
			assert_string_not_equal(code[i], code[j]);
	}
	assert_int_equal(enrol_code_new(&f->reg, "alice", CPNS_ROLE_PNE, T0, one, &expires),
			 -EDQUOT);
	assert_int_equal(enrol_code_new(&f->reg, "alice", CPNS_ROLE_PNE, T0 + 600, one,
					&expires), 0);
}

struct unit_result test_registrar_enrol(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test_setup_teardown(requests_are_read_with_care, fixture_setup,
						fixture_teardown),
		cmocka_unit_test(codes_are_read_as_people_write_them),
		cmocka_unit_test_setup_teardown(an_entity_gets_its_key, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_old_key_stays_until_the_new_is_used,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(keys_in_force_are_bounded, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(wrong_ones_are_refused, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(names_are_bound, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(an_eid_is_taken_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_code_is_good_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_code_ends, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(codes_differ_and_are_bounded, fixture_setup,
						fixture_teardown),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
