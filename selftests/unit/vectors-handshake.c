// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors of handshakes: every value of the key schedule, and every datagram
 * as the handshake machine makes it when its random numbers are those of the
 * file. Then what it must drop, in each state.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "hs-internal.h"
#include "secret.h"
#include "util.h"
#include "vectors.h"

enum { HANDSHAKES_MAX = 64, SENT_MAX = 4, EXT_MAX = 512, HOP_LIMIT_AT = 2 };

static struct handshake handshakes[HANDSHAKES_MAX];
static size_t n_handshakes;

const struct handshake *handshake_find(const char *name)
{
	size_t i;

	for (i = 0; i < n_handshakes; i++)
		if (!strcmp(handshakes[i].name, name))
			return &handshakes[i];
	return NULL;
}

const struct handshake *handshake_between(uint64_t initiator, uint64_t responder,
					  uint32_t sid_r)
{
	size_t i;

	for (i = 0; i < n_handshakes; i++)
		if (handshakes[i].record.own.eid == initiator &&
		    handshakes[i].record.peer.eid == responder &&
		    (!sid_r || handshakes[i].sid_r == sid_r))
			return &handshakes[i];
	return NULL;
}

/* ---- one end ---- */

/**
 * struct installed - a session that the machine installed
 * @key: what was told
 * @tx: copy of its keys
 * @rx: copy of its keys
 * @exporter: copy
 * @key_id: copy
 */
struct installed {
	struct cpns_hs_key key;
	struct cpns_traffic tx;
	struct cpns_traffic rx;
	uint8_t exporter[CPNS_HASH_LEN];
	uint8_t key_id[CPNS_KEY_ID_LEN];
};

/**
 * struct end - a handshake machine and what it did
 * @hs: machine
 * @path: where the other end is
 * @script: are the random numbers those of the file
 * @sid: number to draw
 * @nonce: number to draw
 * @private: number to draw
 * @seed: of the other ones
 * @n_sent: datagrams sent
 * @sent: them
 * @n_installed: sessions installed
 * @installed: the last one
 * @ext: extensions of INIT, RESP, CONFIRM
 * @params: as given to the machine
 */
struct end {
	struct cpns_hs *hs;
	struct cpns_path path;
	bool script;
	struct bytes sid;
	struct bytes nonce;
	struct bytes private;
	uint64_t seed;
	size_t n_sent;
	struct bytes sent[SENT_MAX];
	unsigned int n_installed;
	struct installed installed;
	uint8_t ext[3][EXT_MAX];
	struct cpns_hs_params params;
};

static const struct cpns_now start = { .ms = 1000000, .real = 1800000000 };

static void on_send(void *ctx, const struct cpns_path *path, const void *datagram, size_t len)
{
	struct end *end = ctx;

	(void)path;
	if (end->n_sent == SENT_MAX || len > BYTES_MAX) {
		tell_wrong("more is sent than is right");
		return;
	}
	memcpy(end->sent[end->n_sent].data, datagram, len);
	end->sent[end->n_sent++].len = len;
}

static int on_install(void *ctx, const struct cpns_hs_key *key)
{
	struct end *end = ctx;

	end->n_installed++;
	end->installed.key = *key;
	end->installed.tx = *key->tx;
	end->installed.rx = *key->rx;
	memcpy(end->installed.exporter, key->exporter, CPNS_HASH_LEN);
	memcpy(end->installed.key_id, key->key_id, CPNS_KEY_ID_LEN);
	return 0;
}

static int on_random(void *ctx, enum cpns_hs_draw what, void *buf, size_t len)
{
	struct end *end = ctx;
	const struct bytes *from = NULL;
	uint8_t *p = buf;

	if (end->script && what == CPNS_DRAW_SID)
		from = &end->sid;
	else if (end->script && what == CPNS_DRAW_NONCE)
		from = &end->nonce;
	else if (end->script && what == CPNS_DRAW_X25519)
		from = &end->private;
	if (from && from->len == len) {
		memcpy(buf, from->data, len);
		return 0;
	}
	if (from)
		tell_wrong("a random number of the file has another length");
	while (len--) {
		end->seed = end->seed * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (uint8_t)(end->seed >> 56);
	}
	return 0;
}

