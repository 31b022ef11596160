// SPDX-License-Identifier: GPL-2.0
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "device.h"
#include "event.h"
#include "peer.h"
#include "send.h"
#include "session.h"

static struct workqueue_struct *free_wq;

const struct rhashtable_params cpns_session_sid_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct cpns_session, local_sid),
	.head_offset = offsetof(struct cpns_session, sid_node),
	.automatic_shrinking = true,
};

void cpns_session_limits_default(u16 suite, struct cpns_session_limits *limits)
{
	bool chacha = suite == CPNS_SUITE_X25519_CHACHA ||
		      suite == CPNS_SUITE_PSK_CHACHA;

	*limits = (struct cpns_session_limits){
		.soft_packets = chacha ? CPNS_SOFT_PACKETS_CHACHA : CPNS_SOFT_PACKETS_AES,
		.hard_packets = chacha ? CPNS_HARD_PACKETS_CHACHA : CPNS_HARD_PACKETS_AES,
		.soft_failed = CPNS_SOFT_FAILED,
		.hard_failed = CPNS_HARD_FAILED,
		.hard_ms = (u64)CPNS_LIFETIME_MAX * MSEC_PER_SEC,
	};
}

static u64 now_ns(void)
{
	return ktime_get_boottime_ns();
}

u64 cpns_session_age_ms(const struct cpns_session *s)
{
	return div_u64(now_ns() - s->installed, NSEC_PER_MSEC);
}

enum cpns_slot cpns_session_uapi_slot(enum cpns_session_slot slot)
{
	switch (slot) {
	case CPNS_SESSION_CURRENT:
		return CPNS_SLOT_CURRENT;
	case CPNS_SESSION_NEXT:
		return CPNS_SLOT_NEXT;
	default:
		return CPNS_SLOT_PREVIOUS;
	}
}

/*
 * The last reference is gone: no slot, no table, no timer and no packet has
 * the session. Readers that found it before may still look at it, and transforms
 * are freed in process context.
 */
static void session_free_work(struct work_struct *work)
{
	struct cpns_session *s = container_of(to_rcu_work(work), struct cpns_session, free_work);

	cpns_aead_destroy(&s->tx);
	cpns_aead_destroy(&s->rx);
	kfree(s->window.bits);
	cpns_peer_put(s->peer);
	kfree_sensitive(s);
}

bool cpns_session_hold(struct cpns_session *s)
{
	return refcount_inc_not_zero(&s->refs);
}

void cpns_session_put(struct cpns_session *s)
{
	if (refcount_dec_and_test(&s->refs))
		queue_rcu_work(free_wq, &s->free_work);
}

static void soft_limit(struct cpns_session *s, enum cpns_cause cause)
{
	if (!test_and_set_bit(CPNS_SESSION_SOFT, &s->state))
		cpns_event_key(s, CPNS_CMD_KEY_SOFT_NTF, cause);
}

/* ns from boot when something is due next. */
static u64 next_deadline(const struct cpns_session *s)
{
	u64 due = s->installed + s->limits.hard_ms * NSEC_PER_MSEC;
	u64 retire = READ_ONCE(s->retire);

	if (s->limits.soft_ms && !test_bit(CPNS_SESSION_SOFT, &s->state))
		due = min_t(u64, due, s->installed + s->limits.soft_ms * NSEC_PER_MSEC);
	if (retire)
		due = min(due, retire);
	return due;
}

static void kill_session(struct cpns_session *s, enum cpns_cause cause, bool in_timer);

/* CLOCK_BOOTTIME, so that time in suspend counts and is seen on the way out. */
static enum hrtimer_restart session_timer(struct hrtimer *timer)
{
	struct cpns_session *s = container_of(timer, struct cpns_session, timer);
	u64 now = now_ns(), retire = READ_ONCE(s->retire);

	if (now >= s->installed + s->limits.hard_ms * NSEC_PER_MSEC)
		kill_session(s, CPNS_CAUSE_TIME, true);
	else if (retire && now >= retire)
		kill_session(s, CPNS_CAUSE_REPLACED, true);
	else if (s->limits.soft_ms &&
		 now >= s->installed + s->limits.soft_ms * NSEC_PER_MSEC)
		soft_limit(s, CPNS_CAUSE_TIME);

