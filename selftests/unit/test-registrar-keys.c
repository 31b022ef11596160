// SPDX-License-Identifier: GPL-2.0
/* LocalEUKeys, grants and permits: who may talk to whom, and with which key. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <record-json.h>

#include "test-registrar.h"

#define GW	"gw@home.example"
#define PNE	"pne@home.example"
#define OTHER	"other@home.example"

static int enrolled(void **state)
{
	struct cpns_key_record record;
	struct fixture *f;

	if (fixture_setup(state))
		return -1;
	f = *state;
	assert_int_equal(fixture_enrol(f, "alice", GW, CPNS_ROLE_PNGW, T0, &record), 0);
	assert_int_equal(fixture_enrol(f, "alice", PNE, CPNS_ROLE_PNE, T0, &record), 0);
	assert_int_equal(fixture_enrol(f, "bob", OTHER, CPNS_ROLE_PNE, T0, &record), 0);
	json_array_clear(f->events);
	return 0;
}

/* What an entity is to hold: the number of keys, and they. */
static size_t hold(struct fixture *f, const char *id, uint64_t now, json_t **keys, size_t *revoked)
{
	struct store_entity entity = fixture_entity(f, id);
	json_t *list, *gone;
	size_t n;

	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, local_keys_sync(&f->reg, &entity, now, &list,
							       &gone)), 0);
	n = json_array_size(list);
	if (revoked)
		*revoked = json_array_size(gone);
	json_decref(gone);
	if (keys)
		*keys = list;
	else
		json_decref(list);
	return n;
}

static void grant(struct fixture *f, const char *subject, const char *object, unsigned int what,
		  const char *via, const char *prefixes)
{
	struct store_grant g = { .what = what };
	char error[CPNS_ERROR_TEXT];

	set_text(g.subject, subject);
	set_text(g.object, object);
	set_text(g.via, via);
	set_text(g.prefixes, prefixes);
	assert_int_equal(grants_check(&f->reg, &g, error), 0);
	assert_int_equal(f->reg.ops->grant_add(f->reg.store, &g), 0);
}

static void both_ends_get_the_same_key(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record a, b;
	char error[CPNS_ERROR_TEXT];
	struct cpns_name own;
	json_t *one, *two;

	assert_int_equal(hold(f, GW, T0, &one, NULL), 1);
	assert_int_equal(fixture_events(f, "changed", PNE), 1);
	assert_int_equal(hold(f, PNE, T0, &two, NULL), 1);
	assert_int_equal(fixture_events(f, "changed", GW), 0);
	assert_true(json_equal(one, two));
	cpns_entity_id_set(&own, GW, strlen(GW), NULL);
	assert_int_equal(cpns_record_from_json(json_array_get(one, 0), &own, CPNS_ROLE_PNGW, &a,
					       error), 0);
	cpns_entity_id_set(&own, PNE, strlen(PNE), NULL);
	assert_int_equal(cpns_record_from_json(json_array_get(two, 0), &own, CPNS_ROLE_PNE, &b,
					       error), 0);
	assert_int_equal(a.kind, CPNS_KEY_LOCALEUKEY);
	assert_int_equal(a.not_after, T0 + 30 * DAY);
	assert_string_equal(a.user_id.text, "alice");
	json_decref(one);
	json_decref(two);
	/* The PNE of somebody else has none. */
	assert_int_equal(hold(f, OTHER, T0, NULL, NULL), 0);
}

/* Generations of many pairs, and one pair that is gone, between each other. */
static void pairs_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record record;
	struct store_entity entity;
	size_t i, revoked;
	char id[40];
	json_t *keys;

	for (i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "p%zu@home.example", i);
		assert_int_equal(fixture_enrol(f, "alice", id, CPNS_ROLE_PNE, T0, &record), 0);
	}
	assert_int_equal(hold(f, GW, T0, NULL, NULL), 21);
	assert_int_equal(hold(f, GW, T0, NULL, NULL), 21);
	entity = fixture_entity(f, "p7@home.example");
	entity.state = ENTITY_REVOKED;
	assert_int_equal(f->reg.ops->entity_put(f->reg.store, &entity), 0);
	assert_int_equal(hold(f, GW, T0 + 15 * DAY, NULL, &revoked), 2 * 20);
	assert_int_equal(revoked, 1);
	assert_int_equal(hold(f, GW, T0 + 15 * DAY, NULL, NULL), 2 * 20);
	for (i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "p%zu@home.example", i);
		if (i == 7)
			continue;
		assert_int_equal(hold(f, id, T0 + 15 * DAY, &keys, NULL), 2);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(keys, 0),
								    "generation")), 2);
		json_decref(keys);
	}
}

