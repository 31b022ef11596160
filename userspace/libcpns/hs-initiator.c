// SPDX-License-Identifier: GPL-2.0
/*
 * The initiator's side of the handshake machine: INIT with its repetitions,
 * cookies and rests, RESP, and CONFIRM until the first authenticated DATA.
 */
#include <stdlib.h>
#include <string.h>

#include "hs-internal.h"
#include "secret.h"
#include "util.h"

enum {
	WAIT_FIRST_MS = 1000,	/* doubles with each INIT of a round */
};

#define ANY_GENERATION UINT64_MAX

/* ---- an INIT outstanding ---- */

/* Erase what an INIT needs to be answered. */
static void forget_init(struct cpns_hs *hs, struct hs_own *own)
{
	hs_table_del(&hs->table, &own->node);
	own->live = false;
	own->has_cookie = false;
	own->record = NULL;
	cpns_wipe(own->e_private, sizeof(own->e_private));
	cpns_ks_wipe(&own->ks);
}

static void rest(struct cpns_hs *hs, struct hs_own *own, const struct cpns_now *now)
{
	own->state = HS_OWN_RESTING;
	own->due = now->ms + own->rest;
	own->rest *= 2;
	if (own->rest > CPNS_HS_REST_MAX_MS)
		own->rest = CPNS_HS_REST_MAX_MS;
	hs_due(hs, own->due);
}

/* An attempt can't go on by itself: say why, rest, and try anew. */
static void fail(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_hs_reason reason,
		 const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (!hs_attempt_get(peer, own->attempt))
		own->attempt = hs_attempt_new(peer, own->record, true, own->why, NULL, now);
	forget_init(hs, own);
	rest(hs, own, now);
	hs_attempt_step(hs, peer, own->attempt, CPNS_STEP_RESTING, reason, now);
}

/* The highest valid generation below @below, else NULL. */
static struct hs_record *best_record(struct hs_peer *peer, uint64_t below,
				     const struct cpns_now *now)
{
	struct hs_record *r, *best = NULL;

	for (r = peer->records; r; r = r->next) {
		if (r->r.generation >= below || !cpns_record_valid(&r->r, now->real))
			continue;
		if (!best || r->r.generation > best->r.generation)
			best = r;
	}
	return best;
}

static void make_offer(const struct hs_peer *peer, struct hs_own *own)
{
	const struct cpns_hs_params *params = &peer->params;
	const uint16_t *wanted = params->n_offer ? params->offer : hs_standard_suites;
	size_t n = params->n_offer ? params->n_offer : ARRAY_SIZE(hs_standard_suites);
	size_t i;

	own->n_offer = 0;
	own->has_e = false;
	for (i = 0; i < n; i++) {
		bool known = cpns_suite_known(wanted[i]);
		bool x25519 = known && cpns_suite_has_x25519(wanted[i]);

		if (known && !x25519 && !own->record->r.pure_psk)
			continue;
		own->has_e |= x25519;
		own->offer[own->n_offer++] = wanted[i];
	}
	own->lifetime = params->lifetime;
	if (!own->lifetime)
		own->lifetime = own->has_e ? CPNS_LIFETIME_X25519 : CPNS_LIFETIME_PSK;
}

static void send_init(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_path *path)
{
	struct hs_own *own = &peer->own;
	uint8_t datagram[CPNS_INIT_MAX];
	struct cpns_hs_attempt *a = hs_attempt_get(peer, own->attempt);
	size_t len = own->init_len;

	memcpy(datagram, own->init, len);
	if (own->has_cookie) {
		/* The length byte of the cookie is the last one. */
		datagram[len - 1] = CPNS_COOKIE_LEN;
		memcpy(datagram + len, own->cookie, CPNS_COOKIE_LEN);
		len += CPNS_COOKIE_LEN;
	}
	if (a) {
		a->inits++;
		a->remote = path->remote;
	}
	hs->ops.send(hs->ctx, path, datagram, len);
}

