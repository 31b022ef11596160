// SPDX-License-Identifier: GPL-2.0
/* Lines of JSON over a socket of the event loop. */
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <json-line.h>
#include <json-secret.h>
#include <rate.h>
#include <secret.h>

#include "channel.h"

/* How long a channel whose other end sends too fast is not read, in ms. */
#define PAUSE_MS	200

/**
 * struct piece - a line that waits to be sent
 * @next: of the same channel
 * @text: its bytes
 * @len: how many
 */
struct piece {
	struct piece	*next;
	char		*text;
	size_t		len;
};

/**
 * struct channel - lines over a socket
 * @fd: socket
 * @limits: what the other end may do
 * @ops: the owner's
 * @arg: for @ops
 * @in: reader of lines
 * @rate: of lines
 * @first: line to be sent next
 * @last: where the next one is put
 * @sent: bytes of @first that are sent
 * @queued: bytes that wait
 * @readable: bytes have come
 * @writable: bytes can go
 * @later: time to read again, or the connection took too long
 * @end: ends the channel from the loop, not from a caller of channel_send()
 * @why: of that end
 * @connecting: the connection is not there yet
 * @busy: a callback is under way
 * @freed: channel_free() was called in it
 */
struct channel {
	int				fd;
	struct channel_limits		limits;
	const struct channel_ops	*ops;
	void				*arg;
	struct cpns_json_lines		*in;
	struct cpns_bucket		rate;
	struct piece			*first;
	struct piece			**last;
	size_t				sent;
	size_t				queued;
	struct event			*readable;
	struct event			*writable;
	struct event			*later;
	struct event			*end;
	const char			*why;
	bool				connecting;
	bool				busy;
	bool				freed;
};

static void drop_first(struct channel *ch)
{
	struct piece *piece = ch->first;

	ch->first = piece->next;
	if (!ch->first)
		ch->last = &ch->first;
	ch->queued -= piece->len;
	ch->sent = 0;
	cpns_free_secret(piece->text, piece->len);
	free(piece);
}

static void destroy(struct channel *ch)
{
	while (ch->first)
		drop_first(ch);
	if (ch->readable)
		event_free(ch->readable);
	if (ch->writable)
		event_free(ch->writable);
	if (ch->later)
		event_free(ch->later);
	if (ch->end)
		event_free(ch->end);
	cpns_json_lines_free(ch->in);
	if (ch->fd >= 0)
		close(ch->fd);
	free(ch);
}

void channel_free(struct channel *ch)
{
	if (!ch)
		return;
	ch->freed = true;
	if (!ch->busy)
		destroy(ch);
}

/* After a callback: true where the channel is no more. */
static bool gone(struct channel *ch)
{
	ch->busy = false;
	if (!ch->freed)
		return false;
	destroy(ch);
	return true;
}

static void tell_end(struct channel *ch, const char *why)
{
	event_del(ch->readable);
	event_del(ch->writable);
	event_del(ch->later);
	event_del(ch->end);
	ch->busy = true;
	ch->ops->ended(ch->arg, why);
	gone(ch);
}

static void end_soon(struct channel *ch, const char *why)
{
	if (!ch->why)
		ch->why = why;
	event_active(ch->end, EV_TIMEOUT, 0);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	(void)fd;
	(void)what;
	tell_end(ch, ch->why);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_reading(struct channel *ch)
{
	struct timeval tv = { .tv_usec = PAUSE_MS * 1000 };

	event_del(ch->readable);
	event_add(ch->later, &tv);
}

/*
 * Gives the lines that are there, as far as the rate allows. Returns false
 * where the channel is over.
 */
static bool give_lines(struct channel *ch)
{
	bool any = false;
	json_t *object;
	int ret;

	while (true) {
		if (cpns_bucket_empty(&ch->rate, ch->limits.lines, now_ms())) {
			pause_reading(ch);
			break;
		}
		ret = cpns_json_lines_next(ch->in, &object);
		if (!ret)
			break;
		if (ret < 0) {
			tell_end(ch, "a line is no JSON object");
			return false;
		}
		cpns_bucket_take(&ch->rate, ch->limits.lines, now_ms());
		any = true;
		ch->busy = true;
		ch->ops->line(ch->arg, object);
		json_decref(object);
		if (gone(ch))
			return false;
	}
	if (!any || !ch->ops->batch)
		return true;
	ch->busy = true;
	ch->ops->batch(ch->arg);
	return !gone(ch);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;
	ssize_t n = cpns_json_lines_read(ch->in, fd);

	(void)what;
	if (n > 0)
		give_lines(ch);
	else if (!n)
		tell_end(ch, "the other end has closed the connection");
	else if (n == -EMSGSIZE)
		tell_end(ch, "a line is too long");
	else if (n != -EAGAIN && n != -EINTR)
		tell_end(ch, strerror(-n));
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;

	(void)fd;
	(void)what;
	if (ch->connecting) {
		tell_end(ch, "no answer");
		return;
	}
	event_add(ch->readable, NULL);
	give_lines(ch);
}

static bool finish_connect(struct channel *ch)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		tell_end(ch, strerror(error));
		return false;
	}
	ch->connecting = false;
	event_del(ch->later);
	event_add(ch->readable, NULL);
	if (!ch->ops->connected)
		return true;
	ch->busy = true;
	ch->ops->connected(ch->arg);
	return !gone(ch);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;
	ssize_t n;

	(void)what;
	if (ch->connecting && !finish_connect(ch))
		return;
	while (ch->first) {
		n = send(fd, ch->first->text + ch->sent, ch->first->len - ch->sent,
			 MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			tell_end(ch, strerror(errno));
			return;
		}
		ch->sent += n;
		if (ch->sent == ch->first->len)
			drop_first(ch);
	}
	event_del(ch->writable);
}

int channel_send(struct channel *ch, json_t *object)
{
	struct piece *piece = calloc(1, sizeof(*piece));
	int ret = -ENOMEM;

	if (piece && object)
		ret = cpns_json_line_make(object, &piece->text, &piece->len);
	json_decref(object);
	if (ret) {
		free(piece);
		end_soon(ch, "no memory");
		return ret;
	}
	*ch->last = piece;
	ch->last = &piece->next;
	ch->queued += piece->len;
	event_add(ch->writable, NULL);
	if (ch->queued <= ch->limits.queued)
		return 0;
	end_soon(ch, "the other end does not read");
	return -ENOBUFS;
}

struct channel *channel_new(struct event_base *base, int fd,
			    const struct channel_limits *limits,
			    const struct channel_ops *ops, void *arg)
{
	struct timeval tv = { .tv_sec = limits->connect_s };
	struct channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return NULL;
	ch->fd = -1;
	ch->limits = *limits;
	ch->ops = ops;
	ch->arg = arg;
	ch->last = &ch->first;
	ch->connecting = limits->connect_s;
	ch->in = cpns_json_lines_new(limits->line);
	ch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ch);
	ch->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, ch);
	ch->later = event_new(base, -1, 0, on_later, ch);
	ch->end = event_new(base, -1, 0, on_end, ch);
	if (!ch->in || !ch->readable || !ch->writable || !ch->later || !ch->end ||
	    (ch->connecting ? event_add(ch->writable, NULL) || event_add(ch->later, &tv) :
			      event_add(ch->readable, NULL))) {
		destroy(ch);
		return NULL;
	}
	ch->fd = fd;
	return ch;
}
