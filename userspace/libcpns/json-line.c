// SPDX-License-Identifier: GPL-2.0
/* JSON lines: one object a line, over a stream socket. */
#include "json-line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json-secret.h"
#include "secret.h"

enum { FIRST_SIZE = 1024 };

/**
 * struct cpns_json_lines - a reader
 * @buf: @size bytes, of which those from @begin to @end are unread
 * @size: room there is
 * @max: room there may be
 * @begin: first unread byte
 * @end: behind the last unread byte
 */
struct cpns_json_lines {
	char	*buf;
	size_t	size;
	size_t	max;
	size_t	begin;
	size_t	end;
};

struct cpns_json_lines *cpns_json_lines_new(size_t max)
{
	struct cpns_json_lines *lines = calloc(1, sizeof(*lines));

	cpns_json_wipe_on_free();
	if (lines)
		lines->max = max;
	return lines;
}

void cpns_json_lines_free(struct cpns_json_lines *lines)
{
	if (!lines)
		return;
	cpns_free_secret(lines->buf, lines->size);
	free(lines);
}

/* Puts the unread bytes to the begin of the buffer and erases the rest. */
static void compact(struct cpns_json_lines *lines)
{
	size_t unread = lines->end - lines->begin;

	if (!lines->begin)
		return;
	memmove(lines->buf, lines->buf + lines->begin, unread);
	cpns_wipe(lines->buf + unread, lines->end - unread);
	lines->begin = 0;
	lines->end = unread;
}

static int grow(struct cpns_json_lines *lines)
{
	size_t size = lines->size ? 2 * lines->size : FIRST_SIZE;
	char *bigger;

	if (size > lines->max)
		size = lines->max;
	bigger = malloc(size);
	if (!bigger)
		return -ENOMEM;
	if (lines->buf)
		memcpy(bigger, lines->buf, lines->end);
	cpns_free_secret(lines->buf, lines->size);
	lines->buf = bigger;
	lines->size = size;
	return 0;
}

/* Makes room for one byte at least. Where no more may be had, -EMSGSIZE. */
static int make_room(struct cpns_json_lines *lines)
{
	compact(lines);
	if (lines->end < lines->size)
		return 0;
	return lines->size < lines->max ? grow(lines) : -EMSGSIZE;
}

ssize_t cpns_json_lines_read(struct cpns_json_lines *lines, int fd)
{
	ssize_t n;
	int ret;

	ret = make_room(lines);
	if (ret)
		return ret;
	do {
		n = read(fd, lines->buf + lines->end, lines->size - lines->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	lines->end += (size_t)n;
	return n;
}

ssize_t cpns_json_lines_feed(struct cpns_json_lines *lines, const void *data, size_t len)
{
	const char *bytes = data;
	size_t done = 0, n;
	int ret;

	while (done < len) {
		ret = make_room(lines);
		/* A full buffer with a line in it is for the caller to empty. */
		if (ret == -EMSGSIZE && memchr(lines->buf, '\n', lines->end))
			break;
		if (ret)
			return ret;
		n = lines->size - lines->end;
		if (n > len - done)
			n = len - done;
		memcpy(lines->buf + lines->end, bytes + done, n);
		lines->end += n;
		done += n;
	}
	return (ssize_t)done;
}

int cpns_json_lines_next(struct cpns_json_lines *lines, json_t **object)
{
	char *line, *feed;
	size_t len;

	*object = NULL;
	if (lines->begin == lines->end)
		return 0;
	line = lines->buf + lines->begin;
	feed = memchr(line, '\n', lines->end - lines->begin);
	if (!feed)
		return 0;
	len = (size_t)(feed - line);
	*object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	cpns_wipe(line, len);
	lines->begin += len + 1;
	if (json_is_object(*object))
		return 1;
	json_decref(*object);
	*object = NULL;
	return -EBADMSG;
}

int cpns_json_line_make(const json_t *object, char **line, size_t *len)
{
	size_t need;

	cpns_json_wipe_on_free();
	need = json_dumpb(object, NULL, 0, JSON_COMPACT);
	*len = 0;
	*line = need ? malloc(need + 1) : NULL;
	if (!*line)
		return -ENOMEM;
	json_dumpb(object, *line, need, JSON_COMPACT);
	(*line)[need] = '\n';
	*len = need + 1;
	return 0;
}

int cpns_json_line_send(int fd, const json_t *object)
{
	size_t len, done = 0;
	char *line;
	ssize_t n;
	int ret;

	ret = cpns_json_line_make(object, &line, &len);
	while (!ret && done < len) {
		n = send(fd, line + done, len - done, MSG_NOSIGNAL);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			ret = -errno;
	}
	cpns_json_text_free(line);
	return ret;
}
