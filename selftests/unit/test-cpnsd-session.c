// SPDX-License-Identifier: GPL-2.0
/*
 * Two daemons' sessions over two kernels that are made up here: a peer table,
 * a key table, a class table and a wire, with a clock that the test moves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <secret.h>

#include "../../userspace/cpnsd/session.h"
#include "test-cpnsd.h"

enum {
	PEERS = 8,
	KEYS = 16,
	CLASSES = 8,
	WIRE = 64,
};

/**
 * struct fake - a kernel
 * @kernel: seen by the sessions; first, so that ops get back to this
 * @address: last byte of its outer address
 * @peers: peers, empty where the EID is 0
 * @prefixes: inner addresses of each
 * @keys: keys, empty where the sid is 0
 * @classes: classes
 * @n_classes: how many
 * @wire: where msg_send puts datagrams
 * @refuse_peer: EID that peer_new refuses
 * @changes: calls that changed a peer, key or class
 * @resolved: names that were asked for
 */
struct fake {
	struct kernel		kernel;
	uint8_t			address;
	struct cpns_peer	peers[PEERS];
	struct cpns_prefix	prefixes[PEERS][4];
	struct cpns_key		keys[KEYS];
	struct cpns_class	classes[CLASSES];
	size_t			n_classes;
	struct wire		*wire;
	uint64_t		refuse_peer;
	unsigned int		changes;
	unsigned int		resolved;
};

/**
 * struct wire - datagrams on their way
 * @n: how many
 * @list: datagrams
 */
struct wire {
	size_t	n;
	struct {
		uint8_t	from;
		uint8_t	to;
		size_t	len;
		uint8_t	bytes[1400];
	} list[WIRE];
};

static char key_path[2][40];

static struct fake *of(struct kernel *k)
{
	return (struct fake *)k;
}

static struct cpns_peer *peer_at(struct fake *f, uint64_t eid)
{
	size_t i;

	for (i = 0; i < PEERS; i++)
		if (f->peers[i].eid == eid)
			return &f->peers[i];
	return NULL;
}

static int fake_peer_list(struct kernel *k, struct cpns_peer **peers, size_t *n)
{
	struct fake *f = of(k);
	size_t i;

	*n = 0;
	*peers = calloc(PEERS, sizeof(**peers));
	for (i = 0; i < PEERS; i++) {
		struct cpns_peer *copy = &(*peers)[*n];

		if (!f->peers[i].eid)
			continue;
		*copy = f->peers[i];
		copy->inner_src.prefix = calloc(4, sizeof(struct cpns_prefix));
		memcpy(copy->inner_src.prefix, f->prefixes[i], sizeof(f->prefixes[i]));
		copy->allowed_dst.prefix = NULL;
		copy->allowed_dst.n = 0;
		++*n;
	}
	return 0;
}

static void set_peer(struct fake *f, struct cpns_peer *have, const struct cpns_peer *want,
		     unsigned int fields)
{
	f->changes++;
	if (fields & CPNS_PEER_SET_ENDPOINT)
		have->path = want->path;
	if (fields & CPNS_PEER_SET_FLAGS)
		have->flags = want->flags;
	if (fields & CPNS_PEER_SET_KEEPALIVE)
		have->keepalive_interval = want->keepalive_interval;
	if (fields & CPNS_PEER_SET_PASSIVE)
		have->passive_keepalive = want->passive_keepalive;
	if (fields & CPNS_PEER_SET_TIMEOUT)
		have->timeout = want->timeout;
	if (fields & CPNS_PEER_SET_WINDOW)
		have->window = want->window;
	if (fields & CPNS_PEER_SET_INNER_SRC) {
		have->inner_src.n = want->inner_src.n;
		if (want->inner_src.n)
			memcpy(f->prefixes[have - f->peers], want->inner_src.prefix,
			       want->inner_src.n * sizeof(struct cpns_prefix));
	}
}

