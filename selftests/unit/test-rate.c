// SPDX-License-Identifier: GPL-2.0
/* Token buckets and the table of sources. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "rate.h"

static void bucket(void **state)
{
	struct cpns_bucket b = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_true(cpns_bucket_take(&b, 20, 1000));
	assert_false(cpns_bucket_take(&b, 20, 1000));
	assert_true(cpns_bucket_empty(&b, 20, 1049));
	assert_false(cpns_bucket_empty(&b, 20, 1050));
	assert_true(cpns_bucket_take(&b, 20, 1050));
	assert_false(cpns_bucket_take(&b, 20, 1051));
	/* After a second it is full, and never fuller. */
	for (i = 0; i < 20; i++)
		assert_true(cpns_bucket_take(&b, 20, 900000));
	assert_false(cpns_bucket_take(&b, 20, 900000));
	/* A clock that goes back gives nothing. */
	assert_false(cpns_bucket_take(&b, 20, 1));
}

static struct cpns_endpoint v4(uint32_t addr)
{
	struct cpns_endpoint ep = { .family = AF_INET, .port = 9 };

	addr = htonl(addr);
	memcpy(ep.addr, &addr, sizeof(addr));
	return ep;
}

static void what_is_a_source(void **state)
{
	struct cpns_endpoint a = { .family = AF_INET6 }, b = { .family = AF_INET6 };
	uint8_t sa[CPNS_SOURCE_LEN], sb[CPNS_SOURCE_LEN];

	(void)state;
	a.addr[7] = 1;
	b.addr[7] = 1;
	b.addr[8] = 0xff;
	cpns_source_of(&a, sa);
	cpns_source_of(&b, sb);
	assert_memory_equal(sa, sb, sizeof(sa));
	b.addr[7] = 2;
	cpns_source_of(&b, sb);
	assert_memory_not_equal(sa, sb, sizeof(sa));
	a = v4(0x0a000001);
	b = v4(0x0a000002);
	cpns_source_of(&a, sa);
	cpns_source_of(&b, sb);
	assert_memory_not_equal(sa, sb, sizeof(sa));
}

static void sources(void **state)
{
	struct cpns_sources *t = calloc(1, sizeof(*t));
	struct cpns_endpoint loud = v4(0xc0000201), other;
	unsigned int i, over = 0;

	(void)state;
	assert_non_null(t);
	t->seed = 0x1234567;
	for (i = 0; i < 20; i++)
		assert_false(cpns_sources_over(t, &loud, 20, 5000));
	assert_true(cpns_sources_over(t, &loud, 20, 5000));
	/* 300 others, quiet, neither suffer nor help the loud one. */
	for (i = 0; i < 300; i++) {
		other = v4(0x0a000000 + i);
		over += cpns_sources_over(t, &other, 20, 5001 + i / 100);
	}
	assert_int_equal(over, 0);
	assert_true(cpns_sources_over(t, &loud, 20, 5010));
	/* A flood of sources pushes old ones out, and the table stays as it is. */
	for (i = 0; i < 100000; i++) {
		other = v4(0x20000000 + i * 7919);
		over += cpns_sources_over(t, &other, 20, 6000 + i);
	}
	assert_int_equal(over, 0);
	free(t);
}

struct unit_result test_rate(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(bucket), cmocka_unit_test(what_is_a_source),
		cmocka_unit_test(sources),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
