// SPDX-License-Identifier: GPL-2.0
/* Entity IDs code point by code point, EIDs, domains, addresses, roles. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "identity.h"

/* Encode without any check, so that the wrong can be made, too. */
static size_t encode(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return 4;
}

static bool forbidden(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
	       (c >= 0x205f && c <= 0x2069) || c == 0x3000 || c == 0xfeff ||
	       (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff;
}

/* Every code point there is, and some that there are not. */
static void code_points(void **state)
{
	uint8_t text[8] = { 'x' };
	struct cpns_name name;
	uint32_t c;

	(void)state;
	for (c = 0; c < 0x110100; c++) {
		size_t len = 1 + encode(c, text + 1);
		bool refused = cpns_entity_id_set(&name, text, len, NULL);

		if (refused != forbidden(c))
			fail_msg("U+%04X: %d", c, refused);
	}
}

static void utf8(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xe1\x80", "\xe1\x80\xc0", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98",
		"\xfe", "\xff", "a\xc3",
	};
	struct cpns_name name;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		assert_int_equal(cpns_entity_id_set(&name, bad[i], strlen(bad[i]), &why), -EINVAL);
		assert_non_null(why);
		assert_int_equal(name.len, 0);
	}
}

static void lengths(void **state)
{
	char text[256];
	struct cpns_name name;
	const char *why = NULL;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(cpns_entity_id_set(&name, text, 255, NULL), 0);
	assert_int_equal(name.len, 255);
	assert_int_equal(strlen(name.text), 255);
	assert_int_equal(cpns_entity_id_set(&name, text, 256, &why), -ENAMETOOLONG);
	assert_non_null(why);
	assert_int_equal(cpns_entity_id_set(&name, text, 0, &why), -ENODATA);
	assert_int_equal(cpns_user_id_set(&name, text, 0, NULL), 0);
	assert_int_equal(cpns_user_id_set(&name, text, 255, NULL), 0);
	assert_int_equal(cpns_user_id_set(&name, text, 256, &why), -ENAMETOOLONG);
	assert_int_equal(cpns_user_id_set(&name, "a b", 3, &why), -EINVAL);
}

static void set(struct cpns_name *name, const char *text)
{
	assert_int_equal(cpns_entity_id_set(name, text, strlen(text), NULL), 0);
}

static void equality(void **state)
{
	struct cpns_name a, b;

	(void)state;
	set(&a, "gw@home.example");
	set(&b, "gw@home.example");
	assert_true(cpns_name_equal(&a, &b));
	set(&b, "GW@home.example");
	assert_false(cpns_name_equal(&a, &b));
	set(&b, "gw@home.exampl");
	assert_false(cpns_name_equal(&a, &b));
	/* Composed and decomposed forms are two names. */
	set(&a, "\xc3\xa9");
	set(&b, "e\xcc\x81");
	assert_false(cpns_name_equal(&a, &b));
}

static void eids(void **state)
{
	static const char *const bad[] = {
		"", "d4252abf9c38784", "d4252abf9c3878433", "d4252abf9c38784g",
		"0xd4252abf9c3878", " d4252abf9c38784",
	};
	char text[CPNS_EID_TEXT];
	struct cpns_name name;
	uint64_t eid;
	size_t i;

	(void)state;
	set(&name, "server@home.example");
	assert_int_equal(cpns_eid_from_name(&name, &eid), 0);
	cpns_eid_format(eid, text);
	assert_string_equal(text, "d4252abf9c387843");
	assert_int_equal(cpns_eid_parse("D4252ABF9c387843", &eid), 0);
	assert_true(eid == 0xd4252abf9c387843ULL);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpns_eid_parse(bad[i], &eid), -EINVAL);
	assert_int_equal(cpns_eid_parse("0000000000000000", &eid), -ERANGE);
	assert_int_equal(cpns_eid_parse("ffffffffffffffff", &eid), -ERANGE);
	assert_int_equal(cpns_eid_parse("0000000000000001", &eid), 0);
}

static void domains(void **state)
{
	static const char *const all[][2] = {
		{ "server@home.example", "home.example" }, { "a@b@c", "c" },
		{ "alone", "alone" }, { "@x", "x" },
	};
	uint8_t prefix[CPNS_OVERLAY_PREFIX_LEN];
	struct cpns_name server, domain;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		set(&server, all[i][0]);
		assert_int_equal(cpns_domain_from_server(&domain, &server), 0);
		assert_string_equal(domain.text, all[i][1]);
	}
	set(&server, "server@");
	assert_int_equal(cpns_domain_from_server(&domain, &server), -EINVAL);

	set(&domain, "home.example");
	assert_int_equal(cpns_overlay_prefix(&domain, prefix), 0);
	cpns_overlay_address(prefix, 0xd4252abf9c387843ULL, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	assert_string_equal(text, "fd10:6224:9430:1:d425:2abf:9c38:7843");
	cpns_link_local_address(1, &addr);
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	assert_string_equal(text, "fe80::1");
}

static void roles(void **state)
{
	unsigned int role;

	(void)state;
	for (role = CPNS_ROLE_SERVER; role <= CPNS_ROLE_PNE; role++)
		assert_int_equal(cpns_role_parse(cpns_role_name(role)), role);
	assert_null(cpns_role_name(0));
	assert_null(cpns_role_name(4));
	assert_int_equal(cpns_role_parse("Server"), 0);
	/* PNE over PN GW over Server; equal roles by EID. */
	assert_true(cpns_initiator_preferred(CPNS_ROLE_PNE, 1, CPNS_ROLE_PNGW, 2));
	assert_false(cpns_initiator_preferred(CPNS_ROLE_PNGW, 2, CPNS_ROLE_PNE, 1));
	assert_true(cpns_initiator_preferred(CPNS_ROLE_PNGW, 1, CPNS_ROLE_SERVER, 2));
	assert_true(cpns_initiator_preferred(CPNS_ROLE_PNE, 2, CPNS_ROLE_PNE, 1));
	assert_false(cpns_initiator_preferred(CPNS_ROLE_PNE, 1, CPNS_ROLE_PNE, 2));
}

struct unit_result test_identity(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(code_points), cmocka_unit_test(utf8),
		cmocka_unit_test(lengths), cmocka_unit_test(equality),
		cmocka_unit_test(eids), cmocka_unit_test(domains),
		cmocka_unit_test(roles),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
