// SPDX-License-Identifier: GPL-2.0
/* An enrolled entity: its state file, and the peers that follow from it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/cpns.h>

#include <record-json.h>
#include <state-file.h>

#include "conf-peer.h"
#include "daemon.h"
#include "entity.h"
#include "log.h"

/* Of those who were thrown out so many are known by name, until the daemon ends. */
#define REVOKED_MAX	64

/**
 * struct entity - an enrolled entity
 * @d: the daemon
 * @path: state file
 * @state: contents of it, as they are to be
 * @unsaved: @state is not what the file holds
 * @turn: which endpoint of the Server is tried
 * @away: nothing is heard of the Server
 * @since: since when that is so, or the Server is there
 * @changed: EIDs of peers that are to be looked at
 * @n_changed: how many
 * @revoked: whose keys were revoked, the newest last
 * @n_revoked: how many
 */
struct entity {
	struct daemon		*d;
	char			*path;
	struct cpns_state	*state;
	bool			unsaved;
	size_t			turn;
	bool			away;
	struct cpns_now		since;
	uint64_t		*changed;
	size_t			n_changed;
	struct cpns_party	revoked[REVOKED_MAX];
	size_t			n_revoked;
};

/* A session that was made from a key may live on for so long after the key's end. */
static bool expire(struct cpns_state *state, const struct cpns_now *now)
{
	return now->real > CPNS_LIFETIME_MAX &&
	       cpns_state_expire(state, now->real - CPNS_LIFETIME_MAX);
}

int entity_new(struct entity **result, struct daemon *d, const struct conf *conf,
	       const struct cpns_now *now, char *error)
{
	struct entity *e = calloc(1, sizeof(*e));
	int ret = -ENOMEM;

	*result = NULL;
	if (e)
		e->path = strdup(conf->state);
	if (!e || !e->path) {
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
		goto err;
	}
	e->d = d;
	e->away = true;
	e->since = *now;
	ret = cpns_state_load(e->path, &e->state, error);
	if (ret)
		goto err;
	e->unsaved = expire(e->state, now);
	*result = e;
	return 0;
err:
	entity_free(e);
	return ret;
}

void entity_free(struct entity *e)
{
	if (!e)
		return;
	cpns_state_free(e->state);
	free(e->changed);
	free(e->path);
	free(e);
}

/* Peers */

static bool is_key_of(const struct cpns_key_record *key, const struct cpns_party *server,
		      uint64_t eid)
{
	uint8_t kind = eid == server->eid ? CPNS_KEY_EUKEY : CPNS_KEY_LOCALEUKEY;

	return key->kind == kind && key->peer.eid == eid;
}

static int grant_keys(const struct entity *e, struct conf_peer *peer)
{
	const struct cpns_state *state = e->state;
	size_t i;

	for (i = 0; i < state->n_keys; i++)
		if (is_key_of(&state->keys[i], &state->server, peer->party.eid) &&
		    conf_peer_grant_key(peer, &state->keys[i]))
			return -ENOMEM;
	return 0;
}

static int grant_permit(const struct entity *e, struct conf_peer *peer,
			const struct cpns_permit *permit)
{
	int ret;

	peer->user = permit->user;
	if (e->state->own.role == CPNS_ROLE_PNGW && permit->relay)
		peer->relay_to = e->state->server.eid;
	ret = conf_peer_grant_prefixes(&peer->addresses, &permit->inner_src);
	if (!ret)
		ret = conf_peer_grant_prefixes(&peer->allowed_dst, &permit->allowed_dst);
	return ret;
}

static void set_place(struct conf_peer *peer, const struct conf_place *place)
{
	if (peer->endpoint.port)
		return;
	memcpy(peer->host, place->host, sizeof(peer->host));
	peer->endpoint = place->endpoint;
}

/* "host:port" or a numeric endpoint, as a state file has them. */
static void parse_place(const char *text, struct conf_place *place)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	size_t len;

	memset(place, 0, sizeof(*place));
	if (!cpns_endpoint_parse(text, &place->endpoint))
		return;
	memset(&place->endpoint, 0, sizeof(place->endpoint));
	if (!colon || cpns_u64_parse(colon + 1, 1, UINT16_MAX, &port))
		return;
	len = colon - text;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!len || len > CONF_HOST_MAX)
		return;
	memcpy(place->host, text, len);
	place->endpoint.port = port;
}

static void place_server(const struct entity *e, const struct conf *conf,
			 struct conf_peer *peer)
{
	const struct cpns_state *state = e->state;
	struct conf_place place;

