// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake machine of one device: its peers and key records, what comes
 * in from the wire, the clock and the kernel. What the two sides of a
 * handshake do is in hs-initiator.c and hs-responder.c.
 */
#include "handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hs-internal.h"
#include "secret.h"
#include "util.h"

enum { HOP_LIMIT_AT = 2 };	/* in the header */

const uint16_t hs_standard_suites[6] = {
	CPNS_SUITE_X25519_GCM, CPNS_SUITE_X25519_CHACHA, CPNS_SUITE_X25519_CTR_HMAC,
	CPNS_SUITE_PSK_GCM, CPNS_SUITE_PSK_CHACHA, CPNS_SUITE_PSK_CTR_HMAC,
};

/* ---- what the other files call ---- */

struct hs_peer *hs_peer_find(const struct cpns_hs *hs, uint64_t eid)
{
	struct hs_node *node = hs_table_first(&hs->table, HS_PEER, eid);

	return node ? container_of(node, struct hs_peer, node) : NULL;
}

struct hs_record *hs_record_find(const struct cpns_hs *hs, const uint8_t *key_id)
{
	struct hs_node *node;

	for (node = hs_table_first(&hs->table, HS_RECORD, cpns_get_u64(key_id)); node;
	     node = hs_table_next(node)) {
		struct hs_record *record = container_of(node, struct hs_record, node);

		if (!memcmp(record->r.key_id, key_id, CPNS_KEY_ID_LEN))
			return record;
	}
	return NULL;
}

/* The same bytes, but for the hop limit. */
bool hs_same_message(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, HOP_LIMIT_AT) &&
	       !memcmp(a + HOP_LIMIT_AT + 1, b + HOP_LIMIT_AT + 1, a_len - HOP_LIMIT_AT - 1);
}

bool hs_preferred(const struct cpns_hs *hs, const struct hs_peer *peer)
{
	return cpns_initiator_preferred(hs->own.role, hs->own.eid, peer->party.role,
					peer->party.eid);
}

void hs_due(struct cpns_hs *hs, uint64_t ms)
{
	if (ms < hs->deadline)
		hs->deadline = ms;
}

int hs_draw_u32(struct cpns_hs *hs, enum cpns_hs_draw what, uint32_t *value)
{
	uint8_t bytes[4];

	if (hs->ops.random(hs->ctx, what, bytes, sizeof(bytes)))
		return -EIO;
	*value = cpns_get_u32(bytes);
	return 0;
}

int hs_draw_sid(struct cpns_hs *hs, uint32_t *sid)
{
	unsigned int tries;

	/* Even with a million sids in use this fails never but for bad randomness. */
	for (tries = 0; tries < 64; tries++) {
		if (hs_draw_u32(hs, CPNS_DRAW_SID, sid))
			return -EIO;
		if (*sid && !cpns_hs_sid_used(hs, *sid))
			return 0;
	}
	return -EIO;
}

void hs_send_hint(struct cpns_hs *hs, const struct cpns_path *path, uint64_t dst, uint32_t sid,
		  enum cpns_hint_code code, const uint8_t *mac1, const struct cpns_now *now)
{
	uint8_t datagram[CPNS_HEADER_LEN + 2 + CPNS_MAC1_LEN];
	struct cpns_msg msg = { 0 };
	ssize_t len;

	if (!hs->hints || !cpns_bucket_take(&hs->hint_bucket, HS_HINT_RATE, now->ms))
		return;
	msg.h.type = CPNS_MSG_HINT;
	msg.h.hop_limit = CPNS_HOP_LIMIT;
	msg.h.sid = sid;
	msg.h.dst = dst;
	msg.h.src = hs->own.eid;
	msg.hint.code = (uint16_t)code;
	if (mac1)
		memcpy(msg.hint.mac1, mac1, sizeof(msg.hint.mac1));
	len = cpns_msg_build(&msg, datagram, sizeof(datagram));
	if (len > 0)
		hs->ops.send(hs->ctx, path, datagram, (size_t)len);
}

