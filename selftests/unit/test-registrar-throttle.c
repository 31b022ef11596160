// SPDX-License-Identifier: GPL-2.0
/* Limits on guessing. */
#include <errno.h>
#include <stdio.h>

#include "test-registrar.h"

#define MS(s)	((uint64_t)(s) * 1000)

static void fail_at(struct fixture *f, uint64_t s, const char *user, const char *source)
{
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, throttle_failed(&f->reg, MS(s), user, source)), 0);
}

static uint64_t wait_at(struct fixture *f, uint64_t s, const char *user, const char *source)
{
	uint64_t wait;
	int ret = throttle_check(&f->reg, MS(s), user, source, &wait);

	assert_int_equal(ret, wait ? -EAGAIN : 0);
	return wait;
}

static void sources_are_prefixes(void **state)
{
	static const struct {
		const char *address, *source;
	} good[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "2001:db8:1:2::9", "2001:db8:1:2::/64" },
		{ "::1", "::/64" },
		{ "fe80::1%eth0", "fe80::/64" },
	};
	char source[THROTTLE_SOURCE_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		throttle_source(good[i].address, source);
		assert_string_equal(source, good[i].source);
	}
}

static void a_source_waits_longer_and_longer(void **state)
{
	static const uint64_t waits[] = { 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300,
					  300 };
	struct fixture *f = *state;
	char user[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		snprintf(user, sizeof(user), "user%zu", i);
		fail_at(f, T0, user, "192.0.2.1");
		assert_int_equal(wait_at(f, T0, "alice", "192.0.2.1"), waits[i]);
	}
	assert_int_equal(wait_at(f, T0 + 299, "alice", "192.0.2.1"), 1);
	assert_int_equal(wait_at(f, T0 + 300, "alice", "192.0.2.1"), 0);
	assert_int_equal(wait_at(f, T0, "alice", "192.0.2.2"), 0);
	/* Failures count half after ten minutes: 16, 8, 4. */
	fail_at(f, T0 + 1200, "x", "192.0.2.1");
	assert_int_equal(wait_at(f, T0 + 1200, "alice", "192.0.2.1"), 0);
}

static void it_outlives_a_restart(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 9; i++)
		fail_at(f, T0, "alice", "192.0.2.1");
	assert_int_equal(wait_at(f, T0, "alice", "192.0.2.1"), 8);
	fixture_reopen(f);
	assert_int_equal(wait_at(f, T0 + 3, "alice", "192.0.2.1"), 5);
}

static void a_user_is_not_locked_out(void **state)
{
	struct fixture *f = *state;
	char source[32];
	int i;

	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, throttle_succeeded(&f->reg, MS(T0), "alice",
								  "192.0.2.9")), 0);
	for (i = 0; i < 60; i++) {
		snprintf(source, sizeof(source), "198.51.100.%d", i);
		fail_at(f, T0, "alice", source);
	}
	/* From anywhere else the wait is bounded, from a known source there is none. */
	assert_int_equal(wait_at(f, T0, "alice", "203.0.113.1"), 30);
	assert_int_equal(wait_at(f, T0, "alice", "192.0.2.9"), 0);
	assert_int_equal(wait_at(f, T0, "bob", "192.0.2.9"), 0);
	assert_int_equal(wait_at(f, T0 + 91 * DAY, "alice", "192.0.2.9"), 0);
	fail_at(f, T0 + 91 * DAY, "alice", "192.0.2.8");
	assert_int_equal(wait_at(f, T0 + 91 * DAY, "alice", "192.0.2.9"), 0);
}

static void success_takes_nothing_back(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 7; i++)
		fail_at(f, T0, "alice", "192.0.2.1");
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, throttle_succeeded(&f->reg, MS(T0), "alice",
								  "192.0.2.1")), 0);
	assert_int_equal(wait_at(f, T0, "alice", "192.0.2.1"), 2);
}

static void all_together_are_limited(void **state)
{
	struct fixture *f = *state;
	char source[32];
	int i;

	for (i = 0; i < 110; i++) {
		snprintf(source, sizeof(source), "198.51.100.%d", i);
		fail_at(f, T0, NULL, source);
	}
	assert_int_equal(wait_at(f, T0, NULL, "203.0.113.1"), 5);
	assert_int_equal(wait_at(f, T0 + 5, NULL, "203.0.113.1"), 0);
}

static void a_clock_set_back_locks_nobody_out(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 20; i++)
		fail_at(f, T0, "alice", "192.0.2.1");
	assert_int_equal(wait_at(f, T0 - 365 * DAY, "alice", "192.0.2.1"), 300);
	assert_int_equal(wait_at(f, T0 - 365 * DAY, "alice", "192.0.2.2"), 30);
}

static void counts_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct store_rate rate;

	fail_at(f, T0, NULL, "192.0.2.1");
	assert_int_equal(f->reg.ops->rate_get(f->reg.store, "source 192.0.2.1", &rate), 0);
	assert_int_equal(f->reg.ops->rates_prune(f->reg.store, MS(T0 + 3599)), 0);
	assert_int_equal(f->reg.ops->rate_get(f->reg.store, "source 192.0.2.1", &rate), 0);
	assert_int_equal(f->reg.ops->rates_prune(f->reg.store, MS(T0 + 3600)), 0);
	assert_int_equal(f->reg.ops->rate_get(f->reg.store, "source 192.0.2.1", &rate), -ENOENT);
}

struct unit_result test_registrar_throttle(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(sources_are_prefixes),
		cmocka_unit_test_setup_teardown(a_source_waits_longer_and_longer, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(it_outlives_a_restart, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_user_is_not_locked_out, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(success_takes_nothing_back, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(all_together_are_limited, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_clock_set_back_locks_nobody_out, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(counts_are_forgotten, fixture_setup,
						fixture_teardown),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
