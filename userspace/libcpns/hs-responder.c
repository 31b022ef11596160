// SPDX-License-Identifier: GPL-2.0
/*
 * The responder's side of the handshake machine: INIT with the checks in the
 * order of the protocol page, RESP, the table of half-open handshakes, and
 * CONFIRM.
 */
#include <stdlib.h>
#include <string.h>

#include "hs-internal.h"
#include "secret.h"
#include "util.h"

/* ---- half-open handshakes ---- */

static void half_free(struct cpns_hs *hs, struct hs_half *half)
{
	struct hs_half **p;

	for (p = &hs->halves; *p != half; p = &(*p)->next)
		;
	*p = half->next;
	if (!half->confirmed)
		hs->n_half_open--;
	hs_table_del(&hs->table, &half->node);
	free(half->confirm);
	cpns_free_secret(half, sizeof(*half));
}

/* An INIT with this mac1 is not answered again. */
static void remember(struct hs_record *record, const uint8_t *mac1)
{
	memcpy(record->remembered[record->n_remembered++ % CPNS_HS_REMEMBERED], mac1,
	       CPNS_MAC1_LEN);
}

static bool remembered(const struct hs_record *record, const uint8_t *mac1)
{
	uint64_t n = record->n_remembered, i;

	for (i = 0; i < n && i < CPNS_HS_REMEMBERED; i++)
		if (!memcmp(record->remembered[i], mac1, CPNS_MAC1_LEN))
			return true;
	return false;
}

/* When nothing of it is needed any more: RESP is repeated, CONFIRM answered. */
static uint64_t expires(const struct hs_half *half)
{
	return (half->confirmed ? half->confirmed_ms : half->started) + CPNS_HS_HALF_OPEN_MS;
}

void hs_half_timer(struct cpns_hs *hs, const struct cpns_now *now)
{
	struct hs_half *half, *next;

	for (half = hs->halves; half; half = next) {
		next = half->next;
		if (now->ms < expires(half)) {
			hs_due(hs, expires(half));
			continue;
		}
		if (!half->confirmed) {
			remember(half->record, half->mac1);
			hs->counter[CPNS_HS_NO_CONFIRM]++;
			hs_attempt_step(hs, half->peer, half->attempt, CPNS_STEP_RESP_SENT,
					CPNS_HS_NO_CONFIRM, now);
		}
		half_free(hs, half);
	}
}

/* Forget the handshakes with a peer, or only those under one key record. */
void hs_half_forget(struct cpns_hs *hs, const struct hs_peer *peer,
		    const struct hs_record *record)
{
	struct hs_half *half, *next;

	for (half = hs->halves; half; half = next) {
		next = half->next;
		if (half->peer == peer && (!record || half->record == record))
			half_free(hs, half);
	}
}

void hs_half_mark_overlapped(struct cpns_hs *hs, const struct hs_peer *peer)
{
	struct hs_half *half;

	for (half = hs->halves; half; half = half->next)
		if (half->peer == peer && !half->confirmed)
			half->overlapped = true;
}

/* When the youngest half-open handshake with a peer began, if there is one. */
bool hs_half_youngest(const struct cpns_hs *hs, const struct hs_peer *peer, uint64_t *started)
{
	const struct hs_half *half;

	for (half = hs->halves; half; half = half->next) {
		if (half->peer != peer || half->confirmed)
			continue;
		*started = half->started;
		return true;
	}
	return false;
}

/*
 * When the last CONFIRM of a session with a peer was heard. Its initiator
 * repeats that each second until DATA has come: while it does so it would take
 * an INIT of this end for one that overlaps, and this end would not, and the
 * two would hold different sessions for the current one.
 */
bool hs_half_unsure(const struct cpns_hs *hs, const struct hs_peer *peer, uint64_t *heard)
{
	const struct hs_half *half;
	bool found = false;

	for (half = hs->halves; half; half = half->next) {
		if (half->peer != peer || !half->confirmed || (found && half->heard_ms <= *heard))
			continue;
		*heard = half->heard_ms;
		found = true;
	}
	return found;
}

/*
 * Make room: at most CPNS_HS_HALF_OPEN_KEY half open under one key. The oldest
 * of the same source goes, else one at random.
 */
