// SPDX-License-Identifier: GPL-2.0
/* The control streams, end of the Server. */
#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cpns/wire.h>

#include "channel.h"
#include "control-stream.h"
#include "log.h"
#include "macros.h"
#include "stream-server.h"

enum {
	BUCKETS = 1024,
	STREAMS_MAX = 65536,
	BACKLOG = 128,
	CODES_PER_MINUTE = 6,
};

static const struct channel_limits limits = {
	.line = CONTROL_STREAM_HELLO,
	.lines = 500,
	.queued = 64 << 20,
};

/**
 * struct stream - the stream of one entity
 * @ss: all of them
 * @next: in the same bucket
 * @eid: entity; its link-local address is where the connection comes from
 * @ch: connection
 * @hello: it has said what it has
 * @quiet: ticks in which nothing was heard
 * @last: number of the last message sent
 * @have: key_ids that it has, or that are on their way: true where it has said
 *	so and the owner has not heard of it
 * @told: key_ids whose revocation it knows, or is being told; true as above
 * @unacked: what was sent and not acknowledged: number to {"keys":[...]}
 * @permits: those it was sent last, or NULL
 * @codes: asked for in this minute
 * @minute: ticks of this minute
 */
struct stream {
	struct stream_server	*ss;
	struct stream		*next;
	uint64_t		eid;
	struct channel		*ch;
	bool			hello;
	unsigned int		quiet;
	json_int_t		last;
	json_t			*have;
	json_t			*told;
	json_t			*unacked;
	json_t			*permits;
	unsigned int		codes;
	unsigned int		minute;
};

/**
 * struct stream_server - all streams
 * @base: event loop
 * @device: name of the net device
 * @ifindex: its index
 * @eid: own EID
 * @ops: the owner's
 * @arg: for @ops
 * @fd: listens, or -1
 * @accept: somebody connects
 * @tick: every second
 * @bucket: streams by EID
 * @n: how many
 */
struct stream_server {
	struct event_base		*base;
	char				device[IFNAMSIZ];
	uint32_t			ifindex;
	uint64_t			eid;
	const struct stream_server_ops	*ops;
	void				*arg;
	int				fd;
	struct event			*accept;
	struct event			*tick;
	struct stream			*bucket[BUCKETS];
	unsigned int			n;
};

static struct stream **find(const struct stream_server *ss, uint64_t eid)
{
	struct stream **p = (struct stream **)&ss->bucket[eid % BUCKETS];

	while (*p && (*p)->eid != eid)
		p = &(*p)->next;
	return p;
}

static struct stream *speaking(const struct stream_server *ss, uint64_t eid)
{
	struct stream *stream = *find(ss, eid);

	return stream && stream->hello ? stream : NULL;
}

static void stream_free(struct stream *stream)
{
	struct stream **p = find(stream->ss, stream->eid);

	if (*p == stream) {
		*p = stream->next;
		stream->ss->n--;
	}
	channel_free(stream->ch);
	json_decref(stream->have);
	json_decref(stream->told);
	json_decref(stream->unacked);
	json_decref(stream->permits);
	free(stream);
}

static void on_ended(void *arg, const char *why)
{
	struct stream *stream = arg;

	log_msg(LOG_DEBUG, "control stream of %016llx: %s", (unsigned long long)stream->eid,
		why);
	stream_free(stream);
}

/* Sends a message that is to be acknowledged; @keys are the key_ids in it. */
static void send_numbered(struct stream *stream, json_t *message, json_t *keys)
{
	char number[24];

	stream->last++;
	snprintf(number, sizeof(number), "%lld", (long long)stream->last);
	json_object_set_new(message, "n", json_integer(stream->last));
	json_object_set_new(stream->unacked, number, keys);
	channel_send(stream->ch, message);
}

/* Adds a name to a set: false where it is there. */
static bool note(json_t *set, const char *name)
{
	if (json_object_get(set, name))
		return false;
	return !json_object_set_new(set, name, json_false());
}

/* What it had when it came was acknowledged on an earlier stream, if ever. */
static void tell_once(struct stream *stream, json_t *set, const char *name)
{
	if (!json_is_true(json_object_get(set, name)))
		return;
	json_object_set_new(set, name, json_false());
	stream->ss->ops->acked(stream->ss->arg, stream->eid, name);
}

static void note_list(json_t *set, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_is_string(one) && json_string_length(one) == 2 * CPNS_KEY_ID_LEN)
			json_object_set_new(set, json_string_value(one), json_true());
}

static void on_hello(struct stream *stream, const json_t *m)
{
	if (stream->hello)
		return;
	stream->hello = true;
	note_list(stream->have, json_object_get(m, "have"));
	note_list(stream->told, json_object_get(m, "revoked"));
	stream->ss->ops->hello(stream->ss->arg, stream->eid);
}