/* ---- making and ending ---- */

struct cpns_hs *cpns_hs_new(const struct cpns_party *own, const struct cpns_hs_ops *ops,
			    void *ctx, bool hints)
{
	struct cpns_hs *hs = calloc(1, sizeof(*hs));

	if (!hs)
		return NULL;
	hs->own = *own;
	hs->ops = *ops;
	hs->ctx = ctx;
	hs->hints = hints;
	hs->deadline = UINT64_MAX;
	/* A table that a stranger can aim at is slower, not wrong. */
	if (ops->random(ctx, CPNS_DRAW_PICK, &hs->sources.seed, sizeof(hs->sources.seed)))
		hs->sources.seed = own->eid;
	return hs;
}

static void record_free(struct cpns_hs *hs, struct hs_record *record)
{
	hs_table_del(&hs->table, &record->node);
	cpns_free_secret(record, sizeof(*record));
}

static void params_free(struct cpns_hs_params *params)
{
	free((void *)params->ext_init.data);
	free((void *)params->ext_resp.data);
	free((void *)params->ext_confirm.data);
}

static void peer_free(struct cpns_hs *hs, struct hs_peer *peer)
{
	unsigned int i;

	hs_half_forget(hs, peer, NULL);
	hs_own_cancel(hs, peer, CPNS_HS_REMOVED, &hs->last);
	hs_conf_cancel(hs, peer);
	for (i = 0; i < HS_SESSIONS; i++)
		if (peer->session[i].used)
			hs_session_del(hs, &peer->session[i]);
	while (peer->records) {
		struct hs_record *record = peer->records;

		peer->records = record->next;
		record_free(hs, record);
	}
	hs_table_del(&hs->table, &peer->node);
	params_free(&peer->params);
	cpns_free_secret(peer, sizeof(*peer));
}

void cpns_hs_free(struct cpns_hs *hs)
{
	if (!hs)
		return;
	hs->ops.report = NULL;
	while (hs->peers) {
		struct hs_peer *peer = hs->peers;

		hs->peers = peer->next;
		peer_free(hs, peer);
	}
	cpns_free_secret(hs, sizeof(*hs));
}

static int span_copy(struct cpns_span *to, const struct cpns_span *from)
{
	uint8_t *data;

	*to = (struct cpns_span){ 0 };
	if (!from->len)
		return 0;
	data = malloc(from->len);
	if (!data)
		return -ENOMEM;
	memcpy(data, from->data, from->len);
	to->data = data;
	to->len = from->len;
	return 0;
}

static int params_copy(struct cpns_hs_params *to, const struct cpns_hs_params *from)
{
	struct cpns_hs_params copy = *from;

	if (from->n_offer > CPNS_HS_SUITES_CONFIG || from->n_prefer > CPNS_HS_SUITES_CONFIG ||
	    (from->lifetime &&
	     (from->lifetime < CPNS_LIFETIME_MIN || from->lifetime > CPNS_LIFETIME_MAX)))
		return -EINVAL;
	copy.ext_init = (struct cpns_span){ 0 };
	copy.ext_resp = (struct cpns_span){ 0 };
	copy.ext_confirm = (struct cpns_span){ 0 };
	if (span_copy(&copy.ext_init, &from->ext_init) ||
	    span_copy(&copy.ext_resp, &from->ext_resp) ||
	    span_copy(&copy.ext_confirm, &from->ext_confirm)) {
		params_free(&copy);
		return -ENOMEM;
	}
	*to = copy;
	return 0;
}