static int make_room(struct cpns_hs *hs, const struct hs_record *record, const uint8_t *source,
		     const struct cpns_now *now)
{
	struct hs_half *half, *own = NULL, *all[CPNS_HS_HALF_OPEN_KEY];
	uint32_t pick;
	unsigned int n = 0;

	/* Newest first: the last one found is the oldest. */
	for (half = hs->halves; half; half = half->next) {
		if (half->record != record || half->confirmed)
			continue;
		all[n++] = half;
		if (!memcmp(half->source, source, CPNS_SOURCE_LEN))
			own = half;
	}
	if (n < CPNS_HS_HALF_OPEN_KEY)
		return 0;
	if (!own) {
		if (hs_draw_u32(hs, CPNS_DRAW_PICK, &pick))
			return -1;
		own = all[pick % n];
	}
	hs_attempt_step(hs, own->peer, own->attempt, CPNS_STEP_RESP_SENT, CPNS_HS_SUPERSEDED,
			now);
	half_free(hs, own);
	return 0;
}

/* ---- INIT ---- */

/* The handshake under @record that began with this very INIT, if it is kept. */
static struct hs_half *half_find(const struct cpns_hs *hs, const struct hs_record *record,
				 const uint8_t *mac1)
{
	struct hs_half *half;

	for (half = hs->halves; half; half = half->next)
		if (half->record == record && !memcmp(half->mac1, mac1, CPNS_MAC1_LEN))
			return half;
	return NULL;
}

static bool cookie_required(struct cpns_hs *hs, const struct hs_record *record,
			    const struct hs_half *same, bool source_over,
			    const struct cpns_now *now)
{
	const struct hs_half *half;

	if (source_over || hs->n_half_open > CPNS_HS_HALF_OPEN_COOKIE ||
	    cpns_bucket_empty(&hs->x25519, CPNS_HS_X25519_RATE, now->ms))
		return true;
	for (half = hs->halves; half; half = half->next)
		if (half->record == record && !half->confirmed && half != same)
			return true;
	return false;
}

static void send_cookie(struct cpns_hs *hs, const struct cpns_path *path,
			const struct cpns_msg *init, const struct cpns_now *now)
{
	uint8_t datagram[CPNS_HEADER_LEN + CPNS_MAC1_LEN + CPNS_COOKIE_LEN];
	struct cpns_msg msg = { 0 };
	ssize_t len;

	msg.h.type = CPNS_MSG_COOKIE;
	msg.h.hop_limit = CPNS_HOP_LIMIT;
	msg.h.sid = init->init.sid_i;
	msg.h.dst = init->h.src;
	msg.h.src = hs->own.eid;
	memcpy(msg.cookie.mac1, init->init.mac1, sizeof(msg.cookie.mac1));
	if (hs_cookie_make(hs, path, &init->init, now, msg.cookie.cookie))
		return;
	len = cpns_msg_build(&msg, datagram, sizeof(datagram));
	if (len > 0)
		hs->ops.send(hs->ctx, path, datagram, (size_t)len);
}

static bool init_offers(const struct cpns_msg_init *init, uint16_t suite)
{
	unsigned int i;

	for (i = 0; i < init->n_suites; i++)
		if (init->suites[i] == suite)
			return true;
	return false;
}

/*
 * By the responder's preference among what is offered and permitted; pure PSK
 * only where nothing with X25519 is. 0 where nothing is left.
 */
static uint16_t choose_suite(const struct hs_record *record, const struct cpns_msg_init *init)
{
	const struct cpns_hs_params *params = &record->peer->params;
	const uint16_t *list = params->n_prefer ? params->prefer : hs_standard_suites;
	size_t n = params->n_prefer ? params->n_prefer : ARRAY_SIZE(hs_standard_suites);
	uint16_t pure = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!cpns_suite_known(list[i]) || !init_offers(init, list[i]))
			continue;
		if (cpns_suite_has_x25519(list[i]))
			return list[i];
		if (!pure && record->r.pure_psk)
			pure = list[i];
	}
	return pure;
}

