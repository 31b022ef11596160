/* SPDX-License-Identifier: GPL-2.0 */
/* The files of the unit tests of cpnsd and cpnsctl. */
#ifndef CPNS_TEST_CPNSD_H
#define CPNS_TEST_CPNSD_H

#include "unit.h"

struct unit_result test_cpnsd_conf(void);
struct unit_result test_cpnsd_entity(void);
struct unit_result test_cpnsd_files(void);
struct unit_result test_cpnsd_lines(void);
struct unit_result test_cpnsd_session(void);
struct unit_result test_cpnsd_whois(void);

#endif /* CPNS_TEST_CPNSD_H */
