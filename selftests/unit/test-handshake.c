// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake machine step by step: timers to the millisecond, limits,
 * cookies, HINTs, what is answered and what is not, failures of what it needs.
 * What both ends do together under loss is the simulation's.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "hs-internal.h"
#include "util.h"

enum { SENT_MAX = 64 };

/**
 * struct node - a machine and what it did
 * @hs: machine
 * @record: its key record
 * @path: where the other end is
 * @n_sent: datagrams sent since the last take()
 * @len: of each
 * @sent: them
 * @to: where they went
 * @n_installed: keys installed
 * @key: the last one
 * @keepalives: asked for
 * @removed: sid that was to be removed
 * @endpoints: endpoints set
 * @reports: reports made
 * @seed: of the random numbers
 * @jitter: value drawn for it
 * @fail: draws of this kind fail; -1 = none
 * @refuse: what installing returns
 */
struct node {
	struct cpns_hs *hs;
	struct cpns_key_record record;
	struct cpns_path path;
	unsigned int n_sent;
	size_t len[SENT_MAX];
	uint8_t sent[SENT_MAX][1300];
	struct cpns_path to[SENT_MAX];
	unsigned int n_installed;
	struct cpns_hs_key key;
	unsigned int keepalives;
	uint32_t removed;
	unsigned int endpoints;
	unsigned int reports;
	uint64_t seed;
	uint32_t jitter;
	int fail;
	int refuse;
};

static struct node a, b;	/* A is a PNE and so preferred, B a Server */
static struct cpns_now now;

static void on_send(void *ctx, const struct cpns_path *path, const void *datagram, size_t len)
{
	struct node *n = ctx;

	assert_true(n->n_sent < SENT_MAX && len <= sizeof(n->sent[0]));
	n->to[n->n_sent] = *path;
	n->len[n->n_sent] = len;
	memcpy(n->sent[n->n_sent++], datagram, len);
}

static int on_install(void *ctx, const struct cpns_hs_key *key)
{
	struct node *n = ctx;

	if (n->refuse)
		return n->refuse;
	n->n_installed++;
	n->key = *key;
	return 0;
}

static void on_endpoint(void *ctx, uint64_t eid, const struct cpns_path *path)
{
	(void)eid;
	(void)path;
	((struct node *)ctx)->endpoints++;
}

static void on_keepalive(void *ctx, uint64_t eid, uint32_t sid)
{
	(void)eid;
	(void)sid;
	((struct node *)ctx)->keepalives++;
}

static void on_remove(void *ctx, uint64_t eid, uint32_t sid)
{
	(void)eid;
	((struct node *)ctx)->removed = sid;
}

static void on_report(void *ctx, uint64_t eid, const struct cpns_hs_attempt *attempt)
{
	(void)eid;
	assert_non_null(cpns_hs_step_name(attempt->step));
	assert_non_null(cpns_hs_reason_name(attempt->reason));
	((struct node *)ctx)->reports++;
}

static int on_random(void *ctx, enum cpns_hs_draw what, void *buf, size_t len)
{
	struct node *n = ctx;
	uint8_t *p = buf;

	if (n->fail == (int)what)
		return -EIO;
	if (what == CPNS_DRAW_JITTER) {
		cpns_put_u32(buf, n->jitter);
		return 0;
	}
	while (len--) {
		n->seed = n->seed * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (uint8_t)(n->seed >> 56);
	}
	return 0;
}

static const struct cpns_hs_ops ops = {
	.send = on_send, .install = on_install, .set_endpoint = on_endpoint,
	.keepalive = on_keepalive, .remove = on_remove, .report = on_report,
	.random = on_random,
};

static void address(struct cpns_path *path, uint32_t addr)
{
	memset(path, 0, sizeof(*path));
	path->remote.family = AF_INET;
	path->remote.port = 4701;
	addr = htonl(addr);
	memcpy(path->remote.addr, &addr, 4);
}

static void node_open(struct node *n, bool is_a, const struct cpns_hs_params *params)
{
	struct cpns_key_record *r = &n->record;

	memset(n, 0, sizeof(*n));
	n->seed = is_a;
	n->jitter = 0x80000000;
	n->fail = -1;
	address(&n->path, is_a ? 0xc0000202 : 0xc0000201);
	r->kind = CPNS_KEY_STATIC;
	r->generation = 1;
	memset(r->key_id, 1, sizeof(r->key_id));
	memset(r->key, 2, sizeof(r->key));
	assert_int_equal(cpns_party_set(is_a ? &r->own : &r->peer, "a", 1, CPNS_ROLE_PNE, NULL), 0);
	assert_int_equal(cpns_party_set(is_a ? &r->peer : &r->own, "b", 1, CPNS_ROLE_SERVER,
					NULL), 0);
	n->hs = cpns_hs_new(&r->own, &ops, n, true);
	assert_non_null(n->hs);
	assert_int_equal(cpns_hs_peer_set(n->hs, &r->peer, params), 0);
	assert_int_equal(cpns_hs_record_add(n->hs, r, NULL), 0);
	assert_int_equal(cpns_hs_endpoint(n->hs, r->peer.eid, &n->path, &now), 0);
}

static int setup(void **state)
{
	(void)state;
	now = (struct cpns_now){ .ms = 500000, .real = 1800000000 };
	node_open(&a, true, NULL);
	node_open(&b, false, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cpns_hs_free(a.hs);
	cpns_hs_free(b.hs);
	cpns_hs_free(NULL);
	return 0;
}

static uint64_t peer_of(const struct node *n)
{
	return n->record.peer.eid;
}

static void start(struct node *n)
{
	assert_int_equal(cpns_hs_start(n->hs, peer_of(n), CPNS_WHY_COMMAND, &now), 0);
}

static void pass(uint64_t ms)
{
	now.ms += ms;
	cpns_hs_timer(a.hs, &now);
	cpns_hs_timer(b.hs, &now);
}

/* A datagram that @from has sent, to the other end. */
static enum cpns_hs_reason give_from(struct node *to, const struct node *from, unsigned int i,
				     const struct cpns_path *path)
{
	assert_true(i < from->n_sent);
	return cpns_hs_datagram(to->hs, path, from->sent[i], from->len[i], &now);
}

static enum cpns_hs_reason give(struct node *to, const struct node *from)
{
	assert_true(from->n_sent);
	return give_from(to, from, from->n_sent - 1, &to->path);
}

static void clear(void)
{
	a.n_sent = 0;
	b.n_sent = 0;
}

static unsigned int type_of(const struct node *n)
{
	assert_true(n->n_sent);
	return n->sent[n->n_sent - 1][0] & 15;
}

/* A session that A has begun, up to CONFIRM at B. */
static void establish(void)
{
	start(&a);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
}

/* ---- initiator ---- */

static void waits_and_rests(void **state)
{
	static const unsigned int waits[] = { 1000, 2000, 4000, 8000, 16000 };
	static const unsigned int rests[] = { 30, 60, 120, 240, 480, 600, 600 };
	unsigned int round, i;

	(void)state;
	a.jitter = 0x80000000;
	start(&a);
	for (round = 0; round < ARRAY_SIZE(rests); round++) {
		uint8_t first[1300];

		assert_int_equal(a.n_sent, 1);
		memcpy(first, a.sent[0], a.len[0]);
		for (i = 0; i < ARRAY_SIZE(waits); i++) {
			assert_int_equal(cpns_hs_deadline(a.hs) - now.ms, waits[i]);
			pass(waits[i] - 1);
			assert_int_equal(a.n_sent, i + 1);
			pass(1);
			assert_int_equal(a.n_sent, i + 2);
			/* The same to the byte. */
			assert_memory_equal(a.sent[i + 1], first, a.len[0]);
		}
		assert_int_equal(cpns_hs_counter(a.hs, CPNS_HS_NO_ANSWER), round + 1);
		clear();
		pass(rests[round] * 1000 - 1);
		assert_int_equal(a.n_sent, 0);
		pass(1);
		/* A new nonce. */
		assert_int_equal(a.n_sent, 1);
		assert_memory_not_equal(a.sent[0], first, a.len[0]);
	}
}

static void deviation(void **state)
{
	(void)state;
	a.jitter = 0;
	start(&a);
	assert_int_equal(cpns_hs_deadline(a.hs) - now.ms, 750);
	a.jitter = UINT32_MAX;
	pass(750);
	assert_int_equal(a.n_sent, 2);
	/* 2 s and a quarter, but for the last fraction. */
	assert_int_equal(cpns_hs_deadline(a.hs) - now.ms, 2499);
}

/* The last INIT of a round may be answered in the rest, for 35 s. */
static void late_answer(void **state)
{
	(void)state;
	start(&a);
	pass(1000);
	pass(2000);
	pass(4000);
	pass(8000);
	pass(16000);
	assert_int_equal(a.n_sent, 6);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	pass(29000);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.n_installed, 1);
	assert_int_equal(type_of(&a), CPNS_MSG_CONFIRM);
}