static uint32_t own_lifetime(const struct hs_record *record, const struct cpns_msg_init *init)
{
	uint32_t lifetime = record->peer->params.lifetime;

	if (lifetime)
		return lifetime;
	/* An X25519 suite is offered if and only if e_i is there. */
	return init->has_e ? CPNS_LIFETIME_X25519 : CPNS_LIFETIME_PSK;
}

/* Build RESP into @half and compute up to auth_r. */
static enum cpns_hs_reason make_resp(struct cpns_hs *hs, struct hs_half *half,
				     const struct cpns_msg *init, const uint8_t *datagram,
				     const struct cpns_now *now)
{
	const struct hs_start *start = &half->record->as_responder;
	uint8_t private[CPNS_X25519_LEN], dh[CPNS_X25519_LEN];
	size_t room = init->init.core_len + CPNS_MAC1_LEN + 1;
	enum cpns_hs_reason reason = CPNS_HS_INTERNAL;
	struct cpns_msg msg = { 0 };
	struct cpns_msg_resp *resp = &msg.resp;
	size_t core_len;
	ssize_t len;
	int ret;

	msg.h.type = CPNS_MSG_RESP;
	msg.h.hop_limit = CPNS_HOP_LIMIT;
	msg.h.sid = half->sid_i;
	msg.h.dst = half->peer->party.eid;
	msg.h.src = hs->own.eid;
	resp->suite = half->suite;
	resp->lifetime = own_lifetime(half->record, &init->init);
	half->lifetime = init->init.lifetime < resp->lifetime ? init->init.lifetime :
								resp->lifetime;
	resp->has_e = cpns_suite_has_x25519(half->suite);
	resp->ext = half->peer->params.ext_resp;
	if (hs_draw_sid(hs, &resp->sid_r) ||
	    hs->ops.random(hs->ctx, CPNS_DRAW_NONCE, resp->nonce_r, sizeof(resp->nonce_r)))
		return CPNS_HS_INTERNAL;
	half->sid_r = resp->sid_r;
	if (resp->has_e) {
		if (hs->ops.random(hs->ctx, CPNS_DRAW_X25519, private, sizeof(private)))
			goto out;
		cpns_bucket_take(&hs->x25519, CPNS_HS_X25519_RATE, now->ms);
		ret = cpns_x25519_public(private, resp->e_r);
		if (!ret && cpns_x25519(private, init->init.e_i, dh)) {
			reason = CPNS_HS_X25519_ZERO;
			goto out;
		}
		if (ret)
			goto out;
	}
	/* Never longer than what it answers, also where that comes without its cookie. */
	len = cpns_msg_build(&msg, half->resp, sizeof(half->resp));
	if (len < 0 || (size_t)len > room) {
		resp->ext = (struct cpns_span){ 0 };
		len = cpns_msg_build(&msg, half->resp, sizeof(half->resp));
	}
	if (len < 0)
		goto out;
	half->resp_len = (size_t)len;
	core_len = cpns_msg_core_len(&msg);
	memcpy(half->ks.h_prologue, start->h_prologue, CPNS_HASH_LEN);
	memcpy(half->ks.pskx, start->pskx, CPNS_HASH_LEN);
	if (cpns_ks_resp(&half->ks, resp->has_e ? dh : NULL, datagram, init->init.core_len,
			 half->resp, core_len))
		goto out;
	memcpy(half->resp + core_len, half->ks.auth_r, CPNS_AUTH_LEN);
	reason = CPNS_HS_OK;
out:
	cpns_wipe(private, sizeof(private));
	cpns_wipe(dh, sizeof(dh));
	return reason;
}

