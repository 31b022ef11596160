// SPDX-License-Identifier: GPL-2.0
/*
 * An enrolled entity: which peers follow from keys and permits, what of the
 * Server's word is refused, and that nothing is taken for stored which is not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <record-json.h>
#include <secret.h>
#include <state-file.h>

#include "../../userspace/cpnsd/conf-peer.h"
#include "../../userspace/cpnsd/daemon.h"
#include "../../userspace/cpnsd/entity.h"
#include "test-cpnsd.h"

#define GW	"gw@home.example"
#define PNE	"pne@home.example"

/* Stands in for the daemon: peers go into its configuration, and are counted. */
struct daemon {
	struct session	*session;
	unsigned int	puts;
	unsigned int	drops;
	unsigned int	connects;
};

void daemon_now(struct daemon *d, struct cpns_now *now)
{
	(void)d;
	now->ms = 1000;
	now->real = 1000;
}

struct session *daemon_session(struct daemon *d)
{
	return d->session;
}

int daemon_peer_put(struct daemon *d, struct conf_peer *peer, enum session_gone gone)
{
	struct conf *conf = (struct conf *)session_conf(d->session);
	struct conf_peer *old;

	(void)gone;
	d->puts++;
	assert_int_equal(conf_put_peer(conf, peer, &old), 0);
	conf_peer_free(old);
	return 0;
}

void daemon_peer_drop(struct daemon *d, uint64_t eid)
{
	d->drops++;
	conf_peer_free(conf_take_peer((struct conf *)session_conf(d->session), eid));
}

void daemon_connect(struct daemon *d, uint64_t eid)
{
	(void)eid;
	d->connects++;
}

void daemon_event(struct daemon *d, const struct cpns_event *event)
{
	(void)d;
	(void)event;
}

static char dir[40], path[64];

struct world {
	struct daemon	d;
	struct kernel	kernel;
	struct conf	*conf;
	struct entity	*e;
};

static void fill_record(struct cpns_key_record *r, uint8_t number, uint8_t kind,
			const char *own, unsigned int own_role, const char *peer,
			unsigned int peer_role, uint32_t generation)
{
	memset(r, 0, sizeof(*r));
	memset(r->key_id, number, sizeof(r->key_id));
	memset(r->key, number, sizeof(r->key));
	r->kind = kind;
	assert_int_equal(cpns_party_set(&r->own, own, strlen(own), own_role, NULL), 0);
	assert_int_equal(cpns_party_set(&r->peer, peer, strlen(peer), peer_role, NULL), 0);
	assert_int_equal(cpns_user_id_set(&r->user_id, "anna", 4, NULL), 0);
	r->generation = generation;
}

static json_t *record(uint8_t number, uint8_t kind, const char *own, unsigned int own_role,
		      const char *peer, unsigned int peer_role, uint32_t generation)
{
	struct cpns_key_record r;

	fill_record(&r, number, kind, own, own_role, peer, peer_role, generation);
	return cpns_record_to_json(&r);
}

static json_t *local(uint8_t number, uint32_t generation)
{
	return record(number, CPNS_KEY_LOCALEUKEY, GW, CPNS_ROLE_PNGW, PNE, CPNS_ROLE_PNE,
		      generation);
}

static json_t *permit(const char *peer, const char *role, bool relay)
{
	return json_pack("[{s:{s:s, s:s, s:s}, s:b, s:b, s:[s], s:[s]}]",
			 "entity", "id", peer, "role", role, "user", "anna", "relay", relay,
			 "via", 0, "inner_src", "10.9.0.0/16", "allowed_dst", "10.8.0.0/16");
}

static int random_bytes(void *arg, void *buf, size_t len)
{
	(void)arg;
	return cpns_random(buf, len);
}