static void start_again(void **state)
{
	struct cpns_hs_status s;

	(void)state;
	start(&a);
	start(&a);
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(cpns_hs_start(a.hs, peer_of(&a), CPNS_WHY_ACQUIRE, &now), 0);
	assert_int_equal(a.n_sent, 1);
	pass(1000);
	pass(2000);
	pass(4000);
	pass(8000);
	pass(16000);
	assert_int_equal(a.n_sent, 6);
	/* Traffic does not end a rest, a person does. */
	assert_int_equal(cpns_hs_start(a.hs, peer_of(&a), CPNS_WHY_ACQUIRE, &now), 0);
	assert_int_equal(a.n_sent, 6);
	assert_int_equal(cpns_hs_status_get(a.hs, peer_of(&a), &s, &now), 0);
	assert_int_equal(s.step, CPNS_STEP_RESTING);
	assert_int_equal(s.next_ms, now.ms + 30000);
	start(&a);
	assert_int_equal(a.n_sent, 7);
	assert_int_equal(cpns_hs_stop(a.hs, peer_of(&a)), 0);
	assert_int_equal(cpns_hs_stop(a.hs, 1), -ENOENT);
	clear();
	pass(3600000);
	assert_int_equal(a.n_sent, 0);
	assert_int_equal(cpns_hs_start(a.hs, 1, CPNS_WHY_COMMAND, &now), -ENOENT);
	/* Who has a session wants none for traffic. */
	establish();
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	clear();
	assert_int_equal(cpns_hs_start(a.hs, peer_of(&a), CPNS_WHY_ACQUIRE, &now), 0);
	assert_int_equal(cpns_hs_start(a.hs, peer_of(&a), CPNS_WHY_CONFIG, &now), 0);
	assert_int_equal(a.n_sent, 0);
}

static void no_endpoint(void **state)
{
	struct cpns_hs_attempt at;

	(void)state;
	assert_int_equal(cpns_hs_endpoint(a.hs, peer_of(&a), NULL, &now), 0);
	assert_int_equal(cpns_hs_endpoint(a.hs, 1, NULL, &now), -ENOENT);
	start(&a);
	assert_int_equal(a.n_sent, 0);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.reason, CPNS_HS_NO_ENDPOINT);
	assert_int_equal(at.step, CPNS_STEP_RESTING);
	assert_int_equal(cpns_hs_endpoint(a.hs, peer_of(&a), &a.path, &now), 0);
	assert_int_equal(a.n_sent, 1);
	/* Lost on the way: nothing is sent to nowhere. */
	assert_int_equal(cpns_hs_endpoint(a.hs, peer_of(&a), NULL, &now), 0);
	pass(1000);
	assert_int_equal(a.n_sent, 1);
}

static void confirm_repeated(void **state)
{
	unsigned int i;

	(void)state;
	start(&a);
	give(&b, &a);
	clear();
	b.n_sent = 1;	/* the RESP stays there */
	assert_int_equal(give_from(&a, &b, 0, &a.path), CPNS_HS_OK);
	assert_int_equal(a.endpoints, 1);
	assert_int_equal(a.n_installed, 1);
	assert_int_equal(a.key.slot, CPNS_SLOT_NEXT);
	for (i = 1; i < CPNS_HS_CONFIRMS; i++) {
		assert_int_equal(cpns_hs_deadline(a.hs), now.ms + 1000);
		pass(1000);
		assert_int_equal(a.n_sent, i + 1);
		assert_memory_equal(a.sent[i], a.sent[0], a.len[0]);
	}
	assert_int_equal(type_of(&a), CPNS_MSG_CONFIRM);
	/* After 30 it starts anew. */
	pass(1000);
	assert_int_equal(a.n_sent, CPNS_HS_CONFIRMS + 1);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
	assert_int_equal(cpns_hs_counter(a.hs, CPNS_HS_NO_DATA), 1);
}

static void resp_repeated(void **state)
{
	uint8_t other[1300];

	(void)state;
	start(&a);
	give(&b, &a);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_RESP_REPEATED);
	assert_int_equal(a.n_sent, 3);
	assert_memory_equal(a.sent[1], a.sent[2], a.len[1]);
	/* Another hop limit is the same message, anything else is not. */
	memcpy(other, b.sent[0], b.len[0]);
	other[2] = 3;
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, other, b.len[0], &now),
			 CPNS_HS_RESP_REPEATED);
	other[b.len[0] - 1] ^= 1;
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, other, b.len[0], &now),
			 CPNS_HS_RESP_DIFFERENT);
	other[16] ^= 1;
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, other, b.len[0], &now),
			 CPNS_HS_SRC_DST);
	assert_int_equal(a.n_installed, 1);
	/* Also once confirmed, until the session is gone. */
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	assert_int_equal(give(&a, &b), CPNS_HS_RESP_REPEATED);
	cpns_hs_dead(a.hs, peer_of(&a), a.key.sid_local, false, &now);
	assert_int_equal(give(&a, &b), CPNS_HS_SID_UNKNOWN);
	assert_int_equal(cpns_hs_deadline(b.hs), now.ms + 35000);
}

static void install_refused(void **state)
{
	struct cpns_hs_attempt at;

	(void)state;
	a.refuse = -EEXIST;
	start(&a);
	give(&b, &a);
	assert_int_equal(give(&a, &b), CPNS_HS_INSTALL);
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.reason, CPNS_HS_INSTALL);
	assert_int_equal(cpns_hs_counter(a.hs, CPNS_HS_INSTALL), 1);
	/* It goes on after the rest. */
	a.refuse = 0;
	pass(30000);
	assert_int_equal(a.n_sent, 2);
	/* The same at the responder: no CONFIRM counts. */
	b.refuse = -EEXIST;
	cpns_hs_stop(a.hs, peer_of(&a));
	pass(40000);
	clear();
	start(&a);
	give(&b, &a);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&b, &a), CPNS_HS_INSTALL);
	assert_int_equal(cpns_hs_half_open(b.hs), 0);
}

