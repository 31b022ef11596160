// SPDX-License-Identifier: GPL-2.0
/*
 * The wire codec. Each message is built, parsed back, cut at every length and
 * made longer; each rule is broken once, by the builder and on the wire.
 */
#include "unit.h"

#include <errno.h>

#include "codec.h"

static const uint8_t one_ext[] = { 238, 0, 2, 'a', 'b', 7, 0, 0 };

static void fill(struct cpns_msg *msg, unsigned int type)
{
	memset(msg, 0, sizeof(*msg));
	msg->h.type = (uint8_t)type;
	msg->h.hop_limit = CPNS_HOP_LIMIT;
	msg->h.dst = 0x1122334455667788ULL;
	msg->h.src = 0x99aabbccddeeff00ULL;
	if (type != CPNS_MSG_INIT)
		msg->h.sid = 0x01020304;
	switch (type) {
	case CPNS_MSG_INIT:
		msg->init.sid_i = 0x0a0b0c0d;
		memset(msg->init.nonce_i, 0x55, sizeof(msg->init.nonce_i));
		memset(msg->init.key_id, 0x66, sizeof(msg->init.key_id));
		msg->init.role_i = CPNS_ROLE_PNE;
		msg->init.role_r = CPNS_ROLE_SERVER;
		msg->init.lifetime = 3600;
		msg->init.n_suites = 2;
		msg->init.suites[0] = CPNS_SUITE_X25519_GCM;
		msg->init.suites[1] = 0x7f01;
		msg->init.has_e = true;
		memset(msg->init.e_i, 0x77, sizeof(msg->init.e_i));
		msg->init.ext = (struct cpns_span){ one_ext, sizeof(one_ext) };
		memset(msg->init.mac1, 0x88, sizeof(msg->init.mac1));
		msg->init.has_cookie = true;
		memset(msg->init.cookie, 0x99, sizeof(msg->init.cookie));
		break;
	case CPNS_MSG_RESP:
		msg->resp.sid_r = 0x0e0f1011;
		memset(msg->resp.nonce_r, 0x55, sizeof(msg->resp.nonce_r));
		msg->resp.suite = CPNS_SUITE_X25519_CTR_HMAC;
		msg->resp.has_e = true;
		memset(msg->resp.e_r, 0x77, sizeof(msg->resp.e_r));
		msg->resp.lifetime = 60;
		msg->resp.ext = (struct cpns_span){ one_ext, sizeof(one_ext) };
		memset(msg->resp.auth_r, 0x88, sizeof(msg->resp.auth_r));
		break;
	case CPNS_MSG_CONFIRM:
		msg->confirm.ext = (struct cpns_span){ one_ext, sizeof(one_ext) };
		memset(msg->confirm.auth_i, 0x88, sizeof(msg->confirm.auth_i));
		break;
	case CPNS_MSG_COOKIE:
		memset(msg->cookie.mac1, 0x88, sizeof(msg->cookie.mac1));
		memset(msg->cookie.cookie, 0x99, sizeof(msg->cookie.cookie));
		break;
	case CPNS_MSG_HINT:
		msg->hint.code = CPNS_HINT_BUSY;
		memset(msg->hint.mac1, 0x88, sizeof(msg->hint.mac1));
		break;
	}
}

static const unsigned int types[] = {
	CPNS_MSG_INIT, CPNS_MSG_RESP, CPNS_MSG_CONFIRM, CPNS_MSG_COOKIE, CPNS_MSG_HINT,
};

static void round_trip(void **state)
{
	uint8_t first[256], second[256];
	struct cpns_msg msg, back;
	ssize_t n, m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fill(&msg, types[i]);
		n = cpns_msg_build(&msg, first, sizeof(first));
		assert_true(n > CPNS_HEADER_LEN);
		assert_int_equal(cpns_msg_parse(first, (size_t)n, &back), CPNS_WELL_FORMED);
		assert_memory_equal(&back.h, &msg.h, sizeof(msg.h));
		m = cpns_msg_build(&back, second, sizeof(second));
		assert_int_equal(n, m);
		assert_memory_equal(first, second, (size_t)n);
		/* Any room that is too small is refused. */
		for (m = 0; m < n; m++)
			assert_int_equal(cpns_msg_build(&msg, second, (size_t)m), -EMSGSIZE);
	}
}