/* Wait before INIT number @sent + 1, with a deviation of a quarter. */
static int set_wait(struct cpns_hs *hs, struct hs_own *own, const struct cpns_now *now)
{
	uint64_t wait = (uint64_t)WAIT_FIRST_MS << (own->sent - 1);
	uint32_t jitter;

	if (hs_draw_u32(hs, CPNS_DRAW_JITTER, &jitter))
		return -1;
	own->due = now->ms + wait - wait / 4 + (wait / 2 * jitter >> 32);
	hs_due(hs, own->due);
	return 0;
}

/* Make an INIT with fresh random numbers; enum cpns_hs_reason. */
static enum cpns_hs_reason make_init(struct cpns_hs *hs, struct hs_peer *peer)
{
	struct hs_own *own = &peer->own;
	const struct hs_start *start = &own->record->as_initiator;
	struct cpns_msg msg = { 0 };
	struct cpns_msg_init *init = &msg.init;
	ssize_t len;

	make_offer(peer, own);
	if (!own->n_offer)
		return CPNS_HS_NO_OFFER;
	msg.h.type = CPNS_MSG_INIT;
	msg.h.hop_limit = CPNS_HOP_LIMIT;
	msg.h.dst = peer->party.eid;
	msg.h.src = hs->own.eid;
	if (hs_draw_sid(hs, &init->sid_i) ||
	    hs->ops.random(hs->ctx, CPNS_DRAW_NONCE, init->nonce_i, sizeof(init->nonce_i)))
		return CPNS_HS_INTERNAL;
	memcpy(init->key_id, own->record->r.key_id, sizeof(init->key_id));
	init->role_i = hs->own.role;
	init->role_r = peer->party.role;
	init->lifetime = own->lifetime;
	init->n_suites = (uint8_t)own->n_offer;
	memcpy(init->suites, own->offer, own->n_offer * sizeof(own->offer[0]));
	init->has_e = own->has_e;
	if (own->has_e && (hs->ops.random(hs->ctx, CPNS_DRAW_X25519, own->e_private,
					  sizeof(own->e_private)) ||
			   cpns_x25519_public(own->e_private, init->e_i)))
		return CPNS_HS_INTERNAL;
	init->ext = peer->params.ext_init;

	/* A cookie must still fit. */
	len = cpns_msg_build(&msg, own->init, sizeof(own->init) - CPNS_COOKIE_LEN);
	if (len < 0)
		return CPNS_HS_INTERNAL;
	own->init_len = (size_t)len;
	own->core_len = cpns_msg_core_len(&msg);
	memcpy(own->ks.h_prologue, start->h_prologue, CPNS_HASH_LEN);
	memcpy(own->ks.pskx, start->pskx, CPNS_HASH_LEN);
	memcpy(own->ks.mac1_key, start->mac1_key, CPNS_HASH_LEN);
	if (cpns_ks_mac1(&own->ks, own->init, own->core_len, own->init + own->core_len))
		return CPNS_HS_INTERNAL;
	own->sid_i = init->sid_i;
	own->live = true;
	hs_table_add(&hs->table, &own->node, HS_OWN, own->sid_i);
	return CPNS_HS_OK;
}

/* Begin a round: the first INIT with a new nonce. */
static void begin(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;
	enum cpns_hs_reason reason;

	forget_init(hs, own);
	own->sent = 0;
	own->deferred = false;
	own->held = false;
	own->held_until = 0;
	own->cookie_sent = false;
	own->repeated = false;
	own->record = best_record(peer, own->below, now);
	if (!own->record)
		own->record = best_record(peer, ANY_GENERATION, now);
	own->attempt = hs_attempt_new(peer, own->record, true, own->why,
				      peer->has_path ? &peer->path : NULL, now);
	if (!own->record)
		reason = CPNS_HS_NO_KEY;
	else if (!peer->has_path)
		reason = CPNS_HS_NO_ENDPOINT;
	else
		reason = make_init(hs, peer);
	if (reason) {
		hs->counter[reason]++;
		fail(hs, peer, reason, now);
		return;
	}
	own->below = own->record->r.generation;
	own->state = HS_OWN_WAITING;
	own->sent = 1;
	send_init(hs, peer, &peer->path);
	hs_attempt_step(hs, peer, own->attempt, CPNS_STEP_INIT_SENT, CPNS_HS_OK, now);
	if (set_wait(hs, own, now))
		fail(hs, peer, CPNS_HS_INTERNAL, now);
}

