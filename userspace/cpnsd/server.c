// SPDX-License-Identifier: GPL-2.0
/* The Server. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include <codec.h>
#include <rate.h>
#include <record-json.h>
#include <secret.h>

#include "conf-peer.h"
#include "control-stream.h"
#include "daemon.h"
#include "log.h"
#include "registrar-client.h"
#include "server.h"
#include "stream-server.h"

enum {
	HELD_MAX = 64,		/* handshakes that wait for an answer */
	LOOKUP_RATE = 200,	/* a second, in all */
	SOURCE_RATE = 20,	/* a second and source */
	UNKNOWN_MAX = 1024,	/* key_ids remembered as unknown, a power of two */
	UNKNOWN_MS = 10000,	/* for so long */
	CHECKS_MAX = 128,	/* lookups under way of keys that are known */
	REFRESH_S = 3600,	/* LocalEUKeys are looked at again: half of 30 days is long */
};

/**
 * struct held - a handshake that waits for the registrar's answer
 * @server: whose
 * @next: of the same
 * @key_id: key of it
 * @event: the datagram, without its bytes
 * @len: its bytes
 * @bytes: those
 */
struct held {
	struct server		*server;
	struct held		*next;
	uint8_t			key_id[CPNS_KEY_ID_LEN];
	struct cpns_event	event;
	size_t			len;
	uint8_t			bytes[CPNS_INIT_MAX + 32];
};

/**
 * struct check - a key that runs or is known, to be looked up again
 * @server: whose
 * @eid: peer
 * @key_id: key
 */
struct check {
	struct server	*server;
	uint64_t	eid;
	uint8_t		key_id[CPNS_KEY_ID_LEN];
};

/**
 * struct server - the Server
 * @d: the daemon
 * @registrar: where the keys are
 * @streams: control streams
 * @held: handshakes that wait
 * @n_held: how many
 * @rate: of lookups
 * @sources: of those by source
 * @unknown: key_ids that the registrar does not know, by their first bytes
 * @checks: keys to be looked up again, from @checked on
 * @n_checks: how many
 * @checked: how many were asked for
 * @checking: lookups under way
 * @orphans: keys in the kernel that nobody has claimed
 * @n_orphans: how many
 * @places: peers in the kernel, for where they are
 * @n_places: how many
 * @tick: every hour
 * @away: the registrar is not there
 * @since: since when that is so, or not
 */
struct server {
	struct daemon		*d;
	struct registrar	*registrar;
	struct stream_server	*streams;
	struct held		*held;
	unsigned int		n_held;
	struct cpns_bucket	rate;
	struct cpns_sources	sources;
	struct {
		uint8_t		key_id[CPNS_KEY_ID_LEN];
		uint64_t	until_ms;
	} unknown[UNKNOWN_MAX];
	struct check		*checks;
	size_t			n_checks;
	size_t			checked;
	unsigned int		checking;
	struct cpns_key		*orphans;
	size_t			n_orphans;
	struct cpns_peer	*places;
	size_t			n_places;
	struct event		*tick;
	bool			away;
	struct cpns_now		since;
};

static const struct conf *conf_of(const struct server *s)
{
	return session_conf(daemon_session(s->d));
}

static json_t *request(const char *op)
{
	return json_pack("{s:s}", "op", op);
}

