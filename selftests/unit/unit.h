/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of unit tests share: cmocka with the headers that it wants,
 * and one function a file, which returns what cmocka counted.
 */
#ifndef _CPNS_UNIT_H
#define _CPNS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util.h"

/** struct unit_result - tests of one file */
struct unit_result {
	unsigned int total;
	unsigned int failed;
};

/**
 * unit_run() - run the tests of one file
 * @tests: array; unit_case is cmocka's structure, see module.mk
 * @n: how many
 * @setup: before all of them, or NULL
 * @teardown: after all of them, or NULL
 */
struct unit_result unit_run(const unit_case *tests, size_t n, int (*setup)(void **state),
			    int (*teardown)(void **state));

/** unit_skip() - end the test at hand, which can't be made here, and count it */
void unit_skip(const char *why);

struct unit_result test_text(void);
struct unit_result test_identity(void);
struct unit_result test_codec(void);
struct unit_result test_keysched(void);
struct unit_result test_data(void);
struct unit_result test_record(void);
struct unit_result test_rate(void);
struct unit_result test_replay(void);
struct unit_result test_output(void);
struct unit_result test_netlink(void);
struct unit_result test_genl(void);
struct unit_result test_handshake(void);
struct unit_result test_record_json(void);
struct unit_result test_json_line(void);
struct unit_result test_state_file(void);

#endif /* _CPNS_UNIT_H */