/*
 * Until when no handshake is begun, 0 = it may be. Not within
 * CPNS_HS_NO_START_MS after the peer's own INIT was answered: once an INIT,
 * else a stranger with recorded ones could put it off for ever. Nor while the
 * peer may still repeat its CONFIRM, but where packets have worn out the
 * session: then it is in use, and so confirmed.
 */
static uint64_t not_before(const struct cpns_hs *hs, const struct hs_peer *peer,
			   const struct cpns_now *now)
{
	const struct hs_own *own = &peer->own;
	uint64_t at, until = 0;

	if (!own->deferred && hs_half_youngest(hs, peer, &at))
		until = at + CPNS_HS_NO_START_MS;
	if (own->why != CPNS_WHY_REKEY && hs_half_unsure(hs, peer, &at) &&
	    at + CPNS_HS_NO_START_MS > until)
		until = at + CPNS_HS_NO_START_MS;
	return until > now->ms ? until : 0;
}

static void begin_or_defer(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;
	uint64_t until = not_before(hs, peer, now);

	if (!until) {
		begin(hs, peer, now);
		return;
	}
	own->state = HS_OWN_DEFERRED;
	own->deferred = true;
	own->due = until;
	hs_due(hs, own->due);
}

void hs_own_start(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_hs_why why,
		  const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	switch (own->state) {
	case HS_OWN_DEFERRED:
	case HS_OWN_WAITING:
		return;
	case HS_OWN_RESTING:
		if (why != CPNS_WHY_COMMAND && why != CPNS_WHY_HINT)
			return;
		break;
	case HS_OWN_NONE:
		if (peer->conf.active && why != CPNS_WHY_HINT)
			return;
		/* These want a session, and there is one. */
		if ((why == CPNS_WHY_CONFIG || why == CPNS_WHY_ACQUIRE) &&
		    hs_session_sending(peer))
			return;
		break;
	}
	own->why = why;
	own->rest = CPNS_HS_REST_MIN_MS;
	own->below = ANY_GENERATION;
	own->deferred = false;
	begin_or_defer(hs, peer, now);
}

void hs_own_cancel(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_hs_reason reason,
		   const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;
	struct cpns_hs_attempt *a = hs_attempt_get(peer, own->attempt);

	if (own->state == HS_OWN_NONE)
		return;
	/* A round that has failed already keeps its own reason. */
	if (a && a->reason == CPNS_HS_OK && own->state == HS_OWN_WAITING)
		hs_attempt_step(hs, peer, own->attempt, a->step, reason, now);
	forget_init(hs, own);
	own->state = HS_OWN_NONE;
	own->attempt = 0;
}

static void wait_over(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (peer->has_path)
		send_init(hs, peer, &peer->path);
	if (++own->sent < CPNS_HS_INITS) {
		if (set_wait(hs, own, now))
			fail(hs, peer, CPNS_HS_INTERNAL, now);
		return;
	}
	/* The last INIT of the round may still be answered for a while. */
	own->live_until = now->ms + CPNS_HS_HALF_OPEN_MS;
	rest(hs, own, now);
	hs_due(hs, own->live_until);
	hs->counter[CPNS_HS_NO_ANSWER]++;
	hs_attempt_step(hs, peer, own->attempt, CPNS_STEP_RESTING, CPNS_HS_NO_ANSWER, now);
}