/* Without randomness nothing goes out, and nothing breaks. */
static void no_randomness(void **state)
{
	static const enum cpns_hs_draw draws[] = {
		CPNS_DRAW_SID, CPNS_DRAW_NONCE, CPNS_DRAW_X25519, CPNS_DRAW_JITTER,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(draws); i++) {
		a.fail = draws[i];
		start(&a);
		assert_int_equal(a.n_sent, draws[i] == CPNS_DRAW_JITTER);
		a.fail = -1;
		cpns_hs_stop(a.hs, peer_of(&a));
	}
	clear();
	a.fail = CPNS_DRAW_SID;
	start(&a);
	a.fail = -1;
	pass(30000);
	assert_int_equal(a.n_sent, 1);
	a.fail = CPNS_DRAW_JITTER;
	pass(1000);
	a.fail = -1;
	assert_int_equal(cpns_hs_deadline(a.hs), now.ms + 60000);
	/* The responder. */
	for (i = 0; i < 3; i++) {
		b.fail = draws[i];
		assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_INTERNAL);
		assert_int_equal(b.n_sent, 0);
	}
	b.fail = -1;
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_OK);
}

static void generations(void **state)
{
	struct cpns_key_record newer = a.record;
	struct cpns_msg msg;

	(void)state;
	newer.generation = 2;
	memset(newer.key_id, 9, sizeof(newer.key_id));
	assert_int_equal(cpns_hs_record_add(a.hs, &newer, NULL), 0);
	start(&a);
	cpns_msg_parse(a.sent[0], a.len[0], &msg);
	assert_int_equal(msg.init.key_id[0], 9);
	/* HINT 1 makes it try the lower one at once. */
	assert_int_equal(give(&b, &a), CPNS_HS_KEY_UNKNOWN);
	assert_int_equal(type_of(&b), CPNS_MSG_HINT);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.n_sent, 2);
	cpns_msg_parse(a.sent[1], a.len[1], &msg);
	assert_int_equal(msg.init.key_id[0], 1);
	/* Below it there is none: after a round the highest has its turn again. */
	clear();
	pass(1000);
	pass(2000);
	pass(4000);
	pass(8000);
	pass(16000);
	pass(30000);
	cpns_msg_parse(a.sent[a.n_sent - 1], a.len[a.n_sent - 1], &msg);
	assert_int_equal(msg.init.key_id[0], 9);
	/* One that is not valid any longer is passed over. */
	cpns_hs_stop(a.hs, peer_of(&a));
	cpns_hs_record_del(a.hs, newer.key_id, false);
	newer.not_after = now.real;
	assert_int_equal(cpns_hs_record_add(a.hs, &newer, NULL), 0);
	start(&a);
	cpns_msg_parse(a.sent[a.n_sent - 1], a.len[a.n_sent - 1], &msg);
	assert_int_equal(msg.init.key_id[0], 1);
}

/* ---- cookies ---- */

/* Make B demand cookies: something else is half open under the key. */
static void occupy(void)
{
	struct node other;

	node_open(&other, true, NULL);
	other.seed = 12345;
	start(&other);
	assert_int_equal(cpns_hs_datagram(b.hs, &b.path, other.sent[0], other.len[0], &now),
			 CPNS_HS_OK);
	cpns_hs_free(other.hs);
	b.n_sent = 0;
}

static void cookies(void **state)
{
	uint8_t cookie[64];

	(void)state;
	occupy();
	start(&a);
	assert_int_equal(give(&b, &a), CPNS_HS_COOKIE_DEMANDED);
	assert_int_equal(type_of(&b), CPNS_MSG_COOKIE);
	/* No answer is longer than what it answers. */
	assert_true(b.len[0] < a.len[0]);
	memcpy(cookie, b.sent[0], b.len[0]);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.n_sent, 2);
	assert_int_equal(a.len[1], a.len[0] + CPNS_COOKIE_LEN);
	assert_memory_equal(a.sent[0], a.sent[1], a.len[0] - 1);
	/* At most once a second. */
	pass(999);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.n_sent, 2);
	pass(1);
	assert_int_equal(a.n_sent, 3);	/* by its own clock, with the cookie */
	assert_int_equal(a.len[2], a.len[1]);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.n_sent, 4);
	/* Wrong in any byte: another cookie is sent. */
	a.sent[3][a.len[3] - 1] ^= 1;
	assert_int_equal(give(&b, &a), CPNS_HS_COOKIE_DEMANDED);
	a.sent[3][a.len[3] - 1] ^= 1;
	/* From another address or port it is no cookie. */
	b.path.remote.port++;
	assert_int_equal(give(&b, &a), CPNS_HS_COOKIE_DEMANDED);
	b.path.remote.port--;
	clear();
	a.n_sent = 4;
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(type_of(&b), CPNS_MSG_RESP);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	/* For another INIT, from another one. */
	start(&a);
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, cookie, 57, &now), CPNS_HS_SID_UNKNOWN);
}

static void wrong_cookies(void **state)
{
	(void)state;
	occupy();
	start(&a);
	give(&b, &a);
	b.sent[0][30] ^= 1;
	assert_int_equal(give(&a, &b), CPNS_HS_COOKIE_MISMATCH);
	b.sent[0][30] ^= 1;
	b.sent[0][16] ^= 1;
	assert_int_equal(give(&a, &b), CPNS_HS_SRC_DST);
	assert_int_equal(a.n_sent, 1);
	/* No random key: no cookie, no answer. */
	b.n_sent = 0;
	b.hs->cookies.ready = false;
	b.fail = CPNS_DRAW_COOKIE_KEY;
	assert_int_equal(give(&b, &a), CPNS_HS_COOKIE_DEMANDED);
	assert_int_equal(b.n_sent, 0);
}

/* A key of cookies lives 120 s, and as the last but one 120 s more. */
static void cookie_age(void **state)
{
	static const unsigned int ages[] = { 0, 119, 121, 200, 239, 241, 400 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ages); i++) {
		struct cpns_msg_init init = { .has_cookie = true };
		struct cpns_now later = now;

		memset(&b.hs->cookies, 0, sizeof(b.hs->cookies));
		b.hs->cookies.generation = 254;
		assert_int_equal(hs_cookie_make(b.hs, &b.path, &init, &now, init.cookie), 0);
		assert_int_equal(init.cookie[0], 254);
		later.ms += ages[i] * 1000ULL;
		assert_int_equal(hs_cookie_good(b.hs, &b.path, &init, &later), ages[i] < 240);
		/* Generations go round. */
		if (ages[i] >= 120)
			assert_int_equal(b.hs->cookies.generation, 255);
		later.ms += 600000;
		assert_false(hs_cookie_good(b.hs, &b.path, &init, &later));
	}
}