/* A new handshake: all checks but the last ones have been made. */
static enum cpns_hs_reason answer(struct cpns_hs *hs, const struct cpns_path *path,
				  struct hs_record *record, const struct cpns_msg *msg,
				  const uint8_t *datagram, const struct cpns_now *now)
{
	struct hs_peer *peer = record->peer;
	struct cpns_hs_attempt *a;
	enum cpns_hs_reason reason;
	struct hs_half *half;

	half = calloc(1, sizeof(*half));
	if (!half)
		return CPNS_HS_INTERNAL;
	half->peer = peer;
	half->record = record;
	half->started = now->ms;
	half->sid_i = msg->init.sid_i;
	half->suite = choose_suite(record, &msg->init);
	memcpy(half->mac1, msg->init.mac1, sizeof(half->mac1));
	cpns_source_of(&path->remote, half->source);
	if (half->suite)
		reason = make_resp(hs, half, msg, datagram, now);
	else
		reason = CPNS_HS_NO_SUITE;
	if (!reason && make_room(hs, record, half->source, now))
		reason = CPNS_HS_INTERNAL;
	if (reason) {
		cpns_free_secret(half, sizeof(*half));
		return reason;
	}
	half->serial = ++hs->serial;
	half->next = hs->halves;
	hs->halves = half;
	hs->n_half_open++;
	hs_table_add(&hs->table, &half->node, HS_HALF, half->sid_r);
	hs_due(hs, expires(half));

	half->attempt = hs_attempt_new(peer, record, false, CPNS_WHY_PEER, path, now);
	a = hs_attempt_get(peer, half->attempt);
	a->inits = 1;
	a->suite = half->suite;
	if (!hs_preferred(hs, peer))
		hs_own_hold(hs, peer, now);
	hs->ops.send(hs->ctx, path, half->resp, half->resp_len);
	hs_attempt_step(hs, peer, half->attempt, CPNS_STEP_RESP_SENT, CPNS_HS_OK, now);
	return CPNS_HS_OK;
}

/* An INIT that began a handshake which is kept: the same RESP, for a while. */
static enum cpns_hs_reason repeated_init(struct cpns_hs *hs, const struct cpns_path *path,
					 struct hs_half *half, const struct cpns_now *now)
{
	struct cpns_hs_attempt *a = hs_attempt_get(half->peer, half->attempt);

	if (now->ms >= half->started + CPNS_HS_HALF_OPEN_MS)
		return CPNS_HS_REPLAYED_INIT;
	if (a)
		a->inits++;
	hs->ops.send(hs->ctx, path, half->resp, half->resp_len);
	return CPNS_HS_OK;
}

/* The checks that need no cryptography. */
static enum cpns_hs_reason check_record(const struct cpns_hs *hs,
					const struct hs_record *record,
					const struct cpns_msg *msg, const struct cpns_now *now)
{
	if (!record)
		return CPNS_HS_KEY_UNKNOWN;
	if (!cpns_record_valid(&record->r, now->real))
		return CPNS_HS_KEY_NOT_VALID;
	if (msg->h.src != record->peer->party.eid)
		return CPNS_HS_SRC;
	if (msg->init.role_i != record->peer->party.role || msg->init.role_r != hs->own.role)
		return CPNS_HS_ROLE;
	return CPNS_HS_OK;
}

static bool mac1_good(const struct hs_record *record, const struct cpns_msg_init *init,
		      const uint8_t *datagram)
{
	uint8_t mac1[CPNS_MAC1_LEN];
	struct cpns_keysched ks;
	bool good;

	memset(&ks, 0, sizeof(ks));
	memcpy(ks.mac1_key, record->as_responder.mac1_key, sizeof(ks.mac1_key));
	good = !cpns_ks_mac1(&ks, datagram, init->core_len, mac1) &&
	       cpns_equal(mac1, init->mac1, sizeof(mac1));
	cpns_ks_wipe(&ks);
	return good;
}

static enum cpns_hs_reason check_init(struct cpns_hs *hs, const struct cpns_path *path,
				      struct hs_record *record, const struct cpns_msg *msg,
				      const uint8_t *datagram, bool source_over,
				      const struct cpns_now *now)
{
	enum cpns_hs_reason reason = check_record(hs, record, msg, now);
	struct hs_half *same;
	struct hs_peer *peer;

	if (reason)
		return reason;
	peer = record->peer;
	same = half_find(hs, record, msg->init.mac1);
	if (cookie_required(hs, record, same, source_over, now) &&
	    !hs_cookie_good(hs, path, &msg->init, now)) {
		send_cookie(hs, path, msg, now);
		return CPNS_HS_COOKIE_DEMANDED;
	}
	if (!mac1_good(record, &msg->init, datagram))
		return CPNS_HS_MAC1;
	if (hs_preferred(hs, peer) && peer->own.state == HS_OWN_WAITING) {
		hs_own_repeat(hs, peer, path, now);
		return CPNS_HS_PREFERRED;
	}
	if (same)
		return repeated_init(hs, path, same, now);
	if (remembered(record, msg->init.mac1))
		return CPNS_HS_REPLAYED_INIT;
	return answer(hs, path, record, msg, datagram, now);
}

