// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors of DATA: seal and open, the replay window, and a whole receiver
 * that is to drop.
 */
#include <string.h>

#include "../../kernel/replay.h"
#include "codec.h"
#include "data.h"
#include "vectors.h"

enum { AAD_MAX = BYTES_MAX, HOP_LIMIT_AT = 2 };

/**
 * struct window - a replay window with its memory
 * @r: the window
 * @space: for the ring of the largest one
 */
struct window {
	struct cpns_replay r;
	__u64 space[CPNS_WINDOW_MAX / 64];
};

static bool window_init(struct window *w, uint64_t size)
{
	if (size < CPNS_WINDOW_MIN || size > CPNS_WINDOW_MAX || size % CPNS_WINDOW_STEP ||
	    cpns_replay_bytes((uint32_t)size) > sizeof(w->space)) {
		tell_wrong("window of %llu numbers is not possible", (unsigned long long)size);
		return false;
	}
	cpns_replay_init(&w->r, (uint32_t)size, w->space);
	return true;
}

static bool accepts(enum cpns_replay_verdict verdict)
{
	return verdict == CPNS_REPLAY_OK || verdict == CPNS_REPLAY_NEWEST;
}

void run_windows(const json_t *list)
{
	const json_t *e, *step;
	struct window w;
	size_t i, k;

	json_array_foreach(list, i, e) {
		begin_case("windows", json_string_value(json_object_get(e, "name")));
		if (!window_init(&w, get_number(e, "window"))) {
			end_case();
			continue;
		}
		json_array_foreach(get_list(e, "steps"), k, step) {
			const char *verdict = json_string_value(json_array_get(step, 1));
			uint64_t seq = (uint64_t)json_integer_value(json_array_get(step, 0));
			bool accept = verdict && !strcmp(verdict, "accept");

			if (!json_is_integer(json_array_get(step, 0)) ||
			    (!accept && (!verdict || strcmp(verdict, "reject"))))
				tell_wrong("step %zu has another form", k);
			if (accepts(cpns_replay_check(&w.r, seq)) != accept ||
			    accepts(cpns_replay_commit(&w.r, seq)) != accept)
				tell_wrong("step %zu: seq %llu", k, (unsigned long long)seq);
		}
		end_case();
	}
}

/* ---- seal and open ---- */

/* The keys and the header of one direction of a session. */
static const struct cpns_traffic *direction_keys(const struct handshake *h, bool initiator,
						 struct cpns_msg_header *header)
{
	memset(header, 0, sizeof(*header));
	header->type = CPNS_MSG_DATA;
	header->sid = initiator ? h->sid_r : h->sid_i;
	header->dst = initiator ? h->record.peer.eid : h->record.own.eid;
	header->src = initiator ? h->record.own.eid : h->record.peer.eid;
	return initiator ? &h->ks.i : &h->ks.r;
}

static const struct handshake *session_of(const json_t *e, bool *initiator)
{
	const struct handshake *h = handshake_find(get_string(e, "handshake"));
	const char *direction = get_string(e, "direction");

	*initiator = !strcmp(direction, "i");
	if (!*initiator && strcmp(direction, "r"))
		tell_wrong("direction is neither i nor r");
	if (!h)
		tell_wrong("no such handshake");
	else
		expect_hex(e, "suite", h->suite, 2);
	return h;
}

/* Tag and AAD as the datagram has them, by the page's definition. */
static void check_aad(const json_t *e, const struct bytes *datagram, const struct bytes *payload)
{
	uint8_t aad[AAD_MAX];
	size_t plain = datagram->data[1] & CPNS_F_ENCRYPTED ?
		       (size_t)datagram->data[3] * CPNS_CLEAR_UNIT : payload->len;

	if (datagram->len < CPNS_DATA_OVERHEAD || plain > payload->len ||
	    CPNS_DATA_HEADER_LEN + plain > sizeof(aad)) {
		tell_wrong("datagram is too short");
		return;
	}
	memcpy(aad, datagram->data, CPNS_DATA_HEADER_LEN);
	aad[HOP_LIMIT_AT] = 0;
	memcpy(aad + CPNS_DATA_HEADER_LEN, payload->data, plain);
	expect_bytes(e, "aad", aad, CPNS_DATA_HEADER_LEN + plain);
	expect_bytes(e, "tag", datagram->data + datagram->len - CPNS_TAG_LEN, CPNS_TAG_LEN);
}

