// SPDX-License-Identifier: GPL-2.0
/* The HTTPS service. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-secret.h>
#include <record-json.h>
#include <secret.h>
#include <text.h>

#include "../cpnsd/log.h"
#include "enrol.h"
#include "https.h"

enum {
	BODY_MAX = 8192,
	BODY_READ_MAX = 65536,	/* above it libevent answers, and not in JSON */
	HEADERS_MAX = 8192,
	IDLE_S = 10,
	CONNECTION_S = 30,	/* from accept to end */
	THROTTLED_LOG_S = 60,
};

/**
 * struct https - the service
 * @registrar: the registrar
 * @http: libevent's server
 * @ctx: TLS
 * @sockets: that listen
 * @n_sockets: how many
 * @connections: how many there are
 * @full: not listening, as there are too many
 * @throttled_logged: when a refusal for haste was last audited
 */
struct https {
	struct registrar		*registrar;
	struct evhttp			*http;
	SSL_CTX				*ctx;
	struct evhttp_bound_socket	*sockets[REGISTRAR_LIST_MAX];
	size_t				n_sockets;
	unsigned int			connections;
	bool				full;
	uint64_t			throttled_logged;
};

/**
 * struct enrolment - a request that waits for its password
 * @https: service
 * @req: HTTP request
 * @request: what is wanted
 * @hash: that the password is compared with
 */
struct enrolment {
	struct https		*https;
	struct evhttp_request	*req;
	struct enrol_request	request;
	char			hash[STORE_HASH_MAX];
};

/* ---- connections ---- */

/**
 * struct connection - what is counted and ended in time
 * @https: service
 * @bev: its buffers
 * @deadline: it has lasted too long
 */
struct connection {
	struct https		*https;
	struct bufferevent	*bev;
	struct event		*deadline;
};

/* Of a connection, in its SSL structure: it lives as long as that. */
static int connection_index = -1;

static void listen_again(struct https *https)
{
	size_t i;

	https->full = false;
	for (i = 0; i < https->n_sockets; i++)
		evconnlistener_enable(evhttp_bound_socket_get_listener(https->sockets[i]));
}

static void on_connection_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
			       void *argp)
{
	struct connection *c = ptr;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (!c)
		return;
	c->https->connections--;
	if (c->https->full && c->https->connections < c->https->registrar->conf->connections)
		listen_again(c->https);
	event_free(c->deadline);
	free(c);
}

/* The connection sees its end, and is cleaned up as if the other had left. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	if (bufferevent_getfd(c->bev) >= 0)
		shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

static void count_connection(struct https *https)
{
	size_t i;

	https->connections++;
	if (https->full || https->connections < https->registrar->conf->connections)
		return;
	https->full = true;
	for (i = 0; i < https->n_sockets; i++)
		evconnlistener_disable(evhttp_bound_socket_get_listener(https->sockets[i]));
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct timeval limit = { .tv_sec = CONNECTION_S };
	struct connection *c = calloc(1, sizeof(*c));
	struct https *https = arg;
	SSL *ssl = SSL_new(https->ctx);

	if (!c || !ssl)
		goto err;
	c->https = https;
	c->deadline = event_new(base, -1, EV_TIMEOUT, on_deadline, c);
	if (!c->deadline)
		goto err;
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
						BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev || !SSL_set_ex_data(ssl, connection_index, c))
		goto err;
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	event_add(c->deadline, &limit);
	count_connection(https);
	return c->bev;
err:
	/* A connection without TLS comes of it; no request of it is answered. */
	if (c && c->bev)
		bufferevent_free(c->bev);
	else
		SSL_free(ssl);
	if (c && c->deadline)
		event_free(c->deadline);
	free(c);
	return NULL;
}

/* ---- answers ---- */

static void wipe_text(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	cpns_json_text_free(arg);
}

static void answer(struct evhttp_request *req, int status, json_t *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct evbuffer *buf = evbuffer_new();

	json_decref(body);
	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (text && buf && !evbuffer_add_reference(buf, text, strlen(text), wipe_text, text)) {
		evbuffer_add(buf, "\n", 1);
	} else {
		cpns_json_text_free(text);
		status = HTTP_INTERNAL;
	}
	evhttp_send_reply(req, status, NULL, buf);
	if (buf)
		evbuffer_free(buf);
}

static void refuse(struct evhttp_request *req, int status, const char *code, const char *text)
{
	answer(req, status, json_pack("{s:s, s:s}", "error", code, "text", text));
}

static void refuse_hasty(struct evhttp_request *req, uint64_t wait_s)
{
	char text[CPNS_ERROR_TEXT], seconds[24];

	snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)wait_s);
	snprintf(text, sizeof(text), "too many attempts: try again in %s s", seconds);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", seconds);
	refuse(req, 429, "slow-down", text);
}