	set_place(peer, &conf->via);
	if (!state->n_endpoints)
		return;
	parse_place(state->endpoints[e->turn % state->n_endpoints], &place);
	set_place(peer, &place);
}

static const struct cpns_key_record *any_key(const struct entity *e, uint64_t eid)
{
	const struct cpns_state *state = e->state;
	size_t i;

	for (i = 0; i < state->n_keys; i++)
		if (is_key_of(&state->keys[i], &state->server, eid))
			return &state->keys[i];
	return NULL;
}

/*
 * A peer as the state wants it beside the configuration: with a key of it, and
 * with a permit where it is not the Server. What is lacking one of them is
 * what the configuration alone says, or not there at all: then NULL and 0.
 */
static struct conf_peer *build_peer(const struct entity *e, const struct conf *conf,
				    uint64_t eid, int *error)
{
	const struct conf_peer *section = conf_peer_by_eid(conf, eid);
	const struct cpns_permit *permit = cpns_permits_find(&e->state->permits, eid);
	const struct cpns_key_record *key = any_key(e, eid);
	bool server = eid == e->state->server.eid;
	static const struct cpns_name none;
	struct conf_peer *peer;
	int ret = 0;

	*error = 0;
	if (section && section->granted)
		section = NULL;
	if (!server && key && (!permit || permit->entity.role != key->peer.role))
		key = NULL;
	if (!section && !key)
		return NULL;
	peer = section ? conf_peer_configured(section) :
	       conf_peer_granted(&key->peer, server ? &none : &permit->user);
	*error = -ENOMEM;
	if (!peer)
		return NULL;
	if (key)
		ret = grant_keys(e, peer);
	if (!ret && key && permit)
		ret = grant_permit(e, peer, permit);
	if (ret == -E2BIG)
		log_msg(LOG_ERR, "peer %s: the Server permits more prefixes than a peer takes",
			peer->name);
	else if (ret)
		goto err_free;
	if (server)
		place_server(e, conf, peer);
	else if (e->state->own.role == CPNS_ROLE_PNE && peer->party.role == CPNS_ROLE_PNGW)
		set_place(peer, &conf->via);
	conf_peer_set_defaults(peer, &conf->own);
	*error = 0;
	return peer;
err_free:
	conf_peer_free(peer);
	return NULL;
}

static int complete_peer(struct entity *e, struct conf *conf, uint64_t eid)
{
	struct conf_peer *peer, *old;
	int ret;

	peer = build_peer(e, conf, eid, &ret);
	if (!peer)
		return ret;
	ret = conf_put_peer(conf, peer, &old);
	conf_peer_free(ret ? peer : old);
	return ret;
}

int entity_complete(struct entity *e, struct conf *conf, char *error)
{
	const struct cpns_state *state = e->state;
	int ret = complete_peer(e, conf, state->server.eid);
	size_t i;

	for (i = 0; i < state->n_keys && !ret; i++)
		ret = complete_peer(e, conf, state->keys[i].peer.eid);
	if (ret)
		snprintf(error, CPNS_ERROR_TEXT, "no memory");
	return ret;
}

static void change(struct entity *e, uint64_t eid)
{
	uint64_t *list;
	size_t i;

	for (i = 0; i < e->n_changed; i++)
		if (e->changed[i] == eid)
			return;
	list = realloc(e->changed, (e->n_changed + 1) * sizeof(*list));
	if (!list) {
		log_msg(LOG_ERR, "no memory: a peer stays as it was until the next restart");
		return;
	}
	e->changed = list;
	list[e->n_changed++] = eid;
}

static void look_at(struct entity *e, uint64_t eid, enum session_gone gone)
{
	const struct conf *conf = session_conf(daemon_session(e->d));
	struct conf_peer *peer;
	int ret;

	peer = build_peer(e, conf, eid, &ret);
	if (peer)
		daemon_peer_put(e->d, peer, gone);
	else if (!ret && conf_peer_by_eid(conf, eid))
		daemon_peer_drop(e->d, eid);
}

static void look_at_changed(struct entity *e, enum session_gone gone)
{
	size_t i;

	for (i = 0; i < e->n_changed; i++)
		look_at(e, e->changed[i], gone);
	e->n_changed = 0;
}

void entity_reloaded(struct entity *e)
{
	const struct cpns_state *state = e->state;
	size_t i;

	change(e, state->server.eid);
	for (i = 0; i < state->n_keys; i++)
		change(e, state->keys[i].peer.eid);
	look_at_changed(e, SESSION_REVOKE);
	/* It may be reached in another way now, of which nobody there knows yet. */
	daemon_connect(e->d, state->server.eid);
}

