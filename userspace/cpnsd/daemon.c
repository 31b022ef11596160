// SPDX-License-Identifier: GPL-2.0
/* The daemon. */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <json-secret.h>
#include <secret.h>

#include "conf-peer.h"
#include "control.h"
#include "daemon.h"
#include "device.h"
#include "downgrade.h"
#include "enrol-forward.h"
#include "entity.h"
#include "hosts.h"
#include "log.h"
#include "notify.h"
#include "paths.h"
#include "relay.h"
#include "resolver.h"
#include "server.h"
#include "state.h"
#include "stream-client.h"

#define SAVE_EVERY_S	600
#define LOOK_EVERY_S	5

/* Looks between two of those that take longer to change. */
#define LOOKS		6

/* Names of peers that come and go are written together. */
#define NAMES_AFTER_S	1

/* Messages taken before others have their turn. */
#define BUDGET		64

/* No EID: the name that the resolver is asked for is that of the enrolment. */
#define FORWARD		0

enum { SIGNALS = 3 };

/**
 * struct daemon - all of it
 * @files: configuration files
 * @n_files: how many
 * @generation: number of the configuration in force
 * @from_files: it is that of @files
 * @base: event loop
 * @kernel: genetlink
 * @rtnl: rtnetlink
 * @watch: rtnetlink socket that tells of deleted devices
 * @ifindex: device
 * @session: sessions
 * @entity: the enrolled entity, or NULL
 * @stream: its control stream, or NULL
 * @server: the Server with its registrar, or NULL
 * @forward: enrolments that are passed on
 * @resolver: names of endpoints
 * @control: control socket
 * @state: saved time
 * @timer: timerfd of @session
 * @budget: messages left in this turn
 * @result: of daemon_run()
 * @messages: datagrams have come
 * @events: events have come
 * @answers: names are resolved
 * @due: @timer has run out
 * @links: links have changed
 * @save: time to save the time
 * @watchdog: time to tell that all is well
 * @downgrade: packets with less protection than is demanded
 * @looks: how often was looked
 * @look: time to look after what has changed by itself
 * @names: time to write the names of peers that have come or gone
 * @signals: SIGHUP, SIGTERM, SIGINT
 */
struct daemon {
	const char *const	*files;
	size_t			n_files;
	uint64_t		generation;
	bool			from_files;
	struct event_base	*base;
	struct kernel		kernel;
	struct rtnl		*rtnl;
	int			watch;
	uint32_t		ifindex;
	struct session		*session;
	struct entity		*entity;
	struct stream_client	*stream;
	struct server		*server;
	struct enrol_forward	*forward;
	struct resolver		*resolver;
	struct control		*control;
	struct state		state;
	int			timer;
	unsigned int		budget;
	int			result;
	struct event		*messages;
	struct event		*events;
	struct event		*answers;
	struct event		*due;
	struct event		*links;
	struct event		*save;
	struct event		*watchdog;
	struct downgrade	downgrade;
	unsigned int		looks;
	struct event		*look;
	struct event		*names;
	struct event		*signals[SIGNALS];
};

void daemon_now(struct daemon *d, struct cpns_now *now)
{
	state_now(&d->state, now);
}

struct session *daemon_session(struct daemon *d)
{
	return d->session;
}

size_t daemon_files(const struct daemon *d, const char *const **files)
{
	*files = d->files;
	return d->n_files;
}

uint64_t daemon_generation(const struct daemon *d)
{
	return d->generation;
}

bool daemon_from_files(const struct daemon *d)
{
	return d->from_files;
}