static json_t *request_key(const char *op, const uint8_t *key_id)
{
	char text[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(key_id, CPNS_KEY_ID_LEN, text);
	return json_pack("{s:s, s:s}", "op", op, "key_id", text);
}

/* Peers */

static struct conf_peer *copy_of(const struct conf_peer *have)
{
	struct conf_peer *peer = conf_peer_configured(have);

	if (peer && conf_peer_regrant(peer, have)) {
		conf_peer_free(peer);
		return NULL;
	}
	return peer;
}

/* A key that the registrar has given belongs to a peer from now on. */
static int learn(struct server *s, const struct cpns_key_record *record)
{
	const struct conf_peer *have = conf_peer_by_eid(conf_of(s), record->peer.eid);
	struct conf_peer *peer;
	int ret = -ENOMEM;

	if (have && conf_peer_key(have, record->key_id))
		return 0;
	if (have && (!cpns_name_equal(&have->party.id, &record->peer.id) ||
		     have->party.role != record->peer.role)) {
		log_msg(LOG_ERR, "%s has the EID of peer %s, or another role: not taken",
			record->peer.id.text, have->name);
		return -EEXIST;
	}
	peer = have ? copy_of(have) : conf_peer_granted(&record->peer, &record->user_id);
	if (peer)
		ret = conf_peer_grant_key(peer, record);
	if (ret) {
		conf_peer_free(peer);
		return ret;
	}
	peer->user = record->user_id;
	conf_peer_set_defaults(peer, &conf_of(s)->own);
	return daemon_peer_put(s->d, peer, SESSION_RETIRE);
}

/* A key is no more. A peer without any that no file names is no more, either. */
static void forget(struct server *s, uint64_t eid, const uint8_t *key_id, enum session_gone gone)
{
	const struct conf_peer *have = conf_peer_by_eid(conf_of(s), eid);
	struct conf_peer *peer;

	if (!have || !conf_peer_key(have, key_id))
		return;
	peer = copy_of(have);
	if (!peer) {
		/* Nobody stays in because memory is short. */
		daemon_peer_drop(s->d, eid);
		return;
	}
	conf_peer_ungrant_key(peer, key_id);
	if (peer->n_keys || !peer->granted) {
		daemon_peer_put(s->d, peer, gone);
		return;
	}
	conf_peer_free(peer);
	if (gone == SESSION_REVOKE)
		log_msg(LOG_NOTICE, "%s is revoked", have->party.id.text);
	daemon_peer_drop(s->d, eid);
	stream_server_drop(s->streams, eid);
}

static int take_record(struct server *s, const json_t *answer)
{
	const struct cpns_party *own = &conf_of(s)->own;
	struct cpns_key_record record;
	char error[CPNS_ERROR_TEXT];
	int ret;

	ret = cpns_record_from_json(json_object_get(answer, "record"), &own->id, own->role,
				    &record, error);
	if (ret) {
		log_msg(LOG_ERR, "the registrar gave a key that can't be used: %s", error);
		return ret;
	}
	if (record.kind != CPNS_KEY_EUKEY) {
		log_msg(LOG_ERR, "the registrar gave a key that is no EUKey");
		ret = -EINVAL;
	}
	if (!ret)
		ret = learn(s, &record);
	cpns_record_wipe(&record);
	return ret;
}

/* Handshakes with keys that are not known yet */

static unsigned int place_of(const uint8_t *key_id)
{
	return cpns_get_u32(key_id) % UNKNOWN_MAX;
}

static bool is_unknown(const struct server *s, const uint8_t *key_id, const struct cpns_now *now)
{
	unsigned int i = place_of(key_id);

	return s->unknown[i].until_ms > now->ms &&
	       !memcmp(s->unknown[i].key_id, key_id, CPNS_KEY_ID_LEN);
}

static void note_unknown(struct server *s, const uint8_t *key_id)
{
	unsigned int i = place_of(key_id);
	struct cpns_now now;

	daemon_now(s->d, &now);
	s->unknown[i].until_ms = now.ms + UNKNOWN_MS;
	memcpy(s->unknown[i].key_id, key_id, CPNS_KEY_ID_LEN);
}

static void on_lookup(void *arg, const json_t *answer, const char *code)
{
	struct held *held = arg, **p;
	struct server *s = held->server;

	for (p = &s->held; *p != held; p = &(*p)->next)
		;
	*p = held->next;
	s->n_held--;
	if (answer)
		take_record(s, answer);
	else if (strcmp(code, "away"))
		note_unknown(s, held->key_id);
	/* Its sender begins again by itself where the registrar was away. */
	if (answer || strcmp(code, "away")) {
		held->event.datagram.data = held->bytes;
		held->event.datagram.len = held->len;
		daemon_event(s->d, &held->event);
	}
	free(held);
}

static void hold(struct server *s, const struct cpns_event *event, const uint8_t *key_id)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held)
		return;
	held->server = s;
	held->event = *event;
	held->len = event->datagram.len;
	memcpy(held->bytes, event->datagram.data, held->len);
	memcpy(held->key_id, key_id, sizeof(held->key_id));
	held->next = s->held;
	s->held = held;
	s->n_held++;
	if (!registrar_ask(s->registrar, request_key("lookup", key_id), on_lookup, held))
		return;
	s->held = held->next;
	s->n_held--;
	free(held);
}

