// SPDX-License-Identifier: GPL-2.0
/* The wrapping key: what was sealed opens as it was, and in no other way. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test-registrar.h"

#define KEY_TEXT	"0102030405060708091011121314151617181920212223242526272829303132\n"

static struct store_key sample(void)
{
	struct store_key row = {
		.key_id = { 1, 2, 3 },
		.kind = CPNS_KEY_EUKEY,
		.entity = "p@home.example",
		.user = "alice",
		.generation = 3,
		.state = KEY_ACTIVE,
		.not_before = T0,
		.not_after = T0 + DAY,
		.created = T0,
	};

	return row;
}

static void columns_are_bound(void **state)
{
	struct fixture *f = *state;
	struct store_key good = sample(), row;
	uint8_t key[CPNS_KEY_LEN], opened[CPNS_KEY_LEN];
	static const uint8_t zeros[CPNS_KEY_LEN];
	int i;

	memset(key, 9, sizeof(key));
	wrap_seal(f->reg.wrap, &good, key);
	assert_int_equal(wrap_unseal(f->reg.wrap, &good, opened), 0);
	assert_memory_equal(opened, key, sizeof(key));
	for (i = 0; i < 11; i++) {
		row = good;
		switch (i) {
		case 0:
			row.key_id[15] ^= 1;
			break;
		case 1:
			row.kind++;
			break;
		case 2:
			row.entity[0] = 'q';
			break;
		case 3:
			set_text(row.gateway, "g");
			break;
		case 4:
			set_text(row.user, "bob");
			break;
		case 5:
			row.generation++;
			break;
		case 6:
			row.state = KEY_PENDING;
			break;
		case 7:
			row.not_before--;
			break;
		case 8:
			row.not_after++;
			break;
		case 9:
			row.created++;
			break;
		default:
			row.wrapped[30] ^= 1;
			break;
		}
		memset(opened, 1, sizeof(opened));
		assert_int_equal(wrap_unseal(f->reg.wrap, &row, opened), -EBADMSG);
		assert_memory_equal(opened, zeros, sizeof(opened));
	}
	/* A text that moves from one column to the next is another row. */
	row = good;
	set_text(row.entity, "p@home.exampl");
	set_text(row.gateway, "e");
	assert_int_equal(wrap_unseal(f->reg.wrap, &row, opened), -EBADMSG);
}

static void each_sealing_is_new(void **state)
{
	struct fixture *f = *state;
	struct store_key a = sample(), b = sample();
	uint8_t key[CPNS_KEY_LEN] = { 1 };

	wrap_seal(f->reg.wrap, &a, key);
	wrap_seal(f->reg.wrap, &b, key);
	assert_memory_not_equal(a.wrapped, b.wrapped, sizeof(a.wrapped));
}

static void another_wrapping_key_is_told(void **state)
{
	struct fixture *f = *state;
	struct registry other = f->reg;
	char error[CPNS_ERROR_TEXT];
	uint8_t key[CPNS_KEY_LEN] = { 8 };

	assert_int_equal(wrap_new(&other.wrap, key), 0);
	assert_int_equal(registry_open(&other, "srv@home.example", &f->reg.rules, error),
			 -EBADMSG);
	assert_non_null(strstr(error, "put the right one back"));
	wrap_free(other.wrap);
	assert_int_equal(registry_open(&f->reg, "srv@other.example", &f->reg.rules, error),
			 -EADDRINUSE);
	assert_int_equal(registry_open(&f->reg, "srv@", &f->reg.rules, error), -EINVAL);
	assert_int_equal(registry_open(&f->reg, "srv@home.example", &f->reg.rules, error), 0);
}

static void the_file_is_made_once(void **state)
{
	struct fixture *f = *state;
	char path[96], error[CPNS_ERROR_TEXT];
	uint8_t a[32], b[32];
	struct wrap *wrap;
	struct stat st;

	snprintf(path, sizeof(path), "%s/wrapping.key", f->dir);
	assert_int_equal(wrap_open(&wrap, path, false, error), -ENOENT);
	assert_non_null(strstr(error, "put it back"));
	assert_int_equal(wrap_open(&wrap, path, true, error), 0);
	wrap_mark(wrap, a);
	wrap_free(wrap);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(wrap_open(&wrap, path, true, error), 0);
	wrap_mark(wrap, b);
	wrap_free(wrap);
	assert_memory_equal(a, b, sizeof(a));
	chmod(path, 0640);
	assert_int_equal(wrap_open(&wrap, path, true, error), -EPERM);
	assert_null(wrap);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(wrap_open(&wrap, path, true, error), -ELOOP);
}