static void run_packet(const json_t *e)
{
	struct bytes payload, datagram;
	uint8_t sealed[BYTES_MAX], opened[BYTES_MAX], nonce[CPNS_IV_LEN];
	const struct cpns_traffic *keys;
	struct cpns_msg_header header;
	const struct handshake *h;
	bool initiator;
	struct window w;
	uint64_t seq;
	ssize_t n;

	h = session_of(e, &initiator);
	if (!h)
		return;
	keys = direction_keys(h, initiator, &header);
	header.flags = get_bool(e, "encrypt") ? CPNS_F_ENCRYPTED : 0;
	header.clear = (uint8_t)get_number(e, "clear");
	header.hop_limit = (uint8_t)get_number(e, "hop_limit");
	seq = get_number(e, "seq");
	expect_hex(e, "sid", header.sid, 4);
	expect_hex(e, "dst", header.dst, CPNS_EID_LEN);
	expect_hex(e, "src", header.src, CPNS_EID_LEN);
	cpns_data_nonce(keys->iv, seq, nonce);
	expect_bytes(e, "nonce", nonce, sizeof(nonce));
	get_bytes(e, "payload", &payload);
	get_bytes(e, "datagram", &datagram);

	n = cpns_data_seal(h->suite, keys, &header, seq, payload.data, payload.len, sealed,
			   sizeof(sealed));
	if (n < 0) {
		tell_wrong("seal refused it: %d", (int)n);
		return;
	}
	expect_bytes(e, "datagram", sealed, (size_t)n);
	check_aad(e, &datagram, &payload);

	n = cpns_data_open(h->suite, keys, datagram.data, datagram.len, opened);
	if (n < 0)
		tell_wrong("open refused it: %d", (int)n);
	else
		expect_bytes(e, "payload", opened, (size_t)n);
	if (window_init(&w, CPNS_WINDOW_DEFAULT) &&
	    (!accepts(cpns_replay_check(&w.r, seq)) || !accepts(cpns_replay_commit(&w.r, seq))))
		tell_wrong("a new window rejects it");
	expect_bool(e, "ip",
		    cpns_inner_check(payload.data, payload.len, NULL, NULL) == CPNS_INNER_OK);
}

void run_data(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("data", json_string_value(json_object_get(e, "name")));
		run_packet(e);
		end_case();
	}
}

void run_unprotected(const json_t *list)
{
	struct bytes datagram;
	struct cpns_msg msg;
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		uint8_t opened[BYTES_MAX], built[CPNS_DATA_HEADER_LEN] = { 0 };
		const struct handshake *h;

		begin_case("unprotected", "datagram");
		get_bytes(e, "datagram", &datagram);
		if (cpns_msg_parse(datagram.data, datagram.len, &msg) != CPNS_WELL_FORMED ||
		    msg.h.type != CPNS_MSG_DATA || msg.h.flags != CPNS_F_UNPROTECTED) {
			tell_wrong("malformed, or no DATA with U");
			end_case();
			continue;
		}
		expect_bytes(e, "payload", msg.data.payload.data, msg.data.payload.len);
		h = handshake_between(msg.h.src, msg.h.dst, 0);
		if (!h)
			tell_wrong("it is between two that have no handshake");
		/* The header has nothing to choose but the two EIDs. */
		built[0] = CPNS_VERSION << 4 | CPNS_MSG_DATA;
		built[1] = CPNS_F_UNPROTECTED;
		built[HOP_LIMIT_AT] = CPNS_HOP_LIMIT;
		if (h) {
			cpns_put_u64(built + 8, h->record.peer.eid);
			cpns_put_u64(built + 16, h->record.own.eid);
		}
		if (memcmp(built, datagram.data, sizeof(built)))
			tell_wrong("another header is right");
		if (cpns_inner_check(msg.data.payload.data, msg.data.payload.len, NULL, NULL) !=
		    CPNS_INNER_OK)
			tell_wrong("the payload is no IP packet");
		/* Nothing that a session would accept. */
		if (h && cpns_data_open(h->suite, &h->ks.i, datagram.data, datagram.len,
					opened) >= 0)
			tell_wrong("a session opens it");
		end_case();
	}
}

