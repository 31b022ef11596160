// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake machine's words: names for counters and JSON, sentences for
 * people.
 */
#include "handshake.h"
#include "util.h"

static const struct {
	const char *name;
	const char *hint;
} reasons[CPNS_HS_REASON_COUNT] = {
	[CPNS_HS_OK] = { "ok", "nothing went wrong" },
	[CPNS_HS_MALFORMED] = { "malformed",
		"the datagram is no CPNS message; check what else sends to this port" },
	[CPNS_HS_NOT_FOR_US] = { "not_for_us",
		"the message names another entity; check the entity IDs at both ends" },
	[CPNS_HS_KEY_UNKNOWN] = { "key_unknown",
		"the other end's key-id is not known here; give both ends the same key-id" },
	[CPNS_HS_KEY_NOT_VALID] = { "key_not_valid",
		"the key is expired or not yet valid; check its dates and both clocks" },
	[CPNS_HS_SRC] = { "src",
		"the key belongs to another entity; check the peer's name at this key-id" },
	[CPNS_HS_ROLE] = { "role",
		"the roles are not those of the key; compare the roles at both ends" },
	[CPNS_HS_COOKIE_DEMANDED] = { "cookie_demanded",
		"this end is busy and asked the sender to show that its address is real" },
	[CPNS_HS_MAC1] = { "mac1",
		"key, names, roles or user-id differ; compare both ends letter by letter" },
	[CPNS_HS_REPLAYED_INIT] = { "replayed_init",
		"an old message came again; nothing to do" },
	[CPNS_HS_PREFERRED] = { "preferred",
		"both ends started at once; this end's handshake is the one that is kept" },
	[CPNS_HS_NO_SUITE] = { "no_suite",
		"no cipher suite is allowed at both ends; compare suites and pure-psk" },
	[CPNS_HS_X25519_ZERO] = { "x25519_zero",
		"the other end sent a public key that nobody honest sends" },
	[CPNS_HS_SID_UNKNOWN] = { "sid_unknown",
		"the message belongs to no handshake that is under way here" },
	[CPNS_HS_SRC_DST] = { "src_dst",
		"the message is not from the entity that the handshake is with" },
	[CPNS_HS_RESP_REPEATED] = { "resp_repeated", "a repeated answer was confirmed again" },
	[CPNS_HS_RESP_DIFFERENT] = { "resp_different",
		"a second, different answer came; somebody between the ends may be forging" },
	[CPNS_HS_SUITE_NOT_OFFERED] = { "suite_not_offered",
		"the other end chose a cipher suite that was not offered" },
	[CPNS_HS_AUTH_R] = { "auth_r",
		"the answer was not made with the right key, or was changed on its way" },
	[CPNS_HS_AUTH_I] = { "auth_i",
		"the confirmation was not made with the right key, or was changed on its way" },
	[CPNS_HS_COOKIE_MISMATCH] = { "cookie_mismatch",
		"a cookie came for a message that was not sent" },
	[CPNS_HS_CONFIRM_REPEATED] = { "confirm_repeated",
		"a repeated confirmation was answered with an empty packet" },
	[CPNS_HS_HINT_IGNORED] = { "hint_ignored",
		"a hint came that fits nothing under way, or too soon after another" },
	[CPNS_HS_INSTALL] = { "install",
		"the kernel refused the keys; see the log for its words" },
	[CPNS_HS_INTERNAL] = { "internal",
		"memory, random numbers or cryptography failed here; see the log" },
	[CPNS_HS_NO_ANSWER] = { "no_answer",
		"nothing came back; check endpoint, firewalls, and that the peer has this key" },
	[CPNS_HS_NO_CONFIRM] = { "no_confirm",
		"the other end did not confirm; the answer may not reach it, or its key differs" },
	[CPNS_HS_NO_DATA] = { "no_data",
		"the session is set up but no packet came back; check for losses on the way" },
	[CPNS_HS_NO_ENDPOINT] = { "no_endpoint",
		"the peer's address is not known; set endpoint, or wait until the peer calls" },
	[CPNS_HS_NO_KEY] = { "no_key",
		"no key for this peer is valid now; check not-before, not-after and the clock" },
	[CPNS_HS_NO_OFFER] = { "no_offer",
		"no cipher suite is left to offer; allow one with X25519, or pure-psk of the key" },
	[CPNS_HS_SUPERSEDED] = { "superseded", "another handshake with this peer took its place" },
	[CPNS_HS_REMOVED] = { "removed", "the peer or its key was taken out of the configuration" },
};

const char *cpns_hs_reason_name(enum cpns_hs_reason reason)
{
	return reason < CPNS_HS_REASON_COUNT ? reasons[reason].name : NULL;
}

const char *cpns_hs_reason_hint(enum cpns_hs_reason reason)
{
	return reason < CPNS_HS_REASON_COUNT ? reasons[reason].hint : NULL;
}

static const struct {
	const char *name;
	const char *text;
} steps[CPNS_STEP_COUNT] = {
	[CPNS_STEP_IDLE] = { "idle", "nothing has been sent" },
	[CPNS_STEP_DEFERRED] = { "deferred",
		"waits for the handshake that the peer has begun" },
	[CPNS_STEP_INIT_SENT] = { "init-sent", "INIT was sent, no answer yet" },
	[CPNS_STEP_COOKIE] = { "cookie",
		"the peer is busy and asked for a cookie; INIT was sent again with it" },
	[CPNS_STEP_RESTING] = { "resting", "a round of INITs is over; the next one follows" },
	[CPNS_STEP_RESP_SENT] = { "resp-sent", "the peer's INIT was answered, no CONFIRM yet" },
	[CPNS_STEP_CONFIRM_SENT] = { "confirm-sent",
		"the peer has answered and CONFIRM was sent, no packet on the new key yet" },
	[CPNS_STEP_DONE] = { "done", "the session is set up" },
};

const char *cpns_hs_step_name(enum cpns_hs_step step)
{
	return step < CPNS_STEP_COUNT ? steps[step].name : NULL;
}

const char *cpns_hs_step_text(enum cpns_hs_step step)
{
	return step < CPNS_STEP_COUNT ? steps[step].text : NULL;
}

const char *cpns_hs_why_name(enum cpns_hs_why why)
{
	static const char *const name[CPNS_WHY_COUNT] = {
		[CPNS_WHY_CONFIG] = "config",
		[CPNS_WHY_COMMAND] = "command",
		[CPNS_WHY_ACQUIRE] = "traffic",
		[CPNS_WHY_REKEY] = "rekey",
		[CPNS_WHY_DEAD] = "key-dead",
		[CPNS_WHY_SILENCE] = "silence",
		[CPNS_WHY_HINT] = "hint",
		[CPNS_WHY_UNCONFIRMED] = "unconfirmed",
		[CPNS_WHY_PEER] = "peer",
	};

	return why < CPNS_WHY_COUNT ? name[why] : NULL;
}

const char *cpns_hint_text(unsigned int code)
{
	static const char *const text[] = {
		[CPNS_HINT_KEY_UNKNOWN] = "unproven: the peer does not know this key-id",
		[CPNS_HINT_NO_SUITE] = "unproven: the peer allows no cipher suite that was offered",
		[CPNS_HINT_KEY_NOT_VALID] = "unproven: for the peer the key is not valid now",
		[CPNS_HINT_BUSY] = "unproven: the peer is busy",
		[CPNS_HINT_SESSION_UNKNOWN] = "unproven: the peer does not know the session",
	};

	return code < ARRAY_SIZE(text) ? text[code] : NULL;
}