static const struct cpns_hs_ops ops = {
	.send = on_send,
	.install = on_install,
	.random = on_random,
};

static void get_suites(const json_t *object, const char *key, uint16_t *suites, uint8_t *n)
{
	const json_t *e;
	struct bytes b;
	size_t i;

	*n = 0;
	json_array_foreach(get_list(object, key), i, e) {
		bytes_from(e, key, &b);
		if (b.len != 2 || *n == CPNS_HS_SUITES_CONFIG)
			tell_wrong("%s: no suite, or too many", key);
		else
			suites[(*n)++] = (uint16_t)(b.data[0] << 8 | b.data[1]);
	}
}

static void get_ext(const json_t *object, const char *key, uint8_t *out, struct cpns_span *ext)
{
	const json_t *e;
	struct bytes value;
	size_t i, len = 0;

	json_array_foreach(get_list(object, key), i, e) {
		get_bytes(e, "value", &value);
		if (len + 3 + value.len > EXT_MAX) {
			tell_wrong("%s is too long for this runner", key);
			break;
		}
		out[len] = (uint8_t)get_number(e, "type");
		out[len + 1] = (uint8_t)(value.len >> 8);
		out[len + 2] = (uint8_t)value.len;
		memcpy(out + len + 3, value.data, value.len);
		len += 3 + value.len;
	}
	ext->data = out;
	ext->len = len;
}

static struct cpns_key_record swapped(const struct cpns_key_record *record)
{
	struct cpns_key_record r = *record;

	r.own = record->peer;
	r.peer = record->own;
	return r;
}

/* The path of the other end: the address that the cookie is made for. */
static void get_path(const json_t *handshake, struct cpns_path *path)
{
	const json_t *cookie = get_object(handshake, "cookie");
	struct bytes address;

	memset(path, 0, sizeof(*path));
	get_bytes(cookie, "address", &address);
	if (address.len != 4 && address.len != 16)
		tell_wrong("address has neither 4 nor 16 bytes");
	else
		memcpy(path->remote.addr, address.data, address.len);
	path->remote.family = address.len == 4 ? AF_INET : AF_INET6;
	path->remote.port = (uint16_t)get_number(cookie, "port");
}

static void end_close(struct end *end)
{
	cpns_hs_free(end->hs);
	cpns_wipe(end, sizeof(*end));
	free(end);
}

/* A machine for one end of a handshake. @record: as this end holds it, or NULL. */
static struct end *end_open(const struct handshake *h, bool initiator, bool hints,
			    const struct cpns_key_record *record)
{
	struct cpns_key_record other = swapped(&h->record);
	const struct cpns_key_record *own = initiator ? &h->record : &other;
	struct end *end = calloc(1, sizeof(*end));
	const char *why = "";

	if (!end)
		abort();
	end->script = true;
	end->seed = initiator;
	get_bytes(h->json, initiator ? "sid_i" : "sid_r", &end->sid);
	get_bytes(h->json, initiator ? "nonce_i" : "nonce_r", &end->nonce);
	get_bytes(h->json, initiator ? "e_i_private" : "e_r_private", &end->private);
	get_path(h->json, &end->path);
	get_suites(h->json, "suites_offered", end->params.offer, &end->params.n_offer);
	get_suites(h->json, "responder_preference", end->params.prefer, &end->params.n_prefer);
	get_ext(h->json, "ext_init", end->ext[0], &end->params.ext_init);
	get_ext(h->json, "ext_resp", end->ext[1], &end->params.ext_resp);
	get_ext(h->json, "ext_confirm", end->ext[2], &end->params.ext_confirm);
	end->params.lifetime = (uint32_t)get_number(h->json,
						    initiator ? "lifetime_i" : "lifetime_r");
	end->hs = cpns_hs_new(&own->own, &ops, end, hints);
	if (!end->hs)
		abort();
	if (cpns_hs_peer_set(end->hs, &own->peer, &end->params) ||
	    (record && cpns_hs_record_add(end->hs, record, &why)) ||
	    cpns_hs_endpoint(end->hs, own->peer.eid, &end->path, &start))
		tell_wrong("refused: %s", why);
	return end;
}

