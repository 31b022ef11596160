// SPDX-License-Identifier: GPL-2.0
/* The Server's connection to the registrar. */
#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"
#include "registrar-client.h"

enum {
	VERSION = 1,
	WAITING_MAX = 4096,	/* requests without an answer */
	ANSWER_S = 10,		/* until "away" is the answer */
	RETRY_MS = 500,		/* between two attempts to connect */
};

static const struct channel_limits limits = {
	.line = 8 << 20,	/* the keys of a PN GW with many PNE */
	.lines = 100000,
	.queued = 8 << 20,
	.connect_s = 5,
};

/**
 * struct request - a request without an answer
 * @next: made after it
 * @id: number
 * @left: ticks until it is given up
 * @object: it
 * @answer: the caller's
 * @arg: for @answer
 */
struct request {
	struct request		*next;
	uint64_t		id;
	unsigned int		left;
	json_t			*object;
	registrar_answer_t	answer;
	void			*arg;
};

/**
 * struct registrar - the connection
 * @base: event loop
 * @path: socket
 * @ops: the owner's
 * @arg: for @ops
 * @asks: channel of the requests, or NULL
 * @hears: channel of the events, or NULL
 * @tick: looks after what is late, and connects again
 * @requests: without an answer, the oldest first
 * @last: where the next one is put
 * @n_requests: how many
 * @id: of the last request
 * @asking: @asks is connected
 * @up: both channels are there, and events come
 */
struct registrar {
	struct event_base		*base;
	char				path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const struct registrar_ops	*ops;
	void				*arg;
	struct channel			*asks;
	struct channel			*hears;
	struct event			*tick;
	struct request			*requests;
	struct request			**last;
	unsigned int			n_requests;
	uint64_t			id;
	bool				asking;
	bool				up;
};

static void take_out(struct registrar *r, struct request **p)
{
	struct request *request = *p;

	*p = request->next;
	if (!*p)
		r->last = p;
	r->n_requests--;
}

static void finish(struct request *request, const json_t *answer, const char *code)
{
	request->answer(request->arg, answer, code);
	json_decref(request->object);
	free(request);
}

static void disconnect(struct registrar *r, const char *why)
{
	bool was_up = r->up;

	channel_free(r->asks);
	channel_free(r->hears);
	r->asks = NULL;
	r->hears = NULL;
	r->asking = false;
	r->up = false;
	if (was_up)
		r->ops->away(r->arg, why);
}

static void on_ended(void *arg, const char *why)
{
	disconnect(arg, why);
}

static void on_answer(void *arg, json_t *object)
{
	const json_t *id = json_object_get(object, "id");
	struct registrar *r = arg;
	struct request **p, *request;
	const char *code;

	for (p = &r->requests; *p; p = &(*p)->next)
		if (json_is_integer(id) && (uint64_t)json_integer_value(id) == (*p)->id)
			break;
	/* One that was given up meanwhile. */
	if (!*p)
		return;
	request = *p;
	take_out(r, p);
	if (json_is_true(json_object_get(object, "ok"))) {
		finish(request, object, NULL);
		return;
	}
	code = json_string_value(json_object_get(object, "error"));
	finish(request, NULL, code ? code : "refused");
}

static void on_asks_connected(void *arg)
{
	struct registrar *r = arg;
	struct request *request;

	r->asking = true;
	for (request = r->requests; request; request = request->next)
		if (channel_send(r->asks, json_incref(request->object)))
			return;
}

static void on_event(void *arg, json_t *object)
{
	struct registrar *r = arg;

	if (json_object_get(object, "event")) {
		r->ops->event(r->arg, object);
	} else if (!json_is_true(json_object_get(object, "ok"))) {
		disconnect(r, "it does not tell its events");
	} else if (!r->up) {
		r->up = true;
		r->ops->up(r->arg);
	}
}

static void on_hears_connected(void *arg)
{
	struct registrar *r = arg;

	channel_send(r->hears, json_pack("{s:i, s:i, s:s}", "v", VERSION, "id", 0,
					 "op", "watch"));
}

static const struct channel_ops asks_ops = {
	.connected = on_asks_connected,
	.line = on_answer,
	.ended = on_ended,
};

static const struct channel_ops hears_ops = {
	.connected = on_hears_connected,
	.line = on_event,
	.ended = on_ended,
};

static struct channel *open_channel(struct registrar *r, const struct channel_ops *ops)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct channel *ch = NULL;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return NULL;
	memcpy(addr.sun_path, r->path, sizeof(addr.sun_path));
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		ch = channel_new(r->base, fd, &limits, ops, r);
	if (!ch)
		close(fd);
	return ch;
}

static void try_connect(struct registrar *r)
{
	r->asks = open_channel(r, &asks_ops);
	if (r->asks)
		r->hears = open_channel(r, &hears_ops);
	if (!r->hears)
		disconnect(r, "");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct registrar *r = arg;
	struct request **p, *request;

	(void)fd;
	(void)what;
	/* The oldest stand first. */
	for (p = &r->requests; *p && !(*p)->left; ) {
		request = *p;
		take_out(r, p);
		finish(request, NULL, "away");
	}
	for (request = r->requests; request; request = request->next)
		request->left--;
	if (!r->asks)
		try_connect(r);
}

int registrar_ask(struct registrar *r, json_t *object, registrar_answer_t answer, void *arg)
{
	struct request *request;
	int ret = -EBUSY;

	if (r->n_requests >= WAITING_MAX)
		goto err;
	request = calloc(1, sizeof(*request));
	ret = -ENOMEM;
	if (!request || !object)
		goto err_free;
	request->id = ++r->id;
	request->left = ANSWER_S * 1000 / RETRY_MS;
	request->object = object;
	request->answer = answer;
	request->arg = arg;
	if (json_object_set_new(object, "v", json_integer(VERSION)) ||
	    json_object_set_new(object, "id", json_integer((json_int_t)request->id)))
		goto err_free;
	*r->last = request;
	r->last = &request->next;
	r->n_requests++;
	/* Where this fails the channel ends, and it is asked again on the next. */
	if (r->asking)
		channel_send(r->asks, json_incref(object));
	return 0;
err_free:
	free(request);
err:
	json_decref(object);
	return ret;
}

bool registrar_is_up(const struct registrar *r)
{
	return r->up;
}

struct registrar *registrar_new(struct event_base *base, const char *path,
				const struct registrar_ops *ops, void *arg)
{
	struct timeval tv = { .tv_usec = RETRY_MS * 1000 };
	struct registrar *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->base = base;
	r->ops = ops;
	r->arg = arg;
	r->last = &r->requests;
	snprintf(r->path, sizeof(r->path), "%s", path);
	r->tick = event_new(base, -1, EV_PERSIST, on_tick, r);
	if (!r->tick || event_add(r->tick, &tv)) {
		registrar_free(r);
		return NULL;
	}
	try_connect(r);
	return r;
}

void registrar_move(struct registrar *r, const char *path)
{
	if (!strcmp(r->path, path))
		return;
	snprintf(r->path, sizeof(r->path), "%s", path);
	disconnect(r, "another one is configured");
	try_connect(r);
}

void registrar_free(struct registrar *r)
{
	struct request *request;

	if (!r)
		return;
	r->up = false;
	disconnect(r, "");
	while ((request = r->requests)) {
		take_out(r, &r->requests);
		finish(request, NULL, "away");
	}
	if (r->tick)
		event_free(r->tick);
	free(r);
}
