// SPDX-License-Identifier: GPL-2.0
/* Files: hosts file, text of a configuration edited, saved time, notification. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/cpnsctl/edit.h"
#include "../../userspace/cpnsd/file.h"
#include "../../userspace/cpnsd/hosts.h"
#include "../../userspace/cpnsd/notify.h"
#include "../../userspace/cpnsd/state.h"
#include "test-cpnsd.h"

static char dir[40];
static char path[64];

static void put(const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0644), 0);
}

static void expect(const char *wanted)
{
	char *text;
	size_t len;

	assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
	assert_string_equal(text, wanted);
	free(text);
}

#define BLOCK								\
	"# begin cpnsd cpns0: written by cpnsd, changes are lost\n"		\
	"fd10:6224:9430:1:2c8:69ff:d0c7:b7c9\thome.example self.cpns0\n"	\
	"# end cpnsd cpns0\n"

static struct conf *configuration(void)
{
	static const char text[] = "[entity]\nid = home.example\nrole = server\n";
	struct conf_source source = { .name = "f", .text = text, .len = strlen(text) };
	struct conf *conf;

	assert_int_equal(conf_parse(&conf, &source, 1, NULL, NULL), 0);
	return conf;
}

static void hosts_keeps_what_is_not_its_own(void **state)
{
	struct conf *conf = configuration();
	char error[CPNS_ERROR_TEXT];

	(void)state;
	unlink(path);
	assert_int_equal(hosts_write(path, conf, error), 0);
	expect(BLOCK);
	put("127.0.0.1 localhost\n# begin cpnsd cpns0\nold\n# end cpnsd cpns0\n::1 ip6\n"
	    "# begin cpnsd cpns01\nother\n# end cpnsd cpns01");
	assert_int_equal(hosts_write(path, conf, error), 0);
	expect("127.0.0.1 localhost\n" BLOCK "::1 ip6\n"
	       "# begin cpnsd cpns01\nother\n# end cpnsd cpns01\n");
	assert_int_equal(hosts_remove(path, "cpns01", error), 0);
	assert_int_equal(hosts_remove(path, "cpns0", error), 0);
	expect("127.0.0.1 localhost\n::1 ip6\n");
	put(BLOCK);
	assert_int_equal(hosts_remove(path, "cpns0", error), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(hosts_remove(path, "cpns0", error), 0);
	assert_int_equal(hosts_write("/nonexistent/hosts", conf, error), -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/hosts"));
	conf_free(conf);
}

static void hosts_leaves_a_good_file_alone(void **state)
{
	struct conf *conf = configuration();
	char error[CPNS_ERROR_TEXT];
	struct stat before, after;

	(void)state;
	put(BLOCK);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(hosts_write(path, conf, error), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	conf_free(conf);
}

static void files_are_read_with_care(void **state)
{
	char *text;
	size_t len;

	(void)state;
	put("12345");
	assert_int_equal(file_read(path, 4, &text, &len, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(file_read(path, 5, &text, &len, NULL), 0);
	assert_int_equal(len, 5);
	free(text);
	assert_int_equal(file_read(dir, 5, &text, &len, NULL), -EINVAL);
	assert_int_equal(file_read("/nonexistent", 5, &text, &len, NULL), -ENOENT);
}

#define TEXT								\
	"# home\n[entity]\nid = x\n\n[peer \"a\"]\nid = a\n# about a\naddress = 1\n"	\
	"address = 2\n\n# of b\n[peer \"b\"]\nid = b\n"

static void peers_are_edited_in_the_text(void **state)
{
	const struct edit_value new[] = { { "id", "c" }, { "address", "" } };
	const struct edit_value set[] = { { "address", "3" }, { "window", "64" } };
	const struct edit_value none[] = { { "address", "" } };
	char *text;

	(void)state;
	assert_int_equal(edit_add_peer(TEXT, "c", new, 2, &text), 0);
	assert_string_equal(text, TEXT "\n[peer \"c\"]\nid = c\n");
	free(text);
	assert_int_equal(edit_add_peer(TEXT, "a", new, 2, &text), -EEXIST);
	assert_int_equal(edit_set_peer(TEXT, "a", set, 2, &text), 0);
	assert_string_equal(text, "# home\n[entity]\nid = x\n\n[peer \"a\"]\nid = a\n# about a\n"
			    "address = 3\nwindow = 64\n\n# of b\n[peer \"b\"]\nid = b\n");
	free(text);
	assert_int_equal(edit_set_peer(TEXT, "a", none, 1, &text), 0);
	assert_string_equal(text, "# home\n[entity]\nid = x\n\n[peer \"a\"]\nid = a\n# about a\n"
			    "\n# of b\n[peer \"b\"]\nid = b\n");
	free(text);
	assert_int_equal(edit_set_peer(TEXT, "z", set, 2, &text), -ENOENT);
	assert_int_equal(edit_del_peer(TEXT, "a", &text), 0);
	assert_string_equal(text, "# home\n[entity]\nid = x\n\n# of b\n[peer \"b\"]\nid = b\n");
	free(text);
	assert_int_equal(edit_del_peer(TEXT, "b", &text), 0);
	assert_string_equal(text, "# home\n[entity]\nid = x\n\n[peer \"a\"]\nid = a\n# about a\n"
			    "address = 1\naddress = 2\n\n# of b\n");
	free(text);
	assert_int_equal(edit_del_peer(TEXT, "z", &text), -ENOENT);
}

static void several_keys_are_not_guessed_at(void **state)
{
	static const char text[] = "[peer \"a\"]\nkey-file = 1\nkey-id = 1\nkey-file = 2\n";
	const struct edit_value key[] = { { "key-id", "3" } };
	const struct edit_value other[] = { { "window", "64" } };
	char *result;

	(void)state;
	assert_int_equal(edit_set_peer(text, "a", key, 1, &result), -ENOTUNIQ);
	assert_int_equal(edit_set_peer(text, "a", other, 1, &result), 0);
	free(result);
}

static void the_larger_time_counts(void **state)
{
	struct cpns_now now;
	struct state st;
	char text[32];

	(void)state;
	snprintf(path, sizeof(path), "%s/time", dir);
	state_open(&st, dir);
	state_now(&st, &now);
	assert_true(now.real >= (uint64_t)time(NULL) - 1);
	state_save(&st);
	assert_int_equal(st.saved, time(NULL));
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)time(NULL) + 1000000);
	put(text);
	state_open(&st, dir);
	state_now(&st, &now);
	assert_true(now.real >= (uint64_t)time(NULL) + 999999);
	/* A saved time is never taken back. */
	state_save(&st);
	expect(text);
	put("junk\n");
	state_open(&st, dir);
	assert_int_equal(st.saved, 0);
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void the_manager_is_told(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[128];
	ssize_t n;

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	notify_send("READY=1");
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_int_equal(n, 7);
	text[n] = 0;
	assert_string_equal(text, "READY=1");
	notify_reloading();
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	text[n] = 0;
	assert_non_null(strstr(text, "RELOADING=1\nMONOTONIC_USEC="));
	setenv("WATCHDOG_USEC", "60000000", 1);
	assert_int_equal(notify_watchdog(), 30000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog(), 0);
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
	unlink(addr.sun_path);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cpnsd-test-files.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char time_path[64];

	(void)state;
	unlink(path);
	snprintf(time_path, sizeof(time_path), "%s/time", dir);
	unlink(time_path);
	return rmdir(dir);
}

struct unit_result test_cpnsd_files(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(hosts_keeps_what_is_not_its_own),
		cmocka_unit_test(hosts_leaves_a_good_file_alone),
		cmocka_unit_test(files_are_read_with_care),
		cmocka_unit_test(peers_are_edited_in_the_text),
		cmocka_unit_test(several_keys_are_not_guessed_at),
		cmocka_unit_test(the_larger_time_counts),
		cmocka_unit_test(the_manager_is_told),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, make_dir, remove_dir) };
}