static struct end *end_standard(const struct handshake *h, bool initiator, bool hints)
{
	struct cpns_key_record other = swapped(&h->record);
	struct end *end = end_open(h, initiator, hints, initiator ? &h->record : &other);

	cpns_record_wipe(&other);
	return end;
}

static enum cpns_hs_reason feed(struct end *end, const struct bytes *datagram)
{
	end->n_sent = 0;
	end->n_installed = 0;
	return cpns_hs_datagram(end->hs, &end->path, datagram->data, datagram->len, &start);
}

static void start_initiator(struct end *end, const struct handshake *h)
{
	end->n_sent = 0;
	cpns_hs_start(end->hs, h->record.peer.eid, CPNS_WHY_COMMAND, &start);
}

/* Exactly one datagram was sent, and it is this member. */
static void expect_sent(const struct end *end, const json_t *object, const char *key)
{
	if (end->n_sent == 1)
		expect_bytes(object, key, end->sent[0].data, end->sent[0].len);
	else
		tell_wrong("%s: %zu datagrams are sent, not one", key, end->n_sent);
}

/* ---- the key schedule ---- */

static void get_party(const json_t *object, const char *key, struct cpns_party *party)
{
	const json_t *p = get_object(object, key);
	const char *id = get_string(p, "entity_id"), *why = "";

	expect_utf8(p, "entity_id");
	if (cpns_party_set(party, id, strlen(id), (unsigned int)get_number(p, "role"), &why))
		tell_wrong("%s is refused: %s", key, why);
	else
		expect_hex(p, "eid", party->eid, CPNS_EID_LEN);
}

static void get_fixed(const json_t *object, const char *key, uint8_t *out, size_t len)
{
	struct bytes b;

	get_bytes(object, key, &b);
	if (b.len == len)
		memcpy(out, b.data, len);
	else
		tell_wrong("%s has not %zu bytes", key, len);
}

static void get_record(const json_t *e, struct cpns_key_record *record)
{
	const json_t *r = get_object(e, "key_record");
	const char *user = get_string(r, "user_id"), *why = "";

	memset(record, 0, sizeof(*record));
	get_fixed(r, "key_id", record->key_id, sizeof(record->key_id));
	get_fixed(r, "key", record->key, sizeof(record->key));
	record->kind = (uint8_t)get_number(r, "kind");
	expect_utf8(r, "user_id");
	if (cpns_user_id_set(&record->user_id, user, strlen(user), &why))
		tell_wrong("user_id is refused: %s", why);
	record->generation = (uint32_t)get_number(r, "generation");
	record->not_before = get_number(r, "not_before");
	record->not_after = get_number(r, "not_after");
	record->pure_psk = get_bool(r, "pure_psk_permitted");
	get_party(e, "initiator", &record->own);
	get_party(e, "responder", &record->peer);
	if (!is_wrong() && cpns_record_check(record, &why))
		tell_wrong("the key record is refused: %s", why);
}

/* A core as the hashes see it: the hop limit is 0. */
static void expect_core(const json_t *values, const char *key, const struct bytes *datagram,
			size_t len)
{
	uint8_t core[BYTES_MAX];

	memcpy(core, datagram->data, len);
	core[HOP_LIMIT_AT] = 0;
	expect_bytes(values, key, core, len);
}