static void rates(void **state)
{
	struct cpns_path from;
	unsigned int i, demanded = 0;

	(void)state;
	/* More than 20 INITs a second of one source, of whatever worth. */
	start(&a);
	a.sent[0][a.len[0] - 2] ^= 1;
	for (i = 0; i < 25; i++)
		demanded += give(&b, &a) == CPNS_HS_COOKIE_DEMANDED;
	assert_int_equal(demanded, 5);
	a.sent[0][a.len[0] - 2] ^= 1;
	b.n_sent = 0;
	assert_int_equal(give(&b, &a), CPNS_HS_COOKIE_DEMANDED);
	/* Another source is not concerned. */
	address(&from, 0x0a000001);
	assert_int_equal(give_from(&b, &a, 0, &from), CPNS_HS_OK);
	/* More than 100 X25519 a second. */
	cpns_hs_free(b.hs);
	node_open(&b, false, NULL);
	demanded = 0;
	for (i = 0; i < 101; i++) {
		/* Each handshake is given up at once, so that none is half open. */
		cpns_hs_stop(a.hs, peer_of(&a));
		clear();
		start(&a);
		address(&from, 0x0a000100 + 256 * i);
		demanded += give_from(&b, &a, 0, &from) == CPNS_HS_COOKIE_DEMANDED;
		hs_half_forget(b.hs, hs_peer_find(b.hs, peer_of(&b)), NULL);
	}
	assert_int_equal(demanded, 1);
}

/* ---- responder ---- */

static void resp_stored(void **state)
{
	uint8_t resp[1300];

	(void)state;
	start(&a);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	memcpy(resp, b.sent[0], b.len[0]);
	pass(34999);
	a.n_sent = 1;
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_memory_equal(b.sent[b.n_sent - 1], resp, b.len[0]);
	assert_int_equal(b.n_installed, 0);
	/* Then it is remembered, and not answered. */
	pass(1);
	assert_int_equal(cpns_hs_half_open(b.hs), 0);
	assert_int_equal(cpns_hs_counter(b.hs, CPNS_HS_NO_CONFIRM), 1);
	a.n_sent = 1;
	assert_int_equal(give(&b, &a), CPNS_HS_REPLAYED_INIT);
}

static void confirm_answered(void **state)
{
	unsigned int i;

	(void)state;
	establish();
	assert_int_equal(b.n_installed, 1);
	assert_int_equal(b.endpoints, 1);
	assert_int_equal(b.key.slot, CPNS_SLOT_CURRENT);
	assert_int_equal(b.keepalives, 0);
	/* A repeat is answered by DATA, at most once a second. */
	for (i = 0; i < 3; i++)
		assert_int_equal(give(&b, &a), CPNS_HS_CONFIRM_REPEATED);
	assert_int_equal(b.keepalives, 1);
	now.ms += 1000;
	assert_int_equal(give(&b, &a), CPNS_HS_CONFIRM_REPEATED);
	assert_int_equal(b.keepalives, 2);
	assert_int_equal(b.n_installed, 1);
	a.sent[1][a.len[1] - 1] ^= 1;
	assert_int_equal(give(&b, &a), CPNS_HS_AUTH_I);
	a.sent[1][a.len[1] - 1] ^= 1;
	/* The INIT of a confirmed handshake still has its RESP, up to 35 s. */
	b.n_sent = 0;
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_OK);
	assert_int_equal(type_of(&b), CPNS_MSG_RESP);
	now.ms += 34000;
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_REPLAYED_INIT);
	now.ms += 1000;
	cpns_hs_timer(b.hs, &now);
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_REPLAYED_INIT);
	/* The session stands: no word about it to who repeats an old CONFIRM. */
	b.n_sent = 0;
	assert_int_equal(give_from(&b, &a, 1, &b.path), CPNS_HS_SID_UNKNOWN);
	assert_int_equal(b.n_sent, 0);
}

/* The last 64 are remembered. */
static void memory(void **state)
{
	static uint8_t inits[66][1300];
	size_t len = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 66; i++) {
		cpns_hs_stop(a.hs, peer_of(&a));
		clear();
		start(&a);
		len = a.len[0];
		memcpy(inits[i], a.sent[0], len);
		assert_int_equal(give(&b, &a), CPNS_HS_OK);
		now.ms += 36000;
		cpns_hs_timer(b.hs, &now);
	}
	for (i = 0; i < 66; i++) {
		enum cpns_hs_reason reason = cpns_hs_datagram(b.hs, &b.path, inits[65 - i], len,
							      &now);

		assert_int_equal(reason, i < 64 ? CPNS_HS_REPLAYED_INIT :
				 i == 64 ? CPNS_HS_OK : CPNS_HS_COOKIE_DEMANDED);
		now.ms += 100;
	}
}

static void eight_half_open(void **state)
{
	struct cpns_path from;
	struct node n;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		node_open(&n, true, NULL);
		n.seed = 1000 + i;
		start(&n);
		/* Of four sources. */
		address(&from, 0x0a000000 + i % 4);
		n.path = from;
		if (cpns_hs_datagram(b.hs, &from, n.sent[0], n.len[0], &now) ==
		    CPNS_HS_COOKIE_DEMANDED) {
			assert_int_equal(cpns_hs_datagram(n.hs, &n.path, b.sent[b.n_sent - 1],
							  b.len[b.n_sent - 1], &now),
					 CPNS_HS_OK);
			assert_int_equal(cpns_hs_datagram(b.hs, &from, n.sent[1], n.len[1], &now),
					 CPNS_HS_OK);
		}
		assert_int_equal(cpns_hs_half_open(b.hs), i < 8 ? i + 1 : 8);
		cpns_hs_free(n.hs);
		now.ms++;
	}
	/* A ninth of a new source: one at random goes, if one can be drawn. */
	node_open(&n, true, NULL);
	n.seed = 5000;
	start(&n);
	address(&from, 0x0b000000);
	cpns_hs_datagram(b.hs, &from, n.sent[0], n.len[0], &now);
	cpns_hs_datagram(n.hs, &from, b.sent[b.n_sent - 1], b.len[b.n_sent - 1], &now);
	b.fail = CPNS_DRAW_PICK;
	assert_int_equal(cpns_hs_datagram(b.hs, &from, n.sent[1], n.len[1], &now),
			 CPNS_HS_INTERNAL);
	b.fail = -1;
	assert_int_equal(cpns_hs_datagram(b.hs, &from, n.sent[1], n.len[1], &now), CPNS_HS_OK);
	assert_int_equal(cpns_hs_half_open(b.hs), 8);
	cpns_hs_free(n.hs);
}