static void answer_failed(struct evhttp_request *req)
{
	refuse(req, HTTP_INTERNAL, "failed",
	       "the registrar has failed; its log says why. Try again later");
}

static void answer_record(struct https *https, struct evhttp_request *req,
			  const struct cpns_key_record *record)
{
	json_t *json = cpns_record_to_json(record);

	if (!json) {
		answer_failed(req);
		return;
	}
	answer(req, HTTP_OK, json_pack("{s:o, s:o}", "record", json, "server",
				       registrar_server_json(https->registrar)));
}

/* ---- enrolment ---- */

static void finish(struct enrolment *e, const char *hash, bool right)
{
	struct registry *reg = &e->https->registrar->reg;
	char error[CPNS_ERROR_TEXT] = "";
	struct cpns_key_record record;
	int ret;

	ret = enrol_finish(reg, &e->request, hash, right, registrar_now_ms(), &record, error);
	switch (ret) {
	case 0:
		log_msg(LOG_INFO, "%s of %s enrolled from %s, generation %u",
			e->request.entity.text, record.user_id.text, e->request.source,
			record.generation);
		answer_record(e->https, e->req, &record);
		break;
	case -EACCES:
		log_msg(LOG_NOTICE, "enrolment from %s refused", e->request.source);
		refuse(e->req, 401, "refused",
		       "user and password, or the code, are not right: check them");
		break;
	case -EEXIST:
		refuse(e->req, 409, "conflict", error);
		break;
	default:
		answer_failed(e->req);
		break;
	}
	cpns_record_wipe(&record);
	cpns_free_secret(e, sizeof(*e));
}

/* A hash at today's cost takes the place of one at yesterday's. */
static void renew_hash(struct enrolment *e, const char *hash)
{
	struct registry *reg = &e->https->registrar->reg;
	struct store_user user;

	if (reg->ops->user_get(reg->store, e->request.user.text, &user) ||
	    strcmp(user.hash, e->hash))
		return;
	snprintf(user.hash, sizeof(user.hash), "%s", hash);
	if (!reg->ops->user_put(reg->store, &user))
		memcpy(e->hash, user.hash, sizeof(e->hash));
	cpns_wipe(user.hash, sizeof(user.hash));
}

static void on_password(void *arg, int result, const char *hash)
{
	struct enrolment *e = arg;

	if (result && result != -EACCES) {
		answer_failed(e->req);
		cpns_free_secret(e, sizeof(*e));
		return;
	}
	if (!result && hash)
		renew_hash(e, hash);
	finish(e, e->hash, !result);
}

/*
 * Nobody's hash stands in for that of a user who is unknown or disabled: the
 * work, and all that follows, is the same.
 */
static int check_password(struct enrolment *e, const char *password)
{
	struct registrar *registrar = e->https->registrar;
	struct registry *reg = &registrar->reg;
	struct store_user user;
	const char *hash = NULL;
	int ret;

	ret = reg->ops->user_get(reg->store, e->request.user.text, &user);
	if (ret && ret != -ENOENT)
		return ret;
	if (!ret && user.state == USER_ACTIVE)
		hash = user.hash;
	snprintf(e->hash, sizeof(e->hash), "%s",
		 hash ? hash : passwords_dummy(registrar->passwords));
	ret = password_verify(registrar->passwords, password, hash, on_password, e);
	cpns_wipe(user.hash, sizeof(user.hash));
	return ret;
}

/* One line a minute: who hurries shall not fill the disk. */
static void audit_hasty(struct https *https, const struct enrol_request *request)
{
	struct registry *reg = &https->registrar->reg;
	uint64_t now = registrar_now();

	if (now < https->throttled_logged + THROTTLED_LOG_S)
		return;
	https->throttled_logged = now;
	registry_audit(reg, now, request->source, "enrol-throttled", NULL,
		       request->entity.text, "further ones of this minute are left out");
}

static void begin(struct enrolment *e, const char *password)
{
	struct registry *reg = &e->https->registrar->reg;
	uint64_t wait_s;
	int ret;

	ret = throttle_check(reg, registrar_now_ms(), password ? e->request.user.text : NULL,
			     e->request.source, &wait_s);
	if (ret == -EAGAIN)
		audit_hasty(e->https, &e->request);
	if (!ret && !password) {
		finish(e, NULL, false);
		return;
	}
	if (!ret)
		ret = check_password(e, password);
	if (!ret)
		return;
	if (ret == -EAGAIN || ret == -EBUSY)
		refuse_hasty(e->req, ret == -EBUSY ? 1 : wait_s);
	else
		answer_failed(e->req);
	cpns_free_secret(e, sizeof(*e));
}

