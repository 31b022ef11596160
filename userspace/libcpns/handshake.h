/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake machine of one device: bytes and time in, bytes and keys out.
 *
 * The machine does no I/O, has no clock and no globals: whoever drives it
 * gives it datagrams, events and the time, and gets everything that is to be
 * done through struct cpns_hs_ops. So a test drives both ends with a fake
 * clock and a lossy network. One thread at a time.
 *
 * Callbacks are called from inside the functions below and must not call back
 * into the machine, but for cpns_hs_sid_used() and the getters.
 */
#ifndef _CPNS_HANDSHAKE_H
#define _CPNS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/cpns.h>

#include "codec.h"
#include "keysched.h"
#include "record.h"
#include "text.h"

struct cpns_hs;

/** enum cpns_hs_limits - counts and milliseconds that the protocol page fixes */
enum cpns_hs_limits {
	CPNS_HS_HALF_OPEN_KEY = 8,	/* half open a key_id */
	CPNS_HS_HALF_OPEN_COOKIE = 64,	/* more, in all: cookie required */
	CPNS_HS_REMEMBERED = 64,	/* mac1 a key_id */
	CPNS_HS_X25519_RATE = 100,	/* a second; more: cookie required */
	CPNS_HS_INIT_RATE = 20,		/* INIT a second and source; more: cookie required */
	CPNS_HS_CONFIRMS = 30,		/* CONFIRM sent before starting anew */
	CPNS_HS_INITS = 6,		/* INIT a round: the first and after 1 2 4 8 16 s */
	CPNS_HS_HALF_OPEN_MS = 35000,
	CPNS_HS_COOKIE_KEY_MS = 120000,
	CPNS_HS_CONFIRM_MS = 1000,
	CPNS_HS_REST_MIN_MS = 30000,
	CPNS_HS_REST_MAX_MS = 600000,
	CPNS_HS_HOLD_MS = 2000,		/* own INIT held back */
	CPNS_HS_NO_START_MS = 5000,	/* half open as responder starts none */
	CPNS_HS_HINT_MS = 30000,	/* between two HINTs acted on, a peer */
	CPNS_HS_ONCE_MS = 1000,		/* what is done at most once a second */
	CPNS_HS_SUITES_CONFIG = 8,
	CPNS_HS_ATTEMPTS_KEPT = 16,	/* for "why", a peer */
};

/**
 * struct cpns_now - the time
 * @ms: milliseconds of a clock that runs through suspend and never jumps
 * @real: seconds since 1970, for the validity of keys: the larger of the clock
 *	and the last time saved
 */
struct cpns_now {
	uint64_t ms;
	uint64_t real;
};

/**
 * struct cpns_path - where a datagram comes from or goes to
 * @remote: the other's address and port
 * @local: own address as the kernel gave it (family 0: the kernel chooses);
 *	its port is 0
 * @ifindex: outer interface, 0 = any
 */
struct cpns_path {
	struct cpns_endpoint remote;
	struct cpns_endpoint local;
	uint32_t ifindex;
};

/**
 * struct cpns_hs_key - a session for the kernel; secret, valid in the callback
 * @eid: peer
 * @slot: where it goes; what is there is replaced (current: becomes previous)
 * @demote_next: the key in the next slot becomes previous, never current
 * @initiator: this end sent INIT
 * @sid_local: what the peer puts in DATA
 * @sid_remote: what this end puts in DATA
 * @suite: enum cpns_suite
 * @key_id: key record that it was made from
 * @tx: keys of what this end sends
 * @rx: keys of what the peer sends
 * @lifetime: seconds until the key dies
 * @soft_ms: milliseconds until this end is to start a new handshake
 * @hard_ms: milliseconds until the key dies
 * @soft_packets: packets, then a new handshake
 * @hard_packets: packets, then the key dies
 * @soft_failed: failed tags, then a new handshake
 * @hard_failed: failed tags, then the key dies
 * @exporter: secret for uses above the session
 */
struct cpns_hs_key {
	uint64_t eid;
	enum cpns_slot slot;
	bool demote_next;
	bool initiator;
	uint32_t sid_local;
	uint32_t sid_remote;
	uint16_t suite;
	const uint8_t *key_id;
	const struct cpns_traffic *tx;
	const struct cpns_traffic *rx;
	uint32_t lifetime;
	uint64_t soft_ms;
	uint64_t hard_ms;
	uint64_t soft_packets;
	uint64_t hard_packets;
	uint64_t soft_failed;
	uint64_t hard_failed;
	const uint8_t *exporter;
};