static void core_lengths(void **state)
{
	uint8_t buf[256];
	struct cpns_msg msg, back;
	ssize_t n;

	(void)state;
	fill(&msg, CPNS_MSG_INIT);
	n = cpns_msg_build(&msg, buf, sizeof(buf));
	assert_int_equal(cpns_msg_parse(buf, (size_t)n, &back), CPNS_WELL_FORMED);
	assert_int_equal(back.init.core_len, cpns_msg_core_len(&msg));
	assert_int_equal(buf[back.init.core_len], 0x88);
	assert_int_equal(back.init.core_len + CPNS_MAC1_LEN + 1 + CPNS_COOKIE_LEN, n);
	fill(&msg, CPNS_MSG_RESP);
	n = cpns_msg_build(&msg, buf, sizeof(buf));
	assert_int_equal(cpns_msg_parse(buf, (size_t)n, &back), CPNS_WELL_FORMED);
	assert_int_equal(back.resp.core_len, cpns_msg_core_len(&msg));
	assert_int_equal(back.resp.core_len + CPNS_AUTH_LEN, n);
	fill(&msg, CPNS_MSG_CONFIRM);
	n = cpns_msg_build(&msg, buf, sizeof(buf));
	assert_int_equal(cpns_msg_parse(buf, (size_t)n, &back), CPNS_WELL_FORMED);
	assert_int_equal(back.confirm.core_len, cpns_msg_core_len(&msg));
	assert_int_equal(back.confirm.core_len + CPNS_AUTH_LEN, n);
}

/* Shorter at every byte, longer by one: the fields must fill it exactly. */
static void cut(void **state)
{
	uint8_t buf[256];
	struct cpns_msg msg, back;
	ssize_t n;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fill(&msg, types[i]);
		n = cpns_msg_build(&msg, buf, sizeof(buf));
		for (len = 0; len < (size_t)n; len++)
			assert_int_equal(cpns_msg_parse(buf, len, &back),
					 len < CPNS_HEADER_LEN ? CPNS_BAD_SHORT : CPNS_BAD_LENGTH);
		buf[n] = 0;
		assert_int_equal(cpns_msg_parse(buf, (size_t)n + 1, &back), CPNS_BAD_LENGTH);
	}
}

