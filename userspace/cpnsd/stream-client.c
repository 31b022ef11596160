// SPDX-License-Identifier: GPL-2.0
/* The control stream, end of the entity. */
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "control-stream.h"
#include "entity.h"
#include "log.h"
#include "macros.h"
#include "stream-client.h"

enum {
	RETRY_FIRST_S = 1,
	RETRY_LAST_S = 16,
	CONNECT_S = 8,
	ACKS_MAX = 4096,	/* in one batch */
};

static const struct channel_limits limits = {
	.line = CONTROL_STREAM_LINE,
	.lines = 10000,
	.queued = CONTROL_STREAM_HELLO + (1 << 20),
	.connect_s = CONNECT_S,
};

/**
 * struct stream_client - the stream
 * @base: event loop
 * @entity: takes what the Server says
 * @device: name of the net device
 * @ifindex: its index
 * @ch: connection, or NULL
 * @connected: it is there
 * @tick: every second
 * @wait: seconds until the next attempt to connect
 * @retry: seconds to wait after the next failure
 * @quiet: seconds in which nothing was heard
 * @last: number of the Server's last message
 * @acks: numbers to be acknowledged after this batch
 * @n_acks: how many
 * @code: who waits for a code, or NULL
 * @code_arg: for it
 * @code_number: for it
 */
struct stream_client {
	struct event_base	*base;
	struct entity		*entity;
	char			device[IFNAMSIZ];
	uint32_t		ifindex;
	struct channel		*ch;
	bool			connected;
	struct event		*tick;
	unsigned int		wait;
	unsigned int		retry;
	unsigned int		quiet;
	json_int_t		last;
	json_int_t		acks[ACKS_MAX];
	size_t			n_acks;
	stream_code_t		code;
	void			*code_arg;
	uint64_t		code_number;
};

static void answer_code(struct stream_client *c, const json_t *answer)
{
	stream_code_t code = c->code;

	c->code = NULL;
	if (code)
		code(c->code_arg, c->code_number, answer);
}

static void disconnect(struct stream_client *c)
{
	channel_free(c->ch);
	c->ch = NULL;
	c->connected = false;
	c->n_acks = 0;
	c->wait = c->retry;
	c->retry = c->retry * 2 > RETRY_LAST_S ? RETRY_LAST_S : c->retry * 2;
	answer_code(c, NULL);
}

static void on_ended(void *arg, const char *why)
{
	struct stream_client *c = arg;

	log_msg(c->connected ? LOG_INFO : LOG_DEBUG, "control stream to the Server: %s", why);
	disconnect(c);
}

static void on_connected(void *arg)
{
	struct stream_client *c = arg;
	char error[CPNS_ERROR_TEXT];
	json_t *hello;

	c->connected = true;
	c->quiet = 0;
	c->last = 0;
	/* What an earlier stream brought and could not be stored is not had yet. */
	if (entity_commit(c->entity, error)) {
		disconnect(c);
		return;
	}
	entity_connected(c->entity);
	hello = control_stream_message("hello");
	json_object_set_new(hello, "entity", json_string(entity_own(c->entity)->id.text));
	json_object_set_new(hello, "have", entity_have(c->entity));
	json_object_set_new(hello, "revoked", entity_revoked(c->entity));
	channel_send(c->ch, hello);
}

/* Takes one numbered message. */
static int take(struct stream_client *c, const char *type, const json_t *m, char *error)
{
	if (!strcmp(type, "localkey"))
		return entity_take_key(c->entity, json_object_get(m, "record"),
				       CPNS_KEY_LOCALEUKEY, error);
	if (!strcmp(type, "eukey"))
		return entity_take_key(c->entity, json_object_get(m, "record"), CPNS_KEY_EUKEY,
				       error);
	if (!strcmp(type, "revoke"))
		return entity_take_revoked(c->entity, json_object_get(m, "key_ids"), error);
	if (!strcmp(type, "permits"))
		return entity_take_permits(c->entity, json_object_get(m, "permits"), error);
	snprintf(error, CPNS_ERROR_TEXT, "this message is not known here");
	return -EINVAL;
}

static void refuse(struct stream_client *c, json_int_t n, const char *error)
{
	json_t *o = control_stream_message("nack");

	log_msg(LOG_WARNING, "what the Server sent was not taken: %s", error);
	json_object_set_new(o, "n", json_integer(n));
	json_object_set_new(o, "text", json_string(error));
	channel_send(c->ch, o);
}

static void send_acks(struct stream_client *c)
{
	char error[CPNS_ERROR_TEXT];
	size_t i, n = c->n_acks;
	json_t *o;

	c->n_acks = 0;
	if (!n)
		return;
	/* What is not on the disk is not acknowledged: the Server sends it again. */
	if (entity_commit(c->entity, error)) {
		disconnect(c);
		return;
	}
	for (i = 0; i < n && c->ch; i++) {
		o = control_stream_message("ack");
		json_object_set_new(o, "n", json_integer(c->acks[i]));
		if (channel_send(c->ch, o))
			break;
	}
}