enum cpns_hs_reason hs_init(struct cpns_hs *hs, const struct cpns_path *path,
			    const struct cpns_msg *msg, const uint8_t *datagram,
			    const struct cpns_now *now)
{
	bool over = cpns_sources_over(&hs->sources, &path->remote, CPNS_HS_INIT_RATE, now->ms);
	struct hs_record *record = hs_record_find(hs, msg->init.key_id);
	enum cpns_hs_reason reason;
	enum cpns_hint_code code = 0;
	struct hs_peer *peer;

	reason = check_init(hs, path, record, msg, datagram, over, now);
	switch (reason) {
	case CPNS_HS_OK:
	case CPNS_HS_COOKIE_DEMANDED:
	case CPNS_HS_PREFERRED:
	case CPNS_HS_REPLAYED_INIT:
		return reason;
	case CPNS_HS_KEY_UNKNOWN:
		code = CPNS_HINT_KEY_UNKNOWN;
		break;
	case CPNS_HS_KEY_NOT_VALID:
		code = CPNS_HINT_KEY_NOT_VALID;
		break;
	case CPNS_HS_NO_SUITE:
		code = CPNS_HINT_NO_SUITE;
		break;
	default:
		break;
	}
	if (code)
		hs_send_hint(hs, path, msg->h.src, 0, code, msg->init.mac1, now);
	peer = hs_peer_find(hs, msg->h.src);
	if (peer)
		hs_attempt_refused(hs, peer, msg->init.key_id, path, reason, now);
	return reason;
}

/* ---- CONFIRM ---- */

/*
 * A repeated valid CONFIRM: the initiator has had no DATA yet. Answered at the
 * peer's endpoint, not where the repeat came from.
 */
static enum cpns_hs_reason repeated_confirm(struct cpns_hs *hs, struct hs_half *half,
					    const uint8_t *datagram, size_t len,
					    const struct cpns_now *now)
{
	if (!hs_same_message(datagram, len, half->confirm, half->confirm_len))
		return CPNS_HS_AUTH_I;
	half->heard_ms = now->ms;
	if (!half->answered || now->ms - half->answered_ms >= CPNS_HS_ONCE_MS) {
		half->answered = true;
		half->answered_ms = now->ms;
		if (hs->ops.keepalive)
			hs->ops.keepalive(hs->ctx, half->peer->party.eid, half->sid_r);
	}
	return CPNS_HS_CONFIRM_REPEATED;
}

/*
 * Where the new session goes. Of two that overlap, that of the preferred
 * initiator ends up as current one at both ends.
 */
static void choose_slot(const struct cpns_hs *hs, const struct hs_half *half,
			struct cpns_hs_key *key)
{
	key->slot = CPNS_SLOT_CURRENT;
	if (hs_preferred(hs, half->peer)) {
		/* The own session, which has come first, stays where it is. */
		if (half->overlapped)
			key->slot = CPNS_SLOT_PREVIOUS;
	} else {
		/* The own session, where it is not confirmed yet, gives way. */
		key->demote_next = hs_session_in_slot(half->peer, CPNS_SLOT_NEXT);
	}
}