/* What was refused is not sent again on this stream, nor taken for stored. */
static void on_ack(struct stream *stream, const json_t *m, bool taken)
{
	const json_t *n = json_object_get(m, "n"), *one;
	char number[24];
	json_t *keys;
	size_t i;

	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(n));
	keys = json_incref(json_object_get(stream->unacked, number));
	json_object_del(stream->unacked, number);
	if (!taken) {
		const char *text = json_string_value(json_object_get(m, "text"));

		log_msg(LOG_WARNING, "entity %016llx refuses what it was sent: %.200s",
			(unsigned long long)stream->eid, text ? text : "no reason");
	}
	json_array_foreach(keys, i, one)
		if (taken)
			stream->ss->ops->acked(stream->ss->arg, stream->eid,
					       json_string_value(one));
	json_decref(keys);
}

static void on_code(struct stream *stream, const json_t *m)
{
	const char *role = json_string_value(json_object_get(m, "role"));
	json_t *refusal;

	if (++stream->codes <= CODES_PER_MINUTE) {
		stream->ss->ops->code(stream->ss->arg, stream->eid, role ? role : "pne");
		return;
	}
	refusal = control_stream_message("refused");
	json_object_set_new(refusal, "error", json_string("slow-down"));
	json_object_set_new(refusal, "text", json_string("too many codes: wait a minute"));
	channel_send(stream->ch, refusal);
}

static void on_line(void *arg, json_t *m)
{
	struct stream *stream = arg;
	const char *type = control_stream_type(m);

	stream->quiet = 0;
	if (!strcmp(type, "hello")) {
		on_hello(stream, m);
	} else if (!stream->hello) {
		json_t *bye = control_stream_message("bye");

		/* Its end comes from the other side, or from its silence. */
		json_object_set_new(bye, "text", json_string("hello comes first, in version 1"));
		channel_send(stream->ch, bye);
	} else if (!strcmp(type, "ack")) {
		on_ack(stream, m, true);
	} else if (!strcmp(type, "nack")) {
		on_ack(stream, m, false);
	} else if (!strcmp(type, "ping")) {
		channel_send(stream->ch, control_stream_message("pong"));
	} else if (!strcmp(type, "code-new")) {
		on_code(stream, m);
	}
}

static const struct channel_ops channel_ops = {
	.line = on_line,
	.ended = on_ended,
};

