// SPDX-License-Identifier: GPL-2.0
/*
 * History of the handshake machine: the last attempts with each peer, so that
 * a person can be told how far one came and why it failed.
 */
#include <string.h>

#include "hs-internal.h"

uint32_t hs_attempt_new(struct hs_peer *peer, const struct hs_record *record, bool initiator,
			enum cpns_hs_why why, const struct cpns_path *path,
			const struct cpns_now *now)
{
	struct cpns_hs_attempt *a = &peer->attempt[++peer->n_attempts % CPNS_HS_ATTEMPTS_KEPT];

	memset(a, 0, sizeof(*a));
	a->started = *now;
	a->changed = *now;
	a->initiator = initiator;
	a->why = why;
	if (record) {
		memcpy(a->key_id, record->r.key_id, sizeof(a->key_id));
		a->generation = record->r.generation;
	}
	if (path)
		a->remote = path->remote;
	return peer->n_attempts;
}

struct cpns_hs_attempt *hs_attempt_get(struct hs_peer *peer, uint32_t id)
{
	if (!id || peer->n_attempts - id >= CPNS_HS_ATTEMPTS_KEPT)
		return NULL;
	return &peer->attempt[id % CPNS_HS_ATTEMPTS_KEPT];
}

void hs_attempt_step(struct cpns_hs *hs, struct hs_peer *peer, uint32_t id,
		     enum cpns_hs_step step, enum cpns_hs_reason reason,
		     const struct cpns_now *now)
{
	struct cpns_hs_attempt *a = hs_attempt_get(peer, id);

	if (!a)
		return;
	a->step = step;
	a->reason = reason;
	a->changed = *now;
	if (hs->ops.report)
		hs->ops.report(hs->ctx, peer->party.eid, a);
}

/*
 * The peer's INIT was refused. A stranger may send many: one entry a reason is
 * kept, counted and reported once.
 */
void hs_attempt_refused(struct cpns_hs *hs, struct hs_peer *peer, const uint8_t *key_id,
			const struct cpns_path *path, enum cpns_hs_reason reason,
			const struct cpns_now *now)
{
	struct cpns_hs_attempt *a;
	uint32_t id;

	for (id = peer->n_attempts; (a = hs_attempt_get(peer, id)); id--) {
		if (!a->initiator && a->step == CPNS_STEP_IDLE && a->reason == reason) {
			a->inits++;
			a->changed = *now;
			a->remote = path->remote;
			return;
		}
	}
	id = hs_attempt_new(peer, NULL, false, CPNS_WHY_PEER, path, now);
	a = hs_attempt_get(peer, id);
	a->inits = 1;
	memcpy(a->key_id, key_id, sizeof(a->key_id));
	hs_attempt_step(hs, peer, id, CPNS_STEP_IDLE, reason, now);
}
