/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of the handshake machine: its objects, and what its files give
 * each other. Only the hs-*.c files, handshake.c and their tests include it.
 */
#ifndef _CPNS_HS_INTERNAL_H
#define _CPNS_HS_INTERNAL_H

#include "handshake.h"
#include "rate.h"

/** enum hs_kind - what a node of the table belongs to */
enum hs_kind {
	HS_PEER,	/* by EID */
	HS_RECORD,	/* by the first 8 bytes of its key_id */
	HS_OWN,		/* by sid_i of an own INIT outstanding */
	HS_CONFIRMING,	/* by sid_i of the last own handshake that had its RESP */
	HS_HALF,	/* by sid_r, half open or lately confirmed */
	HS_SESSION,	/* by local sid */
};

/**
 * struct hs_node - place of an object in the table
 * @next: in the same bucket
 * @key: what it is found by
 * @kind: enum hs_kind
 * @linked: is it in the table
 */
struct hs_node {
	struct hs_node *next;
	uint64_t key;
	enum hs_kind kind;
	bool linked;
};

enum hs_sizes {
	HS_BUCKETS = 1024,
	HS_SESSIONS = 8,	/* a peer: three slots, and some that die */
	HS_HINT_RATE = 5,	/* HINT sent a second, in all */
	HS_CONFIRM_MAX = 1024,	/* own CONFIRM with its extensions */
	HS_RESP_MAX = 1232,
};

/**
 * struct hs_table - hash table of all objects
 * @bucket: lists of nodes
 */
struct hs_table {
	struct hs_node *bucket[HS_BUCKETS];
};

void hs_table_add(struct hs_table *table, struct hs_node *node, enum hs_kind kind,
		  uint64_t key);
void hs_table_del(struct hs_table *table, struct hs_node *node);
struct hs_node *hs_table_first(const struct hs_table *table, enum hs_kind kind, uint64_t key);
struct hs_node *hs_table_next(const struct hs_node *node);

/**
 * struct hs_start - what the key schedule starts from, in one direction; secret
 * @h_prologue: H(prologue)
 * @pskx: PSKx
 * @mac1_key: key of mac1
 */
struct hs_start {
	uint8_t h_prologue[CPNS_HASH_LEN];
	uint8_t pskx[CPNS_HASH_LEN];
	uint8_t mac1_key[CPNS_HASH_LEN];
};

/**
 * struct hs_record - a key record
 * @node: in the table
 * @next: of the same peer
 * @peer: the other end
 * @r: the record; secret
 * @as_initiator: where this end sends INIT; secret
 * @as_responder: where the peer does; secret
 * @remembered: mac1 of the last handshakes as responder, a ring
 * @n_remembered: how many have ever been put in
 */
struct hs_record {
	struct hs_node node;
	struct hs_record *next;
	struct hs_peer *peer;
	struct cpns_key_record r;
	struct hs_start as_initiator;
	struct hs_start as_responder;
	uint8_t remembered[CPNS_HS_REMEMBERED][CPNS_MAC1_LEN];
	uint64_t n_remembered;
};

/**
 * struct hs_half - a handshake as responder, half open or lately confirmed
 * @node: in the table, by sid_r
 * @next: of the device, newest first
 * @peer: the other end
 * @record: key record
 * @serial: order of arrival
 * @started: ms
 * @confirmed: a valid CONFIRM has come
 * @confirmed_ms: when
 * @overlapped: a session that this end began was confirmed meanwhile
 * @sid_r: own sid
 * @sid_i: the initiator's sid
 * @suite: chosen
 * @lifetime: of the session, seconds
 * @ks: key schedule up to th2; secret, erased when confirmed
 * @mac1: of the INIT
 * @source: /32 or /64 of the INIT
 * @resp: RESP as sent
 * @resp_len: its bytes
 * @confirm: the valid CONFIRM, hop limit 0
 * @confirm_len: its bytes
 * @heard_ms: when the last valid CONFIRM came
 * @answered: was a repeated CONFIRM answered
 * @answered_ms: when
 * @attempt: for the history
 */