static void expect_public(const json_t *e, const char *private_key, const char *public_key,
			  bool wanted)
{
	uint8_t public[CPNS_X25519_LEN];
	struct bytes private;

	get_bytes(e, private_key, &private);
	if (!wanted) {
		expect_bytes(e, public_key, NULL, 0);
		if (private.len)
			tell_wrong("%s is there without need", private_key);
	} else if (private.len != CPNS_X25519_LEN || cpns_x25519_public(private.data, public)) {
		tell_wrong("%s is no private key", private_key);
	} else {
		expect_bytes(e, public_key, public, sizeof(public));
	}
}

static void expect_direction(const json_t *values, const struct cpns_traffic *keys,
			     const char *key, const char *iv, const char *mac_key, bool has_mac)
{
	expect_bytes(values, key, keys->key, sizeof(keys->key));
	expect_bytes(values, iv, keys->iv, sizeof(keys->iv));
	if (has_mac)
		expect_bytes(values, mac_key, keys->mac_key, sizeof(keys->mac_key));
	else if (json_object_get(values, mac_key))
		tell_wrong("%s is there without need", mac_key);
}

static void expect_values(const json_t *values, const struct cpns_keysched *ks, uint16_t suite)
{
	const struct {
		const char *key;
		const uint8_t *value;
	} all[] = {
		{ "h_prologue", ks->h_prologue }, { "PSKx", ks->pskx },
		{ "mac1_key", ks->mac1_key }, { "hs", ks->hs }, { "th2", ks->th2 },
		{ "auth_r_key", ks->auth_r_key }, { "auth_r", ks->auth_r },
		{ "th3", ks->th3 }, { "auth_i_key", ks->auth_i_key },
		{ "auth_i", ks->auth_i }, { "th4", ks->th4 }, { "ms", ks->ms },
		{ "ts_i", ks->ts_i }, { "ts_r", ks->ts_r }, { "exporter", ks->exporter },
	};
	bool has_mac = cpns_suite_has_mac_key(suite);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		expect_bytes(values, all[i].key, all[i].value, CPNS_HASH_LEN);
	expect_direction(values, &ks->i, "key_i", "iv_i", "mac_key_i", has_mac);
	expect_direction(values, &ks->r, "key_r", "iv_r", "mac_key_r", has_mac);
}

static void run_schedule(struct handshake *h)
{
	const struct cpns_prologue fields = {
		.role_i = h->record.own.role, .id_i = &h->record.own.id,
		.role_r = h->record.peer.role, .id_r = &h->record.peer.id,
		.user_id = &h->record.user_id, .key_id = h->record.key_id,
	};
	const json_t *values = get_object(h->json, "values");
	uint8_t prologue[CPNS_PROLOGUE_MAX], mac1[CPNS_MAC1_LEN], dh[CPNS_X25519_LEN] = { 0 };
	struct bytes init, resp, confirm, private;
	bool x25519 = cpns_suite_has_x25519(h->suite);
	struct cpns_msg mi, mr, mc;

	expect_bytes(values, "prologue", prologue, cpns_prologue_build(&fields, prologue));
	get_bytes(h->json, "init", &init);
	get_bytes(h->json, "resp", &resp);
	get_bytes(h->json, "confirm", &confirm);
	if (cpns_msg_parse(init.data, init.len, &mi) || mi.h.type != CPNS_MSG_INIT ||
	    cpns_msg_parse(resp.data, resp.len, &mr) || mr.h.type != CPNS_MSG_RESP ||
	    cpns_msg_parse(confirm.data, confirm.len, &mc) || mc.h.type != CPNS_MSG_CONFIRM) {
		tell_wrong("init, resp or confirm is malformed");
		return;
	}
	expect_public(h->json, "e_i_private", "e_i", mi.init.has_e);
	expect_public(h->json, "e_r_private", "e_r", x25519);
	expect_core(values, "core1", &init, mi.init.core_len);
	expect_core(values, "core2", &resp, mr.resp.core_len);
	expect_core(values, "core3", &confirm, mc.confirm.core_len);
	get_bytes(h->json, "e_i_private", &private);
	if (x25519 && cpns_x25519(private.data, mr.resp.e_r, dh))
		tell_wrong("X25519 fails");
	expect_bytes(values, "dh", dh, sizeof(dh));
	if (cpns_ks_start(&h->ks, h->record.key, &fields) ||
	    cpns_ks_mac1(&h->ks, init.data, mi.init.core_len, mac1) ||
	    cpns_ks_resp(&h->ks, x25519 ? dh : NULL, init.data, mi.init.core_len, resp.data,
			 mr.resp.core_len) ||
	    cpns_ks_confirm(&h->ks, confirm.data, mc.confirm.core_len) ||
	    cpns_ks_finish(&h->ks, h->suite)) {
		tell_wrong("the key schedule fails");
		return;
	}
	expect_bytes(values, "mac1", mac1, sizeof(mac1));
	expect_values(values, &h->ks, h->suite);
}