void hs_own_timer(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (own->state == HS_OWN_NONE)
		return;
	if (own->state == HS_OWN_RESTING && own->live) {
		if (now->ms >= own->live_until)
			forget_init(hs, own);
		else
			hs_due(hs, own->live_until);
	}
	if (now->ms < own->due) {
		hs_due(hs, own->due);
		return;
	}
	if (own->state == HS_OWN_WAITING)
		wait_over(hs, peer, now);
	else
		begin_or_defer(hs, peer, now);
}

void hs_own_endpoint(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	const struct cpns_hs_attempt *a = hs_attempt_get(peer, peer->own.attempt);

	if (peer->has_path && peer->own.state == HS_OWN_RESTING && a &&
	    a->reason == CPNS_HS_NO_ENDPOINT)
		begin_or_defer(hs, peer, now);
}

/* The other's INIT came while the own one is to be kept: say so, to its source. */
void hs_own_repeat(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_path *path,
		   const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (own->repeated && now->ms - own->repeated_ms < CPNS_HS_ONCE_MS)
		return;
	own->repeated = true;
	own->repeated_ms = now->ms;
	send_init(hs, peer, path);
}

/* The other's INIT was answered: hold the own one back, once. */
void hs_own_hold(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (own->state != HS_OWN_WAITING || own->held)
		return;
	own->held = true;
	own->held_until = now->ms + CPNS_HS_HOLD_MS;
	if (own->due < own->held_until)
		own->due = own->held_until;
	hs_due(hs, own->due);
}

void hs_own_lower_generation(struct cpns_hs *hs, struct hs_peer *peer,
			     const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;

	if (!best_record(peer, own->below, now))
		return;
	hs_attempt_step(hs, peer, own->attempt, CPNS_STEP_INIT_SENT, CPNS_HS_KEY_UNKNOWN, now);
	begin(hs, peer, now);
}

enum cpns_hs_reason hs_cookie_received(struct cpns_hs *hs, const struct cpns_path *path,
				       const struct cpns_msg *msg, const struct cpns_now *now)
{
	struct hs_node *node = hs_table_first(&hs->table, HS_OWN, msg->h.sid);
	struct cpns_hs_attempt *a;
	struct hs_peer *peer;
	struct hs_own *own;

	if (!node)
		return CPNS_HS_SID_UNKNOWN;
	own = container_of(node, struct hs_own, node);
	peer = container_of(own, struct hs_peer, own);
	if (msg->h.src != peer->party.eid)
		return CPNS_HS_SRC_DST;
	if (!cpns_equal(msg->cookie.mac1, own->init + own->core_len, CPNS_MAC1_LEN))
		return CPNS_HS_COOKIE_MISMATCH;
	own->has_cookie = true;
	memcpy(own->cookie, msg->cookie.cookie, sizeof(own->cookie));
	a = hs_attempt_get(peer, own->attempt);
	if (a)
		a->cookies++;
	/* At once, but at most once a second, and not while it is held back. */
	if (now->ms < own->held_until ||
	    (own->cookie_sent && now->ms - own->cookie_ms < CPNS_HS_ONCE_MS))
		return CPNS_HS_OK;
	own->cookie_sent = true;
	own->cookie_ms = now->ms;
	send_init(hs, peer, path);
	if (own->state == HS_OWN_WAITING)
		hs_attempt_step(hs, peer, own->attempt, CPNS_STEP_COOKIE, CPNS_HS_OK, now);
	return CPNS_HS_OK;
}

/* ---- CONFIRM until the first DATA ---- */

void hs_conf_cancel(struct cpns_hs *hs, struct hs_peer *peer)
{
	struct hs_confirming *conf = &peer->conf;

	hs_table_del(&hs->table, &conf->node);
	free(conf->resp);
	memset(conf, 0, sizeof(*conf));
}

