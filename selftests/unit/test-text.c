// SPDX-License-Identifier: GPL-2.0
/* Text forms: hex, endpoints, prefixes, numbers, times and sizes. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "text.h"

static void hex(void **state)
{
	static const uint8_t all[] = { 0x00, 0x09, 0x0a, 0x9f, 0xa0, 0xff, 0x10 };
	uint8_t back[sizeof(all)], one;
	unsigned int c;
	char text[32];

	(void)state;
	cpns_hex_encode(all, sizeof(all), text);
	assert_string_equal(text, "00090a9fa0ff10");
	assert_int_equal(cpns_hex_decode("00090A9Fa0fF10", 14, back, sizeof(back)), 0);
	assert_memory_equal(back, all, sizeof(all));
	assert_int_equal(cpns_hex_decode("0009", 4, back, 3), -EINVAL);
	assert_int_equal(cpns_hex_decode("", 0, back, 0), 0);
	for (c = 0; c < 256; c++) {
		char pair[2] = { '0', (char)c };
		bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			     (c >= 'A' && c <= 'F');

		assert_int_equal(cpns_hex_decode(pair, 2, &one, 1), digit ? 0 : -EINVAL);
	}
}

static void numbers(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(cpns_u64_parse("0", 0, 10, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(cpns_u64_parse("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(cpns_u64_parse("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(cpns_u64_parse("11", 0, 10, &v), -ERANGE);
	assert_int_equal(cpns_u64_parse("1", 2, 10, &v), -ERANGE);
	assert_int_equal(cpns_u64_parse("", 0, 10, &v), -EINVAL);
	assert_int_equal(cpns_u64_parse("-1", 0, 10, &v), -EINVAL);
	assert_int_equal(cpns_u64_parse(" 1", 0, 10, &v), -EINVAL);
	assert_int_equal(cpns_u64_parse("1x", 0, 10, &v), -EINVAL);
	assert_int_equal(cpns_u64_parse("0x1", 0, 10, &v), -EINVAL);
}

static void endpoints(void **state)
{
	static const char *const good[] = {
		"192.0.2.1:4500", "[2001:db8::1]:4500", "[::1]:65535", "[fe80::1%lo]:1",
	};
	static const char *const bad[] = {
		"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:x", "192.0.2:1", "[::1]",
		"[::1]1", "::1:1", "[::1:1", "[]:1", "[::1%lo]:1", "[fe80::1]:1",
		"[fe80::1%]:1", "[192.0.2.1]:1", "host:1", "192.0.2.1 :1", "[1%lo]:2",
		"111111111111111111111111111111111111111111111111111111111111111111111111111111:1",
	};
	struct cpns_endpoint ep, other;
	char text[CPNS_ENDPOINT_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(cpns_endpoint_parse(good[i], &ep), 0);
		cpns_endpoint_format(&ep, text);
		assert_string_equal(text, good[i]);
		assert_true(cpns_endpoint_equal(&ep, &ep));
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpns_endpoint_parse(bad[i], &ep), -EINVAL);
	assert_int_equal(cpns_endpoint_parse("192.0.2.1:0", &ep), -ERANGE);
	assert_int_equal(cpns_endpoint_parse("192.0.2.1:65536", &ep), -ERANGE);
	assert_int_equal(cpns_endpoint_parse("[fe80::1%no-such-if]:1", &ep), -ENODEV);

	/* IPv4-mapped is IPv4; an interface may be a number. */
	assert_int_equal(cpns_endpoint_parse("[::ffff:192.0.2.1]:7", &ep), 0);
	assert_int_equal(ep.family, AF_INET);
	cpns_endpoint_format(&ep, text);
	assert_string_equal(text, "192.0.2.1:7");
	assert_int_equal(cpns_endpoint_parse("[fe80::2%999999]:8", &ep), 0);
	cpns_endpoint_format(&ep, text);
	assert_string_equal(text, "[fe80::2%999999]:8");
	other = ep;
	other.port++;
	assert_false(cpns_endpoint_equal(&ep, &other));
	memset(&ep, 0, sizeof(ep));
	cpns_endpoint_format(&ep, text);
	assert_string_equal(text, "none");
}

