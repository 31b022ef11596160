// SPDX-License-Identifier: GPL-2.0
/*
 * Simulation of handshakes: thousands of seeded runs of two machines through
 * networks that lose, repeat, reorder and lie. After quiet time both ends must
 * hold the same keys, or both have nothing where they should.
 *
 *	cpns-simulation [-r RUNS] [-s SEED] [-v] [SCENARIO]
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "hs-internal.h"
#include "sim.h"
#include "util.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	QUIET = 25 * MINUTE,	/* longer than two of the longest rests */
	RECORDED = 64,
};

/* ---- telling ---- */

static const char *run_name;
static uint64_t run_seed;
static bool run_wrong, run_trace;
static unsigned long both_confirmed;	/* runs of "overlap" that are worth something */

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
	va_list args;

	printf("# %s, seed %llu: ", run_name, (unsigned long long)run_seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	run_wrong = true;
}

/* ---- parts of scenarios ---- */

static void boot_both(struct sim_world *w)
{
	sim_boot(&w->end[0], false);
	sim_boot(&w->end[1], false);
}

static void start(struct sim_end *end)
{
	cpns_hs_start(end->hs, end->record[0].peer.eid, CPNS_WHY_CONFIG, &end->world->now);
}

static void run_for(struct sim_world *w, uint64_t ms)
{
	sim_run(w, w->now.ms + ms);
}

static void bad_network(struct sim_world *w)
{
	w->loss = (unsigned int)sim_random(w, 400);
	w->repeat = (unsigned int)sim_random(w, 300);
	w->delay_min = (unsigned int)sim_random(w, 50);
	w->delay_max = w->delay_min + (unsigned int)sim_random(w, 3000);
}

static void good_network(struct sim_world *w)
{
	w->loss = 0;
	w->repeat = 0;
	w->delay_min = 5;
	w->delay_max = 30;
	w->tap = NULL;
}

static struct sim_end *preferred(struct sim_world *w)
{
	const struct cpns_key_record *r = &w->end[0].record[0];

	return &w->end[!cpns_initiator_preferred(r->own.role, r->own.eid, r->peer.role,
						 r->peer.eid)];
}

/*
 * Quiet time, but for what keeps a NAT open, then packets both ways: both ends
 * must have the same keys.
 */
static void settle(struct sim_world *w)
{
	unsigned int i, before[2];

	good_network(w);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = CPNS_NAT_KEEPALIVE * SECOND;
	run_for(w, QUIET);
	if (!sim_agree(w)) {
		wrong("the ends do not agree");
		return;
	}
	for (i = 0; i < 2; i++) {
		before[i] = w->end[i].accepted;
		w->end[i].traffic = SECOND;
		w->end[i].next_packet = w->now.ms;
	}
	run_for(w, 10 * SECOND);
	for (i = 0; i < 2; i++) {
		w->end[i].traffic = 0;
		if (w->end[i].accepted < before[i] + 8)
			wrong("packets do not arrive");
	}
}

/* ---- scenarios ---- */

static void one_starts(struct sim_world *w)
{
	bad_network(w);
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	run_for(w, sim_random(w, 2 * MINUTE));
	settle(w);
}

/*
 * Both at once. With a good network the preferred one's session is the only
 * one; with a bad one either may come first, but both ends agree.
 */
static void both_start(struct sim_world *w)
{
	bool bad = sim_random(w, 2);
	struct sim_end *first = &w->end[sim_random(w, 2)];

	good_network(w);
	if (bad)
		bad_network(w);
	boot_both(w);
	start(first);
	/* On a good network before anything of the first one can have come. */
	run_for(w, sim_random(w, bad ? 3000 : w->delay_min));
	start(&w->end[!first->index]);
	run_for(w, bad ? MINUTE : 3 * SECOND);
	if (!bad && !preferred(w)->slot[CPNS_SLOT_CURRENT].initiator)
		wrong("the session is not that of the preferred initiator");
	settle(w);
}

/**
 * struct overlap - holds back messages of one end until both have confirmed
 * @from: whose CONFIRM is held
 * @len: of the one held
 * @bytes: it
 */
struct overlap {
	unsigned int from;
	size_t len;
	uint8_t bytes[SIM_DATAGRAM];
};