struct hs_half {
	struct hs_node node;
	struct hs_half *next;
	struct hs_peer *peer;
	struct hs_record *record;
	uint64_t serial;
	uint64_t started;
	bool confirmed;
	uint64_t confirmed_ms;
	bool overlapped;
	uint32_t sid_r;
	uint32_t sid_i;
	uint16_t suite;
	uint32_t lifetime;
	struct cpns_keysched ks;
	uint8_t mac1[CPNS_MAC1_LEN];
	uint8_t source[CPNS_SOURCE_LEN];
	uint8_t resp[HS_RESP_MAX];
	size_t resp_len;
	uint8_t *confirm;
	size_t confirm_len;
	uint64_t heard_ms;
	bool answered;
	uint64_t answered_ms;
	uint32_t attempt;
};

/** enum hs_own_state - an own attempt */
enum hs_own_state {
	HS_OWN_NONE,
	HS_OWN_DEFERRED,	/* half open as responder: starts later */
	HS_OWN_WAITING,		/* INIT outstanding */
	HS_OWN_RESTING,		/* a round is over; its INIT may still be answered */
};

/**
 * struct hs_own - an own attempt, up to a valid RESP
 * @node: in the table, by sid_i, while @live
 * @state: enum hs_own_state
 * @live: an INIT is there that may be answered
 * @live_until: ms, where @state is HS_OWN_RESTING
 * @why: why it started
 * @due: ms of the next step
 * @rest: ms of the next rest
 * @sent: INIT sent in this round
 * @deferred: has waited for a half-open handshake, and does not again
 * @held: has been held back, and is not again
 * @held_until: ms
 * @below: only generations below this one are tried next
 * @record: key record in use
 * @sid_i: own sid
 * @offer: suites offered
 * @n_offer: how many
 * @has_e: was an X25519 key sent
 * @e_private: X25519 private key; secret
 * @ks: key schedule; secret
 * @lifetime: offered, seconds
 * @init: INIT without a cookie
 * @core_len: bytes before mac1
 * @init_len: all bytes
 * @has_cookie: is @cookie there
 * @cookie: of the last COOKIE
 * @cookie_sent: an INIT was sent because of a COOKIE
 * @cookie_ms: when
 * @repeated: an INIT was repeated because of the other's
 * @repeated_ms: when
 * @attempt: for the history
 */
struct hs_own {
	struct hs_node node;
	enum hs_own_state state;
	bool live;
	uint64_t live_until;
	enum cpns_hs_why why;
	uint64_t due;
	uint64_t rest;
	unsigned int sent;
	bool deferred;
	bool held;
	uint64_t held_until;
	uint64_t below;
	struct hs_record *record;
	uint32_t sid_i;
	uint16_t offer[CPNS_HS_SUITES_CONFIG];
	unsigned int n_offer;
	bool has_e;
	uint8_t e_private[CPNS_X25519_LEN];
	struct cpns_keysched ks;
	uint32_t lifetime;
	uint8_t init[CPNS_INIT_MAX];
	size_t core_len;
	size_t init_len;
	bool has_cookie;
	uint8_t cookie[CPNS_COOKIE_LEN];
	bool cookie_sent;
	uint64_t cookie_ms;
	bool repeated;
	uint64_t repeated_ms;
	uint32_t attempt;
};

/**
 * struct hs_confirming - an own handshake from a valid RESP on
 * @node: in the table, by sid_i, until there is a newer one
 * @active: has no DATA come yet
 * @doubted: the peer says that it does not know it
 * @record: key record
 * @sid_i: own sid
 * @sid_r: the responder's sid
 * @path: where the valid RESP came from
 * @due: ms of the next CONFIRM
 * @sent: CONFIRM sent by the clock
 * @resp: the valid RESP, hop limit 0
 * @resp_len: its bytes
 * @confirm: CONFIRM as sent
 * @confirm_len: its bytes
 * @attempt: for the history
 */
struct hs_confirming {
	struct hs_node node;
	bool active;
	bool doubted;
	struct hs_record *record;
	uint32_t sid_i;
	uint32_t sid_r;
	struct cpns_path path;
	uint64_t due;
	unsigned int sent;
	uint8_t *resp;
	size_t resp_len;
	uint8_t confirm[HS_CONFIRM_MAX];
	size_t confirm_len;
	uint32_t attempt;
};