static int fake_peer_new(struct kernel *k, const struct cpns_peer *peer, unsigned int fields)
{
	struct fake *f = of(k);
	struct cpns_peer *free_one = peer_at(f, 0);

	if (peer->eid == f->refuse_peer)
		return -ENOSPC;
	if (peer_at(f, peer->eid))
		return -EEXIST;
	memset(free_one, 0, sizeof(*free_one));
	free_one->eid = peer->eid;
	set_peer(f, free_one, peer, fields);
	return 0;
}

static int fake_peer_set(struct kernel *k, const struct cpns_peer *peer, unsigned int fields)
{
	struct cpns_peer *have = peer_at(of(k), peer->eid);

	if (!have)
		return -ENOENT;
	set_peer(of(k), have, peer, fields);
	return 0;
}

static int fake_key_del(struct kernel *k, uint64_t eid, uint32_t sid)
{
	struct fake *f = of(k);
	size_t i;

	f->changes++;
	for (i = 0; i < KEYS; i++)
		if (f->keys[i].eid == eid && (!sid || f->keys[i].sid_local == sid))
			memset(&f->keys[i], 0, sizeof(f->keys[i]));
	return 0;
}

static int fake_peer_del(struct kernel *k, uint64_t eid)
{
	struct cpns_peer *have = peer_at(of(k), eid);

	if (!have)
		return -ENOENT;
	fake_key_del(k, eid, 0);
	memset(have, 0, sizeof(*have));
	return 0;
}

static int fake_keepalive(struct kernel *k, uint64_t eid, uint32_t sid)
{
	(void)k;
	(void)eid;
	(void)sid;
	return 0;
}

static int fake_key_list(struct kernel *k, struct cpns_key **keys, size_t *n)
{
	struct fake *f = of(k);
	size_t i;

	*n = 0;
	*keys = calloc(KEYS, sizeof(**keys));
	for (i = 0; i < KEYS; i++)
		if (f->keys[i].sid_local)
			(*keys)[(*n)++] = f->keys[i];
	return 0;
}

static int fake_key_new(struct kernel *k, const struct cpns_hs_key *key)
{
	struct fake *f = of(k);
	size_t i, free_one = KEYS;

	f->changes++;
	for (i = 0; i < KEYS; i++) {
		struct cpns_key *have = &f->keys[i];

		if (!have->sid_local)
			free_one = i;
		if (have->sid_local == key->sid_local)
			return -EEXIST;
		if (have->eid != key->eid || !have->sid_local)
			continue;
		if (key->slot == CPNS_SLOT_CURRENT && have->slot == CPNS_SLOT_CURRENT)
			have->slot = CPNS_SLOT_PREVIOUS;
	}
	f->keys[free_one] = (struct cpns_key){
		.eid = key->eid,
		.slot = key->slot,
		.sid_local = key->sid_local,
		.sid_remote = key->sid_remote,
		.suite = key->suite,
		.initiator = key->initiator,
		.soft_ms = key->soft_ms,
		.hard_ms = key->hard_ms,
	};
	memcpy(f->keys[free_one].key_id, key->key_id, CPNS_KEY_ID_LEN);
	return 0;
}

static int fake_class_list(struct kernel *k, struct cpns_class **classes, size_t *n)
{
	struct fake *f = of(k);

	*n = f->n_classes;
	*classes = calloc(CLASSES, sizeof(**classes));
	memcpy(*classes, f->classes, sizeof(f->classes));
	return 0;
}

static int fake_class_del(struct kernel *k, uint32_t prio)
{
	struct fake *f = of(k);
	size_t i;

	f->changes++;
	for (i = 0; i < f->n_classes; i++)
		if (f->classes[i].prio == prio)
			f->classes[i] = f->classes[--f->n_classes];
	return 0;
}

static int fake_class_new(struct kernel *k, const struct cpns_class *class)
{
	struct fake *f = of(k);

	fake_class_del(k, class->prio);
	f->classes[f->n_classes++] = *class;
	return 0;
}

