// SPDX-License-Identifier: GPL-2.0
/* The state file of an enrolled entity. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "record-json.h"
#include "state-file.h"

static char dir[64], path[96], temporary[96];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cpns-unit.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/cpns0.json", dir);
	snprintf(temporary, sizeof(temporary), "%s/.cpns0.json.new", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	unlink(temporary);
	return rmdir(dir);
}

static struct cpns_key_record key_of(uint8_t number, uint8_t kind, const char *peer,
				     unsigned int role)
{
	struct cpns_key_record r = { .kind = kind, .generation = number, .not_after = 1000 };

	cpns_party_set(&r.own, "pne@home", 8, CPNS_ROLE_PNE, NULL);
	cpns_party_set(&r.peer, peer, strlen(peer), role, NULL);
	cpns_user_id_set(&r.user_id, "alice", 5, NULL);
	memset(r.key_id, number, sizeof(r.key_id));
	memset(r.key, number, sizeof(r.key));
	return r;
}

static struct cpns_key_record eukey(uint8_t number)
{
	return key_of(number, CPNS_KEY_EUKEY, "srv@home", CPNS_ROLE_SERVER);
}

static struct cpns_key_record localeukey(uint8_t number)
{
	return key_of(number, CPNS_KEY_LOCALEUKEY, "gw@home", CPNS_ROLE_PNGW);
}

static struct cpns_state *standard(void)
{
	struct cpns_state *s = cpns_state_new();
	struct cpns_key_record r;

	assert_non_null(s);
	cpns_party_set(&s->own, "pne@home", 8, CPNS_ROLE_PNE, NULL);
	cpns_user_id_set(&s->user, "alice", 5, NULL);
	cpns_party_set(&s->server, "srv@home", 8, CPNS_ROLE_SERVER, NULL);
	snprintf(s->endpoints[0], CPNS_STATE_HOST, "srv.example:4500");
	s->n_endpoints = 1;
	r = eukey(1);
	assert_int_equal(cpns_state_key_put(s, &r), 0);
	r = localeukey(2);
	assert_int_equal(cpns_state_key_put(s, &r), 0);
	return s;
}

static void keys(void **state)
{
	struct cpns_state *s = standard();
	struct cpns_key_record r;
	uint8_t name[CPNS_KEY_ID_LEN];

	(void)state;
	r = eukey(1);
	assert_int_equal(cpns_state_key_put(s, &r), -EEXIST);
	r.generation = 9;
	assert_int_equal(cpns_state_key_put(s, &r), 0);
	assert_int_equal(s->n_keys, 2);
	assert_int_equal(cpns_state_key_find(s, r.key_id)->generation, 9);

	/* Of another user, with another Server, for another entity or role. */
	r = eukey(3);
	cpns_user_id_set(&r.user_id, "bob", 3, NULL);
	assert_int_equal(cpns_state_key_put(s, &r), -EPERM);
	r = key_of(3, CPNS_KEY_EUKEY, "srv@away", CPNS_ROLE_SERVER);
	assert_int_equal(cpns_state_key_put(s, &r), -EPERM);
	r = key_of(3, CPNS_KEY_LOCALEUKEY, "srv@home", CPNS_ROLE_SERVER);
	assert_int_equal(cpns_state_key_put(s, &r), -EPERM);
	r = key_of(3, CPNS_KEY_STATIC, "gw@home", CPNS_ROLE_PNGW);
	assert_int_equal(cpns_state_key_put(s, &r), -EPERM);
	r = localeukey(3);
	r.own.role = CPNS_ROLE_PNGW;
	assert_int_equal(cpns_state_key_put(s, &r), -EPERM);
	/* A LocalEUKey has the owner of the PNE, which may be somebody else. */
	r = localeukey(3);
	cpns_user_id_set(&r.user_id, "bob", 3, NULL);
	assert_int_equal(cpns_state_key_put(s, &r), 0);
	assert_int_equal(s->n_keys, 3);

	/* Revoked: gone, remembered, and never taken again. */
	memset(name, 2, sizeof(name));
	assert_int_equal(cpns_state_revoke(s, name), 0);
	assert_int_equal(cpns_state_revoke(s, name), -EALREADY);
	assert_null(cpns_state_key_find(s, name));
	assert_true(cpns_state_is_revoked(s, name));
	r = localeukey(2);
	assert_int_equal(cpns_state_key_put(s, &r), -EKEYREVOKED);
	memset(name, 77, sizeof(name));
	assert_int_equal(cpns_state_revoke(s, name), 0);

	/* In time the LocalEUKey and the revocation go; the EUKey stays. */
	assert_int_equal(cpns_state_expire(s, 999), 0);
	assert_int_equal(cpns_state_expire(s, 1000), 2);
	assert_int_equal(s->n_keys, 1);
	assert_int_equal(s->keys[0].kind, CPNS_KEY_EUKEY);
	assert_int_equal(s->n_revoked, 1);
	memset(name, 1, sizeof(name));
	assert_true(cpns_state_key_drop(s, name));
	assert_false(cpns_state_key_drop(s, name));
	cpns_state_free(s);
	cpns_state_free(NULL);
}