/* ---- the machine ---- */

static void expect_installed(const struct end *end, const struct handshake *h, bool initiator)
{
	const struct installed *in = &end->installed;

	if (end->n_installed != 1) {
		tell_wrong("%u sessions are installed, not one", end->n_installed);
		return;
	}
	if (in->key.initiator != initiator || in->key.suite != h->suite ||
	    in->key.slot != (initiator ? CPNS_SLOT_NEXT : CPNS_SLOT_CURRENT) ||
	    in->key.sid_local != (initiator ? h->sid_i : h->sid_r) ||
	    in->key.sid_remote != (initiator ? h->sid_r : h->sid_i) ||
	    memcmp(in->key_id, h->record.key_id, CPNS_KEY_ID_LEN))
		tell_wrong("the session installed is another");
	expect_number(h->json, "session_lifetime", in->key.lifetime);
	if (!cpns_equal(&in->tx, initiator ? &h->ks.i : &h->ks.r, sizeof(in->tx)) ||
	    !cpns_equal(&in->rx, initiator ? &h->ks.r : &h->ks.i, sizeof(in->rx)) ||
	    !cpns_equal(in->exporter, h->ks.exporter, sizeof(in->exporter)))
		tell_wrong("the keys installed are others");
}

/* Both ends through the whole handshake, byte by byte. */
static void run_machines(const struct handshake *h)
{
	struct end *i = end_standard(h, true, false), *r = end_standard(h, false, false);
	struct bytes datagram;

	start_initiator(i, h);
	expect_sent(i, h->json, "init");
	get_bytes(h->json, "init", &datagram);
	feed(r, &datagram);
	expect_sent(r, h->json, "resp");
	/* The same INIT again: the same RESP. */
	feed(r, &datagram);
	expect_sent(r, h->json, "resp");
	get_bytes(h->json, "resp", &datagram);
	feed(i, &datagram);
	expect_sent(i, h->json, "confirm");
	expect_installed(i, h, true);
	/* The same RESP again: the same CONFIRM, and nothing installed. */
	feed(i, &datagram);
	expect_sent(i, h->json, "confirm");
	if (i->n_installed)
		tell_wrong("a repeated RESP installs a session");
	get_bytes(h->json, "confirm", &datagram);
	feed(r, &datagram);
	if (r->n_sent)
		tell_wrong("CONFIRM is answered by a message");
	expect_installed(r, h, false);
	feed(r, &datagram);
	if (r->n_installed)
		tell_wrong("a repeated CONFIRM installs a session");
	end_close(i);
	end_close(r);
}

