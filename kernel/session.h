/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sessions: the keys of both directions, their limits, and the slots of a peer
 * that hold them.
 */
#ifndef _CPNS_SESSION_H
#define _CPNS_SESSION_H

#include <linux/hrtimer.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>
#include <uapi/linux/cpns.h>

#include "crypto.h"
#include "replay.h"

struct cpns_device;
struct cpns_peer;

/**
 * enum cpns_session_slot - places of a peer for its sessions
 * @CPNS_SESSION_CURRENT: sends and receives
 * @CPNS_SESSION_NEXT: waits for its first authenticated DATA
 * @CPNS_SESSION_PREVIOUS: receives for a while
 * @CPNS_SESSION_OLDER: pushed out of PREVIOUS by a quick second change, and
 *			receives on, since its packets may still be on their way
 * @CPNS_SESSION_SLOTS: how many there are
 */
enum cpns_session_slot {
	CPNS_SESSION_CURRENT,
	CPNS_SESSION_NEXT,
	CPNS_SESSION_PREVIOUS,
	CPNS_SESSION_OLDER,
	CPNS_SESSION_SLOTS,
};

/** enum cpns_session_bits - bits of &struct cpns_session.state */
enum cpns_session_bits {
	CPNS_SESSION_DEAD,
	CPNS_SESSION_CONFIRMED,
	CPNS_SESSION_SOFT,
};

/**
 * struct cpns_session_limits - when a key is replaced, and when it dies
 * @soft_packets: packets in one direction
 * @hard_packets: packets in one direction
 * @soft_failed: failed tags
 * @hard_failed: failed tags
 * @soft_ms: age in milliseconds, 0 for never
 * @hard_ms: age in milliseconds
 */
struct cpns_session_limits {
	u64 soft_packets;
	u64 hard_packets;
	u64 soft_failed;
	u64 hard_failed;
	u64 soft_ms;
	u64 hard_ms;
};

/**
 * struct cpns_session - keys of a session
 * @peer: who it is with; holds a reference
 * @local_sid: in what is received
 * @remote_sid: in what is sent
 * @suite: code
 * @initiator: this end began the handshake
 * @key_id: of the pre-shared key
 * @limits: limits
 * @state: enum cpns_session_bits
 * @installed: CLOCK_BOOTTIME, ns
 * @retire: CLOCK_BOOTTIME, ns, when it stops to receive as a previous key; 0
 *	    while it is none. Under the peer's slot lock.
 * @tx: transform of what is sent
 * @rx: transform of what is received
 * @tx_seq: next sequence number
 * @failed: tags that failed
 * @rx_lock: covers @window for writers
 * @window: replay window
 * @sid_node: in the device's table of local sids
 * @timer: fires at the next limit of time; holds a reference while it is armed
 * @refs: references
 * @free_work: frees in process context, after an RCU grace period
 */
struct cpns_session {
	struct cpns_peer *peer;
	u32 local_sid;
	u32 remote_sid;
	u16 suite;
	bool initiator;
	u8 key_id[CPNS_KEY_ID_LEN];
	struct cpns_session_limits limits;
	unsigned long state;
	u64 installed;
	u64 retire;
	struct cpns_aead tx;
	struct cpns_aead rx;

	atomic64_t tx_seq ____cacheline_aligned_in_smp;

	spinlock_t rx_lock ____cacheline_aligned_in_smp;
	struct cpns_replay window;
	atomic64_t failed;

	struct rhash_head sid_node;
	struct hrtimer timer;
	refcount_t refs;
	struct rcu_work free_work;
};

extern const struct rhashtable_params cpns_session_sid_params;

/**
 * cpns_session_limits_default() - the protocol's limits of a suite
 * @suite: code, known
 * @limits: result, with @soft_ms 0
 */
void cpns_session_limits_default(u16 suite, struct cpns_session_limits *limits);

/**
 * cpns_session_create() - make a session that is in no table yet
 * @peer: who it is with, with its device's lock held
 * @suite: code, known
 * @tx: key, MAC key and IV of what is sent
 * @rx: the same of what is received
 *
 * The caller fills the other fields before cpns_session_install().
 *
 * Return: the session with one reference, or an ERR_PTR().
 */
struct cpns_session *cpns_session_create(struct cpns_peer *peer, u16 suite,
					 const u8 *const tx[3], const u8 *const rx[3]);