/* Each value that is malformed, as the builder sees it. */
static void refused_to_build(void **state)
{
	uint8_t buf[2048], big[1300] = { 1, 0x05, 0x11 };
	struct cpns_msg msg;

	(void)state;
#define REFUSED(type, change) do {						\
	fill(&msg, type);							\
	change;									\
	assert_int_equal(cpns_msg_build(&msg, buf, sizeof(buf)), -EINVAL);	\
} while (0)
	REFUSED(CPNS_MSG_INIT, msg.h.sid = 1);
	REFUSED(CPNS_MSG_INIT, msg.h.flags = 1);
	REFUSED(CPNS_MSG_INIT, msg.h.clear = 1);
	REFUSED(CPNS_MSG_INIT, msg.h.dst = 0);
	REFUSED(CPNS_MSG_INIT, msg.h.src = CPNS_EID_ALL);
	REFUSED(CPNS_MSG_INIT, msg.init.sid_i = 0);
	REFUSED(CPNS_MSG_INIT, msg.init.role_i = 0);
	REFUSED(CPNS_MSG_INIT, msg.init.role_r = 4);
	REFUSED(CPNS_MSG_INIT, msg.init.lifetime = 59);
	REFUSED(CPNS_MSG_INIT, msg.init.lifetime = 604801);
	REFUSED(CPNS_MSG_INIT, msg.init.n_suites = 0);
	REFUSED(CPNS_MSG_INIT, msg.init.n_suites = 9);
	REFUSED(CPNS_MSG_INIT, msg.init.has_e = false);
	REFUSED(CPNS_MSG_INIT, msg.init.ext.len = 7);
	REFUSED(CPNS_MSG_INIT, msg.init.ext.len = 65536);
	REFUSED(CPNS_MSG_RESP, msg.h.sid = 0);
	REFUSED(CPNS_MSG_RESP, msg.resp.sid_r = 0);
	REFUSED(CPNS_MSG_RESP, msg.resp.suite = 0x7f01);
	REFUSED(CPNS_MSG_RESP, msg.resp.has_e = false);
	REFUSED(CPNS_MSG_RESP, msg.resp.lifetime = 0);
	REFUSED(CPNS_MSG_RESP, msg.resp.ext.len = 4);
	REFUSED(CPNS_MSG_RESP, msg.resp.ext.len = 65536);
	REFUSED(CPNS_MSG_CONFIRM, msg.h.sid = 0);
	REFUSED(CPNS_MSG_CONFIRM, msg.confirm.ext.len = 1);
	REFUSED(CPNS_MSG_COOKIE, msg.h.sid = 0);
	REFUSED(CPNS_MSG_HINT, msg.hint.code = 0);
	REFUSED(CPNS_MSG_HINT, msg.hint.code = 6);
	REFUSED(CPNS_MSG_HINT, msg.h.type = 7);
	REFUSED(CPNS_MSG_HINT, msg.h.type = CPNS_MSG_DATA);
#undef REFUSED

	/* An INIT of 1232 bytes is the longest. */
	fill(&msg, CPNS_MSG_INIT);
	msg.init.ext.data = big;
	msg.init.ext.len = CPNS_INIT_MAX - (cpns_msg_core_len(&msg) - sizeof(one_ext)) -
			   CPNS_MAC1_LEN - 1 - CPNS_COOKIE_LEN;
	big[1] = (uint8_t)((msg.init.ext.len - 3) >> 8);
	big[2] = (uint8_t)(msg.init.ext.len - 3);
	assert_int_equal(cpns_msg_build(&msg, buf, sizeof(buf)), CPNS_INIT_MAX);
	assert_int_equal(cpns_msg_parse(buf, CPNS_INIT_MAX, &msg), CPNS_WELL_FORMED);
	msg.init.ext.len++;
	msg.init.ext.data = big;
	big[1] = (uint8_t)((msg.init.ext.len - 3) >> 8);
	big[2] = (uint8_t)(msg.init.ext.len - 3);
	assert_int_equal(cpns_msg_build(&msg, buf, sizeof(buf)), -EMSGSIZE);
	assert_int_equal(cpns_msg_parse(buf, CPNS_INIT_MAX + 1, &msg), CPNS_BAD_LENGTH);
}

static enum cpns_malformed changed(unsigned int type, size_t at, uint8_t value)
{
	uint8_t buf[256];
	struct cpns_msg msg, back;
	ssize_t n;

	fill(&msg, type);
	n = cpns_msg_build(&msg, buf, sizeof(buf));
	assert_true(n > 0 && at < (size_t)n);
	buf[at] = value;
	return cpns_msg_parse(buf, (size_t)n, &back);
}

static void headers(void **state)
{
	unsigned int type;
	uint8_t buf[64] = { 0 };
	struct cpns_msg msg;

	(void)state;
	assert_int_equal(changed(CPNS_MSG_HINT, 0, 0x05), CPNS_BAD_VERSION);
	assert_int_equal(changed(CPNS_MSG_HINT, 0, 0x25), CPNS_BAD_VERSION);
	assert_int_equal(changed(CPNS_MSG_HINT, 1, 0x80), CPNS_BAD_RESERVED);
	assert_int_equal(changed(CPNS_MSG_HINT, 3, 1), CPNS_BAD_RESERVED);
	/* Any hop limit is well-formed. */
	assert_int_equal(changed(CPNS_MSG_HINT, 2, 0), CPNS_WELL_FORMED);
	assert_int_equal(changed(CPNS_MSG_HINT, 2, 255), CPNS_WELL_FORMED);
	memset(buf + 4, 1, sizeof(buf) - 4);
	for (type = 0; type < 16; type++) {
		buf[0] = (uint8_t)(0x10 | type);
		if (!cpns_msg_type_name(type))
			assert_int_equal(cpns_msg_parse(buf, sizeof(buf), &msg), CPNS_BAD_TYPE);
	}
	assert_null(cpns_msg_type_name(16));
	assert_string_equal(cpns_msg_type_name(CPNS_MSG_DATA), "DATA");
}