static void send_confirm(struct cpns_hs *hs, const struct hs_confirming *conf)
{
	hs->ops.send(hs->ctx, &conf->path, conf->confirm, conf->confirm_len);
}

void hs_conf_timer(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now)
{
	struct hs_confirming *conf = &peer->conf;

	if (!conf->active)
		return;
	if (now->ms < conf->due) {
		hs_due(hs, conf->due);
		return;
	}
	if (conf->sent < CPNS_HS_CONFIRMS) {
		conf->sent++;
		conf->due = now->ms + CPNS_HS_CONFIRM_MS;
		hs_due(hs, conf->due);
		send_confirm(hs, conf);
		return;
	}
	hs->counter[CPNS_HS_NO_DATA]++;
	hs_attempt_step(hs, peer, conf->attempt, CPNS_STEP_CONFIRM_SENT, CPNS_HS_NO_DATA, now);
	hs_conf_cancel(hs, peer);
	hs_own_start(hs, peer, CPNS_WHY_UNCONFIRMED, now);
}

/* ---- RESP ---- */

/* A RESP for a handshake that has had its valid one. */
static enum cpns_hs_reason second_resp(struct cpns_hs *hs, const struct cpns_msg *msg,
				       const uint8_t *datagram, size_t len)
{
	struct hs_node *node = hs_table_first(&hs->table, HS_CONFIRMING, msg->h.sid);
	const struct hs_confirming *conf;
	const struct hs_peer *peer;

	if (!node)
		return CPNS_HS_SID_UNKNOWN;
	conf = container_of(node, struct hs_confirming, node);
	peer = container_of(conf, struct hs_peer, conf);
	if (msg->h.src != peer->party.eid)
		return CPNS_HS_SRC_DST;
	if (!hs_same_message(datagram, len, conf->resp, conf->resp_len))
		return CPNS_HS_RESP_DIFFERENT;
	send_confirm(hs, conf);
	return CPNS_HS_RESP_REPEATED;
}

/* X25519, auth_r and what follows from a valid RESP up to the traffic keys. */
static enum cpns_hs_reason finish(struct cpns_hs *hs, struct hs_peer *peer,
				  const struct cpns_msg *msg, const uint8_t *datagram,
				  struct hs_confirming *conf)
{
	const struct cpns_msg_resp *resp = &msg->resp;
	struct hs_own *own = &peer->own;
	struct cpns_msg confirm = { 0 };
	uint8_t dh[CPNS_X25519_LEN];
	ssize_t len;
	int ret;

	if (resp->has_e && cpns_x25519(own->e_private, resp->e_r, dh))
		return CPNS_HS_X25519_ZERO;
	ret = cpns_ks_resp(&own->ks, resp->has_e ? dh : NULL, own->init, own->core_len,
			   datagram, resp->core_len);
	cpns_wipe(dh, sizeof(dh));
	if (ret)
		return CPNS_HS_INTERNAL;
	if (!cpns_equal(own->ks.auth_r, resp->auth_r, sizeof(resp->auth_r)))
		return CPNS_HS_AUTH_R;

	confirm.h.type = CPNS_MSG_CONFIRM;
	confirm.h.hop_limit = CPNS_HOP_LIMIT;
	confirm.h.sid = resp->sid_r;
	confirm.h.dst = peer->party.eid;
	confirm.h.src = hs->own.eid;
	confirm.confirm.ext = peer->params.ext_confirm;
	len = cpns_msg_build(&confirm, conf->confirm, sizeof(conf->confirm));
	if (len < 0 || cpns_ks_confirm(&own->ks, conf->confirm, (size_t)len - CPNS_AUTH_LEN) ||
	    cpns_ks_finish(&own->ks, resp->suite))
		return CPNS_HS_INTERNAL;
	memcpy(conf->confirm + len - CPNS_AUTH_LEN, own->ks.auth_i, CPNS_AUTH_LEN);
	conf->confirm_len = (size_t)len;
	return CPNS_HS_OK;
}

