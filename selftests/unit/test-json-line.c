// SPDX-License-Identifier: GPL-2.0
/* JSON lines. */
#include "unit.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json-line.h"
#include "json-secret.h"
#include "secret.h"

static long long next_number(struct cpns_json_lines *lines)
{
	long long n = -1;
	json_t *o;

	if (cpns_json_lines_next(lines, &o) == 1)
		n = json_integer_value(json_object_get(o, "n"));
	json_decref(o);
	return n;
}

static void pieces(void **state)
{
	static const char text[] = "{\"n\":1}\n{\"n\":2}\r\n{\"n\":3}\n{\"n\":";
	struct cpns_json_lines *lines = cpns_json_lines_new(16);
	long long seen = 0, n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(cpns_json_lines_feed(lines, text + i, 1), 1);
		n = next_number(lines);
		if (n > 0)
			assert_int_equal(n, ++seen);
	}
	assert_int_equal(seen, 3);
	cpns_json_lines_free(lines);
	cpns_json_lines_free(NULL);
}

static void bounded(void **state)
{
	static const char two[] = "{\"n\":1}\n{\"n\":2}\n";
	struct cpns_json_lines *lines = cpns_json_lines_new(8);
	json_t *o;

	(void)state;
	/* What does not fit waits until the line before it is taken. */
	assert_int_equal(cpns_json_lines_next(lines, &o), 0);
	assert_int_equal(cpns_json_lines_feed(lines, two, 16), 8);
	assert_int_equal(cpns_json_lines_feed(lines, two + 8, 8), 0);
	assert_int_equal(next_number(lines), 1);
	assert_int_equal(cpns_json_lines_feed(lines, two + 8, 8), 8);
	assert_int_equal(next_number(lines), 2);
	/* A longer line is refused, and it stays so. */
	assert_int_equal(cpns_json_lines_feed(lines, "{\"n\":10}\n", 9), -EMSGSIZE);
	assert_int_equal(cpns_json_lines_feed(lines, "\n", 1), -EMSGSIZE);
	cpns_json_lines_free(lines);
}

static void no_objects(void **state)
{
	static const char *const bad[] = {
		"\n", "x\n", "[1]\n", "3\n", "{\"n\":1}{\"n\":2}\n", "{\"n\":1,\"n\":2}\n",
		"{\"n\":\"\xff\"}\n", "{\"n\":\"\\u0000\"}\n",
	};
	struct cpns_json_lines *lines = cpns_json_lines_new(64);
	json_t *o;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cpns_json_lines_feed(lines, bad[i], strlen(bad[i]));
		assert_int_equal(cpns_json_lines_next(lines, &o), -EBADMSG);
		assert_null(o);
		/* The one behind it is read all the same. */
		cpns_json_lines_feed(lines, "{\"n\":7}\n", 8);
		assert_int_equal(next_number(lines), 7);
	}
	cpns_json_lines_free(lines);
}

static void over_a_socket(void **state)
{
	struct cpns_json_lines *lines = cpns_json_lines_new(1 << 20);
	char *big = malloc(40001);
	json_t *o, *back = NULL;
	int fd[2], ret;
	ssize_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	memset(big, 'x', 40000);
	big[40000] = 0;
	o = json_pack("{s:s, s:s}", "big", big, "lines", "a\nb");
	assert_int_equal(cpns_json_line_send(fd[0], o), 0);
	do {
		n = cpns_json_lines_read(lines, fd[1]);
		assert_true(n > 0);
		ret = cpns_json_lines_next(lines, &back);
	} while (!ret);
	assert_int_equal(ret, 1);
	assert_true(json_equal(o, back));
	close(fd[0]);
	assert_int_equal(cpns_json_lines_read(lines, fd[1]), 0);
	close(fd[1]);
	assert_int_equal(cpns_json_lines_read(lines, fd[1]), -EBADF);
	assert_int_equal(cpns_json_line_send(-1, o), -EBADF);
	json_decref(o);
	json_decref(back);
	cpns_json_lines_free(lines);
	free(big);
}

/* What jansson frees is erased: its own free function is looked at. */
static void erased(void **state)
{
	json_malloc_t get;
	json_free_t put;
	char *p;

	(void)state;
	cpns_json_wipe_on_free();
	json_get_alloc_funcs(&get, &put);
	assert_ptr_equal(get, malloc);
	assert_ptr_not_equal(put, free);
	p = get(64);
	memset(p, 's', 64);
	put(p);
	put(NULL);
	cpns_json_text_free(NULL);
}

static void moved(void **state)
{
	char *p = cpns_realloc_wiped(NULL, 10);

	(void)state;
	assert_non_null(p);
	memcpy(p, "0123456789", 10);
	p = cpns_realloc_wiped(p, 100000);
	assert_memory_equal(p, "0123456789", 10);
	p = cpns_realloc_wiped(p, 4);
	assert_memory_equal(p, "0123", 4);
	cpns_free_wiped(p);
}

struct unit_result test_json_line(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(pieces), cmocka_unit_test(bounded),
		cmocka_unit_test(no_objects), cmocka_unit_test(over_a_socket),
		cmocka_unit_test(erased), cmocka_unit_test(moved),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