/* ---- a receiver ---- */

/**
 * struct receiver - one end of a session
 * @h: session
 * @keys: of what it receives
 * @expected: header of what it receives
 * @window: replay window
 * @allow_mac_only: policy
 * @max_clear: policy
 * @sources: allowed inner sources, list of hex strings
 */
struct receiver {
	const struct handshake *h;
	const struct cpns_traffic *keys;
	struct cpns_msg_header expected;
	struct window window;
	bool allow_mac_only;
	uint64_t max_clear;
	const json_t *sources;
};

static uint64_t hard_limit(uint16_t suite)
{
	return suite == CPNS_SUITE_X25519_CHACHA || suite == CPNS_SUITE_PSK_CHACHA ?
	       CPNS_HARD_PACKETS_CHACHA : CPNS_HARD_PACKETS_AES;
}

static bool source_allowed(const json_t *sources, const uint8_t *src, size_t len)
{
	struct bytes b;
	const json_t *s;
	size_t i;

	json_array_foreach(sources, i, s) {
		bytes_from(s, "inner_sources", &b);
		if (b.len == len && !memcmp(b.data, src, len))
			return true;
	}
	return false;
}

/* NULL where the packet is accepted, else the reason. */
static const char *receive(struct receiver *r, const struct bytes *datagram)
{
	uint8_t payload[BYTES_MAX];
	const uint8_t *src;
	enum cpns_replay_verdict verdict;
	struct cpns_msg msg;
	size_t src_len;
	ssize_t n;

	if (cpns_msg_parse(datagram->data, datagram->len, &msg) != CPNS_WELL_FORMED ||
	    msg.h.type != CPNS_MSG_DATA)
		return "malformed";
	if (msg.h.sid != r->expected.sid)
		return "sid_unknown";
	if (msg.h.src != r->expected.src || msg.h.dst != r->expected.dst)
		return "src_dst";
	if (msg.data.seq >= hard_limit(r->h->suite))
		return "hard_limit";
	verdict = cpns_replay_check(&r->window.r, msg.data.seq);
	if (!accepts(verdict))
		return verdict == CPNS_REPLAY_OLD ? "old" : "replay";
	n = cpns_data_open(r->h->suite, r->keys, datagram->data, datagram->len, payload);
	if (n < 0)
		return "tag";
	cpns_replay_commit(&r->window.r, msg.data.seq);
	if (!n)
		return NULL;
	if (msg.h.flags & CPNS_F_ENCRYPTED ? msg.h.clear > r->max_clear : !r->allow_mac_only)
		return "policy";
	if (cpns_inner_check(payload, (size_t)n, &src, &src_len) != CPNS_INNER_OK)
		return "inner";
	if (!source_allowed(r->sources, src, src_len))
		return "inner_src";
	return NULL;
}

static void run_data_reject(const json_t *e)
{
	static const char *const known[] = {
		"sid_unknown", "src_dst", "hard_limit", "old", "replay", "tag", "policy",
		"inner", "inner_src", NULL
	};
	const json_t *policy = get_object(e, "policy"), *first;
	struct bytes datagram;
	struct receiver r;
	const char *reason;
	bool initiator;
	size_t i;

	memset(&r, 0, sizeof(r));
	r.h = session_of(e, &initiator);
	if (!r.h || !window_init(&r.window, get_number(e, "window")))
		return;
	r.keys = direction_keys(r.h, initiator, &r.expected);
	r.allow_mac_only = get_bool(policy, "allow_mac_only");
	r.max_clear = get_number(policy, "max_clear");
	r.sources = get_list(e, "inner_sources");
	json_array_foreach(get_list(e, "first"), i, first) {
		bytes_from(first, "first", &datagram);
		reason = receive(&r, &datagram);
		if (reason)
			tell_wrong("packet %zu of 'first' is dropped: %s", i, reason);
	}
	get_bytes(e, "hex", &datagram);
	reason = receive(&r, &datagram);
	if (!reason)
		tell_wrong("accepted");
	else
		expect_reason(e, known, reason);
}

void run_data_rejects(const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		begin_case("data_rejects", json_string_value(json_object_get(e, "why")));
		run_data_reject(e);
		end_case();
	}
}