static bool hold_confirm(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	struct overlap *o = w->tap_ctx;

	if (from != o->from || (bytes[0] & 15) != CPNS_MSG_CONFIRM)
		return true;
	memcpy(o->bytes, bytes, *len);
	o->len = *len;
	return false;
}

/*
 * Handshakes that overlap and both confirm: the CONFIRM of one is held back
 * while the other comes through, at any time up to the end of the half-open
 * one. The preferred initiator's session must end up current at both ends.
 */
static void overlap(struct sim_world *w)
{
	struct sim_end *first = &w->end[sim_random(w, 2)], *second = &w->end[!first->index];
	struct overlap o = { .from = first->index };

	good_network(w);
	boot_both(w);
	w->tap = hold_confirm;
	w->tap_ctx = &o;
	start(first);
	/* The second is half open: it starts none before 5 s have gone. */
	run_for(w, 200 + sim_random(w, 800));
	start(second);
	run_for(w, 5 * SECOND + sim_random(w, 20 * SECOND));
	w->tap = NULL;
	if (o.len)
		sim_inject(w, second->index, &second->path, o.bytes, o.len, sim_random(w, 50));
	run_for(w, 5 * SECOND);
	if (!sim_agree(w))
		wrong("the ends do not agree at once");
	else if (first->peer_confirmed && second->peer_confirmed &&
		 !preferred(w)->slot[CPNS_SLOT_CURRENT].initiator)
		wrong("of two sessions the preferred initiator's is not current");
	both_confirmed += first->peer_confirmed && second->peer_confirmed;
	settle(w);
}

static void restart_of_one(struct sim_world *w)
{
	unsigned int times = 1 + (unsigned int)sim_random(w, 3), i;

	bad_network(w);
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = 500 + sim_random(w, 5 * SECOND);
	while (times--) {
		struct sim_end *end = &w->end[sim_random(w, 2)];

		run_for(w, sim_random(w, MINUTE));
		sim_halt(end, true);
		run_for(w, sim_random(w, 10 * SECOND));
		sim_boot(end, false);
		if (sim_random(w, 2))
			start(end);
	}
	/* Traffic goes on: who lost its state is found out by silence. */
	good_network(w);
	run_for(w, 2 * MINUTE);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = 0;
	settle(w);
}

static void daemon_restart(struct sim_world *w)
{
	unsigned int times = 1 + (unsigned int)sim_random(w, 4), i;

	bad_network(w);
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = 500 + sim_random(w, 5 * SECOND);
	while (times--) {
		struct sim_end *end = &w->end[sim_random(w, 2)];

		run_for(w, sim_random(w, MINUTE));
		sim_halt(end, false);
		run_for(w, sim_random(w, 10 * SECOND));
		sim_boot(end, true);
	}
	good_network(w);
	run_for(w, 2 * MINUTE);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = 0;
	settle(w);
}

/* Both ends start, and whatever happens there is never a key. */
static void hopeless(struct sim_world *w)
{
	bad_network(w);
	boot_both(w);
	start(&w->end[0]);
	run_for(w, sim_random(w, 10 * SECOND));
	start(&w->end[1]);
	run_for(w, 5 * MINUTE);
	good_network(w);
	run_for(w, QUIET);
	if (!sim_nothing(w) || w->end[0].installs || w->end[1].installs)
		wrong("a session came up");
}

static void wrong_key(struct sim_world *w)
{
	w->end[1].record[0].key[sim_random(w, CPNS_KEY_LEN)] ^= 1;
	hopeless(w);
}

static void wrong_user(struct sim_world *w)
{
	unsigned int i;

	/* Only a static key, which has no user, goes with equal roles. */
	w->end[0].record[0].own.role = CPNS_ROLE_PNE;
	w->end[0].record[0].peer.role = CPNS_ROLE_SERVER;
	w->end[1].record[0].own.role = CPNS_ROLE_SERVER;
	w->end[1].record[0].peer.role = CPNS_ROLE_PNE;
	for (i = 0; i < 2; i++) {
		w->end[i].record[0].kind = CPNS_KEY_EUKEY;
		cpns_user_id_set(&w->end[i].record[0].user_id, i ? "bob" : "alice", i ? 3 : 5,
				 NULL);
	}
	hopeless(w);
}