bool server_intercept(struct server *s, const struct cpns_event *event,
		      const struct cpns_now *now)
{
	const struct cpns_hs *hs = session_machine(daemon_session(s->d));
	const struct held *held;
	const uint8_t *key_id;
	struct cpns_msg msg;

	if (event->datagram.len > sizeof(held->bytes) ||
	    cpns_msg_parse(event->datagram.data, event->datagram.len, &msg) ||
	    msg.h.type != CPNS_MSG_INIT || msg.h.dst != conf_of(s)->own.eid)
		return false;
	key_id = msg.init.key_id;
	if (cpns_hs_has_record(hs, key_id) || is_unknown(s, key_id, now))
		return false;
	/* The same INIT once more; the first one is answered. */
	for (held = s->held; held; held = held->next)
		if (!memcmp(held->key_id, key_id, CPNS_KEY_ID_LEN))
			return true;
	if (s->n_held < HELD_MAX && registrar_is_up(s->registrar) &&
	    !cpns_sources_over(&s->sources, &event->path.remote, SOURCE_RATE, now->ms) &&
	    cpns_bucket_take(&s->rate, LOOKUP_RATE, now->ms))
		hold(s, event, key_id);
	return true;
}

/* Keys that were completed for the first time */

static void on_confirmed(void *arg, const json_t *answer, const char *code)
{
	struct check *c = arg;
	const struct conf_peer *peer = conf_peer_by_eid(conf_of(c->server), c->eid);
	const struct conf_key *key = peer ? conf_peer_key(peer, c->key_id) : NULL;
	uint8_t older[CPNS_KEY_ID_LEN];
	size_t i;

	(void)code;
	/* The older generations have been given up there. */
	for (i = 0; answer && key && i < peer->n_keys; ) {
		if (peer->keys[i].file ||
		    peer->keys[i].record.generation >= key->record.generation) {
			i++;
			continue;
		}
		memcpy(older, peer->keys[i].record.key_id, sizeof(older));
		forget(c->server, c->eid, older, SESSION_RETIRE);
		peer = conf_peer_by_eid(conf_of(c->server), c->eid);
		key = peer ? conf_peer_key(peer, c->key_id) : NULL;
		i = 0;
	}
	free(c);
}

static struct check *check_new(struct server *s, uint64_t eid, const uint8_t *key_id)
{
	struct check *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->eid = eid;
	memcpy(c->key_id, key_id, sizeof(c->key_id));
	return c;
}

void server_established(struct server *s, uint64_t eid, const uint8_t *key_id)
{
	const struct conf_peer *peer = conf_peer_by_eid(conf_of(s), eid);
	const struct conf_key *key = peer ? conf_peer_key(peer, key_id) : NULL;
	struct check *c;

	if (!key || key->file)
		return;
	c = check_new(s, eid, key_id);
	if (c && registrar_ask(s->registrar, request_key("confirmed", key_id), on_confirmed, c))
		free(c);
}

/* Keys that are known, and what runs: are they still to be */