static void on_numbered(struct stream_client *c, const char *type, const json_t *m, json_int_t n)
{
	char error[CPNS_ERROR_TEXT];

	if (n != c->last + 1) {
		log_msg(LOG_WARNING, "control stream to the Server: a message is missing");
		disconnect(c);
		return;
	}
	c->last = n;
	if (take(c, type, m, error)) {
		refuse(c, n, error);
		return;
	}
	c->acks[c->n_acks++] = n;
	if (c->n_acks == ACKS_MAX)
		send_acks(c);
}

static void on_line(void *arg, json_t *m)
{
	const char *type = control_stream_type(m);
	const json_t *n = json_object_get(m, "n");
	struct stream_client *c = arg;

	c->quiet = 0;
	c->retry = RETRY_FIRST_S;
	entity_heard(c->entity);
	if (!*type) {
		log_msg(LOG_WARNING, "the Server speaks another version of the control stream");
		disconnect(c);
	} else if (json_is_integer(n)) {
		on_numbered(c, type, m, json_integer_value(n));
	} else if (!strcmp(type, "code") || !strcmp(type, "refused")) {
		answer_code(c, m);
	} else if (!strcmp(type, "bye")) {
		log_msg(LOG_INFO, "the Server ends the control stream");
		disconnect(c);
	}
	/* "pong" has been heard, which is all that it is for. */
}

static void on_batch(void *arg)
{
	struct stream_client *c = arg;

	send_acks(c);
}

static const struct channel_ops ops = {
	.connected = on_connected,
	.line = on_line,
	.batch = on_batch,
	.ended = on_ended,
};

static void try_connect(struct stream_client *c)
{
	struct sockaddr_in6 own, server;
	int fd;

	control_stream_address(&own, entity_own(c->entity)->eid, c->ifindex, 0);
	control_stream_address(&server, entity_server(c->entity), c->ifindex,
			       CPNS_CONTROL_PORT);
	fd = control_stream_socket(c->device, &own);
	if (fd < 0) {
		log_msg(LOG_DEBUG, "no control stream: %s", strerror(-fd));
		disconnect(c);
		return;
	}
	if (!connect(fd, (const struct sockaddr *)&server, sizeof(server)) ||
	    errno == EINPROGRESS)
		c->ch = channel_new(c->base, fd, &limits, &ops, c);
	if (c->ch)
		return;
	log_msg(LOG_DEBUG, "no control stream: %s", strerror(errno));
	close(fd);
	disconnect(c);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct stream_client *c = arg;

	(void)fd;
	(void)what;
	if (!c->ch) {
		if (c->wait)
			c->wait--;
		if (!c->wait)
			try_connect(c);
		return;
	}
	if (!c->connected)
		return;
	if (++c->quiet >= CONTROL_STREAM_SILENT_S) {
		log_msg(LOG_INFO, "control stream: the Server is silent");
		entity_silent(c->entity, entity_server(c->entity));
		disconnect(c);
	} else if (!(c->quiet % CONTROL_STREAM_PING_S)) {
		channel_send(c->ch, control_stream_message("ping"));
	}
}

void stream_client_kick(struct stream_client *c)
{
	c->retry = RETRY_FIRST_S;
	/* A SYN that was lost is not waited for. */
	if (c->ch && !c->connected)
		disconnect(c);
	if (c->ch)
		return;
	c->wait = 0;
	try_connect(c);
}

int stream_client_code(struct stream_client *c, const char *role, stream_code_t answer,
		       void *arg, uint64_t number)
{
	json_t *o;

	if (!c->connected)
		return -ENOTCONN;
	if (c->code)
		return -EBUSY;
	o = control_stream_message("code-new");
	if (!o || json_object_set_new(o, "role", json_string(role))) {
		json_decref(o);
		return -ENOMEM;
	}
	c->code = answer;
	c->code_arg = arg;
	c->code_number = number;
	channel_send(c->ch, o);
	return 0;
}

int stream_client_connected(const struct stream_client *c)
{
	return c->connected;
}

struct stream_client *stream_client_new(struct event_base *base, struct entity *entity,
					const char *device, uint32_t ifindex)
{
	struct stream_client *c = calloc(1, sizeof(*c));
	struct timeval tv = { .tv_sec = 1 };

	if (!c)
		return NULL;
	c->base = base;
	c->entity = entity;
	c->ifindex = ifindex;
	c->retry = RETRY_FIRST_S;
	c->wait = 1;
	snprintf(c->device, sizeof(c->device), "%s", device);
	c->tick = event_new(base, -1, EV_PERSIST, on_tick, c);
	if (c->tick && !event_add(c->tick, &tv))
		return c;
	stream_client_free(c);
	return NULL;
}

void stream_client_free(struct stream_client *c)
{
	if (!c)
		return;
	channel_free(c->ch);
	c->code = NULL;
	if (c->tick)
		event_free(c->tick);
	free(c);
}
