// SPDX-License-Identifier: GPL-2.0
/* The sessions of one entity. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <secret.h>

#include "apply.h"
#include "conf-peer.h"
#include "log.h"
#include "session.h"

#define RESOLVE_EVERY_MS	(600 * 1000ULL)
#define RESOLVE_RETRY_MS	(30 * 1000ULL)
#define SAME_FAILURE_MS		(30 * 1000ULL)
#define SIDS_MAX		8

/**
 * struct sid - a key that is in the kernel
 * @local: its local sid
 * @slot: where it is, as far as was heard
 * @soft: its soft limit has been heard of
 */
struct sid {
	uint32_t	local;
	uint8_t		slot;
	bool		soft;
};

/**
 * struct peer - what is known of a peer beside its configuration
 * @eid: EID
 * @conf: its section of the configuration in force
 * @addresses: what its endpoint was resolved to
 * @n_addresses: how many
 * @turn: the one that is tried
 * @moved: the configuration has it elsewhere than before
 * @resolving: an answer is awaited
 * @resolve_ms: when to resolve again
 * @failed: a round of INITs had no answer: try elsewhere
 * @sids: keys in the kernel
 * @n_sids: how many
 * @told_ms: when the attempt that was last logged had begun
 * @told_step: its step then
 * @told_reason: its reason then
 * @established: the daemon is to hear of a handshake completed
 * @key_id: key of the last handshake completed
 * @since: when that was, seconds since 1970
 * @failure_ms: when a failure was last logged
 * @failure: which
 */
struct peer {
	uint64_t		eid;
	const struct conf_peer	*conf;
	struct cpns_endpoint	addresses[SESSION_ADDRESSES_MAX];
	size_t			n_addresses;
	size_t			turn;
	bool			moved;
	bool			resolving;
	uint64_t		resolve_ms;
	bool			failed;
	struct sid		sids[SIDS_MAX];
	size_t			n_sids;
	uint64_t		told_ms;
	enum cpns_hs_step	told_step;
	enum cpns_hs_reason	told_reason;
	bool			established;
	uint8_t			key_id[CPNS_KEY_ID_LEN];
	uint64_t		since;
	uint64_t		failure_ms;
	enum cpns_hs_reason	failure;
};

/**
 * struct session - the sessions of one entity
 * @conf: configuration in force
 * @kernel: the device
 * @hooks: into the daemon
 * @hs: handshake machine
 * @now: time of the call under way, for callbacks of the machine
 * @peers: sorted by EID
 * @n_peers: how many
 * @unsettled: a callback left something to do outside the machine
 */
struct session {
	struct conf		*conf;
	struct kernel		*kernel;
	struct session_hooks	hooks;
	struct cpns_hs		*hs;
	struct cpns_now		now;
	struct peer		**peers;
	size_t			n_peers;
	bool			unsettled;
};

static int by_eid(const void *a, const void *b)
{
	const struct peer *x = *(struct peer *const *)a, *y = *(struct peer *const *)b;

	return x->eid < y->eid ? -1 : x->eid > y->eid;
}

static struct peer *find_peer(const struct session *s, uint64_t eid)
{
	struct peer key = { .eid = eid }, *k = &key, **found;

	if (!s->n_peers)
		return NULL;
	found = bsearch(&k, s->peers, s->n_peers, sizeof(*s->peers), by_eid);
	return found ? *found : NULL;
}

static struct sid *find_sid(struct peer *peer, uint32_t local)
{
	size_t i;

	for (i = 0; i < peer->n_sids; i++)
		if (peer->sids[i].local == local)
			return &peer->sids[i];
	return NULL;
}

static void forget_sid(struct peer *peer, uint32_t local)
{
	struct sid *sid = find_sid(peer, local);

	if (sid)
		*sid = peer->sids[--peer->n_sids];
}

/* A peer has at most three keys; the room beyond is for events on their way. */
static void note_sid(struct peer *peer, uint32_t local, uint8_t slot, bool soft)
{
	struct sid *sid = find_sid(peer, local);

	if (!sid) {
		if (peer->n_sids == SIDS_MAX)
			forget_sid(peer, peer->sids[0].local);
		sid = &peer->sids[peer->n_sids++];
	}
	sid->local = local;
	sid->slot = slot;
	sid->soft = soft;
}

/* What the machine wants done */

static void hs_send(void *ctx, const struct cpns_path *path, const void *datagram, size_t len)
{
	struct session *s = ctx;
	char endpoint[CPNS_ENDPOINT_TEXT], text[200];
	int ret;

	ret = s->kernel->ops->msg_send(s->kernel, path, datagram, len);
	if (!ret)
		return;
	/* Lost like any other datagram: the machine sends again. */
	cpns_endpoint_format(&path->remote, endpoint);
	s->kernel->ops->error_text(s->kernel, ret, text, sizeof(text));
	log_msg(LOG_DEBUG, "a datagram to %s was not sent: %s", endpoint, text);
}