void daemon_arm(struct daemon *d)
{
	uint64_t deadline = session_deadline(d->session);
	struct itimerspec when = { 0 };

	/* A time of zero would disarm it; UINT64_MAX is to. */
	if (deadline != UINT64_MAX) {
		when.it_value.tv_sec = deadline / 1000;
		when.it_value.tv_nsec = deadline % 1000 * 1000000 + 1;
	}
	timerfd_settime(d->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void daemon_event(struct daemon *d, const struct cpns_event *event)
{
	struct cpns_now now;

	daemon_now(d, &now);
	session_event(d->session, event, &now);
	daemon_arm(d);
}

static void names_changed(struct daemon *d)
{
	struct timeval tv = { .tv_sec = NAMES_AFTER_S };

	if (d->names && !event_pending(d->names, EV_TIMEOUT, NULL))
		event_add(d->names, &tv);
}

int daemon_peer_put(struct daemon *d, struct conf_peer *peer, enum session_gone gone)
{
	char error[CPNS_ERROR_TEXT];
	struct conf_peer *old;
	struct cpns_now now;
	int ret;

	daemon_now(d, &now);
	ret = session_peer_put(d->session, peer, gone, &old, &now, error);
	if (ret) {
		log_msg(LOG_ERR, "%s", error);
		conf_peer_free(peer);
		return ret;
	}
	device_peer_routes(d->rtnl, d->ifindex, session_conf(d->session), old, peer);
	conf_peer_free(old);
	names_changed(d);
	daemon_arm(d);
	return 0;
}

void daemon_peer_drop(struct daemon *d, uint64_t eid)
{
	struct conf_peer *old = session_peer_drop(d->session, eid);
	struct conf_peer stranger = { .party.eid = eid };

	/* One that only the kernel had left a route, too. */
	if (!old) {
		device_peer_routes(d->rtnl, d->ifindex, session_conf(d->session), &stranger,
				   NULL);
		return;
	}
	device_peer_routes(d->rtnl, d->ifindex, session_conf(d->session), old, NULL);
	conf_peer_free(old);
	names_changed(d);
	daemon_arm(d);
}

void daemon_connect(struct daemon *d, uint64_t eid)
{
	struct cpns_now now;

	daemon_now(d, &now);
	session_connect(d->session, eid, &now);
	daemon_arm(d);
}

static void take_code(void *arg, uint64_t client, const json_t *answer)
{
	struct daemon *d = arg;

	control_answer_code(d->control, client, answer);
}

int daemon_code(struct daemon *d, const char *role, uint64_t client)
{
	if (!d->stream)
		return -EOPNOTSUPP;
	return stream_client_code(d->stream, role, take_code, d, client);
}

const struct entity *daemon_entity(const struct daemon *d)
{
	return d->entity;
}

const struct downgrade *daemon_downgrade(const struct daemon *d)
{
	return &d->downgrade;
}

const struct enrol_forward *daemon_forward(const struct daemon *d)
{
	return d->forward;
}

const struct server *daemon_server(const struct daemon *d)
{
	return d->server;
}

static void device_gone(struct daemon *d)
{
	log_msg(LOG_ERR, "%s was deleted", session_conf(d->session)->device);
	d->result = -ENODEV;
	event_base_loopbreak(d->base);
}

/* Is an event for somebody else than the sessions. */
static bool intercept(struct daemon *d, const struct cpns_event *event)
{
	struct cpns_now now;

	daemon_now(d, &now);
	if (event->cmd != CPNS_CMD_MSG_NTF)
		return false;
	if (d->server)
		return server_intercept(d->server, event, &now);
	return relay_intercept(d->session, event);
}

static int take_message(void *ctx, const struct nlmsghdr *nlh)
{
	struct daemon *d = ctx;
	struct cpns_event event;

	if (!cpns_event_parse(nlh, &event) && event.ifindex == d->ifindex &&
	    !intercept(d, &event))
		daemon_event(d, &event);
	return --d->budget ? 0 : -EAGAIN;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct cpns_now now;
	int ret;

	(void)fd;
	(void)what;
	d->budget = BUDGET;
	ret = cpns_nl_receive(d->kernel.events, take_message, d);
	if (ret == -ENOBUFS) {
		log_msg(LOG_NOTICE, "events of the kernel were lost; asking it what is");
		daemon_now(d, &now);
		ret = session_resync(d->session, &now);
		if (ret)
			log_msg(LOG_ERR, "the kernel does not tell what is: %s", strerror(-ret));
	}
	daemon_arm(d);
}

static void on_messages(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	/*
	 * What the packet path saw first: a key that was promoted decides where
	 * that of a CONFIRM waiting here goes.
	 */
	on_events(fd, what, arg);
	d->budget = BUDGET;
	cpns_nl_receive(d->kernel.messages, take_message, d);
	daemon_arm(d);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct cpns_now now;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	daemon_now(d, &now);
	session_timer(d->session, &now);
	daemon_arm(d);
}

static void on_links(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (rtnl_watch_gone(fd, d->ifindex))
		device_gone(d);
}

static void take_answer(void *arg, uint64_t eid, const char *host,
			const struct cpns_endpoint *list, size_t n, const char *why)
{
	struct daemon *d = arg;
	struct cpns_now now;

	if (!n)
		log_msg(LOG_WARNING, "endpoint %s can't be resolved: %s", host, why);
	if (eid == FORWARD) {
		if (n)
			enrol_forward_resolved(d->forward, &list[0]);
		return;
	}
	daemon_now(d, &now);
	session_resolved(d->session, eid, host, list, n, &now);
}

static void on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	resolver_receive(d->resolver, take_answer, d);
	daemon_arm(d);
}

static void on_save(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	state_save(&d->state);
}

/* PAN interfaces that have come, and where enrolments go. */
static void look_at_interfaces(struct daemon *d)
{
	const struct conf *conf = session_conf(d->session);
	char error[CPNS_ERROR_TEXT];
	struct cpns_dev want;
	const char *host;
	uint16_t port;

	if (conf->n_pans && (device_wanted(conf, &want, error) ||
			     kernel_configure(&d->kernel, &want, error)))
		log_msg(LOG_WARNING, "%s", error);
	enrol_forward_listen(d->forward, conf);
	host = enrol_forward_wants(d->forward, &port);
	if (host && resolver_ask(d->resolver, FORWARD, host, port))
		log_msg(LOG_ERR, "%s can't be resolved: no memory", host);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct cpns_now now;

	(void)fd;
	(void)what;
	daemon_now(d, &now);
	downgrade_look(&d->downgrade, &d->kernel, session_conf(d->session), now.real);
	if (++d->looks % LOOKS)
		return;
	if (d->entity)
		entity_tick(d->entity);
	look_at_interfaces(d);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_send("WATCHDOG=1");
}

static void log_fault(void *arg, const char *fault)
{
	(void)arg;
	log_msg(LOG_ERR, "%s", fault);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (number != SIGHUP) {
		event_base_loopbreak(d->base);
		return;
	}
	notify_reloading();
	if (daemon_reload(d, log_fault, NULL))
		log_msg(LOG_ERR, "the configuration was not taken; the old one stays in force");
	notify_send("READY=1");
}

/* Configurations */

static const char *hosts_path(const struct conf *conf, char *buf, size_t size)
{
	if (conf->hosts_file)
		return conf->hosts_file;
	paths_default(buf, size, conf->device, "hosts");
	return buf;
}

static void update_hosts(const struct conf *old, const struct conf *new)
{
	char old_buf[128], new_buf[128], error[CPNS_ERROR_TEXT];
	const char *path = hosts_path(new, new_buf, sizeof(new_buf)), *before;

	if (old) {
		before = hosts_path(old, old_buf, sizeof(old_buf));
		if (*before && strcmp(before, path) && hosts_remove(before, old->device, error))
			log_msg(LOG_WARNING, "%s", error);
	}
	if (*path && hosts_write(path, new, error))
		log_msg(LOG_WARNING, "%s", error);
}

static void on_names(evutil_socket_t fd, short what, void *arg)
{
	const struct conf *conf = session_conf(((struct daemon *)arg)->session);

	(void)fd;
	(void)what;
	update_hosts(conf, conf);
}

static void tell_status(const struct conf *conf)
{
	char status[CPNS_ENTITY_ID_MAX + 128];

	snprintf(status, sizeof(status), "READY=1\nSTATUS=%s on %s, peers: %zu", conf->own.id.text,
		 conf->device, conf->n_peers);
	notify_send(status);
}

static int needs_restart(const char *what, char *error)
{
	snprintf(error, CPNS_ERROR_TEXT,
		 "%s has come or gone, which needs a restart of the daemon", what);
	return -EINVAL;
}

/*
 * Puts a checked configuration in force. What the kernel can refuse goes
 * first, and is taken back where something is refused.
 */
static int put_in_force(struct daemon *d, struct conf *conf, enum session_apply_mode mode,
			char *error)
{
	const struct conf *old = session_conf(d->session);
	char again[CPNS_ERROR_TEXT];
	struct cpns_dev want, was;
	struct cpns_now now;
	int ret;

	ret = session_check_apply(d->session, conf, error);
	if (!ret && !!old->state != !!conf->state)
		ret = needs_restart("state", error);
	if (!ret && !!old->registrar != !!conf->registrar)
		ret = needs_restart("registrar", error);
	if (!ret && conf_carry_over(conf, old)) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		ret = -ENOMEM;
	}
	if (!ret)
		ret = device_wanted(conf, &want, error);
	if (!ret)
		ret = kernel_configure(&d->kernel, &want, error);
	if (ret)
		return ret;
	/* The device goes first, as only the sessions own a configuration. */
	device_apply(d->rtnl, d->ifindex, old, conf);
	update_hosts(old, conf);
	daemon_now(d, &now);
	ret = session_apply(d->session, conf, mode, &now, error);
	if (!ret)
		return 0;
	if (device_wanted(old, &was, again) || kernel_configure(&d->kernel, &was, again))
		log_msg(LOG_ERR, "the device is not as it was: %s", again);
	device_apply(d->rtnl, d->ifindex, conf, old);
	update_hosts(conf, old);
	return ret;
}