/** enum cpns_hs_why - why a handshake starts */
enum cpns_hs_why {
	CPNS_WHY_CONFIG,	/* the configuration wants a session */
	CPNS_WHY_COMMAND,	/* a person wants one */
	CPNS_WHY_ACQUIRE,	/* a packet waits for one */
	CPNS_WHY_REKEY,		/* soft limit of the session */
	CPNS_WHY_DEAD,		/* the session has died */
	CPNS_WHY_SILENCE,	/* sent, and heard nothing for 15 s */
	CPNS_WHY_HINT,		/* a HINT says so */
	CPNS_WHY_UNCONFIRMED,	/* 30 CONFIRM and no DATA */
	CPNS_WHY_PEER,		/* the other end started it */
	CPNS_WHY_COUNT
};

/** enum cpns_hs_step - how far an attempt has come */
enum cpns_hs_step {
	CPNS_STEP_IDLE,
	CPNS_STEP_DEFERRED,	/* waits: half open as responder */
	CPNS_STEP_INIT_SENT,
	CPNS_STEP_COOKIE,	/* INIT sent again with a cookie */
	CPNS_STEP_RESTING,	/* a round without an answer; waits for the next */
	CPNS_STEP_RESP_SENT,	/* responder, half open */
	CPNS_STEP_CONFIRM_SENT,	/* initiator, waits for the first DATA */
	CPNS_STEP_DONE,		/* initiator: first DATA came; responder: CONFIRM */
	CPNS_STEP_COUNT
};

/**
 * enum cpns_hs_reason - why a datagram was dropped, or an attempt failed
 *
 * The machine counts each; cpns_hs_reason_name() is the counter's name and
 * cpns_hs_reason_hint() what a person can do.
 */
enum cpns_hs_reason {
	CPNS_HS_OK,
	CPNS_HS_MALFORMED,		/* see also enum cpns_malformed */
	CPNS_HS_NOT_FOR_US,		/* dst is not the own EID */
	CPNS_HS_KEY_UNKNOWN,
	CPNS_HS_KEY_NOT_VALID,		/* expired, or not yet valid */
	CPNS_HS_SRC,			/* src is not the one of the key */
	CPNS_HS_ROLE,			/* roles are not those of the key */
	CPNS_HS_COOKIE_DEMANDED,	/* answered with COOKIE */
	CPNS_HS_MAC1,			/* other key, or another User ID */
	CPNS_HS_REPLAYED_INIT,		/* its mac1 is remembered */
	CPNS_HS_PREFERRED,		/* the own INIT is the one to be kept */
	CPNS_HS_NO_SUITE,
	CPNS_HS_X25519_ZERO,
	CPNS_HS_SID_UNKNOWN,
	CPNS_HS_SRC_DST,		/* src is not the one of this sid */
	CPNS_HS_RESP_REPEATED,		/* answered with the same CONFIRM */
	CPNS_HS_RESP_DIFFERENT,		/* a second, different RESP */
	CPNS_HS_SUITE_NOT_OFFERED,
	CPNS_HS_AUTH_R,
	CPNS_HS_AUTH_I,
	CPNS_HS_COOKIE_MISMATCH,	/* COOKIE for another INIT */
	CPNS_HS_CONFIRM_REPEATED,	/* answered with an empty DATA */
	CPNS_HS_HINT_IGNORED,		/* not ours, or too soon */
	CPNS_HS_INSTALL,		/* the kernel refused the key */
	CPNS_HS_INTERNAL,		/* cryptography or random numbers failed */
	CPNS_HS_NO_ANSWER,		/* a round of INIT without an answer */
	CPNS_HS_NO_CONFIRM,		/* half open, and CONFIRM did not come */
	CPNS_HS_NO_DATA,		/* 30 CONFIRM, and DATA did not come */
	CPNS_HS_NO_ENDPOINT,		/* nobody knows where the peer is */
	CPNS_HS_NO_KEY,			/* no key record, or none valid */
	CPNS_HS_NO_OFFER,		/* no suite is left to offer */
	CPNS_HS_SUPERSEDED,		/* the other's handshake came first */
	CPNS_HS_REMOVED,		/* peer or key was taken away */
	CPNS_HS_REASON_COUNT
};

/**
 * struct cpns_hs_attempt - one attempt, for "cpnsctl why" and logs
 * @started: when, struct cpns_now
 * @changed: when @step, @reason or @hint last changed
 * @initiator: this end started it
 * @why: why it started
 * @step: the furthest step
 * @reason: CPNS_HS_OK while it runs and when it succeeded
 * @hint: enum cpns_hint_code received, or 0; not authenticated
 * @inits: INIT sent or received
 * @cookies: COOKIE received or sent
 * @suite: chosen, or 0
 * @key_id: key record
 * @generation: of the key record
 * @remote: where it went to or came from
 */