int cpns_hs_peer_set(struct cpns_hs *hs, const struct cpns_party *peer,
		     const struct cpns_hs_params *params)
{
	static const struct cpns_hs_params defaults;
	struct hs_peer *p = hs_peer_find(hs, peer->eid);
	struct cpns_hs_params copy;
	int ret;

	if (peer->eid == hs->own.eid)
		return -EINVAL;
	if (p && (!cpns_name_equal(&p->party.id, &peer->id) || p->party.role != peer->role))
		return -EEXIST;
	ret = params_copy(&copy, params ? params : &defaults);
	if (ret)
		return ret;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			params_free(&copy);
			return -ENOMEM;
		}
		p->party = *peer;
		p->next = hs->peers;
		hs->peers = p;
		hs_table_add(&hs->table, &p->node, HS_PEER, peer->eid);
	}
	params_free(&p->params);
	p->params = copy;
	return 0;
}

int cpns_hs_peer_del(struct cpns_hs *hs, uint64_t eid)
{
	struct hs_peer *peer = hs_peer_find(hs, eid), **p;

	if (!peer)
		return -ENOENT;
	for (p = &hs->peers; *p != peer; p = &(*p)->next)
		;
	*p = peer->next;
	peer_free(hs, peer);
	return 0;
}

/* ---- key records ---- */

static bool record_same(const struct cpns_key_record *a, const struct cpns_key_record *b)
{
	return a->kind == b->kind && a->generation == b->generation &&
	       a->pure_psk == b->pure_psk && a->not_before == b->not_before &&
	       a->not_after == b->not_after && cpns_name_equal(&a->user_id, &b->user_id) &&
	       cpns_name_equal(&a->peer.id, &b->peer.id) && a->peer.role == b->peer.role &&
	       cpns_equal(a->key, b->key, sizeof(a->key));
}

static int start_make(struct hs_start *start, const struct cpns_key_record *record,
		      const struct cpns_party *initiator, const struct cpns_party *responder)
{
	const struct cpns_prologue prologue = {
		.role_i = initiator->role,
		.id_i = &initiator->id,
		.role_r = responder->role,
		.id_r = &responder->id,
		.user_id = &record->user_id,
		.key_id = record->key_id,
	};
	struct cpns_keysched ks;
	int ret = cpns_ks_start(&ks, record->key, &prologue);

	memcpy(start->h_prologue, ks.h_prologue, CPNS_HASH_LEN);
	memcpy(start->pskx, ks.pskx, CPNS_HASH_LEN);
	memcpy(start->mac1_key, ks.mac1_key, CPNS_HASH_LEN);
	cpns_ks_wipe(&ks);
	return ret;
}

int cpns_hs_record_add(struct cpns_hs *hs, const struct cpns_key_record *record,
		       const char **why)
{
	struct hs_peer *peer = hs_peer_find(hs, record->peer.eid);
	struct hs_record *r = hs_record_find(hs, record->key_id);
	const char *unused;

	if (!why)
		why = &unused;
	if (cpns_record_check(record, why))
		return -EINVAL;
	if (!cpns_name_equal(&record->own.id, &hs->own.id) || record->own.role != hs->own.role) {
		*why = "this entity, under its own role, is not one of the two of the key";
		return -EINVAL;
	}
	if (!peer || !cpns_name_equal(&record->peer.id, &peer->party.id) ||
	    record->peer.role != peer->party.role) {
		*why = "there is no peer of that name and role";
		return -ENOENT;
	}
	if (r) {
		*why = "another key has this key-id: each key needs its own";
		return record_same(&r->r, record) ? 0 : -EEXIST;
	}
	r = calloc(1, sizeof(*r));
	*why = "no memory";
	if (!r)
		return -ENOMEM;
	r->peer = peer;
	r->r = *record;
	if (start_make(&r->as_initiator, record, &hs->own, &peer->party) ||
	    start_make(&r->as_responder, record, &peer->party, &hs->own)) {
		cpns_free_secret(r, sizeof(*r));
		return -ENOMEM;
	}
	r->next = peer->records;
	peer->records = r;
	hs_table_add(&hs->table, &r->node, HS_RECORD, cpns_get_u64(record->key_id));
	return 0;
}