/* The same where the responder demands a cookie: another INIT is half open. */
static void run_cookie(const struct handshake *h)
{
	const json_t *cookie = get_object(h->json, "cookie");
	struct end *i = end_standard(h, true, false), *r = end_standard(h, false, false);
	struct end *other = end_standard(h, true, false);
	struct bytes datagram, key, wanted;

	other->script = false;
	start_initiator(other, h);
	r->script = false;
	feed(r, &other->sent[0]);
	r->script = true;
	get_bytes(cookie, "K_gen", &key);
	if (key.len == CPNS_KEY_LEN)
		memcpy(r->hs->cookies.key[0], key.data, CPNS_KEY_LEN);
	else
		tell_wrong("K_gen has not 32 bytes");
	r->hs->cookies.generation = (uint8_t)get_number(cookie, "generation");
	r->hs->cookies.changed = start.ms;
	r->hs->cookies.ready = true;
	r->hs->cookies.n = 1;

	start_initiator(i, h);
	get_bytes(h->json, "init", &datagram);
	feed(r, &datagram);
	expect_sent(r, h->json, "cookie_message");
	get_bytes(cookie, "cookie", &wanted);
	get_bytes(h->json, "cookie_message", &datagram);
	if (datagram.len != CPNS_HEADER_LEN + CPNS_MAC1_LEN + CPNS_COOKIE_LEN ||
	    wanted.len != CPNS_COOKIE_LEN ||
	    memcmp(datagram.data + CPNS_HEADER_LEN + CPNS_MAC1_LEN, wanted.data, wanted.len))
		tell_wrong("cookie is not the one of cookie_message");
	feed(i, &datagram);
	expect_sent(i, h->json, "init_with_cookie");
	get_bytes(h->json, "init_with_cookie", &datagram);
	feed(r, &datagram);
	expect_sent(r, h->json, "resp");
	end_close(i);
	end_close(r);
	end_close(other);
}

/* What the entry says by its form: plain-SSSS and rich-SSSS end in the suite. */
static void check_form(const struct handshake *h)
{
	bool has_suite = !strncmp(h->name, "plain-", 6) || !strncmp(h->name, "rich-", 5);
	char suite[8];
	size_t i;

	snprintf(suite, sizeof(suite), "-%04x", h->suite);
	if (has_suite && strcmp(strchr(h->name, '-'), suite))
		tell_wrong("the name does not end in the suite");
	expect_string(h->json, "protection", cpns_suite_protection(h->suite));
	for (i = 0; i + 1 < n_handshakes; i++)
		if (!strcmp(handshakes[i].name, h->name))
			tell_wrong("there are two of this name");
}

void run_handshakes(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		struct handshake *h = &handshakes[n_handshakes];

		begin_case("handshakes", json_string_value(json_object_get(e, "name")));
		if (n_handshakes == HANDSHAKES_MAX) {
			tell_wrong("too many for this runner");
			end_case();
			break;
		}
		n_handshakes++;
		h->name = get_string(e, "name");
		h->json = e;
		h->suite = (uint16_t)get_hex(e, "suite", 2);
		h->sid_i = (uint32_t)get_hex(e, "sid_i", 4);
		h->sid_r = (uint32_t)get_hex(e, "sid_r", 4);
		get_record(e, &h->record);
		check_form(h);
		if (!is_wrong()) {
			run_schedule(h);
			run_machines(h);
			run_cookie(h);
		}
		end_case();
	}
}

/* ---- HINT ---- */

/* Bring a responder to answer @init, or CONFIRM, with a HINT of this code. */
static void hint_by_machine(const json_t *e, const struct handshake *h, unsigned int code)
{
	struct cpns_key_record record = swapped(&h->record);
	struct bytes datagram;
	struct end *r;

	if (code == CPNS_HINT_KEY_NOT_VALID)
		record.not_after = 1;
	r = end_open(h, false, true, code == CPNS_HINT_KEY_UNKNOWN ? NULL : &record);
	if (code == CPNS_HINT_NO_SUITE) {
		/* A suite that nobody offers in these vectors is permitted alone. */
		r->params.n_prefer = 1;
		r->params.prefer[0] = 0x7eee;
		cpns_hs_peer_set(r->hs, &record.peer, &r->params);
	}
	get_bytes(h->json, code == CPNS_HINT_SESSION_UNKNOWN ? "confirm" : "init", &datagram);
	feed(r, &datagram);
	expect_sent(r, e, "hex");
	end_close(r);
	cpns_record_wipe(&record);
}