static void keys_are_renewed_at_half(void **state)
{
	struct fixture *f = *state;
	json_t *keys;

	assert_int_equal(hold(f, GW, T0, NULL, NULL), 1);
	assert_int_equal(hold(f, GW, T0 + 15 * DAY - 1, NULL, NULL), 1);
	json_array_clear(f->events);
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, local_keys_due(&f->reg, T0 + 15 * DAY)), 0);
	assert_int_equal(fixture_events(f, "changed", GW), 1);
	assert_int_equal(hold(f, PNE, T0 + 15 * DAY, &keys, NULL), 2);
	json_decref(keys);
	assert_int_equal(hold(f, GW, T0 + 15 * DAY, &keys, NULL), 2);
	json_decref(keys);
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, local_keys_due(&f->reg, T0 + 16 * DAY)), 0);
	assert_int_equal(fixture_events(f, "changed", GW), 1);
	/* The first has ended, the second is past half, the third begins. */
	assert_int_equal(hold(f, GW, T0 + 30 * DAY, &keys, NULL), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(keys, 1),
							    "generation")), 3);
	json_decref(keys);
}

static void revocation_reaches_the_other_end(void **state)
{
	struct fixture *f = *state;
	struct store_entity pne;
	struct store_key *rows;
	size_t n, revoked;

	hold(f, GW, T0, NULL, NULL);
	assert_int_equal(f->reg.ops->key_list(f->reg.store, GW, &rows, &n), 0);
	assert_int_equal(rows[n - 1].kind, CPNS_KEY_LOCALEUKEY);
	pne = fixture_entity(f, PNE);
	pne.state = ENTITY_REVOKED;
	json_array_clear(f->events);
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(f->reg.ops->entity_put(f->reg.store, &pne), 0);
	assert_int_equal(registry_end(&f->reg, keyring_revoke(&f->reg, PNE, true, &n)), 0);
	assert_int_equal(n, 2);
	assert_int_equal(fixture_events(f, "revoked", GW), 1);
	assert_int_equal(hold(f, GW, T0, NULL, &revoked), 0);
	assert_int_equal(revoked, 1);
	/* It is told until it is acknowledged. */
	assert_int_equal(hold(f, GW, T0, NULL, &revoked), 0);
	assert_int_equal(revoked, 1);
	for (n = 0; rows[n].kind != CPNS_KEY_LOCALEUKEY; n++)
		;
	assert_int_equal(local_keys_acked(&f->reg, OTHER, rows[n].key_id), -ENOENT);
	assert_int_equal(local_keys_acked(&f->reg, GW, rows[n].key_id), 0);
	assert_int_equal(local_keys_acked(&f->reg, GW, rows[n].key_id), 0);
	free(rows);
	assert_int_equal(hold(f, GW, T0, NULL, &revoked), 0);
	assert_int_equal(revoked, 0);
	assert_int_equal(registry_entity(&f->reg, PNE, &pne), -EKEYREVOKED);
}

static void an_ack_before_the_revocation_is_none_of_it(void **state)
{
	struct fixture *f = *state;
	struct store_key *rows;
	size_t n, revoked;

	hold(f, GW, T0, NULL, NULL);
	assert_int_equal(f->reg.ops->key_list(f->reg.store, GW, &rows, &n), 0);
	for (n = 0; rows[n].kind != CPNS_KEY_LOCALEUKEY; n++)
		;
	assert_int_equal(local_keys_acked(&f->reg, GW, rows[n].key_id), 0);
	free(rows);
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, keyring_revoke(&f->reg, PNE, true, NULL)), 0);
	hold(f, GW, T0, NULL, &revoked);
	assert_int_equal(revoked, 1);
}