static int fake_msg_send(struct kernel *k, const struct cpns_path *path, const void *datagram,
			 size_t len)
{
	struct wire *wire = of(k)->wire;

	if (wire->n == WIRE)
		return 0;
	wire->list[wire->n].from = of(k)->address;
	wire->list[wire->n].to = path->remote.addr[3];
	wire->list[wire->n].len = len;
	memcpy(wire->list[wire->n].bytes, datagram, len);
	wire->n++;
	return 0;
}

static void fake_error_text(struct kernel *k, int code, char *text, size_t size)
{
	(void)k;
	snprintf(text, size, "%s", strerror(-code));
}

static const struct kernel_ops fake_ops = {
	.peer_list = fake_peer_list,
	.peer_new = fake_peer_new,
	.peer_set = fake_peer_set,
	.peer_del = fake_peer_del,
	.peer_keepalive = fake_keepalive,
	.key_list = fake_key_list,
	.key_new = fake_key_new,
	.key_del = fake_key_del,
	.class_list = fake_class_list,
	.class_new = fake_class_new,
	.class_del = fake_class_del,
	.msg_send = fake_msg_send,
	.error_text = fake_error_text,
};

/* The test: a server (1) and a gateway (2) */

struct world {
	struct wire	wire;
	struct fake	kernel[2];
	struct session	*session[2];
	struct cpns_now	now;
};

static void hook_resolve(void *arg, uint64_t eid, const char *host, uint16_t port)
{
	struct fake *f = arg;

	(void)eid;
	(void)host;
	(void)port;
	f->resolved++;
}

static int hook_random(void *arg, void *buf, size_t len)
{
	(void)arg;
	return cpns_random(buf, len);
}

static const char *peer_section(int end)
{
	return end ? "[entity]\nid = gw@home.example\nrole = pn-gw\nserver = home.example\n"
		     "[peer \"server\"]\nid = home.example\nrole = server\n"
		   : "[entity]\nid = home.example\nrole = server\n"
		     "[peer \"gw\"]\nid = gw@home.example\nrole = pn-gw\n";
}

static struct conf *configuration(int end, const char *more)
{
	struct conf_source source = { .name = "f" };
	struct conf *conf;
	char text[4096];

	snprintf(text, sizeof(text),
		 "%skey-file = %s\nkey-id = 00112233445566778899aabbccddeeff\n%s",
		 peer_section(end), key_path[0], more);
	source.text = text;
	source.len = strlen(text);
	conf_parse(&conf, &source, 1, NULL, NULL);
	assert_non_null(conf);
	return conf;
}

static void begin(struct world *w, int end, const char *more)
{
	struct fake *f = &w->kernel[end];
	struct session_hooks hooks = {
		.resolve = hook_resolve, .random = hook_random, .arg = f,
	};
	char error[CPNS_ERROR_TEXT];

	f->kernel.ops = &fake_ops;
	f->address = end + 1;
	f->wire = &w->wire;
	w->session[end] = session_new(configuration(end, more), &f->kernel, &hooks);
	assert_non_null(w->session[end]);
	assert_int_equal(session_begin(w->session[end], &w->now, error), 0);
}

/* Delivers what is on the wire, and what comes of it. */
static void deliver(struct world *w)
{
	struct cpns_event event = { .cmd = CPNS_CMD_MSG_NTF };
	struct wire now;
	size_t i;

	while (w->wire.n) {
		now = w->wire;
		w->wire.n = 0;
		for (i = 0; i < now.n; i++) {
			if (now.list[i].to != 1 && now.list[i].to != 2)
				continue;
			event.path.remote.family = AF_INET;
			event.path.remote.port = 4500;
			memcpy(event.path.remote.addr, "\x0a\x00\x00", 3);
			event.path.remote.addr[3] = now.list[i].from;
			event.datagram.data = now.list[i].bytes;
			event.datagram.len = now.list[i].len;
			session_event(w->session[now.list[i].to - 1], &event, &w->now);
		}
	}
}

static struct cpns_key *key_in(struct fake *f, uint8_t slot)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (f->keys[i].sid_local && f->keys[i].slot == slot)
			return &f->keys[i];
	return NULL;
}

