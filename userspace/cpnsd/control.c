// SPDX-License-Identifier: GPL-2.0
/* The control socket. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-secret.h>

#include "conf.h"
#include "control.h"
#include "control-ops.h"
#include "daemon.h"
#include "log.h"
#include "paths.h"

#define LINE_MAX_BYTES	(4 << 20)	/* a configuration, as a JSON string */
#define WHOIS_MAX_BYTES	1024
#define CLIENTS_MAX	32	/* of each of the sockets */
#define BACKLOG		128
#define IDLE_S		60

/**
 * struct client - one connection
 * @control: its socket
 * @next: of the same
 * @anybody: it came to the socket for everybody
 * @number: its name
 * @bev: buffers
 */
struct client {
	struct control		*control;
	struct client		*next;
	bool			anybody;
	uint64_t		number;
	struct bufferevent	*bev;
};

/**
 * struct listener - a socket
 * @control: both of them
 * @anybody: it is for everybody, who may ask who an entity is
 * @fd: listens, or -1
 * @accept: somebody connects
 * @path: name of the socket
 * @st: it, as it was made
 */
struct listener {
	struct control	*control;
	bool		anybody;
	int		fd;
	struct event	*accept;
	char		path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat	st;
};

/**
 * struct control - the sockets
 * @d: the daemon
 * @base: event loop
 * @control: for those who may control the daemon
 * @whois: for everybody
 * @clients: connections
 * @n_clients: how many
 * @number: of the last one
 */
struct control {
	struct daemon		*d;
	struct event_base	*base;
	struct listener		control;
	struct listener		whois;
	struct client		*clients;
	unsigned int		n_clients;
	uint64_t		number;
};

static void client_free(struct client *client)
{
	struct control *control = client->control;
	struct client **p;

	for (p = &control->clients; *p != client; p = &(*p)->next)
		;
	*p = client->next;
	control->n_clients--;
	bufferevent_free(client->bev);
	free(client);
}

/* Takes the answer. */
static int write_answer(struct client *client, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	int ret = -ENOMEM;

	if (text && !bufferevent_write(client->bev, text, strlen(text)) &&
	    !bufferevent_write(client->bev, "\n", 1))
		ret = 0;
	cpns_json_text_free(text);
	json_decref(answer);
	return ret;
}

static int answer_line(struct client *client, const char *line, size_t len)
{
	bool later = false;
	json_t *answer;

	if (client->anybody)
		answer = control_answer_anybody(client->control->d, line, len);
	else
		answer = control_answer(client->control->d, line, len, client->number, &later);
	return later ? 0 : write_answer(client, answer);
}

void control_answer_code(struct control *control, uint64_t number, const json_t *answer)
{
	struct client *client = control ? control->clients : NULL;

	while (client && client->number != number)
		client = client->next;
	if (client && write_answer(client, control_code(answer)))
		client_free(client);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *client = arg;
	size_t len;
	char *line;
	int ret;

	while ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		ret = answer_line(client, line, len);
		free(line);
		if (ret) {
			client_free(client);
			return;
		}
	}
	if (evbuffer_get_length(in) >= (client->anybody ? WHOIS_MAX_BYTES : LINE_MAX_BYTES))
		client_free(client);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	client_free(arg);
}

static void client_new(struct listener *listener, int fd)
{
	struct control *control = listener->control;
	struct timeval idle = { .tv_sec = IDLE_S };
	struct client *client = calloc(1, sizeof(*client));

	if (client)
		client->bev = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		close(fd);
		return;
	}
	client->control = control;
	client->anybody = listener->anybody;
	client->number = ++control->number;
	client->next = control->clients;
	control->clients = client;
	control->n_clients++;
	bufferevent_setcb(client->bev, on_read, NULL, on_end, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0,
				 client->anybody ? WHOIS_MAX_BYTES : LINE_MAX_BYTES);
	bufferevent_set_timeouts(client->bev, &idle, &idle);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static bool may_speak(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static unsigned int count(const struct control *control, bool anybody)
{
	const struct client *client;
	unsigned int n = 0;

	for (client = control->clients; client; client = client->next)
		n += client->anybody == anybody;
	return n;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (client < 0)
		return;
	if (count(listener->control, listener->anybody) < CLIENTS_MAX &&
	    (listener->anybody || may_speak(client)))
		client_new(listener, client);
	else
		close(client);
}

/* Is somebody behind a socket that is there, or is it left over. */
static bool is_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return true;
	alive = !connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN;
	close(fd);
	return alive;
}

static int listen_on(struct listener *listener)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int ret = 0;

	memcpy(addr.sun_path, listener->path, sizeof(addr.sun_path));
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	if (!lstat(listener->path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		if (is_alive(&addr))
			return -EADDRINUSE;
		unlink(listener->path);
	}
	mask = umask(listener->anybody ? 0111 : 0177);
	if (bind(listener->fd, (struct sockaddr *)&addr, sizeof(addr)))
		ret = -errno;
	umask(mask);
	if (ret)
		return ret;
	if (listen(listener->fd, BACKLOG) || lstat(listener->path, &listener->st)) {
		ret = -errno;
		unlink(listener->path);
	}
	return ret;
}

static int listener_open(struct listener *listener, struct control *control)
{
	int ret = listen_on(listener);

	listener->control = control;
	if (ret)
		return ret;
	listener->accept = event_new(control->base, listener->fd, EV_READ | EV_PERSIST,
				     on_accept, listener);
	if (listener->accept && !event_add(listener->accept, NULL))
		return 0;
	return -ENOMEM;
}

static void listener_close(struct listener *listener)
{
	struct stat st;

	if (listener->accept)
		event_free(listener->accept);
	if (listener->fd >= 0)
		close(listener->fd);
	/* Not that of a daemon that has come after. */
	if (listener->st.st_ino && !lstat(listener->path, &st) &&
	    st.st_ino == listener->st.st_ino && st.st_dev == listener->st.st_dev)
		unlink(listener->path);
}

/* The socket for everybody has its name from the other one, or from the device. */
static int set_paths(struct control *control, const struct conf *conf)
{
	struct listener *c = &control->control, *w = &control->whois;
	int len;

	if (!conf->control) {
		paths_default(c->path, sizeof(c->path), conf->device, "sock");
		paths_default(w->path, sizeof(w->path), conf->device, "whois");
		return 0;
	}
	snprintf(c->path, sizeof(c->path), "%s", conf->control);
	len = snprintf(w->path, sizeof(w->path), "%s.whois", conf->control);
	return len < (int)sizeof(w->path) ? 0 : -ENAMETOOLONG;
}

int control_open(struct control **result, struct daemon *d, struct event_base *base,
		 char *error)
{
	const struct conf *conf = session_conf(daemon_session(d));
	struct control *control = calloc(1, sizeof(*control));
	const char *path = "";
	int ret = -ENOMEM;

	*result = NULL;
	if (!control)
		goto err;
	control->d = d;
	control->base = base;
	control->control.fd = -1;
	control->whois.fd = -1;
	control->whois.anybody = true;
	ret = set_paths(control, conf);
	path = control->control.path;
	if (!ret)
		ret = listener_open(&control->control, control);
	if (!ret) {
		path = control->whois.path;
		ret = listener_open(&control->whois, control);
	}
	if (ret)
		goto err;
	*result = control;
	return 0;
err:
	snprintf(error, CPNS_ERROR_TEXT, "control socket %s can't be made: %s", path,
		 strerror(-ret));
	control_close(control);
	return ret;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	listener_close(&control->control);
	listener_close(&control->whois);
	free(control);
}