static int use(struct daemon *d, struct conf *conf, enum session_apply_mode mode,
	       bool from_files, conf_fault_t fault, void *arg)
{
	char error[CPNS_ERROR_TEXT];
	int ret;

	ret = put_in_force(d, conf, mode, error);
	if (ret) {
		fault(arg, error);
		conf_free(conf);
		return ret;
	}
	d->generation++;
	d->from_files = from_files;
	log_open(conf->log_level, log_is_syslog());
	log_msg(LOG_INFO, "a new configuration is in force");
	if (d->entity)
		entity_reloaded(d->entity);
	if (d->server)
		server_reloaded(d->server);
	look_at_interfaces(d);
	tell_status(conf);
	daemon_arm(d);
	return 0;
}

int daemon_reload(struct daemon *d, conf_fault_t fault, void *arg)
{
	char error[CPNS_ERROR_TEXT];
	struct conf *conf;
	int ret;

	ret = d->entity ? entity_reread(d->entity, error) : 0;
	if (ret) {
		fault(arg, error);
		return ret;
	}
	ret = conf_load(&conf, d->files, d->n_files, fault, arg);
	if (ret)
		return ret;
	return use(d, conf, SESSION_DIFFERENCES, true, fault, arg);
}

int daemon_apply(struct daemon *d, const char *name, const char *text, size_t len,
		 enum session_apply_mode mode, conf_fault_t fault, void *arg)
{
	struct conf_source source = { .name = name, .text = text, .len = len };
	struct conf *conf;
	int ret;

