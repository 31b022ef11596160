// SPDX-License-Identifier: GPL-2.0
/* Requests to the registrar over its socket for administration. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <json-line.h>

#include "print.h"
#include "registrar.h"

enum {
	VERSION = 1,
	REQUEST_ID = 1,			/* one request a connection */
	ANSWER_MAX = 256 << 20,
	TIMEOUT_S = 120,		/* a backup takes its time */
};

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	int fd, ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int receive(int fd, json_t **answer)
{
	struct cpns_json_lines *lines = cpns_json_lines_new(ANSWER_MAX);
	ssize_t n = lines ? 1 : -ENOMEM;
	int ret = 0;

	while (n > 0 && !ret) {
		n = cpns_json_lines_read(lines, fd);
		if (n > 0)
			ret = cpns_json_lines_next(lines, answer);
	}
	cpns_json_lines_free(lines);
	if (ret)
		return ret > 0 ? 0 : ret;
	/* Who may not speak with it gets no word of it. */
	return n ? (int)n : -EPERM;
}

static int exchange(struct ctl *ctl, json_t *request, json_t **answer)
{
	int fd = connect_to(ctl->socket ? ctl->socket : REGISTRAR_SOCKET), ret;

	if (fd < 0)
		return fd;
	ret = cpns_json_line_send(fd, request);
	if (!ret || ret == -EPIPE)
		ret = receive(fd, answer);
	close(fd);
	return ret;
}

static int tell(int ret, const char *path)
{
	switch (ret) {
	case -ENOENT:
	case -ECONNREFUSED:
		ctl_error("no registrar at %s: start cpns-registrar on the Server's host",
			  path);
		return CTL_NO_DAEMON;
	case -EACCES:
	case -EPERM:
	case -ECONNRESET:
		ctl_error("the registrar speaks with root and the group of its configuration only");
		return CTL_PERMISSION;
	case -EAGAIN:
		ctl_error("the registrar gave no answer within %d s", TIMEOUT_S);
		return CTL_FAIL;
	case -EBADMSG:
	case -EMSGSIZE:
		ctl_error("what answers at %s is no registrar", path);
		return CTL_FAIL;
	default:
		ctl_error("the registrar can't be asked: %s", strerror(-ret));
		return CTL_FAIL;
	}
}

static int exit_code(const char *code)
{
	if (!strcmp(code, "unknown"))
		return CTL_NOT_FOUND;
	return strcmp(code, "slow-down") ? CTL_REFUSED : CTL_LATER;
}

int registrar_ask(struct ctl *ctl, json_t *request, json_t **answer)
{
	const char *code, *text;
	int ret;

	*answer = NULL;
	if (!request || json_object_set_new(request, "v", json_integer(VERSION)) ||
	    json_object_set_new(request, "id", json_integer(REQUEST_ID))) {
		json_decref(request);
		ctl_error("no memory");
		return CTL_FAIL;
	}
	ret = exchange(ctl, request, answer);
	json_decref(request);
	if (ret)
		return tell(ret, ctl->socket ? ctl->socket : REGISTRAR_SOCKET);
	if (json_is_true(json_object_get(*answer, "ok")))
		return CTL_OK;
	code = json_string_value(json_object_get(*answer, "error"));
	text = json_string_value(json_object_get(*answer, "text"));
	ctl_error("%s", text ? text : code ? code : "the registrar refused, and said nothing");
	ret = exit_code(code ? code : "");
	json_decref(*answer);
	*answer = NULL;
	return ret;
}

static void envelope_off(json_t *answer)
{
	json_object_del(answer, "v");
	json_object_del(answer, "id");
	json_object_del(answer, "ok");
}

static int write_out(struct ctl *ctl, const json_t *value)
{
	struct cpns_out *out = cpns_out_open(stdout, ctl->form, ctl->colour);

	if (!out) {
		ctl_error("no memory");
		return CTL_FAIL;
	}
	print_json(out, NULL, value);
	return cpns_out_close(out) ? CTL_FAIL : CTL_OK;
}

int registrar_do(struct ctl *ctl, json_t *request, const char *done, ...)
{
	json_t *answer;
	va_list ap;
	int ret;

	ret = registrar_ask(ctl, request, &answer);
	if (ret)
		return ret;
	envelope_off(answer);
	if (ctl->form == CPNS_OUT_JSON) {
		ret = write_out(ctl, answer);
	} else {
		va_start(ap, done);
		vprintf(done, ap);
		va_end(ap);
		putchar('\n');
	}
	json_decref(answer);
	return ret;
}

/* Moments are numbers on the wire; a person gets a date. */
static bool is_time(const char *name, const json_t *value)
{
	static const char *const names[] = {
		"at", "created", "expires", "not_before", "not_after", "started",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return json_is_integer(value) && json_integer_value(value) > 0;
	return false;
}

static void show_value(struct ctl *ctl, struct cpns_out *out, const char *name,
		       const json_t *value);

/* One of a list: its first value, which names it, is the heading. */
static void show_item(struct ctl *ctl, struct cpns_out *out, const json_t *item)
{
	const char *key, *title = NULL;
	char number[32];
	json_t *value;

	if (!json_is_object(item)) {
		show_value(ctl, out, NULL, item);
		return;
	}
	json_object_foreach((json_t *)item, key, value) {
		if (title) {
			show_value(ctl, out, key, value);
			continue;
		}
		snprintf(number, sizeof(number), "%lld", json_integer_value(value));
		title = json_is_string(value) ? json_string_value(value) : number;
		cpns_out_object_begin(out, NULL, title);
	}
	if (title)
		cpns_out_object_end(out);
}

static void show_value(struct ctl *ctl, struct cpns_out *out, const char *name,
		       const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(value)) {
		cpns_out_object_begin(out, name, NULL);
		json_object_foreach((json_t *)value, key, item)
			show_value(ctl, out, key, item);
		cpns_out_object_end(out);
	} else if (json_is_array(value)) {
		if (!json_array_size(value))
			return;
		cpns_out_list_begin(out, name, NULL);
		json_array_foreach(value, i, item)
			show_item(ctl, out, item);
		cpns_out_list_end(out);
	} else if (name && is_time(name, value)) {
		print_moment(ctl, out, name, json_integer_value(value));
	} else {
		print_json(out, name, value);
	}
}

int registrar_show(struct ctl *ctl, json_t *request, const char *field, const char *none)
{
	json_t *answer, *shown, *item;
	struct cpns_out *out;
	size_t i;
	int ret;

	ret = registrar_ask(ctl, request, &answer);
	if (ret)
		return ret;
	envelope_off(answer);
	shown = field ? json_object_get(answer, field) : answer;
	if (ctl->form == CPNS_OUT_JSON) {
		ret = write_out(ctl, answer);
		goto out;
	}
	if (json_is_array(shown) && !json_array_size(shown)) {
		puts(none);
		goto out;
	}
	out = cpns_out_open(stdout, ctl->form, ctl->colour);
	if (json_is_array(shown)) {
		json_array_foreach(shown, i, item)
			show_item(ctl, out, item);
	} else {
		show_value(ctl, out, NULL, shown);
	}
	ret = cpns_out_close(out) ? CTL_FAIL : CTL_OK;
out:
	json_decref(answer);
	return ret;
}
