// SPDX-License-Identifier: GPL-2.0
/* The registrar's configuration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../userspace/cpnsd/log.h"
#include "../../userspace/registrar/conf.h"
#include "test-registrar.h"

#define GOOD	"[registrar]\nserver = srv@home.example\nendpoint = a.example:4700\n"

static char faults[2048];

static void keep_fault(void *arg, const char *fault)
{
	(void)arg;
	strncat(faults, fault, sizeof(faults) - strlen(faults) - 2);
	strcat(faults, "\n");
}

static struct registrar_conf *parse(const char *text)
{
	struct registrar_conf *conf;
	int ret;

	faults[0] = 0;
	ret = registrar_conf_parse(&conf, "f", text, strlen(text), keep_fault, NULL);
	assert_int_equal(ret, conf ? 0 : -EINVAL);
	assert_int_equal(!conf, !!faults[0]);
	return conf;
}

static void defaults_are_complete(void **state)
{
	struct registrar_conf *conf;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	conf = parse(GOOD);
	assert_non_null(conf);
	assert_string_equal(conf->server, "srv@home.example");
	assert_string_equal(conf->listen.value[0], "[::]:4790");
	assert_string_equal(conf->store, REGISTRAR_STATE "/registrar.db");
	assert_string_equal(conf->wrapping_key, REGISTRAR_STATE "/wrapping.key");
	assert_string_equal(conf->run_dir, REGISTRAR_RUN);
	assert_null(conf->keys_group);
	assert_int_equal(conf->key_validity, 365 * DAY);
	assert_int_equal(conf->password_memory, 64);
	registrar_conf_free(conf);
	setenv("CREDENTIALS_DIRECTORY", "/nonexistent", 1);
	conf = parse(GOOD);
	assert_non_null(conf);
	assert_null(conf->wrapping_key);
	registrar_conf_free(conf);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void values_are_taken(void **state)
{
	struct registrar_conf *conf;

	(void)state;
	conf = parse(GOOD "endpoint = [2001:db8::1]:4700, b.example:1\n"
		     "listen = 127.0.0.1:1 [::1]:2\nkey-validity = 90 d\n"
		     "local-key-validity = 12 h\ncode-lifetime = 5min\nwarn-before = 60\n"
		     "password-memory = 8\nlog-level = debug\nkeys-group = cpns\n");
	assert_non_null(conf);
	assert_int_equal(conf->endpoints.n, 3);
	assert_string_equal(conf->endpoints.value[1], "[2001:db8::1]:4700");
	assert_int_equal(conf->listen.n, 2);
	assert_int_equal(conf->key_validity, 90 * DAY);
	assert_int_equal(conf->local_validity, 12 * 3600);
	assert_int_equal(conf->code_lifetime, 300);
	assert_int_equal(conf->warn_before, 60);
	assert_int_equal(conf->password_memory, 8);
	assert_int_equal(conf->log_level, LOG_DEBUG);
	assert_string_equal(conf->keys_group, "cpns");
	registrar_conf_free(conf);
}

static void faults_are_told(void **state)
{
	static const struct {
		const char *text, *fault;
	} bad[] = {
		{ "", "f: there is no server" },
		{ "[registrar]\nserver = s@d\n", "f: there is no endpoint" },
		{ "[registrar]\nserver = s@\nendpoint = a:1\n", "names no domain" },
		{ "[registrar]\nserver = a b@d\nendpoint = a:1\n", "Entity ID is refused" },
		{ GOOD "endpoint = a\n", "endpoint a: write HOST:PORT" },
		{ GOOD "endpoint = a:0\n", "endpoint a:0" },
		{ GOOD "endpoint = ::1:5\n", "endpoint ::1:5" },
		{ GOOD "listen = localhost:1\n", "listen localhost:1" },
		{ GOOD "colour = red\n", "f:4: there is no colour" },
		{ GOOD "store = a\n", "f:4: store is a path" },
		{ GOOD "store = /a\nstore = /b\n", "f:5: store is given twice" },
		{ GOOD "store =\n", "f:4: store has no value" },
		{ GOOD "certificate = /a\n", "write both or none" },
		{ GOOD "key-validity = 1 s\n", "f:4: key-validity is a time" },
		{ GOOD "key-validity = -1\n", "f:4: key-validity is a time" },
		{ GOOD "key-validity = 5 weeks\n", "f:4: key-validity is a time" },
		{ GOOD "password-memory = 1\n", "f:4: password-memory is a number from 8" },
		{ GOOD "connections = x\n", "f:4: connections is a number" },
		{ GOOD "log-level = loud\n", "f:4: log-level is" },
		{ GOOD "[peer]\nx = y\n", "f:4: the only section" },
		{ GOOD "junk\n", "f:4: neither" },
		{ GOOD "listen = 1.1.1.1:1 1.1.1.1:2 1.1.1.1:3 1.1.1.1:4 1.1.1.1:5\n"
		  "listen = 1.1.1.1:6 1.1.1.1:7 1.1.1.1:8 1.1.1.1:9\n", "more than 8" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(parse(bad[i].text));
		if (!strstr(faults, bad[i].fault))
			fail_msg("%s: %s", bad[i].text, faults);
	}
}

static void all_faults_are_told(void **state)
{
	(void)state;
	assert_null(parse(GOOD "store = a\nconnections = x\n"));
	assert_non_null(strstr(faults, "f:4:"));
	assert_non_null(strstr(faults, "f:5:"));
}

static void a_file_that_is_not_there_is_told(void **state)
{
	struct registrar_conf *conf;

	(void)state;
	faults[0] = 0;
	assert_int_equal(registrar_conf_load(&conf, "/nonexistent/f", keep_fault, NULL), -ENOENT);
	assert_null(conf);
	assert_non_null(strstr(faults, "can't be read"));
}

struct unit_result test_registrar_conf(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(defaults_are_complete),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(a_file_that_is_not_there_is_told),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