/* The first authenticated DATA on the initiator's new key. */
static void promote(struct world *w, int end)
{
	struct cpns_key *next = key_in(&w->kernel[end], CPNS_SLOT_NEXT);
	struct cpns_key *current = key_in(&w->kernel[end], CPNS_SLOT_CURRENT);
	struct cpns_event event = { .cmd = CPNS_CMD_KEY_PROMOTED_NTF };

	assert_non_null(next);
	if (current)
		current->slot = CPNS_SLOT_PREVIOUS;
	next->slot = CPNS_SLOT_CURRENT;
	event.eid = next->eid;
	event.sid = next->sid_local;
	session_event(w->session[end], &event, &w->now);
}

static void sessions_up(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now.ms = 1000000;
	w->now.real = 1700000000;
	begin(w, 0, "address = 10.9.0.2\n");
	begin(w, 1, "endpoint = 10.0.0.1:4500\n");
	deliver(w);
	promote(w, 1);
}

static void world_end(struct world *w)
{
	session_free(w->session[0]);
	session_free(w->session[1]);
}

static unsigned int sessions_of(struct world *w, int end)
{
	struct cpns_hs_status status;
	const struct conf *conf = session_conf(w->session[end]);

	assert_int_equal(cpns_hs_status_get(session_machine(w->session[end]),
					    conf->peers[0]->party.eid, &status, &w->now), 0);
	return status.sessions;
}

static void a_session_comes_up(void **state)
{
	struct world w;
	const struct cpns_key *i, *r;

	(void)state;
	sessions_up(&w);
	r = key_in(&w.kernel[0], CPNS_SLOT_CURRENT);
	i = key_in(&w.kernel[1], CPNS_SLOT_CURRENT);
	assert_non_null(r);
	assert_non_null(i);
	assert_int_equal(r->sid_local, i->sid_remote);
	assert_true(i->initiator);
	assert_false(r->initiator);
	/* Where the peer proved to be is in the kernel. */
	assert_int_equal(w.kernel[0].peers[0].path.remote.addr[3], 2);
	/* 80 and 90 per cent of an hour. */
	assert_int_equal(i->soft_ms, 2880000);
	assert_int_equal(r->soft_ms, 3240000);
	world_end(&w);
}

static void a_restart_goes_on(void **state)
{
	struct world w;
	unsigned int changes;
	int end;

	(void)state;
	sessions_up(&w);
	for (end = 0; end < 2; end++) {
		changes = w.kernel[end].changes;
		session_free(w.session[end]);
		begin(&w, end, end ? "endpoint = 10.0.0.1:4500\n" : "address = 10.9.0.2\n");
		deliver(&w);
		assert_int_equal(w.kernel[end].changes, changes);
		assert_int_equal(sessions_of(&w, end), 1);
	}
	world_end(&w);
}

static void soft_limit(struct world *w, int end)
{
	const struct cpns_key *key = key_in(&w->kernel[end], CPNS_SLOT_CURRENT);
	struct cpns_event event = {
		.cmd = CPNS_CMD_KEY_SOFT_NTF, .eid = key->eid, .sid = key->sid_local,
		.has_cause = true, .cause = CPNS_CAUSE_TIME,
	};

	session_event(w->session[end], &event, &w->now);
}

static void a_soft_limit_makes_a_new_key(void **state)
{
	struct world w;
	uint32_t old;

	(void)state;
	sessions_up(&w);
	old = key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->sid_local;
	w.now.ms += 100000;
	soft_limit(&w, 1);
	deliver(&w);
	promote(&w, 1);
	assert_int_not_equal(key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->sid_local, old);
	assert_int_equal(key_in(&w.kernel[1], CPNS_SLOT_PREVIOUS)->sid_local, old);
	assert_non_null(key_in(&w.kernel[0], CPNS_SLOT_PREVIOUS));
	world_end(&w);
}

/* The limit was reached while no daemon ran: the dump says so. */
static void a_restart_learns_a_soft_limit(void **state)
{
	struct world w;

	(void)state;
	sessions_up(&w);
	key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->soft = true;
	session_free(w.session[1]);
	begin(&w, 1, "endpoint = 10.0.0.1:4500\n");
	deliver(&w);
	assert_non_null(key_in(&w.kernel[1], CPNS_SLOT_NEXT));
	world_end(&w);
}