	ret = conf_parse(&conf, &source, 1, fault, arg);
	if (ret)
		return ret;
	return use(d, conf, mode, false, fault, arg);
}

/* Start and end */

static void hook_resolve(void *arg, uint64_t eid, const char *host, uint16_t port)
{
	struct daemon *d = arg;

	/* Without memory there is no answer, and it is asked again later. */
	if (resolver_ask(d->resolver, eid, host, port))
		log_msg(LOG_ERR, "endpoint %s can't be resolved: no memory", host);
}

static void hook_established(void *arg, uint64_t eid, const uint8_t *key_id)
{
	struct daemon *d = arg;

	if (d->entity)
		entity_established(d->entity, eid, key_id);
	if (d->stream && eid == entity_server(d->entity))
		stream_client_kick(d->stream);
	if (d->server)
		server_established(d->server, eid, key_id);
}

static void hook_silent(void *arg, uint64_t eid)
{
	struct daemon *d = arg;

	if (d->entity)
		entity_silent(d->entity, eid);
}

static int hook_random(void *arg, void *buf, size_t len)
{
	(void)arg;
	return cpns_random(buf, len);
}

static struct event *watch(struct daemon *d, int fd, short what, event_callback_fn callback)
{
	struct event *ev = event_new(d->base, fd, what | EV_PERSIST, callback, d);

