// SPDX-License-Identifier: GPL-2.0
/* Key records and key files. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

static const char good_key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static char dir[64], path[80];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cpns-unit.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void write_file(const char *text, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct cpns_key_record standard(void)
{
	struct cpns_key_record r = { .kind = CPNS_KEY_STATIC };

	assert_int_equal(cpns_party_set(&r.own, "a@x", 3, CPNS_ROLE_PNE, NULL), 0);
	assert_int_equal(cpns_party_set(&r.peer, "b@x", 3, CPNS_ROLE_SERVER, NULL), 0);
	memset(r.key_id, 1, sizeof(r.key_id));
	memset(r.key, 2, sizeof(r.key));
	return r;
}

static void parties(void **state)
{
	struct cpns_party p;
	const char *why = NULL;

	(void)state;
	assert_int_equal(cpns_party_set(&p, "a", 1, 0, &why), -EINVAL);
	assert_non_null(why);
	assert_int_equal(cpns_party_set(&p, "", 0, CPNS_ROLE_PNE, &why), -ENODATA);
	assert_int_equal(cpns_party_set(&p, "srv@", 4, CPNS_ROLE_SERVER, &why), -EINVAL);
	/* Only of a Server. */
	assert_int_equal(cpns_party_set(&p, "pne@", 4, CPNS_ROLE_PNE, NULL), 0);
	assert_int_equal(p.role, CPNS_ROLE_PNE);
	assert_true(p.eid != 0);
}

static void consistency(void **state)
{
	struct cpns_key_record r;
	const char *why;

	(void)state;
	r = standard();
	assert_int_equal(cpns_record_check(&r, NULL), 0);
#define BROKEN(change) do {						\
	r = standard();							\
	change;								\
	why = NULL;							\
	assert_int_equal(cpns_record_check(&r, &why), -EINVAL);		\
	assert_non_null(why);						\
} while (0)
	BROKEN(r.kind = 0);
	BROKEN(r.kind = 4);
	BROKEN(r.own.eid = 0);
	BROKEN(r.peer.eid = 0);
	BROKEN(r.peer = r.own);
	BROKEN(r.peer.eid = r.own.eid);
	BROKEN(r.kind = CPNS_KEY_EUKEY);
	BROKEN(cpns_user_id_set(&r.user_id, "alice", 5, NULL));
	BROKEN(r.not_before = 7; r.not_after = 7);
	BROKEN(memset(r.key, 0, sizeof(r.key)));
	BROKEN(memset(r.key_id, 0, sizeof(r.key_id)));
	BROKEN(r.kind = CPNS_KEY_LOCALEUKEY; r.peer.role = CPNS_ROLE_PNE;
	       cpns_user_id_set(&r.user_id, "alice", 5, NULL));
#undef BROKEN
	/* Equal roles go with a static key. */
	r = standard();
	r.peer.role = CPNS_ROLE_PNE;
	assert_int_equal(cpns_record_check(&r, NULL), 0);
	r = standard();
	r.kind = CPNS_KEY_EUKEY;
	assert_int_equal(cpns_user_id_set(&r.user_id, "alice", 5, NULL), 0);
	assert_int_equal(cpns_record_check(&r, NULL), 0);
}

static void validity(void **state)
{
	struct cpns_key_record r = { 0 };

	(void)state;
	assert_true(cpns_record_valid(&r, 0));
	assert_true(cpns_record_valid(&r, UINT64_MAX));
	r.not_before = 10;
	r.not_after = 20;
	assert_false(cpns_record_valid(&r, 9));
	assert_true(cpns_record_valid(&r, 10));
	assert_true(cpns_record_valid(&r, 19));
	assert_false(cpns_record_valid(&r, 20));
}

static void fields(void **state)
{
	static const char *const good[][2] = {
		{ "key-id", "000102030405060708090a0b0c0d0e0f" }, { "kind", "localeukey" },
		{ "user-id", "alice" }, { "generation", "4294967295" }, { "pure-psk", "yes" },
		{ "not-before", "2026-01-31" }, { "not-after", "2026-01-31T12:00:00Z" },
	};
	static const char *const bad[][2] = {
		{ "key-id", "00" }, { "key-id", "000102030405060708090a0b0c0d0e0g" },
		{ "kind", "psk" }, { "user-id", "a b" }, { "generation", "4294967296" },
		{ "generation", "-1" }, { "pure-psk", "true" }, { "not-before", "yesterday" },
		{ "not-after", "2026-01-31T12:00" }, { "not-after", "1960-01-01" },
	};
	struct cpns_key_record r = { 0 }, empty = { 0 };
	char error[CPNS_ERROR_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(cpns_record_set_field(&r, good[i][0], good[i][1], error), 0);
	assert_int_equal(r.key_id[15], 15);
	assert_int_equal(r.kind, CPNS_KEY_LOCALEUKEY);
	assert_string_equal(r.user_id.text, "alice");
	assert_true(r.generation == UINT32_MAX);
	assert_true(r.pure_psk);
	assert_int_equal(r.not_before, 1769817600);
	assert_int_equal(r.not_after, 1769860800);
	assert_int_equal(cpns_record_set_field(&r, "pure-psk", "no", error), 0);
	assert_false(r.pure_psk);
	assert_int_equal(cpns_record_set_field(&r, "not-after", "5", error), 0);
	assert_int_equal(r.not_after, 5);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		error[0] = '\0';
		assert_int_equal(cpns_record_set_field(&r, bad[i][0], bad[i][1], error), -EINVAL);
		assert_non_null(strstr(error, bad[i][0]));
	}
	assert_int_equal(cpns_record_set_field(&r, "key", good_key, error), -ENOENT);
	assert_null(strstr(error, good_key));
	cpns_record_wipe(&r);
	assert_memory_equal(&r, &empty, sizeof(r));
	assert_null(cpns_key_kind_name(0));
	assert_null(cpns_key_kind_name(9));
}