	if (test_bit(CPNS_SESSION_DEAD, &s->state)) {
		cpns_session_put(s);
		return HRTIMER_NORESTART;
	}
	hrtimer_set_expires(timer, ns_to_ktime(next_deadline(s)));
	return HRTIMER_RESTART;
}

/*
 * Waits for a timer that runs just now: it looks at the session before it stops
 * or goes on. The caller holds no lock that the timer takes, and is not the
 * timer. The timer's reference is dropped here where it was still waiting.
 */
static void stop_timer(struct cpns_session *s)
{
	if (hrtimer_cancel(&s->timer))
		cpns_session_put(s);
}

/* Moves a timer that is armed to what is due now; conditions as above. */
static void rearm_timer(struct cpns_session *s)
{
	if (!hrtimer_cancel(&s->timer))
		return;
	hrtimer_start(&s->timer, ns_to_ktime(next_deadline(s)), HRTIMER_MODE_ABS_SOFT);
	if (test_bit(CPNS_SESSION_DEAD, &s->state))
		stop_timer(s);
}

struct cpns_session *cpns_session_create(struct cpns_peer *peer, u16 suite,
					 const u8 *const tx[3], const u8 *const rx[3])
{
	struct cpns_session *s;
	int err = -ENOMEM;
	u64 *bits;

	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	bits = kmalloc(cpns_replay_bytes(peer->window), GFP_KERNEL_ACCOUNT);
	if (!bits)
		goto err_free;
	cpns_replay_init(&s->window, peer->window, bits);

	err = cpns_aead_init(&s->tx, suite, tx[0], tx[1], tx[2]);
	if (err)
		goto err_free;
	err = cpns_aead_init(&s->rx, suite, rx[0], rx[1], rx[2]);
	if (err)
		goto err_tx;

	s->peer = peer;
	refcount_inc(&peer->refs);
	s->suite = suite;
	cpns_session_limits_default(suite, &s->limits);
	spin_lock_init(&s->rx_lock);
	refcount_set(&s->refs, 1);
	INIT_RCU_WORK(&s->free_work, session_free_work);
	cpns_compat_hrtimer_setup(&s->timer, session_timer, CLOCK_BOOTTIME,
				  HRTIMER_MODE_ABS_SOFT);
	return s;

err_tx:
	cpns_aead_destroy(&s->tx);
err_free:
	kfree(s->window.bits);
	kfree_sensitive(s);
	return ERR_PTR(err);
}

static struct cpns_session *slot_get(struct cpns_peer *peer, enum cpns_session_slot slot)
{
	return rcu_dereference_protected(peer->slot[slot], lockdep_is_held(&peer->slot_lock));
}

/* The caller's reference becomes that of the slot. */
static void slot_set(struct cpns_peer *peer, enum cpns_session_slot slot,
		     struct cpns_session *s)
{
	lockdep_assert_held(&peer->slot_lock);
	rcu_assign_pointer(peer->slot[slot], s);
}

/**
 * struct slot_changes - what a change of slots leaves to do without the lock
 * @gone: sessions that have no slot any more
 * @gone_count: their number
 * @moved: sessions that have become previous ones
 * @moved_count: their number
 */
struct slot_changes {
	struct cpns_session *gone[3];
	unsigned int gone_count;
	struct cpns_session *moved[2];
	unsigned int moved_count;
};

static void retire_later(struct cpns_session *s)
{
	WRITE_ONCE(s->retire, now_ns() + (u64)CPNS_PREVIOUS_KEY_TIME * NSEC_PER_SEC);
}

/* Makes room among the previous keys and puts @s there. */
static void push_previous(struct cpns_peer *peer, struct cpns_session *s,
			  struct slot_changes *ch)
{
	struct cpns_session *oldest = slot_get(peer, CPNS_SESSION_OLDER);

	if (oldest)
		ch->gone[ch->gone_count++] = oldest;
	slot_set(peer, CPNS_SESSION_OLDER, slot_get(peer, CPNS_SESSION_PREVIOUS));
	slot_set(peer, CPNS_SESSION_PREVIOUS, s);
}

/*
 * Gives a slot to another session, or to none; what was there receives on as a
 * previous key. A sender finds the one or the other, and never an empty slot in
 * between.
 */
static void demote(struct cpns_peer *peer, enum cpns_session_slot slot,
		   struct cpns_session *replacement, struct slot_changes *ch)
{
	struct cpns_session *s = slot_get(peer, slot);