/*
 * Limits of time that the configuration sets. The responder's comes later, in
 * the proportion of the protocol (90 to 80 per cent), so that the initiator
 * goes first.
 */
static void set_time_limits(struct cpns_hs_key *key, const struct conf_limits *limits)
{
	if (limits->hard_time) {
		key->hard_ms = limits->hard_time;
		key->soft_ms = limits->hard_time / 10 * (key->initiator ? 8 : 9);
	}
	if (limits->soft_time)
		key->soft_ms = key->initiator ? limits->soft_time : limits->soft_time * 9 / 8;
	if (key->soft_ms >= key->hard_ms)
		key->soft_ms = key->hard_ms * 9 / 10;
}

static int hs_install(void *ctx, const struct cpns_hs_key *machine_key)
{
	struct session *s = ctx;
	struct peer *peer = find_peer(s, machine_key->eid);
	struct cpns_hs_key key = *machine_key;
	char text[200];
	int ret;

	if (!peer)
		return -ENOENT;
	set_time_limits(&key, &peer->conf->limits);
	ret = s->kernel->ops->key_new(s->kernel, &key);
	if (ret) {
		s->kernel->ops->error_text(s->kernel, ret, text, sizeof(text));
		log_msg(LOG_ERR, "the kernel refused a key for peer %s: %s", peer->conf->name,
			text);
		return ret;
	}
	note_sid(peer, key.sid_local, key.slot, false);
	return 0;
}

static void hs_set_endpoint(void *ctx, uint64_t eid, const struct cpns_path *path)
{
	struct session *s = ctx;
	struct cpns_peer set = { .ifindex = s->kernel->ifindex, .eid = eid, .path = *path };
	char text[200];
	int ret;

	ret = s->kernel->ops->peer_set(s->kernel, &set, CPNS_PEER_SET_ENDPOINT);
	if (!ret)
		return;
	s->kernel->ops->error_text(s->kernel, ret, text, sizeof(text));
	log_msg(LOG_ERR, "the kernel refused an endpoint: %s", text);
}

static void hs_keepalive(void *ctx, uint64_t eid, uint32_t sid)
{
	struct session *s = ctx;

	/* A key that is gone by now needs none. */
	s->kernel->ops->peer_keepalive(s->kernel, eid, sid);
}

static void hs_remove(void *ctx, uint64_t eid, uint32_t sid)
{
	struct session *s = ctx;
	struct peer *peer = find_peer(s, eid);
	char text[200];
	int ret;

	ret = s->kernel->ops->key_del(s->kernel, eid, sid);
	if (ret && ret != -ENOENT) {
		s->kernel->ops->error_text(s->kernel, ret, text, sizeof(text));
		log_msg(LOG_ERR, "a revoked session is still there: %s", text);
		return;
	}
	if (peer)
		forget_sid(peer, sid);
}

static void tell_failure(struct session *s, struct peer *peer,
			 const struct cpns_hs_attempt *attempt)
{
	const char *hint = cpns_hint_text(attempt->hint);
	bool again = peer->failure == attempt->reason && peer->failure_ms &&
		     s->now.ms - peer->failure_ms < SAME_FAILURE_MS;
	char endpoint[CPNS_ENDPOINT_TEXT];
	int level = LOG_WARNING;

	if (attempt->reason == CPNS_HS_SUPERSEDED || attempt->reason == CPNS_HS_REMOVED || again)
		level = LOG_DEBUG;
	/* That its name can't be resolved is told where it is so. */
	if (attempt->reason == CPNS_HS_NO_ENDPOINT && peer->resolving)
		level = LOG_DEBUG;
	if (!again) {
		peer->failure = attempt->reason;
		peer->failure_ms = s->now.ms;
	}
	cpns_endpoint_format(&attempt->remote, endpoint);
	log_msg(level, "peer %s: no session (%s, %s; at %s): %s%s%s", peer->conf->name,
		attempt->initiator ? "own handshake" : "its handshake",
		cpns_hs_step_name(attempt->step), endpoint,
		cpns_hs_reason_hint(attempt->reason),
		hint ? "; " : "", hint ? hint : "");
}