static void the_credential_is_read(void **state)
{
	struct fixture *f = *state;
	char path[96], error[CPNS_ERROR_TEXT];
	struct wrap *wrap;
	int fd;

	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(wrap_open(&wrap, NULL, true, error), -ENOENT);
	setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
	assert_int_equal(wrap_open(&wrap, NULL, true, error), -ENOENT);
	snprintf(path, sizeof(path), "%s/wrapping-key", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0440);
	assert_int_equal(write(fd, KEY_TEXT, 65), 65);
	close(fd);
	assert_int_equal(wrap_open(&wrap, NULL, true, error), 0);
	wrap_free(wrap);
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* What a thief of the store has. */
static void the_store_shows_no_key(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record record;
	char code[ENROL_CODE_TEXT], *text;
	uint64_t expires;
	size_t n;
	FILE *file;

	assert_int_equal(fixture_enrol(f, "alice", "p@home.example", CPNS_ROLE_PNE, T0, &record),
			 0);
	assert_int_equal(enrol_code_new(&f->reg, "alice", CPNS_ROLE_PNE, T0, code, &expires), 0);
	f->reg.ops->close(f->reg.store);
	text = calloc(1, 1 << 20);
	file = fopen(f->store, "r");
	n = fread(text, 1, 1 << 20, file);
	fclose(file);
	assert_true(n > 4096);
	assert_non_null(memmem(text, n, "p@home.example", 14));
	assert_non_null(memmem(text, n, record.key_id, CPNS_KEY_ID_LEN));
	assert_null(memmem(text, n, record.key, CPNS_KEY_LEN));
	assert_null(memmem(text, n, record.key, 8));
	assert_null(memmem(text, n, code, strlen(code)));
	free(text);
	f->reg.store = NULL;
	fixture_reopen(f);
}

static void rows_that_were_changed_are_not_used(void **state)
{
	struct fixture *f = *state;
	struct cpns_key_record a, b, out;
	unsigned int key_state;
	sqlite3 *db;

	fixture_enrol(f, "alice", "a@home.example", CPNS_ROLE_PNE, T0, &a);
	fixture_enrol(f, "bob", "b@home.example", CPNS_ROLE_PNE, T0, &b);
	assert_int_equal(sqlite3_open(f->store, &db), SQLITE_OK);
	/* b's key in a's row */
	assert_int_equal(sqlite3_exec(db, "UPDATE keys SET wrapped = (SELECT wrapped FROM keys\n"
				      " WHERE entity = 'b@home.example')\n"
				      " WHERE entity = 'a@home.example'", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(keyring_lookup(&f->reg, a.key_id, T0, &out, &key_state), -EBADMSG);
	assert_int_equal(keyring_lookup(&f->reg, b.key_id, T0, &out, &key_state), 0);
	/* a longer life for b's */
	assert_int_equal(sqlite3_exec(db, "UPDATE keys SET not_after = not_after + 1\n"
				      " WHERE entity = 'b@home.example'", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(keyring_lookup(&f->reg, b.key_id, T0, &out, &key_state), -EBADMSG);
	sqlite3_close(db);
	/* It can be revoked and enrolled anew all the same. */
	assert_int_equal(registry_begin(&f->reg), 0);
	assert_int_equal(registry_end(&f->reg, keyring_revoke(&f->reg, "b@home.example", true,
							      NULL)), 0);
	assert_int_equal(keyring_lookup(&f->reg, b.key_id, T0, &out, &key_state), -EKEYREVOKED);
	assert_int_equal(fixture_enrol(f, "bob", "b@home.example", CPNS_ROLE_PNE, T0, &b), 0);
	assert_int_equal(b.generation, 2);
}

struct unit_result test_registrar_wrap(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test_setup_teardown(columns_are_bound, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(each_sealing_is_new, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(another_wrapping_key_is_told, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_file_is_made_once, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_credential_is_read, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_store_shows_no_key, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(rows_that_were_changed_are_not_used,
						fixture_setup, fixture_teardown),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, NULL, NULL) };
}