static void sockaddrs(void **state)
{
	static const char *const texts[] = {
		"192.0.2.1:4500", "[2001:db8::1]:4500", "[fe80::1%7]:1",
	};
	struct cpns_endpoint ep, back;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_storage ss;
	sa_family_t family = AF_UNIX;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(cpns_endpoint_parse(texts[i], &ep), 0);
		len = cpns_endpoint_to_sockaddr(&ep, &ss);
		assert_true(len > 0);
		assert_int_equal(cpns_endpoint_from_sockaddr(&back, &ss, len), 0);
		assert_true(cpns_endpoint_equal(&ep, &back));
		assert_int_equal(cpns_endpoint_from_sockaddr(&back, &ss, len - 1), -EAFNOSUPPORT);
	}
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped.sin6_addr), 1);
	assert_int_equal(cpns_endpoint_from_sockaddr(&back, &mapped, sizeof(mapped)), 0);
	assert_int_equal(back.family, AF_INET);
	assert_int_equal(back.addr[3], 3);
	assert_int_equal(cpns_endpoint_from_sockaddr(&back, &family, sizeof(family)),
			 -EAFNOSUPPORT);
	assert_int_equal(cpns_endpoint_from_sockaddr(&back, &family, 1), -EAFNOSUPPORT);
	memset(&ep, 0, sizeof(ep));
	assert_int_equal(cpns_endpoint_to_sockaddr(&ep, &ss), 0);
}

static void prefixes(void **state)
{
	static const char *const good[][2] = {
		{ "10.9.0.0/16", "10.9.0.0/16" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1", "192.0.2.1/32" }, { "2001:db8::/32", "2001:db8::/32" },
		{ "::/0", "::/0" }, { "fd00::1", "fd00::1/128" },
		{ "128.0.0.0/1", "128.0.0.0/1" }, { "10.128.0.0/9", "10.128.0.0/9" },
	};
	static const char *const bad[] = {
		"", "/", "10.0.0.0/", "10.0.0.0/x", "10.0/8", "10.0.0.0/8/8", "a::b::/3",
		"11111111111111111111111111111111111111111111111111111111/1",
	};
	struct cpns_prefix p;
	char text[CPNS_PREFIX_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(cpns_prefix_parse(good[i][0], &p), 0);
		cpns_prefix_format(&p, text);
		assert_string_equal(text, good[i][1]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpns_prefix_parse(bad[i], &p), -EINVAL);
	assert_int_equal(cpns_prefix_parse("10.0.0.0/33", &p), -ERANGE);
	assert_int_equal(cpns_prefix_parse("fd00::/129", &p), -ERANGE);
	assert_int_equal(cpns_prefix_parse("10.0.0.1/31", &p), -EDOM);
	assert_int_equal(cpns_prefix_parse("10.64.0.0/9", &p), -EDOM);
	assert_int_equal(cpns_prefix_parse("fd00::1/64", &p), -EDOM);
	memset(&p, 0, sizeof(p));
	cpns_prefix_format(&p, text);
	assert_string_equal(text, "none");
}

static void durations(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} all[] = {
		{ 0, "now" }, { 1, "1 s" }, { 59, "59 s" }, { 60, "1 min" },
		{ 200, "3 min 20 s" }, { 3600, "1 h" }, { 7500, "2 h 5 min" },
		{ 7259, "2 h" }, { 86400, "1 d" }, { 4 * 86400 + 3 * 3600 + 59, "4 d 3 h" },
		{ UINT64_MAX, "213503982334601 d 7 h" },
	};
	char text[CPNS_DURATION_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		cpns_duration_format(all[i].seconds, text);
		assert_string_equal(text, all[i].text);
	}
}

static void sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} all[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" }, { 1536, "1.50 KiB" },
		{ 1048575, "1.00 MiB" }, { 3435973837, "3.20 GiB" },
		{ UINT64_MAX, "16.00 EiB" },
	};
	char text[CPNS_BYTES_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		cpns_bytes_format(all[i].bytes, text);
		assert_string_equal(text, all[i].text);
	}
}

struct unit_result test_text(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(hex), cmocka_unit_test(numbers),
		cmocka_unit_test(endpoints), cmocka_unit_test(sockaddrs),
		cmocka_unit_test(prefixes), cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
