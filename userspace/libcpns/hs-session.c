// SPDX-License-Identifier: GPL-2.0
/*
 * What the handshake machine knows of the sessions in the kernel, and how a
 * new one is put there.
 */
#include <string.h>

#include "hs-internal.h"

enum {
	SOFT_INITIATOR = 80,	/* percent of the lifetime */
	SOFT_RESPONDER = 90,
};

struct hs_session *hs_session_find(struct hs_peer *peer, uint32_t sid_local)
{
	unsigned int i;

	for (i = 0; i < HS_SESSIONS; i++)
		if (peer->session[i].used && peer->session[i].s.sid_local == sid_local)
			return &peer->session[i];
	return NULL;
}

bool hs_session_in_slot(const struct hs_peer *peer, enum cpns_slot slot)
{
	unsigned int i;

	for (i = 0; i < HS_SESSIONS; i++)
		if (peer->session[i].used && peer->session[i].s.slot == slot)
			return true;
	return false;
}

void hs_session_del(struct cpns_hs *hs, struct hs_session *session)
{
	hs_table_del(&hs->table, &session->node);
	session->used = false;
}

unsigned int hs_session_count(const struct hs_peer *peer)
{
	unsigned int i, n = 0;

	for (i = 0; i < HS_SESSIONS; i++)
		n += peer->session[i].used;
	return n;
}

const struct hs_session *hs_session_sending(const struct hs_peer *peer)
{
	const struct hs_session *found = NULL;
	unsigned int i;

	for (i = 0; i < HS_SESSIONS; i++) {
		const struct hs_session *s = &peer->session[i];

		if (!s->used)
			continue;
		if (s->s.slot == CPNS_SLOT_CURRENT)
			return s;
		if (s->s.slot == CPNS_SLOT_NEXT)
			found = s;
	}
	return found;
}

/* All sessions in a slot leave it, as the kernel does. */
static void vacate(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_slot slot, bool keep)
{
	unsigned int i;

	for (i = 0; i < HS_SESSIONS; i++) {
		struct hs_session *s = &peer->session[i];

		if (!s->used || s->s.slot != slot)
			continue;
		if (keep)
			s->s.slot = CPNS_SLOT_PREVIOUS;
		else
			hs_session_del(hs, s);
	}
}

/* A free place, or that of the oldest session that has left the other slots. */
static struct hs_session *place(struct cpns_hs *hs, struct hs_peer *peer)
{
	struct hs_session *oldest = &peer->session[0];
	unsigned int i;

	for (i = 0; i < HS_SESSIONS; i++) {
		struct hs_session *s = &peer->session[i];
		bool previous = s->s.slot == CPNS_SLOT_PREVIOUS;
		bool beaten = oldest->s.slot == CPNS_SLOT_PREVIOUS;

		if (!s->used)
			return s;
		if (previous == beaten ? s->serial < oldest->serial : previous)
			oldest = s;
	}
	hs_session_del(hs, oldest);
	return oldest;
}

void hs_session_add(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_hs_session *s)
{
	struct hs_session *session = place(hs, peer);

	session->used = true;
	session->serial = ++hs->serial;
	session->s = *s;
	hs_table_add(&hs->table, &session->node, HS_SESSION, s->sid_local);
}

void hs_session_promote(struct cpns_hs *hs, struct hs_peer *peer, struct hs_session *session)
{
	if (session->s.slot != CPNS_SLOT_NEXT)
		return;
	vacate(hs, peer, CPNS_SLOT_CURRENT, true);
	session->s.slot = CPNS_SLOT_CURRENT;
}

static void limits(const struct cpns_hs_params *params, struct cpns_hs_key *key)
{
	bool chacha = key->suite == CPNS_SUITE_X25519_CHACHA ||
		      key->suite == CPNS_SUITE_PSK_CHACHA;

	key->soft_packets = chacha ? CPNS_SOFT_PACKETS_CHACHA : CPNS_SOFT_PACKETS_AES;
	key->hard_packets = chacha ? CPNS_HARD_PACKETS_CHACHA : CPNS_HARD_PACKETS_AES;
	key->soft_failed = CPNS_SOFT_FAILED;
	key->hard_failed = CPNS_HARD_FAILED;
	if (params->soft_packets)
		key->soft_packets = params->soft_packets;
	if (params->hard_packets)
		key->hard_packets = params->hard_packets;
	if (params->soft_failed)
		key->soft_failed = params->soft_failed;
	if (params->hard_failed)
		key->hard_failed = params->hard_failed;
	key->hard_ms = 1000ULL * key->lifetime;
	key->soft_ms = key->hard_ms * (key->initiator ? SOFT_INITIATOR : SOFT_RESPONDER) / 100;
}

/*
 * Give a session to the kernel and note it. @key has slot, demote_next,
 * initiator, sids, suite and lifetime; the rest is filled in.
 */
int hs_session_install(struct cpns_hs *hs, struct hs_peer *peer, struct cpns_hs_key *key,
		       const struct cpns_keysched *ks, const struct hs_record *record)
{
	struct cpns_hs_session s = {
		.slot = key->slot,
		.initiator = key->initiator,
		.sid_local = key->sid_local,
		.sid_remote = key->sid_remote,
	};
	int ret;

	key->eid = peer->party.eid;
	key->key_id = record->r.key_id;
	key->tx = key->initiator ? &ks->i : &ks->r;
	key->rx = key->initiator ? &ks->r : &ks->i;
	key->exporter = ks->exporter;
	limits(&peer->params, key);
	ret = hs->ops.install(hs->ctx, key);
	if (ret)
		return ret;

	memcpy(s.key_id, record->r.key_id, sizeof(s.key_id));
	if (key->demote_next)
		vacate(hs, peer, CPNS_SLOT_NEXT, true);
	if (key->slot == CPNS_SLOT_CURRENT)
		vacate(hs, peer, CPNS_SLOT_CURRENT, true);
	else if (key->slot == CPNS_SLOT_NEXT)
		vacate(hs, peer, CPNS_SLOT_NEXT, false);
	hs_session_add(hs, peer, &s);
	return 0;
}