static void hs_report(void *ctx, uint64_t eid, const struct cpns_hs_attempt *attempt)
{
	struct session *s = ctx;
	struct peer *peer = find_peer(s, eid);
	char endpoint[CPNS_ENDPOINT_TEXT];

	if (!peer)
		return;
	if (peer->told_ms == attempt->started.ms && peer->told_step == attempt->step &&
	    peer->told_reason == attempt->reason)
		return;
	peer->told_ms = attempt->started.ms;
	peer->told_step = attempt->step;
	peer->told_reason = attempt->reason;
	if (attempt->initiator && (attempt->reason == CPNS_HS_NO_ANSWER ||
				   attempt->reason == CPNS_HS_NO_ENDPOINT)) {
		peer->failed = true;
		s->unsettled = true;
	}
	if (attempt->reason != CPNS_HS_OK) {
		tell_failure(s, peer, attempt);
		return;
	}
	cpns_endpoint_format(&attempt->remote, endpoint);
	if (attempt->step == CPNS_STEP_DONE) {
		peer->established = true;
		memcpy(peer->key_id, attempt->key_id, sizeof(peer->key_id));
		peer->since = s->now.real;
		s->unsettled = true;
	}
	if (attempt->step == CPNS_STEP_DONE)
		log_msg(LOG_NOTICE, "peer %s: session with %s, %s, as %s (%s)",
			peer->conf->name, endpoint, cpns_suite_name(attempt->suite),
			attempt->initiator ? "initiator" : "responder",
			cpns_hs_why_name(attempt->why));
	else
		log_msg(LOG_DEBUG, "peer %s: %s, %s (%s)", peer->conf->name, endpoint,
			cpns_hs_step_name(attempt->step), cpns_hs_why_name(attempt->why));
}

static int hs_random(void *ctx, enum cpns_hs_draw what, void *buf, size_t len)
{
	struct session *s = ctx;

	(void)what;
	return s->hooks.random(s->hooks.arg, buf, len);
}

static const struct cpns_hs_ops hs_ops = {
	.send = hs_send,
	.install = hs_install,
	.set_endpoint = hs_set_endpoint,
	.keepalive = hs_keepalive,
	.remove = hs_remove,
	.report = hs_report,
	.random = hs_random,
};

/* Endpoints */

static void resolve(struct session *s, struct peer *peer)
{
	if (!peer->conf->host[0] || peer->resolving)
		return;
	peer->resolving = true;
	peer->resolve_ms = s->now.ms + RESOLVE_EVERY_MS;
	s->hooks.resolve(s->hooks.arg, peer->eid, peer->conf->host, peer->conf->endpoint.port);
}

static void try_address(struct session *s, struct peer *peer)
{
	struct cpns_path path = { 0 };

	if (!peer->n_addresses)
		return;
	path.remote = peer->addresses[peer->turn % peer->n_addresses];
	cpns_hs_endpoint(s->hs, peer->eid, &path, &s->now);
}

/* The first peer whose handshake the daemon has not heard of. */
static struct peer *established(struct session *s)
{
	size_t i;

	for (i = 0; i < s->n_peers; i++)
		if (s->peers[i]->established)
			return s->peers[i];
	return NULL;
}

static void tell_established(struct session *s)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	struct peer *peer;

	/* The hook may change the table. */
	while ((peer = established(s))) {
		peer->established = false;
		memcpy(key_id, peer->key_id, sizeof(key_id));
		if (s->hooks.established)
			s->hooks.established(s->hooks.arg, peer->eid, key_id);
	}
}

/* Does what the machine's callbacks could not, as they may not call it. */
static void settle(struct session *s)
{
	size_t i;

	while (s->unsettled) {
		s->unsettled = false;
		tell_established(s);
		for (i = 0; i < s->n_peers; i++) {
			struct peer *peer = s->peers[i];

			if (!peer->failed)
				continue;
			peer->failed = false;
			if (peer->n_addresses)
				peer->turn = (peer->turn + 1) % peer->n_addresses;
			try_address(s, peer);
			resolve(s, peer);
		}
	}
}

void session_resolved(struct session *s, uint64_t eid, const char *host,
		      const struct cpns_endpoint *list, size_t n, const struct cpns_now *now)
{
	struct peer *peer = find_peer(s, eid);
	struct cpns_hs_status status;

	s->now = *now;
	if (!peer || strcmp(peer->conf->host, host))
		return;
	peer->resolving = false;
	if (!n) {
		peer->resolve_ms = now->ms + RESOLVE_RETRY_MS;
		return;
	}
	if (n > SESSION_ADDRESSES_MAX)
		n = SESSION_ADDRESSES_MAX;
	if (peer->n_addresses == n && !memcmp(peer->addresses, list, n * sizeof(*list)))
		return;
	memcpy(peer->addresses, list, n * sizeof(*list));
	peer->n_addresses = n;
	peer->turn = 0;
	/* A peer with a session is where its packets come from. */
	if (!cpns_hs_status_get(s->hs, eid, &status, now) && !status.sessions)
		try_address(s, peer);
	settle(s);
}