/**
 * cpns_session_install() - put a session to work
 * @s: as made and filled; its reference becomes the slot's
 * @slot: CURRENT, NEXT or PREVIOUS
 * @demote_next: what is NEXT becomes PREVIOUS
 *
 * Sends an empty DATA where this end was the responder, and then what waited
 * for a session.
 *
 * Context: process, the device's lock held.
 * Return: 0; -EEXIST where the sid is in use, and the session is still the
 * caller's; so with -ENOMEM.
 */
int cpns_session_install(struct cpns_session *s, enum cpns_session_slot slot,
			 bool demote_next);

/**
 * cpns_session_kill() - end a session
 * @s: session; the slot's reference is dropped, the caller's is not
 * @cause: enum cpns_cause, told in an event
 *
 * Context: any but hard interrupts.
 */
void cpns_session_kill(struct cpns_session *s, enum cpns_cause cause);

/**
 * cpns_session_kill_all() - end all sessions of a peer
 * @peer: peer
 * @cause: enum cpns_cause
 *
 * Context: any but hard interrupts.
 */
void cpns_session_kill_all(struct cpns_peer *peer, enum cpns_cause cause);

/**
 * cpns_session_get_sending() - session to send with
 * @peer: peer
 *
 * Context: RCU reader.
 * Return: a session, no reference taken, or NULL.
 */
struct cpns_session *cpns_session_get_sending(struct cpns_peer *peer);

/**
 * cpns_session_find() - session by local sid
 * @cdev: device
 * @sid: local sid
 *
 * Context: RCU reader.
 * Return: a session, no reference taken, or NULL.
 */
struct cpns_session *cpns_session_find(struct cpns_device *cdev, u32 sid);

/**
 * cpns_session_hold() - take a reference for as long as a packet is worked on
 * @s: session, found in the same RCU section
 *
 * Return: false where it has ended already.
 */
bool cpns_session_hold(struct cpns_session *s);

/**
 * cpns_session_put() - drop a reference
 * @s: session
 *
 * Context: any.
 */
void cpns_session_put(struct cpns_session *s);

/**
 * cpns_session_take_seq() - sequence number for a packet
 * @s: session
 * @seq: result
 *
 * Tells of the soft limit, and ends the session at the hard one.
 *
 * Context: BH disabled.
 * Return: false at the hard limit.
 */
bool cpns_session_take_seq(struct cpns_session *s, u64 *seq);

/**
 * cpns_session_take_seqs() - sequence numbers for a train
 * @s: session
 * @n: how many
 * @first: result, the lowest; the others follow it
 *
 * Tells of the soft limit.
 *
 * Context: BH disabled.
 * Return: false where the hard limit is so near that the packets are better
 * sent one by one.
 */
bool cpns_session_take_seqs(struct cpns_session *s, unsigned int n, u64 *first);

/**
 * cpns_session_note_rx() - account for an authenticated DATA
 * @s: session
 * @seq: its sequence number
 *
 * Tells of the soft limit, confirms and promotes the session.
 *
 * Context: BH disabled, RCU reader.
 */
void cpns_session_note_rx(struct cpns_session *s, u64 seq);

/**
 * cpns_session_check_seq() - may a datagram with this number still be opened?
 * @s: session
 * @seq: its sequence number, not authenticated yet
 *
 * Context: BH disabled.
 * Return: 0, or the counter to drop it with.
 */
unsigned int cpns_session_check_seq(const struct cpns_session *s, u64 seq);

/**
 * cpns_session_note_failed() - account for a datagram that could not be opened
 * @s: session
 * @err: as of cpns_crypto_open()
 *
 * Ends the session at the limit of tags that do not verify.
 *
 * Context: BH disabled.
 * Return: the counter to drop it with.
 */
unsigned int cpns_session_note_failed(struct cpns_session *s, int err);

/**
 * cpns_session_age_ms() - time since installation, through suspend
 * @s: session
 */
u64 cpns_session_age_ms(const struct cpns_session *s);

/**
 * cpns_session_uapi_slot() - what netlink calls a slot
 * @slot: slot
 */
enum cpns_slot cpns_session_uapi_slot(enum cpns_session_slot slot);

/**
 * cpns_session_init() - make what sessions need
 *
 * Return: 0 or -ENOMEM.
 */
int cpns_session_init(void);

/**
 * cpns_session_exit() - the reverse, after the last session and rcu_barrier()
 */
void cpns_session_exit(void);

#endif /* _CPNS_SESSION_H */