static void lost_events_are_made_up_for(void **state)
{
	struct world w;
	struct cpns_key *key;

	(void)state;
	/* A soft limit that was not heard. */
	sessions_up(&w);
	key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->soft = true;
	assert_int_equal(session_resync(w.session[1], &w.now), 0);
	deliver(&w);
	key = key_in(&w.kernel[1], CPNS_SLOT_NEXT);
	assert_non_null(key);
	/* A promotion that was not heard. */
	key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->slot = CPNS_SLOT_PREVIOUS;
	key->slot = CPNS_SLOT_CURRENT;
	assert_int_equal(session_resync(w.session[1], &w.now), 0);
	w.now.ms += 5000;
	session_timer(w.session[1], &w.now);
	assert_int_equal(w.wire.n, 0);
	/* Deaths that were not heard. */
	memset(w.kernel[1].keys, 0, sizeof(w.kernel[1].keys));
	assert_int_equal(session_resync(w.session[1], &w.now), 0);
	assert_int_equal(sessions_of(&w, 1), 0);
	assert_int_not_equal(w.wire.n, 0);
	world_end(&w);
}

static void a_reload_touches_no_session(void **state)
{
	struct world w;
	char error[CPNS_ERROR_TEXT];
	unsigned int changes;
	uint32_t sid;

	(void)state;
	sessions_up(&w);
	sid = key_in(&w.kernel[0], CPNS_SLOT_CURRENT)->sid_local;
	changes = w.kernel[0].changes;
	assert_int_equal(session_apply(w.session[0], configuration(0, "address = 10.9.0.2\n"),
				       SESSION_DIFFERENCES, &w.now, error), 0);
	assert_int_equal(w.kernel[0].changes, changes);
	assert_int_equal(session_apply(w.session[0],
				       configuration(0, "address = 10.9.0.3\n[class \"c\"]\n"
						     "prio = 1\nmark = 1\n"),
				       SESSION_DIFFERENCES, &w.now, error), 0);
	assert_int_equal(w.kernel[0].peers[0].inner_src.n, 1);
	assert_int_equal(w.kernel[0].prefixes[0][0].addr[3], 3);
	assert_int_equal(w.kernel[0].n_classes, 1);
	assert_int_equal(key_in(&w.kernel[0], CPNS_SLOT_CURRENT)->sid_local, sid);
	assert_int_equal(sessions_of(&w, 0), 1);
	world_end(&w);
}

static void a_refused_configuration_is_taken_back(void **state)
{
	struct conf *conf;
	struct world w;
	char error[CPNS_ERROR_TEXT], more[512];

	(void)state;
	sessions_up(&w);
	snprintf(more, sizeof(more), "address = 10.9.0.9\n[peer \"b\"]\nid = b@home.example\n"
		 "role = pne\nkey-file = %s\nkey-id = 00112233445566778899aabbccddee00\n",
		 key_path[1]);
	conf = configuration(0, more);
	w.kernel[0].refuse_peer = conf_peer_find(conf, "b")->party.eid;
	assert_int_equal(session_apply(w.session[0], conf, SESSION_DIFFERENCES, &w.now, error),
			 -ENOSPC);
	assert_non_null(strstr(error, "peer b"));
	conf_free(conf);
	assert_int_equal(w.kernel[0].prefixes[0][0].addr[3], 2);
	assert_int_equal(session_conf(w.session[0])->n_peers, 1);
	assert_int_equal(sessions_of(&w, 0), 1);
	/* Once it is taken the new peer is there, and the old one as asked. */
	w.kernel[0].refuse_peer = 0;
	assert_int_equal(session_apply(w.session[0], configuration(0, more), SESSION_DIFFERENCES,
				       &w.now, error), 0);
	assert_int_equal(w.kernel[0].prefixes[0][0].addr[3], 9);
	assert_int_not_equal(w.kernel[0].peers[1].eid, 0);
	world_end(&w);
}