/* e_i against the suites, for every mixture of kinds of codes. */
static void e_presence(void **state)
{
	static const uint16_t x = CPNS_SUITE_X25519_CHACHA, p = CPNS_SUITE_PSK_GCM, u = 0x7f01;
	const struct {
		uint16_t suites[3];
		unsigned int n;
		bool with, without;
	} all[] = {
		{ { x }, 1, true, false }, { { p }, 1, false, true }, { { u }, 1, true, true },
		{ { p, x }, 2, true, false }, { { p, u }, 2, true, true },
		{ { u, x }, 2, true, false }, { { p, p }, 2, false, true },
		{ { u, p, x }, 3, true, false }, { { 0x0004, p }, 2, true, true },
	};
	uint8_t buf[256];
	struct cpns_msg msg;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		fill(&msg, CPNS_MSG_INIT);
		msg.init.n_suites = (uint8_t)all[i].n;
		memcpy(msg.init.suites, all[i].suites, sizeof(all[i].suites));
		msg.init.has_e = true;
		assert_int_equal(cpns_msg_build(&msg, buf, sizeof(buf)) > 0, all[i].with);
		msg.init.has_e = false;
		assert_int_equal(cpns_msg_build(&msg, buf, sizeof(buf)) > 0, all[i].without);
	}
}

static void extensions(void **state)
{
	struct cpns_span list = { one_ext, sizeof(one_ext) }, value;
	uint8_t type;

	(void)state;
	assert_true(cpns_ext_next(&list, &type, &value));
	assert_int_equal(type, 238);
	assert_int_equal(value.len, 2);
	assert_memory_equal(value.data, "ab", 2);
	assert_true(cpns_ext_next(&list, &type, &value));
	assert_int_equal(type, 7);
	assert_int_equal(value.len, 0);
	assert_false(cpns_ext_next(&list, &type, &value));
	list = (struct cpns_span){ one_ext, 4 };
	assert_false(cpns_ext_next(&list, &type, &value));
}

static void suites(void **state)
{
	static const uint16_t known[] = { 1, 2, 3, 0x101, 0x102, 0x103 };
	unsigned int code, n = 0;

	(void)state;
	for (code = 0; code < 65536; code++)
		n += cpns_suite_known((uint16_t)code);
	assert_int_equal(n, 6);
	for (n = 0; n < 6; n++) {
		assert_int_equal(cpns_suite_parse(cpns_suite_name(known[n])), known[n]);
		assert_int_equal(cpns_suite_has_x25519(known[n]), n < 3);
		assert_int_equal(cpns_suite_has_mac_key(known[n]), n % 3 == 2);
	}
	assert_int_equal(cpns_suite_parse("aes"), 0);
	assert_null(cpns_suite_name(0));
	assert_null(cpns_suite_protection(4));
}

static void names(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < CPNS_MALFORMED_COUNT; i++)
		assert_non_null(cpns_malformed_name((enum cpns_malformed)i));
	assert_null(cpns_malformed_name(CPNS_MALFORMED_COUNT));
}

struct unit_result test_codec(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(core_lengths),
		cmocka_unit_test(cut), cmocka_unit_test(refused_to_build),
		cmocka_unit_test(headers), cmocka_unit_test(e_presence),
		cmocka_unit_test(extensions), cmocka_unit_test(suites),
		cmocka_unit_test(names),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