static void adopt(struct server *s, uint64_t eid)
{
	struct cpns_path none = { 0 };
	const struct cpns_path *path = &none;
	struct cpns_now now;
	size_t i;

	for (i = 0; i < s->n_places; i++)
		if (s->places[i].eid == eid)
			path = &s->places[i].path;
	daemon_now(s->d, &now);
	session_adopt(daemon_session(s->d), eid, path, s->orphans, s->n_orphans, &now);
}

static void on_check(void *arg, const json_t *answer, const char *code);

static void check_more(struct server *s)
{
	struct check *c;

	while (s->checked < s->n_checks && s->checking < CHECKS_MAX) {
		c = check_new(s, s->checks[s->checked].eid, s->checks[s->checked].key_id);
		if (!c)
			return;
		if (registrar_ask(s->registrar, request_key("lookup", c->key_id), on_check, c)) {
			free(c);
			return;
		}
		s->checked++;
		s->checking++;
	}
}

static bool is_orphan(const struct server *s, uint64_t eid)
{
	size_t i;

	if (conf_peer_by_eid(conf_of(s), eid))
		return false;
	for (i = 0; i < s->n_places; i++)
		if (s->places[i].eid == eid)
			return true;
	return false;
}

static void on_check(void *arg, const json_t *answer, const char *code)
{
	struct check *c = arg;
	struct server *s = c->server;
	bool orphan = is_orphan(s, c->eid);

	s->checking--;
	if (answer && orphan) {
		if (!take_record(s, answer))
			adopt(s, c->eid);
	} else if (code && (!strcmp(code, "unknown") || !strcmp(code, "revoked"))) {
		if (orphan)
			daemon_peer_drop(s->d, c->eid);
		forget(s, c->eid, c->key_id, SESSION_REVOKE);
	}
	free(c);
	check_more(s);
}