static void wrong_role(struct sim_world *w)
{
	/* B holds that A has another role. */
	w->end[1].record[0].peer.role = w->end[0].record[0].own.role % CPNS_ROLE_PNE + 1;
	hopeless(w);
}

static void expired_key(struct sim_world *w)
{
	w->end[sim_random(w, 2)].record[0].not_after = w->now.real;
	hopeless(w);
}

/* A key that becomes valid during the run. */
static void key_valid_later(struct sim_world *w)
{
	w->end[sim_random(w, 2)].record[0].not_before = w->now.real + 60 + sim_random(w, 600);
	bad_network(w);
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 3 * MINUTE);
	good_network(w);
	run_for(w, QUIET);
	settle(w);
}

static void no_common_suite(struct sim_world *w)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct cpns_hs_params *p = &w->end[i].params;

		p->n_offer = 1;
		p->n_prefer = 1;
		p->offer[0] = i ? CPNS_SUITE_X25519_GCM : CPNS_SUITE_X25519_CHACHA;
		p->prefer[0] = p->offer[0];
	}
	hopeless(w);
}

/* Each datagram comes back to its sender, too. */
static bool reflect(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	uint8_t turned[SIM_DATAGRAM];

	sim_inject(w, from, &w->end[from].path, bytes, *len, sim_random(w, 100));
	/* And once more with the two entities exchanged. */
	memcpy(turned, bytes, *len);
	memcpy(turned + 8, bytes + 16, 8);
	memcpy(turned + 16, bytes + 8, 8);
	sim_inject(w, from, &w->end[from].path, turned, *len, sim_random(w, 100));
	return true;
}

static void reflection(struct sim_world *w)
{
	bad_network(w);
	boot_both(w);
	w->tap = reflect;
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 2 * MINUTE);
	settle(w);
}

static void reflection_alone(struct sim_world *w)
{
	/* The other end is away: nobody must be talked into a session by himself. */
	good_network(w);
	sim_boot(&w->end[0], false);
	w->tap = reflect;
	start(&w->end[0]);
	run_for(w, 10 * MINUTE);
	if (!sim_nothing(w) || w->end[0].installs)
		wrong("an end has a session with itself");
}

/* The list of suites of each INIT loses its X25519 ones, or is reordered. */
static bool strip_suites(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	struct cpns_msg msg;

	(void)from;
	if (cpns_msg_parse(bytes, *len, &msg) || msg.h.type != CPNS_MSG_INIT ||
	    sim_random(w, 4) == 0)
		return true;
	if (sim_random(w, 2)) {
		uint8_t *suite = bytes + CPNS_HEADER_LEN + 4 + CPNS_NONCE_LEN +
				 CPNS_KEY_ID_LEN + 2 + 4 + 1;

		suite[0] ^= 1;
		return true;
	}
	msg.init.n_suites = 1;
	msg.init.suites[0] = CPNS_SUITE_PSK_GCM;
	msg.init.has_e = false;
	*len = (size_t)cpns_msg_build(&msg, bytes, SIM_DATAGRAM);
	return true;
}

static void stripped_suites(struct sim_world *w)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		w->end[i].record[0].pure_psk = true;
	bad_network(w);
	boot_both(w);
	w->tap = strip_suites;
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 3 * MINUTE);
	settle(w);
}

/* Bits of any message are flipped now and then. */
static bool flip_bits(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	(void)from;
	if (sim_random(w, 2))
		bytes[sim_random(w, *len)] ^= (uint8_t)(1 << sim_random(w, 8));
	return true;
}

static void flipped_bits(struct sim_world *w)
{
	bad_network(w);
	boot_both(w);
	w->tap = flip_bits;
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 2 * MINUTE);
	settle(w);
}

/**
 * struct recorder - what somebody on the way has written down
 * @n: how many ever
 * @to: where it went
 * @len: bytes
 * @bytes: them
 */
struct recorder {
	unsigned int n;
	unsigned int to[RECORDED];
	size_t len[RECORDED];
	uint8_t bytes[RECORDED][SIM_DATAGRAM];
};

static bool record(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	struct recorder *r = w->tap_ctx;
	unsigned int i = r->n++ % RECORDED;

	r->to[i] = !from;
	r->len[i] = *len;
	memcpy(r->bytes[i], bytes, *len);
	return true;
}