struct cpns_hs_attempt {
	struct cpns_now started;
	struct cpns_now changed;
	bool initiator;
	enum cpns_hs_why why;
	enum cpns_hs_step step;
	enum cpns_hs_reason reason;
	uint16_t hint;
	uint32_t inits;
	uint32_t cookies;
	uint16_t suite;
	uint8_t key_id[CPNS_KEY_ID_LEN];
	uint32_t generation;
	struct cpns_endpoint remote;
};

/** enum cpns_hs_draw - what random bytes are for; tests answer by this */
enum cpns_hs_draw {
	CPNS_DRAW_SID,		/* 4 bytes */
	CPNS_DRAW_NONCE,	/* CPNS_NONCE_LEN */
	CPNS_DRAW_X25519,	/* CPNS_X25519_LEN, private key before clamping */
	CPNS_DRAW_COOKIE_KEY,	/* CPNS_KEY_LEN */
	CPNS_DRAW_JITTER,	/* 4 bytes */
	CPNS_DRAW_PICK,		/* 4 bytes */
};

/**
 * struct cpns_hs_ops - what the machine wants done
 * @send: a datagram to the wire
 * @install: a session into the kernel; 0 or -errno. A refusal ends the
 *	handshake: nothing is sent for it
 * @set_endpoint: a peer has proved where it is (first valid RESP or CONFIRM);
 *	called before @install
 * @keepalive: send one empty DATA now on the key with this local sid
 * @remove: end the session with this local sid at once (its key was revoked)
 * @report: an attempt has changed; for logs
 * @random: fill @buf; 0 or -errno
 *
 * @set_endpoint, @keepalive, @remove and @report may be NULL.
 */
struct cpns_hs_ops {
	void (*send)(void *ctx, const struct cpns_path *path, const void *datagram, size_t len);
	int (*install)(void *ctx, const struct cpns_hs_key *key);
	void (*set_endpoint)(void *ctx, uint64_t eid, const struct cpns_path *path);
	void (*keepalive)(void *ctx, uint64_t eid, uint32_t sid_local);
	void (*remove)(void *ctx, uint64_t eid, uint32_t sid_local);
	void (*report)(void *ctx, uint64_t eid, const struct cpns_hs_attempt *attempt);
	int (*random)(void *ctx, enum cpns_hs_draw what, void *buf, size_t len);
};

/**
 * struct cpns_hs_params - how this end negotiates, a peer
 * @offer: suites offered as initiator, in order; pure-PSK ones are left out
 *	where the key record does not permit them
 * @n_offer: 0 = the three X25519 suites, then the pure-PSK ones if permitted
 * @prefer: suites accepted as responder, best first
 * @n_prefer: 0 = as for @n_offer
 * @lifetime: seconds, 0 = default of the page
 * @soft_packets: packets before a new handshake, 0 = default of the suite
 * @hard_packets: packets before the key dies, 0 = default of the suite
 * @soft_failed: failed tags before a new handshake, 0 = default of the suite
 * @hard_failed: failed tags before the key dies, 0 = default of the suite
 * @ext_init: extensions put in INIT, a well-formed list; copied
 * @ext_resp: extensions put in RESP; copied
 * @ext_confirm: extensions put in CONFIRM; copied
 */
struct cpns_hs_params {
	uint16_t offer[CPNS_HS_SUITES_CONFIG];
	uint8_t n_offer;
	uint16_t prefer[CPNS_HS_SUITES_CONFIG];
	uint8_t n_prefer;
	uint32_t lifetime;
	uint64_t soft_packets;
	uint64_t hard_packets;
	uint64_t soft_failed;
	uint64_t hard_failed;
	struct cpns_span ext_init;
	struct cpns_span ext_resp;
	struct cpns_span ext_confirm;
};

/**
 * struct cpns_hs_session - a session that runs, as the kernel tells at start
 * @slot: where it is
 * @initiator: this end started it
 * @soft: a soft limit has been reached
 * @sid_local: the peer's packets carry it
 * @sid_remote: own packets carry it
 * @key_id: key record
 */
struct cpns_hs_session {
	enum cpns_slot slot;
	bool initiator;
	bool soft;
	uint32_t sid_local;
	uint32_t sid_remote;
	uint8_t key_id[CPNS_KEY_ID_LEN];
};

