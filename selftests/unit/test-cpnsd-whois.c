// SPDX-License-Identifier: GPL-2.0
/* Who is behind an address: each way to ask, and what is not answered. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <secret.h>

#include "../../userspace/cpnsd/conf-peer.h"
#include "../../userspace/cpnsd/whois.h"
#include "test-cpnsd.h"

static struct session *sessions;
static struct kernel kernel;

static int random_bytes(void *arg, void *buf, size_t len)
{
	(void)arg;
	return cpns_random(buf, len);
}

/* A Server with two entities, one of which has inner addresses within the other's. */
static int begin(void **state)
{
	static const char text[] = "[entity]\nid = home.example\nrole = server\n"
				   "[server]\nregistrar = /keys\n"
				   "[peer \"net\"]\nid = net@home.example\nrole = pn-gw\n"
				   "address = 10.9.0.0/16, fd77::/32\n"
				   "[peer \"host\"]\nid = host@home.example\nrole = pne\n"
				   "address = 10.9.7.0/25, fd77:0:1::/48\n";
	const struct conf_source source = { .name = "f", .text = text, .len = strlen(text) };
	static const struct session_hooks hooks = { .random = random_bytes };
	struct conf *conf;

	(void)state;
	if (conf_parse(&conf, &source, 1, NULL, NULL))
		return -1;
	cpns_user_id_set(&conf->peers[1]->user, "bob", 3, NULL);
	sessions = session_new(conf, &kernel, &hooks);
	return sessions ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	session_free(sessions);
	return 0;
}

/* Who it is said to be, or the error. */
static void expect(const char *name, const char *value, int ret, const char *entity)
{
	json_t *request = json_pack("{s:s}", name, value), *found = NULL;

	assert_int_equal(whois_find(sessions, request, &found), ret);
	if (!ret) {
		assert_string_equal(json_string_value(json_object_get(found, "entity")), entity);
		assert_true(json_is_false(json_object_get(found, "session")));
		assert_null(json_object_get(found, "since"));
	}
	json_decref(found);
	json_decref(request);
}

static void addresses_are_found(void **state)
{
	const struct conf *conf = session_conf(sessions);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	(void)state;
	cpns_overlay_address(conf->prefix, conf->peers[1]->party.eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	expect("address", text, 0, "host@home.example");
	cpns_link_local_address(conf->peers[1]->party.eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	expect("address", text, 0, "host@home.example");
	cpns_overlay_address(conf->prefix, conf->own.eid, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	expect("address", text, 0, "home.example");
	cpns_overlay_address(conf->prefix, 5, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	expect("address", text, -ENOENT, NULL);
}

static void longest_prefix_decides(void **state)
{
	(void)state;
	expect("address", "10.9.1.1", 0, "net@home.example");
	expect("address", "10.9.7.127", 0, "host@home.example");
	expect("address", "10.9.7.128", 0, "net@home.example");
	expect("address", "10.10.0.1", -ENOENT, NULL);
	expect("address", "fd77:0:1::5", 0, "host@home.example");
	expect("address", "fd77:0:2::5", 0, "net@home.example");
	expect("address", "fd78::5", -ENOENT, NULL);
}

static void names_are_found(void **state)
{
	char eid[CPNS_EID_TEXT];

	(void)state;
	cpns_eid_format(session_conf(sessions)->peers[0]->party.eid, eid);
	expect("eid", eid, 0, "net@home.example");
	expect("entity", "net@home.example", 0, "net@home.example");
	expect("entity", "home.example", 0, "home.example");
	expect("entity", "other@home.example", -ENOENT, NULL);
}

static void bad_questions_are_refused(void **state)
{
	(void)state;
	expect("address", "fe80::1%eth0", -EINVAL, NULL);
	expect("address", "10.9.0.0/16", -EINVAL, NULL);
	expect("address", "", -EINVAL, NULL);
	expect("eid", "12", -EINVAL, NULL);
	expect("eid", "0000000000000000", -EINVAL, NULL);
	expect("entity", "", -EINVAL, NULL);
	expect("entity", "two words", -EINVAL, NULL);
	expect("other", "10.9.0.1", -EINVAL, NULL);
}

static void user_and_role_are_told(void **state)
{
	json_t *request = json_pack("{s:s}", "entity", "host@home.example"), *found = NULL;

	(void)state;
	assert_int_equal(whois_find(sessions, request, &found), 0);
	assert_string_equal(json_string_value(json_object_get(found, "user")), "bob");
	assert_string_equal(json_string_value(json_object_get(found, "role")), "pne");
	assert_true(json_is_false(json_object_get(found, "own")));
	json_decref(found);
	json_decref(request);
}

struct unit_result test_cpnsd_whois(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(addresses_are_found),
		cmocka_unit_test(longest_prefix_decides),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(bad_questions_are_refused),
		cmocka_unit_test(user_and_role_are_told),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, begin, end) };
}