static void stranger(struct sim_world *w, struct cpns_path *path)
{
	memset(path, 0, sizeof(*path));
	path->remote.family = AF_INET;
	path->remote.port = 1024 + (uint16_t)sim_random(w, 60000);
	sim_bytes(w, path->remote.addr, 4);
}

/* Everything recorded is sent again, from anywhere, at any later time. */
static void replay_all(struct sim_world *w, const struct recorder *r, unsigned int times)
{
	while (times--) {
		unsigned int i = (unsigned int)sim_random(w, r->n < RECORDED ? r->n : RECORDED);
		struct cpns_path path = w->end[r->to[i]].path;

		if (sim_random(w, 2))
			stranger(w, &path);
		if (r->n)
			sim_inject(w, r->to[i], &path, r->bytes[i], r->len[i],
				   sim_random(w, 10 * SECOND));
	}
}

static void replays(struct sim_world *w)
{
	struct recorder *r = calloc(1, sizeof(*r));
	unsigned int rounds = 3, installs;

	if (!r)
		abort();
	good_network(w);
	boot_both(w);
	w->tap = record;
	w->tap_ctx = r;
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 10 * SECOND);
	/* After the 35 s in which a RESP is repeated nothing may move. */
	run_for(w, 40 * SECOND);
	installs = w->end[0].installs + w->end[1].installs;
	while (rounds--) {
		replay_all(w, r, 40);
		run_for(w, 15 * SECOND);
		if (!sim_agree(w))
			wrong("a replay breaks the session");
		if (cpns_hs_half_open(w->end[0].hs) + cpns_hs_half_open(w->end[1].hs))
			wrong("a replayed INIT is answered");
	}
	if (w->end[0].installs + w->end[1].installs != installs)
		wrong("a replay installs a session");
	w->tap = NULL;
	free(r);
	settle(w);
}

/*
 * INITs with a good mac1 in numbers, from everywhere: somebody recorded what
 * never arrived. The real one must get through all the same.
 */
static void half_open_flood(struct sim_world *w)
{
	struct recorder *r = calloc(1, sizeof(*r));
	unsigned int i, target, seconds = 40;

	if (!r)
		abort();
	target = (unsigned int)sim_random(w, 2);
	good_network(w);
	w->tap = record;
	w->tap_ctx = r;
	/* The target is away while the other one makes INITs. */
	for (i = 0; i < 30; i++) {
		sim_boot(&w->end[!target], false);
		start(&w->end[!target]);
		run_for(w, 100);
		sim_halt(&w->end[!target], true);
	}
	run_for(w, SECOND);
	w->tap = NULL;
	boot_both(w);
	start(&w->end[!target]);
	while (seconds--) {
		replay_all(w, r, 100);
		run_for(w, SECOND);
		if (cpns_hs_half_open(w->end[target].hs) > CPNS_HS_HALF_OPEN_KEY)
			wrong("more than 8 are half open");
	}
	if (!sim_agree(w))
		wrong("the flood keeps the real one out");
	w->n_queue = 0;
	free(r);
	settle(w);
}

/* One source sends INITs faster than 20 a second: the real one needs a cookie. */
static void cookie_demanded(struct sim_world *w)
{
	unsigned int target = (unsigned int)sim_random(w, 2), i;
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	bad_network(w);
	w->loss /= 2;
	w->tap = record;
	w->tap_ctx = r;
	sim_boot(&w->end[!target], false);
	start(&w->end[!target]);
	run_for(w, 100);
	sim_halt(&w->end[!target], true);
	run_for(w, 5 * SECOND);
	boot_both(w);
	start(&w->end[!target]);
	for (i = 0; i < 60 * 25; i++) {
		uint8_t forged[SIM_DATAGRAM];

		/* From the real one's own address, with a bad mac1. */
		memcpy(forged, r->bytes[0], r->len[0]);
		forged[40] ^= (uint8_t)(1 + sim_random(w, 255));
		sim_inject(w, target, &w->end[target].path, forged, r->len[0], 0);
		run_for(w, 40);
	}
	if (!cpns_hs_counter(w->end[target].hs, CPNS_HS_COOKIE_DEMANDED))
		wrong("no cookie was demanded");
	if (!w->loss && !sim_agree(w))
		wrong("no session under the flood");
	w->tap = NULL;
	free(r);
	settle(w);
}