static json_t *read_body(struct evhttp_request *req, char *error)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	unsigned char *bytes = evbuffer_pullup(in, -1);
	json_error_t where;
	json_t *body;

	if (!bytes) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "there is no body: send a JSON object with user, password (or code), entity, role and device");
		return NULL;
	}
	body = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &where);
	cpns_wipe(bytes, len);
	if (!body)
		snprintf(error, CPNS_ERROR_TEXT, "the body is no JSON (line %d, column %d)",
			 where.line, where.column);
	return body;
}

static void set_source(struct evhttp_request *req, char *source)
{
	char *address = "";
	uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &address, &port);
	throttle_source(address, source);
}

static void on_enrol(struct evhttp_request *req, struct https *https)
{
	struct enrolment *e;
	char error[CPNS_ERROR_TEXT];
	const char *password;
	json_t *body;

	if (evbuffer_get_length(evhttp_request_get_input_buffer(req)) > BODY_MAX) {
		refuse(req, HTTP_ENTITYTOOLARGE, "too-large", "a body has at most 8 KiB");
		return;
	}
	e = calloc(1, sizeof(*e));
	if (!e) {
		answer_failed(req);
		return;
	}
	e->https = https;
	e->req = req;
	body = read_body(req, error);
	if (!body || enrol_parse(&https->registrar->reg, body, &e->request, &password, error)) {
		refuse(req, HTTP_BADREQUEST, "bad-request", error);
		free(e);
	} else {
		set_source(req, e->request.source);
		begin(e, password);
	}
	json_decref(body);
}

/* ---- routing ---- */

static bool has_path(struct evhttp_request *req, const char *wanted)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

	return path && !strcmp(path, wanted);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(req);
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	struct https *https = arg;

	if (!bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(connection))) {
		answer_failed(req);
		return;
	}
	if (has_path(req, "/v1/enrol")) {
		if (method == EVHTTP_REQ_POST)
			on_enrol(req, https);
		else
			refuse(req, HTTP_BADMETHOD, "method", "this is used with POST");
	} else if (has_path(req, "/v1/server")) {
		if (method == EVHTTP_REQ_GET)
			answer(req, HTTP_OK, json_pack("{s:o}", "server",
						       registrar_server_json(https->registrar)));
		else
			refuse(req, HTTP_BADMETHOD, "method", "this is used with GET");
	} else {
		refuse(req, HTTP_NOTFOUND, "not-found",
		       "there are POST /v1/enrol and GET /v1/server");
	}
}

/* ---- the service ---- */

static int listen_on(struct https *https, const char *text, char *error)
{
	struct evhttp_bound_socket *socket_;
	struct evconnlistener *listener;
	struct sockaddr_storage ss;
	struct cpns_endpoint ep;
	socklen_t len;

	cpns_endpoint_parse(text, &ep);
	len = (socklen_t)cpns_endpoint_to_sockaddr(&ep, &ss);
	listener = evconnlistener_new_bind(https->registrar->base, NULL, NULL,
					   LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE |
					   LEV_OPT_REUSEABLE, 128, (struct sockaddr *)&ss,
					   (int)len);
	if (!listener) {
		snprintf(error, CPNS_ERROR_TEXT, "listen %.80s: %s", text, strerror(errno));
		return -errno;
	}
	socket_ = evhttp_bind_listener(https->http, listener);
	if (!socket_) {
		evconnlistener_free(listener);
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return -ENOMEM;
	}
	https->sockets[https->n_sockets++] = socket_;
	return 0;
}

int https_open(struct https **result, struct registrar *registrar, SSL_CTX *ctx, char *error)
{
	struct https *https = calloc(1, sizeof(*https));
	size_t i;
	int ret = 0;

	*result = NULL;
	if (connection_index < 0)
		connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
							on_connection_free);
	if (https)
		https->http = evhttp_new(registrar->base);
	if (!https || !https->http || connection_index < 0) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		free(https);
		return -ENOMEM;
	}
	https->registrar = registrar;
	https->ctx = ctx;
	SSL_CTX_up_ref(ctx);
	evhttp_set_bevcb(https->http, on_connection, https);
	evhttp_set_gencb(https->http, on_request, https);
	evhttp_set_max_body_size(https->http, BODY_READ_MAX);
	evhttp_set_max_headers_size(https->http, HEADERS_MAX);
	evhttp_set_timeout(https->http, IDLE_S);
	for (i = 0; i < registrar->conf->listen.n && !ret; i++)
		ret = listen_on(https, registrar->conf->listen.value[i], error);
	if (ret) {
		https_close(https);
		return ret;
	}
	*result = https;
	return 0;
}

void https_close(struct https *https)
{
	if (!https)
		return;
	/* What is freed from here on is not to wake sockets that are gone. */
	https->full = false;
	evhttp_free(https->http);
	/* libevent frees connections in its loop, and they know of us. */
	event_base_loop(https->registrar->base, EVLOOP_NONBLOCK);
	SSL_CTX_free(https->ctx);
	free(https);
}

unsigned int https_connections(const struct https *https)
{
	return https ? https->connections : 0;
}