static void saved_and_read(void **state)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *s = standard(), *back;
	uint8_t name[CPNS_KEY_ID_LEN];
	struct stat st;
	json_t *a, *b;

	(void)state;
	memset(name, 9, sizeof(name));
	cpns_state_revoke(s, name);
	s->time = 5;
	umask(0);
	assert_int_equal(cpns_state_save(path, s, 4, error), 0);
	assert_int_equal(s->time, 5);
	assert_int_equal(cpns_state_save(path, s, 6, error), 0);
	umask(022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(cpns_state_load(path, &back, error), 0);
	assert_int_equal(back->time, 6);
	a = cpns_state_to_json(s);
	b = cpns_state_to_json(back);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	cpns_state_free(s);
	cpns_state_free(back);
}

static void refused_files(void **state)
{
	char error[CPNS_ERROR_TEXT], link[96];
	struct cpns_state *s = standard(), *back;
	int fd;

	(void)state;
	snprintf(link, sizeof(link), "%s/link.json", dir);
	unlink(path);
	assert_int_equal(cpns_state_load(path, &back, error), -ENOENT);
	assert_null(back);
	assert_int_equal(cpns_state_save(path, s, 1, error), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(cpns_state_load(link, &back, error), -ELOOP);
	unlink(link);
	chmod(path, 0640);
	assert_int_equal(cpns_state_load(path, &back, error), -EPERM);
	assert_non_null(strstr(error, "chmod 600"));
	chmod(path, 0600);
	if (!geteuid()) {
		assert_int_equal(chown(path, 12345, -1), 0);
		assert_int_equal(cpns_state_load(path, &back, error), -EPERM);
		assert_int_equal(chown(path, 0, -1), 0);
	}
	assert_int_equal(mkdir(link, 0700), 0);
	assert_int_equal(cpns_state_load(link, &back, error), -EPERM);
	assert_int_equal(cpns_state_save(link, s, 1, error), -EISDIR);
	rmdir(link);
	assert_int_equal(cpns_state_load("/nowhere/x.json", &back, error), -ENOENT);
	assert_int_equal(cpns_state_save("/nowhere/x.json", s, 1, error), -ENOENT);
	assert_int_equal(cpns_state_load("/tmp/", &back, error), -EINVAL);

	/* Cut off in the middle, or no JSON at all. */
	fd = open(path, O_WRONLY);
	assert_int_equal(ftruncate(fd, 40), 0);
	assert_int_equal(cpns_state_load(path, &back, error), -EINVAL);
	assert_non_null(strstr(error, "cpnsctl enrol"));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(cpns_state_load(path, &back, error), -EINVAL);
	close(fd);
	cpns_state_free(s);
}

/* A full disk: an error, and the old file is as it was. */
static void full_disk(void **state)
{
	const struct rlimit none = { 100, RLIM_INFINITY };
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *s = standard(), *back;
	struct rlimit before;

	(void)state;
	assert_int_equal(cpns_state_save(path, s, 7, error), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	assert_int_equal(cpns_state_save(path, s, 8, error), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(cpns_state_load(path, &back, error), 0);
	assert_int_equal(back->time, 7);
	cpns_state_free(back);
	cpns_state_free(s);
}

/* root makes the file the daemon user's, whose directory it is, and keeps it so. */
static void given_to_the_daemon(void **state)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *s, *back;
	struct stat st;

	(void)state;
	if (geteuid())
		unit_skip("only root gives a file away");
	s = standard();
	unlink(path);
	assert_int_equal(chown(dir, 12345, 54321), 0);
	assert_int_equal(cpns_state_save(path, s, 1, error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 54321);
	assert_int_equal(cpns_state_load(path, &back, error), 0);
	cpns_state_free(back);
	/* Its owner stays who it was. */
	assert_int_equal(chown(dir, 0, 0), 0);
	assert_int_equal(cpns_state_save(path, s, 1, error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	unlink(path);
	cpns_state_free(s);
}

/* What a crash left behind is no hindrance, and does not stay. */
static void left_behind(void **state)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *s = standard();
	int fd = open(temporary, O_WRONLY | O_CREAT, 0644);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(cpns_state_save(path, s, 1, error), 0);
	assert_int_equal(access(temporary, F_OK), -1);
	/* But nothing is written through a link. */
	assert_int_equal(symlink("/tmp/cpns-unit-target", temporary), 0);
	assert_int_equal(cpns_state_save(path, s, 1, error), -ELOOP);
	assert_int_equal(access("/tmp/cpns-unit-target", F_OK), -1);
	unlink(temporary);
	cpns_state_free(s);
}

static void wrong_contents(void **state)
{
	static const struct {
		const char *field, *value, *says;
	} all[] = {
		{ "v", NULL, "\"v\" is missing" },
		{ "v", "2", "another release" },
		{ "entity", NULL, "\"entity\" is missing" },
		{ "entity", "{\"id\":\"pne@home\",\"role\":\"pne\"}", "\"user\" is missing" },
		{ "entity", "{\"id\":\"gw@home\",\"role\":\"pne\",\"user\":\"alice\"}",
		  "other entities" },
		{ "entity", "{\"id\":\"pne@home\",\"role\":\"pn-gw\",\"user\":\"alice\"}",
		  "another role" },
		{ "entity", "{\"id\":\"pne@home\",\"role\":\"pne\",\"user\":\"bob\"}",
		  "another user" },
		{ "server", "{\"endpoints\":[]}", "\"id\" is missing" },
		{ "server", "{\"id\":\"srv@home\"}", "\"endpoints\" is missing" },
		{ "server", "{\"id\":\"srv@home\",\"endpoints\":[7]}", "HOST:PORT" },
		{ "server", "{\"id\":\"srv@home\",\"endpoints\":[\"a\"]}", "HOST:PORT" },
		{ "server", "{\"id\":\"srv@home\",\"endpoints\":[\"a:0\"]}", "HOST:PORT" },
		{ "server", "{\"id\":\"srv@home\",\"endpoints\":[\"a\\n:1\"]}", "HOST:PORT" },
		{ "server", "{\"id\":\"srv@\",\"endpoints\":[]}", "of the Server is wrong" },
		{ "server", "{\"id\":\"x@home\",\"endpoints\":[]}", "not with the Server" },
		{ "keys", NULL, "\"keys\" is missing" },
		{ "keys", "[7]", "must be an object" },
		{ "revoked", "[7]", "\"key_id\" is missing" },
		{ "permits", NULL, "\"permits\" must be a list" },
		{ "time", "\"1\"", "\"time\" is wrong" },
	};
	struct cpns_state *s = standard(), *back;
	char error[CPNS_ERROR_TEXT];
	json_t *json, *list;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		json = cpns_state_to_json(s);
		if (all[i].value)
			json_object_set_new(json, all[i].field,
					    json_loads(all[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(json, all[i].field);
		assert_int_equal(cpns_state_from_json(json, &back, error), -EINVAL);
		if (!strstr(error, all[i].says))
			fail_msg("%s: %s", all[i].says, error);
		assert_null(back);
		json_decref(json);
	}
	json = cpns_state_to_json(s);
	list = json_object_get(json, "keys");
	json_array_append(list, json_array_get(list, 0));
	assert_int_equal(cpns_state_from_json(json, &back, error), -EINVAL);
	assert_non_null(strstr(error, "twice"));
	json_decref(json);
	json = json_array();
	assert_int_equal(cpns_state_from_json(json, &back, error), -EINVAL);
	json_decref(json);
	cpns_state_free(s);
}

/*
 * A state with bytes changed at random: what is read either is a state, which
 * is written and read as the same, or is refused with a sentence.
 */
static void changed_at_random(void **state)
{
	struct cpns_state *s = standard(), *back, *again;
	char error[CPNS_ERROR_TEXT], *text, *copy;
	unsigned int taken = 0, i, seed = 1;
	json_t *json, *a, *b;
	size_t len;

	(void)state;
	json = cpns_state_to_json(s);
	text = json_dumps(json, JSON_COMPACT);
	len = strlen(text);
	copy = malloc(len);
	json_decref(json);
	for (i = 0; i < 20000; i++) {
		memcpy(copy, text, len);
		copy[(unsigned int)rand_r(&seed) % len] ^= 1 << rand_r(&seed) % 7;
		if (i & 1)
			copy[(unsigned int)rand_r(&seed) % len] = '0' + rand_r(&seed) % 75;
		json = json_loadb(copy, len, JSON_REJECT_DUPLICATES, NULL);
		if (!json)
			continue;
		*error = 0;
		if (cpns_state_from_json(json, &back, error)) {
			assert_true(*error);
			json_decref(json);
			continue;
		}
		json_decref(json);
		taken++;
		a = cpns_state_to_json(back);
		assert_int_equal(cpns_state_from_json(a, &again, error), 0);
		b = cpns_state_to_json(again);
		assert_true(json_equal(a, b));
		json_decref(a);
		json_decref(b);
		cpns_state_free(back);
		cpns_state_free(again);
	}
	assert_true(taken > 100);
	free(copy);
	free(text);
	cpns_state_free(s);
}

struct unit_result test_state_file(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(saved_and_read),
		cmocka_unit_test(refused_files), cmocka_unit_test(full_disk),
		cmocka_unit_test(left_behind), cmocka_unit_test(wrong_contents),
		cmocka_unit_test(changed_at_random), cmocka_unit_test(given_to_the_daemon),
	};

	return unit_run(tests, ARRAY_SIZE(tests), make_dir, remove_dir);
}