/* The entity gw, or pne, with an EUKey of number 1 and generation 1. */
static void begin(struct world *w, const char *own, unsigned int role, const char *more)
{
	static const struct session_hooks hooks = { .random = random_bytes };
	const struct cpns_now now = { .ms = 1000, .real = 1000 };
	struct cpns_state *state = cpns_state_new();
	struct cpns_key_record r;
	char error[CPNS_ERROR_TEXT], text[512];
	struct conf_source source = { .name = "f", .text = text };

	memset(w, 0, sizeof(*w));
	fill_record(&r, 1, CPNS_KEY_EUKEY, own, role, "home.example", CPNS_ROLE_SERVER, 1);
	state->own = r.own;
	state->server = r.peer;
	state->user = r.user_id;
	snprintf(state->endpoints[0], sizeof(state->endpoints[0]), "192.0.2.1:4500");
	snprintf(state->endpoints[1], sizeof(state->endpoints[1]), "[2001:db8::1]:4500");
	state->n_endpoints = 2;
	assert_int_equal(cpns_state_key_put(state, &r), 0);
	assert_int_equal(cpns_state_save(path, state, 1000, error), 0);
	cpns_state_free(state);

	snprintf(text, sizeof(text), "[entity]\nstate = %s\n%s", path, more);
	source.len = strlen(text);
	assert_int_equal(conf_parse(&w->conf, &source, 1, NULL, NULL), 0);
	w->d.session = session_new(w->conf, &w->kernel, &hooks);
	assert_non_null(w->d.session);
	assert_int_equal(entity_new(&w->e, &w->d, w->conf, &now, error), 0);
	assert_int_equal(entity_complete(w->e, w->conf, error), 0);
}

static void end(struct world *w)
{
	entity_free(w->e);
	session_free(w->d.session);
	unlink(path);
}

/* What of the Server's word was refused, or 0; then it is stored. */
static int take_key(struct world *w, json_t *json, unsigned int kind)
{
	char error[CPNS_ERROR_TEXT];
	int ret = entity_take_key(w->e, json, kind, error);

	json_decref(json);
	return ret ? ret : entity_commit(w->e, error);
}

static int take_permits(struct world *w, json_t *json)
{
	char error[CPNS_ERROR_TEXT];
	int ret = entity_take_permits(w->e, json, error);

	json_decref(json);
	return ret ? ret : entity_commit(w->e, error);
}

static int take_revoked(struct world *w, uint8_t number)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	char text[CPNS_KEY_ID_TEXT], error[CPNS_ERROR_TEXT];
	json_t *json;
	int ret;

	memset(key_id, number, sizeof(key_id));
	cpns_hex_encode(key_id, sizeof(key_id), text);
	json = json_pack("[s]", text);
	ret = entity_take_revoked(w->e, json, error);
	json_decref(json);
	return ret ? ret : entity_commit(w->e, error);
}

static struct conf_peer *peer_of(struct world *w, const char *id)
{
	return conf_peer_find(session_conf(w->d.session), id);
}

/* What the file holds, read anew. */
static size_t stored_keys(size_t *revoked)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_state *state;
	size_t n;

	assert_int_equal(cpns_state_load(path, &state, error), 0);
	n = state->n_keys;
	*revoked = state->n_revoked;
	cpns_state_free(state);
	return n;
}

static void server_is_a_peer_from_the_start(void **state)
{
	const struct conf_peer *server;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_string_equal(w.conf->own.id.text, GW);
	assert_int_equal(w.conf->own.role, CPNS_ROLE_PNGW);
	assert_int_equal(w.conf->n_peers, 1);
	server = peer_of(&w, "home.example");
	assert_true(server->granted);
	assert_int_equal(server->n_keys, 1);
	assert_int_equal(server->endpoint.port, 4500);
	assert_int_equal(server->endpoint.family, AF_INET);
	assert_int_equal(server->connect, CONF_CONNECT_ALWAYS);
	assert_int_equal(server->keepalive, 25000);
	assert_int_equal(server->addresses.n, 0);
	end(&w);
}

static void via_is_where_server_and_pn_gw_are(void **state)
{
	struct world w;

	(void)state;
	begin(&w, PNE, CPNS_ROLE_PNE, "via = 10.0.0.1:4501\n");
	assert_int_equal(peer_of(&w, "home.example")->endpoint.port, 4501);
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(take_permits(&w, permit(GW, "pn-gw", false)), 0);
	assert_int_equal(peer_of(&w, GW)->endpoint.port, 4501);
	assert_int_equal(peer_of(&w, GW)->connect, CONF_CONNECT_ALWAYS);
	assert_int_equal(peer_of(&w, GW)->relay_to, 0);
	end(&w);
}