static void a_peer_that_is_gone_is_deleted(void **state)
{
	static const char text[] = "[entity]\nid = home.example\nrole = server\n";
	struct conf_source source = { .name = "f", .text = text, .len = sizeof(text) - 1 };
	char error[CPNS_ERROR_TEXT];
	struct conf *conf;
	struct world w;

	(void)state;
	sessions_up(&w);
	assert_int_equal(conf_parse(&conf, &source, 1, NULL, NULL), 0);
	assert_int_equal(session_apply(w.session[0], conf, SESSION_DIFFERENCES, &w.now, error),
			 0);
	assert_int_equal(w.kernel[0].peers[0].eid, 0);
	assert_null(key_in(&w.kernel[0], CPNS_SLOT_CURRENT));
	world_end(&w);
}

static void another_key_ends_its_sessions(void **state)
{
	struct conf_source source = { .name = "f" };
	char error[CPNS_ERROR_TEXT], text[512];
	struct conf *conf;
	struct world w;

	(void)state;
	sessions_up(&w);
	snprintf(text, sizeof(text), "%skey-file = %s\nkey-id = %s\n", peer_section(0),
		 key_path[1], "00112233445566778899aabbccddeeff");
	source.text = text;
	source.len = strlen(text);
	assert_int_equal(conf_parse(&conf, &source, 1, NULL, NULL), 0);
	assert_int_equal(session_apply(w.session[0], conf, SESSION_DIFFERENCES, &w.now, error),
			 0);
	assert_null(key_in(&w.kernel[0], CPNS_SLOT_CURRENT));
	assert_int_equal(sessions_of(&w, 0), 0);
	world_end(&w);
}

static void setconf_begins_anew(void **state)
{
	char error[CPNS_ERROR_TEXT];
	struct world w;

	(void)state;
	sessions_up(&w);
	assert_int_equal(session_apply(w.session[1],
				       configuration(1, "endpoint = 10.0.0.1:4500\n"),
				       SESSION_ANEW, &w.now, error), 0);
	assert_null(key_in(&w.kernel[1], CPNS_SLOT_CURRENT));
	deliver(&w);
	promote(&w, 1);
	assert_non_null(key_in(&w.kernel[1], CPNS_SLOT_CURRENT));
	world_end(&w);
}

static void another_entity_needs_a_restart(void **state)
{
	char error[CPNS_ERROR_TEXT];
	struct conf *conf;
	struct world w;

	(void)state;
	sessions_up(&w);
	conf = configuration(1, "endpoint = 10.0.0.1:4500\n");
	assert_int_equal(session_apply(w.session[0], conf, SESSION_DIFFERENCES, &w.now, error),
			 -EINVAL);
	assert_non_null(strstr(error, "needs a restart"));
	conf_free(conf);
	world_end(&w);
}

static void limits_of_the_configuration_count(void **state)
{
	struct world w;
	const struct cpns_key *i, *r;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now.ms = 1000000;
	w.now.real = 1700000000;
	begin(&w, 0, "soft-time = 2\n");
	begin(&w, 1, "endpoint = 10.0.0.1:4500\nsoft-time = 2\n");
	deliver(&w);
	promote(&w, 1);
	i = key_in(&w.kernel[1], CPNS_SLOT_CURRENT);
	r = key_in(&w.kernel[0], CPNS_SLOT_CURRENT);
	assert_int_equal(i->soft_ms, 2000);
	assert_int_equal(r->soft_ms, 2250);
	assert_int_equal(r->hard_ms, 3600000);
	world_end(&w);
}

static void who_never_connects_begins_nothing(void **state)
{
	struct cpns_event event = { .cmd = CPNS_CMD_ACQUIRE_NTF };
	struct world w;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now.ms = 1000000;
	begin(&w, 0, "");
	begin(&w, 1, "endpoint = 10.0.0.1:4500\nconnect = never\n");
	event.eid = session_conf(w.session[1])->peers[0]->party.eid;
	session_event(w.session[1], &event, &w.now);
	assert_int_equal(w.wire.n, 0);
	/* A person may still ask for it. */
	assert_int_equal(session_connect(w.session[1], event.eid, &w.now), 0);
	assert_int_equal(w.wire.n, 1);
	world_end(&w);
}