static void run_hint(const json_t *e)
{
	const char *answers = get_string(e, "answers"), *slash = strrchr(answers, '/');
	const struct handshake *h;
	struct bytes hint, init;
	uint8_t built[64];
	struct cpns_msg msg, of_init;
	char name[64];
	uint64_t code = get_number(e, "code");
	struct end *i;
	ssize_t n;

	get_bytes(e, "hex", &hint);
	if (cpns_msg_parse(hint.data, hint.len, &msg) || msg.h.type != CPNS_MSG_HINT) {
		tell_wrong("malformed, or no HINT");
		return;
	}
	if (msg.hint.code != code)
		tell_wrong("code: computed %u", msg.hint.code);
	n = cpns_msg_build(&msg, built, sizeof(built));
	expect_bytes(e, "hex", built, n < 0 ? 0 : (size_t)n);
	/* HINT 5 answers DATA or CONFIRM, as words say: its sid tells of which one. */
	if (code == CPNS_HINT_SESSION_UNKNOWN) {
		h = handshake_between(msg.h.dst, msg.h.src, msg.h.sid);
	} else {
		if (!slash || strcmp(slash, "/init")) {
			tell_wrong("answers has another form");
			return;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(slash - answers), answers);
		h = handshake_find(name);
	}
	if (!h) {
		tell_wrong("no such handshake");
		return;
	}
	if (code != CPNS_HINT_BUSY) {
		hint_by_machine(e, h, (unsigned int)code);
	} else {
		get_bytes(h->json, "init", &init);
		if (cpns_msg_parse(init.data, init.len, &of_init) ||
		    memcmp(of_init.init.mac1, msg.hint.mac1, CPNS_MAC1_LEN) ||
		    msg.h.dst != of_init.h.src || msg.h.src != of_init.h.dst || msg.h.sid)
			tell_wrong("it answers another INIT");
	}
	/* The initiator acts on it: it waits, or for code 5 sends CONFIRM. */
	i = end_standard(h, true, false);
	start_initiator(i, h);
	if (code == CPNS_HINT_SESSION_UNKNOWN) {
		get_bytes(h->json, "resp", &init);
		feed(i, &init);
	}
	/* What it then sends has a new sid. */
	i->script = false;
	if (feed(i, &hint) != CPNS_HS_OK)
		tell_wrong("the initiator ignores it");
	if (feed(i, &hint) == CPNS_HS_OK)
		tell_wrong("the initiator acts on it twice");
	end_close(i);
}

void run_hints(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("hints", json_string_value(json_object_get(e, "answers")));
		run_hint(e);
		end_case();
	}
}

/* ---- what is dropped ---- */

/* A machine in one of the states of the file, or NULL for another word. */
static struct end *end_in_state(const struct handshake *h, const char *at, const char *state,
				bool hints)
{
	bool initiator = !strcmp(at, "initiator");
	struct bytes init;
	struct end *end;

	if ((!initiator && strcmp(at, "responder")) ||
	    (initiator ? strcmp(state, "waiting") :
	     strcmp(state, "fresh") && strcmp(state, "half")))
		return NULL;
	end = end_standard(h, initiator, hints);
	if (initiator)
		start_initiator(end, h);
	if (!strcmp(state, "half")) {
		get_bytes(h->json, "init", &init);
		feed(end, &init);
	}
	return end;
}

/* The handshake goes on after it as if nothing had been. */
static void goes_on(struct end *end, const struct handshake *h, const char *state)
{
	struct bytes next;

	if (!strcmp(state, "fresh")) {
		get_bytes(h->json, "init", &next);
		feed(end, &next);
		expect_sent(end, h->json, "resp");
	} else if (!strcmp(state, "half")) {
		get_bytes(h->json, "confirm", &next);
		feed(end, &next);
		expect_installed(end, h, false);
	} else {
		get_bytes(h->json, "resp", &next);
		feed(end, &next);
		expect_sent(end, h->json, "confirm");
	}
}

