/* SPDX-License-Identifier: GPL-2.0 */
/* The files of the unit tests of the registrar, and what they share. */
#ifndef CPNS_TEST_REGISTRAR_H
#define CPNS_TEST_REGISTRAR_H

#include <stdio.h>

#include "../../userspace/registrar/enrol.h"
#include "../../userspace/registrar/grants.h"
#include "../../userspace/registrar/keyring.h"
#include "../../userspace/registrar/local-keys.h"
#include "unit.h"

enum {
	T0 = 1800000000,	/* when the tests begin, in seconds since 1970 */
	DAY = 86400,
};

/** set_text() - a text into an array */
#define set_text(array, text)	snprintf(array, sizeof(array), "%s", text)

/** struct fixture - a registry in a directory of its own, and its last complaint */
struct fixture {
	struct registry	reg;
	json_t		*events;
	char		dir[48];
	char		store[80];
	char		error[CPNS_ERROR_TEXT];
};

/** fixture_setup() - make a registry of srv@home.example with users alice and bob */
int fixture_setup(void **state);

/** fixture_teardown() - and take it away */
int fixture_teardown(void **state);

/** fixture_reopen() - close the store and open it again, as a restart does */
void fixture_reopen(struct fixture *f);

/** fixture_enrol() - enrol with the right password at a time; 0 or -errno */
int fixture_enrol(struct fixture *f, const char *user, const char *entity, unsigned int role,
		  uint64_t now, struct cpns_key_record *record);

/** fixture_entity() - a row that must be there */
struct store_entity fixture_entity(struct fixture *f, const char *id);

/** fixture_events() - how many of a kind there were for an entity since last asked */
unsigned int fixture_events(struct fixture *f, const char *event, const char *entity);

/** fixture_remove() - delete a directory with its files */
void fixture_remove(const char *dir);

struct unit_result test_registrar_conf(void);
struct unit_result test_registrar_enrol(void);
struct unit_result test_registrar_keys(void);
struct unit_result test_registrar_store(void);
struct unit_result test_registrar_throttle(void);
struct unit_result test_registrar_wrap(void);

#endif /* CPNS_TEST_REGISTRAR_H */
