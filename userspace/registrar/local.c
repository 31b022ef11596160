// SPDX-License-Identifier: GPL-2.0
/* The local sockets. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <grp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-secret.h>
#include <secret.h>

#include "../cpnsd/log.h"
#include "local.h"

enum {
	LINE_MAX_BYTES = 64 << 10,
	BACKLOG_MAX_BYTES = 64 << 20,	/* that a client leaves unread */
	CLIENTS_MAX = 64,
	GROUPS_MAX = 256,
};

/**
 * struct client - one connection
 * @local: its socket
 * @next: of the same
 * @bev: buffers
 * @serial: its number
 * @who: "uid N"
 * @watches: gets events
 */
struct client {
	struct local		*local;
	struct client		*next;
	struct bufferevent	*bev;
	uint64_t		serial;
	char			who[LOCAL_WHO_TEXT];
	bool			watches;
};

/**
 * struct local - a socket
 * @registrar: the registrar
 * @ops: operations
 * @fd: listens
 * @accept: somebody connects
 * @clients: connections
 * @n_clients: how many
 * @serial: of the last one
 * @gid: group that may use it
 * @has_group: there is one
 * @path: name
 * @st: the socket, as it was made
 */
struct local {
	struct registrar	*registrar;
	const struct local_op	*ops;
	int			fd;
	struct event		*accept;
	struct client		*clients;
	unsigned int		n_clients;
	uint64_t		serial;
	gid_t			gid;
	bool			has_group;
	char			path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat		st;
};

static void client_free(struct client *client)
{
	struct local *local = client->local;
	struct client **p;

	for (p = &local->clients; *p != client; p = &(*p)->next)
		;
	*p = client->next;
	local->n_clients--;
	bufferevent_free(client->bev);
	free(client);
}

static void wipe_text(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	cpns_json_text_free(arg);
}

/* A client that does not read is let go: it comes again and asks anew. */
static int send_json(struct client *client, const json_t *json)
{
	struct evbuffer *out = bufferevent_get_output(client->bev);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (!text || evbuffer_get_length(out) > BACKLOG_MAX_BYTES ||
	    evbuffer_add_reference(out, text, strlen(text), wipe_text, text)) {
		cpns_json_text_free(text);
		return -ENOBUFS;
	}
	return evbuffer_add(out, "\n", 1) ? -ENOBUFS : 0;
}

int local_refuse(struct local_call *call, const char *code, const char *fmt, ...)
{
	va_list ap;

	call->code = code;
	va_start(ap, fmt);
	vsnprintf(call->text, sizeof(call->text), fmt, ap);
	va_end(ap);
	return -ECANCELED;
}

int local_failed(struct local_call *call)
{
	return local_refuse(call, "failed", "the registrar has failed; its log says why");
}

static int send_answer(struct client *client, struct local_call *call)
{
	json_t *o = call->answer;

	if (call->code) {
		json_object_set_new(o, "ok", json_false());
		json_object_set_new(o, "error", json_string(call->code));
		json_object_set_new(o, "text", json_string(call->text));
	} else {
		json_object_set_new(o, "ok", json_true());
	}
	return send_json(client, o);
}

static int run_op(struct local_call *call)
{
	const char *name = json_string_value(json_object_get(call->request, "op"));
	const struct local_op *op;

	if (json_integer_value(json_object_get(call->request, "v")) != 1)
		return local_refuse(call, "version", "\"v\" must be 1");
	if (!name)
		return local_refuse(call, "bad-request", "\"op\" is missing: name an operation");
	for (op = call->local->ops; op->name; op++)
		if (!strcmp(op->name, name))
			return op->run(call);
	return local_refuse(call, "bad-request", "there is no operation %.40s here", name);
}

static int answer_line(struct client *client, char *line, size_t len)
{
	struct local_call call = {
		.registrar = client->local->registrar,
		.local = client->local,
		.client = client->serial,
		.answer = json_pack("{s:i}", "v", 1),
	};
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *id;
	int ret;

	memcpy(call.who, client->who, sizeof(call.who));
	call.request = request;
	id = json_object_get(request, "id");
	if (json_is_integer(id))
		json_object_set(call.answer, "id", id);
	if (!json_is_object(request))
		ret = local_refuse(&call, "bad-request", "a request is a JSON object in one line");
	else
		ret = run_op(&call);
	ret = ret == -EINPROGRESS ? 0 : send_answer(client, &call);
	json_decref(request);
	json_decref(call.answer);
	return ret;
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
		cpns_free_secret(line, len);
		if (ret) {
			client_free(client);
			return;
		}
	}
	if (evbuffer_get_length(in) >= LINE_MAX_BYTES)
		client_free(client);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	client_free(arg);
}