/* One end has a newer generation that the other does not know. */
static void generations(struct sim_world *w)
{
	struct sim_end *newer = &w->end[sim_random(w, 2)];

	newer->record[1] = newer->record[0];
	newer->n_records = 2;
	newer->record[1].generation = 2;
	sim_bytes(w, newer->record[1].key_id, CPNS_KEY_ID_LEN);
	sim_bytes(w, newer->record[1].key, CPNS_KEY_LEN);
	bad_network(w);
	boot_both(w);
	start(newer);
	run_for(w, 2 * MINUTE);
	settle(w);
}

/* HINTs of every code, with what a listener can know in them. */
static bool hint_all(struct sim_world *w, unsigned int from, uint8_t *bytes, size_t *len)
{
	struct cpns_msg hint = { 0 }, msg;
	uint8_t datagram[64];
	unsigned int code;
	ssize_t n;

	if (cpns_msg_parse(bytes, *len, &msg))
		return true;
	for (code = CPNS_HINT_KEY_UNKNOWN; code <= CPNS_HINT_SESSION_UNKNOWN; code++) {
		hint.h.type = CPNS_MSG_HINT;
		hint.h.hop_limit = CPNS_HOP_LIMIT;
		hint.h.dst = msg.h.src;
		hint.h.src = msg.h.dst;
		hint.hint.code = (uint16_t)code;
		if (msg.h.type == CPNS_MSG_INIT)
			memcpy(hint.hint.mac1, msg.init.mac1, CPNS_MAC1_LEN);
		if (code == CPNS_HINT_SESSION_UNKNOWN)
			hint.h.sid = msg.h.sid;
		n = cpns_msg_build(&hint, datagram, sizeof(datagram));
		if (n > 0)
			sim_inject(w, from, &w->end[from].path, datagram, (size_t)n,
				   sim_random(w, 50));
	}
	return true;
}

static void hint_flood(struct sim_world *w)
{
	unsigned int minutes = 3;

	good_network(w);
	boot_both(w);
	w->tap = hint_all;
	start(&w->end[sim_random(w, 2)]);
	run_for(w, MINUTE);
	if (!sim_agree(w))
		wrong("HINTs keep a session from coming up");
	while (minutes--) {
		run_for(w, MINUTE);
		if (!sim_agree(w))
			wrong("HINTs end a session");
	}
	settle(w);
}

/* Hours of traffic with rekeys and no loss: not one packet may be lost. */
static void rekey(struct sim_world *w)
{
	unsigned int i, unknown[2], bad_tag[2];

	good_network(w);
	for (i = 0; i < 2; i++)
		w->end[i].params.lifetime = 60 + (uint32_t)sim_random(w, 240);
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 5 * SECOND);
	for (i = 0; i < 2; i++) {
		unknown[i] = w->end[i].unknown;
		bad_tag[i] = w->end[i].bad_tag;
		w->end[i].traffic = 200 + sim_random(w, 2 * SECOND);
	}
	run_for(w, 20 * MINUTE);
	for (i = 0; i < 2; i++) {
		if (w->end[i].unknown != unknown[i] || w->end[i].bad_tag != bad_tag[i])
			wrong("%u packets lost at end %u",
			      w->end[i].unknown - unknown[i], i);
		if (w->end[i].installs < 5)
			wrong("there were no rekeys");
		w->end[i].traffic = 0;
	}
	settle(w);
}

/* The same through a bad network, which may lose packets but not the session. */
static void rekey_lossy(struct sim_world *w)
{
	unsigned int i;

	bad_network(w);
	for (i = 0; i < 2; i++) {
		w->end[i].params.lifetime = 60 + (uint32_t)sim_random(w, 600);
		w->end[i].traffic = 500 + sim_random(w, 10 * SECOND);
	}
	boot_both(w);
	start(&w->end[sim_random(w, 2)]);
	run_for(w, 20 * MINUTE);
	for (i = 0; i < 2; i++)
		w->end[i].traffic = 0;
	settle(w);
}

/* The other end is away for long, then comes: no start is forgotten. */
static void long_away(struct sim_world *w)
{
	good_network(w);
	sim_boot(&w->end[0], false);
	start(&w->end[0]);
	run_for(w, MINUTE + sim_random(w, 60 * MINUTE));
	sim_boot(&w->end[1], false);
	settle(w);
}