	slot_set(peer, slot, replacement);
	if (!s)
		return;
	retire_later(s);
	push_previous(peer, s, ch);
	ch->moved[ch->moved_count++] = s;
}

/* Takes a session out of the table; it has no slot any more. */
static void session_end(struct cpns_session *s, enum cpns_cause cause, bool in_timer)
{
	if (test_and_set_bit(CPNS_SESSION_DEAD, &s->state))
		return;
	rhashtable_remove_fast(&s->peer->cdev->sids, &s->sid_node, cpns_session_sid_params);
	if (!in_timer)
		stop_timer(s);
	cpns_event_key(s, CPNS_CMD_KEY_DEAD_NTF, cause);
	cpns_session_put(s);
}

/* RCU keeps what has moved; its reference is the slot's, and may be gone. */
static void finish_changes(const struct slot_changes *ch)
{
	unsigned int i;

	for (i = 0; i < ch->moved_count; i++)
		rearm_timer(ch->moved[i]);
	for (i = 0; i < ch->gone_count; i++)
		session_end(ch->gone[i], CPNS_CAUSE_REPLACED, false);
}

int cpns_session_install(struct cpns_session *s, enum cpns_session_slot slot, bool demote_next)
{
	struct cpns_peer *peer = s->peer;
	struct slot_changes ch = {};
	int err;

	s->installed = now_ns();
	if (slot == CPNS_SESSION_PREVIOUS)
		retire_later(s);
	err = rhashtable_lookup_insert_fast(&peer->cdev->sids, &s->sid_node,
					    cpns_session_sid_params);
	if (err)
		return err;
	/* One for the timer, one for this function: a limit may end it at once. */
	refcount_add(2, &s->refs);

	local_bh_disable();
	rcu_read_lock();
	spin_lock(&peer->slot_lock);
	/* The lock keeps a timer that fires at once from missing the slot. */
	hrtimer_start(&s->timer, ns_to_ktime(next_deadline(s)), HRTIMER_MODE_ABS_SOFT);
	if (demote_next)
		demote(peer, CPNS_SESSION_NEXT, NULL, &ch);
	switch (slot) {
	case CPNS_SESSION_CURRENT:
		demote(peer, CPNS_SESSION_CURRENT, s, &ch);
		break;
	case CPNS_SESSION_NEXT:
		if (slot_get(peer, CPNS_SESSION_NEXT))
			ch.gone[ch.gone_count++] = slot_get(peer, CPNS_SESSION_NEXT);
		slot_set(peer, CPNS_SESSION_NEXT, s);
		break;
	default:
		push_previous(peer, s, &ch);
		break;
	}
	spin_unlock(&peer->slot_lock);

	finish_changes(&ch);
	if (!s->initiator)
		cpns_send_keepalive(peer, s);
	cpns_peer_kick_timer(peer);
	cpns_peer_flush(peer);
	rcu_read_unlock();
	local_bh_enable();
	cpns_session_put(s);
	return 0;
}

static void kill_session(struct cpns_session *s, enum cpns_cause cause, bool in_timer)
{
	struct cpns_peer *peer = s->peer;
	bool found = false;
	int i;

	spin_lock_bh(&peer->slot_lock);
	for (i = 0; i < CPNS_SESSION_SLOTS; i++) {
		if (slot_get(peer, i) == s) {
			slot_set(peer, i, NULL);
			found = true;
		}
	}
	spin_unlock_bh(&peer->slot_lock);
	if (found)
		session_end(s, cause, in_timer);
}

void cpns_session_kill(struct cpns_session *s, enum cpns_cause cause)
{
	kill_session(s, cause, false);
}

void cpns_session_kill_all(struct cpns_peer *peer, enum cpns_cause cause)
{
	struct cpns_session *gone[CPNS_SESSION_SLOTS];
	int i;

	spin_lock_bh(&peer->slot_lock);
	for (i = 0; i < CPNS_SESSION_SLOTS; i++) {
		gone[i] = slot_get(peer, i);
		slot_set(peer, i, NULL);
	}
	spin_unlock_bh(&peer->slot_lock);
	for (i = 0; i < CPNS_SESSION_SLOTS; i++)
		if (gone[i])
			session_end(gone[i], cause, false);
}

