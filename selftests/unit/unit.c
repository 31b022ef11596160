// SPDX-License-Identifier: GPL-2.0
/*
 * Runs all unit tests and ends with their counts.
 */
#include <stdio.h>

#include "unit.h"

static unsigned int skipped;

void unit_skip(const char *why)
{
	skipped++;
	printf("# skip: %s\n", why);
	skip();
}

struct unit_result unit_run(const unit_case *tests, size_t n, int (*setup)(void **state),
			    int (*teardown)(void **state))
{
	struct unit_result r = { (unsigned int)n, (unsigned int)n };

	/* Not left to cmocka, which counts a failed setup as one failed test. */
	if (!setup || !setup(NULL))
		r.failed = (unsigned int)_cmocka_run_group_tests("tests", tests, n, NULL,
								 teardown);
	return r;
}

int main(void)
{
	static struct unit_result (*const files[])(void) = {
		test_text, test_identity, test_codec, test_keysched, test_data,
		test_record, test_rate, test_replay, test_output, test_netlink,
		test_genl, test_handshake, test_record_json, test_json_line,
		test_state_file,
	};
	struct unit_result sum = { 0, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct unit_result r = files[i]();

		sum.total += r.total;
		sum.failed += r.failed;
	}
	printf("%u passed, %u failed, %u skipped\n", sum.total - sum.failed - skipped,
	       sum.failed, skipped);
	return sum.failed ? 1 : 0;
}