static void key_revoked(struct sim_world *w)
{
	good_network(w);
	boot_both(w);
	start(&w->end[0]);
	run_for(w, 5 * SECOND);
	if (!sim_agree(w))
		wrong("no session");
	cpns_hs_record_del(w->end[0].hs, w->end[0].record[0].key_id, true);
	cpns_hs_record_del(w->end[1].hs, w->end[1].record[0].key_id, true);
	run_for(w, QUIET);
	if (!sim_nothing(w))
		wrong("a session outlives its revoked key");
}

static const struct {
	const char *name;
	void (*run)(struct sim_world *w);
	unsigned int runs;	/* of a hundred */
} scenarios[] = {
	{ "one-starts", one_starts, 8 },
	{ "both-start", both_start, 12 },
	{ "overlap", overlap, 12 },
	{ "restart", restart_of_one, 8 },
	{ "daemon-restart", daemon_restart, 8 },
	{ "wrong-key", wrong_key, 2 },
	{ "wrong-user", wrong_user, 2 },
	{ "wrong-role", wrong_role, 2 },
	{ "expired-key", expired_key, 2 },
	{ "key-valid-later", key_valid_later, 2 },
	{ "no-common-suite", no_common_suite, 2 },
	{ "reflection", reflection, 4 },
	{ "reflection-alone", reflection_alone, 1 },
	{ "stripped-suites", stripped_suites, 4 },
	{ "flipped-bits", flipped_bits, 4 },
	{ "replayed", replays, 4 },
	{ "half-open-flood", half_open_flood, 2 },
	{ "cookie-demanded", cookie_demanded, 2 },
	{ "generations", generations, 4 },
	{ "hint-flood", hint_flood, 3 },
	{ "rekey", rekey, 3 },
	{ "rekey-lossy", rekey_lossy, 4 },
	{ "long-away", long_away, 4 },
	{ "revoked", key_revoked, 1 },
};

static void one_run(size_t which, uint64_t seed)
{
	static const unsigned int roles[][2] = {
		{ CPNS_ROLE_PNE, CPNS_ROLE_PNGW }, { CPNS_ROLE_PNGW, CPNS_ROLE_SERVER },
		{ CPNS_ROLE_SERVER, CPNS_ROLE_PNE }, { CPNS_ROLE_PNE, CPNS_ROLE_PNE },
	};
	size_t r = seed % ARRAY_SIZE(roles);
	struct sim_world world;

	run_name = scenarios[which].name;
	run_seed = seed;
	run_wrong = false;
	sim_init(&world, seed, roles[r][0], roles[r][1]);
	world.trace = run_trace;
	scenarios[which].run(&world);
	sim_free(&world);
}

int main(int argc, char **argv)
{
	unsigned long runs = 2000, done, passed = 0, failed = 0;
	uint64_t seed = 1;
	size_t i;
	int opt;

	while ((opt = getopt(argc, argv, "r:s:v")) != -1) {
		if (opt == 'r') {
			runs = strtoul(optarg, NULL, 10);
		} else if (opt == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else if (opt == 'v') {
			run_trace = true;
		} else {
			fprintf(stderr, "usage: %s [-r RUNS] [-s SEED] [-v] [SCENARIO]\n", argv[0]);
			return 2;
		}
	}
	for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
		unsigned long n = (runs * scenarios[i].runs + 99) / 100, wrong_before = failed;

		if (argv[optind]) {
			if (strcmp(argv[optind], scenarios[i].name))
				continue;
			n = runs;
		}
		for (done = 0; done < n; done++) {
			one_run(i, seed + done);
			if (run_wrong)
				failed++;
			else
				passed++;
		}
		printf("# %-16s %lu runs, %lu failed\n", scenarios[i].name, n,
		       failed - wrong_before);
	}
	if (!passed && !failed) {
		printf("# no such scenario\n");
		failed = 1;
	}
	if (!argv[optind] && !both_confirmed) {
		printf("# no run of overlap had two sessions confirmed\n");
		failed++;
	}
	printf("# %lu runs had two overlapping sessions confirmed\n", both_confirmed);
	printf("%lu passed, %lu failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