size_t session_addresses(const struct session *s, uint64_t eid,
			 const struct cpns_endpoint **list)
{
	const struct peer *peer = find_peer(s, eid);

	*list = peer ? peer->addresses : NULL;
	return peer ? peer->n_addresses : 0;
}

/* The configuration */

static struct peer *peer_make(const struct conf_peer *conf)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer)
		peer->eid = conf->party.eid;
	return peer;
}

static void peer_use(struct session *s, struct peer *peer, const struct conf_peer *conf,
		     bool moved)
{
	peer->conf = conf;
	peer->moved = moved;
	if (!moved)
		return;
	peer->resolving = false;
	peer->n_addresses = 0;
	peer->turn = 0;
	peer->resolve_ms = s->now.ms;
	if (!conf->host[0] && conf->endpoint.family) {
		peer->addresses[0] = conf->endpoint;
		peer->n_addresses = 1;
	}
}

static void set_params(struct cpns_hs_params *params, const struct conf *conf,
		       const struct conf_peer *peer)
{
	const struct conf_suites *suites = peer->suites.n ? &peer->suites : &conf->suites;

	memset(params, 0, sizeof(*params));
	memcpy(params->offer, suites->list, sizeof(suites->list));
	memcpy(params->prefer, suites->list, sizeof(suites->list));
	params->n_offer = suites->n;
	params->n_prefer = suites->n;
	params->lifetime = peer->lifetime ? peer->lifetime : conf->lifetime;
	params->soft_packets = peer->limits.soft_packets;
	params->hard_packets = peer->limits.hard_packets;
	params->soft_failed = peer->limits.soft_failed;
	params->hard_failed = peer->limits.hard_failed;
}

/* Takes away the key records that are no longer there, or have changed. */
static void drop_keys(struct session *s, const struct conf_peer *old,
		      const struct conf_peer *new, enum session_gone gone)
{
	const struct conf_key *key;
	size_t i;

	for (i = 0; i < old->n_keys; i++) {
		key = new ? conf_peer_key(new, old->keys[i].record.key_id) : NULL;
		if (key && conf_key_equal(key, &old->keys[i]))
			continue;
		/* Another validity or generation does not end a session. */
		cpns_hs_record_del(s->hs, old->keys[i].record.key_id,
				   key ? !cpns_equal(key->record.key, old->keys[i].record.key,
						    CPNS_KEY_LEN) :
					 gone == SESSION_REVOKE);
	}
}

static int machine_peer(struct session *s, const struct conf *conf,
			const struct conf_peer *peer, char *error)
{
	struct cpns_hs_params params;
	const char *why;
	size_t i;
	int ret;

	set_params(&params, conf, peer);
	ret = cpns_hs_peer_set(s->hs, &peer->party, &params);
	if (ret == -EEXIST) {
		/* Another role is another peer: what runs is not its. */
		cpns_hs_peer_del(s->hs, peer->party.eid);
		s->kernel->ops->key_del(s->kernel, peer->party.eid, 0);
		ret = cpns_hs_peer_set(s->hs, &peer->party, &params);
	}
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "peer %s can't be used: %s", peer->name,
			 strerror(-ret));
		return ret;
	}
	for (i = 0; i < peer->n_keys; i++) {
		why = strerror(ENOMEM);
		ret = cpns_hs_record_add(s->hs, &peer->keys[i].record, &why);
		if (ret) {
			snprintf(error, CPNS_ERROR_TEXT, "%s can't be used: %s",
				 peer->keys[i].file ? peer->keys[i].file :
				 "a key from the Server", why);
			return ret;
		}
	}
	return 0;
}

static bool same_endpoint(const struct conf_peer *a, const struct conf_peer *b)
{
	return !strcmp(a->host, b->host) && cpns_endpoint_equal(&a->endpoint, &b->endpoint);
}

static void want_session(struct session *s, struct peer *peer)
{
	struct cpns_hs_status status;

	if (peer->conf->connect != CONF_CONNECT_ALWAYS)
		return;
	if (!cpns_hs_status_get(s->hs, peer->eid, &status, &s->now) && status.sessions)
		return;
	cpns_hs_start(s->hs, peer->eid, CPNS_WHY_CONFIG, &s->now);
}

/*
 * Makes the table of peers for a configuration: those that stay keep what is
 * known of them.
 */
static int make_table(struct session *s, const struct conf *conf, struct peer ***table)
{
	size_t i;

	*table = calloc(conf->n_peers + 1, sizeof(**table));
	if (!*table)
		return -ENOMEM;
	for (i = 0; i < conf->n_peers; i++) {
		(*table)[i] = find_peer(s, conf->peers[i]->party.eid);
		if (!(*table)[i])
			(*table)[i] = peer_make(conf->peers[i]);
		if (!(*table)[i])
			goto err_free;
	}
	return 0;
err_free:
	while (i--)
		if (!find_peer(s, (*table)[i]->eid))
			free((*table)[i]);
	free(*table);
	return -ENOMEM;
}