/* What the own side was about becomes pointless, or not, by the new session. */
static void give_way(struct cpns_hs *hs, struct hs_half *half, const struct cpns_now *now)
{
	struct hs_peer *peer = half->peer;
	bool preferred = hs_preferred(hs, peer);
	struct hs_half *other, *next;

	if (peer->conf.active && (!preferred || peer->conf.doubted)) {
		hs_attempt_step(hs, peer, peer->conf.attempt, CPNS_STEP_CONFIRM_SENT,
				CPNS_HS_SUPERSEDED, now);
		hs_conf_cancel(hs, peer);
	}
	if (!preferred || peer->own.state != HS_OWN_WAITING)
		hs_own_cancel(hs, peer, CPNS_HS_SUPERSEDED, now);

	/*
	 * The initiator has dropped what it began before: a CONFIRM for that,
	 * late on its way, must not put an old session over the new one.
	 */
	for (other = hs->halves; other; other = next) {
		next = other->next;
		if (other->peer != peer || other->confirmed || other->serial >= half->serial)
			continue;
		remember(other->record, other->mac1);
		hs_attempt_step(hs, peer, other->attempt, CPNS_STEP_RESP_SENT,
				CPNS_HS_SUPERSEDED, now);
		half_free(hs, other);
	}
}

static enum cpns_hs_reason confirmed(struct cpns_hs *hs, const struct cpns_path *path,
				     struct hs_half *half, const uint8_t *datagram, size_t len,
				     const struct cpns_now *now)
{
	struct hs_peer *peer = half->peer;
	struct cpns_hs_key key = {
		.sid_local = half->sid_r,
		.sid_remote = half->sid_i,
		.suite = half->suite,
		.lifetime = half->lifetime,
	};
	enum cpns_hs_reason reason = CPNS_HS_INTERNAL;

	half->confirm = malloc(len);
	if (!half->confirm || cpns_ks_finish(&half->ks, half->suite))
		goto err;
	memcpy(half->confirm, datagram, len);
	half->confirm_len = len;
	choose_slot(hs, half, &key);
	peer->path = *path;
	peer->has_path = true;
	if (hs->ops.set_endpoint)
		hs->ops.set_endpoint(hs->ctx, peer->party.eid, path);
	if (hs_session_install(hs, peer, &key, &half->ks, half->record)) {
		reason = CPNS_HS_INSTALL;
		goto err;
	}
	cpns_ks_wipe(&half->ks);
	half->confirmed = true;
	half->confirmed_ms = now->ms;
	half->heard_ms = now->ms;
	hs->n_half_open--;
	remember(half->record, half->mac1);
	hs_due(hs, expires(half));
	hs_attempt_step(hs, peer, half->attempt, CPNS_STEP_DONE, CPNS_HS_OK, now);
	give_way(hs, half, now);
	return CPNS_HS_OK;
err:
	remember(half->record, half->mac1);
	hs_attempt_step(hs, peer, half->attempt, CPNS_STEP_RESP_SENT, reason, now);
	half_free(hs, half);
	return reason;
}

/* CONFIRM for a sid that is not half open: perhaps this end was restarted. */
static enum cpns_hs_reason unknown_confirm(struct cpns_hs *hs, const struct cpns_path *path,
					   const struct cpns_msg *msg,
					   const struct cpns_now *now)
{
	if (hs_peer_find(hs, msg->h.src) && !cpns_hs_sid_used(hs, msg->h.sid))
		hs_send_hint(hs, path, msg->h.src, msg->h.sid, CPNS_HINT_SESSION_UNKNOWN, NULL,
			     now);
	return CPNS_HS_SID_UNKNOWN;
}

enum cpns_hs_reason hs_confirm(struct cpns_hs *hs, const struct cpns_path *path,
			       const struct cpns_msg *msg, const uint8_t *datagram, size_t len,
			       const struct cpns_now *now)
{
	struct hs_node *node = hs_table_first(&hs->table, HS_HALF, msg->h.sid);
	struct hs_half *half;

	if (!node)
		return unknown_confirm(hs, path, msg, now);
	half = container_of(node, struct hs_half, node);
	if (msg->h.src != half->peer->party.eid)
		return CPNS_HS_SRC_DST;
	if (half->confirmed)
		return repeated_confirm(hs, half, datagram, len, now);
	if (cpns_ks_confirm(&half->ks, datagram, msg->confirm.core_len))
		return CPNS_HS_INTERNAL;
	if (!cpns_equal(half->ks.auth_i, msg->confirm.auth_i, sizeof(msg->confirm.auth_i)))
		return CPNS_HS_AUTH_I;
	return confirmed(hs, path, half, datagram, len, now);
}