	if (ev && event_add(ev, NULL)) {
		event_free(ev);
		return NULL;
	}
	return ev;
}

static struct event *every(struct daemon *d, uint64_t ms, event_callback_fn callback)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	struct event *ev = event_new(d->base, -1, EV_PERSIST, callback, d);

	if (ev && event_add(ev, &tv)) {
		event_free(ev);
		return NULL;
	}
	return ev;
}

static int start_loop(struct daemon *d)
{
	static const int numbers[SIGNALS] = { SIGHUP, SIGTERM, SIGINT };
	uint64_t ms = notify_watchdog();
	size_t i;

	d->messages = watch(d, cpns_nl_fd(d->kernel.messages), EV_READ, on_messages);
	d->events = watch(d, cpns_nl_fd(d->kernel.events), EV_READ, on_events);
	d->answers = watch(d, resolver_fd(d->resolver), EV_READ, on_answers);
	d->due = watch(d, d->timer, EV_READ, on_due);
	d->links = watch(d, d->watch, EV_READ, on_links);
	d->save = every(d, SAVE_EVERY_S * 1000, on_save);
	d->look = every(d, LOOK_EVERY_S * 1000, on_look);
	d->names = event_new(d->base, -1, 0, on_names, d);
	if (!d->messages || !d->events || !d->answers || !d->due || !d->links || !d->save ||
	    !d->look || !d->names)
		return -ENOMEM;
	if (ms) {
		d->watchdog = every(d, ms, on_watchdog);
		if (!d->watchdog)
			return -ENOMEM;
	}
	for (i = 0; i < SIGNALS; i++) {
		d->signals[i] = watch(d, numbers[i], EV_SIGNAL, on_signal);
		if (!d->signals[i])
			return -ENOMEM;
	}
	return 0;
}

static int open_all(struct daemon *d, const struct conf *conf, char *error)
{
	struct cpns_dev want;
	bool made;
	int ret;

	ret = rtnl_open(&d->rtnl);
	if (!ret) {
		d->watch = rtnl_watch();
		ret = d->watch < 0 ? d->watch : 0;
	}
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "no rtnetlink socket: %s", strerror(-ret));
		return ret;
	}
	ret = kernel_open(&d->kernel, error);
	if (!ret)
		ret = device_find(d->rtnl, conf, &d->ifindex, &made, error);
	if (!ret)
		ret = device_wanted(conf, &want, error);
	if (ret)
		return ret;
	d->kernel.ifindex = d->ifindex;
	ret = kernel_bind(&d->kernel, &want, error);
	/* A device made for nothing shall not stay. */
	if (ret && made)
		rtnl_link_del(d->rtnl, d->ifindex);
	return ret;
}

static int open_helpers(struct daemon *d, char *error)
{
	d->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	d->resolver = resolver_new();
	d->base = event_base_new();
	if (d->base)
		d->forward = enrol_forward_new(d->base);
	if (d->timer >= 0 && d->resolver && d->forward)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "no memory for the event loop");
	return -ENOMEM;
}

/* The peers that the state file makes are there from the beginning. */
static int open_entity(struct daemon *d, struct conf *conf, char *error)
{
	struct cpns_now now;
	int ret;

	if (!conf->state)
		return 0;
	daemon_now(d, &now);
	ret = entity_new(&d->entity, d, conf, &now, error);
	return ret ? ret : entity_complete(d->entity, conf, error);
}

/* What speaks with others once the sessions are there. */
static int open_streams(struct daemon *d, char *error)
{
	const struct conf *conf = session_conf(d->session);

	if (conf->registrar)
		return server_new(&d->server, d, d->base, d->ifindex, error);
	if (!d->entity)
		return 0;
	d->stream = stream_client_new(d->base, d->entity, conf->device, d->ifindex);
	if (d->stream)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT, "no memory");
	return -ENOMEM;
}