static bool offered(const struct hs_own *own, uint16_t suite)
{
	unsigned int i;

	for (i = 0; i < own->n_offer; i++)
		if (own->offer[i] == suite)
			return true;
	return false;
}

/* A valid RESP: the session goes into the kernel, then CONFIRM to the wire. */
static enum cpns_hs_reason accept_resp(struct cpns_hs *hs, struct hs_peer *peer,
				       const struct cpns_path *path,
				       const struct cpns_msg_resp *resp,
				       struct hs_confirming *conf, const struct cpns_now *now)
{
	struct hs_own *own = &peer->own;
	struct cpns_hs_attempt *a = hs_attempt_get(peer, own->attempt);
	struct cpns_hs_key key = {
		.slot = CPNS_SLOT_NEXT,
		.initiator = true,
		.sid_local = own->sid_i,
		.sid_remote = resp->sid_r,
		.suite = resp->suite,
		.lifetime = own->lifetime < resp->lifetime ? own->lifetime : resp->lifetime,
	};

	if (a)
		a->suite = resp->suite;
	peer->path = *path;
	peer->has_path = true;
	if (hs->ops.set_endpoint)
		hs->ops.set_endpoint(hs->ctx, peer->party.eid, path);
	if (hs_session_install(hs, peer, &key, &own->ks, own->record))
		return CPNS_HS_INSTALL;

	/* An older handshake that was never confirmed gave way in the kernel. */
	if (peer->conf.active)
		hs_attempt_step(hs, peer, peer->conf.attempt, CPNS_STEP_CONFIRM_SENT,
				CPNS_HS_SUPERSEDED, now);
	hs_conf_cancel(hs, peer);
	conf->active = true;
	conf->record = own->record;
	conf->sid_i = own->sid_i;
	conf->sid_r = resp->sid_r;
	conf->path = *path;
	conf->due = now->ms + CPNS_HS_CONFIRM_MS;
	conf->sent = 1;
	conf->attempt = own->attempt;
	return CPNS_HS_OK;
}

enum cpns_hs_reason hs_resp(struct cpns_hs *hs, const struct cpns_path *path,
			    const struct cpns_msg *msg, const uint8_t *datagram, size_t len,
			    const struct cpns_now *now)
{
	struct hs_node *node = hs_table_first(&hs->table, HS_OWN, msg->h.sid);
	struct hs_confirming conf = { 0 };
	enum cpns_hs_reason reason;
	struct hs_peer *peer;
	struct hs_own *own;

	if (!node)
		return second_resp(hs, msg, datagram, len);
	own = container_of(node, struct hs_own, node);
	peer = container_of(own, struct hs_peer, own);
	if (msg->h.src != peer->party.eid)
		return CPNS_HS_SRC_DST;
	if (!offered(own, msg->resp.suite))
		return CPNS_HS_SUITE_NOT_OFFERED;
	conf.resp = malloc(len);
	if (!conf.resp)
		return CPNS_HS_INTERNAL;
	memcpy(conf.resp, datagram, len);
	conf.resp_len = len;
	reason = finish(hs, peer, msg, datagram, &conf);
	if (!reason)
		reason = accept_resp(hs, peer, path, &msg->resp, &conf, now);
	if (reason) {
		free(conf.resp);
		if (reason == CPNS_HS_INSTALL)
			fail(hs, peer, reason, now);
		return reason;
	}
	forget_init(hs, own);
	own->state = HS_OWN_NONE;
	own->attempt = 0;
	peer->conf = conf;
	hs_table_add(&hs->table, &peer->conf.node, HS_CONFIRMING, conf.sid_i);
	hs_due(hs, conf.due);
	send_confirm(hs, &peer->conf);
	hs_attempt_step(hs, peer, conf.attempt, CPNS_STEP_CONFIRM_SENT, CPNS_HS_OK, now);
	return CPNS_HS_OK;
}