/* Puts a configuration that the kernel has taken into the machine. */
static int use_conf(struct session *s, struct conf *conf, char *error)
{
	struct peer **table, **old_table = s->peers;
	size_t i, old_n = s->n_peers;
	int ret;

	ret = make_table(s, conf, &table);
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		return ret;
	}
	for (i = 0; i < old_n; i++) {
		const struct conf_peer *then = old_table[i]->conf;
		const struct conf_peer *kept = conf_peer_by_eid(conf, old_table[i]->eid);

		drop_keys(s, then, kept, SESSION_REVOKE);
		if (!kept)
			cpns_hs_peer_del(s->hs, old_table[i]->eid);
	}
	for (i = 0; i < conf->n_peers; i++) {
		const struct conf_peer *then = table[i]->conf;

		peer_use(s, table[i], conf->peers[i],
			 !then || !same_endpoint(then, conf->peers[i]));
	}
	for (i = 0; i < old_n; i++)
		if (!conf_peer_by_eid(conf, old_table[i]->eid))
			free(old_table[i]);
	free(old_table);
	s->peers = table;
	s->n_peers = conf->n_peers;
	qsort(s->peers, s->n_peers, sizeof(*s->peers), by_eid);
	for (i = 0; i < conf->n_peers && !ret; i++)
		ret = machine_peer(s, conf, conf->peers[i], error);
	return ret;
}

static void start_peers(struct session *s)
{
	size_t i;

	for (i = 0; i < s->n_peers; i++) {
		struct peer *peer = s->peers[i];

		if (peer->resolve_ms <= s->now.ms && peer->conf->host[0])
			resolve(s, peer);
		want_session(s, peer);
	}
	settle(s);
}

struct session *session_new(struct conf *conf, struct kernel *kernel,
			    const struct session_hooks *hooks)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kernel = kernel;
	s->hooks = *hooks;
	s->hs = cpns_hs_new(&conf->own, &hs_ops, s, true);
	if (!s->hs) {
		free(s);
		return NULL;
	}
	s->conf = conf;
	return s;
}

void session_free(struct session *s)
{
	size_t i;

	if (!s)
		return;
	cpns_hs_free(s->hs);
	for (i = 0; i < s->n_peers; i++)
		free(s->peers[i]);
	free(s->peers);
	conf_free(s->conf);
	free(s);
}

static void learn_key(struct session *s, struct peer *peer, const struct cpns_key *key)
{
	struct cpns_hs_session session = {
		.slot = key->slot,
		.initiator = key->initiator,
		.soft = key->soft,
		.sid_local = key->sid_local,
		.sid_remote = key->sid_remote,
	};

	memcpy(session.key_id, key->key_id, sizeof(session.key_id));
	if (cpns_hs_learn(s->hs, peer->eid, &session, &s->now))
		return;
	note_sid(peer, key->sid_local, key->slot, key->soft);
	if (key->slot != CPNS_SLOT_CURRENT)
		return;
	memcpy(peer->key_id, key->key_id, sizeof(peer->key_id));
	peer->since = s->now.real - key->age_ms / 1000;
}