static void section_goes_before_what_is_granted(void **state)
{
	const struct conf_peer *peer;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW,
	      "[peer \"server\"]\nid = home.example\nrole = server\nendpoint = s.example:77\n"
	      "[peer \"watch\"]\nid = " PNE "\nrole = pne\naddress = 10.7.0.1\n");
	peer = peer_of(&w, "server");
	assert_string_equal(peer->host, "s.example");
	assert_int_equal(peer->n_keys, 1);
	assert_int_equal(peer_of(&w, "watch")->n_keys, 0);
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	peer = peer_of(&w, "watch");
	assert_int_equal(peer->n_keys, 1);
	assert_int_equal(peer->addresses.n, 2);
	assert_int_equal(peer->addresses.granted, 1);
	/* The section stays when all that is granted goes. */
	assert_int_equal(take_revoked(&w, 2), 0);
	peer = peer_of(&w, "watch");
	assert_int_equal(peer->n_keys, 0);
	assert_int_equal(peer->addresses.n, 1);
	assert_int_equal(peer->addresses.granted, 0);
	end(&w);
}

static void key_and_permit_make_a_peer(void **state)
{
	const struct conf_peer *peer;
	size_t revoked;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_null(peer_of(&w, PNE));
	assert_int_equal(stored_keys(&revoked), 2);
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	peer = peer_of(&w, PNE);
	assert_non_null(peer);
	assert_int_equal(peer->relay_to, peer_of(&w, "home.example")->party.eid);
	assert_string_equal(peer->user.text, "anna");
	assert_int_equal(peer->addresses.n, 1);
	assert_int_equal(peer->allowed_dst.n, 1);
	assert_int_equal(peer->connect, CONF_CONNECT_ON_DEMAND);
	/* The same once more changes nothing. */
	w.d.puts = 0;
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(w.d.puts, 0);
	assert_int_equal(take_permits(&w, permit(PNE, "pne", false)), 0);
	assert_int_equal(peer_of(&w, PNE)->relay_to, 0);
	/* Of another role than the key says there is no peer, nor without permit. */
	assert_int_equal(take_permits(&w, permit(PNE, "pn-gw", true)), 0);
	assert_null(peer_of(&w, PNE));
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	assert_non_null(peer_of(&w, PNE));
	assert_int_equal(take_permits(&w, json_array()), 0);
	assert_null(peer_of(&w, PNE));
	end(&w);
}