int daemon_start(struct daemon **result, const char *const *files, size_t n_files,
		 struct conf *conf)
{
	struct session_hooks hooks = {
		.resolve = hook_resolve, .random = hook_random,
		.established = hook_established, .silent = hook_silent,
	};
	char error[CPNS_ERROR_TEXT] = "no memory";
	struct daemon *d = calloc(1, sizeof(*d));
	struct cpns_now now;
	int ret = -ENOMEM;

	*result = d;
	if (!d)
		goto err;
	d->files = files;
	d->n_files = n_files;
	d->from_files = true;
	d->generation = 1;
	d->watch = -1;
	d->timer = -1;
	hooks.arg = d;
	if (mkdir(PATHS_RUN, 0755) && errno != EEXIST)
		log_msg(LOG_WARNING, PATHS_RUN " can't be made: %s", strerror(errno));
	state_open(&d->state, conf->state_dir ? conf->state_dir : PATHS_STATE);
	ret = open_helpers(d, error);
	if (!ret)
		ret = open_entity(d, conf, error);
	if (!ret)
		ret = open_all(d, conf, error);
	if (ret)
		goto err;
	ret = -ENOMEM;
	d->session = session_new(conf, &d->kernel, &hooks);
	if (!d->session)
		goto err;
	ret = start_loop(d);
	if (ret)
		goto err_owned;
	device_apply(d->rtnl, d->ifindex, NULL, conf);
	daemon_now(d, &now);
	ret = session_begin(d->session, &now, error);
	if (ret)
		goto err_owned;
	ret = open_streams(d, error);
	if (ret)
		goto err_owned;
	look_at_interfaces(d);
	daemon_arm(d);
	/* Datagrams that came while the device was being taken. */
	event_active(d->messages, EV_READ, 0);
	update_hosts(NULL, conf);
	ret = control_open(&d->control, d, d->base, error);
	if (ret)
		goto err_owned;
	log_msg(LOG_NOTICE, "%s on %s, peers: %zu", conf->own.id.text, conf->device,
		conf->n_peers);
	tell_status(conf);
	return 0;
err:
	conf_free(conf);
err_owned:
	log_msg(LOG_ERR, "%s", error);
	return ret;
}

int daemon_run(struct daemon *d)
{
	event_base_dispatch(d->base);
	notify_send("STOPPING=1");
	return d->result;
}

/* What an orderly end leaves behind, as configured. */
static void clean_up(struct daemon *d)
{
	const struct conf *conf = session_conf(d->session);
	char buf[128], error[CPNS_ERROR_TEXT];
	const char *path = hosts_path(conf, buf, sizeof(buf));

	state_save(&d->state);
	if (conf->stop != CONF_STOP_PURGE)
		return;
	if (*path && hosts_remove(path, conf->device, error))
		log_msg(LOG_WARNING, "%s", error);
	if (!d->result)
		rtnl_link_del(d->rtnl, d->ifindex);
}

static void unwatch(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void daemon_free(struct daemon *d)
{
	size_t i;

	if (!d)
		return;
	if (d->control)
		clean_up(d);
	enrol_forward_free(d->forward);
	stream_client_free(d->stream);
	server_free(d->server);
	control_close(d->control);
	unwatch(d->messages);
	unwatch(d->events);
	unwatch(d->answers);
	unwatch(d->due);
	unwatch(d->links);
	unwatch(d->save);
	unwatch(d->watchdog);
	unwatch(d->look);
	unwatch(d->names);
	for (i = 0; i < SIGNALS; i++)
		unwatch(d->signals[i]);
	if (d->base)
		event_base_free(d->base);
	session_free(d->session);
	entity_free(d->entity);
	resolver_free(d->resolver);
	kernel_close(&d->kernel);
	rtnl_close(d->rtnl);
	if (d->watch >= 0)
		close(d->watch);
	if (d->timer >= 0)
		close(d->timer);
	free(d);
}
