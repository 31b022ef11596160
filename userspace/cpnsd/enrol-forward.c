// SPDX-License-Identifier: GPL-2.0
/* Enrolment connections of PNE, passed on as bytes. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enrol-forward.h"
#include "log.h"

enum {
	PASSAGES_MAX = 32,	/* connections in all */
	SOURCE_MAX = 4,		/* connections of one address */
	BYTES_MAX = 256 << 10,	/* in one direction of a connection */
	IDLE_S = 20,
	LONGEST_S = 120,	/* a whole connection */
	BACKLOG = 16,
};

/**
 * struct gate - where connections are taken on one interface
 * @name: interface
 * @ifindex: it, when this was opened
 * @fd: listens, or -1
 * @accept: somebody connects
 */
struct gate {
	char		name[IFNAMSIZ];
	uint32_t	ifindex;
	int		fd;
	struct event	*accept;
};

/**
 * struct passage - one connection, and the one it goes on in
 * @f: all of them
 * @next: of the same
 * @from: where it comes from
 * @end: the PNE's, and the registrar's
 * @bytes: that have come from each
 * @limit: the time is over
 * @ending: one of them is closed: what is on its way is still delivered
 */
struct passage {
	struct enrol_forward	*f;
	struct passage		*next;
	struct cpns_endpoint	from;
	struct bufferevent	*end[2];
	size_t			bytes[2];
	struct event		*limit;
	bool			ending;
};

/**
 * struct enrol_forward - all connections
 * @base: event loop
 * @gates: one an interface
 * @n_gates: how many
 * @listen: address that is listened on
 * @place: where to, as configured
 * @to: its address, family 0 where that is not known
 * @passages: connections
 * @n_passages: how many
 * @passed: that were passed on since the start
 * @refused: that were not
 */
struct enrol_forward {
	struct event_base	*base;
	struct gate		gates[CONF_PANS_MAX];
	size_t			n_gates;
	struct cpns_endpoint	listen;
	struct conf_place	place;
	struct cpns_endpoint	to;
	struct passage		*passages;
	unsigned int		n_passages;
	uint64_t		passed;
	uint64_t		refused;
};

static void passage_free(struct passage *p)
{
	struct passage **q;

	for (q = &p->f->passages; *q && *q != p; q = &(*q)->next)
		;
	if (*q) {
		*q = p->next;
		p->f->n_passages--;
	}
	if (p->end[0])
		bufferevent_free(p->end[0]);
	if (p->end[1])
		bufferevent_free(p->end[1]);
	if (p->limit)
		event_free(p->limit);
	free(p);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct passage *p = arg;
	int side = bev == p->end[1];
	struct evbuffer *in = bufferevent_get_input(bev);

	p->bytes[side] += evbuffer_get_length(in);
	if (p->bytes[side] > BYTES_MAX || bufferevent_write_buffer(p->end[!side], in))
		passage_free(p);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct passage *p = arg;

	(void)bev;
	if (p->ending)
		passage_free(p);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct passage *p = arg;
	struct bufferevent *other = p->end[bev == p->end[0]];

	if (what & BEV_EVENT_CONNECTED)
		return;
	if (p->ending || !(what & BEV_EVENT_EOF) ||
	    !evbuffer_get_length(bufferevent_get_output(other))) {
		passage_free(p);
		return;
	}
	p->ending = true;
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_disable(other, EV_READ);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	passage_free(arg);
}