/**
 * cpns_hs_new() - a machine for one device
 * @own: the device's entity; copied
 * @ops: callbacks; copied
 * @ctx: given to the callbacks
 * @hints: may HINTs be sent
 *
 * Return: the machine, or NULL without memory.
 */
struct cpns_hs *cpns_hs_new(const struct cpns_party *own, const struct cpns_hs_ops *ops,
			    void *ctx, bool hints);

/** cpns_hs_free() - erase and free; sends nothing and ends no session */
void cpns_hs_free(struct cpns_hs *hs);

/**
 * cpns_hs_peer_set() - add a peer or change how this end negotiates with it
 * @hs: machine
 * @peer: the other entity
 * @params: copied; NULL = defaults
 *
 * Sessions and handshakes under way stay as they are.
 *
 * Return: 0, -EINVAL (params, or the own entity), -EEXIST (that EID belongs to
 * a peer of another name or role) or -ENOMEM.
 */
int cpns_hs_peer_set(struct cpns_hs *hs, const struct cpns_party *peer,
		     const struct cpns_hs_params *params);

/**
 * cpns_hs_peer_del() - forget a peer, its key records and handshakes
 * @hs: machine
 * @eid: peer
 *
 * Its sessions in the kernel go with the peer there: that is the caller's.
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_peer_del(struct cpns_hs *hs, uint64_t eid);

/**
 * cpns_hs_record_add() - add a key record
 * @hs: machine
 * @record: copied; its peer must have been set, its own end must be this device
 * @why: set on an error to a sentence; may be NULL
 *
 * Return: 0 (also where the same record is there), -EINVAL, -ENOENT (no such
 * peer), -EEXIST (that key_id is there with other contents) or -ENOMEM.
 */
int cpns_hs_record_add(struct cpns_hs *hs, const struct cpns_key_record *record,
		       const char **why);

/**
 * cpns_hs_record_del() - forget a key record and its handshakes
 * @hs: machine
 * @key_id: CPNS_KEY_ID_LEN bytes
 * @revoked: end its sessions at once
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_record_del(struct cpns_hs *hs, const uint8_t *key_id, bool revoked);

/**
 * cpns_hs_endpoint() - tell where a peer is to be tried
 * @hs: machine
 * @eid: peer
 * @path: from the configuration or from the kernel's endpoint event; NULL =
 *	not known
 * @now: time
 *
 * A handshake that lacked an endpoint goes on at once.
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_endpoint(struct cpns_hs *hs, uint64_t eid, const struct cpns_path *path,
		     const struct cpns_now *now);

/**
 * cpns_hs_start() - a session with a peer is wanted
 * @hs: machine
 * @eid: peer
 * @why: CPNS_WHY_COMMAND ends a rest, the others do not
 * @now: time
 *
 * Does nothing where a handshake is under way. The machine goes on until there
 * is a session or cpns_hs_stop() is called.
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_start(struct cpns_hs *hs, uint64_t eid, enum cpns_hs_why why,
		  const struct cpns_now *now);

/**
 * cpns_hs_stop() - no session with a peer is wanted any longer
 * @hs: machine
 * @eid: peer
 *
 * Ends the own attempt, if there is one. The peer may still start one.
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_stop(struct cpns_hs *hs, uint64_t eid);

/**
 * cpns_hs_datagram() - a datagram that is not DATA has come
 * @hs: machine
 * @path: where from
 * @datagram: bytes
 * @len: how many
 * @now: time
 *
 * Return: CPNS_HS_OK where it was acted on, else why not.
 */
enum cpns_hs_reason cpns_hs_datagram(struct cpns_hs *hs, const struct cpns_path *path,
				     const void *datagram, size_t len,
				     const struct cpns_now *now);

/**
 * cpns_hs_deadline() - when cpns_hs_timer() is to be called
 * @hs: machine
 *
 * Changes with every call to the machine.
 *
 * Return: struct cpns_now.ms, or UINT64_MAX for never.
 */
uint64_t cpns_hs_deadline(const struct cpns_hs *hs);

/** cpns_hs_timer() - do what is due; harmless when nothing is */
void cpns_hs_timer(struct cpns_hs *hs, const struct cpns_now *now);

/**
 * cpns_hs_learn() - a session runs in the kernel; called at start, from a dump
 * @hs: machine
 * @eid: peer
 * @session: copied
 * @now: time
 *
 * A soft limit reached, or a key in the next slot whose CONFIRM is lost with
 * the process before, starts a handshake.
 *
 * Return: 0, -ENOENT (no such peer) or -EEXIST (that sid is known).
 */