int cpns_hs_record_del(struct cpns_hs *hs, const uint8_t *key_id, bool revoked)
{
	struct hs_record *record = hs_record_find(hs, key_id), **p;
	struct hs_peer *peer;
	unsigned int i;

	if (!record)
		return -ENOENT;
	peer = record->peer;
	hs_half_forget(hs, peer, record);
	if (peer->own.record == record)
		hs_own_cancel(hs, peer, CPNS_HS_REMOVED, &hs->last);
	if (peer->conf.record == record)
		hs_conf_cancel(hs, peer);
	for (i = 0; revoked && i < HS_SESSIONS; i++) {
		struct hs_session *s = &peer->session[i];

		if (!s->used || memcmp(s->s.key_id, key_id, CPNS_KEY_ID_LEN))
			continue;
		if (hs->ops.remove)
			hs->ops.remove(hs->ctx, peer->party.eid, s->s.sid_local);
		hs_session_del(hs, s);
	}
	for (p = &peer->records; *p != record; p = &(*p)->next)
		;
	*p = record->next;
	record_free(hs, record);
	return 0;
}

/* ---- what the caller wants ---- */

int cpns_hs_endpoint(struct cpns_hs *hs, uint64_t eid, const struct cpns_path *path,
		     const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);

	if (!peer)
		return -ENOENT;
	peer->has_path = path && path->remote.family;
	if (peer->has_path)
		peer->path = *path;
	hs_own_endpoint(hs, peer, now);
	return 0;
}

int cpns_hs_start(struct cpns_hs *hs, uint64_t eid, enum cpns_hs_why why,
		  const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);

	if (!peer)
		return -ENOENT;
	hs->last = *now;
	hs_own_start(hs, peer, why, now);
	return 0;
}

int cpns_hs_stop(struct cpns_hs *hs, uint64_t eid)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);

	if (!peer)
		return -ENOENT;
	hs_own_cancel(hs, peer, CPNS_HS_REMOVED, &hs->last);
	hs_conf_cancel(hs, peer);
	return 0;
}

/* ---- the clock ---- */

uint64_t cpns_hs_deadline(const struct cpns_hs *hs)
{
	return hs->deadline;
}

void cpns_hs_timer(struct cpns_hs *hs, const struct cpns_now *now)
{
	struct hs_peer *peer;

	hs->last = *now;
	if (now->ms < hs->deadline)
		return;
	hs->deadline = UINT64_MAX;
	hs_half_timer(hs, now);
	for (peer = hs->peers; peer; peer = peer->next) {
		hs_conf_timer(hs, peer, now);
		hs_own_timer(hs, peer, now);
	}
}

/* ---- the wire ---- */

/* Is this HINT about something that this end really does just now. */
static bool hint_fits(const struct hs_peer *peer, const struct cpns_msg *msg)
{
	const struct hs_session *sending = hs_session_sending(peer);

	if (msg->hint.code != CPNS_HINT_SESSION_UNKNOWN)
		return peer->own.live && cpns_equal(peer->own.init + peer->own.core_len,
						    msg->hint.mac1, CPNS_MAC1_LEN);
	return msg->h.sid && ((sending && sending->s.sid_remote == msg->h.sid) ||
			      (peer->conf.active && peer->conf.sid_r == msg->h.sid));
}

/* A HINT is not authenticated: it may hurry and explain, and end nothing. */
static enum cpns_hs_reason hint_received(struct cpns_hs *hs, const struct cpns_msg *msg,
					 const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, msg->h.src);
	struct cpns_hs_attempt *a;

	if (!peer || !hint_fits(peer, msg) ||
	    (peer->hinted && now->ms - peer->hinted_ms < CPNS_HS_HINT_MS))
		return CPNS_HS_HINT_IGNORED;
	peer->hinted = true;
	peer->hinted_ms = now->ms;
	if (msg->hint.code == CPNS_HINT_SESSION_UNKNOWN) {
		if (peer->conf.active && peer->conf.sid_r == msg->h.sid) {
			peer->conf.doubted = true;
			a = hs_attempt_get(peer, peer->conf.attempt);
			if (a)
				a->hint = msg->hint.code;
		}
		hs_own_start(hs, peer, CPNS_WHY_HINT, now);
		return CPNS_HS_OK;
	}
	a = hs_attempt_get(peer, peer->own.attempt);
	if (a) {
		a->hint = msg->hint.code;
		hs_attempt_step(hs, peer, peer->own.attempt, a->step, a->reason, now);
	}
	if (msg->hint.code == CPNS_HINT_KEY_UNKNOWN)
		hs_own_lower_generation(hs, peer, now);
	return CPNS_HS_OK;
}