/* More than 64 half open in all: a cookie, whatever the key. */
static void many_half_open(void **state)
{
	struct cpns_key_record r = a.record;
	struct cpns_path from;
	struct node n;
	unsigned int i, demanded = 0;

	(void)state;
	for (i = 0; i < 66; i++) {
		char name[] = "pne-00";
		struct cpns_key_record at_b;

		name[4] = (char)('a' + i / 26);
		name[5] = (char)('a' + i % 26);
		memset(&n, 0, sizeof(n));
		n.fail = -1;
		n.seed = i;
		r.key_id[0] = (uint8_t)(100 + i);
		assert_int_equal(cpns_party_set(&r.own, name, 6, CPNS_ROLE_PNE, NULL), 0);
		at_b = r;
		at_b.own = r.peer;
		at_b.peer = r.own;
		n.record = r;
		address(&n.path, 0xc0000202);
		n.hs = cpns_hs_new(&r.own, &ops, &n, false);
		assert_int_equal(cpns_hs_peer_set(n.hs, &r.peer, NULL), 0);
		assert_int_equal(cpns_hs_record_add(n.hs, &r, NULL), 0);
		cpns_hs_endpoint(n.hs, r.peer.eid, &n.path, &now);
		assert_int_equal(cpns_hs_peer_set(b.hs, &at_b.peer, NULL), 0);
		assert_int_equal(cpns_hs_record_add(b.hs, &at_b, NULL), 0);
		start(&n);
		address(&from, 0x0a000000 + 256 * i);
		b.n_sent = 0;
		demanded += cpns_hs_datagram(b.hs, &from, n.sent[0], n.len[0], &now) ==
			    CPNS_HS_COOKIE_DEMANDED;
		cpns_hs_free(n.hs);
	}
	assert_int_equal(cpns_hs_half_open(b.hs), 65);
	assert_int_equal(demanded, 1);
}

/* A RESP that would be longer than its INIT has no ext. */
static void no_longer_answer(void **state)
{
	static const uint8_t ext[] = { 9, 0, 40, [42] = 1 };
	struct cpns_hs_params params = { .ext_resp = { ext, sizeof(ext) } };
	struct cpns_msg msg;

	(void)state;
	assert_int_equal(cpns_hs_peer_set(b.hs, &b.record.peer, &params), 0);
	start(&a);
	give(&b, &a);
	assert_true(b.len[0] <= a.len[0]);
	cpns_msg_parse(b.sent[0], b.len[0], &msg);
	assert_int_equal(msg.resp.ext.len, 0);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	/* With room it has it. */
	cpns_hs_free(a.hs);
	params = (struct cpns_hs_params){ .ext_init = { ext, sizeof(ext) } };
	node_open(&a, true, &params);
	hs_half_forget(b.hs, hs_peer_find(b.hs, peer_of(&b)), NULL);
	clear();
	start(&a);
	give(&b, &a);
	cpns_msg_parse(b.sent[0], b.len[0], &msg);
	assert_int_equal(msg.resp.ext.len, sizeof(ext));
}

static void suites(void **state)
{
	struct cpns_hs_params params = { .n_offer = 1, .offer = { CPNS_SUITE_PSK_GCM } };
	struct cpns_hs_attempt at;
	struct cpns_msg msg;

	(void)state;
	/* Pure PSK is offered only where the key permits it. */
	start(&a);
	cpns_msg_parse(a.sent[0], a.len[0], &msg);
	assert_int_equal(msg.init.n_suites, 3);
	assert_int_equal(msg.init.lifetime, CPNS_LIFETIME_X25519);
	cpns_hs_stop(a.hs, peer_of(&a));
	assert_int_equal(cpns_hs_peer_set(a.hs, &a.record.peer, &params), 0);
	clear();
	start(&a);
	assert_int_equal(a.n_sent, 0);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.reason, CPNS_HS_NO_OFFER);
	cpns_hs_stop(a.hs, peer_of(&a));
	assert_int_equal(cpns_hs_record_del(a.hs, a.record.key_id, false), 0);
	a.record.pure_psk = true;
	assert_int_equal(cpns_hs_record_add(a.hs, &a.record, NULL), 0);
	start(&a);
	cpns_msg_parse(a.sent[0], a.len[0], &msg);
	assert_false(msg.init.has_e);
	assert_int_equal(msg.init.lifetime, CPNS_LIFETIME_PSK);
	/* B's record does not permit it. */
	assert_int_equal(give(&b, &a), CPNS_HS_NO_SUITE);
	assert_int_equal(type_of(&b), CPNS_MSG_HINT);
	assert_int_equal(cpns_hs_attempts(b.hs, peer_of(&b), &at, 1), 1);
	assert_int_equal(at.reason, CPNS_HS_NO_SUITE);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.hint, CPNS_HINT_NO_SUITE);
	assert_int_equal(cpns_hs_record_del(b.hs, b.record.key_id, false), 0);
	b.record.pure_psk = true;
	assert_int_equal(cpns_hs_record_add(b.hs, &b.record, NULL), 0);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(a.key.suite, CPNS_SUITE_PSK_GCM);
	assert_int_equal(a.key.lifetime, CPNS_LIFETIME_PSK);
	assert_true(a.key.hard_packets == CPNS_HARD_PACKETS_AES);
}

static void limits(void **state)
{
	struct cpns_hs_params params = {
		.lifetime = 1000, .soft_packets = 5, .hard_packets = 6, .soft_failed = 7,
		.hard_failed = 8, .n_prefer = 1, .prefer = { CPNS_SUITE_X25519_CHACHA },
	};

	(void)state;
	assert_int_equal(cpns_hs_peer_set(b.hs, &b.record.peer, &params), 0);
	establish();
	assert_int_equal(a.key.soft_ms, 800000);
	assert_int_equal(a.key.hard_ms, 1000000);
	assert_true(a.key.soft_packets == CPNS_SOFT_PACKETS_CHACHA);
	assert_true(a.key.hard_failed == CPNS_HARD_FAILED);
	assert_int_equal(b.key.soft_ms, 900000);
	assert_int_equal(b.key.soft_packets, 5);
	assert_int_equal(b.key.hard_packets, 6);
	assert_int_equal(b.key.soft_failed, 7);
	assert_int_equal(b.key.hard_failed, 8);
}

/* ---- both at once ---- */

static void simultaneous(void **state)
{
	struct cpns_path elsewhere;
	unsigned int i;

	(void)state;
	address(&elsewhere, 0xc6336401);
	start(&a);
	start(&b);
	/* The preferred one drops it and repeats its own to where it came from. */
	assert_int_equal(give_from(&a, &b, 0, &elsewhere), CPNS_HS_PREFERRED);
	assert_int_equal(a.n_sent, 2);
	assert_true(cpns_endpoint_equal(&a.to[1].remote, &elsewhere.remote));
	assert_memory_equal(a.sent[0], a.sent[1], a.len[0]);
	for (i = 0; i < 3; i++)
		assert_int_equal(give_from(&a, &b, 0, &elsewhere), CPNS_HS_PREFERRED);
	assert_int_equal(a.n_sent, 2);
	/* Not for a forged one. */
	b.sent[0][b.len[0] - 2] ^= 1;
	now.ms += 1000;
	assert_int_equal(give_from(&a, &b, 0, &elsewhere), CPNS_HS_MAC1);
	assert_int_equal(a.n_sent, 2);
	b.sent[0][b.len[0] - 2] ^= 1;
	assert_int_equal(give_from(&a, &b, 0, &elsewhere), CPNS_HS_PREFERRED);
	assert_int_equal(a.n_sent, 3);
	now.ms -= 1000;

	/* The other one answers, and holds its own for 2 s, once. */
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_OK);
	assert_int_equal(type_of(&b), CPNS_MSG_RESP);
	clear();
	now.ms += 1999;
	cpns_hs_timer(b.hs, &now);
	assert_int_equal(b.n_sent, 0);
	now.ms += 1;
	cpns_hs_timer(b.hs, &now);
	assert_int_equal(b.n_sent, 1);
	assert_int_equal(type_of(&b), CPNS_MSG_INIT);
}