/* What the Server says */

static bool is_newer(const struct entity *e, const struct cpns_key_record *record)
{
	const struct cpns_state *state = e->state;
	size_t i;

	for (i = 0; i < state->n_keys; i++)
		if (is_key_of(&state->keys[i], &state->server, record->peer.eid) &&
		    state->keys[i].generation >= record->generation)
			return false;
	return true;
}

/* Of a pair with the Server only the Server's own EUKeys, of others none. */
static int check_kind(const struct entity *e, const struct cpns_key_record *record,
		      unsigned int kind, char *error)
{
	bool server = record->peer.eid == e->state->server.eid;
	bool eukey = kind == CPNS_KEY_EUKEY;

	if (record->kind != kind) {
		snprintf(error, CPNS_ERROR_TEXT, "this is no %s", cpns_key_kind_name(kind));
		return -EINVAL;
	}
	if (server != eukey ||
	    (server && !cpns_name_equal(&record->peer.id, &e->state->server.id))) {
		snprintf(error, CPNS_ERROR_TEXT, "the %s is for the wrong pair of entities",
			 cpns_key_kind_name(kind));
		return -EINVAL;
	}
	if (!server && (record->own.role == record->peer.role ||
			record->peer.role == CPNS_ROLE_SERVER)) {
		snprintf(error, CPNS_ERROR_TEXT, "a LocalEUKey is for a PN GW and a PNE");
		return -EINVAL;
	}
	return 0;
}

int entity_take_key(struct entity *e, const json_t *json, unsigned int kind, char *error)
{
	struct cpns_key_record record;
	bool known;
	int ret;

	ret = cpns_record_from_json(json, &e->state->own.id, e->state->own.role, &record, error);
	if (ret)
		return ret;
	ret = check_kind(e, &record, kind, error);
	if (ret)
		goto out;
	known = cpns_state_key_find(e->state, record.key_id);
	if (kind == CPNS_KEY_EUKEY && !known && !is_newer(e, &record)) {
		snprintf(error, CPNS_ERROR_TEXT, "there is a newer EUKey already");
		ret = -EINVAL;
		goto out;
	}
	ret = cpns_state_key_put(e->state, &record);
	if (ret == -EEXIST) {
		ret = 0;
		goto out;
	}
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "the key is not taken: %s", strerror(-ret));
		goto out;
	}
	log_msg(LOG_NOTICE, "%s for %s, generation %u, has come from the Server",
		kind == CPNS_KEY_EUKEY ? "EUKey" : "LocalEUKey", record.peer.id.text,
		record.generation);
	e->unsaved = true;
	change(e, record.peer.eid);
out:
	cpns_record_wipe(&record);
	return ret;
}

static void note_revoked(struct entity *e, const struct cpns_party *party)
{
	size_t i;

	for (i = 0; i < e->n_revoked && e->revoked[i].eid != party->eid; i++)
		;
	if (i == REVOKED_MAX)
		i = 0;
	/* The oldest goes, or what it was called before. */
	if (i < e->n_revoked) {
		memmove(&e->revoked[i], &e->revoked[i + 1],
			(e->n_revoked - i - 1) * sizeof(e->revoked[0]));
		e->n_revoked--;
	}
	e->revoked[e->n_revoked++] = *party;
}

static int take_revoked(struct entity *e, const json_t *json, char *error)
{
	const struct cpns_key_record *key;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint64_t eid = 0;
	int ret;

	if (!json_is_string(json) ||
	    cpns_hex_decode(json_string_value(json), json_string_length(json), key_id,
			    sizeof(key_id))) {
		snprintf(error, CPNS_ERROR_TEXT, "\"key_ids\" holds what is no key_id");
		return -EINVAL;
	}
	key = cpns_state_key_find(e->state, key_id);
	if (key && key->kind == CPNS_KEY_EUKEY) {
		snprintf(error, CPNS_ERROR_TEXT, "an EUKey is not revoked in this way");
		return -EPERM;
	}
	if (key) {
		eid = key->peer.eid;
		note_revoked(e, &key->peer);
		log_msg(LOG_NOTICE, "the LocalEUKey for %s is revoked", key->peer.id.text);
	}
	ret = cpns_state_revoke(e->state, key_id);
	if (ret == -EALREADY)
		return 0;
	if (ret) {
		snprintf(error, CPNS_ERROR_TEXT, "%s", strerror(-ret));
		return ret;
	}
	e->unsaved = true;
	if (eid)
		change(e, eid);
	return 0;
}

