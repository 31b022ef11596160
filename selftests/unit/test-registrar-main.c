// SPDX-License-Identifier: GPL-2.0
/* Runs the unit tests of the registrar and ends with their counts. */
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../userspace/cpnsd/log.h"
#include "test-registrar.h"

static void keep_event(void *arg, const json_t *event)
{
	struct fixture *f = arg;

	json_array_append(f->events, (json_t *)event);
}

static const struct registry_rules rules = {
	.key_validity = 365 * DAY,
	.local_validity = 30 * DAY,
	.code_lifetime = 600,
	.warn_before = 30 * DAY,
};

static void open_registry(struct fixture *f)
{
	uint8_t key[CPNS_KEY_LEN];
	char error[CPNS_ERROR_TEXT];

	memset(key, 7, sizeof(key));
	memset(&f->reg, 0, sizeof(f->reg));
	f->reg.ops = &store_sqlite;
	f->reg.tell = keep_event;
	f->reg.arg = f;
	assert_int_equal(wrap_new(&f->reg.wrap, key), 0);
	assert_int_equal(f->reg.ops->open(&f->reg.store, f->store, error), 0);
	assert_int_equal(registry_open(&f->reg, "srv@home.example", &rules, error), 0);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_user user = { .created = T0 };

	snprintf(f->dir, sizeof(f->dir), "/tmp/cpns-test-registrar.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
	f->events = json_array();
	open_registry(f);
	set_text(user.hash, "hash");
	set_text(user.name, "alice");
	assert_int_equal(f->reg.ops->user_put(f->reg.store, &user), 0);
	set_text(user.name, "bob");
	assert_int_equal(f->reg.ops->user_put(f->reg.store, &user), 0);
	*state = f;
	return 0;
}

void fixture_reopen(struct fixture *f)
{
	f->reg.ops->close(f->reg.store);
	wrap_free(f->reg.wrap);
	open_registry(f);
}

void fixture_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	f->reg.ops->close(f->reg.store);
	wrap_free(f->reg.wrap);
	fixture_remove(f->dir);
	json_decref(f->events);
	free(f);
	return 0;
}

int fixture_enrol(struct fixture *f, const char *user, const char *entity, unsigned int role,
		  uint64_t now, struct cpns_key_record *record)
{
	struct enrol_request request;
	const char *password;
	json_t *body;

	body = json_pack("{s:s, s:s, s:s, s:s}", "user", user, "password", "secret!!",
			 "entity", entity, "role", cpns_role_name(role));
	assert_int_equal(enrol_parse(&f->reg, body, &request, &password, f->error), 0);
	assert_string_equal(password, "secret!!");
	json_decref(body);
	set_text(request.source, "192.0.2.1");
	return enrol_finish(&f->reg, &request, "hash", true, now * 1000, record, f->error);
}

struct store_entity fixture_entity(struct fixture *f, const char *id)
{
	struct store_entity entity;

	assert_int_equal(f->reg.ops->entity_get(f->reg.store, id, &entity), 0);
	return entity;
}

unsigned int fixture_events(struct fixture *f, const char *event, const char *entity)
{
	unsigned int n = 0;
	json_t *e;
	size_t i;

	json_array_foreach(f->events, i, e)
		n += !strcmp(json_string_value(json_object_get(e, "event")), event) &&
		     !strcmp(json_string_value(json_object_get(e, "entity")), entity);
	json_array_clear(f->events);
	return n;
}

int main(void)
{
	static struct unit_result (*const files[])(void) = {
		test_registrar_conf, test_registrar_store, test_registrar_wrap,
		test_registrar_throttle, test_registrar_enrol, test_registrar_keys,
	};
	struct unit_result sum = { 0, 0 };
	size_t i;

	/* What is logged in the tests is meant to be. */
	log_open(-1, false);
	if (sodium_init() < 0)
		return 1;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct unit_result r = files[i]();

		sum.total += r.total;
		sum.failed += r.failed;
	}
	printf("%u passed, %u failed, 0 skipped\n", sum.total - sum.failed, sum.failed);
	return sum.failed ? 1 : 0;
}