static void talk_gives_a_key_and_takes_it_back(void **state)
{
	struct fixture *f = *state;
	size_t revoked;

	grant(f, OTHER, GW, GRANT_TALK, "", "");
	assert_int_equal(hold(f, GW, T0, NULL, NULL), 2);
	assert_int_equal(hold(f, OTHER, T0, NULL, NULL), 1);
	assert_int_equal(f->reg.ops->grant_del(f->reg.store, 1), 0);
	json_array_clear(f->events);
	assert_int_equal(hold(f, GW, T0, NULL, &revoked), 1);
	assert_int_equal(revoked, 1);
	assert_int_equal(fixture_events(f, "revoked", OTHER), 1);
	assert_int_equal(hold(f, OTHER, T0, NULL, &revoked), 0);
	assert_int_equal(revoked, 1);
	assert_int_equal(f->reg.ops->grant_del(f->reg.store, 1), -ENOENT);
}

static void relay_gives_no_key(void **state)
{
	struct fixture *f = *state;
	struct store_entity gw = fixture_entity(f, GW);
	json_t *permits;

	grant(f, OTHER, GW, GRANT_RELAY, "", "");
	assert_int_equal(hold(f, OTHER, T0, NULL, NULL), 0);
	assert_int_equal(grants_permits(&f->reg, &gw, &permits), 0);
	assert_int_equal(json_array_size(permits), 2);
	assert_true(json_is_true(json_object_get(json_array_get(permits, 1), "relay")));
	json_decref(permits);
}

static json_t *permits_of(struct fixture *f, const char *id)
{
	struct store_entity entity = fixture_entity(f, id);
	json_t *permits;

	assert_int_equal(grants_permits(&f->reg, &entity, &permits), 0);
	return permits;
}

static size_t count_permits(struct fixture *f, const char *id)
{
	json_t *permits = permits_of(f, id);
	size_t n = json_array_size(permits);

	json_decref(permits);
	return n;
}

static void permits_are(struct fixture *f, const char *id, const char *wanted)
{
	json_t *permits = permits_of(f, id), *json = json_loads(wanted, 0, NULL);
	char *text;

	assert_non_null(json);
	if (!json_equal(permits, json)) {
		text = json_dumps(permits, 0);
		fail_msg("%s: %s", id, text);
	}
	json_decref(permits);
	json_decref(json);
}

#define ADDR_PNE	"\"fd10:6224:9430:1:2bd4:9b93:252:465d/128\""
#define ENTITY(id, role, user)						\
	"\"entity\":{\"id\":\"" id "\",\"role\":\"" role "\",\"user\":\"" user "\"}"

static void the_default_is_the_own_user(void **state)
{
	struct fixture *f = *state;

	permits_are(f, GW, "[{" ENTITY(PNE, "pne", "alice") ",\"relay\":true,\"inner_src\":[],\n"
		    "\"allowed_dst\":[],\"via\":false}]");
	permits_are(f, PNE, "[{" ENTITY(GW, "pn-gw", "alice") ",\"relay\":true,\"inner_src\":[],\n"
		    "\"allowed_dst\":[],\"via\":false}]");
	permits_are(f, OTHER, "[]");
}

static void a_route_goes_hop_by_hop(void **state)
{
	struct fixture *f = *state;
	char other[64], text[1024];
	struct in6_addr addr;

	cpns_overlay_address(f->reg.prefix, fixture_entity(f, OTHER).eid, &addr);
	inet_ntop(AF_INET6, &addr, other, sizeof(other));
	strcat(other, "/128");
	grant(f, OTHER, GW, GRANT_TALK, "", "");
	grant(f, OTHER, PNE, GRANT_ROUTE, GW, "");
	snprintf(text, sizeof(text), "[{" ENTITY(PNE, "pne", "alice") ",\"relay\":true,\n"
		 "\"inner_src\":[],\"allowed_dst\":[\"%s\"],\"via\":false},\n"
		 "{" ENTITY(OTHER, "pne", "bob") ",\"relay\":true,\"inner_src\":[],\n"
		 "\"allowed_dst\":[" ADDR_PNE "],\"via\":false}]", other);
	permits_are(f, GW, text);
	snprintf(text, sizeof(text), "[{" ENTITY(GW, "pn-gw", "alice") ",\"relay\":true,\n"
		 "\"inner_src\":[\"%s\"],\"allowed_dst\":[],\"via\":false},\n"
		 "{" ENTITY(OTHER, "pne", "bob") ",\"relay\":false,\"inner_src\":[],\n"
		 "\"allowed_dst\":[],\"via\":true}]", other);
	permits_are(f, PNE, text);
	permits_are(f, OTHER, "[{" ENTITY(GW, "pn-gw", "alice") ",\"relay\":true,\n"
		    "\"inner_src\":[" ADDR_PNE "],\"allowed_dst\":[],\"via\":false},\n"
		    "{" ENTITY(PNE, "pne", "alice") ",\"relay\":false,\"inner_src\":[],\n"
		    "\"allowed_dst\":[],\"via\":true}]");
}