static void key_text(void **state)
{
	uint8_t key[CPNS_KEY_LEN], zeros[CPNS_KEY_LEN] = { 0 };
	char text[80];

	(void)state;
	assert_int_equal(cpns_key_parse(good_key, 64, key), 0);
	assert_int_equal(key[31], 31);
	snprintf(text, sizeof(text), "%s\n", good_key);
	assert_int_equal(cpns_key_parse(text, 65, key), 0);
	snprintf(text, sizeof(text), "%s\n\n", good_key);
	assert_int_equal(cpns_key_parse(text, 66, key), -EINVAL);
	assert_memory_equal(key, zeros, sizeof(key));
	assert_int_equal(cpns_key_parse(good_key, 63, key), -EINVAL);
	assert_int_equal(cpns_key_parse("", 0, key), -EINVAL);
	assert_int_equal(cpns_key_parse("\n", 1, key), -EINVAL);
	snprintf(text, sizeof(text), " %s", good_key);
	assert_int_equal(cpns_key_parse(text, 65, key), -EINVAL);
	memset(text, '0', 64);
	assert_int_equal(cpns_key_parse(text, 64, key), -EINVAL);
}

static void refused(int code, const char *word)
{
	uint8_t key[CPNS_KEY_LEN], zeros[CPNS_KEY_LEN] = { 0 };
	char error[CPNS_ERROR_TEXT] = "";

	memset(key, 0xaa, sizeof(key));
	assert_int_equal(cpns_key_file_read(path, key, error), code);
	assert_memory_equal(key, zeros, sizeof(key));
	assert_non_null(strstr(error, word));
	assert_non_null(strstr(error, path));
	/* Nothing of the secret is ever told. */
	assert_null(strstr(error, "0001"));
}

static void key_file(void **state)
{
	uint8_t key[CPNS_KEY_LEN], back[CPNS_KEY_LEN];
	char error[CPNS_ERROR_TEXT], target[96];
	struct stat st;
	mode_t mode;

	(void)state;
	write_file(good_key, 64, 0600);
	assert_int_equal(cpns_key_file_read(path, key, error), 0);
	assert_int_equal(key[1], 1);
	write_file(good_key, 64, 0400);
	assert_int_equal(cpns_key_file_read(path, key, error), 0);
	for (mode = 01; mode <= 040; mode <<= 1) {
		write_file(good_key, 64, 0600 | mode);
		refused(-EPERM, "chmod 600");
	}
	write_file(good_key, 63, 0600);
	refused(-EBADMSG, "64 hex digits");
	write_file("", 0, 0600);
	refused(-EBADMSG, "64 hex digits");
	write_file("0001 not a key at all, and longer than any key that there is in this world", 75,
		   0600);
	refused(-EBADMSG, "64 hex digits");

	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	refused(-ELOOP, "symbolic link");
	unlink(path);
	unlink(target);
	refused(-ENOENT, "No such file");
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EPERM, "regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EPERM, "regular file");
	unlink(path);

	assert_int_equal(cpns_key_file_write(path, key, error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(cpns_key_file_read(path, back, error), 0);
	assert_memory_equal(key, back, sizeof(key));
	assert_int_equal(cpns_key_file_write(path, key, error), -EEXIST);
	assert_non_null(strstr(error, "nothing was changed"));
	assert_int_equal(cpns_key_file_write("/nonexistent/key", key, error), -ENOENT);
}

static void owners(void **state)
{
	(void)state;
	write_file(good_key, 64, 0600);
	/* Only root can give a file away. */
	if (chown(path, 12345, 12345))
		unit_skip("only root can give a file away");
	refused(-EPERM, "another user");
}

static void key_fd(void **state)
{
	uint8_t key[CPNS_KEY_LEN];
	char error[CPNS_ERROR_TEXT];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	/* In two pieces, as a pipe may give it. */
	assert_int_equal(write(fds[1], good_key, 30), 30);
	assert_int_equal(write(fds[1], good_key + 30, 34), 34);
	close(fds[1]);
	assert_int_equal(cpns_key_fd_read(fds[0], key, error), 0);
	assert_int_equal(key[31], 31);
	assert_int_equal(cpns_key_fd_read(fds[0], key, error), -EBADMSG);
	close(fds[0]);
	assert_int_equal(cpns_key_fd_read(fds[0], key, error), -EBADF);
	/* A device that is always full. */
	assert_int_equal(cpns_key_file_write("/dev/full", key, error), -EEXIST);
}

struct unit_result test_record(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(parties), cmocka_unit_test(consistency),
		cmocka_unit_test(validity), cmocka_unit_test(fields),
		cmocka_unit_test(key_text), cmocka_unit_test(key_file),
		cmocka_unit_test(owners), cmocka_unit_test(key_fd),
	};

	return unit_run(tests, ARRAY_SIZE(tests), make_dir, remove_dir);
}