int entity_take_revoked(struct entity *e, const json_t *key_ids, char *error)
{
	const json_t *one;
	size_t i;
	int ret;

	if (!json_is_array(key_ids)) {
		snprintf(error, CPNS_ERROR_TEXT, "\"key_ids\" is no list");
		return -EINVAL;
	}
	json_array_foreach(key_ids, i, one) {
		ret = take_revoked(e, one, error);
		if (ret)
			return ret;
	}
	return 0;
}

static bool same_list(const struct cpns_permit_prefixes *a, const struct cpns_permit_prefixes *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->list, b->list, a->n * sizeof(*a->list)));
}

static bool same_permit(const struct cpns_permit *a, const struct cpns_permit *b)
{
	return a && b && cpns_name_equal(&a->entity.id, &b->entity.id) &&
	       a->entity.role == b->entity.role && cpns_name_equal(&a->user, &b->user) &&
	       a->relay == b->relay && a->via == b->via &&
	       same_list(&a->inner_src, &b->inner_src) &&
	       same_list(&a->allowed_dst, &b->allowed_dst);
}

/* Each peer of @a whose permit is another in @b. */
static void note_permits(struct entity *e, const struct cpns_permits *a,
			 const struct cpns_permits *b)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		uint64_t eid = a->list[i].entity.eid;

		if (same_permit(&a->list[i], cpns_permits_find(b, eid)))
			continue;
		e->unsaved = true;
		change(e, eid);
	}
}

int entity_take_permits(struct entity *e, const json_t *json, char *error)
{
	struct cpns_permits permits, old = e->state->permits;
	int ret = cpns_permits_from_json(json, &permits, error);

	if (ret)
		return ret;
	note_permits(e, &old, &permits);
	note_permits(e, &permits, &old);
	e->state->permits = permits;
	cpns_permits_clear(&old);
	return 0;
}

static int save(struct entity *e, char *error)
{
	struct cpns_now now;
	int ret;

	if (!e->unsaved)
		return 0;
	daemon_now(e->d, &now);
	ret = cpns_state_save(e->path, e->state, now.real, error);
	if (ret)
		log_msg(LOG_ERR, "%s", error);
	e->unsaved = ret;
	return ret;
}

int entity_commit(struct entity *e, char *error)
{
	bool newer = false;
	size_t i;
	int ret;

	for (i = 0; i < e->n_changed; i++)
		newer |= e->changed[i] == e->state->server.eid;
	ret = save(e, error);
	look_at_changed(e, SESSION_REVOKE);
	/* A new EUKey counts from its first handshake. */
	if (newer && !ret)
		daemon_connect(e->d, e->state->server.eid);
	return ret;
}

static bool same_entity(const struct cpns_state *a, const struct cpns_state *b)
{
	return cpns_name_equal(&a->own.id, &b->own.id) && a->own.role == b->own.role &&
	       cpns_name_equal(&a->user, &b->user) &&
	       cpns_name_equal(&a->server.id, &b->server.id);
}

int entity_reread(struct entity *e, char *error)
{
	struct cpns_state *file;
	size_t i;
	int ret;

	ret = cpns_state_load(e->path, &file, error);
	if (ret)
		return ret;
	if (!same_entity(file, e->state)) {
		snprintf(error, CPNS_ERROR_TEXT,
			 "%.200s is another enrolment now: restart cpnsd to take it",
			 e->path);
		cpns_state_free(file);
		return -EBUSY;
	}
	e->state->n_endpoints = file->n_endpoints;
	memcpy(e->state->endpoints, file->endpoints, sizeof(file->endpoints));
	for (i = 0; i < file->n_keys; i++) {
		if (file->keys[i].kind != CPNS_KEY_EUKEY ||
		    cpns_state_key_put(e->state, &file->keys[i]))
			continue;
		e->unsaved = true;
		change(e, e->state->server.eid);
	}
	cpns_state_free(file);
	return entity_commit(e, error);
}

/* The Server's presence */

static void set_away(struct entity *e, bool away)
{
	if (e->away == away)
		return;
	e->away = away;
	daemon_now(e->d, &e->since);
	log_msg(LOG_NOTICE, away ? "the Server %s is away; what is local goes on" :
		"the Server %s is there", e->state->server.id.text);
}