/*
 * A next key sends at once where there is no other. Its CONFIRM may still be on
 * its way up to the peer's daemon though, and DATA that overtakes it is dropped:
 * the answer to the CONFIRM is given a moment to arrive.
 */
struct cpns_session *cpns_session_get_sending(struct cpns_peer *peer)
{
	struct cpns_session *s = rcu_dereference(peer->slot[CPNS_SESSION_CURRENT]);

	if (likely(s))
		return s;
	s = rcu_dereference(peer->slot[CPNS_SESSION_NEXT]);
	if (s && cpns_session_age_ms(s) >= CPNS_PEER_CONFIRM_MS)
		return s;
	return NULL;
}

struct cpns_session *cpns_session_find(struct cpns_device *cdev, u32 sid)
{
	return rhashtable_lookup(&cdev->sids, &sid, cpns_session_sid_params);
}

bool cpns_session_take_seq(struct cpns_session *s, u64 *seq)
{
	*seq = atomic64_fetch_inc(&s->tx_seq);

	if (unlikely(*seq >= s->limits.soft_packets)) {
		if (*seq >= s->limits.hard_packets) {
			cpns_session_kill(s, CPNS_CAUSE_PACKETS);
			return false;
		}
		soft_limit(s, CPNS_CAUSE_PACKETS);
	}
	return true;
}

bool cpns_session_take_seqs(struct cpns_session *s, unsigned int n, u64 *first)
{
	if (unlikely((u64)atomic64_read(&s->tx_seq) + n > s->limits.hard_packets))
		return false;
	*first = atomic64_fetch_add(n, &s->tx_seq);
	if (unlikely(*first + n > s->limits.soft_packets)) {
		/* Another CPU was quicker: these numbers are lost. */
		if (*first + n > s->limits.hard_packets)
			return false;
		soft_limit(s, CPNS_CAUSE_PACKETS);
	}
	return true;
}

static void promote(struct cpns_session *s)
{
	struct cpns_peer *peer = s->peer;
	struct slot_changes ch = {};
	bool promoted;

	spin_lock_bh(&peer->slot_lock);
	promoted = slot_get(peer, CPNS_SESSION_NEXT) == s;
	if (promoted) {
		demote(peer, CPNS_SESSION_CURRENT, s, &ch);
		slot_set(peer, CPNS_SESSION_NEXT, NULL);
	}
	spin_unlock_bh(&peer->slot_lock);

	if (!promoted)
		return;
	finish_changes(&ch);
	cpns_event_key(s, CPNS_CMD_KEY_PROMOTED_NTF, -1);
	/* It may be the first that sends: keepalives begin here. */
	cpns_peer_kick_timer(peer);
	cpns_peer_flush(peer);
}

void cpns_session_note_rx(struct cpns_session *s, u64 seq)
{
	if (unlikely(!test_bit(CPNS_SESSION_CONFIRMED, &s->state)) &&
	    !test_and_set_bit(CPNS_SESSION_CONFIRMED, &s->state))
		promote(s);
	if (unlikely(seq >= s->limits.soft_packets))
		soft_limit(s, CPNS_CAUSE_PACKETS);
}

unsigned int cpns_session_check_seq(const struct cpns_session *s, u64 seq)
{
	enum cpns_replay_verdict verdict;

	if (unlikely(seq >= s->limits.hard_packets))
		return CPNS_A_STATS_RX_SEQ_LIMIT;
	verdict = cpns_replay_check(&s->window, seq);
	return unlikely(verdict > CPNS_REPLAY_NEWEST) ? cpns_stats_of_verdict(verdict) : 0;
}

unsigned int cpns_session_note_failed(struct cpns_session *s, int err)
{
	u64 failed;

	if (err != -EBADMSG)
		return CPNS_A_STATS_RX_NO_MEMORY;
	failed = atomic64_inc_return(&s->failed);
	if (failed >= s->limits.hard_failed)
		cpns_session_kill(s, CPNS_CAUSE_FAILED);
	else if (failed >= s->limits.soft_failed)
		soft_limit(s, CPNS_CAUSE_FAILED);
	return CPNS_A_STATS_RX_BAD_TAG;
}

int cpns_session_init(void)
{
	free_wq = alloc_workqueue("cpns", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return free_wq ? 0 : -ENOMEM;
}

void cpns_session_exit(void)
{
	destroy_workqueue(free_wq);
}