static int set_end(struct passage *p, int side, int fd)
{
	struct timeval idle = { .tv_sec = IDLE_S };
	struct bufferevent *bev;

	bev = bufferevent_socket_new(p->f->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		return -ENOMEM;
	p->end[side] = bev;
	bufferevent_setcb(bev, on_read, on_written, on_event, p);
	bufferevent_set_timeouts(bev, &idle, &idle);
	return 0;
}

/* Takes @fd, also on an error. */
static int passage_new(struct enrol_forward *f, int fd, const struct cpns_endpoint *from)
{
	struct timeval longest = { .tv_sec = LONGEST_S };
	struct passage *p = calloc(1, sizeof(*p));
	struct sockaddr_storage ss;
	size_t len;

	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	p->f = f;
	p->from = *from;
	if (set_end(p, 0, fd)) {
		close(fd);
		goto err;
	}
	len = cpns_endpoint_to_sockaddr(&f->to, &ss);
	p->limit = event_new(f->base, -1, 0, on_limit, p);
	if (!p->limit || event_add(p->limit, &longest) || set_end(p, 1, -1))
		goto err;
	p->next = f->passages;
	f->passages = p;
	f->n_passages++;
	/* A failure is told to on_event(), which ends the passage. */
	if (bufferevent_socket_connect(p->end[1], (struct sockaddr *)&ss, (int)len))
		return -EIO;
	bufferevent_enable(p->end[0], EV_READ | EV_WRITE);
	bufferevent_enable(p->end[1], EV_READ | EV_WRITE);
	return 0;
err:
	passage_free(p);
	return -ENOMEM;
}

static unsigned int count_from(const struct enrol_forward *f, const struct cpns_endpoint *from)
{
	const struct passage *p;
	unsigned int n = 0;

	for (p = f->passages; p; p = p->next)
		n += p->from.family == from->family &&
		     !memcmp(p->from.addr, from->addr, sizeof(from->addr));
	return n;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct enrol_forward *f = arg;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct cpns_endpoint from;
	int client;

	(void)what;
	client = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return;
	if (!f->to.family || cpns_endpoint_from_sockaddr(&from, &ss, len) ||
	    f->n_passages >= PASSAGES_MAX || count_from(f, &from) >= SOURCE_MAX) {
		f->refused++;
		close(client);
	} else if (!passage_new(f, client, &from)) {
		f->passed++;
	}
}

static void gate_close(struct gate *gate)
{
	if (gate->accept)
		event_free(gate->accept);
	if (gate->fd >= 0)
		close(gate->fd);
	gate->accept = NULL;
	gate->fd = -1;
}

static int gate_open(struct enrol_forward *f, struct gate *gate)
{
	struct sockaddr_storage ss;
	socklen_t len = cpns_endpoint_to_sockaddr(&f->listen, &ss);
	int one = 1, fd, ret;

	fd = socket(f->listen.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, gate->name, strlen(gate->name)) ||
	    bind(fd, (struct sockaddr *)&ss, len) || listen(fd, BACKLOG)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	gate->fd = fd;
	gate->accept = event_new(f->base, fd, EV_READ | EV_PERSIST, on_accept, f);
	if (gate->accept && !event_add(gate->accept, NULL))
		return 0;
	gate_close(gate);
	return -ENOMEM;
}

static void refresh_gate(struct enrol_forward *f, struct gate *gate)
{
	uint32_t ifindex = if_nametoindex(gate->name);
	int ret;

	if (gate->fd >= 0 && gate->ifindex == ifindex)
		return;
	gate_close(gate);
	/* The address may be of another of these interfaces. */
	ret = ifindex ? gate_open(f, gate) : -ENODEV;
	if (!ret)
		gate->ifindex = ifindex;
	else
		log_msg(LOG_DEBUG, "enrolments can't be taken on %s: %s", gate->name,
			strerror(-ret));
}

static bool same_gates(const struct enrol_forward *f, const struct conf *conf)
{
	size_t i;

	if (!cpns_endpoint_equal(&f->listen, &conf->forward) || f->n_gates != conf->n_pans)
		return false;
	for (i = 0; i < f->n_gates; i++)
		if (strcmp(f->gates[i].name, conf->pans[i]))
			return false;
	return true;
}

void enrol_forward_listen(struct enrol_forward *f, const struct conf *conf)
{
	size_t i;

	if (!same_gates(f, conf) || !conf->forward.family) {
		for (i = 0; i < f->n_gates; i++)
			gate_close(&f->gates[i]);
		f->n_gates = conf->forward.family ? conf->n_pans : 0;
		f->listen = conf->forward;
		for (i = 0; i < f->n_gates; i++) {
			f->gates[i].fd = -1;
			memcpy(f->gates[i].name, conf->pans[i], sizeof(f->gates[i].name));
		}
	}
	if (strcmp(f->place.host, conf->forward_to.host) ||
	    !cpns_endpoint_equal(&f->place.endpoint, &conf->forward_to.endpoint)) {
		f->place = conf->forward_to;
		f->to = f->place.endpoint;
	}
	for (i = 0; i < f->n_gates; i++)
		refresh_gate(f, &f->gates[i]);
}

const char *enrol_forward_wants(const struct enrol_forward *f, uint16_t *port)
{
	*port = f->place.endpoint.port;
	return f->n_gates && f->place.host[0] ? f->place.host : NULL;
}

void enrol_forward_resolved(struct enrol_forward *f, const struct cpns_endpoint *to)
{
	f->to = *to;
}

struct enrol_forward *enrol_forward_new(struct event_base *base)
{
	struct enrol_forward *f = calloc(1, sizeof(*f));

	if (f)
		f->base = base;
	return f;
}

void enrol_forward_free(struct enrol_forward *f)
{
	size_t i;

	if (!f)
		return;
	while (f->passages)
		passage_free(f->passages);
	for (i = 0; i < f->n_gates; i++)
		gate_close(&f->gates[i]);
	free(f);
}

json_t *enrol_forward_status(const struct enrol_forward *f)
{
	return json_pack("{s:i, s:I, s:I}", "connections", (int)f->n_passages, "passed",
			 (json_int_t)f->passed, "refused", (json_int_t)f->refused);
}