static void revoked_key_is_gone_for_good(void **state)
{
	size_t revoked;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(take_key(&w, local(3, 2), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	assert_int_equal(peer_of(&w, PNE)->n_keys, 2);
	assert_int_equal(take_revoked(&w, 3), 0);
	assert_int_equal(peer_of(&w, PNE)->n_keys, 1);
	assert_int_equal(take_revoked(&w, 2), 0);
	assert_null(peer_of(&w, PNE));
	assert_int_equal(stored_keys(&revoked), 1);
	assert_int_equal(revoked, 2);
	/* Told again it is as before; and it does not come back. */
	assert_int_equal(take_revoked(&w, 2), 0);
	assert_int_not_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_null(peer_of(&w, PNE));
	/* Nor is an EUKey taken away in this way. */
	assert_int_not_equal(take_revoked(&w, 1), 0);
	assert_int_equal(peer_of(&w, "home.example")->n_keys, 1);
	end(&w);
}

static void keys_for_others_are_refused(void **state)
{
	static const struct {
		uint8_t		kind;
		const char	*own;
		uint8_t		own_role;
		const char	*peer;
		uint8_t		peer_role;
		uint8_t		due;
	} bad[] = {
		/* not this entity, not in this role, */
		{ 2, "other@home.example", CPNS_ROLE_PNGW, PNE, CPNS_ROLE_PNE, 2 },
		{ 2, GW, CPNS_ROLE_PNE, "gw2@home.example", CPNS_ROLE_PNGW, 2 },
		/* not of the kind that the message is for, */
		{ 2, GW, CPNS_ROLE_PNGW, PNE, CPNS_ROLE_PNE, 1 },
		{ 1, GW, CPNS_ROLE_PNGW, "home.example", CPNS_ROLE_SERVER, 2 },
		{ 3, GW, CPNS_ROLE_PNGW, PNE, CPNS_ROLE_PNE, 2 },
		/* a LocalEUKey with the Server, an EUKey with another one, */
		{ 2, GW, CPNS_ROLE_PNGW, "home.example", CPNS_ROLE_SERVER, 2 },
		{ 1, GW, CPNS_ROLE_PNGW, "evil.example", CPNS_ROLE_SERVER, 1 },
		{ 2, GW, CPNS_ROLE_PNGW, "evil.example", CPNS_ROLE_SERVER, 2 },
	};
	size_t i, revoked;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *json = record(9, bad[i].kind, bad[i].own, bad[i].own_role, bad[i].peer,
				      bad[i].peer_role, 7);

		if (!take_key(&w, json, bad[i].due))
			fail_msg("bad key %zu was taken", i);
	}
	assert_int_not_equal(take_key(&w, json_array(), 2), 0);
	assert_int_equal(stored_keys(&revoked), 1);
	assert_int_equal(w.conf->n_peers, 1);
	end(&w);
}

static void newer_eukey_ends_the_older_one(void **state)
{
	const struct conf_peer *server;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	size_t revoked;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_int_equal(take_key(&w, record(5, CPNS_KEY_EUKEY, GW, CPNS_ROLE_PNGW,
					     "home.example", CPNS_ROLE_SERVER, 2), 1), 0);
	server = peer_of(&w, "home.example");
	assert_int_equal(server->n_keys, 2);
	assert_int_equal(w.d.connects, 1);
	/* Its first handshake may have come to nothing. */
	entity_connected(w.e);
	assert_int_equal(w.d.connects, 2);
	/* Another one of that generation, or an older one, is not taken. */
	assert_int_not_equal(take_key(&w, record(6, CPNS_KEY_EUKEY, GW, CPNS_ROLE_PNGW,
						 "home.example", CPNS_ROLE_SERVER, 2), 1), 0);
	/* A session with the old one says nothing of the new one. */
	memset(key_id, 1, sizeof(key_id));
	entity_established(w.e, server->party.eid, key_id);
	assert_int_equal(peer_of(&w, "home.example")->n_keys, 2);
	memset(key_id, 5, sizeof(key_id));
	entity_established(w.e, server->party.eid, key_id);
	assert_int_equal(peer_of(&w, "home.example")->n_keys, 1);
	assert_int_equal(stored_keys(&revoked), 1);
	entity_connected(w.e);
	assert_int_equal(w.d.connects, 2);
	end(&w);
}

static void what_is_not_stored_is_an_error(void **state)
{
	char error[CPNS_ERROR_TEXT];
	size_t revoked;
	struct world w;
	json_t *json;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	/* A directory in place of it: root can't replace it with a file, either. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	json = local(2, 1);
	assert_int_equal(entity_take_key(w.e, json, 2, error), 0);
	json_decref(json);
	assert_int_not_equal(entity_commit(w.e, error), 0);
	/* In force it is, and stored it will be. */
	assert_non_null(peer_of(&w, PNE));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(entity_commit(w.e, error), 0);
	assert_int_equal(stored_keys(&revoked), 2);
	end(&w);
}

static bool is_away(struct world *w)
{
	struct cpns_now now;
	json_t *status;
	bool away;

	daemon_now(&w->d, &now);
	status = entity_status(w->e, &now);
	away = json_is_true(json_object_get(status, "away"));
	assert_non_null(json_object_get(status, away ? "away_since" : "there_since"));
	json_decref(status);
	return away;
}

static void server_comes_and_goes(void **state)
{
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint64_t server;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	server = entity_server(w.e);
	assert_true(is_away(&w));
	memset(key_id, 1, sizeof(key_id));
	entity_established(w.e, server, key_id);
	assert_false(is_away(&w));
	entity_silent(w.e, server + 1);
	assert_false(is_away(&w));
	entity_silent(w.e, server);
	assert_true(is_away(&w));
	/* It is tried elsewhere, and found there. */
	entity_tick(w.e);
	assert_int_equal(peer_of(&w, "home.example")->endpoint.family, AF_INET6);
	entity_tick(w.e);
	assert_int_equal(peer_of(&w, "home.example")->endpoint.family, AF_INET);
	entity_heard(w.e);
	assert_false(is_away(&w));
	entity_tick(w.e);
	assert_int_equal(peer_of(&w, "home.example")->endpoint.family, AF_INET);
	end(&w);
}

static void grants_are_carried_over(void **state)
{
	struct conf_source source = { .name = "f" };
	const struct conf_peer *peer;
	struct conf *conf;
	char text[512];
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(take_permits(&w, permit(PNE, "pne", true)), 0);
	snprintf(text, sizeof(text),
		 "[entity]\nstate = %s\n[peer \"watch\"]\nid = " PNE "\nrole = pne\n"
		 "address = 10.7.0.1\n", path);
	source.text = text;
	source.len = strlen(text);
	assert_int_equal(conf_parse(&conf, &source, 1, NULL, NULL), 0);
	assert_int_equal(conf_carry_over(conf, w.conf), 0);
	assert_int_equal(conf->n_peers, 2);
	peer = conf_peer_find(conf, "watch");
	assert_false(peer->granted);
	assert_int_equal(peer->n_keys, 1);
	assert_int_equal(peer->addresses.n, 2);
	assert_int_not_equal(peer->relay_to, 0);
	peer = conf_peer_find(conf, "home.example");
	assert_true(peer->granted);
	assert_int_equal(peer->endpoint.port, 4500);
	conf_free(conf);
	end(&w);
}

/* What an enrolment does to the file while the daemon runs. */
static void enrol_anew(const char *user, uint8_t number, uint32_t generation)
{
	char error[CPNS_ERROR_TEXT];
	struct cpns_key_record r;
	struct cpns_state *file;

	assert_int_equal(cpns_state_load(path, &file, error), 0);
	fill_record(&r, number, CPNS_KEY_EUKEY, GW, CPNS_ROLE_PNGW, "home.example",
		    CPNS_ROLE_SERVER, generation);
	if (strcmp(user, "anna")) {
		while (file->n_keys)
			assert_true(cpns_state_key_drop(file, file->keys[0].key_id));
		assert_int_equal(cpns_user_id_set(&r.user_id, user, strlen(user), NULL), 0);
		file->user = r.user_id;
	}
	snprintf(file->endpoints[0], sizeof(file->endpoints[0]), "192.0.2.9:4500");
	file->n_endpoints = 1;
	assert_int_equal(cpns_state_key_put(file, &r), 0);
	assert_int_equal(cpns_state_save(path, file, 1000, error), 0);
	cpns_state_free(file);
}

static void enrolment_under_a_running_daemon(void **state)
{
	char error[CPNS_ERROR_TEXT] = "";
	const struct conf_peer *server;
	size_t revoked;
	struct world w;

	(void)state;
	begin(&w, GW, CPNS_ROLE_PNGW, "");
	/* Nothing new: nothing is done. */
	assert_int_equal(entity_reread(w.e, error), 0);
	assert_int_equal(w.d.connects, 0);
	enrol_anew("anna", 4, 2);
	assert_int_equal(entity_reread(w.e, error), 0);
	server = peer_of(&w, "home.example");
	assert_int_equal(server->n_keys, 2);
	assert_int_equal(w.d.connects, 1);
	/* What the daemon writes next has both, and what it got itself. */
	assert_int_equal(take_key(&w, local(2, 1), CPNS_KEY_LOCALEUKEY), 0);
	assert_int_equal(stored_keys(&revoked), 3);
	/* Another enrolment is not mixed with this one. */
	enrol_anew("bob", 5, 1);
	assert_int_equal(entity_reread(w.e, error), -EBUSY);
	assert_non_null(strstr(error, "restart cpnsd"));
	assert_int_equal(peer_of(&w, "home.example")->n_keys, 2);
	unlink(path);
	assert_int_equal(entity_reread(w.e, error), -ENOENT);
	end(&w);
}

static int make_directory(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cpnsd-test-entity.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/cpns0.json", dir);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(dir);
}

struct unit_result test_cpnsd_entity(void)
{
	static const unit_case tests[] = {
		cmocka_unit_test(server_is_a_peer_from_the_start),
		cmocka_unit_test(via_is_where_server_and_pn_gw_are),
		cmocka_unit_test(section_goes_before_what_is_granted),
		cmocka_unit_test(key_and_permit_make_a_peer),
		cmocka_unit_test(revoked_key_is_gone_for_good),
		cmocka_unit_test(keys_for_others_are_refused),
		cmocka_unit_test(newer_eukey_ends_the_older_one),
		cmocka_unit_test(what_is_not_stored_is_an_error),
		cmocka_unit_test(server_comes_and_goes),
		cmocka_unit_test(grants_are_carried_over),
		cmocka_unit_test(enrolment_under_a_running_daemon),
	};

	return (struct unit_result){ ARRAY_SIZE(tests),
		cmocka_run_group_tests(tests, make_directory, remove_directory) };
}
