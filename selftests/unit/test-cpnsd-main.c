// SPDX-License-Identifier: GPL-2.0
/* Runs the unit tests of cpnsd and cpnsctl and ends with their counts. */
#include <stdio.h>

#include "../../userspace/cpnsd/log.h"
#include "test-cpnsd.h"

int main(void)
{
	static struct unit_result (*const files[])(void) = {
		test_cpnsd_conf, test_cpnsd_entity, test_cpnsd_files, test_cpnsd_lines,
		test_cpnsd_session, test_cpnsd_whois,
	};
	struct unit_result sum = { 0, 0 };
	size_t i;

	/* What is logged in the tests is meant to be. */
	log_open(-1, false);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct unit_result r = files[i]();

		sum.total += r.total;
		sum.failed += r.failed;
	}
	printf("%u passed, %u failed, 0 skipped\n", sum.total - sum.failed, sum.failed);
	return sum.failed ? 1 : 0;
}