static void gives_up_when_confirmed(void **state)
{
	struct cpns_hs_attempt at[2];

	(void)state;
	start(&b);
	start(&a);
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(b.key.slot, CPNS_SLOT_CURRENT);
	assert_false(b.key.demote_next);
	clear();
	pass(10000);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(cpns_hs_attempts(b.hs, peer_of(&b), at, 2), 2);
	assert_int_equal(at[0].step, CPNS_STEP_DONE);
	assert_int_equal(at[1].reason, CPNS_HS_SUPERSEDED);
}

/* Both answered, both confirm: each order of what arrives. */
static void overlap_at_the_other(void **state)
{
	(void)state;
	/* B's own is in the next slot when A's is confirmed: it gives way. */
	start(&b);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	clear();
	a.n_sent = 1;	/* A's RESP */
	assert_int_equal(give_from(&b, &a, 0, &b.path), CPNS_HS_OK);
	assert_int_equal(b.key.slot, CPNS_SLOT_NEXT);
	pass(5000);
	clear();
	start(&a);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
	give(&b, &a);
	assert_int_equal(type_of(&b), CPNS_MSG_RESP);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(b.key.slot, CPNS_SLOT_CURRENT);
	assert_true(b.key.demote_next);
	/* B repeats its CONFIRM no longer. */
	clear();
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	pass(5000);
	assert_int_equal(b.n_sent, 0);
}

static void overlap_at_the_preferred(void **state)
{
	uint8_t confirm[1300];
	size_t len;

	(void)state;
	start(&b);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	len = b.len[b.n_sent - 1];
	memcpy(confirm, b.sent[b.n_sent - 1], len);	/* late on its way */
	/* A is half open: it starts none before 5 s have gone. */
	clear();
	start(&a);
	assert_int_equal(a.n_sent, 0);
	assert_int_equal(cpns_hs_deadline(a.hs), now.ms + 5000);
	now.ms += 5000;
	cpns_hs_timer(a.hs, &now);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, confirm, len, &now), CPNS_HS_OK);
	assert_int_equal(a.key.slot, CPNS_SLOT_PREVIOUS);
	assert_false(a.key.initiator);
}

static void deferred(void **state)
{
	struct cpns_hs_status s;

	(void)state;
	/* Half open as responder: a start waits, and is dropped when confirmed. */
	start(&a);
	give(&b, &a);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	now.ms += 1000;
	clear();
	a.n_sent = 2;
	start(&b);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(cpns_hs_status_get(b.hs, peer_of(&b), &s, &now), 0);
	assert_int_equal(s.step, CPNS_STEP_DEFERRED);
	assert_int_equal(s.next_ms, now.ms + 4000);
	start(&b);
	assert_int_equal(give_from(&b, &a, 1, &b.path), CPNS_HS_OK);
	clear();
	pass(20000);
	assert_int_equal(b.n_sent, 0);
	assert_int_equal(cpns_hs_status_get(b.hs, peer_of(&b), &s, &now), 0);
	assert_int_equal(s.step, CPNS_STEP_DONE);
	assert_int_equal(s.sessions, 1);
}

/* While the peer may repeat its CONFIRM, only packets make this end start. */
static void unsure(void **state)
{
	(void)state;
	establish();
	clear();
	a.n_sent = 2;	/* INIT and CONFIRM stay there */
	cpns_hs_silence(b.hs, peer_of(&b), &now);
	assert_int_equal(b.n_sent, 0);
	now.ms += 4000;
	assert_int_equal(give_from(&b, &a, 1, &b.path), CPNS_HS_CONFIRM_REPEATED);
	now.ms += 4000;
	cpns_hs_timer(b.hs, &now);
	assert_int_equal(b.n_sent, 0);
	now.ms += 1000;
	cpns_hs_timer(b.hs, &now);
	assert_int_equal(b.n_sent, 1);
	cpns_hs_stop(b.hs, peer_of(&b));
	clear();
	cpns_hs_soft(b.hs, peer_of(&b), b.key.sid_local, &now);
	assert_int_equal(b.n_sent, 1);
}

/* ---- HINT ---- */

static void hint_to(struct node *n, unsigned int code, uint32_t sid, const uint8_t *mac1,
		    enum cpns_hs_reason wanted)
{
	struct cpns_msg msg = { 0 };
	uint8_t datagram[64];
	ssize_t len;

	msg.h.type = CPNS_MSG_HINT;
	msg.h.hop_limit = 8;
	msg.h.sid = sid;
	msg.h.dst = n->record.own.eid;
	msg.h.src = n->record.peer.eid;
	msg.hint.code = (uint16_t)code;
	if (mac1)
		memcpy(msg.hint.mac1, mac1, CPNS_MAC1_LEN);
	len = cpns_msg_build(&msg, datagram, sizeof(datagram));
	assert_true(len > 0);
	assert_int_equal(cpns_hs_datagram(n->hs, &n->path, datagram, (size_t)len, &now), wanted);
}

static void hints(void **state)
{
	struct cpns_hs_attempt at;
	struct cpns_msg msg;
	uint8_t wrong[CPNS_MAC1_LEN] = { 0 };

	(void)state;
	hint_to(&a, CPNS_HINT_BUSY, 0, wrong, CPNS_HS_HINT_IGNORED);
	start(&a);
	cpns_msg_parse(a.sent[0], a.len[0], &msg);
	hint_to(&a, CPNS_HINT_BUSY, 0, wrong, CPNS_HS_HINT_IGNORED);
	hint_to(&a, CPNS_HINT_SESSION_UNKNOWN, 1, NULL, CPNS_HS_HINT_IGNORED);
	hint_to(&a, CPNS_HINT_BUSY, 0, msg.init.mac1, CPNS_HS_OK);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.hint, CPNS_HINT_BUSY);
	/* Once in 30 s. There is no lower generation: nothing else happens. */
	hint_to(&a, CPNS_HINT_KEY_UNKNOWN, 0, msg.init.mac1, CPNS_HS_HINT_IGNORED);
	pass(30000);
	hint_to(&a, CPNS_HINT_KEY_UNKNOWN, 0, msg.init.mac1, CPNS_HS_OK);
	clear();
	/* HINT 5 about the session in use starts a new one, and ends none. */
	cpns_hs_stop(a.hs, peer_of(&a));
	establish();
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	clear();
	pass(30000);
	clear();
	hint_to(&a, CPNS_HINT_SESSION_UNKNOWN, a.key.sid_remote ^ 1, NULL, CPNS_HS_HINT_IGNORED);
	hint_to(&a, CPNS_HINT_SESSION_UNKNOWN, a.key.sid_remote, NULL, CPNS_HS_OK);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
	assert_int_equal(a.removed, 0);
}

/* HINT 5 while CONFIRM is repeated: a new INIT, and CONFIRM goes on. */
static void hint_while_confirming(void **state)
{
	(void)state;
	start(&a);
	give(&b, &a);
	give(&a, &b);
	clear();
	hint_to(&a, CPNS_HINT_SESSION_UNKNOWN, a.key.sid_remote, NULL, CPNS_HS_OK);
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
	pass(1000);
	assert_int_equal(a.n_sent, 3);
	/* The DATA comes after all: the new one is given up. */
	cpns_hs_promoted(a.hs, peer_of(&a), a.key.sid_local, &now);
	clear();
	pass(60000);
	assert_int_equal(a.n_sent, 0);
}