/* Was nothing sent, but for a HINT of the code that is allowed. */
static void expect_silence(const struct end *end, unsigned int hint_allowed)
{
	struct cpns_msg msg;

	if (end->n_installed)
		tell_wrong("a session is installed");
	if (!end->n_sent)
		return;
	if (end->n_sent > 1 || !hint_allowed ||
	    cpns_msg_parse(end->sent[0].data, end->sent[0].len, &msg) ||
	    msg.h.type != CPNS_MSG_HINT || msg.hint.code != hint_allowed)
		tell_wrong("it is answered");
}

static unsigned int hint_for(enum cpns_hs_reason reason)
{
	switch (reason) {
	case CPNS_HS_KEY_UNKNOWN:
		return CPNS_HINT_KEY_UNKNOWN;
	case CPNS_HS_NO_SUITE:
		return CPNS_HINT_NO_SUITE;
	case CPNS_HS_SID_UNKNOWN:
		/* The page has HINT 5 for a session that is not known. */
		return CPNS_HINT_SESSION_UNKNOWN;
	default:
		return 0;
	}
}

static void run_reject(const json_t *e)
{
	static const char *const known[] = {
		"not_for_us", "key_unknown", "key_not_valid", "src", "role", "mac1", "no_suite",
		"x25519_zero", "auth_r", "auth_i", "sid_unknown", "src_dst",
		"suite_not_offered", "cookie_mismatch", NULL
	};
	const struct handshake *h = handshake_find(get_string(e, "handshake"));
	const char *at = get_string(e, "at"), *state = get_string(e, "state");
	enum cpns_hs_reason reason;
	struct bytes datagram;
	struct cpns_msg msg;
	unsigned int hints;
	struct end *end;

	get_bytes(e, "hex", &datagram);
	if (cpns_msg_parse(datagram.data, datagram.len, &msg))
		tell_wrong("malformed");
	for (hints = 0; hints <= 1; hints++) {
		end = h ? end_in_state(h, at, state, hints) : NULL;
		if (!end) {
			tell_wrong("no such handshake, place or state");
			return;
		}
		reason = feed(end, &datagram);
		if (reason == CPNS_HS_OK)
			tell_wrong("it is acted on");
		expect_silence(end, hints ? hint_for(reason) : 0);
		expect_reason(e, known, cpns_hs_reason_name(reason));
		goes_on(end, h, state);
		end_close(end);
	}
}

void run_rejects(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("handshake_rejects", json_string_value(json_object_get(e, "why")));
		run_reject(e);
		end_case();
	}
}

static void run_bad(const json_t *e)
{
	static const char *const known[] = {
		"short", "version", "type", "reserved", "eid", "sid", "length", "role",
		"lifetime", "suites", "e_presence", "ext", "hint_code", "seq", NULL
	};
	static const char *const states[][2] = {
		{ "responder", "fresh" }, { "responder", "half" }, { "initiator", "waiting" },
	};
	const struct handshake *h = n_handshakes ? &handshakes[0] : NULL;
	const char *type = NULL;
	enum cpns_malformed bad;
	struct bytes datagram;
	struct cpns_msg msg;
	size_t i;

	get_bytes(e, "hex", &datagram);
	if (datagram.len)
		type = cpns_msg_type_name(datagram.data[0] & 15);
	expect_string(e, "message", type ? type : "-");
	bad = cpns_msg_parse(datagram.data, datagram.len, &msg);
	if (bad == CPNS_WELL_FORMED)
		tell_wrong("well-formed");
	expect_reason(e, known, cpns_malformed_name(bad));
	for (i = 0; h && i < ARRAY_SIZE(states); i++) {
		struct end *end = end_in_state(h, states[i][0], states[i][1], true);

		if (feed(end, &datagram) != CPNS_HS_MALFORMED)
			tell_wrong("it is acted on");
		expect_silence(end, 0);
		end_close(end);
	}
}

void run_malformed(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("malformed", json_string_value(json_object_get(e, "why")));
		run_bad(e);
		end_case();
	}
}