static int add_check(struct server *s, uint64_t eid, const uint8_t *key_id)
{
	struct check *list = realloc(s->checks, (s->n_checks + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	s->checks = list;
	list[s->n_checks].eid = eid;
	memcpy(list[s->n_checks].key_id, key_id, CPNS_KEY_ID_LEN);
	s->n_checks++;
	return 0;
}

/*
 * The registrar is there, for the first time or again: what it would have told
 * meanwhile is asked.
 */
static void check_all(struct server *s)
{
	const struct conf *conf = conf_of(s);
	const struct conf_peer *peer;
	size_t i, j;

	s->n_checks = 0;
	s->checked = 0;
	for (i = 0; i < s->n_orphans; i++)
		if (is_orphan(s, s->orphans[i].eid))
			add_check(s, s->orphans[i].eid, s->orphans[i].key_id);
	for (i = 0; i < conf->n_peers; i++) {
		peer = conf->peers[i];
		for (j = 0; j < peer->n_keys; j++)
			if (!peer->keys[j].file)
				add_check(s, peer->party.eid, peer->keys[j].record.key_id);
	}
	check_more(s);
}

/* What an entity is to have */

/**
 * struct wanted - a list of an entity that was asked for
 * @server: whose
 * @eid: entity
 * @role: of the code that it wants
 */
struct wanted {
	struct server	*server;
	uint64_t	eid;
};

static void on_localkeys(void *arg, const json_t *answer, const char *code)
{
	struct wanted *w = arg;

	(void)code;
	if (answer)
		stream_server_keys(w->server->streams, w->eid,
				   json_object_get(answer, "keys"),
				   json_object_get(answer, "revoked"));
	free(w);
}

static void on_permits(void *arg, const json_t *answer, const char *code)
{
	struct wanted *w = arg;

	(void)code;
	if (json_is_array(json_object_get(answer, "permits")))
		stream_server_permits(w->server->streams, w->eid,
				      json_object_get(answer, "permits"));
	free(w);
}

static void on_eukey(void *arg, const json_t *answer, const char *code)
{
	struct wanted *w = arg;

	(void)code;
	if (answer)
		stream_server_eukey(w->server->streams, w->eid,
				    json_object_get(answer, "record"));
	free(w);
}

static void on_code(void *arg, const json_t *answer, const char *code)
{
	struct wanted *w = arg;
	json_t *o;

	if (answer) {
		o = control_stream_message("code");
		json_object_set(o, "code", json_object_get(answer, "code"));
		json_object_set(o, "expires", json_object_get(answer, "expires"));
	} else {
		o = control_stream_message("refused");
		json_object_set_new(o, "error", json_string(code));
		json_object_set_new(o, "text", json_string(strcmp(code, "away") ?
			"the registrar refuses a code for this entity: ask who runs it" :
			"the registrar is away: try again later"));
	}
	stream_server_code(w->server->streams, w->eid, o);
	free(w);
}

/* Asks about an entity; what is the matter with it comes with the answer. */
static void ask_of(struct server *s, uint64_t eid, json_t *object, registrar_answer_t answer)
{
	const struct conf_peer *peer = conf_peer_by_eid(conf_of(s), eid);
	struct wanted *w = calloc(1, sizeof(*w));

	if (!peer || !w) {
		json_decref(object);
		free(w);
		return;
	}
	w->server = s;
	w->eid = eid;
	json_object_set_new(object, "entity", json_string(peer->party.id.text));
	if (registrar_ask(s->registrar, object, answer, w))
		free(w);
}

static void sync_entity(void *arg, uint64_t eid)
{
	struct server *s = arg;

	/* Keys first: a permit without one makes no peer. */
	ask_of(s, eid, request("localkeys"), on_localkeys);
	ask_of(s, eid, request("permits"), on_permits);
	ask_of(s, eid, request("eukey"), on_eukey);
}

static bool stream_known(void *arg, uint64_t eid)
{
	return conf_peer_by_eid(conf_of(arg), eid);
}

static void on_acked_answer(void *arg, const json_t *answer, const char *code)
{
	(void)answer;
	/* It is told again when the entity next says what it has. */
	if (code && strcmp(code, "away"))
		log_msg(LOG_DEBUG, "the registrar does not take an acknowledgment: %s", code);
	free(arg);
}

static void stream_acked(void *arg, uint64_t eid, const char *key_id)
{
	json_t *object = request("acked");

	json_object_set_new(object, "key_id", json_string(key_id));
	ask_of(arg, eid, object, on_acked_answer);
}

static void stream_code(void *arg, uint64_t eid, const char *role)
{
	json_t *object = request("code-new");

	json_object_set_new(object, "role", json_string(role));
	ask_of(arg, eid, object, on_code);
}

static const struct stream_server_ops stream_ops = {
	.known = stream_known,
	.hello = sync_entity,
	.acked = stream_acked,
	.code = stream_code,
};

/* What the registrar tells */

static void set_away(struct server *s, bool away)
{
	s->away = away;
	daemon_now(s->d, &s->since);
}

static void on_server(void *arg, const json_t *answer, const char *code)
{
	const char *id = json_string_value(json_object_get(answer, "entity"));
	struct server *s = arg;

	(void)code;
	if (id && strcmp(id, conf_of(s)->own.id.text))
		log_msg(LOG_ERR, "the registrar serves %s, not this Server: its keys are of no use",
			id);
}

static void registrar_up(void *arg)
{
	struct server *s = arg;

	log_msg(LOG_NOTICE, "the registrar is there");
	set_away(s, false);
	registrar_ask(s->registrar, request("server"), on_server, s);
	check_all(s);
	stream_server_each(s->streams, sync_entity, s);
}

static void registrar_away(void *arg, const char *why)
{
	log_msg(LOG_WARNING, "the registrar is away: %s; known entities go on", why);
	set_away(arg, true);
}

static void on_revoked(struct server *s, const json_t *key_ids)
{
	const struct conf *conf = conf_of(s);
	uint8_t key_id[CPNS_KEY_ID_LEN];
	const json_t *one;
	size_t i, j;

	json_array_foreach(key_ids, i, one) {
		if (!json_is_string(one) ||
		    cpns_hex_decode(json_string_value(one), json_string_length(one), key_id,
				    sizeof(key_id)))
			continue;
		for (j = 0; j < conf->n_peers; j++) {
			if (!conf_peer_key(conf->peers[j], key_id))
				continue;
			forget(s, conf->peers[j]->party.eid, key_id, SESSION_REVOKE);
			break;
		}
	}
	stream_server_revoke(s->streams, key_ids);
}

static void registrar_event(void *arg, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	const json_t *entity = json_object_get(event, "entity");
	struct cpns_party party;
	struct server *s = arg;

	if (name && !strcmp(name, "revoked"))
		on_revoked(s, json_object_get(event, "key_ids"));
	/* The role does not matter for the EID. */
	if (json_is_string(entity) &&
	    !cpns_party_set(&party, json_string_value(entity), json_string_length(entity),
			    CPNS_ROLE_PNE, NULL) && stream_server_has(s->streams, party.eid))
		sync_entity(s, party.eid);
}

static const struct registrar_ops registrar_ops = {
	.up = registrar_up,
	.away = registrar_away,
	.event = registrar_event,
};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	stream_server_each(s->streams, sync_entity, s);
}

/* Begin and end */

/* Peers that the daemon before had, and no file names. */
static int list_orphans(struct server *s, char *error)
{
	struct kernel *k = session_kernel(daemon_session(s->d));
	size_t i, j;
	int ret;

	ret = k->ops->peer_list(k, &s->places, &s->n_places);
	if (!ret)
		ret = k->ops->key_list(k, &s->orphans, &s->n_orphans);
	if (ret) {
		k->ops->error_text(k, ret, error, CPNS_ERROR_TEXT);
		return ret;
	}
	for (i = 0; i < s->n_places; i++) {
		if (!is_orphan(s, s->places[i].eid))
			continue;
		for (j = 0; j < s->n_orphans; j++)
			if (s->orphans[j].eid == s->places[i].eid)
				break;
		/* Without a session it comes back with its next handshake. */
		if (j == s->n_orphans)
			daemon_peer_drop(s->d, s->places[i].eid);
	}
	return 0;
}

int server_new(struct server **result, struct daemon *d, struct event_base *base,
	       uint32_t ifindex, char *error)
{
	const struct conf *conf = session_conf(daemon_session(d));
	struct timeval hour = { .tv_sec = REFRESH_S };
	struct server *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	*result = NULL;
	snprintf(error, CPNS_ERROR_TEXT, "no memory");
	if (!s)
		return ret;
	s->d = d;
	set_away(s, true);
	cpns_random(&s->sources.seed, sizeof(s->sources.seed));
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	if (!s->tick || event_add(s->tick, &hour))
		goto err;
	ret = list_orphans(s, error);
	if (ret)
		goto err;
	ret = -ENOMEM;
	s->streams = stream_server_new(base, conf->device, ifindex, conf->own.eid, &stream_ops,
				       s);
	if (s->streams)
		s->registrar = registrar_new(base, conf->registrar, &registrar_ops, s);
	if (!s->registrar)
		goto err;
	*result = s;
	return 0;
err:
	server_free(s);
	return ret;
}

void server_reloaded(struct server *s)
{
	registrar_move(s->registrar, conf_of(s)->registrar);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	/* The handshakes held back go with their requests. */
	registrar_free(s->registrar);
	stream_server_free(s->streams);
	if (s->tick)
		event_free(s->tick);
	cpns_peer_list_free(s->places, s->n_places);
	free(s->orphans);
	free(s->checks);
	free(s);
}

json_t *server_status(const struct server *s, const struct cpns_now *now)
{
	uint64_t ago = (now->ms - s->since.ms) / 1000;

	return json_pack("{s:b, s:I, s:i, s:i}", "registrar_away", s->away,
			 "since_s_ago", (json_int_t)ago,
			 "streams", (int)stream_server_count(s->streams),
			 "held", (int)s->n_held);
}