/**
 * struct hs_session - what is known of a session in the kernel
 * @node: in the table, by local sid
 * @used: is this place taken
 * @serial: order of installation
 * @s: what the kernel told or was told
 */
struct hs_session {
	struct hs_node node;
	bool used;
	uint64_t serial;
	struct cpns_hs_session s;
};

/**
 * struct hs_peer - the other entity
 * @node: in the table, by EID
 * @next: of the device
 * @party: who it is
 * @params: how this end negotiates; its spans are the peer's own memory
 * @records: key records
 * @has_path: is @path known
 * @path: where it is tried
 * @own: own attempt
 * @conf: own handshake not yet confirmed
 * @session: what runs in the kernel
 * @hinted: a HINT was acted on
 * @hinted_ms: when
 * @attempt: history, a ring
 * @n_attempts: attempts ever; the last one's number
 */
struct hs_peer {
	struct hs_node node;
	struct hs_peer *next;
	struct cpns_party party;
	struct cpns_hs_params params;
	struct hs_record *records;
	bool has_path;
	struct cpns_path path;
	struct hs_own own;
	struct hs_confirming conf;
	struct hs_session session[HS_SESSIONS];
	bool hinted;
	uint64_t hinted_ms;
	struct cpns_hs_attempt attempt[CPNS_HS_ATTEMPTS_KEPT];
	uint32_t n_attempts;
};

/**
 * struct hs_cookies - secrets that cookies are made with
 * @ready: is there one
 * @changed: ms when @key was made
 * @generation: of @key[0]; the one before is @key[1]
 * @n: how many of @key are there
 * @key: newest first; secret
 */
struct hs_cookies {
	bool ready;
	uint64_t changed;
	uint8_t generation;
	unsigned int n;
	uint8_t key[2][CPNS_KEY_LEN];
};

/**
 * struct cpns_hs - a machine
 * @own: the device's entity
 * @ops: callbacks
 * @ctx: for them
 * @hints: may HINTs be sent
 * @table: all objects
 * @peers: list
 * @halves: list, newest first
 * @n_half_open: of them not confirmed
 * @serial: order of handshakes and sessions
 * @deadline: ms when the timer is due
 * @last: time of the last call that told it
 * @cookies: secrets
 * @sources: INIT rate by source
 * @x25519: X25519 rate
 * @hint_bucket: HINT sent
 * @counter: by enum cpns_hs_reason
 * @malformed: by enum cpns_malformed
 */
struct cpns_hs {
	struct cpns_party own;
	struct cpns_hs_ops ops;
	void *ctx;
	bool hints;
	struct hs_table table;
	struct hs_peer *peers;
	struct hs_half *halves;
	unsigned int n_half_open;
	uint64_t serial;
	uint64_t deadline;
	struct cpns_now last;
	struct hs_cookies cookies;
	struct cpns_sources sources;
	struct cpns_bucket x25519;
	struct cpns_bucket hint_bucket;
	uint64_t counter[CPNS_HS_REASON_COUNT];
	uint64_t malformed[CPNS_MALFORMED_COUNT];
};

/* In the order that this end likes best where its configuration has none. */
extern const uint16_t hs_standard_suites[6];