enum cpns_hs_reason cpns_hs_datagram(struct cpns_hs *hs, const struct cpns_path *path,
				     const void *datagram, size_t len,
				     const struct cpns_now *now)
{
	enum cpns_hs_reason reason;
	enum cpns_malformed bad;
	struct cpns_msg msg;

	hs->last = *now;
	bad = cpns_msg_parse(datagram, len, &msg);
	if (bad) {
		hs->malformed[bad]++;
		reason = CPNS_HS_MALFORMED;
	} else if (msg.h.dst != hs->own.eid) {
		reason = CPNS_HS_NOT_FOR_US;
	} else {
		switch (msg.h.type) {
		case CPNS_MSG_INIT:
			reason = hs_init(hs, path, &msg, datagram, now);
			break;
		case CPNS_MSG_RESP:
			reason = hs_resp(hs, path, &msg, datagram, len, now);
			break;
		case CPNS_MSG_CONFIRM:
			reason = hs_confirm(hs, path, &msg, datagram, len, now);
			break;
		case CPNS_MSG_COOKIE:
			reason = hs_cookie_received(hs, path, &msg, now);
			break;
		case CPNS_MSG_HINT:
			reason = hint_received(hs, &msg, now);
			break;
		default:
			/* DATA is the kernel's. */
			reason = CPNS_HS_SID_UNKNOWN;
			break;
		}
	}
	hs->counter[reason]++;
	return reason;
}

/* ---- the kernel ---- */

int cpns_hs_learn(struct cpns_hs *hs, uint64_t eid, const struct cpns_hs_session *session,
		  const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);

	if (!peer)
		return -ENOENT;
	if (cpns_hs_sid_used(hs, session->sid_local))
		return -EEXIST;
	hs_session_add(hs, peer, session);
	if (session->slot == CPNS_SLOT_NEXT)
		hs_own_start(hs, peer, CPNS_WHY_UNCONFIRMED, now);
	else if (session->slot == CPNS_SLOT_CURRENT && session->soft)
		hs_own_start(hs, peer, CPNS_WHY_REKEY, now);
	return 0;
}

void cpns_hs_promoted(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local,
		      const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);
	struct hs_session *session = peer ? hs_session_find(peer, sid_local) : NULL;

	if (!session || session->s.slot != CPNS_SLOT_NEXT)
		return;
	hs_session_promote(hs, peer, session);
	hs_half_mark_overlapped(hs, peer);
	if (peer->conf.active && peer->conf.sid_i == sid_local) {
		hs_attempt_step(hs, peer, peer->conf.attempt, CPNS_STEP_DONE, CPNS_HS_OK, now);
		/* RESP and CONFIRM stay, as a repeated RESP gets the same CONFIRM. */
		peer->conf.active = false;
	}
	/* Begun because this session was in doubt. */
	hs_own_cancel(hs, peer, CPNS_HS_SUPERSEDED, now);
}

void cpns_hs_soft(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local,
		  const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);
	struct hs_session *session = peer ? hs_session_find(peer, sid_local) : NULL;

	if (session && session->s.slot == CPNS_SLOT_CURRENT)
		hs_own_start(hs, peer, CPNS_WHY_REKEY, now);
}