void entity_connected(struct entity *e)
{
	const struct cpns_state *state = e->state;
	size_t i, n = 0;

	for (i = 0; i < state->n_keys; i++)
		n += is_key_of(&state->keys[i], &state->server, state->server.eid);
	if (n > 1)
		daemon_connect(e->d, state->server.eid);
}

void entity_heard(struct entity *e)
{
	set_away(e, false);
}

void entity_silent(struct entity *e, uint64_t eid)
{
	if (eid == e->state->server.eid)
		set_away(e, true);
}

void entity_established(struct entity *e, uint64_t eid, const uint8_t *key_id)
{
	const struct cpns_key_record *key = cpns_state_key_find(e->state, key_id);
	char error[CPNS_ERROR_TEXT];
	uint32_t generation;
	size_t i;

	if (eid != e->state->server.eid || !key)
		return;
	set_away(e, false);
	/* The Server knows the newer one now: the older ones have had their time. */
	generation = key->generation;
	for (i = 0; i < e->state->n_keys; ) {
		const struct cpns_key_record *old = &e->state->keys[i];

		if (!is_key_of(old, &e->state->server, eid) || old->generation >= generation) {
			i++;
			continue;
		}
		cpns_state_key_drop(e->state, old->key_id);
		e->unsaved = true;
		i = 0;
	}
	if (e->unsaved && !save(e, error))
		look_at(e, eid, SESSION_RETIRE);
}

static bool rotates(const struct entity *e)
{
	const struct conf *conf = session_conf(daemon_session(e->d));
	const struct conf_peer *peer = conf_peer_by_eid(conf, e->state->server.eid);

	return e->away && e->state->n_endpoints > 1 && !conf->via.endpoint.port && peer &&
	       peer->granted;
}

void entity_tick(struct entity *e)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_now now;
	size_t i;

	daemon_now(e->d, &now);
	for (i = 0; i < e->state->n_keys; i++)
		change(e, e->state->keys[i].peer.eid);
	if (expire(e->state, &now)) {
		e->unsaved = true;
		look_at_changed(e, SESSION_RETIRE);
	}
	e->n_changed = 0;
	save(e, error);
	if (!rotates(e))
		return;
	e->turn++;
	look_at(e, e->state->server.eid, SESSION_RETIRE);
}

/* For others */

uint64_t entity_server(const struct entity *e)
{
	return e->state->server.eid;
}

const struct cpns_party *entity_own(const struct entity *e)
{
	return &e->state->own;
}

static void append_hex(json_t *list, const uint8_t *key_id)
{
	char text[CPNS_KEY_ID_TEXT];

	cpns_hex_encode(key_id, CPNS_KEY_ID_LEN, text);
	json_array_append_new(list, json_string(text));
}

json_t *entity_have(const struct entity *e)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < e->state->n_keys; i++)
		append_hex(list, e->state->keys[i].key_id);
	return list;
}

json_t *entity_revoked(const struct entity *e)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < e->state->n_revoked; i++)
		append_hex(list, e->state->revoked[i].key_id);
	return list;
}

static json_t *keys_json(const struct entity *e)
{
	char key_id[CPNS_KEY_ID_TEXT];
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < e->state->n_keys; i++) {
		const struct cpns_key_record *key = &e->state->keys[i];

		cpns_hex_encode(key->key_id, CPNS_KEY_ID_LEN, key_id);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I}",
						      "key_id", key_id,
						      "kind", cpns_key_kind_name(key->kind),
						      "with", key->peer.id.text,
						      "generation",
						      (json_int_t)key->generation,
						      "not_after",
						      (json_int_t)key->not_after));
	}
	return list;
}

/* Who has no key any more. */
static json_t *revoked_json(const struct entity *e)
{
	json_t *list = json_array();
	char eid[CPNS_EID_TEXT];
	size_t i;

	for (i = 0; i < e->n_revoked; i++) {
		if (any_key(e, e->revoked[i].eid))
			continue;
		cpns_eid_format(e->revoked[i].eid, eid);
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", e->revoked[i].id.text,
						      "eid", eid));
	}
	return list;
}

json_t *entity_status(const struct entity *e, const struct cpns_now *now)
{
	uint64_t ago = (now->ms - e->since.ms) / 1000;
	json_t *o;

	o = json_pack("{s:s, s:s, s:b, s:I, s:I, s:o, s:o}", "id", e->state->server.id.text,
		      "user", e->state->user.text, "away", e->away,
		      e->away ? "away_since" : "there_since",
		      (json_int_t)(now->real - ago), "since_s_ago", (json_int_t)ago,
		      "keys", keys_json(e), "revoked", revoked_json(e));
	return o;
}