/* handshake.c */
struct hs_record *hs_record_find(const struct cpns_hs *hs, const uint8_t *key_id);
bool hs_same_message(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
struct hs_peer *hs_peer_find(const struct cpns_hs *hs, uint64_t eid);
bool hs_preferred(const struct cpns_hs *hs, const struct hs_peer *peer);
void hs_due(struct cpns_hs *hs, uint64_t ms);
int hs_draw_sid(struct cpns_hs *hs, uint32_t *sid);
int hs_draw_u32(struct cpns_hs *hs, enum cpns_hs_draw what, uint32_t *value);
void hs_send_hint(struct cpns_hs *hs, const struct cpns_path *path, uint64_t dst, uint32_t sid,
		  enum cpns_hint_code code, const uint8_t *mac1, const struct cpns_now *now);

/* hs-session.c: what runs in the kernel, and putting a new session there */
int hs_session_install(struct cpns_hs *hs, struct hs_peer *peer, struct cpns_hs_key *key,
		       const struct cpns_keysched *ks, const struct hs_record *record);
void hs_session_add(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_hs_session *s);
struct hs_session *hs_session_find(struct hs_peer *peer, uint32_t sid_local);
bool hs_session_in_slot(const struct hs_peer *peer, enum cpns_slot slot);
void hs_session_del(struct cpns_hs *hs, struct hs_session *session);
void hs_session_promote(struct cpns_hs *hs, struct hs_peer *peer, struct hs_session *session);
const struct hs_session *hs_session_sending(const struct hs_peer *peer);
unsigned int hs_session_count(const struct hs_peer *peer);

/* hs-attempt.c: the history */
uint32_t hs_attempt_new(struct hs_peer *peer, const struct hs_record *record, bool initiator,
			enum cpns_hs_why why, const struct cpns_path *path,
			const struct cpns_now *now);
struct cpns_hs_attempt *hs_attempt_get(struct hs_peer *peer, uint32_t id);
void hs_attempt_step(struct cpns_hs *hs, struct hs_peer *peer, uint32_t id,
		     enum cpns_hs_step step, enum cpns_hs_reason reason,
		     const struct cpns_now *now);
void hs_attempt_refused(struct cpns_hs *hs, struct hs_peer *peer, const uint8_t *key_id,
			const struct cpns_path *path, enum cpns_hs_reason reason,
			const struct cpns_now *now);

/* hs-cookie.c */
int hs_cookie_make(struct cpns_hs *hs, const struct cpns_path *path,
		   const struct cpns_msg_init *init, const struct cpns_now *now,
		   uint8_t *cookie);
bool hs_cookie_good(struct cpns_hs *hs, const struct cpns_path *path,
		    const struct cpns_msg_init *init, const struct cpns_now *now);

/* hs-initiator.c */
void hs_own_start(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_hs_why why,
		  const struct cpns_now *now);
void hs_own_cancel(struct cpns_hs *hs, struct hs_peer *peer, enum cpns_hs_reason reason,
		   const struct cpns_now *now);
void hs_own_timer(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now);
void hs_own_endpoint(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now);
void hs_own_repeat(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_path *path,
		   const struct cpns_now *now);
void hs_own_hold(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now);
void hs_own_lower_generation(struct cpns_hs *hs, struct hs_peer *peer,
			     const struct cpns_now *now);
void hs_conf_cancel(struct cpns_hs *hs, struct hs_peer *peer);
void hs_conf_timer(struct cpns_hs *hs, struct hs_peer *peer, const struct cpns_now *now);
enum cpns_hs_reason hs_resp(struct cpns_hs *hs, const struct cpns_path *path,
			    const struct cpns_msg *msg, const uint8_t *datagram, size_t len,
			    const struct cpns_now *now);
enum cpns_hs_reason hs_cookie_received(struct cpns_hs *hs, const struct cpns_path *path,
				       const struct cpns_msg *msg, const struct cpns_now *now);

/* hs-responder.c */
enum cpns_hs_reason hs_init(struct cpns_hs *hs, const struct cpns_path *path,
			    const struct cpns_msg *msg, const uint8_t *datagram,
			    const struct cpns_now *now);
enum cpns_hs_reason hs_confirm(struct cpns_hs *hs, const struct cpns_path *path,
			       const struct cpns_msg *msg, const uint8_t *datagram, size_t len,
			       const struct cpns_now *now);
void hs_half_timer(struct cpns_hs *hs, const struct cpns_now *now);
void hs_half_forget(struct cpns_hs *hs, const struct hs_peer *peer,
		    const struct hs_record *record);
void hs_half_mark_overlapped(struct cpns_hs *hs, const struct hs_peer *peer);
bool hs_half_youngest(const struct cpns_hs *hs, const struct hs_peer *peer, uint64_t *started);
bool hs_half_unsure(const struct cpns_hs *hs, const struct hs_peer *peer, uint64_t *heard);

#endif /* _CPNS_HS_INTERNAL_H */