void cpns_hs_dead(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local, bool restart,
		  const struct cpns_now *now)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);
	struct hs_session *session = peer ? hs_session_find(peer, sid_local) : NULL;

	if (!session)
		return;
	hs_session_del(hs, session);
	if (peer->conf.sid_i == sid_local)
		hs_conf_cancel(hs, peer);
	if (restart && !hs_session_sending(peer))
		hs_own_start(hs, peer, CPNS_WHY_DEAD, now);
}

void cpns_hs_silence(struct cpns_hs *hs, uint64_t eid, const struct cpns_now *now)
{
	cpns_hs_start(hs, eid, CPNS_WHY_SILENCE, now);
}

void cpns_hs_unknown_sid(struct cpns_hs *hs, uint32_t sid, uint64_t src,
			 const struct cpns_path *path, const struct cpns_now *now)
{
	if (!sid || !hs_peer_find(hs, src) || cpns_hs_sid_used(hs, sid))
		return;
	hs_send_hint(hs, path, src, sid, CPNS_HINT_SESSION_UNKNOWN, NULL, now);
}

/* ---- getters ---- */

bool cpns_hs_has_record(const struct cpns_hs *hs, const uint8_t *key_id)
{
	return hs_record_find(hs, key_id);
}

bool cpns_hs_sid_used(const struct cpns_hs *hs, uint32_t sid)
{
	static const enum hs_kind kinds[] = { HS_OWN, HS_CONFIRMING, HS_HALF, HS_SESSION };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (hs_table_first(&hs->table, kinds[i], sid))
			return true;
	return false;
}

int cpns_hs_status_get(const struct cpns_hs *hs, uint64_t eid, struct cpns_hs_status *status,
		       const struct cpns_now *now)
{
	static const enum cpns_hs_step own_step[] = {
		[HS_OWN_DEFERRED] = CPNS_STEP_DEFERRED,
		[HS_OWN_WAITING] = CPNS_STEP_INIT_SENT,
		[HS_OWN_RESTING] = CPNS_STEP_RESTING,
	};
	const struct hs_peer *peer = hs_peer_find(hs, eid);
	const struct hs_record *record;
	uint64_t started;

	if (!peer)
		return -ENOENT;
	memset(status, 0, sizeof(*status));
	if (peer->own.state != HS_OWN_NONE) {
		status->step = own_step[peer->own.state];
		status->next_ms = peer->own.due;
		if (peer->own.state == HS_OWN_WAITING && peer->own.has_cookie)
			status->step = CPNS_STEP_COOKIE;
	} else if (peer->conf.active) {
		status->step = CPNS_STEP_CONFIRM_SENT;
		status->next_ms = peer->conf.due;
	} else if (hs_half_youngest(hs, peer, &started)) {
		status->step = CPNS_STEP_RESP_SENT;
	} else if (hs_session_sending(peer)) {
		status->step = CPNS_STEP_DONE;
	}
	status->sessions = hs_session_count(peer);
	for (record = peer->records; record; record = record->next) {
		status->n_records++;
		status->n_valid += cpns_record_valid(&record->r, now->real);
	}
	return 0;
}

int cpns_hs_attempts(const struct cpns_hs *hs, uint64_t eid, struct cpns_hs_attempt *out,
		     size_t max)
{
	struct hs_peer *peer = hs_peer_find(hs, eid);
	const struct cpns_hs_attempt *a;
	size_t n = 0;

	if (!peer)
		return -ENOENT;
	while (n < max && (a = hs_attempt_get(peer, peer->n_attempts - (uint32_t)n)))
		out[n++] = *a;
	return (int)n;
}

uint64_t cpns_hs_counter(const struct cpns_hs *hs, enum cpns_hs_reason reason)
{
	return reason < CPNS_HS_REASON_COUNT ? hs->counter[reason] : 0;
}

uint64_t cpns_hs_malformed_counter(const struct cpns_hs *hs, enum cpns_malformed what)
{
	return what < CPNS_MALFORMED_COUNT ? hs->malformed[what] : 0;
}

unsigned int cpns_hs_half_open(const struct cpns_hs *hs)
{
	return hs->n_half_open;
}