static int learn_endpoints(struct session *s)
{
	struct cpns_peer *peers;
	size_t n, i;
	int ret;

	ret = s->kernel->ops->peer_list(s->kernel, &peers, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		if (peers[i].path.remote.family)
			cpns_hs_endpoint(s->hs, peers[i].eid, &peers[i].path, &s->now);
	cpns_peer_list_free(peers, n);
	return 0;
}

/* A session of a key that is no longer in the configuration was revoked. */
static bool key_is_known(const struct peer *peer, const uint8_t *key_id)
{
	return conf_peer_key(peer->conf, key_id);
}

static int learn_keys(struct session *s)
{
	struct cpns_key *keys;
	struct peer *peer;
	size_t n, i;
	int ret;

	ret = s->kernel->ops->key_list(s->kernel, &keys, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		peer = find_peer(s, keys[i].eid);
		if (!peer)
			continue;
		if (key_is_known(peer, keys[i].key_id)) {
			learn_key(s, peer, &keys[i]);
			continue;
		}
		log_msg(LOG_NOTICE, "peer %s: a session ends, as its key is gone",
			peer->conf->name);
		s->kernel->ops->key_del(s->kernel, keys[i].eid, keys[i].sid_local);
	}
	free(keys);
	return 0;
}

int session_begin(struct session *s, const struct cpns_now *now, char *error)
{
	struct conf *conf = s->conf;
	size_t i, learned = 0;
	int ret;

	s->now = *now;
	ret = apply_to_kernel(s->kernel, NULL, conf, conf->registrar, error);
	if (!ret)
		ret = use_conf(s, conf, error);
	if (ret)
		return ret;
	for (i = 0; i < s->n_peers; i++)
		try_address(s, s->peers[i]);
	/* Where a peer is now goes before where the configuration has it. */
	ret = learn_endpoints(s);
	if (!ret)
		ret = learn_keys(s);
	if (ret) {
		s->kernel->ops->error_text(s->kernel, ret, error, CPNS_ERROR_TEXT);
		return ret;
	}
	for (i = 0; i < s->n_peers; i++)
		learned += s->peers[i]->n_sids;
	if (learned)
		log_msg(LOG_INFO, "%zu keys run in the kernel; going on with them", learned);
	start_peers(s);
	return 0;
}

int session_check_apply(const struct session *s, const struct conf *conf, char *error)
{
	const struct conf *now = s->conf;
	const char *what = NULL;

	if (!cpns_name_equal(&now->own.id, &conf->own.id))
		what = "id";
	else if (now->own.role != conf->own.role)
		what = "role";
	else if (memcmp(now->prefix, conf->prefix, sizeof(now->prefix)))
		what = "server";
	else if (strcmp(now->device, conf->device))
		what = "device";
	if (!what)
		return 0;
	snprintf(error, CPNS_ERROR_TEXT,
		 "%s of [entity] has changed, which needs a restart: stop the daemon, ip link del %s, and start it again",
		 what, now->device);
	return -EINVAL;
}

static void end_sessions(struct session *s)
{
	size_t i;

	for (i = 0; i < s->n_peers; i++) {
		struct peer *peer = s->peers[i];

		s->kernel->ops->key_del(s->kernel, peer->eid, 0);
		cpns_hs_stop(s->hs, peer->eid);
		while (peer->n_sids) {
			uint32_t sid = peer->sids[0].local;

			forget_sid(peer, sid);
			cpns_hs_dead(s->hs, peer->eid, sid, false, &s->now);
		}
	}
}

int session_apply(struct session *s, struct conf *conf, enum session_apply_mode mode,
		  const struct cpns_now *now, char *error)
{
	char again[CPNS_ERROR_TEXT];
	struct conf *old = s->conf;
	size_t i;
	int ret;

	s->now = *now;
	ret = session_check_apply(s, conf, error);
	if (ret)
		return ret;
	ret = apply_to_kernel(s->kernel, old, conf, conf->registrar, error);
	if (ret) {
		if (apply_to_kernel(s->kernel, conf, old, conf->registrar, again))
			log_msg(LOG_ERR, "the old configuration is not whole in the kernel: %s",
				again);
		return ret;
	}
	ret = use_conf(s, conf, error);
	s->conf = conf;
	conf_free(old);
	if (ret) {
		/* Out of memory half-way: what is in force is the new one. */
		log_msg(LOG_ERR, "%s", error);
	}
	if (mode == SESSION_ANEW)
		end_sessions(s);
	for (i = 0; i < s->n_peers; i++)
		if (s->peers[i]->moved || mode == SESSION_ANEW)
			try_address(s, s->peers[i]);
	start_peers(s);
	return 0;
}

/* Events */

void session_event(struct session *s, const struct cpns_event *event,
		   const struct cpns_now *now)
{
	struct peer *peer = find_peer(s, event->eid);
	bool starts = peer && peer->conf->connect != CONF_CONNECT_NEVER;
	bool silent = false;
	struct sid *sid;

	s->now = *now;
	switch (event->cmd) {
	case CPNS_CMD_MSG_NTF:
		cpns_hs_datagram(s->hs, &event->path, event->datagram.data,
				 event->datagram.len, now);
		break;
	case CPNS_CMD_KEY_PROMOTED_NTF:
		if (peer)
			note_sid(peer, event->sid, CPNS_SLOT_CURRENT, false);
		cpns_hs_promoted(s->hs, event->eid, event->sid, now);
		break;
	case CPNS_CMD_KEY_SOFT_NTF:
		sid = peer ? find_sid(peer, event->sid) : NULL;
		if (sid)
			sid->soft = true;
		if (starts)
			cpns_hs_soft(s->hs, event->eid, event->sid, now);
		break;
	case CPNS_CMD_KEY_DEAD_NTF:
		if (!peer)
			break;
		forget_sid(peer, event->sid);
		cpns_hs_dead(s->hs, event->eid, event->sid,
			     peer->conf->connect == CONF_CONNECT_ALWAYS, now);
		if (peer->n_sids)
			break;
		log_msg(LOG_NOTICE, "peer %s: the last key is gone (%s)", peer->conf->name,
			event->has_cause ? cpns_cause_name(event->cause) : "no cause");
		silent = true;
		break;
	case CPNS_CMD_PEER_TIMEOUT_NTF:
		if (!peer)
			break;
		log_msg(LOG_NOTICE, "peer %s: nothing heard for %u s", peer->conf->name,
			peer->conf->timeout / 1000);
		if (starts)
			cpns_hs_silence(s->hs, event->eid, now);
		silent = true;
		break;
	case CPNS_CMD_PEER_ENDPOINT_NTF:
		cpns_hs_endpoint(s->hs, event->eid, &event->path, now);
		break;
	case CPNS_CMD_ACQUIRE_NTF:
		if (starts)
			cpns_hs_start(s->hs, event->eid, CPNS_WHY_ACQUIRE, now);
		break;
	case CPNS_CMD_UNKNOWN_SID_NTF:
		cpns_hs_unknown_sid(s->hs, event->sid, event->eid, &event->path, now);
		break;
	}
	if (silent && s->hooks.silent)
		s->hooks.silent(s->hooks.arg, event->eid);
	settle(s);
}

static const struct cpns_key *in_dump(const struct cpns_key *keys, size_t n, uint64_t eid,
				      uint32_t sid)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (keys[i].eid == eid && keys[i].sid_local == sid)
			return &keys[i];
	return NULL;
}