static void client_new(struct local *local, int fd, const struct ucred *cred)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client)
		client->bev = bufferevent_socket_new(local->registrar->base, fd,
						     BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		close(fd);
		return;
	}
	client->local = local;
	client->next = local->clients;
	client->serial = ++local->serial;
	snprintf(client->who, sizeof(client->who), "uid %u", (unsigned int)cred->uid);
	local->clients = client;
	local->n_clients++;
	bufferevent_setcb(client->bev, on_read, NULL, on_end, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0, LINE_MAX_BYTES);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static bool in_group(int fd, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool may_speak(const struct local *local, int fd, struct ucred *cred)
{
	socklen_t len = sizeof(*cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, &len))
		return false;
	if (cred->uid == 0 || cred->uid == geteuid())
		return true;
	return local->has_group && (cred->gid == local->gid || in_group(fd, local->gid));
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct local *local = arg;
	struct ucred cred;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (client < 0)
		return;
	if (local->n_clients < CLIENTS_MAX && may_speak(local, client, &cred))
		client_new(local, client, &cred);
	else
		close(client);
}

static struct client *find_client(struct local *local, uint64_t serial)
{
	struct client *client;

	for (client = local->clients; client; client = client->next)
		if (client->serial == serial)
			return client;
	return NULL;
}

void local_watch(struct local_call *call)
{
	struct client *client = find_client(call->local, call->client);

	if (client)
		client->watches = true;
}

void local_event(struct local *local, const json_t *event)
{
	struct client *client, *next;

	if (!local)
		return;
	for (client = local->clients; client; client = next) {
		next = client->next;
		/* Its end is noticed in the loop: it may be the one being answered. */
		if (client->watches && send_json(client, event))
			shutdown(bufferevent_getfd(client->bev), SHUT_RDWR);
	}
}

struct local_call *local_defer(const struct local_call *call)
{
	struct local_call *kept = malloc(sizeof(*kept));

	if (!kept)
		return NULL;
	*kept = *call;
	kept->request = NULL;
	json_incref(kept->answer);
	return kept;
}

void local_finish(struct local_call *call)
{
	struct client *client = find_client(call->local, call->client);

	if (client && send_answer(client, call))
		client_free(client);
	json_decref(call->answer);
	free(call);
}

/* ---- the socket itself ---- */

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

static int remove_old(const struct sockaddr_un *addr)
{
	struct stat st;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (is_alive(addr))
		return -EADDRINUSE;
	return unlink(addr->sun_path) ? -errno : 0;
}

static int listen_on(struct local *local)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret;

	memcpy(addr.sun_path, local->path, sizeof(addr.sun_path));
	local->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (local->fd < 0)
		return -errno;
	ret = remove_old(&addr);
	if (ret)
		return ret;
	mask = umask(0177);
	ret = bind(local->fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (ret)
		return ret;
	if (local->has_group && (chown(local->path, (uid_t)-1, local->gid) ||
				 chmod(local->path, 0660)))
		ret = -errno;
	if (!ret && (listen(local->fd, CLIENTS_MAX) || lstat(local->path, &local->st)))
		ret = -errno;
	if (ret)
		unlink(local->path);
	return ret;
}

static int set_group(struct local *local, const char *name, char *error)
{
	struct group *group;

	if (!name)
		return 0;
	group = getgrnam(name);
	if (!group) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "there is no group %.100s: make it with groupadd, or name another",
			 name);
		return -ENOENT;
	}
	local->gid = group->gr_gid;
	local->has_group = true;
	return 0;
}

int local_open(struct local **result, struct registrar *registrar, const char *name,
	       const char *group, const struct local_op *ops, char *error)
{
	struct local *local = calloc(1, sizeof(*local));
	int ret, n;

	*result = NULL;
	if (!local) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	local->registrar = registrar;
	local->ops = ops;
	local->fd = -1;
	ret = set_group(local, group, error);
	if (ret)
		goto err;
	n = snprintf(local->path, sizeof(local->path), "%s/%s", registrar->conf->run_dir, name);
	ret = n > 0 && (size_t)n < sizeof(local->path) ? listen_on(local) : -ENAMETOOLONG;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "socket %.100s/%.20s can't be made: %s",
			 registrar->conf->run_dir, name, strerror(-ret));
		goto err;
	}
	local->accept = event_new(registrar->base, local->fd, EV_READ | EV_PERSIST, on_accept,
				  local);
	if (!local->accept || event_add(local->accept, NULL)) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		local_close(local);
		return -ENOMEM;
	}
	*result = local;
	return 0;
err:
	if (local->fd >= 0)
		close(local->fd);
	free(local);
	return ret;
}

void local_close(struct local *local)
{
	struct stat st;

	if (!local)
		return;
	while (local->clients)
		client_free(local->clients);
	if (local->accept)
		event_free(local->accept);
	close(local->fd);
	/* Not that of a registrar that has come after. */
	if (!lstat(local->path, &st) && st.st_ino == local->st.st_ino &&
	    st.st_dev == local->st.st_dev)
		unlink(local->path);
	free(local);
}