static void hint_then_new_session(void **state)
{
	uint32_t first;

	(void)state;
	start(&a);
	give(&b, &a);
	give(&a, &b);
	first = a.key.sid_local;
	clear();
	hint_to(&a, CPNS_HINT_SESSION_UNKNOWN, a.key.sid_remote, NULL, CPNS_HS_OK);
	/* B has lost its state. */
	cpns_hs_free(b.hs);
	node_open(&b, false, NULL);
	b.seed = 4711;
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	assert_int_equal(give(&a, &b), CPNS_HS_OK);
	assert_int_not_equal(a.key.sid_local, first);
	assert_int_equal(type_of(&a), CPNS_MSG_CONFIRM);
	assert_int_equal(give(&b, &a), CPNS_HS_OK);
	/* Only the new one is repeated. */
	clear();
	pass(1000);
	assert_int_equal(a.n_sent, 1);
}

static void hints_sent(void **state)
{
	struct cpns_msg msg;
	unsigned int i;

	(void)state;
	cpns_hs_unknown_sid(b.hs, 77, peer_of(&b), &b.path, &now);
	assert_int_equal(type_of(&b), CPNS_MSG_HINT);
	cpns_msg_parse(b.sent[0], b.len[0], &msg);
	assert_int_equal(msg.h.sid, 77);
	assert_int_equal(msg.hint.code, CPNS_HINT_SESSION_UNKNOWN);
	/* Not for a stranger, not for none, not for one that is half open. */
	clear();
	cpns_hs_unknown_sid(b.hs, 77, 1234, &b.path, &now);
	cpns_hs_unknown_sid(b.hs, 0, peer_of(&b), &b.path, &now);
	start(&a);
	give(&b, &a);
	cpns_msg_parse(b.sent[0], b.len[0], &msg);
	clear();
	cpns_hs_unknown_sid(b.hs, msg.resp.sid_r, peer_of(&b), &b.path, &now);
	assert_int_equal(b.n_sent, 0);
	/* At most five a second. */
	for (i = 0; i < 20; i++)
		cpns_hs_unknown_sid(b.hs, 77, peer_of(&b), &b.path, &now);
	assert_int_equal(b.n_sent, 4);
}

/* ---- the kernel ---- */

static void kernel_events(void **state)
{
	struct cpns_hs_session s = { .slot = CPNS_SLOT_CURRENT, .sid_local = 5, .sid_remote = 6 };

	(void)state;
	assert_int_equal(cpns_hs_learn(a.hs, 1, &s, &now), -ENOENT);
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), -EEXIST);
	assert_true(cpns_hs_sid_used(a.hs, 5));
	assert_false(cpns_hs_sid_used(a.hs, 6));
	assert_int_equal(a.n_sent, 0);
	/* Unknown ones are ignored. */
	cpns_hs_soft(a.hs, peer_of(&a), 99, &now);
	cpns_hs_soft(a.hs, 1, 5, &now);
	cpns_hs_dead(a.hs, peer_of(&a), 99, true, &now);
	cpns_hs_promoted(a.hs, peer_of(&a), 5, &now);
	cpns_hs_promoted(a.hs, 1, 5, &now);
	assert_int_equal(a.n_sent, 0);
	cpns_hs_soft(a.hs, peer_of(&a), 5, &now);
	assert_int_equal(a.n_sent, 1);
	cpns_hs_stop(a.hs, peer_of(&a));
	/* One that was taken away is not made anew; one that died is. */
	cpns_hs_dead(a.hs, peer_of(&a), 5, false, &now);
	assert_int_equal(a.n_sent, 1);
	s.sid_local = 7;
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	s.sid_local = 8;
	s.slot = CPNS_SLOT_PREVIOUS;
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	cpns_hs_dead(a.hs, peer_of(&a), 8, true, &now);
	assert_int_equal(a.n_sent, 1);
	cpns_hs_dead(a.hs, peer_of(&a), 7, true, &now);
	assert_int_equal(a.n_sent, 2);
	cpns_hs_stop(a.hs, peer_of(&a));
	/* A soft limit that was reached while nobody listened. */
	s.slot = CPNS_SLOT_CURRENT;
	s.soft = true;
	s.sid_local = 9;
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	assert_int_equal(a.n_sent, 3);
	cpns_hs_stop(a.hs, peer_of(&a));
	/* A CONFIRM that is lost with the process before. */
	s.slot = CPNS_SLOT_NEXT;
	s.sid_local = 10;
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	assert_int_equal(a.n_sent, 4);
	cpns_hs_promoted(a.hs, peer_of(&a), 10, &now);
	clear();
	pass(10000);
	assert_int_equal(a.n_sent, 0);
	cpns_hs_silence(a.hs, peer_of(&a), &now);
	assert_int_equal(a.n_sent, 1);
}

static void dead_while_confirming(void **state)
{
	(void)state;
	start(&a);
	give(&b, &a);
	give(&a, &b);
	clear();
	cpns_hs_dead(a.hs, peer_of(&a), a.key.sid_local, true, &now);
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(type_of(&a), CPNS_MSG_INIT);
}

/* Many sessions pass: those that the kernel has let go are let go here. */
static void many_sessions(void **state)
{
	struct cpns_hs_session s = { .slot = CPNS_SLOT_PREVIOUS };
	struct cpns_hs_status status;
	unsigned int i;

	(void)state;
	s.slot = CPNS_SLOT_CURRENT;
	s.sid_local = 1000;
	assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	s.slot = CPNS_SLOT_PREVIOUS;
	for (i = 0; i < 20; i++) {
		s.sid_local = 1 + i;
		assert_int_equal(cpns_hs_learn(a.hs, peer_of(&a), &s, &now), 0);
	}
	assert_int_equal(cpns_hs_status_get(a.hs, peer_of(&a), &status, &now), 0);
	assert_int_equal(status.sessions, HS_SESSIONS);
	assert_true(cpns_hs_sid_used(a.hs, 1000));
	assert_true(cpns_hs_sid_used(a.hs, 20));
	assert_false(cpns_hs_sid_used(a.hs, 1));
}

/* ---- configuration ---- */