/* Says what the lost events about a peer's keys would have said. */
static void resync_peer(struct session *s, struct peer *peer, const struct cpns_key *keys,
			size_t n)
{
	struct cpns_event event = { .eid = peer->eid };
	const struct cpns_key *key;
	struct sid then[SIDS_MAX];
	size_t i, n_then = peer->n_sids;

	memcpy(then, peer->sids, sizeof(then));
	for (i = 0; i < n_then; i++) {
		event.sid = then[i].local;
		key = in_dump(keys, n, peer->eid, event.sid);
		if (!key) {
			event.cmd = CPNS_CMD_KEY_DEAD_NTF;
			session_event(s, &event, &s->now);
			continue;
		}
		if (then[i].slot == CPNS_SLOT_NEXT && key->slot != CPNS_SLOT_NEXT) {
			event.cmd = CPNS_CMD_KEY_PROMOTED_NTF;
			session_event(s, &event, &s->now);
		}
		if (key->soft && !then[i].soft) {
			event.cmd = CPNS_CMD_KEY_SOFT_NTF;
			session_event(s, &event, &s->now);
		}
		note_sid(peer, event.sid, key->slot, key->soft);
	}
}

int session_resync(struct session *s, const struct cpns_now *now)
{
	struct cpns_key *keys;
	struct cpns_peer *peers;
	size_t n_keys, n_peers, i;
	struct cpns_event event = { .cmd = CPNS_CMD_ACQUIRE_NTF };
	int ret;

	s->now = *now;
	ret = s->kernel->ops->key_list(s->kernel, &keys, &n_keys);
	if (ret)
		return ret;
	for (i = 0; i < s->n_peers; i++)
		resync_peer(s, s->peers[i], keys, n_keys);
	free(keys);
	ret = s->kernel->ops->peer_list(s->kernel, &peers, &n_peers);
	if (ret)
		return ret;
	for (i = 0; i < n_peers; i++) {
		if (peers[i].path.remote.family)
			cpns_hs_endpoint(s->hs, peers[i].eid, &peers[i].path, now);
		event.eid = peers[i].eid;
		if (peers[i].queued)
			session_event(s, &event, now);
	}
	cpns_peer_list_free(peers, n_peers);
	settle(s);
	return 0;
}

/* Time */

uint64_t session_deadline(const struct session *s)
{
	uint64_t deadline = cpns_hs_deadline(s->hs);
	size_t i;

	for (i = 0; i < s->n_peers; i++)
		if (s->peers[i]->conf->host[0] && !s->peers[i]->resolving &&
		    s->peers[i]->resolve_ms < deadline)
			deadline = s->peers[i]->resolve_ms;
	return deadline;
}

void session_timer(struct session *s, const struct cpns_now *now)
{
	size_t i;

	s->now = *now;
	cpns_hs_timer(s->hs, now);
	for (i = 0; i < s->n_peers; i++)
		if (s->peers[i]->resolve_ms <= now->ms)
			resolve(s, s->peers[i]);
	settle(s);
}

int session_connect(struct session *s, uint64_t eid, const struct cpns_now *now)
{
	int ret;

	s->now = *now;
	ret = cpns_hs_start(s->hs, eid, CPNS_WHY_COMMAND, now);
	settle(s);
	return ret;
}

/* One peer */