static void names_are_resolved_and_tried_in_turn(void **state)
{
	struct cpns_endpoint list[2] = {
		{ .family = AF_INET, .port = 4500, .addr = { 10, 0, 0, 7 } },
		{ .family = AF_INET, .port = 4500, .addr = { 10, 0, 0, 1 } },
	};
	struct world w;
	uint64_t eid;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now.ms = 1000000;
	w.now.real = 1700000000;
	begin(&w, 0, "");
	begin(&w, 1, "endpoint = server.home.example:4500\n");
	assert_int_equal(w.kernel[1].resolved, 1);
	assert_int_equal(w.wire.n, 0);
	eid = session_conf(w.session[1])->peers[0]->party.eid;
	session_resolved(w.session[1], eid, "another.name", list, 2, &w.now);
	assert_int_equal(w.wire.n, 0);
	session_resolved(w.session[1], eid, "server.home.example", list, 2, &w.now);
	assert_int_equal(w.wire.list[0].to, 7);
	/* The first address is dead: after a round the second one has its turn. */
	while (!key_in(&w.kernel[1], CPNS_SLOT_NEXT) && w.now.ms < 1300000) {
		w.now.ms += 500;
		session_timer(w.session[0], &w.now);
		session_timer(w.session[1], &w.now);
		deliver(&w);
	}
	assert_non_null(key_in(&w.kernel[1], CPNS_SLOT_NEXT));
	assert_true(w.kernel[1].resolved > 1);
	world_end(&w);
}

static void a_dead_session_is_made_again(void **state)
{
	struct cpns_event event = { .cmd = CPNS_CMD_KEY_DEAD_NTF, .has_cause = true,
				    .cause = CPNS_CAUSE_SNAPSHOT };
	struct world w;

	(void)state;
	sessions_up(&w);
	event.eid = key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->eid;
	event.sid = key_in(&w.kernel[1], CPNS_SLOT_CURRENT)->sid_local;
	memset(w.kernel[1].keys, 0, sizeof(w.kernel[1].keys));
	session_event(w.session[1], &event, &w.now);
	deliver(&w);
	promote(&w, 1);
	assert_int_equal(sessions_of(&w, 1), 1);
	world_end(&w);
}

static int make_keys(void **state)
{
	unsigned int i, j;
	int fd;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(key_path[i], sizeof(key_path[i]), "/tmp/cpnsd-test-s%u.XXXXXX", i);
		fd = mkstemp(key_path[i]);
		for (j = 0; j < 64; j++)
			if (write(fd, i ? "a" : "5", 1) != 1)
				return -1;
		fchmod(fd, 0600);
		close(fd);
	}
	return 0;
}

static int remove_keys(void **state)
{
	(void)state;
	unlink(key_path[0]);
	unlink(key_path[1]);
	return 0;
}

struct unit_result test_cpnsd_session(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(a_session_comes_up),
		cmocka_unit_test(a_restart_goes_on),
		cmocka_unit_test(a_soft_limit_makes_a_new_key),
		cmocka_unit_test(a_restart_learns_a_soft_limit),
		cmocka_unit_test(lost_events_are_made_up_for),
		cmocka_unit_test(a_reload_touches_no_session),
		cmocka_unit_test(a_refused_configuration_is_taken_back),
		cmocka_unit_test(a_peer_that_is_gone_is_deleted),
		cmocka_unit_test(another_key_ends_its_sessions),
		cmocka_unit_test(setconf_begins_anew),
		cmocka_unit_test(another_entity_needs_a_restart),
		cmocka_unit_test(limits_of_the_configuration_count),
		cmocka_unit_test(who_never_connects_begins_nothing),
		cmocka_unit_test(names_are_resolved_and_tried_in_turn),
		cmocka_unit_test(a_dead_session_is_made_again),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, make_keys, remove_keys) };
}