static void stream_new(struct stream_server *ss, int fd, uint64_t eid)
{
	struct stream *stream = calloc(1, sizeof(*stream)), **p;

	if (!stream) {
		close(fd);
		return;
	}
	stream->ss = ss;
	stream->eid = eid;
	stream->have = json_object();
	stream->told = json_object();
	stream->unacked = json_object();
	stream->ch = channel_new(ss->base, fd, &limits, &channel_ops, stream);
	if (!stream->ch)
		close(fd);
	/* It has started anew, or lost the older one. */
	p = find(ss, eid);
	if (*p)
		stream_free(*p);
	if (!stream->ch) {
		stream_free(stream);
		return;
	}
	p = find(ss, eid);
	*p = stream;
	ss->n++;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct stream_server *ss = arg;
	struct sockaddr_in6 addr = { 0 };
	socklen_t len = sizeof(addr);
	uint64_t eid;
	int client;

	(void)what;
	client = accept4(fd, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return;
	eid = control_stream_eid(&addr, ss->ifindex);
	if (eid && ss->n < STREAMS_MAX && ss->ops->known(ss->arg, eid))
		stream_new(ss, client, eid);
	else
		close(client);
}

static void try_listen(struct stream_server *ss)
{
	struct sockaddr_in6 own;
	int fd;

	control_stream_address(&own, ss->eid, ss->ifindex, CPNS_CONTROL_PORT);
	fd = control_stream_socket(ss->device, &own);
	if (fd < 0)
		return;
	ss->accept = event_new(ss->base, fd, EV_READ | EV_PERSIST, on_accept, ss);
	if (ss->accept && !listen(fd, BACKLOG) && !event_add(ss->accept, NULL)) {
		ss->fd = fd;
		return;
	}
	if (ss->accept)
		event_free(ss->accept);
	ss->accept = NULL;
	close(fd);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct stream_server *ss = arg;
	struct stream *stream, *next;
	unsigned int i;

	(void)fd;
	(void)what;
	if (ss->fd < 0)
		try_listen(ss);
	for (i = 0; i < BUCKETS; i++) {
		for (stream = ss->bucket[i]; stream; stream = next) {
			next = stream->next;
			if (++stream->minute == 60) {
				stream->minute = 0;
				stream->codes = 0;
			}
			if (++stream->quiet > CONTROL_STREAM_SILENT_S)
				stream_free(stream);
		}
	}
}

void stream_server_keys(struct stream_server *ss, uint64_t eid, const json_t *keys,
			const json_t *revoked)
{
	struct stream *stream = speaking(ss, eid);
	json_t *record, *message, *list;
	const char *key_id;
	const json_t *one;
	size_t i;

	if (!stream)
		return;
	json_array_foreach(keys, i, record) {
		key_id = json_string_value(json_object_get(record, "key_id"));
		if (!key_id)
			continue;
		tell_once(stream, stream->have, key_id);
		if (!note(stream->have, key_id))
			continue;
		message = control_stream_message("localkey");
		json_object_set(message, "record", record);
		send_numbered(stream, message, json_pack("[s]", key_id));
	}
	list = json_array();
	json_array_foreach(revoked, i, one) {
		if (!json_is_string(one))
			continue;
		tell_once(stream, stream->told, json_string_value(one));
		if (note(stream->told, json_string_value(one)))
			json_array_append(list, (json_t *)one);
	}
	if (!json_array_size(list)) {
		json_decref(list);
		return;
	}
	message = control_stream_message("revoke");
	json_object_set(message, "key_ids", list);
	send_numbered(stream, message, list);
}

void stream_server_revoke(struct stream_server *ss, const json_t *key_ids)
{
	struct stream *stream;
	json_t *list, *one;
	unsigned int i;
	size_t j;

	for (i = 0; i < BUCKETS; i++) {
		for (stream = ss->bucket[i]; stream; stream = stream->next) {
			list = json_array();
			json_array_foreach(key_ids, j, one)
				if (json_object_get(stream->have, json_string_value(one)))
					json_array_append(list, one);
			if (json_array_size(list))
				stream_server_keys(ss, stream->eid, NULL, list);
			json_decref(list);
		}
	}
}

void stream_server_eukey(struct stream_server *ss, uint64_t eid, json_t *record)
{
	const char *key_id = json_string_value(json_object_get(record, "key_id"));
	struct stream *stream = speaking(ss, eid);
	json_t *message;

	if (!stream || !key_id || !note(stream->have, key_id))
		return;
	message = control_stream_message("eukey");
	json_object_set(message, "record", record);
	send_numbered(stream, message, json_array());
}

void stream_server_permits(struct stream_server *ss, uint64_t eid, json_t *permits)
{
	struct stream *stream = speaking(ss, eid);
	json_t *message;

	if (!stream || (stream->permits && json_equal(stream->permits, permits)))
		return;
	json_decref(stream->permits);
	stream->permits = json_incref(permits);
	message = control_stream_message("permits");
	json_object_set(message, "permits", permits);
	send_numbered(stream, message, json_array());
}

void stream_server_code(struct stream_server *ss, uint64_t eid, json_t *answer)
{
	struct stream *stream = speaking(ss, eid);

	if (stream)
		channel_send(stream->ch, answer);
	else
		json_decref(answer);
}

void stream_server_drop(struct stream_server *ss, uint64_t eid)
{
	struct stream *stream = *find(ss, eid);

	if (stream)
		stream_free(stream);
}

void stream_server_each(struct stream_server *ss, void (*each)(void *arg, uint64_t eid),
			void *arg)
{
	struct stream *stream, *next;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		for (stream = ss->bucket[i]; stream; stream = next) {
			next = stream->next;
			if (stream->hello)
				each(arg, stream->eid);
		}
	}
}

bool stream_server_has(const struct stream_server *ss, uint64_t eid)
{
	return speaking(ss, eid);
}

unsigned int stream_server_count(const struct stream_server *ss)
{
	return ss->n;
}

struct stream_server *stream_server_new(struct event_base *base, const char *device,
					uint32_t ifindex, uint64_t eid,
					const struct stream_server_ops *ops, void *arg)
{
	struct stream_server *ss = calloc(1, sizeof(*ss));
	struct timeval tv = { .tv_sec = 1 };

	if (!ss)
		return NULL;
	ss->base = base;
	ss->ifindex = ifindex;
	ss->eid = eid;
	ss->ops = ops;
	ss->arg = arg;
	ss->fd = -1;
	snprintf(ss->device, sizeof(ss->device), "%s", device);
	ss->tick = event_new(base, -1, EV_PERSIST, on_tick, ss);
	if (!ss->tick || event_add(ss->tick, &tv)) {
		stream_server_free(ss);
		return NULL;
	}
	try_listen(ss);
	return ss;
}

void stream_server_free(struct stream_server *ss)
{
	unsigned int i;

	if (!ss)
		return;
	for (i = 0; i < BUCKETS; i++)
		while (ss->bucket[i])
			stream_free(ss->bucket[i]);
	if (ss->accept)
		event_free(ss->accept);
	if (ss->tick)
		event_free(ss->tick);
	if (ss->fd >= 0)
		close(ss->fd);
	free(ss);
}