static void prefixes_go_to_one_pne(void **state)
{
	struct fixture *f = *state;

	grant(f, PNE, GW, GRANT_PREFIX, "", "10.9.0.0/16, 2001:db8::/32");
	permits_are(f, GW, "[{" ENTITY(PNE, "pne", "alice") ",\"relay\":true,\"inner_src\":[],\n"
		    "\"allowed_dst\":[\"10.9.0.0/16\",\"2001:db8::/32\"],\"via\":false}]");
	permits_are(f, PNE, "[{" ENTITY(GW, "pn-gw", "alice") ",\"relay\":true,\n"
		    "\"inner_src\":[\"10.9.0.0/16\",\"2001:db8::/32\"],\"allowed_dst\":[],\n"
		    "\"via\":false}]");
}

static void grants_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *subject, *object;
		unsigned int what;
		const char *via, *prefixes, *error;
	} bad[] = {
		{ "nobody@home.example", GW, GRANT_TALK, "", "", "is not enrolled" },
		{ PNE, "nobody@home.example", GRANT_TALK, "", "", "is not enrolled" },
		{ GW, PNE, GRANT_TALK, "", "", "must be a pne" },
		{ PNE, OTHER, GRANT_TALK, "", "", "must be a pn-gw" },
		{ PNE, GW, GRANT_TALK, GW, "", "via goes with a route" },
		{ PNE, GW, GRANT_TALK, "", "10.0.0.0/8", "prefixes go with" },
		{ PNE, GW, GRANT_PREFIX, "", "", "names them" },
		{ PNE, GW, GRANT_PREFIX, "", "10.0.0.1/8", "is no prefix" },
		{ PNE, GW, GRANT_PREFIX, "", "junk", "is no prefix" },
		{ OTHER, GW, GRANT_PREFIX, "", "10.0.0.0/8", "grant talk first" },
		{ PNE, OTHER, GRANT_ROUTE, "", "", "names the PN GW" },
		{ PNE, PNE, GRANT_ROUTE, GW, "", "same entity" },
		{ PNE, OTHER, GRANT_ROUTE, PNE, "", "must be a pn-gw" },
		{ PNE, OTHER, GRANT_ROUTE, GW, "", "grant talk first" },
	};
	struct fixture *f = *state;
	char error[CPNS_ERROR_TEXT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store_grant g = { .what = bad[i].what };

		set_text(g.subject, bad[i].subject);
		set_text(g.object, bad[i].object);
		set_text(g.via, bad[i].via);
		set_text(g.prefixes, bad[i].prefixes);
		assert_int_equal(grants_check(&f->reg, &g, error), -EINVAL);
		if (!strstr(error, bad[i].error))
			fail_msg("%zu: %s", i, error);
	}
}

static void disabled_users_take_no_part(void **state)
{
	struct fixture *f = *state;
	struct store_user bob = { .name = "bob", .state = USER_DISABLED };
	struct store_entity other;

	grant(f, OTHER, GW, GRANT_TALK, "", "");
	assert_int_equal(count_permits(f, GW), 2);
	assert_int_equal(f->reg.ops->user_put(f->reg.store, &bob), 0);
	assert_int_equal(registry_entity(&f->reg, OTHER, &other), -EACCES);
	assert_int_equal(count_permits(f, GW), 1);
}

struct unit_result test_registrar_keys(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test_setup_teardown(both_ends_get_the_same_key, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(pairs_are_kept_apart, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(keys_are_renewed_at_half, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(revocation_reaches_the_other_end, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(an_ack_before_the_revocation_is_none_of_it,
						enrolled, fixture_teardown),
		cmocka_unit_test_setup_teardown(talk_gives_a_key_and_takes_it_back, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(relay_gives_no_key, enrolled, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_default_is_the_own_user, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_route_goes_hop_by_hop, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(prefixes_go_to_one_pne, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(grants_that_make_no_sense_are_refused, enrolled,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(disabled_users_take_no_part, enrolled,
						fixture_teardown),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
