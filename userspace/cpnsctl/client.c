// SPDX-License-Identifier: GPL-2.0
/* Requests to the daemon. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../cpnsd/paths.h"
#include "client.h"

#define ANSWER_MAX	(64 << 20)
#define TIMEOUT_S	10

enum { VERSION = 1 };

static int connect_to(struct ctl *ctl, const char *device)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	int fd, ret;

	if (!ctl->socket)
		paths_default(addr.sun_path, sizeof(addr.sun_path), device, "sock");
	else if (strlen(ctl->socket) < sizeof(addr.sun_path))
		memcpy(addr.sun_path, ctl->socket, strlen(ctl->socket) + 1);
	else
		return -ENAMETOOLONG;
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

static int send_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
		text += n;
		len -= n;
	}
	return 0;
}

/* Reads one line; who is not allowed to speak gets none. */
static int receive_line(int fd, char **line, size_t *len)
{
	size_t size = 0;
	char *bigger;
	ssize_t n;

	*line = NULL;
	*len = 0;
	for (;;) {
		if (*len == size) {
			size = size ? 2 * size : 65536;
			bigger = size <= ANSWER_MAX ? realloc(*line, size) : NULL;
			if (!bigger)
				return -ENOMEM;
			*line = bigger;
		}
		n = recv(fd, *line + *len, size - *len, 0);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return *len ? -EPROTO : -EPERM;
		*len += n;
		if ((*line)[*len - 1] == '\n')
			return 0;
	}
}

int client_ask(struct ctl *ctl, const char *device, json_t *request, json_t **answer)
{
	char *text = NULL, *line = NULL;
	size_t len;
	int fd, ret;

	*answer = NULL;
	json_object_set_new(request, "v", json_integer(VERSION));
	fd = connect_to(ctl, device);
	if (fd < 0) {
		json_decref(request);
		return fd;
	}
	ret = -ENOMEM;
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		goto out;
	ret = send_all(fd, text, strlen(text));
	if (!ret)
		ret = send_all(fd, "\n", 1);
	if (!ret)
		ret = receive_line(fd, &line, &len);
	if (ret)
		goto out;
	*answer = json_loadb(line, len, 0, NULL);
	if (!*answer)
		ret = -EPROTO;
out:
	free(line);
	free(text);
	json_decref(request);
	close(fd);
	return ret;
}

static int exit_code(const char *code)
{
	if (!strcmp(code, "no-peer") || !strcmp(code, "unknown"))
		return CTL_NOT_FOUND;
	if (!strcmp(code, "config"))
		return CTL_REFUSED;
	if (!strcmp(code, "server-away") || !strcmp(code, "busy") || !strcmp(code, "slow-down"))
		return CTL_LATER;
	return CTL_FAIL;
}

int client_require(struct ctl *ctl, const char *device, json_t *request, json_t **answer)
{
	const char *code, *error;
	json_t *fault;
	size_t i;
	int ret;

	ret = client_ask(ctl, device, request, answer);
	switch (ret) {
	case 0:
		break;
	case -ENOENT:
	case -ECONNREFUSED:
		ctl_error("no daemon runs for %s: systemctl start cpnsd, or cpnsd -f -c FILE",
			  device);
		return CTL_NO_DAEMON;
	case -EACCES:
	case -EPERM:
		ctl_error("the daemon of %s speaks with root and its own user only", device);
		return CTL_PERMISSION;
	default:
		ctl_error("the daemon of %s gives no answer: %s", device, strerror(-ret));
		return CTL_FAIL;
	}
	if (json_is_true(json_object_get(*answer, "ok")))
		return CTL_OK;
	code = json_string_value(json_object_get(*answer, "code"));
	error = json_string_value(json_object_get(*answer, "error"));
	ctl_error("%s", error ? error : "the daemon refused, and said nothing");
	json_array_foreach(json_object_get(*answer, "faults"), i, fault)
		ctl_error("%s", json_string_value(fault));
	ret = exit_code(code ? code : "");
	json_decref(*answer);
	*answer = NULL;
	return ret;
}