static int insert_peer(struct session *s, struct peer *peer)
{
	struct peer **list = realloc(s->peers, (s->n_peers + 1) * sizeof(*list));
	size_t i;

	if (!list)
		return -ENOMEM;
	s->peers = list;
	for (i = s->n_peers; i > 0 && list[i - 1]->eid > peer->eid; i--)
		list[i] = list[i - 1];
	list[i] = peer;
	s->n_peers++;
	return 0;
}

static void remove_peer(struct session *s, struct peer *peer)
{
	size_t i;

	for (i = 0; s->peers[i] != peer; i++)
		;
	s->n_peers--;
	memmove(&s->peers[i], &s->peers[i + 1], (s->n_peers - i) * sizeof(*s->peers));
	free(peer);
}

/* A peer that is not in the table yet, in the kernel and the table. */
static int put_new(struct session *s, struct conf_peer *conf, char *error)
{
	struct peer *peer = peer_make(conf);
	struct conf_peer *none;
	int ret = -ENOMEM;

	if (!peer || conf_put_peer(s->conf, conf, &none))
		goto err_memory;
	if (insert_peer(s, peer))
		goto err_conf;
	peer->conf = conf;
	ret = apply_peer_to_kernel(s->kernel, NULL, conf, error);
	if (!ret)
		return 0;
	remove_peer(s, peer);
	conf_take_peer(s->conf, conf->party.eid);
	return ret;
err_conf:
	conf_take_peer(s->conf, conf->party.eid);
err_memory:
	free(peer);
	snprintf(error, CPNS_ERROR_TEXT, "no memory");
	return ret;
}

int session_peer_put(struct session *s, struct conf_peer *conf, enum session_gone gone,
		     struct conf_peer **old, const struct cpns_now *now, char *error)
{
	struct peer *peer = find_peer(s, conf->party.eid);
	bool moved;
	int ret;

	s->now = *now;
	*old = NULL;
	if (!peer) {
		ret = put_new(s, conf, error);
		if (ret)
			return ret;
		peer = find_peer(s, conf->party.eid);
		moved = true;
	} else {
		ret = apply_peer_to_kernel(s->kernel, peer->conf, conf, error);
		if (ret)
			return ret;
		drop_keys(s, peer->conf, conf, gone);
		moved = !same_endpoint(peer->conf, conf);
		conf_put_peer(s->conf, conf, old);
	}
	peer_use(s, peer, conf, moved);
	/* Out of memory: a key is missing, and the handshake says so. */
	if (machine_peer(s, s->conf, conf, error))
		log_msg(LOG_ERR, "%s", error);
	if (moved)
		try_address(s, peer);
	if (peer->resolve_ms <= now->ms)
		resolve(s, peer);
	want_session(s, peer);
	settle(s);
	return 0;
}

struct conf_peer *session_peer_drop(struct session *s, uint64_t eid)
{
	struct peer *peer = find_peer(s, eid);
	char text[200];
	int ret;

	/* Also one that only the kernel has. */
	ret = s->kernel->ops->peer_del(s->kernel, eid);
	if (ret && ret != -ENOENT) {
		s->kernel->ops->error_text(s->kernel, ret, text, sizeof(text));
		log_msg(LOG_ERR, "peer %016llx is still there: %s", (unsigned long long)eid,
			text);
	}
	if (!peer)
		return NULL;
	cpns_hs_peer_del(s->hs, eid);
	remove_peer(s, peer);
	return conf_take_peer(s->conf, eid);
}

void session_adopt(struct session *s, uint64_t eid, const struct cpns_path *path,
		   const struct cpns_key *keys, size_t n, const struct cpns_now *now)
{
	struct peer *peer = find_peer(s, eid);
	size_t i;

	if (!peer)
		return;
	s->now = *now;
	if (path->remote.family)
		cpns_hs_endpoint(s->hs, eid, path, now);
	for (i = 0; i < n; i++) {
		if (keys[i].eid != eid)
			continue;
		if (key_is_known(peer, keys[i].key_id))
			learn_key(s, peer, &keys[i]);
		else
			s->kernel->ops->key_del(s->kernel, eid, keys[i].sid_local);
	}
	settle(s);
}

bool session_since(const struct session *s, uint64_t eid, uint8_t *key_id, uint64_t *since)
{
	const struct peer *peer = find_peer(s, eid);

	if (!peer || !peer->n_sids)
		return false;
	memcpy(key_id, peer->key_id, CPNS_KEY_ID_LEN);
	*since = peer->since;
	return true;
}

struct kernel *session_kernel(const struct session *s)
{
	return s->kernel;
}

const struct conf *session_conf(const struct session *s)
{
	return s->conf;
}

const struct cpns_hs *session_machine(const struct session *s)
{
	return s->hs;
}