int cpns_hs_learn(struct cpns_hs *hs, uint64_t eid, const struct cpns_hs_session *session,
		  const struct cpns_now *now);

/* Events of the kernel; a peer or a sid that is not known is ignored. */

/** cpns_hs_promoted() - first authenticated DATA on a key in the next slot */
void cpns_hs_promoted(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local,
		      const struct cpns_now *now);

/** cpns_hs_soft() - a key has reached a soft limit */
void cpns_hs_soft(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local,
		  const struct cpns_now *now);

/**
 * cpns_hs_dead() - a key is gone from the kernel
 * @hs: machine
 * @eid: peer
 * @sid_local: key
 * @restart: start a handshake where no other key is left; not for keys that
 *	the caller took away
 * @now: time
 */
void cpns_hs_dead(struct cpns_hs *hs, uint64_t eid, uint32_t sid_local, bool restart,
		  const struct cpns_now *now);

/** cpns_hs_silence() - sent to a peer and heard nothing for 15 s */
void cpns_hs_silence(struct cpns_hs *hs, uint64_t eid, const struct cpns_now *now);

/**
 * cpns_hs_unknown_sid() - DATA with a session index that the kernel lacks
 * @hs: machine
 * @sid: as received
 * @src: EID as received; not authenticated
 * @path: where from
 * @now: time
 *
 * Sends HINT 5, rate-limited, to known peers only.
 */
void cpns_hs_unknown_sid(struct cpns_hs *hs, uint32_t sid, uint64_t src,
			 const struct cpns_path *path, const struct cpns_now *now);

/** cpns_hs_has_record() - is a key record of this name there */
bool cpns_hs_has_record(const struct cpns_hs *hs, const uint8_t *key_id);

/** cpns_hs_sid_used() - is a local sid in use by a session or a handshake */
bool cpns_hs_sid_used(const struct cpns_hs *hs, uint32_t sid);

/**
 * struct cpns_hs_status - state of one peer
 * @step: of the own attempt, else of the peer's newest one, else IDLE
 * @next_ms: when the own attempt goes on, struct cpns_now.ms; 0 = not known
 * @sessions: number of sessions in the kernel
 * @n_records: key records
 * @n_valid: of them valid now
 */
struct cpns_hs_status {
	enum cpns_hs_step step;
	uint64_t next_ms;
	unsigned int sessions;
	unsigned int n_records;
	unsigned int n_valid;
};

/**
 * cpns_hs_status_get() - state of one peer
 * @hs: machine
 * @eid: peer
 * @status: result
 * @now: time
 *
 * Return: 0 or -ENOENT.
 */
int cpns_hs_status_get(const struct cpns_hs *hs, uint64_t eid, struct cpns_hs_status *status,
		       const struct cpns_now *now);

/**
 * cpns_hs_attempts() - the last attempts with a peer, newest first
 * @hs: machine
 * @eid: peer
 * @out: copies
 * @max: room
 *
 * Return: how many, or -ENOENT.
 */
int cpns_hs_attempts(const struct cpns_hs *hs, uint64_t eid, struct cpns_hs_attempt *out,
		     size_t max);

/** cpns_hs_counter() - datagrams and attempts that ended with @reason */
uint64_t cpns_hs_counter(const struct cpns_hs *hs, enum cpns_hs_reason reason);

/** cpns_hs_malformed_counter() - datagrams malformed in this way */
uint64_t cpns_hs_malformed_counter(const struct cpns_hs *hs, enum cpns_malformed what);

/** cpns_hs_half_open() - handshakes half open as responder */
unsigned int cpns_hs_half_open(const struct cpns_hs *hs);

/** cpns_hs_reason_name() - short name, for counters and JSON */
const char *cpns_hs_reason_name(enum cpns_hs_reason reason);

/** cpns_hs_reason_hint() - a sentence: what it means and what to do */
const char *cpns_hs_reason_hint(enum cpns_hs_reason reason);

/** cpns_hs_step_name() - short name, for text and JSON */
const char *cpns_hs_step_name(enum cpns_hs_step step);

/** cpns_hs_step_text() - a sentence that says what the step means */
const char *cpns_hs_step_text(enum cpns_hs_step step);

/** cpns_hs_why_name() - short name, for text and JSON */
const char *cpns_hs_why_name(enum cpns_hs_why why);

/** cpns_hint_text() - what a HINT code means, as a sentence, or NULL */
const char *cpns_hint_text(unsigned int code);

#endif /* _CPNS_HANDSHAKE_H */