static void peers_and_records(void **state)
{
	struct cpns_hs_params params = { .lifetime = 59 };
	struct cpns_key_record r = a.record;
	struct cpns_hs_status status;
	struct cpns_party other = a.record.peer;
	struct cpns_hs_attempt at;
	const char *why;

	(void)state;
	assert_int_equal(cpns_hs_peer_set(a.hs, &a.record.own, NULL), -EINVAL);
	assert_int_equal(cpns_hs_peer_set(a.hs, &a.record.peer, &params), -EINVAL);
	params = (struct cpns_hs_params){ .n_offer = 9 };
	assert_int_equal(cpns_hs_peer_set(a.hs, &a.record.peer, &params), -EINVAL);
	other.role = CPNS_ROLE_PNGW;
	assert_int_equal(cpns_hs_peer_set(a.hs, &other, NULL), -EEXIST);

	/* The same again is nothing new; anything else under that key_id is refused. */
	assert_int_equal(cpns_hs_record_add(a.hs, &r, &why), 0);
	r.key[0] ^= 1;
	why = NULL;
	assert_int_equal(cpns_hs_record_add(a.hs, &r, &why), -EEXIST);
	assert_non_null(why);
	r = a.record;
	r.not_after = 1;
	r.not_before = 2;
	assert_int_equal(cpns_hs_record_add(a.hs, &r, NULL), -EINVAL);
	r = a.record;
	r.own.role = CPNS_ROLE_PNGW;
	assert_int_equal(cpns_hs_record_add(a.hs, &r, &why), -EINVAL);
	r = a.record;
	r.key_id[0]++;
	r.peer.role = CPNS_ROLE_PNGW;
	assert_int_equal(cpns_hs_record_add(a.hs, &r, &why), -ENOENT);
	assert_int_equal(cpns_party_set(&r.peer, "stranger", 8, CPNS_ROLE_PNE, NULL), 0);
	assert_int_equal(cpns_hs_record_add(a.hs, &r, &why), -ENOENT);
	assert_int_equal(cpns_hs_record_del(a.hs, r.key_id, true), -ENOENT);

	assert_int_equal(cpns_hs_status_get(a.hs, peer_of(&a), &status, &now), 0);
	assert_int_equal(status.step, CPNS_STEP_IDLE);
	assert_int_equal(status.n_records, 1);
	assert_int_equal(status.n_valid, 1);
	assert_int_equal(cpns_hs_status_get(a.hs, 1, &status, &now), -ENOENT);
	assert_int_equal(cpns_hs_attempts(a.hs, 1, &at, 1), -ENOENT);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 0);
	assert_int_equal(cpns_hs_peer_del(a.hs, 1), -ENOENT);

	start(&a);
	assert_int_equal(cpns_hs_peer_del(a.hs, peer_of(&a)), 0);
	assert_int_equal(cpns_hs_start(a.hs, peer_of(&a), CPNS_WHY_COMMAND, &now), -ENOENT);
	clear();
	pass(100000);
	assert_int_equal(a.n_sent, 0);
}

static void revoked(void **state)
{
	struct cpns_hs_attempt at;

	(void)state;
	establish();
	assert_int_equal(cpns_hs_record_del(a.hs, a.record.key_id, true), 0);
	assert_int_equal(a.removed, a.key.sid_local);
	/* Taken out without being revoked: the session lives on. */
	assert_int_equal(cpns_hs_record_del(b.hs, b.record.key_id, false), 0);
	assert_int_equal(b.removed, 0);
	assert_true(cpns_hs_sid_used(b.hs, b.key.sid_local));
	/* Without a key a start says so; a key that comes is used after the rest. */
	clear();
	start(&a);
	assert_int_equal(a.n_sent, 0);
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), &at, 1), 1);
	assert_int_equal(at.reason, CPNS_HS_NO_KEY);
	assert_int_equal(cpns_hs_record_add(a.hs, &a.record, NULL), 0);
	pass(30000);
	assert_int_equal(a.n_sent, 1);
	assert_int_equal(cpns_hs_record_del(a.hs, a.record.key_id, true), 0);
	clear();
	pass(100000);
	assert_int_equal(a.n_sent, 0);
}

static void refusals_told(void **state)
{
	struct cpns_hs_attempt at[20];
	unsigned int i, reports;

	(void)state;
	/* The same refusal many times is one entry, counted, and one report. */
	start(&a);
	a.sent[0][a.len[0] - 2] ^= 1;
	reports = b.reports;
	for (i = 0; i < 10; i++)
		assert_int_equal(give(&b, &a), CPNS_HS_MAC1);
	assert_int_equal(b.reports, reports + 1);
	assert_int_equal(cpns_hs_attempts(b.hs, peer_of(&b), at, 20), 1);
	assert_int_equal(at[0].reason, CPNS_HS_MAC1);
	assert_int_equal(at[0].inits, 10);
	assert_int_equal(cpns_hs_counter(b.hs, CPNS_HS_MAC1), 10);
	/* The history keeps the last 16. */
	for (i = 0; i < 40; i++) {
		cpns_hs_stop(a.hs, peer_of(&a));
		clear();
		start(&a);
	}
	assert_int_equal(cpns_hs_attempts(a.hs, peer_of(&a), at, 20), 15 + 1);
	/* Counters of what never was, and malformed ones. */
	assert_int_equal(cpns_hs_counter(a.hs, CPNS_HS_REASON_COUNT), 0);
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, "x", 1, &now), CPNS_HS_MALFORMED);
	assert_int_equal(cpns_hs_malformed_counter(a.hs, CPNS_BAD_SHORT), 1);
	assert_int_equal(cpns_hs_malformed_counter(a.hs, CPNS_MALFORMED_COUNT), 0);
}

/* DATA is the kernel's. */
static void data_is_not_ours(void **state)
{
	uint8_t data[64] = { 0x18, 1, 8, 0, 0, 0, 0, 1 };

	(void)state;
	cpns_put_u64(data + 8, a.record.own.eid);
	cpns_put_u64(data + 16, a.record.peer.eid);
	assert_int_equal(cpns_hs_datagram(a.hs, &a.path, data, sizeof(data), &now),
			 CPNS_HS_SID_UNKNOWN);
	assert_int_equal(a.n_sent, 0);
}

static void names(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < CPNS_HS_REASON_COUNT; i++) {
		assert_non_null(cpns_hs_reason_name((enum cpns_hs_reason)i));
		assert_non_null(cpns_hs_reason_hint((enum cpns_hs_reason)i));
	}
	assert_null(cpns_hs_reason_name(CPNS_HS_REASON_COUNT));
	assert_null(cpns_hs_reason_hint(CPNS_HS_REASON_COUNT));
	for (i = 0; i < CPNS_STEP_COUNT; i++) {
		assert_non_null(cpns_hs_step_name((enum cpns_hs_step)i));
		assert_non_null(cpns_hs_step_text((enum cpns_hs_step)i));
	}
	assert_null(cpns_hs_step_name(CPNS_STEP_COUNT));
	assert_null(cpns_hs_step_text(CPNS_STEP_COUNT));
	for (i = 0; i < CPNS_WHY_COUNT; i++)
		assert_non_null(cpns_hs_why_name((enum cpns_hs_why)i));
	assert_null(cpns_hs_why_name(CPNS_WHY_COUNT));
	for (i = 1; i <= 5; i++)
		assert_non_null(cpns_hint_text(i));
	assert_null(cpns_hint_text(0));
	assert_null(cpns_hint_text(6));
}

struct unit_result test_handshake(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const unit_case tests[] = {
		T(waits_and_rests), T(deviation), T(late_answer), T(start_again),
		T(no_endpoint), T(confirm_repeated), T(resp_repeated), T(install_refused),
		T(no_randomness), T(generations), T(cookies), T(wrong_cookies), T(cookie_age),
		T(rates), T(resp_stored), T(confirm_answered), T(memory), T(eight_half_open),
		T(many_half_open), T(no_longer_answer), T(suites), T(limits), T(simultaneous),
		T(gives_up_when_confirmed), T(overlap_at_the_other),
		T(overlap_at_the_preferred), T(deferred), T(unsure), T(hints),
		T(hint_while_confirming), T(hint_then_new_session), T(hints_sent),
		T(kernel_events), T(dead_while_confirming), T(many_sessions),
		T(peers_and_records), T(revoked), T(refusals_told), T(data_is_not_ours),
		T(names),
	};

	return unit_run(tests, ARRAY_SIZE(tests), NULL, NULL);
}
